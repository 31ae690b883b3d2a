#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Functions that share a port and are told apart by the payload: by real clients, over a real wire.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

bats_require_minimum_version 1.5.0
load lib

SENSOR=$BUILD/examples/sensor/sensor.bpf.o
RESOLVER=$BUILD/examples/resolver/resolver.bpf.o
EXAMPLE_ZONE=$BATS_TEST_DIRNAME/../../examples/resolver/example.zone

setup() {
	e2e_setup
	start_daemon
	xfn attach xfn0 >/dev/null
}

teardown() { e2e_teardown; }

# Prints the messages, then the payload of the answer or its code.
coap() { in_client coap-client-notls -B 2 -v 6 "$@" 2>&1; }

ask() { in_client dig +tries=1 +time=1 +noall +comments +answer @198.18.0.1 "$@"; }

# Sends bytes in hex to PORT from the client.
send_hex() {
	in_client python3 -c 'import socket, sys
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(bytes.fromhex(sys.argv[2]),
                                                        ("198.18.0.1", int(sys.argv[1])))' "$@"
}

# A CoAP server of libcoap, unchanged, for what the functions in the kernel are not for.
start_coap_server() {
	nsenter --net="/run/netns/$SERVER" coap-server-notls -A 198.18.0.1 -p 5683 \
		>"$HOME_DIR/coap-server" 2>&1 3>&- &
	until_true 5 serves_coap
}

serves_coap() { [[ -n $(in_server ss -Hlun 'sport = :5683') ]]; }

@test "coap-client: two paths in the kernel, all others at a server behind them, on one port" {
	start_coap_server
	apply >/dev/null <<-END
		version: 1
		functions:
		  - name: roof
		    trigger: {protocol: udp, port: 5683, key: {coap_path: /sensors/roof}}
		    kernel: $SENSOR
		  - name: cellar
		    trigger: {protocol: udp, port: 5683, key: {coap_path: /sensors/cellar%20door}}
		    kernel: $SENSOR
		  - {name: others, trigger: udp/5683, socket: existing}
	END
	run coap -m post -e 21.5 coap://198.18.0.1/sensors/roof
	[[ $output == *"t:ACK c:2.01"* ]]
	run coap -m get coap://198.18.0.1/sensors/roof
	[[ ${lines[-1]} == "count=1 min=21.500"* ]]
	run coap -m post -e 4 'coap://198.18.0.1/sensors/cellar%20door'
	[[ $output == *"t:ACK c:2.01"* ]]
	run coap -m get 'coap://[fd00:18::1]/sensors/roof'
	[[ ${lines[-1]} == "count=1 min=21.500"* ]]
	run coap -m get coap://198.18.0.1/
	[[ $output == *"This is a test server"* ]]
	run coap -m get coap://198.18.0.1/time
	[[ $output == *"c:2.05"* ]]
	run coap -m get coap://198.18.0.1/sensors/roof/tiles
	[[ $output == *"c:4.04"* ]]
	[ "$(verdict handled roof)" = 3 ]
	[ "$(verdict handled cellar)" = 1 ]
	[ "$(verdict steered others)" = 3 ]
	[ "$(verdict key_error)" = 0 ]
	run -0 xfn audit
}

@test "dig: the longer suffix, the exact name, capitals or not" {
	apply >/dev/null <<-END
		version: 1
		functions:
		  - name: zone
		    trigger: {protocol: udp, port: 53, key: {dns_suffix: example.com}}
		    kernel: $RESOLVER
		  - name: below
		    trigger: {protocol: udp, port: 53, key: {dns_suffix: dev.example.com}}
		    kernel: $RESOLVER
		  - name: one
		    trigger: {protocol: udp, port: 53, key: {dns_name: a.dev.example.com}}
		    kernel: $RESOLVER
	END
	in_server "$BUILD/examples/resolver/zone" --pin-dir "$PINS" --function zone \
		"$EXAMPLE_ZONE" >/dev/null
	run ask web.example.com A
	[[ $output == *"status: NOERROR"*"192.0.2.80"* ]]
	run ask WeB.eXaMpLe.CoM. AAAA
	[[ $output == *"status: NOERROR"*"2001:db8::80"* ]]
	run ask example.com A
	[[ $output == *"status: NOERROR"*"192.0.2.80"* ]]
	# The other two have no zone, and so refuse, or fail: what counts is who was asked.
	run ask x.dev.example.com A
	[[ $output != *"status: NOERROR"* ]]
	run ask A.DEV.example.com A
	run ask b.a.dev.example.com A
	[ "$(verdict handled zone)" = 3 ]
	[ "$(verdict handled below)" = 2 ]
	[ "$(verdict handled one)" = 1 ]
	run ask example.net A
	run ask xexample.com A
	[ "$(verdict unmatched)" -ge 2 ]
	[ "$(verdict key_error)" = 0 ]
	run -0 xfn audit
}

@test "bytes under a mask; what is too short for them is a key_error and passes" {
	apply >/dev/null <<-END
		version: 1
		functions:
		  - name: stun
		    triggers:
		      - {protocol: udp, port: 3478, key: {bytes: {offset: 4, value: 2112a442}}}
		      - {protocol: udp, port: 3478, key: {bytes: {offset: 4, value: '40', mask: c0}}}
		    kernel: $OBJECTS/answer_a.bpf.o
	END
	send_hex 3478 000100002112a442000000000000000000000000
	send_hex 3478 000000007f00000000
	send_hex 3478 000000000000000000
	send_hex 3478 00010000
	until_true 2 [ "$(verdict handled stun)" = 2 ]
	[ "$(verdict unmatched)" -ge 1 ]
	[ "$(verdict key_error)" = 1 ]
	run -0 xfn audit
}

@test "what is shown is what was given, and plans as no change" {
	apply >/dev/null <<-END
		version: 1
		functions:
		  - name: a
		    triggers:
		      - {protocol: udp, port: 5683, key: {coap_path: /a%2Fb/ü}}
		      - {protocol: udp, port: 53, key: {dns_name: 'X\.y.Example.'}}
		      - {protocol: udp, port: 53, key: {dns_suffix: .}}
		      - {protocol: udp, port: 9, key: {bytes: {offset: 3, value: 0A, mask: '0f'}}}
		    socket: existing
	END
	run -0 xfn -j show a
	[ "$(jq -c '[.triggers[].key]' <<<"$output")" = '[{"coap_path":"/a%2Fb/ü"},{"dns_name":"X\\.y.Example."},{"dns_suffix":"."},{"bytes":{"offset":3,"value":"0a","mask":"0f"}}]' ]
	xfn show --manifest >"$HOME_DIR/shown.yaml"
	run -0 xfn plan --exit-code "$HOME_DIR/shown.yaml"
	sed -i 's/0a/0b/' "$HOME_DIR/shown.yaml"
	run -10 xfn plan --exit-code "$HOME_DIR/shown.yaml"
}

@test "two triggers that match alike are refused, both places named; nothing changes" {
	apply_echo
	before=$(revision)
	manifest two <<-END
		version: 1
		functions:
		  - name: a
		    trigger: {protocol: udp, port: 53, key: {dns_name: x.example}}
		    socket: existing
		  - name: b
		    trigger: {protocol: udp, port: 53, key: {dns_name: X.Example.}}
		    socket: existing
	END
	run -1 xfn apply "$HOME_DIR/two.yaml"
	[[ $output == *"two.yaml:7:"*"matches the same packets"*"two.yaml:4:"* ]]
	manifest tcp <<-END
		version: 1
		functions:
		  - name: a
		    trigger: {protocol: tcp, port: 53, key: {dns_name: x.example}}
		    socket: existing
	END
	run -1 xfn check "$HOME_DIR/tcp.yaml"
	[[ $output == *"tcp.yaml:4:"*"a key goes with udp only"* ]]
	[ "$(revision)" = "$before" ]
}

@test "keys are followed by xfnd across a restart and a kill" {
	apply >/dev/null <<-END
		version: 1
		functions:
		  - name: a
		    trigger: {protocol: udp, port: 7, key: {bytes: {offset: 0, value: '61'}}}
		    kernel: $OBJECTS/answer_a.bpf.o
		  - name: path
		    trigger: {protocol: udp, port: 7, key: {coap_path: /p}}
		    kernel: $OBJECTS/answer_b.bpf.o
	END
	send_hex 7 40010000b170
	restart_daemon KILL
	send_hex 7 40010000b170
	xfn swap a "$OBJECTS/answer_c.bpf.o" >/dev/null # the rules are compiled and stored again
	send_hex 7 40010000b170
	until_true 2 [ "$(verdict handled path)" = 3 ]
}
