#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Delivery to sockets of programs as they are: where the packets come in, and on CPUs of their own.
# dig, curl and socat ask; python answers.

# bats sets stderr and output, and runs each test in a shell of its own.
# shellcheck disable=SC2154

load lib

setup() {
	e2e_setup
	start_daemon
}

teardown() { e2e_teardown; }

# manifest_of DELIVERY [MORE]: functions dns, web and echo.
manifest_of() {
	cat <<-EOF
		version: 1
		attach: [xfn0]
		functions:
		  - {name: dns, trigger: udp/53, socket: $1}
		  - {name: web, trigger: tcp/80, socket: $1}
		  - {name: echo, triggers: [udp/7, tcp/7], socket: $1}
	EOF
}

deliver() { manifest_of "$1" | apply; }

# A DNS server that answers each question for an address with 192.0.2.53, a web server, an echo server.
start_servers() {
	mkdir -p "$HOME_DIR/www"
	head -c 300000 /dev/urandom >"$HOME_DIR/www/large"
	nsenter --net="/run/netns/$SERVER" python3 -c 'import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
s.bind(("::", 53))
while True:
    query, peer = s.recvfrom(4096)
    end = query.index(0, 12) + 5
    s.sendto(query[:2] + bytes.fromhex("8400000100010000" "0000") + query[12:end] +
             bytes.fromhex("c00c0001000100000001" "0004c0000235"), peer)' 3>&- &
	nsenter --net="/run/netns/$SERVER" python3 -m http.server -b :: -d "$HOME_DIR/www" 80 \
		>"$HOME_DIR/web.log" 2>&1 3>&- &
	nsenter --net="/run/netns/$SERVER" "$TOOLS/udpecho" 7 3>&- &
	nsenter --net="/run/netns/$SERVER" socat TCP6-LISTEN:7,fork,reuseaddr,ipv6-v6only=0 \
		EXEC:cat 3>&- &
	until_true 5 are_listening
}

are_listening() {
	[[ $(in_server ss -Hlnu sport = 53) && $(in_server ss -Hlnu sport = 7) &&
		$(in_server ss -Hlnt sport = 80) && $(in_server ss -Hlnt sport = 7) ]]
}

# Every server, by real clients, over both families.
all_answer() {
	local address url
	for address in 198.18.0.1 fd00:18::1; do
		url=$address
		[[ $url != *:* ]] || url="[$url]"
		[[ $(in_client dig +tries=2 +time=2 @$address +short any.example A) == 192.0.2.53 ]]
		in_client curl -gsS -m 10 "http://$url/large" | cmp - "$HOME_DIR/www/large"
		[[ $(echo hello | in_client socat -t 2 - "TCP:$url:7") == hello ]]
	done
	[[ $(flood -n 50 -g 500 198.18.0.1 7 | jq .received) == 50 ]]
}

lost() { stat_of ".functions[] | select(.name == \"$1\").lost.$2"; }

# has_lost FUNCTION CAUSE COUNT
has_lost() { (($(lost "$1" "$2") >= $3)); }

audit_says() { { "$XFN" audit -j || true; } | jq -e "$1" >/dev/null; }

@test "existing sockets answer dig, curl and socat; each packet is counted" {
	start_servers
	deliver existing
	all_answer
	[[ $(verdict steered dns) == 2 ]]
	(($(verdict steered web) > 20))
	[[ $(verdict no_target) == 0 ]]
	"$XFN" audit
	audit_says '.books[] | select(.what | contains("'"'dns'"'")) | .ok and .left == 2 and .right == 2'
}

@test "the same on given CPUs; what was handed over is what their queues took and the stack got" {
	start_servers
	deliver '{existing: true, cpus: [0, 1]}'
	all_answer
	all_answer
	"$XFN" audit
	audit_says '[.books[] | select(.what | startswith("CPU ")) | .ok] | length == 4 and all'
	audit_says '[.books[] | select(.what | test("CPU . handed|CPU .: handed")) | .left] | add > 100'
	[[ $(xfn -j show dns | jq -c .socket) == '{"existing":true,"cpus":[0,1]}' ]]
	[[ $(names "$(pin_dir)/losses" | wc -w) == 5 ]]
}

@test "the books of CPUs agree under load, in each of many readings" {
	start_servers
	deliver '{existing: true, cpus: [1]}'
	start_flood load -w 32 -t 20 198.18.0.1 7
	for _ in 1 2 3 4 5; do "$XFN" audit; done
	nothing_lost "$(end_flood load)"
	"$XFN" audit
}

@test "back and forth between the stack here and there under traffic: nothing is lost" {
	start_servers
	deliver existing
	start_flood load -w 4 -t 30 198.18.0.1 7
	for _ in 1 2 3 4; do
		deliver '{existing: true, cpus: [1]}' >/dev/null
		deliver '{existing: true, cpus: [0, 1]}' >/dev/null
		deliver existing >/dev/null
	done
	nothing_lost "$(end_flood load)"
	"$XFN" audit
	[[ $(names "$(pin_dir)/losses") == "" ]]
}

@test "a CPU that is not there is refused, by number and place" {
	run -1 --separate-stderr deliver '{existing: true, cpus: [0, 4000]}'
	[[ $stderr == *"main.yaml:4:5: function 'dns': CPU 4000 is not online on this host"* ]]
	[[ $stderr == *"CPUs of 0"* ]]
	[[ $(revision) == 0 ]]
}

@test "unfinished checksums are warned of for CPUs, and mended by the command that is named" {
	start_servers
	in_client ethtool -K c0 tx on >/dev/null
	deliver '{existing: true, cpus: [0]}' >"$HOME_DIR/applied"
	grep -q "packets moved to a CPU are dropped" "$HOME_DIR/applied"
	run ! in_client curl -gsS -m 2 "http://198.18.0.1/large"
	run bash -c "grep -o 'nsenter --net=[^ ]* ethtool -K c0 tx off' $HOME_DIR/applied | head -n 1"
	# shellcheck disable=SC2086
	$output
	all_answer
}

@test "a real name server and netcat, which know nothing of xfn, behind a limit each" {
	local nsd
	nsd=$("$BATS_TEST_DIRNAME/../nsd.sh" "$HOME_DIR/nsd.conf")
	nsenter --net="/run/netns/$SERVER" "$nsd" -d -c "$HOME_DIR/nsd.conf" >"$HOME_DIR/nsd.log" 2>&1 3>&- &
	(
		for _ in 1 2 3; do echo "from netcat" | in_server nc -N -l 198.18.0.1 7777; done
	) >/dev/null 2>&1 3>&- &
	apply <<-EOF
		version: 1
		attach: [xfn0]
		functions:
		  - name: names
		    triggers: [udp/53, tcp/53]
		    socket: existing
		    limit: {rate: 1/m, burst: 6, excess: reply}
		  - {name: lines, trigger: tcp/7777, socket: existing, limit: {rate: 1/m, burst: 2}}
	EOF
	are_there() { [[ $(in_server ss -Hlnt sport = 53) && $(in_server ss -Hlnt sport = 7777) ]]; }
	until_true 10 are_there

	for _ in 1 2 3; do
		[[ $(in_client dig +tries=1 +time=2 +short @198.18.0.1 ns1.example.com A) == 192.0.2.53 ]]
		[[ $(in_client dig +tcp +tries=1 +time=2 +short @198.18.0.1 www.example.com CNAME) == web.example.com. ]]
	done
	[[ $(in_client dig +tries=1 +time=2 @198.18.0.1 www.example.com A) == *"status: REFUSED"* ]]
	[[ $(in_client nc -d -w 2 198.18.0.1 7777) == "from netcat" ]]
	until_true 5 are_there
	[[ $(in_client nc -d -w 2 198.18.0.1 7777) == "from netcat" ]]
	until_true 5 are_there
	run ! in_client nc -d -w 1 198.18.0.1 7777
	[[ $(verdict rate_limited names) == 1 ]]
	(($(verdict rate_limited lines) >= 1))
	audit_is_ok
}

@test "what a small socket drops is counted, and named by audit" {
	nsenter --net="/run/netns/$SERVER" python3 -c 'import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
s.bind(("198.18.0.1", 9))
time.sleep(100)' 3>&- &
	until_true 5 is_bound
	send 50 9 before
	apply <<-EOF
		version: 1
		attach: [xfn0]
		functions:
		  - {name: small, trigger: udp/9, socket: existing}
	EOF
	[[ $(lost small socket_drops) == 0 ]]
	"$XFN" audit
	send 100 9 behind
	until_true 5 has_lost small socket_drops 90
	(($(lost small socket_drops) <= 100))
	run -1 "$XFN" audit
	[[ $output == *"DIFFERS"*"function 'small': steered, not dropped by its sockets"* ]]
	run -0 "$XFN" stats small
	[[ $output == *socket_drops* ]]
	audit_says '.books[] | select(.what | contains("small")) | .left == 100 and .right < 20'
}

is_bound() { [[ $(in_server ss -Hlnu sport = 9) ]]; }

@test "connections that a full backlog refuses are counted" {
	nsenter --net="/run/netns/$SERVER" python3 -c 'import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("198.18.0.1", 9))
s.listen(1)
time.sleep(100)' 3>&- &
	until_true 5 is_accepting
	apply <<-EOF
		version: 1
		attach: [xfn0]
		functions:
		  - {name: busy, trigger: tcp/9, socket: existing}
	EOF
	in_client python3 -c 'import socket, time
sockets = []
for i in range(12):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.setblocking(False)
    s.connect_ex(("198.18.0.1", 9))
    sockets.append(s)
time.sleep(2)'
	until_true 5 has_lost busy listen_drops 1
	run -1 "$XFN" audit
	[[ $output == *"DIFFERS"*"function 'busy'"* ]]
}

is_accepting() { [[ $(in_server ss -Hlnt sport = 9) ]]; }

@test "a killed daemon's CPUs go on and are adopted, with their books" {
	start_servers
	deliver '{existing: true, cpus: [0, 1]}'
	all_answer
	stop_daemon KILL
	all_answer
	start_daemon
	all_answer
	"$XFN" audit
}
