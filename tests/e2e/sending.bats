#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Functions that send elsewhere (xfn_event_send): what leaves their port, to whom, and what is counted of the rest.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib

# The other one, who gets what is sent on; at the client's end of the wire.
OTHER4=198.18.0.3
OTHER6=fd00:18::3

setup() {
	e2e_setup
	FORWARD=$(share_program "$TOOLS/forward")
	add_addresses "$CLIENT" c0 "$OTHER4/24" "$OTHER6/64"
	start_daemon
}

teardown() {
	e2e_teardown
}

# apply_forward OPTIONS FROM FROM_PORT TO TO_PORT [NEXT_HOP]: function relay at udp/7; OPTIONS are more of xsk.
apply_forward() {
	local options=$1 list
	shift
	list=$(printf ', "%s"' "$@")
	apply >/dev/null <<-END
		version: 1
		attach: [xfn0]
		functions:
		  - name: relay
		    trigger: udp/7
		    xsk: {exec: [$FORWARD$list]$options}
		    latency: {deadline: 500ms}
	END
	until_true 10 state_is ready
}

state_is() { [[ $(xfn show relay -j | jq -r .instance.state) == "$1" ]]; }
pid() { xfn show relay -j | jq .instance.pid; }
port() { xfn stats relay -j | jq -r ".functions[0].port.$1"; }
# book NAME...: these counters of the port, in one line.
book() {
	local name
	for name; do port "$name"; done | xargs
}

# listen_at ADDRESS PORT: what comes there, a line each: its sender, its port, its text.
listen_at() {
	nsenter --net="/run/netns/$CLIENT" python3 -u -c 'import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2])))
print("listens")
while True:
    text, sender = s.recvfrom(2048)
    print(sender[0], sender[1], text.decode())' "$1" "$2" >"$HOME_DIR/heard" 3>&- &
	LISTENER_PID=$!
	until_true 5 grep -q listens "$HOME_DIR/heard"
}
end_listening() {
	kill "$LISTENER_PID"
	wait "$LISTENER_PID" 2>/dev/null || true
}
heard() { [[ $(grep -cvx listens "$HOME_DIR/heard") == "$1" ]]; }
heard_only() { [[ $(grep -vx listens "$HOME_DIR/heard" | sort -u) == "$1" ]]; }

@test "with 'send: any' each event goes from another port to another address; without it, it is a bad_reply" {
	local before
	apply_forward ', send: any' - 4711 "$OTHER4" 9000
	listen_at "$OTHER4" 9000
	send 50 7 numbered
	until_true 5 heard 50
	heard_only "198.18.0.1 4711 numbered"
	[[ $(book replied bad_reply bad_source late timeout in_flight) == "50 0 0 0 0 0" ]]
	# The same program at the same port, without: nothing comes, each is counted by name, and unanswered.
	before=$(pid)
	apply_forward '' - 4711 "$OTHER4" 9000
	[[ $(pid) == "$before" ]]
	send 20 7 numbered
	refused() { [[ $(book replied bad_reply bad_source) == "50 20 0" ]]; }
	until_true 5 refused
	timed_out() { [[ $(book timeout in_flight) == "20 0" ]]; }
	until_true 5 timed_out
	# FUNCTION DELIVERED LIMITED UNSERVED REPLIED DROPPED FAILED LOST
	failed() { xfn stats relay | awk '$1 == "relay" {print $7}'; }
	[[ $(failed) == 20 ]]
	heard 50
	# And with it again.
	apply_forward ', send: any' - 4711 "$OTHER4" 9000
	send 5 7 numbered
	until_true 5 heard 55
	[[ $(pid) == "$before" && $(book replied bad_reply) == "55 20" ]]
	end_listening
	audit_is_ok
}

@test "over IPv6, and from an address that is not even this host's" {
	apply_forward ', send: any' fd00:18::77 4711 "$OTHER6" 9000
	listen_at "$OTHER6" 9000
	send 10 7 six fd00:18::1
	until_true 5 heard 10
	heard_only "fd00:18::77 4711 six"
	end_listening
	[[ $(book replied bad_reply) == "10 0" ]]
}

@test "from where the function's triggers are it may send to anybody, without 'send: any', too" {
	apply_forward '' - 0 "$OTHER4" 9000
	listen_at "$OTHER4" 9000
	send 10 7 own
	until_true 5 heard 10
	heard_only "198.18.0.1 7 own"
	end_listening
	[[ $(book replied bad_reply bad_source) == "10 0 0" ]]
}

@test "with 'send: any', too, nothing goes to this host, to groups, or to port 0" {
	local to total=0
	for to in "198.18.0.1 9000" "224.0.0.9 9000" "198.18.0.255 9000" "$OTHER4 0"; do
		# shellcheck disable=SC2086 # two words
		apply_forward ', send: any' - 4711 $to
		send 5 7 nowhere
		total=$((total + 5))
		refused() { [[ $(book replied bad_reply bad_source) == "0 0 $total" ]]; }
		until_true 5 refused
	done
}

@test "it goes to whom the event came from on the wire, or to the next hop that is given" {
	local hop=02:aa:bb:cc:dd:ee mac
	mac=$(ip -n "$CLIENT" -j link show c0 | jq -r '.[0].address')
	# watch_wire: the Ethernet destination of the next datagram to port 9000, whosever it is.
	watch_wire() {
		nsenter --net="/run/netns/$CLIENT" timeout 5 python3 -u -c 'import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
s.bind(("c0", 0x0800))
print("watches")
while True:
    frame = s.recv(2048)
    if frame[36:38] == (9000).to_bytes(2, "big"):
        print(frame[:6].hex(":"))
        break' >"$HOME_DIR/wire" 3>&- &
		until_true 5 grep -q watches "$HOME_DIR/wire"
	}
	seen() { [[ $(tail -n 1 "$HOME_DIR/wire") == "$1" ]]; }
	apply_forward ', send: any' - 4711 203.0.113.9 9000
	watch_wire
	send 1 7 x
	until_true 5 seen "$mac"
	apply_forward ', send: any' - 4711 203.0.113.9 9000 "$hop"
	watch_wire
	send 1 7 x
	until_true 5 seen "$hop"
}
