#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The life of interfaces under traffic: missing, removed, made anew, moved, renamed; MTU, queues, carrier.
# Each test has a steady flood on a second wire, which nothing of it may disturb.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib

setup() {
	e2e_setup
	add_wire "$SERVER" steady0 198.18.9.1/24 -- "$CLIENT" steady1 198.18.9.2/24
	let_pass "$CLIENT" steady1
	start_daemon
}

teardown() { e2e_teardown; }

# second_wire [OPTION]...: xfn1, with options for both ends as `ip link add` takes them.
second_wire() {
	ip -n "$SERVER" link add xfn1 "$@" type veth peer name c1 netns "$CLIENT" "$@"
	in_server ethtool -K xfn1 tx off >/dev/null
	in_client ethtool -K c1 tx off >/dev/null
	ip -n "$SERVER" address add 198.18.1.1/24 dev xfn1
	ip -n "$CLIENT" address add 198.18.1.2/24 dev c1
	ip -n "$SERVER" link set xfn1 up
	ip -n "$CLIENT" link set c1 up
	let_pass "$CLIENT" c1
}

# serve INTERFACE...: echo on all of them, and the steady flood from now on.
serve() {
	local list
	list=$(printf ', %s' "$@")
	apply <<-END
		version: 1
		attach: [steady0$list]
		functions:
		  - name: echo
		    trigger: udp/7
		    kernel: $ECHO
	END
	start_flood steady -r 1000 -t 120 -g 500 198.18.9.1 7
}

undisturbed() {
	nothing_lost "$(end_flood steady)"
	audit_is_ok
}

answers() { [[ $(who_answers "$1" 7) == q ]]; }
is_silent() { [[ $(who_answers "$1" 7) == none ]]; }
journal_says() { xfn journal | grep -qF -- "$1"; }
state_of() { xfn -j | jq -r ".interfaces[] | select(.name == \"$1\").state"; }
state_is() { [[ $(state_of "$1") == "$2" ]]; }
program_of() { ip -n "$SERVER" -j link show "$1" | jq '.[0].xdp.prog.id'; }

@test "missing when the manifest is applied: it waits, says so, and is served when it appears" {
	run -0 serve xfn1
	[[ $output == *"warning: interface 'xfn1' is not there: it is attached when it appears"* ]]
	[ "$(state_of xfn1) $(state_of steady0)" = "waiting attached" ]
	[[ $(xfn) == *"xfn1, native, 0 packets, waiting"* ]]
	[[ $(xfn) == *"interface 'xfn1' is not there; it is attached when it appears"* ]]
	run -0 xfn -j plan "$HOME_DIR/main.yaml"
	[ "$(jq -c .changes <<<"$output")" = "[]" ]
	[[ $(jq -r '.warnings[]' <<<"$output") == *"'xfn1' is not there"* ]]
	# So it does through a start.
	restart_daemon
	state_is xfn1 waiting
	second_wire
	until_true 5 answers 198.18.1.1
	state_is xfn1 attached
	nothing_lost "$(flood -n 2000 198.18.1.1 7)"
	undisturbed
	# By command a name that nothing has is a mistake.
	run -3 --separate-stderr xfn attach xfn7
	[[ $stderr == *"interface 'xfn7' does not exist"* ]]
}

@test "removed under traffic, and made anew: its books end, the others' go on" {
	second_wire
	serve xfn1 >/dev/null
	for _ in 1 2 3; do
		until_true 5 answers 198.18.1.1
		start_flood doomed -r 1000 -t 60 -g 100 198.18.1.1 7
		sleep 0.2
		ip -n "$SERVER" link del xfn1
		until_true 5 state_is xfn1 waiting
		kill "$(<"$HOME_DIR/flood.doomed.pid")" 2>/dev/null || true # or its network is gone
		[ "$(stat_of '[.interfaces[].name] | join(" ")')" = steady0 ]
		audit_is_ok
		second_wire
		until_true 5 state_is xfn1 attached
		[ "$(stat_of '.interfaces[] | select(.name == "xfn1").verdicts.handled')" -lt 200 ]
	done
	until_true 5 answers 198.18.1.1
	[ "$(xfn journal | grep -c 'the interface is gone')" = 3 ]
	undisturbed
}

@test "moved to another namespace and back under traffic" {
	second_wire
	serve xfn1 >/dev/null
	until_true 5 answers 198.18.1.1
	# Nothing has its number there: it keeps it, and its program goes along unless it is taken away.
	ip netns add "xfn-$E2E-x"
	ip -n "$SERVER" link set xfn1 netns "xfn-$E2E-x"
	until_true 5 state_is xfn1 waiting
	[ "$(ip -n "xfn-$E2E-x" -j link show xfn1 | jq '.[0].xdp')" = null ]
	# The same while xfnd is dead: found at the next start.
	ip -n "xfn-$E2E-x" link set xfn1 netns "$SERVER"
	until_true 5 state_is xfn1 attached
	stop_daemon KILL
	ip -n "$SERVER" link set xfn1 netns "xfn-$E2E-x"
	start_daemon
	until_true 5 state_is xfn1 waiting
	[ "$(ip -n "xfn-$E2E-x" -j link show xfn1 | jq '.[0].xdp')" = null ]
	ip -n "xfn-$E2E-x" link set xfn1 netns "$SERVER"
	ip -n "$SERVER" address add 198.18.1.1/24 dev xfn1
	ip -n "$SERVER" link set xfn1 up
	until_true 5 answers 198.18.1.1
	undisturbed
}

@test "renamed: the name is what was asked for, so it waits for one of that name" {
	second_wire
	serve xfn1 >/dev/null
	until_true 5 answers 198.18.1.1
	ip -n "$SERVER" link set xfn1 down
	ip -n "$SERVER" link set xfn1 name other1
	ip -n "$SERVER" link set other1 up
	until_true 5 state_is xfn1 waiting
	journal_says "nothing wants an interface of this name"
	is_silent 198.18.1.1
	# A new one of the old name is taken up.
	ip -n "$SERVER" link del other1
	second_wire
	until_true 5 answers 198.18.1.1
	undisturbed
}

@test "an MTU beyond native XDP is refused by the kernel while attached, and said when it comes so" {
	second_wire
	serve xfn1 >/dev/null
	until_true 5 answers 198.18.1.1
	run ! ip -n "$CLIENT" link set c1 mtu 9000
	ip -n "$CLIENT" link set c1 mtu 1400
	ip -n "$SERVER" link set xfn1 mtu 1400
	answers 198.18.1.1
	ip -n "$SERVER" link del xfn1
	until_true 5 state_is xfn1 waiting
	ip -n "$SERVER" link add xfn1 mtu 9000 type veth peer name c1 netns "$CLIENT" mtu 9000
	until_true 5 journal_says "MTU 9000"
	state_is xfn1 waiting
	# With the cause goes the trouble: the next look finds it attachable.
	ip -n "$CLIENT" link set c1 mtu 1500
	ip -n "$SERVER" link set xfn1 mtu 1500
	until_true 5 state_is xfn1 attached
	undisturbed
}

@test "queues are changed while attached" {
	second_wire numtxqueues 4 numrxqueues 4
	in_server ethtool -L xfn1 rx 4 tx 1
	in_client ethtool -L c1 rx 4 tx 1
	serve xfn1 >/dev/null
	until_true 5 answers 198.18.1.1
	program=$(program_of xfn1)
	for queues in 2 4 1; do
		in_server ethtool -L xfn1 rx "$queues"
		until_true 5 answers 198.18.1.1
		nothing_lost "$(flood -n 1000 198.18.1.1 7)"
		[ "$(program_of xfn1)" = "$program" ]
	done
	undisturbed
}

@test "a carrier that comes and goes: no new attachment, nothing lost after" {
	second_wire
	serve xfn1 >/dev/null
	until_true 5 answers 198.18.1.1
	program=$(program_of xfn1)
	for _ in 1 2 3 4 5 6; do
		ip -n "$CLIENT" link set c1 down
		ip -n "$CLIENT" link set c1 up
	done
	until_true 5 answers 198.18.1.1
	nothing_lost "$(flood -n 2000 198.18.1.1 7)"
	[ "$(program_of xfn1)" = "$program" ]
	run -0 xfn journal
	[[ $output != *"attached again"* && $output != *"is gone"* ]]
	# Taken down by its owner, addresses of IPv6 and routes go; it stays attached.
	ip -n "$SERVER" link set xfn1 down
	ip -n "$SERVER" link set xfn1 up
	until_true 5 answers 198.18.1.1
	[ "$(program_of xfn1)" = "$program" ]
	undisturbed
}

@test "MAC and addresses follow under traffic; those of other interfaces are not taken for its own" {
	second_wire
	serve xfn1 >/dev/null
	until_true 5 answers 198.18.1.1
	for last in 71 72 73; do
		ip -n "$SERVER" link set xfn1 address 02:00:00:00:00:$last
		ip -n "$CLIENT" neighbour flush dev c1
		until_true 5 answers 198.18.1.1
	done
	ip -n "$CLIENT" route add 203.0.113.0/24 via 198.18.1.1
	for _ in 1 2 3; do
		ip -n "$SERVER" address add 203.0.113.7/32 dev xfn1
		until_true 5 answers 203.0.113.7
		ip -n "$SERVER" address del 203.0.113.7/32 dev xfn1
		until_true 5 is_silent 203.0.113.7
	done
	# On an interface that is not attached, the stack's it stays.
	ip -n "$SERVER" address add 203.0.113.9/32 dev xfn0
	before=$(verdict unmatched)
	is_silent 203.0.113.9
	[ "$(verdict unmatched)" -gt "$before" ]
	undisturbed
}
