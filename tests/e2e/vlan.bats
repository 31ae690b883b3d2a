#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Triggers on VLANs: none, one tag, two, of either protocol; replies carry the tags of the request.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib

setup() {
	e2e_setup
	start_daemon
	xfn attach xfn0 >/dev/null
	apply >/dev/null <<-END
		version: 1
		functions:
		  - name: plain
		    trigger: udp/7
		    kernel: $OBJECTS/answer_a.bpf.o
		  - name: one
		    trigger: {protocol: udp, port: 7, vlan: 10}
		    kernel: $OBJECTS/answer_b.bpf.o
		  - name: two
		    trigger: {protocol: udp, port: 7, vlan: [10, 20]}
		    kernel: $OBJECTS/answer_c.bpf.o
	END
	mac=$(ip -n "$SERVER" -j link show xfn0 | jq -r '.[0].address')
}

teardown() { e2e_teardown; }

ask() {
	in_client python3 "$BATS_TEST_DIRNAME/tools/frame.py" c0 "$mac" 198.18.0.2 198.18.0.1 7 "$@"
}

@test "the tags decide, and come back" {
	[ "$(ask)" = "a" ]
	[ "$(ask 10)" = "b 10" ]
	[ "$(ask 10:88a8)" = "b 10" ]
	[ "$(ask 10 20)" = "c 10 20" ]
	[ "$(ask 10:88a8 20)" = "c 10 20" ]
	[ "$(verdict handled plain) $(verdict handled one) $(verdict handled two)" = "1 2 2" ]
	audit_is_ok
}

@test "other tags are nobody's" {
	before=$(verdict unmatched)
	[ "$(ask 11)" = "" ]
	[ "$(ask 20 10)" = "" ]
	[ "$(ask 10 21)" = "" ]
	[ "$(ask 20)" = "" ]
	[ $(($(verdict unmatched) - before)) -eq 4 ]
	# A third tag is no IP.
	before=$(verdict foreign)
	[ "$(ask 10 20 30)" = "" ]
	[ $(($(verdict foreign) - before)) -ge 1 ]
	audit_is_ok
}
