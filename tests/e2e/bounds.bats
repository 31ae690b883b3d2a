#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# What a program may take of this host, and the cgroup that it is in. Whether a cgroup bounds memory is the host's
# affair: tests/vm/guest.sh has them all.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib
load echoes
load cgroups

setup() {
	e2e_setup
	FUNCTION=$(share_program "$BUILD/examples/function/echo")
	HOSTILE=$(share_program "$TOOLS/hostile")
	mount_cgroups
}

teardown() {
	stop_daemon
	in_server "$XFND" --run-dir "$RUN" --pin-dir "$PINS" --state-dir "$STATE" --reset \
		--cgroup "$CGROUP" >/dev/null
	has_cgroups 0
	unmount_cgroups
	e2e_teardown
}

cgroup_of() { sed -n 's/^0:://p' "/proc/$1/cgroup"; }
limit_of() { awk -v what="$2" 'index($0, what) == 1 { print $(NF - 1) }' "/proc/$1/limits"; }
uses() { xfn show echo -j | jq -e ".instance.uses | $1" >/dev/null; }

# start_within [COMMAND]: xfnd that is in the cgroup itself, as in a service's, and started by a command.
start_within() {
	mkdir -p "$CGROUP"
	printf '#!/bin/sh\necho $$ >%s/cgroup.procs && exec %s %s "$@"\n' "$CGROUP" "${1-}" "$XFND" \
		>"$HOME_DIR/within"
	chmod 755 "$HOME_DIR/within"
	XFND=$HOME_DIR/within start_daemon --cgroup "$CGROUP"
}

@test "each program has a cgroup, which ends with it; xfnd and its helpers have theirs" {
	local pid path
	start_within
	apply_echo
	until_true 10 state_is ready
	pid=$(instance pid)
	[[ $(cgroup_of "$pid") == "/xfn-e2e-$E2E/default.echo.1" ]]
	path=$(instance cgroup)
	[[ $path == "$CGROUP/default.echo.1" && $(cat "$path/cgroup.procs") == "$pid" ]]
	[[ $(cgroup_of "$DAEMON") == "/xfn-e2e-$E2E/xfnd" ]]
	(($(wc -l <"$CGROUP/xfnd/cgroup.procs") >= 4))
	has_cgroups 1
	# The next one has another, and each has only its own.
	kill -KILL "$pid"
	until_true 10 pid_is_not "$pid"
	has_cgroups 1
	[[ $(cat "$(instance cgroup)/cgroup.procs") == "$(instance pid)" ]]
	apply_echo "socket: [sleep, 1000]" >/dev/null
	until_true 10 state_is ready
	until_true 10 has_cgroups 1
	[[ $(instance cgroup) == "$CGROUP/default.echo."* ]]
	nothing
	until_true 10 has_cgroups 0
}

@test "where clone3(2) is hidden it moves to its cgroup by itself" {
	start_within "$TOOLS/hide_clone3"
	apply_echo
	until_true 10 state_is ready
	[[ $(cgroup_of "$(instance pid)") == "/xfn-e2e-$E2E/default.echo.1" ]]
	answers -n 3 198.18.0.1 7
}

@test "what systemd has delegated is taken by whom systemd has started, and by nobody else" {
	mkdir "$CGROUP"
	python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.delegate", b"1")' "$CGROUP"
	printf '#!/bin/sh\necho $$ >%s/cgroup.procs && exec %s "$@"\n' "$CGROUP" "$XFND" >"$HOME_DIR/within"
	printf '#!/bin/sh\nSYSTEMD_EXEC_PID=$$ exec %s "$@"\n' "$HOME_DIR/within" >"$HOME_DIR/started"
	chmod 755 "$HOME_DIR/within" "$HOME_DIR/started"
	XFND=$HOME_DIR/within start_daemon
	[[ ! -e $CGROUP/xfnd && $(cgroup_of "$DAEMON") == "/xfn-e2e-$E2E" ]]
	stop_daemon
	XFND=$HOME_DIR/started start_daemon
	[[ $(cgroup_of "$DAEMON") == "/xfn-e2e-$E2E/xfnd" ]]
}

@test "what a program has started ends with it, also as a user whom others have" {
	start_daemon --cgroup "$CGROUP"
	script 'setsid sleep 4242 & setsid sleep 4242 & exec sleep 4242'
	apply_echo "socket: {exec: $SCRIPT, user: daemon}"
	until_true 10 state_is ready
	until_true 10 three_sleep
	nothing
	until_true 10 none_sleeps
	until_true 10 has_cgroups 0
}
three_sleep() { [[ $(pgrep -cxf -u daemon 'sleep 4242') == 3 ]]; }
none_sleeps() { ! pgrep -xf 'sleep 4242' >/dev/null; }

@test "kill -9 of xfnd: the next one goes on with them, and ends what is nobody's" {
	local pid path stray code
	start_daemon --cgroup "$CGROUP"
	apply_echo
	until_true 10 state_is ready
	pid=$(instance pid)
	path=$(instance cgroup)
	stop_daemon KILL
	[[ $(cgroup_of "$pid") == "/xfn-e2e-$E2E/default.echo.1" ]]
	mkdir "$CGROUP/default.gone.7"
	sleep 4243 3>&- &
	stray=$!
	echo "$stray" >"$CGROUP/default.gone.7/cgroup.procs"
	start_daemon --cgroup "$CGROUP"
	[[ $(instance pid) == "$pid" && $(instance cgroup) == "$path" ]]
	until_true 10 has_cgroups 1
	code=0
	wait "$stray" || code=$?
	[[ $code == 137 ]]
	answers -n 3 198.18.0.1 7
	# One that knows of no cgroup leaves it where it is, and so does who comes behind that.
	stop_daemon KILL
	start_daemon --cgroup none
	[[ $(instance pid) == "$pid" && $(instance cgroup) == null ]]
	stop_daemon KILL
	start_daemon --cgroup "$CGROUP"
	[[ $(instance pid) == "$pid" && $(instance cgroup) == "$path" ]]
}

@test "a cgroup that cannot be is refused, and why" {
	run -1 --separate-stderr in_server "$XFND" --run-dir "$RUN" --state-dir "$STATE" \
		--pin-dir "$PINS" --cgroup "$HOME_DIR"
	[[ $stderr == "xfnd: --cgroup: '$HOME_DIR' is not a cgroup of version 2 below the topmost, such as"* ]]
	run -1 --separate-stderr in_server "$XFND" --run-dir "$RUN" --state-dir "$STATE" \
		--pin-dir "$PINS" --cgroup "$HOME_DIR/cgroups"
	[[ $stderr == *"is not a cgroup of version 2 below the topmost"* ]]
	run -1 --separate-stderr in_server "$XFND" --run-dir "$RUN" --state-dir "$STATE" \
		--pin-dir "$PINS" --cgroup "$CGROUP/not/there"
	[[ $stderr == "xfnd: --cgroup: cannot make cgroup '$CGROUP/not/there': No such file or directory" ]]
	# One that is somebody else's, such as a slice, is left as it is.
	local stray
	mkdir -p "$CGROUP/ssh.service"
	sleep 4244 3>&- &
	stray=$!
	echo "$stray" >"$CGROUP/cgroup.procs"
	run -1 --separate-stderr in_server "$XFND" --run-dir "$RUN" --state-dir "$STATE" \
		--pin-dir "$PINS" --cgroup "$CGROUP"
	[[ $stderr == "xfnd: --cgroup: cgroup '$CGROUP' is not for xfnd alone: 'ssh.service' is in it" ]]
	[[ $(<"$CGROUP/cgroup.procs") == "$stray" && ! -e $CGROUP/xfnd ]]
	kill "$stray"
	wait "$stray" || true
	rmdir "$CGROUP/ssh.service"
	start_daemon --cgroup "$CGROUP"
	mkdir "$HOME_DIR/other"
	run -1 --separate-stderr in_server "$XFND" --run-dir "$HOME_DIR/other" \
		--state-dir "$HOME_DIR/other" --pin-dir "$PINS-other" --cgroup "$CGROUP"
	[[ $stderr == "xfnd: --cgroup: another xfnd has cgroup '$CGROUP'" ]]
	xfn ls >/dev/null
}

@test "doctor says how programs are bound, and what is in the way" {
	start_daemon --cgroup "$CGROUP"
	[[ $(doctor_says) == "ok no function has a program that xfnd starts null" ]]
	apply_echo
	if [[ $(wc -w <"$CGROUP/cgroup.subtree_control") == 3 ]]; then
		[[ $(doctor_says) == "ok programs are bound by cgroups below '$CGROUP' null" ]]
	else
		[[ $(doctor_says) == "warn cgroup '$CGROUP' is without "*": programs are not bound by it echo '+"*"' >$HOME_DIR/cgroups/cgroup.subtree_control" ]]
	fi
	stop_daemon KILL
	start_daemon --cgroup none
	[[ $(doctor_says) == "warn programs get no cgroups:"*" xfnd --cgroup /sys/fs/cgroup/xfn" ]]
}
doctor_says() { xfn doctor -j | jq -r '.checks[] | select(.name == "cgroup") | "\(.status) \(.message) \(.remedy)"'; }

@test "bounds without a cgroup: by process, and what nobody holds is said" {
	local pid
	start_daemon
	run -0 apply_echo "xsk: {exec: $FUNCTION, memory: 64MiB, processes: 3, cpu: 50%}"
	[[ $output == *"'memory' of function 'echo': xfnd has no cgroup that counts it, so what each of its processes reserves is held to it, not all together; see xfnd --cgroup"* ]]
	[[ $output == *"'processes' of function 'echo': xfnd has no cgroup"* ]]
	[[ $output == *"'cpu' of function 'echo': xfnd has no cgroup that counts it, so it holds nothing"* ]]
	until_true 10 state_is ready
	pid=$(instance pid)
	[[ $(limit_of "$pid" "Max data size") == $((64 << 20)) ]]
	[[ $(limit_of "$pid" "Max processes") == 3 ]]
	xfn show echo -j | jq -e '.xsk | .memory_bytes == 67108864 and .processes == 3 and .cpu_percent == 50
		and (.defaults | index("memory_bytes") == null and index("oneway") != null)'
	[[ $(instance cgroup) == null ]]
	answers -n 3 198.18.0.1 7
	# What is not said is a share of this host's.
	run -0 apply_echo
	[[ $output != *"--cgroup"* ]]
	until_true 10 pid_is_not "$pid"
	xfn show echo -j | jq -e ".xsk | .processes == 128 and .cpu_percent == null and
		.memory_bytes == ($(getconf _PHYS_PAGES) / 4 | floor) * $(getconf PAGESIZE)
		and (.defaults | index(\"memory_bytes\") != null)"
}

@test "one that may take less refuses itself more memory, and others are as before" {
	start_daemon
	apply_echo "xsk: {exec: [$HOSTILE, memory], memory: 48MiB}" >/dev/null
	until_true 10 state_is ready
	send 1 7 x
	until_true 10 uses '.resident_bytes > 16000000'
	sleep 1
	uses '.data_bytes_max == 50331648 and .data_bytes <= 50331648 and .resident_bytes < 60000000'
	state_is ready
}

@test "another bound is another program: it takes over, and nothing is lost" {
	local pid got
	start_daemon --cgroup "$CGROUP"
	apply_echo "xsk: {exec: $FUNCTION, memory: 64MiB}" >/dev/null
	until_true 10 state_is ready
	pid=$(instance pid)
	start_flood f -n 1000000 -r 2000 198.18.0.1 7
	sleep 0.3
	run -0 apply_echo "xsk: {exec: $FUNCTION, memory: 128MiB}"
	echo "$output"
	[[ $output == *"memory"*"echo"*"64MiB -> 128MiB"* ]]
	until_true 10 pid_is_not "$pid"
	until_true 10 has_cgroups 1
	sleep 0.3
	got=$(end_flood f)
	nothing_lost "$got"
	[[ $(instance version) == v2 ]]
	[[ $(xfn show --manifest) == *"memory: 128MiB"* ]]
	# The same again changes nothing.
	pid=$(instance pid)
	apply_echo "xsk: {exec: $FUNCTION, memory: 131072KiB}" >/dev/null
	sleep 0.2
	[[ $(instance pid) == "$pid" ]]
}
