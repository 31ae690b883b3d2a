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

# ---- tags beside the packet ----------------------------------------------------------------------

# push SECTION: from now on the client's IPv4 packets leave with the tags of tests/bpf/push_vlan.bpf.c
# beside them, and come back without.
push() {
	in_client tc qdisc replace dev c0 clsact
	in_client tc filter replace dev c0 egress prio 1 handle 1 bpf da \
		obj "$OBJECTS/push_vlan.bpf.o" sec "$1"
	in_client tc filter replace dev c0 ingress prio 1 handle 1 bpf da \
		obj "$OBJECTS/push_vlan.bpf.o" sec pop
}

peer_offload() { in_client ethtool -K c0 txvlan "$1" tx-vlan-stag-hw-insert "$1" >/dev/null; }
rx_offloads() {
	in_server ethtool -k "${1:-xfn0}" | awk '/^rx-vlan-offload:|^rx-vlan-stag-hw-parse:/ { printf "%s ", $2 }'
}
answered_by() { [[ $(who_answers 198.18.0.1 7) == "$1" ]]; }

@test "tags beside the packet: seen with the peer's TX VLAN offload off, hidden with it on, and said" {
	peer_offload off
	push one
	until_true 5 answered_by b
	run -0 xfn doctor xfn0
	[[ $output != *"as untagged"* ]]
	[ "$(xfn -j plan "$HOME_DIR/main.yaml" | jq -c .warnings | grep -c "VLAN offload")" = 0 ]
	push two
	until_true 5 answered_by c
	[ "$(verdict handled plain)" = 0 ]

	peer_offload on
	push one
	until_true 5 answered_by a
	run xfn doctor xfn0
	[[ $output == *"VLAN offload (txvlan) of 'c0' is on: XDP sees tagged packets as untagged"* ]]
	[[ $output == *"ethtool -K c0 txvlan off tx-vlan-stag-hw-insert off"* ]]
	run -0 xfn -j plan "$HOME_DIR/main.yaml"
	[[ $(jq -r '.warnings[]' <<<"$output") == *"TX VLAN offload of its peer 'c0' is on"*"nsenter"*"ethtool -K c0 txvlan off"* ]]
	audit_is_ok
}

@test "attach says what hides the tags, and untagged rules make no fuss" {
	peer_offload on
	xfn detach xfn0 >/dev/null
	run -0 xfn attach xfn0
	[[ $output == *"warning: interface 'xfn0': TX VLAN offload of its peer 'c0' is on"* ]]
	apply_echo
	xfn detach xfn0 >/dev/null
	run -0 xfn attach xfn0
	[[ $output != *"VLAN"* ]]
}

@test "RX VLAN offload goes off where VLANs are used, and comes back as it was" {
	[ "$(rx_offloads)" = "off off " ]
	# Through a kill and a start.
	restart_daemon
	[ "$(rx_offloads)" = "off off " ]
	xfn detach xfn0 >/dev/null
	[ "$(rx_offloads)" = "on on " ]
	xfn attach xfn0 >/dev/null
	[ "$(rx_offloads)" = "off off " ]
	# With the last trigger that names one.
	cp "$HOME_DIR/main.yaml" "$HOME_DIR/vlans.yaml"
	apply_echo
	[ "$(rx_offloads)" = "on on " ]
	xfn apply "$HOME_DIR/vlans.yaml" >/dev/null
	[ "$(rx_offloads)" = "off off " ]
	stop_daemon
	reset_daemon >/dev/null
	[ "$(rx_offloads)" = "on on " ]
	start_daemon
}

@test "RX VLAN offload that was off stays off; an interface that no such trigger may match is left alone" {
	xfn detach xfn0 >/dev/null
	in_server ethtool -K xfn0 rxvlan off >/dev/null
	xfn attach xfn0 >/dev/null
	[ "$(rx_offloads)" = "off off " ]
	xfn detach xfn0 >/dev/null
	[ "$(rx_offloads)" = "off on " ]
	add_wire "$SERVER" xfn1 198.18.1.1/24 -- "$CLIENT" c1 198.18.1.2/24
	apply >/dev/null <<-END
		version: 1
		attach: [xfn0, xfn1]
		functions:
		  - name: one
		    trigger: {protocol: udp, port: 7, vlan: 10, interface: xfn1}
		    kernel: $OBJECTS/answer_b.bpf.o
	END
	[ "$(rx_offloads xfn0) $(rx_offloads xfn1)" = "off on  off off " ]
}
