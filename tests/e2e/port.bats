#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# A function on an AF_XDP socket, by libxfn, behind a port of the real data plane: real clients, and what
# the port's books say. What makes ports and runs functions is tools/porthost, by hand.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib

FUNCTION_NS=xfn-e2e-$E2E-fn
ECHO=$BUILD/examples/function/echo

setup() {
	e2e_setup
	start_daemon
}

teardown() {
	e2e_teardown
	ip netns del "$FUNCTION_NS" 2>/dev/null || true
}

# start_port [OPTION]... PROGRAM: with function echo (udp/7) behind it; the daemon's part is done.
start_port() {
	apply <<-EOF
		version: 1
		attach: [xfn0]
		functions:
		  - {name: echo, triggers: [udp/7, {protocol: udp, port: 8, source: 198.18.0.0/16}], socket: existing}
	EOF
	stop_daemon KILL || true
	mkfifo "$HOME_DIR/orders"
	in_server "$TOOLS/porthost" "$PINS" 0 xfn0 "$FUNCTION_NS" "$@" \
		<"$HOME_DIR/orders" >"$HOME_DIR/port" 2>"$HOME_DIR/port.err" 3>&- &
	PORT=$!
	exec 9>"$HOME_DIR/orders"
	until_true 10 grep -q ready "$HOME_DIR/port" || { cat "$HOME_DIR/port.err"; return 1; }
}

# end_port: the last totals are in $TOTALS.
end_port() {
	exec 9>&-
	wait "$PORT"
	TOTALS=$(tail -1 "$HOME_DIR/port")
	echo "$TOTALS"
}

@test "an echo on libxfn answers over IPv4 and IPv6, any size, and its books are right" {
	start_port "$ECHO"
	[[ $(who_answers 198.18.0.1 7) != none ]]
	local size text
	for size in 1 17 18 19 500 1400; do
		text=$(head -c "$size" /dev/zero | tr '\0' x)
		[[ $(printf %s "$text" | in_client socat -T 1 -t 1 - UDP4:198.18.0.1:7) == "$text" ]]
		[[ $(printf %s "$text" | in_client socat -T 1 -t 1 - "UDP6:[fd00:18::1]:7") == "$text" ]]
	done
	end_port
	jq -e '.replied >= 12 and .bad_reply == 0 and .bad_source == 0 and .late == 0 and
		.unsent == 0 and .timeout == 0 and .in_flight == 0' <<<"$TOTALS"
}

@test "numbered datagrams at a high rate: each is answered, or its loss has a name" {
	start_port "$ECHO"
	local got
	got=$(flood -n 100000 -r 50000 198.18.0.1 7)
	echo "$got"
	end_port
	jq -e '.duplicates == 0 and .changed == 0 and .sent == 100000' <<<"$got"
	# What the port sent back is what the client got, up to what the client's own socket dropped.
	jq -e --argjson got "$got" '.replied >= $got.received and .replied + .timeout <= $got.sent and
		.late == 0 and .bad_reply == 0' <<<"$TOTALS"
	jq -e '.received >= 99000' <<<"$got"
}

# totals: of the port as it is now.
totals() {
	echo >&9
	sleep 0.1
	tail -1 "$HOME_DIR/port"
}

@test "kill -9 of the function: what it had is a timeout, what comes then is counted and passes" {
	start_port --deadline-ms 200 "$ECHO"
	[[ $(who_answers 198.18.0.1 7) != none ]]
	pkill -STOP -f "^$ECHO"
	send 5 7 x
	in_flight_is() { [[ $(totals | jq .in_flight) == "$1" ]]; }
	until_true 2 in_flight_is 5
	sleep 0.3
	until_true 2 in_flight_is 0
	[[ $(totals | jq .timeout) == 5 ]]
	# Awake again it answers them: late, and sent all the same.
	pkill -CONT -f "^$ECHO"
	is_late() { [[ $(totals | jq .late) == 5 ]]; }
	until_true 2 is_late
	[[ $(who_answers 198.18.0.1 7) != none ]]
	pkill -KILL -f "^$ECHO"
	send 3 7 x
	until_true 2 in_flight_is 3
	exec 9>&-
	run ! wait "$PORT"
}

@test "as many in flight as may be, and no more" {
	start_port --concurrency 3 --deadline-ms 60000 "$ECHO"
	pkill -STOP -f "^$ECHO"
	send 10 7 x
	in_flight_is() { [[ $(totals | jq .in_flight) == "$1" ]]; }
	until_true 2 in_flight_is 3
	pkill -CONT -f "^$ECHO"
	until_true 2 in_flight_is 0
	[[ $(who_answers 198.18.0.1 7) != none ]]
	end_port
	jq -e '.replied == 4 and .timeout == 0' <<<"$TOTALS"
	restart_daemon || start_daemon
	[[ $(verdict concurrency_limited echo) == 7 ]]
}
