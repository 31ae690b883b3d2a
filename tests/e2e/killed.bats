#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# A function on an AF_XDP socket that is killed again and again under a flood: where each event is.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib

COUNT=100000
RATE=20000
WITH_ONE=$((RATE / 10)) # events that may go with one that is killed: of 100 ms

setup() {
	e2e_setup
	FUNCTION=$(share_program "$BUILD/examples/function/echo")
	start_daemon
}

teardown() {
	e2e_teardown
}

# apply_echo ROUND EVENTS: another program each time, so that ends in a row are counted anew; so many wait.
apply_echo() {
	apply >/dev/null <<-END
		version: 1
		attach: [xfn0]
		functions:
		  - {name: echo, trigger: udp/7, xsk: {exec: $FUNCTION, env: {ROUND: "$1"}, park: {events: $2}}}
	END
}

ready_as_other_than() { xfn show echo -j | jq -e ".instance | .state == \"ready\" and .pid != $1" >/dev/null; }
pid() { xfn show echo -j | jq -r .instance.pid; }
port() { xfn stats echo -j | jq -r ".functions[0].port.$1"; }
port_is() { [[ $(port "$1") == "$2" ]]; }

kill_it() {
	local pid
	sleep 0.3
	pid=$(pid)
	kill -KILL "$pid"
	until_true 10 ready_as_other_than "$pid"
}

# flood_and_kill EVENTS: a flood, in which it is killed five times, and once followed by another program.
# What the client saw is in GOT then, what the port did in PORT.
flood_and_kill() {
	local pid
	apply_echo 0 "$1"
	until_true 10 ready_as_other_than 0
	start_flood a -n "$COUNT" -r "$RATE" 198.18.0.1 7
	kill_it
	kill_it
	pid=$(pid)
	apply_echo 1 "$1"
	until_true 10 ready_as_other_than "$pid"
	kill_it
	kill_it
	kill_it
	until_true 20 test -s "$HOME_DIR/flood.a"
	until_true 5 port_is in_flight 0
	GOT=$(<"$HOME_DIR/flood.a")
	PORT=$(xfn stats echo -j | jq -c '.functions[0].port')
	echo "$GOT"
	echo "$PORT"
}

# udp NAME: of the client's host, from its beginning on.
udp() { in_client nstat -asz "Udp$1" | awk -v name="Udp$1" '$1 == name { print $2 }'; }

# driver_of NAMESPACE DEVICE COUNTER: over all of its queues.
driver_of() {
	nsenter --net="/run/netns/$1" ethtool -S "$2" |
		awk -v name="_$3:\$" '$1 ~ name { sum += $2 } END { print sum + 0 }'
}

# Each number is accounted for, at each place on its way. Not looked at is what nobody promises: which are lost with
# one that is killed, and the order, since a program that follows another may overtake it.
each_is_accounted_for() {
	local reached wire
	# None came back changed or twice; what the client does not have, it has lost, if late.
	jq -e --argjson count "$COUNT" '.sent == $count and .received + .lost == .sent and .late <= .lost and
		[.duplicates, .changed, .refused] == [0, 0, 0]' <<<"$GOT"
	# Each event was given to the port, and answered in time or not.
	[[ $(verdict steered echo) == "$COUNT" ]]
	jq -e --argjson count "$COUNT" '.replied + .timeout == $count and .waiting == 0 and
		[.bad_reply, .bad_source, .unsent] == [0, 0, 0]' <<<"$PORT"
	# What was answered, if late, reached the client's host, or the wire has lost it; and there the client.
	reached=$(($(udp InDatagrams) + $(udp InErrors) + $(udp NoPorts)))
	wire=$(($(driver_of "$SERVER" xfn0 xdp_xmit_errors) + $(driver_of "$CLIENT" c0 drops)))
	(($(jq '.replied + .late' <<<"$PORT") == reached + wire))
	(($(jq '.received + .late' <<<"$GOT") == $(udp InDatagrams)))
	# What became a timeout did not fit, was lost with a keeper, was too old, was answered late; or it was in the hands
	# of one of the five, or came while the kernel took that apart, some 15 ms in which its end shows nowhere.
	jq -e --argjson hands $((5 * WITH_ONE)) '(.timeout - .late - .parked_full - .parked_lost - .expired) |
		. >= 0 and . <= $hands' <<<"$PORT"
	xfn audit
}

@test "killed five times in 100,000 events: each is answered, or has its place among the timeouts" {
	flood_and_kill 1024
	each_is_accounted_for
	jq -e '.parked > 1024 and .parked_full > 0' <<<"$PORT"
}

@test "the same where all that comes may wait: lost is what goes with it, and no more" {
	flood_and_kill 20000 # a second
	each_is_accounted_for
	jq -e '.parked > 5000 and .parked_full == 0' <<<"$PORT"
}
