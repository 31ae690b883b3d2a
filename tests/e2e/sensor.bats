#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# examples/sensor with a real client, coap-client, over a real wire; and the manifests of all examples.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

bats_require_minimum_version 1.5.0
load lib

EXAMPLES=$BATS_TEST_DIRNAME/../../examples
SENSOR=$BUILD/examples/sensor/sensor.bpf.o
ROOF=coap://198.18.0.1/sensors/roof

setup() {
	e2e_setup
	start_daemon
	xfn attach xfn0 >/dev/null
	apply >/dev/null <<-END
		version: 1
		functions:
		  - {name: sensor, trigger: udp/5683, kernel: $SENSOR}
	END
}

teardown() { e2e_teardown; }

# Prints the messages, then the payload of the answer or its code.
coap() { in_client coap-client-notls -B 2 -v 6 "$@" 2>&1; }

@test "coap-client: readings are added, the statistics come back" {
	run coap -m post -e 21.5 "$ROOF"
	[[ $output == *"t:ACK c:2.01"* ]]
	run coap -m post -e -0.25 "$ROOF"
	[[ $output == *"t:ACK c:2.04"* ]]
	run coap -N -m post -e 22 "$ROOF"
	[[ $output == *"t:NON c:2.04"* ]]
	run coap -m get "$ROOF"
	[[ $output == *"t:ACK c:2.05"*"Content-Format:text/plain"* ]]
	[ "${lines[-1]}" = "count=3 min=-0.250 mean=14.416 max=22.000 last=22.000" ]
	run coap -N -m get 'coap://[fd00:18::1]/sensors/roof'
	[ "${lines[-1]}" = "count=3 min=-0.250 mean=14.416 max=22.000 last=22.000" ]
}

@test "coap-client: what is refused, and how" {
	run coap -m get "$ROOF"
	[[ $output == *"c:4.04"* ]]
	run coap -m get coap://198.18.0.1/x
	[[ $output == *"c:4.04"* ]]
	run coap -m put -e 1 "$ROOF"
	[[ $output == *"c:4.05"* ]]
	run coap -m delete "$ROOF"
	[[ $output == *"c:4.05"* ]]
	run coap -m post -e warm "$ROOF"
	[[ $output == *"c:4.00"*"not a number"* ]]
	run coap -m get "$ROOF?since=noon"
	[[ $output == *"c:4.02"*"unknown option"* ]]
	run coap -A 50 -m get "$ROOF"
	[[ $output == *"c:4.06"* ]]
	run coap -t 50 -m post -e 1 "$ROOF"
	[[ $output == *"c:4.15"* ]]
}

@test "a message that comes twice is answered alike and counted once" {
	in_client python3 - <<-'END'
		import socket
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.settimeout(2)
		s.connect(("198.18.0.1", 5683))
		path = b"\xb7sensors\x05twice"
		answers = set()
		for _ in range(5):
		    s.send(b"\x41\x02\x12\x34\xaa" + path + b"\xff7")
		    answers.add(s.recv(2048))
		assert answers == {b"\x61\x41\x12\x34\xaa"}, answers
		answers = set()
		for _ in range(5):
		    s.send(b"\x50\x02\x12\x35" + path + b"\xff9")
		    answers.add(s.recv(2048))
		assert len(answers) == 1 and answers.pop()[:2] == b"\x50\x44", answers
		s.send(b"\x40\x01\x12\x36" + path)
		answer = s.recv(2048)
		assert answer == b"\x60\x45\x12\x36\xc0\xffcount=2 min=7.000 mean=8.000 max=9.000 last=9.000", answer
		s.send(b"\x40\x00\x12\x37")
		assert s.recv(2048) == b"\x70\x00\x12\x37"
	END
}

@test "statistics outlive a swap" {
	coap -m post -e 1 "$ROOF" >/dev/null
	run -0 xfn swap sensor "$SENSOR"
	run coap -m post -e 3 "$ROOF"
	[[ $output == *"c:2.04"* ]]
	run coap -m get "$ROOF"
	[ "${lines[-1]}" = "count=2 min=1.000 mean=2.000 max=3.000 last=3.000" ]
}

@test "the manifests of the examples are good" {
	for name in echo resolver sensor; do
		run -0 xfn check "$EXAMPLES/$name/$name.yaml"
		object=$(sed -n 's/^ *kernel: //p' "$EXAMPLES/$name/$name.yaml")
		[ "$object" = "../../build/examples/$name/$name.bpf.o" ]
	done
}
