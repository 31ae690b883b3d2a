#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Delivery to an interface: a container with a server of its own, behind a veth pair.
#
#   client c0 ── xfn0 server v0 ── e0 container: 198.18.9.9 and fd00:99::9 on lo
#
# Nobody routes these two addresses into the container: what arrives there was redirected. Its answers
# go the usual way, through the server's stack.

# bats sets stderr and output, and runs each test in a shell of its own.
# shellcheck disable=SC2154

load lib

BOX=xfn-$E2E-b
VIP=198.18.9.9
VIP6=fd00:99::9

in_box() { nsenter --net="/run/netns/$BOX" "$@"; }

# The wire into the container. Either end may be made anew.
add_box_wire() {
	add_wire "$SERVER" v0 198.18.1.1/24 fd00:1::1/64 -- "$BOX" e0 198.18.1.2/24 fd00:1::2/64
	in_box ethtool -K e0 gro on >/dev/null
	ip -n "$BOX" route add default via 198.18.1.1
	ip -n "$BOX" -6 route add default via fd00:1::1
	until_true 5 is_running v0
}

is_running() { ip -n "$SERVER" link show "$1" | grep -q LOWER_UP; }

setup() {
	e2e_setup
	add_namespaces "$BOX"
	add_box_wire
	in_server sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	add_addresses "$BOX" lo $VIP/32 $VIP6/128
	ip -n "$CLIENT" route add $VIP via 198.18.0.1
	ip -n "$CLIENT" -6 route add $VIP6 via fd00:18::1
	start_server
	start_daemon
}

teardown() { e2e_teardown; }

# A DNS server and a web server, as they are, in the container.
start_server() {
	mkdir -p "$HOME_DIR/www"
	echo "from the container" >"$HOME_DIR/www/hello"
	nsenter --net="/run/netns/$BOX" python3 -m http.server -b :: -d "$HOME_DIR/www" 80 \
		>"$HOME_DIR/web.log" 2>&1 3>&- &
	nsenter --net="/run/netns/$BOX" python3 -c 'import select, socket, sys
sockets = []
for address in sys.argv[1:]:
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.bind((address, 7))
    sockets.append(s)
while True:
    for s in select.select(sockets, [], [])[0]:
        data, peer = s.recvfrom(9000)
        s.sendto(data, peer)' $VIP $VIP6 3>&- &
	until_true 5 is_listening
}

is_listening() { [[ $(in_box ss -Hlnu sport = 7) && $(in_box ss -Hlnt sport = 80) ]]; }

# manifest_of DELIVERY
manifest_of() {
	cat <<-EOF
		version: 1
		attach: [xfn0]
		functions:
		  - name: box
		    triggers:
		      - {protocol: udp, port: 7, destination: [$VIP, "$VIP6"]}
		      - {protocol: tcp, port: 80, destination: [$VIP, "$VIP6"]}
		    $1
	EOF
}

deliver() { manifest_of "$1" | apply; }

fetch() { in_client curl -gsS -m 5 "http://$1/hello"; }

# ask COUNT [ADDRESS]: how many of so many datagrams came back.
ask() { flood -n "$1" -g 300 "${2:-$VIP}" 7 | jq .received; }

answers() { [[ $(ask "$1") == "$1" ]]; }

# has_lost CAUSE COUNT
has_lost() { (($(lost "$1") >= $2)); }

state_is() { [[ $(xfn -j ls | jq -r '.functions[0].state') == "$1" ]]; }

lost() { stat_of ".functions[0].lost.$1"; }

# The member of the audit's answer that jq picks.
audit_says() { { "$XFN" audit -j || true; } | jq -e "$1" >/dev/null; }

@test "a server in a container answers, over IPv4 and IPv6, UDP and TCP" {
	run ! fetch $VIP
	deliver 'netdev: v0'
	[[ $(fetch $VIP) == "from the container" ]]
	[[ $(fetch "[$VIP6]") == "from the container" ]]
	[[ $(ask 20) == 20 ]]
	[[ $(ask 20 $VIP6) == 20 ]]
	(($(verdict steered box) > 40))
	[[ $(verdict no_target box) == 0 ]]
	"$XFN" audit
	audit_says '.books[] | select(.what | startswith("interface '"'v0'"': handed over")) |
		.ok and .left > 40 and .left == .right'
}

sees_one() { ask 1 >/dev/null && test -s "$HOME_DIR/seen"; }

@test "the Ethernet addresses are those of the two ends of the wire; the TTL stays" {
	deliver 'netdev: v0'
	in_box timeout 5 tcpdump -nevi e0 -c 1 -l udp port 7 >"$HOME_DIR/seen" 2>/dev/null 3>&- &
	until_true 5 sees_one
	local source target
	source=$(ip -n "$SERVER" -j link show v0 | jq -r '.[0].address')
	target=$(ip -n "$BOX" -j link show e0 | jq -r '.[0].address')
	grep -q "$source > $target" "$HOME_DIR/seen"
	grep -q "ttl 64" "$HOME_DIR/seen"
	[[ $(xfn -j show box | jq -r .netdev.mac) == "$target" ]]
	[[ $(xfn -j show box | jq -r .netdev.mac_given) == false ]]
}

traced_one() { ask 1 >/dev/null && grep -q '"frame"' "$HOME_DIR/traced"; }

@test "a trace has the packet as it came, with the addresses of the wire it came by" {
	deliver 'netdev: v0'
	"$XFN" trace box -j -c 1 >"$HOME_DIR/traced" 2>/dev/null 3>&- &
	until_true 5 traced_one
	wait $!
	local own
	own=$(ip -n "$SERVER" -j link show xfn0 | jq -r '.[0].address' | tr -d :)
	[[ $(jq -r 'select(.frame).frame' "$HOME_DIR/traced") == "$own"* ]]
}

@test "a MAC that is given is used; one that cannot be found is asked for" {
	local target
	target=$(ip -n "$BOX" -j link show e0 | jq -r '.[0].address')
	ip -n "$SERVER" link add br0 type bridge
	ip -n "$SERVER" link set v0 master br0
	ip -n "$SERVER" link set br0 up
	run -1 --separate-stderr deliver 'netdev: br0'
	[[ $stderr == *"main.yaml:4:5: function 'box': who is behind interface 'br0' is not known"* ]]
	[[ $stderr == *"mac: ADDRESS"* ]]
	[[ $(revision) == 0 ]]
	ip -n "$SERVER" link set v0 nomaster
	deliver "netdev: {interface: v0, mac: \"$target\"}"
	[[ $(ask 5) == 5 ]]
	[[ $(xfn -j show box | jq -r .netdev.mac_given) == true ]]
	xfn show --manifest >"$HOME_DIR/again.yaml"
	grep -q "mac: \"$target\"" "$HOME_DIR/again.yaml"
	run -0 "$XFN" plan --exit-code "$HOME_DIR/again.yaml"
}

@test "an interface that is not there is refused, and so is one that is no Ethernet" {
	run -1 --separate-stderr deliver 'netdev: nope0'
	[[ $stderr == *"interface 'nope0' does not exist in this network namespace"* ]]
	run -1 --separate-stderr deliver 'netdev: lo'
	[[ $stderr == *"interface 'lo'"* ]]
	[[ $(revision) == 0 ]]
}

# mended_by TEXT: apply refuses, with TEXT; after the command that it names it applies.
mended_by() {
	local text=$1 remedy
	run -1 --separate-stderr deliver 'netdev: v0'
	[[ $stderr == *"$text"* ]]
	remedy=$("$XFN" -j plan "$HOME_DIR/main.yaml" | jq -r '.error.details[0].expected')
	echo "remedy: $remedy"
	# shellcheck disable=SC2086
	in_server $remedy
	until_true 5 is_running v0
	deliver 'netdev: v0'
	[[ $(ask 5) == 5 ]]
}

@test "a far end without NAPI is refused, and mended by the command that is named" {
	in_box ethtool -K e0 gro off >/dev/null
	mended_by "its peer has no NAPI"
}

@test "an interface that is down is refused, and mended by the command that is named" {
	ip -n "$SERVER" link set v0 down
	mended_by "interface 'v0' is down"
}

@test "a far end that is down is refused, and mended by the command that is named" {
	ip -n "$BOX" link set e0 down
	run -1 --separate-stderr deliver 'netdev: v0'
	[[ $stderr == *"its peer 'e0' is down"* && $stderr == *"nsenter --net=/run/netns/$BOX ip link set dev e0 up"* ]]
	ip -n "$BOX" link set e0 up
	until_true 5 is_running v0
	deliver 'netdev: v0'
}

@test "a smaller MTU is warned of, and mended by the command that is named" {
	ip -n "$SERVER" link set v0 mtu 1400
	deliver 'netdev: v0' >"$HOME_DIR/applied"
	grep -q "MTU 1400, and packets of up to 1500 bytes come in at 'xfn0'" "$HOME_DIR/applied"
	flood -n 10 -s 1450 -g 200 $VIP 7
	until_true 5 has_lost too_big 10
	run -1 "$XFN" audit
	in_server ip link set dev v0 mtu 1500
	[[ $(flood -n 5 -s 1450 -g 300 $VIP 7 | jq .received) == 5 ]]
}

@test "unfinished checksums are warned of, and mended by the command that is named" {
	in_client ethtool -K c0 tx on >/dev/null
	deliver 'netdev: v0' >"$HOME_DIR/applied"
	grep -q "'c0', the peer of 'xfn0', sends with unfinished checksums" "$HOME_DIR/applied"
	run ! fetch $VIP
	run bash -c "grep -o 'nsenter --net=[^ ]* ethtool -K c0 tx off' $HOME_DIR/applied"
	# shellcheck disable=SC2086
	$output
	[[ $(fetch $VIP) == "from the container" ]]
}

@test "doctor says what apply says" {
	deliver 'netdev: v0'
	doctor_of() { { "$XFN" doctor -j || true; } | jq -r ".checks[] | select(.name == \"$1\").status"; }
	[[ $(doctor_of target_link) == ok && $(doctor_of target_receiver) == ok ]]
	[[ $(doctor_of target_mtu) == ok && $(doctor_of target_checksum) == ok ]]
	in_box ethtool -K e0 gro off >/dev/null
	in_client ethtool -K c0 tx on >/dev/null
	ip -n "$SERVER" link set v0 mtu 1400
	[[ $(doctor_of target_receiver) == fail && $(doctor_of target_mtu) == warn ]]
	[[ $(doctor_of target_checksum) == warn ]]
	ip -n "$SERVER" link set v0 down
	[[ $(doctor_of target_link) == fail ]]
	run -1 "$XFN" doctor
}

@test "what is lost behind the redirect is counted by cause, and audit says so" {
	deliver 'netdev: v0'
	[[ $(ask 5) == 5 ]]
	"$XFN" audit
	in_box ethtool -K e0 gro off >/dev/null
	ask 20
	until_true 5 has_lost no_receiver 20
	in_box ethtool -K e0 gro on >/dev/null
	run -1 "$XFN" audit
	[[ $output == *"DIFFERS"*"interface 'v0': handed over by ingress, taken by its driver"* ]]
	[[ $(ask 5) == 5 ]]
	ip -n "$SERVER" link set v0 down
	ask 20
	until_true 5 has_lost interface_down 20
	run -0 "$XFN" stats box
	[[ $output == *"no_receiver"* && $output == *"interface_down"* ]]
}

@test "an interface that goes is no_target, one that is made anew is delivered to again" {
	deliver 'netdev: v0'
	[[ $(ask 5) == 5 ]]
	ip -n "$SERVER" link del v0
	until_true 5 state_is no_target
	ask 5
	(($(verdict no_target box) >= 5))
	add_box_wire
	until_true 5 state_is live
	[[ $(ask 5) == 5 ]]
	"$XFN" audit
}

@test "an interface of the same number as before is delivered to again" {
	deliver 'netdev: v0'
	local mac index
	mac=$(ip -n "$BOX" -j link show e0 | jq -r '.[0].address')
	index=$(ip -n "$SERVER" -j link show v0 | jq '.[0].ifindex')
	source=$(ip -n "$SERVER" -j link show v0 | jq -r '.[0].address')
	ip -n "$SERVER" link del v0
	ip -n "$SERVER" link add v0 index "$index" address "$source" type veth peer name e0 \
		address "$mac" netns "$BOX"
	in_server ethtool -K v0 tx off >/dev/null
	in_box ethtool -K e0 tx off gro on >/dev/null
	ip -n "$SERVER" link set v0 up
	ip -n "$BOX" link set e0 up
	add_addresses "$SERVER" v0 198.18.1.1/24
	add_addresses "$BOX" e0 198.18.1.2/24
	ip -n "$BOX" route add default via 198.18.1.1
	until_true 5 is_running v0
	until_true 5 answers 5
}

@test "a killed daemon's deliveries go on and are adopted; the last one lets the tracepoints go" {
	deliver 'netdev: v0'
	[[ $(ask 5) == 5 ]]
	[[ $(names "$(pin_dir)/losses" | wc -w) == 5 ]]
	stop_daemon KILL
	[[ $(ask 5) == 5 ]]
	start_daemon
	[[ $(ask 5) == 5 ]]
	"$XFN" audit
	audit_says '.books[] | select(.what | startswith("interface")) | .left >= 15'
	deliver 'socket: existing'
	[[ $(names "$(pin_dir)/losses") == "" ]]
}

@test "delivered elsewhere again and again under traffic: every datagram comes back" {
	deliver 'netdev: v0'
	local mac
	mac=$(ip -n "$BOX" -j link show e0 | jq -r '.[0].address')
	start_flood load -w 4 -t 20 $VIP 7
	for _ in 1 2 3 4 5 6; do
		deliver "netdev: {interface: v0, mac: \"$mac\"}" >/dev/null
		deliver 'netdev: v0' >/dev/null
	done
	nothing_lost "$(end_flood load)"
	"$XFN" audit
}

@test "plan and explain say where to" {
	deliver 'netdev: v0'
	"$XFN" -j explain "udp 198.18.0.2:4000 > $VIP:7" | jq -e '.verdict == "steered" and
		.action == "redirect" and (.stages | tostring | contains("interface '"'v0'"'"))'
	manifest_of 'socket: existing' >"$HOME_DIR/next.yaml"
	"$XFN" -j plan "$HOME_DIR/next.yaml" | jq -e '.changes[] | select(.kind == "delivery") |
		.from == "netdev v0" and .to == "socket"'
	[[ $(xfn -j ls | jq -r '.functions[0].delivery') == netdev ]]
	[[ $(xfn -j | jq .deliveries.netdev) == 1 ]]
}
