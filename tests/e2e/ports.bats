#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Ports that stand by for programs to be started, and whose they are.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib

setup() {
	e2e_setup
	FUNCTION=$(share_program "$BUILD/examples/function/echo")
}

# The second xfnd of a test that failed, too.
teardown() {
	[[ -z ${theirs-} ]] || kill "$theirs" 2>/dev/null || true
	e2e_teardown
	rm -rf "$PINS-2"
}

# apply_echo [KEY: VALUE]...: function echo at udp/7.
apply_echo() {
	{
		printf 'version: 1\nattach: [xfn0]\nfunctions:\n  - name: echo\n    trigger: udp/7\n'
		printf '    %s\n' "xsk: $FUNCTION" "$@"
	} | apply >/dev/null
}

nothing() { apply --yes <<<$'version: 1\nfunctions: []' >/dev/null; }
state_is() { [[ $(xfn show echo -j | jq -r .instance.state) == "$1" ]]; }
interface() { xfn show echo -j | jq -r .instance.interface; }
answers() { [[ $(who_answers 198.18.0.1 7) == q ]]; }
# All namespaces of far ends: of what runs, and of descriptors.
netns_of() { find "/proc/$1/fd" -type l -lname 'net:*' -printf '%l\n' 2>/dev/null | wc -l; }

@test "two stand by while a function needs one; a start takes one, and another takes its place" {
	local first
	start_daemon
	nothing
	sleep 0.5
	has_ends 0
	apply_echo 'scale: {min: 0}'
	until_true 5 has_ends 2
	has_ports 0
	first=$(ends)
	answers
	grep -qxF "$(interface)" <<<"$first"
	until_true 5 has_ends 3
	has_ports 1
	[[ $(netns_of "$DAEMON") == 2 ]]
	audit_is_ok
	nothing
	until_true 5 has_ends 0
	[[ $(netns_of "$DAEMON") == 0 ]]
}

@test "as many as --ready-ports says; 0: each start makes its own" {
	run -2 --separate-stderr "$XFND" --ready-ports 17
	[[ $stderr == *"--ready-ports: '17' is too large, expected 0 to 16"* ]]
	start_daemon --ready-ports 0
	apply_echo
	until_true 5 state_is ready
	sleep 1
	has_ends 1
	answers
	stop_daemon
	start_daemon --ready-ports 3
	until_true 5 has_ends 4
	answers
}

@test "they go with xfnd, however that ends, and with a data plane that is made anew; the function's own stays" {
	local signal own
	start_daemon
	apply_echo
	until_true 5 has_ends 3
	own=$(interface)
	for signal in TERM KILL; do
		stop_daemon "$signal"
		until_true 5 has_ends 1
		[[ $(ends) == "$own" ]]
		answers
		start_daemon
		until_true 5 has_ends 3
		[[ $(interface) == "$own" ]]
	done
	stop_daemon KILL
	in_server "$XFND" --run-dir "$RUN" --pin-dir "$PINS" --state-dir "$STATE" --reset >/dev/null
	until_true 5 has_ends 0
	start_daemon
	apply_echo
	until_true 5 has_ends 3
	answers
}

@test "one that somebody has taken away is not used" {
	local name
	start_daemon
	apply_echo 'scale: {min: 0}'
	until_true 5 has_ends 2
	for name in $(ends); do ip -n "$SERVER" link del "$name"; done
	answers
	state_is ready
	audit_is_ok
}

@test "two xfnd in one network namespace leave each other's ports alone" {
	local other=$HOME_DIR/other ours
	start_daemon
	apply_echo
	until_true 5 has_ends 3
	ours=$(ends)
	[[ $(ip -n "$SERVER" -j link show "$(interface)" | jq -r '.[0].ifalias') == "xfn $RUN" ]]
	# A port of the other's that no file tells of: as if it had been killed while it made one. And one of ours.
	ip -n "$SERVER" link add xfnptheirs type veth peer name xfnptheirs2
	ip -n "$SERVER" link set xfnptheirs alias "xfn $other/run"
	ip -n "$SERVER" link add xfnpours type veth peer name xfnpours2
	ip -n "$SERVER" link set xfnpours alias "xfn $RUN"
	mkdir -p "$other/run"
	nsenter --net="/run/netns/$SERVER" "$XFND" --run-dir "$other/run" --pin-dir "$PINS-2" \
		--state-dir "$other/state" >>"$LOG" 2>&1 3>&- &
	theirs=$!
	until_true 10 "$XFN" --socket "$other/run/xfn.sock" journal >/dev/null
	is_there() { ip -n "$SERVER" link show "$1" >/dev/null 2>&1; }
	is_not_there() { ! is_there "$1"; }
	is_not_there xfnptheirs
	is_there xfnpours
	for name in $ours; do is_there "$name"; done
	ip -n "$SERVER" link add xfnptheirs type veth peer name xfnptheirs2
	ip -n "$SERVER" link set xfnptheirs alias "xfn $other/run"
	stop_daemon KILL
	start_daemon
	is_not_there xfnpours
	is_there xfnptheirs
	answers
	kill "$theirs"
	wait "$theirs" || true
	theirs=
	in_server "$XFND" --run-dir "$other/run" --pin-dir "$PINS-2" --state-dir "$other/state" --reset >/dev/null
	ip -n "$SERVER" link del xfnptheirs
	[[ ! -e $PINS-2 ]]
}
