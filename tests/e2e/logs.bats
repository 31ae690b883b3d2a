#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# What programs of functions write: xfn logs.

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

@test "one that closes its output, or writes without end, costs xfnd next to nothing" {
	local before
	script "exec >&- 2>&-; exec $FUNCTION"
	apply_echo "xsk: $SCRIPT"
	until_true 10 state_is ready
	before=$(cpu_of "$DAEMON")
	sleep 1
	(($(cpu_of "$DAEMON") - before < 20))
	answers 198.18.0.1 7
	script "yes & exec $FUNCTION"
	apply_echo "xsk: [$SCRIPT, again]"
	until_true 10 logs_say y
	until_true 10 state_is ready
	before=$(cpu_of "$DAEMON")
	sleep 1
	(($(cpu_of "$DAEMON") - before < 30))
	answers 198.18.0.1 7
}

# Writes "TAG PID NUMBER", numbered from 0, without end, and is an echo.
count_script() {
	# shellcheck disable=SC2016 # no shell of ours expands it
	script 'i=0; while :; do echo "$TAG $$ $i"; i=$((i + 1)); sleep 0.01; done & exec '"$FUNCTION"
}
start_following() {
	"$XFN" logs echo -f "$@" >"$HOME_DIR/followed" 2>"$HOME_DIR/followed.err" 3>&- &
	FOLLOWER=$!
}
end_following() {
	kill "$FOLLOWER"
	wait "$FOLLOWER" || true
	cat "$HOME_DIR/followed.err"
	[[ ! -s $HOME_DIR/followed.err ]]
}
# followed TEXT COUNT: so many lines of what is followed have it.
followed() { (($(grep -c -- "$1" "$HOME_DIR/followed") >= $2)); }
# no_line_is_missing FILE PROGRAMS: of so many programs that counted all lines are there, from the first on.
no_line_is_missing() {
	awk -v programs="$2" '
		$3 != seen[$2]++ { print "of " $1 " " $2 ": " $3 " is not " seen[$2] - 1; bad = 1 }
		END {
			for (program in seen) found++
			if (found != programs) print found " programs"
			exit bad || found != programs
		}' "$1"
}

@test "followed, what programs write misses nothing: behind a kill, behind a change, and of both at once" {
	count_script
	apply_echo "xsk: {exec: $SCRIPT, env: {TAG: one}}" >/dev/null
	until_true 10 state_is ready
	start_following
	until_true 10 followed one 100
	pid=$(instance pid)
	kill -KILL "$pid"
	until_true 10 pid_is_not "$pid"
	until_true 10 followed one 200
	# The one that follows has written less than was read of the one before: all of that is new.
	pid=$(instance pid)
	apply_echo "xsk: {exec: $SCRIPT, env: {TAG: two}}" >/dev/null
	until_true 10 pid_is_not "$pid"
	until_true 10 followed two 50
	end_following
	no_line_is_missing "$HOME_DIR/followed" 3
	# What the one before wrote is still there, and there is one file of it.
	xfn logs echo >"$HOME_DIR/logs"
	no_line_is_missing "$HOME_DIR/logs" 3
	[[ $(find "$RUN/instances" -name '*.log' | wc -l) == 1 ]]
}

@test "kill -9 of xfnd: what programs wrote before it, and meanwhile, is there for the next one; and goes with the function" {
	count_script
	apply_echo "xsk: {exec: $SCRIPT, env: {TAG: one}}" >/dev/null
	until_true 10 state_is ready
	until_true 10 logs_say ' 30'
	stop_daemon KILL
	sleep 0.5
	start_daemon
	until_true 10 logs_say ' 60'
	kill -KILL "$(instance pid)"
	has_both() { xfn logs echo >"$HOME_DIR/logs" && [[ $(grep -c ' 30$' "$HOME_DIR/logs") == 2 ]]; }
	until_true 10 has_both
	no_line_is_missing "$HOME_DIR/logs" 2
	nothing >/dev/null
	until_true 10 has_no_files
	# Another one of that name has nothing of it, and who followed the former is not told to skip.
	stream=$(in_server curl -sS --unix-socket "$XFN_SOCKET" 'http://xfnd/v1/logs?function=echo' | jq .stream)
	[[ $stream == null ]]
	script "echo other; exec $FUNCTION"
	apply_echo "xsk: $SCRIPT" >/dev/null
	until_true 10 logs_say other
	[[ $(xfn logs echo) == other ]]
	in_server curl -sS --unix-socket "$XFN_SOCKET" 'http://xfnd/v1/logs?function=echo&stream=1&after=99999' |
		jq -e '.text == "other\n" and .first == 0 and .next == 6 and .stream > 1'
	# One that goes while no xfnd is there takes it along, too.
	stop_daemon KILL
	reset_daemon >/dev/null
	[[ ! -e $RUN/instances ]]
	start_daemon
}

@test "followed as JSON: an object a line, of what is new; and a character is whole" {
	script 'printf "caf\303"; sleep 1; printf "\251\n"; sleep 0.5; printf "half"; sleep 0.5; exec '"$FUNCTION"
	apply_echo "xsk: $SCRIPT" >/dev/null
	start_following -j
	until_true 10 state_is ready
	kill -KILL "$(instance pid)"
	until_true 10 followed half 2
	end_following
	cat "$HOME_DIR/followed"
	# Of each line by itself.
	while read -r line; do
		jq -ce '.function == "echo" and .next > .first and .text != ""' <<<"$line"
	done <"$HOME_DIR/followed"
	(($(grep -c . "$HOME_DIR/followed") >= 4))
	[[ $(jq -j .text "$HOME_DIR/followed") == $'café\nhalf\ncafé\nhalf' ]]
	jq -s -e '[.[1:], .[:-1]] | transpose | all(.[0].first == .[1].next)' "$HOME_DIR/followed"
}
