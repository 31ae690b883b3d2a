#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Interfaces: attached, refused, followed as they and their addresses change, and left as they were.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib

setup() {
	e2e_setup
	start_daemon
}

teardown() { e2e_teardown; }

# The XDP program on a device of the server: its mode as iproute2 names it, and nothing if none.
xdp_mode() {
	ip -n "$SERVER" -j link show "$1" | jq -r '.[0].xdp | if . == null then "none"
		else {"1": "native", "2": "generic"}[.mode | tostring] end'
}

# A second wire between the namespaces, in another subnet.
second_wire() {
	add_wire "$SERVER" xfn1 198.18.1.1/24 -- "$CLIENT" c1 198.18.1.2/24
	let_pass "$CLIENT" c1
}

answers() { [[ $(who_answers "$@") == "${ANSWER:-q}" ]]; }
is_silent() { [[ $(who_answers "$@") == none ]]; }
journal_says() { xfn journal | grep -qF "$1"; }

@test "attach and detach, native and generic; the mode is shown; nothing stays" {
	for mode in native generic; do
		run -0 xfn attach --mode $mode xfn0
		[[ $output == *"xfn0"*"$mode"* ]]
		[ "$(xdp_mode xfn0)" = $mode ]
		[ "$(stat_of '.interfaces[0] | "\(.name) \(.mode)"')" = "xfn0 $mode" ]
		apply_echo
		answers 198.18.0.1 7
		answers fd00:18::1 7
		run -0 xfn detach xfn0
		[ "$(xdp_mode xfn0)" = none ]
		[ "$(stat_of '.interfaces | length')" = 0 ]
		is_silent 198.18.0.1 7
		[ -z "$(ls "$(pin_dir)/interfaces")" ]
	done
}

@test "detached means detached when the command returns" {
	for _ in 1 2 3 4 5; do
		xfn attach xfn0 >/dev/null
		xfn detach xfn0 >/dev/null
		[ "$(xdp_mode xfn0)" = none ]
	done
	xfn attach xfn0 >/dev/null
	stop_daemon
	reset_daemon >/dev/null
	[ "$(xdp_mode xfn0)" = none ]
	start_daemon
}

@test "what cannot be attached to is refused, each with its own message, and nothing changes" {
	run -3 --separate-stderr xfn attach xfn9
	[[ $stderr == *"interface 'xfn9' does not exist in this network namespace"* ]]
	run -1 --separate-stderr xfn attach lo
	[[ $stderr == *"interface 'lo' is not Ethernet"* ]]
	ip -n "$SERVER" link property add dev xfn0 altname another
	run -1 --separate-stderr xfn attach another
	[[ $stderr == *"'another' is another name of interface 'xfn0', expected 'xfn0'"* ]]
	run -1 --separate-stderr xfn attach an-interface-with-a-long-name
	[[ $stderr == *"at most 15 characters"* ]]
	ip -n "$SERVER" link add br0 type bridge
	run -1 --separate-stderr xfn attach br0
	[[ $stderr == *"interface 'br0': bridge has no native XDP"*"--mode generic"* ]]
	[ "$(xdp_mode br0)" = none ]
	run -3 --separate-stderr xfn detach xfn0
	[[ $stderr == *"xfn is not attached to it"* ]]
	[ "$(xfn -j | jq -c '[.revision, (.interfaces | length)]')" = "[0,0]" ]
	# Nothing of it comes back with the next start either.
	restart_daemon
	[ "$(xfn -j | jq -c '[.revision, (.interfaces | length)]')" = "[0,0]" ]
	run -0 xfn attach --mode generic br0
	[ "$(xdp_mode br0)" = generic ]
	run -1 --separate-stderr xfn attach br0
	[[ $stderr == *"xfn is attached to it already"* ]]
	[ "$(revision)" = 1 ]
}

@test "a mode that does not exist is refused by the daemon, too" {
	run curl -s --unix-socket "$XFN_SOCKET" -d '{"interface":"xfn0","mode":"fast"}' \
		http://xfnd/v1/attach
	[[ $output == *"'fast'"*"native"*"generic"* ]]
	[ "$(xdp_mode xfn0)" = none ]
}

@test "another XDP program on the interface is named, and left alone" {
	let_pass "$SERVER" xfn0
	run -1 --separate-stderr xfn attach xfn0
	[[ $stderr == *"interface 'xfn0' has another XDP program: 'xfn_pass' (id "*"native mode)"* ]]
	[ "$(ip -n "$SERVER" -j link show xfn0 | jq -r '.[0].xdp.prog.name')" = xfn_pass ]
	run -1 --separate-stderr xfn attach --mode generic xfn0
	[[ $stderr == *"another XDP program: 'xfn_pass'"* ]]
	ip -n "$SERVER" link set dev xfn0 xdp off
	run -0 xfn attach xfn0
}

@test "a veth whose peer has too large an MTU says so" {
	ip -n "$CLIENT" link set c0 xdp off
	ip -n "$SERVER" link set xfn0 mtu 9000
	ip -n "$CLIENT" link set c0 mtu 9000
	run -1 --separate-stderr xfn attach xfn0
	[[ $stderr == *"xfn0"*"MTU"* ]]
	[ "$(xdp_mode xfn0)" = none ]
}

@test "two interfaces, one map set: a limit holds for their sum" {
	second_wire
	xfn attach xfn0 >/dev/null
	xfn attach xfn1 >/dev/null
	apply_echo <<<"    limit: {rate: 1k/s, burst: 100}"
	answers 198.18.0.1 7
	answers 198.18.1.1 7
	start_flood first -r 4000 -t 1 -g 100 198.18.0.1 7
	start_flood second -r 4000 -t 1 -g 100 198.18.1.1 7
	until_true 5 test -s "$HOME_DIR/flood.first" -a -s "$HOME_DIR/flood.second"
	first=$(end_flood first)
	second=$(end_flood second)
	echo "$first $second"
	elapsed_ns=$(jq -s 'map(.elapsed_ns) | max' <<<"$first $second")
	admitted=$(jq -s 'map(.received) | add' <<<"$first $second")
	# The two did not begin at the same moment.
	[ "$admitted" -le $((100 + (elapsed_ns + 300000000) / 1000000 + 1)) ]
	[ "$admitted" -ge $((9 * (100 + elapsed_ns / 1000000) / 10)) ]
	[ "$(jq .received <<<"$first")" -gt 200 ]
	[ "$(jq .received <<<"$second")" -gt 200 ]
	[ "$(stat_of '.functions[0].verdicts.handled')" -eq $((admitted + 2)) ]
	audit_is_ok
}

@test "an interface that is deleted is missed, and attached again when it comes back" {
	second_wire
	xfn attach xfn0 >/dev/null
	xfn attach xfn1 >/dev/null
	apply_echo
	answers 198.18.1.1 7
	ip -n "$SERVER" link del xfn1
	until_true 5 journal_says "the interface is gone"
	[ "$(stat_of '[.interfaces[].name] | join(" ")')" = xfn0 ]
	answers 198.18.0.1 7
	revision=$(revision)
	second_wire
	until_true 5 answers 198.18.1.1 7
	[ "$(xdp_mode xfn1)" = native ]
	[ "$(revision)" = "$revision" ]
	[ "$(stat_of '[.interfaces[].name] | sort | join(" ")')" = "xfn0 xfn1" ]
	audit_is_ok

	# The same while xfnd is dead.
	stop_daemon KILL
	ip -n "$SERVER" link del xfn1
	second_wire
	start_daemon
	until_true 5 answers 198.18.1.1 7
	xfn detach xfn1
	[ "$(xdp_mode xfn1)" = none ]
}

@test "an interface that waits can be let go" {
	second_wire
	xfn attach xfn1 >/dev/null
	ip -n "$SERVER" link del xfn1
	until_true 5 journal_says "the interface is gone"
	run -0 xfn detach xfn1
	second_wire
	sleep 0.2
	[ "$(xdp_mode xfn1)" = none ]
	run -0 xfn attach xfn1
}

@test "an interface that is renamed is another one: let go, and taken up under its old name" {
	xfn attach xfn0 >/dev/null
	apply_echo
	answers 198.18.0.1 7
	ip -n "$SERVER" link set xfn0 down
	ip -n "$SERVER" link set xfn0 name other0
	ip -n "$SERVER" link set other0 up
	mode_is() { [[ $(xdp_mode "$1") == "$2" ]]; }
	until_true 5 mode_is other0 none
	until_true 5 journal_says "other0"
	[ "$(stat_of '.interfaces | length')" = 0 ]
	ip -n "$SERVER" link set other0 down
	ip -n "$SERVER" link set other0 name xfn0
	ip -n "$SERVER" link set xfn0 up
	until_true 5 mode_is xfn0 native
	until_true 5 answers 198.18.0.1 7

	# While xfnd is dead it stays; the next start sees.
	stop_daemon KILL
	ip -n "$SERVER" link set xfn0 down
	ip -n "$SERVER" link set xfn0 name other0
	ip -n "$SERVER" link set other0 up
	[ "$(xdp_mode other0)" = native ]
	start_daemon
	until_true 5 mode_is other0 none
}

@test "an interface that moves to another namespace is gone" {
	second_wire
	xfn attach xfn1 >/dev/null
	ip -n "$SERVER" link set xfn1 netns "$CLIENT"
	until_true 5 journal_says "the interface is gone"
	[ "$(ip -n "$CLIENT" -j link show xfn1 | jq '.[0].xdp')" = null ]
	ip -n "$CLIENT" link set xfn1 netns "$SERVER"
	mode_is() { [[ $(xdp_mode "$1") == "$2" ]]; }
	until_true 5 mode_is xfn1 native
}

@test "addresses are followed" {
	xfn attach xfn0 >/dev/null
	apply_echo
	ip -n "$CLIENT" route add 203.0.113.0/24 via 198.18.0.1
	is_silent 203.0.113.7 7
	ip -n "$SERVER" address add 203.0.113.7/32 dev xfn0
	until_true 5 answers 203.0.113.7 7
	ip -n "$SERVER" address del 203.0.113.7/32 dev xfn0
	until_true 5 is_silent 203.0.113.7 7
	answers 198.18.0.1 7
	# Those of an interface that is not attached are not the function's.
	ip -n "$SERVER" address add 203.0.113.9/32 dev lo
	sleep 0.2
	is_silent 203.0.113.9 7
	ip -n "$SERVER" address add fd00:18::7/64 dev xfn0 nodad
	until_true 5 answers fd00:18::7 7
	# A change while xfnd is dead is seen at the next start.
	stop_daemon KILL
	ip -n "$SERVER" address add 203.0.113.8/32 dev xfn0
	ip -n "$SERVER" address del fd00:18::7/64 dev xfn0
	answers fd00:18::7 7
	start_daemon
	until_true 5 answers 203.0.113.8 7
	is_silent fd00:18::7 7
	[ "$(revision)" = 2 ]
}

@test "the interface's MAC address is followed" {
	xfn attach xfn0 >/dev/null
	apply_echo
	answers 198.18.0.1 7
	ip -n "$SERVER" link set xfn0 address 02:00:00:00:00:77
	ip -n "$CLIENT" neighbour flush dev c0
	until_true 5 answers 198.18.0.1 7
	stop_daemon KILL
	ip -n "$SERVER" link set xfn0 address 02:00:00:00:00:78
	ip -n "$CLIENT" neighbour flush dev c0
	is_silent 198.18.0.1 7
	start_daemon
	until_true 5 answers 198.18.0.1 7
}

@test "attach in a manifest: its own come and go with it, those by command stay" {
	second_wire
	xfn attach xfn0 >/dev/null
	apply >/dev/null <<-END
		version: 1
		attach: [{interface: xfn1, mode: generic}]
		functions: []
	END
	[ "$(xdp_mode xfn1)" = generic ]
	run -0 apply <<<$'version: 1\nattach: []\nfunctions: []'
	[[ $output == *"interface 'xfn0' was attached by command and is not in the manifest: it stays"* ]]
	[ "$(xdp_mode xfn1)" = none ]
	[ "$(xdp_mode xfn0)" = native ]
	run -1 --separate-stderr apply <<<$'version: 1\nattach: [xfn1, lo]\nfunctions: []'
	[[ $stderr == *"interface 'lo' is not Ethernet"* ]]
	[ "$(xdp_mode xfn1)" = none ]
	run -1 --separate-stderr apply <<<$'version: 1\nattach: [{interface: xfn0, mode: generic}]\nfunctions: []'
	[[ $stderr == *"attached in native mode, expected generic"* ]]
	[ "$(xdp_mode xfn0)" = native ]
}

@test "an interface that two sets want stays until both let it go" {
	apply >/dev/null <<<$'version: 1\nset: one\nattach: [xfn0]\nfunctions: []'
	apply >/dev/null <<<$'version: 1\nset: two\nattach: [xfn0]\nfunctions: []'
	apply >/dev/null <<<$'version: 1\nset: one\nattach: []\nfunctions: []'
	[ "$(xdp_mode xfn0)" = native ]
	apply >/dev/null <<<$'version: 1\nset: two\nattach: []\nfunctions: []'
	[ "$(xdp_mode xfn0)" = none ]
}

@test "two daemons cannot share pins or revisions" {
	run -1 --separate-stderr in_server "$XFND" --run-dir "$HOME_DIR/run2" --pin-dir "$PINS" \
		--state-dir "$HOME_DIR/state2"
	[[ $stderr == *"another xfnd"* ]]
	run -1 --separate-stderr in_server "$XFND" --run-dir "$HOME_DIR/run2" \
		--pin-dir "$PINS" --state-dir "$STATE"
	[[ $stderr == *"'$STATE': another xfnd keeps its revisions there"* ]]
	run -1 --separate-stderr in_server "$XFND" --run-dir "$HOME_DIR/run2" --pin-dir "$PINS" \
		--state-dir "$HOME_DIR/state2" --reset
	run -0 xfn journal
	[ -d "$(pin_dir)/maps" ]
}

# xfn1's address is reached over xfn0. While xfn1 is attached it is among the addresses that a trigger
# without a destination is for; after that only the trigger for any is left.
@test "what detaching takes is refused, and told where it is done all the same; so it is of a swap" {
	add_wire "$SERVER" xfn1 198.18.1.1/24 -- "$CLIENT" c1
	ip -n "$CLIENT" route add 198.18.1.0/24 via 198.18.0.1
	listen 2222
	xfn attach xfn0 >/dev/null
	xfn attach xfn1 >/dev/null
	apply >/dev/null <<-END
		version: 1
		functions:
		  - {name: shell, trigger: tcp/2222, socket: existing}
		  - name: rest
		    trigger: {protocol: tcp, port: 2222, destination: any}
		    kernel: $OBJECTS/answer_a.bpf.o
	END
	open_session 2222 198.18.1.1
	run -1 --separate-stderr xfn detach xfn1
	[[ $stderr == *"function 'rest' ("*") would take established sessions: tcp/2222 from 198.18.0.2:$SESSION_PORT"* ]]
	[ "$(xdp_mode xfn1)" = native ]
	run -0 xfn detach --force xfn1
	[[ ${lines[0]} == "warning: tcp/2222 from 198.18.0.2:$SESSION_PORT goes to function 'rest' ("* ]]
	[ "${lines[1]}" = "detached from xfn1" ]
	run ! echoes lost 0.3
	# Each is told once, and where there is nothing to tell the list is empty.
	run -0 xfn attach --mode generic xfn1
	[ "$(grep -c "generic mode: " <<<"$output")" = 1 ]
	[ "$(xfn -j detach --force xfn1 | jq '.warnings | length')" = 1 ]
	[ "$(xfn -j swap rest "$OBJECTS/answer_b.bpf.o" | jq -c .warnings)" = "[]" ]
}
