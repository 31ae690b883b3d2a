#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Events wait for a program: while it starts, while it is started again, and where it runs only when there are any.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib
load growth
load echoes

setup() {
	e2e_setup
	FUNCTION=$(share_program "$BUILD/examples/function/echo")
	start_daemon
}

teardown() {
	e2e_teardown
}

# apply_echo [KEY: VALUE]...: function echo at udp/7, that runs when there is something to do.
apply_echo() {
	{
		printf 'version: 1\nattach: [xfn0]\nfunctions:\n  - name: echo\n    trigger: udp/7\n'
		printf '    %s\n' "${@:-xsk: $FUNCTION}"
	} | apply >/dev/null
}

apply_idle() {
	apply_echo "${1:-xsk: $FUNCTION}" 'scale: {min: 0}' "${@:2}"
	until_true 10 state_is idle
}

nothing() { apply --yes <<<$'version: 1\nfunctions: []' >/dev/null; }
port_is() { [[ $(port "$1") == "$2" ]]; }
book() { xfn audit -j | jq -e ".books[] | select(.what | test(\"$1\")) | $2" >/dev/null; }
books_are_right() { book 'given to its port' .ok && book 'seen by the keeper' .ok && audit_is_ok; }
has_no_keeper() { [[ -z $(keeper) && ! -e $RUN/keeper.sock ]]; }
answers() { [[ $(in_client "$TOOLS/flood" -n 1 -g 900 198.18.0.1 7 | jq -r '.received') == 1 ]]; }

@test "one that is not needed does not run; the first event starts it, and is answered" {
	apply_idle
	[[ $(instance pid) == 0 && $(xfn ls -j | jq -r '.functions[0].state') == live ]]
	run -0 xfn explain 'udp 198.18.0.2:4000 > 198.18.0.1:7 payload 6869'
	[[ $output == *steered* && $output == *"parked: no instance of the function is ready"* ]]
	answers
	state_is ready
	[[ $(port parked) == 1 && $(port replied) == 1 && $(port waiting) == 0 && $(port late) == 0 ]]
	# With a pool that is soon made.
	tr '\0' '\n' <"/proc/$(instance pid)/environ" | grep -qx XFN_FRAMES=1024
	answers
	[[ $(port parked) == 1 && $(port replied) == 2 ]]
	books_are_right
	# It ends when it has done its work, and is started by the next event.
	kill -TERM "$(instance pid)"
	until_true 5 state_is idle
	answers
	state_is ready
	[[ $(port parked) == 2 && $(port replied) == 3 ]]
	nothing
	until_true 5 has_no_keeper
}

@test "what comes while it starts is answered once, in order, and nothing is lost" {
	local i got
	apply_idle
	for ((i = 0; i < 20; i++)); do
		got=$(flood -n 500 -r 5000 198.18.0.1 7)
		echo "$got"
		jq -e '.received == 500 and .lost == 0 and .late == 0 and .duplicates == 0 and .reordered == 0 and .changed == 0' <<<"$got"
		kill -TERM "$(instance pid)"
		until_true 5 state_is idle
	done
	(($(port parked) > 20))
	[[ $(port replied) == 10000 && $(port timeout) == 0 && $(port parked_full) == 0 ]]
	books_are_right
}

# ask [TAG]...: who answers a frame with these tags, and with which.
ask() {
	in_client python3 "$BATS_TEST_DIRNAME/tools/frame.py" c0 "$(ip -n "$SERVER" -j link show xfn0 | jq -r '.[0].address')" \
		198.18.0.2 198.18.0.1 7 "$@"
}

@test "IPv6, and VLAN tags, through a port: of what waits, and of what comes then; in native and in generic mode" {
	local mode
	for mode in native generic; do
		nothing
		xfn detach xfn0 >/dev/null 2>&1 || true
		apply >/dev/null <<-END
			version: 1
			attach: [{interface: xfn0, mode: $mode}]
			functions:
			  - name: echo
			    triggers: [udp/7, {protocol: udp, port: 7, vlan: 10}, {protocol: udp, port: 7, vlan: [10, 20]}]
			    xsk: $FUNCTION
			    scale: {min: 0}
		END
		until_true 10 state_is idle
		[[ $(ask 10 20) == "q 10 20" && $(port parked) == 1 ]]
		[[ $(ask 10:88a8) == "q 10" && $(ask 10 20) == "q 10 20" && $(ask) == q ]]
		[[ $(port parked) == 1 && $(port replied) == 4 ]]
		kill -TERM "$(instance pid)"
		until_true 5 state_is idle
		[[ $(in_client "$TOOLS/flood" -n 1 -g 900 fd00:18::1 7 | jq -r '.received') == 1 ]]
		[[ $(port parked) == 2 && $(port replied) == 5 && $(port bad_reply) == 0 ]]
		books_are_right
	done
}

@test "one that is killed: what comes until it is there again waits" {
	local got pid
	apply_echo
	until_true 10 state_is ready
	pid=$(instance pid)
	start_flood a -n 4000 -r 2000 198.18.0.1 7
	sleep 0.7
	kill -KILL "$pid"
	got=$(end_flood_in_time a)
	echo "$got" "$(xfn stats echo -j | jq -c '.functions[0].port')"
	# What was in its own hands goes with it: no more than its rings have.
	jq -e '.duplicates == 0 and .changed == 0 and .sent == 4000 and .received >= 3900' <<<"$got"
	(($(port parked) > 50))
	until_true 5 port_is in_flight 0
	(($(port replied) + $(port timeout) == 4000))
	books_are_right
}

# Waits until a flood has sent all.
end_flood_in_time() {
	until_true 10 test -s "$HOME_DIR/flood.$1"
	cat "$HOME_DIR/flood.$1"
}

@test "as many wait as may, and none that is too old is handed over" {
	script "sleep 1; exec $FUNCTION"
	apply_echo "xsk: {exec: $SCRIPT, park: {events: 10, age: 500ms}}" 'latency: {deadline: 10s}'
	send 30 7 x
	until_true 5 port_is waiting 10
	[[ $(port parked) == 30 && $(port parked_full) == 20 ]]
	until_true 10 state_is ready
	pid=$(instance pid)
	port_is expired 10
	port_is waiting 0
	[[ $(port replied) == 0 ]]
	answers
	books_are_right
	script "sleep 1; exec $FUNCTION"
	apply_echo "xsk: {exec: [$SCRIPT, again], park: {events: 0}}"
	kill -KILL "$pid"
	until_true 5 state_is starting
	send 1 7 x
	[[ $(port parked) == 30 && $(verdict no_target echo) == 1 ]]
}

@test "for one that ends again and again nothing waits" {
	script 'exit 3'
	apply_echo "xsk: $SCRIPT"
	until_true 20 state_is parked
	send 3 7 x
	[[ $(verdict no_target echo) == 3 && $(port waiting) == 0 ]]
	apply_echo
	until_true 10 state_is ready
	answers
}

@test "kill -9 of xfnd at any moment of a start from nothing: the event is answered all the same, once" {
	local i pid
	apply_idle "xsk: $FUNCTION" 'latency: {deadline: 30s}'
	for i in 0 5 10 15 20 25 30 35 40 45 50 60 70 80; do
		in_client "$TOOLS/flood" -n 3 -r 1000 -g 8000 198.18.0.1 7 >"$HOME_DIR/got" 3>&- &
		sleep "0.0$i"
		restart_daemon KILL
		until_true 9 test -s "$HOME_DIR/got"
		echo "$i: $(<"$HOME_DIR/got")"
		jq -e '.received == 3 and .duplicates == 0 and .reordered == 0' "$HOME_DIR/got"
		pid=$(instance pid)
		((pid == 0)) || kill -TERM "$pid"
		until_true 10 state_is idle
	done
	[[ $(port replied) == 42 && $(port timeout) == 0 ]]
	books_are_right
}

@test "while xfnd is dead what comes for one that does not run waits for it" {
	apply_idle "xsk: $FUNCTION" 'latency: {deadline: 30s}'
	stop_daemon KILL
	in_client "$TOOLS/flood" -n 20 -r 100 -g 8000 198.18.0.1 7 >"$HOME_DIR/got" 3>&- &
	sleep 0.5
	start_daemon
	until_true 9 test -s "$HOME_DIR/got"
	jq -e '.received == 20 and .duplicates == 0 and .reordered == 0' "$HOME_DIR/got"
	books_are_right
}

@test "kill -9 of the keeper: who runs does not notice; what waited is lost, and counted; another one takes its place" {
	local got
	apply_echo
	until_true 10 state_is ready
	start_flood a -n 100000 -r 2000 198.18.0.1 7
	sleep 0.3
	kill -KILL "$(keeper)"
	sleep 0.5
	nothing_lost "$(end_flood a)"
	until_true 5 journal_says "another one takes its place"
	script "sleep 2; exec $FUNCTION"
	nothing
	apply_idle "xsk: $SCRIPT" 'latency: {deadline: 30s}'
	send 5 7 x
	until_true 5 port_is waiting 5
	kill -KILL "$(keeper)"
	until_true 5 journal_says "with it 5 events that waited"
	port_is parked_lost 5
	is_replaced() { [[ $(xfn journal | grep -c "keeps events and sockets") == 4 ]]; }
	until_true 5 is_replaced
	# Those who come now wait with the next one.
	send 1 7 x
	until_true 5 port_is replied "$(($(port replied) + 1))"
	books_are_right
}

@test "nothing that a function needs is kept when there is none" {
	apply_echo
	until_true 10 state_is ready
	test -n "$(keeper)"
	nothing
	until_true 5 has_no_keeper
	apply_idle
	stop_daemon
	test -n "$(keeper)"
	reset_daemon
	until_true 5 has_no_keeper
}
