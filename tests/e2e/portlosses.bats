#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# What is lost at a port has a name, and keeps it: whatever ends.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib
load growth
load echoes

setup() {
	e2e_setup
	FUNCTION=$(share_program "$BUILD/examples/function/echo")
	TALLY=$(share_program "$TOOLS/tally")
	start_daemon
}

teardown() {
	e2e_teardown
}

keeper_is_not() { [[ -n $(keeper) && $(keeper) != "$1" ]]; }
is_ready() { [[ $(instance state) == ready ]]; }
is_another() { is_ready && [[ $(instance pid) != "$1" ]]; }
lost() { xfn stats echo -j | jq -r ".functions[0].lost.$1"; }
audit_is_ok() { xfn audit; }
lost_in_all() { xfn stats echo -j | jq -r '[.functions[0].lost[]] | add'; }
arrived_book() { xfn audit -j | jq -e ".books[] | select(.what | test(\"got by sockets or lost\")) | $1"; }
# fill: more than the ring of a stopped instance holds.
fill() { flood -n 20000 -r 100000 -g 1 -u 198.18.0.1 7 >/dev/null; }
one_way() { apply_echo "xsk: {exec: $TALLY, oneway: true, park: {events: 4096}}" && until_true 10 is_ready; }
# got: what it says it has counted.
got() { xfn logs echo | tail -n 1; }
has_said() { [[ $(xfn logs echo | wc -l) -gt $1 ]]; }
ask() {
	local lines
	lines=$(xfn logs echo | wc -l)
	send 1 7 '?'
	until_true 10 has_said "$lines"
}

@test "one that does not answer, stopped while more comes than its ring holds: what was sent is what it got, and what is lost by name" {
	one_way
	send 10 7 x
	kill -STOP "$(instance pid)"
	fill
	audit_is_ok
	(($(lost xsk_dropped) > 10000))
	kill -CONT "$(instance pid)"
	# Its ring has room again when it has taken out something.
	sleep 0.3
	ask
	xfn stats echo
	xfn audit
	(($(got) > 1000))
	[[ $(($(got) + $(lost_in_all))) == 20010 ]]
	arrived_book '.ok and .left == 20011 and .right == 20011'
	audit_is_ok
}

@test "what was lost stays: when its instance ends, when xfnd does, and when both do" {
	local pid dropped behind
	one_way
	pid=$(instance pid)
	kill -STOP "$pid"
	fill
	dropped=$(lost xsk_dropped)
	((dropped > 10000))
	# xfnd ends, the instance goes on.
	restart_daemon KILL
	is_ready
	[[ $(lost xsk_dropped) == "$dropped" && $(lost left_behind) == 0 ]]
	audit_is_ok
	# The instance ends, and leaves what lies in its ring.
	kill -KILL "$pid"
	until_true 10 is_another "$pid"
	[[ $(lost xsk_dropped) == "$dropped" ]]
	behind=$(lost left_behind)
	[[ $((dropped + behind)) == 20000 && $behind != 0 ]]
	audit_is_ok
	# Both do, the instance while no xfnd is there.
	pid=$(instance pid)
	kill -STOP "$pid"
	fill
	stop_daemon KILL
	kill -KILL "$pid"
	start_daemon
	until_true 10 is_another "$pid"
	xfn stats echo
	xfn audit
	[[ $(($(lost xsk_dropped) + $(lost left_behind) + $(lost no_socket))) == 40000 ]]
	(($(lost xsk_dropped) > dropped && $(lost left_behind) > behind))
	audit_is_ok
	# It begins anew with the function.
	apply --yes <<<$'version: 1\nfunctions: []'
	until_true 10 has_no_port
	one_way
	[[ $(lost_in_all) == 0 ]]
	audit_is_ok
}

@test "killed at 20,000 a second: what is not answered lay in its ring, or was in its hands" {
	local round pid got lost=0 hands=0
	for round in 1 2 3; do
		apply_echo "xsk: {exec: $FUNCTION, env: {ROUND: '$round'}, park: {events: 30000, age: 10s}}" \
			'latency: {deadline: 5s}' >/dev/null
		until_true 10 is_ready
		pid=$(instance pid)
		start_flood a -n 20000 -r 20000 -g 2000 198.18.0.1 7
		sleep 0.4
		kill -KILL "$pid"
		until_true 10 is_another "$pid"
		sleep 2
		got=$(end_flood a)
		echo "$got"
		jq -e '.sent == 20000 and .duplicates == 0 and .changed == 0' <<<"$got"
		lost=$((lost + $(field "$got" '.sent - .received - .late')))
		hands=$((hands + 64))
	done
	echo "lost $lost, of these by name $(lost_in_all)"
	[[ $(port parked_full) == 0 && $(port parked_lost) == 0 && $(lost_in_all) == $(lost left_behind) ]]
	((lost >= $(lost left_behind) && lost <= $(lost left_behind) + hands))
	audit_is_ok
}

@test "a keeper that takes the place of another one has what the next xfnd asks" {
	local keeper
	one_way
	keeper=$(keeper)
	kill -KILL "$keeper"
	until_true 5 keeper_is_not "$keeper"
	kill -STOP "$(instance pid)"
	fill
	restart_daemon KILL
	(($(lost xsk_dropped) > 10000))
	audit_is_ok
}

@test "with xfnd and the keeper what their instance's socket said is not known; the books are right, and go on" {
	local pid
	one_way
	pid=$(instance pid)
	kill -STOP "$pid"
	fill
	stop_daemon KILL
	kill -KILL "$(keeper)"
	start_daemon
	is_ready
	[[ $(lost_in_all) == 0 ]]
	audit_is_ok
	kill -KILL "$pid"
	until_true 10 is_another "$pid"
	audit_is_ok
	send 10 7 x
	ask
	[[ $(got) == 10 ]]
	# What came just before it took events has waited, and is another book's.
	arrived_book ".ok and .left == .right and .left + $(port parked) == 20011"
	# And with the instance as well.
	pid=$(instance pid)
	stop_daemon KILL
	kill -KILL "$(keeper)" "$pid"
	send 10 7 x
	start_daemon
	until_true 10 is_another "$pid"
	send 10 7 x
	ask
	audit_is_ok
}

@test "of a function that was delivered elsewhere before, the books of its port begin with the port" {
	apply_echo 'socket: existing'
	send 5 7 x
	[[ $(verdict steered echo) == 5 ]]
	apply_echo
	until_true 10 is_ready
	run -0 flood -n 3 -g 300 198.18.0.1 7
	[[ $(field "$output" .received) == 3 && $(verdict steered echo) == 8 ]]
	audit_is_ok
	arrived_book '.ok and .left == 3 and .right == 3'
	# Back and forth, while its instance still answers what it has.
	kill -STOP "$(instance pid)"
	apply_echo 'socket: existing'
	send 5 7 x
	apply_echo
	until_true 10 is_ready
	run -0 flood -n 3 -g 300 198.18.0.1 7
	xfn audit
	audit_is_ok
}

@test "packets above the port's MTU: said beforehand, and lost under a name of their own" {
	ip -n "$SERVER" link set xfn0 mtu 3000
	ip -n "$CLIENT" link set c0 mtu 3000
	apply_echo >"$HOME_DIR/said"
	cat "$HOME_DIR/said"
	grep -F "function 'echo': MTU 1774 of its port, and packets of up to 3000 bytes come in at 'xfn0': larger ones are lost: ip link set dev xfn0 mtu 1774" "$HOME_DIR/said"
	# Of several functions that is said once, and of none that is at its port already.
	said_of_ports() { xfn -j plan - | jq -r '.warnings[] | select(contains("MTU 1774")) | sub(": MTU.*"; "")'; }
	functions() { printf '{version: 1, attach: [xfn0], functions: ['; printf "{name: %s, trigger: udp/%s, xsk: $FUNCTION}," "$@"; printf ']}'; }
	[ "$(functions echo 7 | said_of_ports)" = "" ]
	[ "$(functions echo 7 b 8 c 9 d 10 | said_of_ports)" = "function 'b' and 2 more" ]
	until_true 10 is_ready
	run -0 flood -n 3 -g 300 -s 1746 198.18.0.1 7 # with UDP's and IPv4's headers 1774
	[[ $(field "$output" .received) == 3 ]]
	run -0 flood -n 2 -r 100 -g 300 -s 2500 198.18.0.1 7
	[[ $(field "$output" .received) == 0 ]]
	[[ $(lost too_big) == 2 && $(lost_in_all) == 2 ]]
	# The longest that gets there has 1792 bytes in all, with 42 of headers; both halves of that are explained.
	explained() { xfn explain "udp 198.18.0.2:4000 > 198.18.0.1:7 payload $(printf '%0*d' "$((2 * $1))" 0)"; }
	[[ $(explained 1751) == *"whose MTU of 1774 is too small for it: lost, as too_big"* ]]
	[[ $(explained 1750) != *"too small"* ]]
	xfn doctor -j xfn0 | jq -e '.checks[] | select(.name == "mtu") | .status == "warn" and
		.remedy == "ip link set mtu 1774 dev xfn0"'
	run xfn doctor xfn0 --fix --yes
	[[ $(ip -n "$SERVER" -j link show xfn0 | jq '.[0].mtu') == 3000 ]]
	[[ $(xfn stats -j | jq '.interfaces[0].verdicts.steered') == 5 ]]
	audit_is_ok
	# Nothing is new: nothing is said.
	run -0 apply_echo
	[[ $output != *"larger ones"* ]]
}
