#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# A function beside one that means no good: it is served as if it were alone, and the fault has a name.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib

setup() {
	e2e_setup
	FUNCTION=$(share_program "$BUILD/examples/function/echo")
	HOSTILE=$(share_program "$TOOLS/hostile")
	start_daemon
}

teardown() {
	e2e_teardown
}

state_is() { xfn show "$1" -j | jq -e ".instance.state == \"$2\"" >/dev/null; }
pid_of() { xfn show "$1" -j | jq -r .instance.pid; }
port() { xfn stats "$1" -j | jq -r ".functions[0].port.$2"; }
port_is_above() { (($(port "$1" "$2") > $3)); }
logs_say() { xfn logs bad | grep -qF -- "$1"; }
# uses EXPRESSION: of what xfn show says that the bad one has taken, and may take.
uses() { xfn show bad -j | jq -e ".instance.uses | $1" >/dev/null; }
cpu_ms_of() { awk -v "hz=$(getconf CLK_TCK)" '{ print ($14 + $15) * 1000 / hz }' "/proc/$1/stat"; }
journal_says() { xfn journal | grep -qF -- "$1"; }
nothing() { apply --yes <<<$'version: 1\nfunctions: []' >/dev/null; }
processes_of() { pgrep -u "$1" | wc -l; }
has_no_processes() { [[ $(processes_of "$1") == 0 ]]; }

# beside ARGUMENT...: a good function at udp/9, and a hostile one at udp/7.
beside() {
	local arguments
	arguments=$(printf ', "%s"' "$HOSTILE" "$@")
	apply >/dev/null <<-END
		version: 1
		attach: [xfn0]
		functions:
		  - {name: good, trigger: udp/9, xsk: $FUNCTION}
		  - {name: bad, trigger: udp/7, xsk: {exec: [${arguments:2}]}}
	END
	until_true 20 state_is good ready
	until_true 20 state_is bad ready
}

# while_it_does COMMAND...: the good one is asked all the while, and the command succeeds meanwhile.
while_it_does() {
	local got
	start_flood good -n 1000000 -r 2000 198.18.0.1 9
	sleep 0.3
	send 1 7 x
	until_true 10 "$@"
	sleep 1
	got=$(end_flood good)
	nothing_lost "$got"
	[[ $(port good timeout) == 0 && $(port good late) == 0 && $(port good bad_reply) == 0 ]]
	jq -e '.changed == 0 and .duplicates == 0 and (.by | keys == ["q"])' <<<"$got"
	audit_is_ok
}

# Nothing of either is left.
goes() {
	local uid
	uid=$(xfn show bad -j | jq -r .instance.uid)
	nothing
	until_true 20 has_no_processes "$uid"
	until_true 10 has_no_port
}

@test "one that spins and takes no event: its events are timeouts" {
	beside hang
	send 50 7 x
	while_it_does port_is_above bad timeout 40
	local pid before
	pid=$(pid_of bad)
	before=$(cpu_ms_of "$pid")
	uses ".cpu_ms > 500 and .cpu_ms >= $before"
	uses ".cpu_ms - 5000 <= $(cpu_ms_of "$pid")"
	[[ $(port bad replied) == 0 ]]
	goes
}

@test "one that floods its port with what is no reply: all of it is dropped and counted" {
	beside flood
	while_it_does port_is_above bad bad_reply 10000
	[[ $(port bad replied) == 0 ]]
	goes
}

@test "one that forges addresses and tokens: nothing leaves in another's name" {
	beside spoof
	while_it_does port_is_above bad bad_reply 10000
	# From its own place, to an interface that is there, in answer to no event: that is its own affair.
	port_is_above bad unsent 1000
	goes
}

@test "one that takes all memory" {
	local total resident
	total=$(awk '/^MemTotal/ { print $2 * 1024 }' /proc/meminfo)
	beside memory
	while_it_does uses '.resident_bytes > 500000000'
	xfn show bad -j | jq -c .instance.uses
	uses ".data_bytes >= .resident_bytes - 100000000 and .data_bytes <= .data_bytes_max and .data_bytes_max < $total / 3"
	# As the kernel has it, up to what it takes between the two looks.
	resident=$(awk '/^VmRSS/ { print $2 * 1024 }' "/proc/$(pid_of bad)/status")
	uses ".resident_bytes >= $resident"
	xfn show good -j | jq -e '.instance.uses.resident_bytes < 100000000'
	goes
}

@test "one that takes all descriptors" {
	beside files
	while_it_does logs_say "no more files"
	xfn show bad -j | jq -c .instance.uses
	uses '.files_max >= 1024'
	if [[ $(xfn show bad -j | jq .instance.uses.files) == null ]]; then # before Linux 6.2
		[[ $(uname -r) =~ ^([1-5]\.|6\.[01]\.) ]]
	else
		uses '.files == .files_max'
		xfn show good -j | jq -e '.instance.uses | .files < 20 and .files > 3'
	fi
	goes
}

@test "one that forks without end is held, and swept away" {
	beside forks
	while_it_does uses '.tasks == .tasks_max and .tasks_max == 128'
	# As pgrep counts them.
	[[ $(processes_of "$(xfn show bad -j | jq -r .instance.uid)") == 128 ]]
	xfn show good -j | jq -e '.instance.uses | .tasks == 1 and .tasks_max == 128'
	goes
}

@test "one that is killed at any moment" {
	local i pid
	beside hang
	killed_often() {
		for ((i = 0; i < 4; i++)); do
			pid=$(pid_of bad) # 0: it is not there at the moment
			((pid == 0)) || kill -KILL "$pid" || true
			sleep "0.$((RANDOM % 4 + 1))"
		done
	}
	while_it_does killed_often
	journal_says "bad: killed by SIGKILL; started again after"
	xfn show bad -j | jq -e '.instance | .restarts >= 1 and .last_end == "killed by SIGKILL"'
	xfn show good -j | jq -e '.instance | .restarts == 0 and .last_end == ""'
	goes
}

@test "it sees nothing of another: no memory, descriptors, namespaces, packets; nor loads BPF" {
	local pid address outside
	beside hang
	pid=$(pid_of good)
	address=$(awk '$2 ~ /^r/ { sub(/-.*/, "", $1); print $1; exit }' "/proc/$pid/maps")
	# All that it tries is there, and root may.
	outside=$(unshare --mount "$HOSTILE" outside "$pid" "$address" "$PINS" "$RUN")
	echo "$outside"
	[[ $(grep -vc ^ALLOWED <<<"$outside") == 1 && $outside == *done ]]
	apply >/dev/null <<-END
		version: 1
		attach: [xfn0]
		functions:
		  - {name: good, trigger: udp/9, xsk: $FUNCTION}
		  - {name: bad, trigger: udp/7, xsk: {exec: [$HOSTILE, pry, "$pid", "$address", $PINS, $RUN]}}
	END
	until_true 10 logs_say 'done'
	xfn logs bad
	diff <(xfn logs bad | grep -v '^done') <(grep ^ALLOWED <<<"$outside" | sed s/ALLOWED/refused/)
	[[ $(pid_of good) == "$pid" && $(who_answers 198.18.0.1 9) == q ]]
	goes
}
