#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The audit agrees where the books agree, and names each difference where a count was forgotten.

# bats sets stderr_lines and output, and runs each test in a shell of its own.
# shellcheck disable=SC2154

load lib

setup() {
	e2e_setup
	start_daemon
	apply <<-EOF_MANIFEST
		version: 1
		attach: [xfn0]
		functions:
		  - name: echo
		    trigger: udp/7
		    kernel: $ECHO
		    latency: {sample: 1}
		  - name: limited
		    trigger: udp/17
		    socket: existing
		    limit: {rate: 1/m, burst: 3}
	EOF_MANIFEST
}

teardown() { e2e_teardown; }

# send COUNT PORT TEXT: so many UDP datagrams. That nobody answers is no failure.
send() {
	in_client python3 -c '
import socket, sys
count, port, text = sys.argv[1:]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    for i in range(int(count)):
        s.sendto(text.encode(), ("198.18.0.1", int(port)))' "$@"
}

# pour SECONDS PORT: as many datagrams as will go.
pour() {
	in_client python3 -c '
import socket, sys, time
seconds, port = map(int, sys.argv[1:])
end = time.monotonic() + seconds
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    while time.monotonic() < end:
        for i in range(100):
            try:
                s.sendto(b"hello", ("198.18.0.1", port))
            except ConnectionRefusedError:
                pass' "$@"
}

# Puts the forgetful ingress in the place of the real one: WHICH EVERY.
forget() {
	"$TOOLS/forgetful" "$OBJECTS/forgetful.bpf.o" "$(pin_dir)/maps" 0 "$@"
}

has_begun() { (($(stat_of '.interfaces[0].packets') > 1000)); }

# The member of the audit's answer that jq picks.
audit_says() {
	"$XFN" audit -j | jq -e "$1"
}

book() {
	echo ".books[] | select(.what | contains(\"$1\"))"
}

@test "the books agree when nothing came, and after traffic of every kind" {
	"$XFN" audit
	send 100 7 hello
	send 10 17 hello
	send 10 9 hello
	"$XFN" audit
	audit_says '.ok and (.interfaces[0] | .packets >= 120 and .packets == .verdict_sum)'
	audit_says "$(book 'xfn0') | .left == .right and .left >= 120"
	audit_says "$(book 'invocations') | .left == 100 and .right == 100"
	audit_says "$(book 'outcomes') | .left == 100 and .right == 100"
	"$XFN" stats -j limited | jq -e '.functions[0].verdicts |
		.steered == 3 and .rate_limited == 7 and length == 12'
}

@test "a verdict that is forgotten is found, and where" {
	send 20 7 hello
	forget 1 4
	send 20 9 hello
	run -1 --separate-stderr "$XFN" audit
	[[ $output == *"DIFFERS"*"packets, sum of verdicts"* ]]
	[[ ${stderr_lines[0]} == *"the books differ"* ]]
	"$XFN" audit -j | jq -e '.ok == false and .interfaces[0].ok == false'
}

@test "one single verdict that is forgotten is found" {
	forget 1 20
	send 30 9 hello
	forget 1 1000000
	run -1 "$XFN" audit
	"$XFN" audit -j | jq -e '.interfaces[0] | .ok == false and .packets >= .verdict_sum + 1'
}

@test "a handled event that is forgotten is found in both books" {
	forget 2 4
	send 20 7 hello
	run -1 "$XFN" audit
	"$XFN" audit -j | jq -e '.interfaces[0].ok == false'
	"$XFN" audit -j | jq -e "$(book 'invocations') | .ok == false and .left == 15 and .right == 20"
	"$XFN" audit -j | jq -e "$(book 'outcomes') | .ok == false and .left == 15 and .right == 20"
	# The driver's book is about packets alone.
	"$XFN" audit -j | jq -e "$(book 'xfn0') | .ok"
}

@test "an outcome that is forgotten is found, and which function's" {
	apply --yes <<-EOF_MANIFEST
		version: 1
		attach: [xfn0]
		functions:
		  - name: sink
		    trigger: udp/9
		    kernel: $OBJECTS/forgetful_handler.bpf.o
	EOF_MANIFEST
	send 5 9 remember
	"$XFN" audit
	send 1 9 forget
	run -1 "$XFN" audit
	[[ $output == *"DIFFERS"*"function 'sink'"* ]]
	"$XFN" audit -j | jq -e "$(book 'outcomes') | .left == 6 and .right == 5 and .ok == false"
	"$XFN" audit -j | jq -e '.interfaces[0].ok'
}

@test "the books agree under load, in every one of many readings" {
	local port failed=0 readings=0
	local -a senders=()
	for port in 7 9 17; do
		pour 3 $port 3>&- &
		senders+=($!)
	done
	until_true 2 has_begun
	while kill -0 "${senders[@]}" 2>/dev/null; do
		"$XFN" audit || failed=1
		readings=$((readings + 1))
	done
	wait "${senders[@]}"
	[ $failed = 0 ]
	[ $readings -gt 3 ]
	"$XFN" audit
}

@test "versions come and go, the books stay" {
	for _ in 1 2 3 4; do
		send 10 7 hello
		"$XFN" swap echo "$ECHO"
		"$XFN" audit
	done
	send 10 7 hello
	audit_says "$(book 'outcomes') | .left == 50 and .right == 50"
	stop_daemon KILL
	send 10 7 hello
	start_daemon
	audit_says "$(book 'outcomes') | .left == 60 and .right == 60"
	audit_says '.ok'
}
