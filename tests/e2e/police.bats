#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Limits for each source, new connections, and what is said to those who send too much: real clients.

# bats sets output and stderr, and runs each test in a shell of its own.
# SERVER is set in lib.bash.
# shellcheck disable=SC2154,SC2030,SC2031,SC2153

load lib

setup() {
	e2e_setup
	start_daemon
	xfn attach xfn0 >/dev/null
}

teardown() {
	if [[ -s $HOME_DIR/spoofer ]]; then kill "$(<"$HOME_DIR/spoofer")" 2>/dev/null || true; fi
	e2e_teardown
}

limit() {
	printf 'version: 1\nfunctions:\n  - {name: echo, trigger: udp/7, kernel: %s, limit: %s}\n' "$ECHO" "$1" |
		apply --yes >/dev/null
}

# start_spoofing SOURCES PORT: 10,000 datagrams a second, at most, from random ones of so many addresses.
start_spoofing() {
	local mac
	mac=$(ip -n "$SERVER" -j link show xfn0 | jq -r '.[0].address')
	nsenter --net="/run/netns/$CLIENT" python3 -c 'import random, socket, struct, sys, time
sources, port, mac = int(sys.argv[1]), int(sys.argv[2]), bytes.fromhex(sys.argv[3].replace(":", ""))
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(("c0", 0))
def frame(source):
    head = struct.pack("!BBHHHBBHII", 0x45, 0, 33, 0, 0x4000, 64, 17, 0, source, 0xc6120001)
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xffff) + (total >> 16)
    head = head[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + head[12:]
    return mac + bytes(6) + b"\x08\x00" + head + struct.pack("!HHHH", 9, port, 13, 0) + b"spoof"
frames = [frame(0x0a000000 + i) for i in range(sources)]
while True:
    for _ in range(20):
        wire.send(random.choice(frames))
    time.sleep(0.002)' "$1" "$2" "$mac" 3>&- &
	echo "$!" >"$HOME_DIR/spoofer"
}

stop_spoofing() {
	kill "$(<"$HOME_DIR/spoofer")"
	rm "$HOME_DIR/spoofer"
}

@test "a polite source is served while others flood, spoofed ones and one that is not" {
	ip -n "$CLIENT" address add 198.18.0.3/24 dev c0
	limit "{rate: 100k/s, per_source: {rate: 200/s, burst: 20}}"
	start_spoofing 20000 7
	start_flood loud -b 198.18.0.3 -r 5000 -t 20 -g 100 198.18.0.1 7
	flooded() { [[ $(verdict source_limited echo) -gt 1000 ]]; }
	until_true 10 flooded
	before=$(verdict handled echo)
	result=$(flood -r 100 -t 1.5 -g 200 198.18.0.1 7)
	echo "$result"
	# A busy machine may lose one on the wire; a limit would lose most.
	jq -e '.sent > 100 and .received >= 0.95 * .sent' <<<"$result"
	[ "$(verdict handled echo)" -gt $((before + 1000)) ] # the spoofed ones were there all the while
	result=$(end_flood loud)
	stop_spoofing
	echo "$result"
	# The loud one got its rate, and no more.
	jq -e '(20 + 200 * (.elapsed_ns + 1000000) / 1e9) as $most
		| .received <= $most + 1 and .received >= 0.8 * $most - 1' <<<"$result"
	audit_is_ok
}

@test "one source that floods does not use up what is for all" {
	ip -n "$CLIENT" address add 198.18.0.3/24 dev c0
	limit "{rate: 1/m, burst: 40, per_source: {rate: 1/m, burst: 10}}"
	result=$(flood -b 198.18.0.3 -r 2000 -t 0.3 -g 100 198.18.0.1 7)
	echo "$result"
	[ "$(jq .received <<<"$result")" = 10 ]
	[ "$(verdict rate_limited echo)" = 0 ]
	[ "$(verdict source_limited echo)" = "$(jq '.sent - 10' <<<"$result")" ]
	[ "$(flood -n 10 -g 100 198.18.0.1 7 | jq .received)" = 10 ]
	[ "$(flood -n 5 -g 100 fd00:18::1 7 | jq .received)" = 5 ]
}

@test "what sources were charged outlives xfnd, an apply and a swap" {
	limit "{per_source: {rate: 1/m, burst: 3, entries: 4096}}"
	[ "$(flood -n 6 -g 100 198.18.0.1 7 | jq .received)" = 3 ]
	restart_daemon KILL
	[ "$(who_answers 198.18.0.1 7)" = none ]
	xfn swap echo "$OBJECTS/answer_a.bpf.o" >/dev/null
	[ "$(who_answers 198.18.0.1 7)" = none ]
	apply --overwrite >/dev/null <<-END
		version: 1
		functions:
		  - {name: other, trigger: udp/8, kernel: $ECHO, limit: {per_source: {rate: 1/m, entries: 1024}}}
		  - name: echo
		    trigger: udp/7
		    kernel: $ECHO
		    limit: {excess: pass, per_source: {rate: 2/m, burst: 3, entries: 4096}}
	END
	[ "$(who_answers 198.18.0.1 7)" = none ]
	[ "$(who_answers 198.18.0.1 8)" = q ]
	ip -n "$CLIENT" address add 198.18.0.3/24 dev c0
	[ "$(flood -b 198.18.0.3 -n 6 -g 100 198.18.0.1 7 | jq .received)" = 3 ]
	# More entries are fresh ones; what was there before goes with the next change but one.
	limit "{per_source: {rate: 1/m, burst: 3, entries: 8192}}"
	[ "$(flood -n 6 -g 100 198.18.0.1 7 | jq .received)" = 3 ]
	restart_daemon KILL
	[ "$(who_answers 198.18.0.1 7)" = none ]
	limit 1k/s
	limit 2k/s
	[ -z "$(bpftool -j map | jq '.[] | select(.name == "xfn_cells" and .max_entries == 8192) | .id')" ]
	audit_is_ok
}

@test "plan and show print the limit of each source, and what is its default" {
	printf 'version: 1\nfunctions:\n  - {name: echo, trigger: udp/7, kernel: %s, limit: {per_source: 50/s}}\n' \
		"$ECHO" | manifest main
	xfn plan "$HOME_DIR/main.yaml" | tee "$HOME_DIR/plan"
	grep -q 'per source 50/s burst 5 /32 /64 entries 65536 excess drop' "$HOME_DIR/plan"
	for default in 'burst 5' 'prefix4 32' 'prefix6 64' 'entries 65536'; do
		grep -q "^default limit.per_source.$default: echo" "$HOME_DIR/plan"
	done
	xfn apply "$HOME_DIR/main.yaml" >/dev/null
	[ "$(xfn -j plan "$HOME_DIR/main.yaml" | jq -c .changes)" = "[]" ]
	xfn show echo | grep -q entries
	[ "$(xfn -j show echo | jq -c '.limit | [.rate, .burst, .per_source.rate, .per_source.burst,
		.per_source.prefix4, .per_source.prefix6, .per_source.entries]')" = \
		'[null,null,"50/s",5,32,64,65536]' ]
	[ "$(xfn -j show echo | jq -c '.limit.per_source.defaults')" = \
		'["burst","prefix4","prefix6","entries"]' ]
}

@test "of TCP new connections are limited; those that are there go on" {
	in_server python3 -c 'import socketserver
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
Server(("198.18.0.1", 9000), Echo).serve_forever()' 3>&- &
	listens() { in_server ss -lnt | grep -q :9000; }
	until_true 5 listens
	for text in "{rate: 100k/s, per_source: {rate: 1/m, burst: 3}}" "{rate: 1/m, burst: 3}"; do
		apply >/dev/null <<-END
			version: 1
			functions:
			  - {name: tcp, trigger: tcp/9000, socket: existing, limit: $text}
		END
		result=$(in_client python3 -c 'import socket
def connect():
    try:
        return socket.create_connection(("198.18.0.1", 9000), timeout=0.3)
    except OSError:
        return None
def echo(wire):
    with wire.makefile("rw") as lines:
        for _ in range(200):
            print("x" * 1000, file=lines, flush=True)
            assert len(lines.readline()) == 1001
wires = [connect() for _ in range(6)]
for wire in filter(None, wires):
    echo(wire)
print("".join("ok " if wire else "no " for wire in wires))')
		[ "$result" = "ok ok ok no no no " ]
	done
	[ "$(verdict rate_limited tcp)" -ge 3 ]
	[ "$(verdict source_limited tcp)" -ge 3 ]
	[ "$(verdict steered tcp)" -gt 1000 ]
	# Packets, too, where that is asked for: a connection starves.
	apply >/dev/null <<-END
		version: 1
		functions:
		  - {name: tcp, trigger: tcp/9000, socket: existing, limit: {rate: 1/m, burst: 20, packets: true}}
	END
	run in_client timeout 2 python3 -c 'import socket
wire = socket.create_connection(("198.18.0.1", 9000), timeout=1)
with wire.makefile("rw") as lines:
    for _ in range(200):
        print("x" * 1000, file=lines, flush=True)
        assert len(lines.readline()) == 1001'
	[ "$status" -ne 0 ]
	[ "$(verdict steered tcp)" -lt 1000000 ]
	audit_is_ok
}

# ---- excess: reply -----------------------------------------------------------------------------

ask() { in_client dig +norecurse +tries=1 +time=1 "$@" www.example.com A; }

# words NAME PORT LIMIT: a function whose burst of one event has been used up.
words() {
	apply --yes >/dev/null <<-END
		version: 1
		functions:
		  - {name: $1, trigger: udp/$2, socket: existing, limit: {$3, excess: reply}}
	END
	send 1 "$2" "used up"
	send 1 "$2" "used up" fd00:18::1
}

@test "dig is told REFUSED over the rate, and sent to TCP over its own" {
	words all 53 "rate: 1/m, burst: 1"
	for server in 198.18.0.1 fd00:18::1; do
		result=$(ask "@$server")
		echo "$result"
		[[ $result == *"status: REFUSED"* && $result == *"EDNS: version: 0"* ]]
		[[ $result != *WARNING* && $result == *"QUESTION SECTION:"*www.example.com* ]]
	done
	words each 53 "per_source: 1/m"
	in_server python3 -c 'import socket, struct
listener = socket.create_server(("::", 53), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    wire, _ = listener.accept()
    query = wire.recv(4096)[2:]
    end = query.index(0, 12) + 5
    answer = (query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:end] +
              b"\xc0\x0c\0\1\0\1\0\0\0\x05\0\4" + bytes([192, 0, 2, 80]))
    wire.sendall(struct.pack("!H", len(answer)) + answer)
    wire.close()' 3>&- &
	listens() { in_server ss -lnt | grep -q :53; }
	until_true 5 listens
	for server in 198.18.0.1 fd00:18::1; do
		result=$(ask +ignore "@$server")
		echo "$result"
		[[ $result == *"status: NOERROR"* && $result =~ flags:[a-z\ ]*" tc" ]]
		[ "$(ask +short "@$server")" = 192.0.2.80 ] # it came back over TCP by itself
	done
	[ "$(verdict rate_limited all)" = "" ] # the function is gone, and so is its book
	[ "$(verdict source_limited each)" -ge 4 ]
	audit_is_ok
}

@test "coap-client is told 4.29, and how long to wait" {
	coap() { in_client coap-client-notls -B 2 -v 7 "$@" 2>&1; }
	words all 5683 "rate: 4/m, burst: 1"
	for server in 198.18.0.1 '[fd00:18::1]'; do
		result=$(coap "coap://$server/sensors/a") || true
		echo "$result"
		[[ $result == *ACK*4.29*Max-Age:15* ]]
		result=$(coap -N "coap://$server/sensors/a") || true
		[[ $result == *NON*4.29*Max-Age:15* ]]
	done
	words each 5683 "per_source: 1/m"
	result=$(coap coap://198.18.0.1/sensors/a) || true
	[[ $result == *4.29*Max-Age:60* ]]
	[ "$(verdict source_limited each)" -ge 1 ]
	audit_is_ok
}

# ---- amplification -----------------------------------------------------------------------------

warnings() { xfn -j plan "$HOME_DIR/main.yaml" | jq -r '.warnings[]' | grep "answers all who ask" || true; }

# plan_of TRIGGER LIMIT [DELIVERY]
plan_of() {
	printf 'version: 1\nfunctions:\n  - {name: f, trigger: %s, %s%s}\n' "$1" \
		"${3:-kernel: $ECHO}" "${2:+, limit: $2}" | manifest main
	warnings
}

@test "plan warns of what answers all who ask on a port known for it" {
	[[ $(plan_of udp/53 "") == *"function 'f'"*"udp/53"*per_source* ]]
	[[ $(plan_of udp/53 10k/s "socket: existing") == *"udp/53"* ]]
	[[ $(plan_of udp/100-200 10k/s) == *"udp/111"* ]]
	[[ $(plan_of '{protocol: udp, port: 123, source: 0.0.0.0/0}' "") == *"udp/123"* ]]
	[ -z "$(plan_of udp/53 "{per_source: 10/s}")" ]
	[ -z "$(plan_of udp/53 0)" ]
	[ -z "$(plan_of tcp/53 "")" ]
	[ -z "$(plan_of udp/7 "")" ]
	[ -z "$(plan_of '{protocol: udp, port: 53, source: 10.0.0.0/8}' "")" ]
}

@test "plan warns by what was measured, once something was" {
	plan_of udp/53 "" | grep -q "tend to be"
	xfn apply "$HOME_DIR/main.yaml" >"$HOME_DIR/said"
	grep -q "answers all who ask" "$HOME_DIR/said"
	flood -n 200 -g 200 198.18.0.1 53 >/dev/null
	[ "$(stat_of '.functions[0] | .reply_bytes == .bytes and .bytes > 1000')" = true ]
	[ -z "$(warnings)" ] # an echo answers with what it got, whatever its port
	# One that answers with more, on a port that nobody suspects.
	plan_of udp/7 "" "kernel: $OBJECTS/answer_long.bpf.o" >/dev/null
	xfn apply "$HOME_DIR/main.yaml" >/dev/null
	[ -z "$(warnings)" ] # what the one before did was no amplification
	xfn apply "$HOME_DIR/main.yaml" >/dev/null
	send 400 7 x
	many() { [[ $(stat_of '.functions[0].outcomes.replied') -ge 500 ]]; }
	until_true 5 many
	[[ $(warnings) == *"(measured)"* ]]
	restart_daemon KILL
	[[ $(warnings) == *"(measured)"* ]]
	printf 'version: 1\nfunctions:\n  - {name: f, trigger: udp/7, kernel: %s, limit: {per_source: 1k/s}}\n' \
		"$OBJECTS/answer_long.bpf.o" | manifest main
	[ -z "$(warnings)" ]
}
