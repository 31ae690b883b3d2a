#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# xfnd's sockets: who is answered, and that nobody keeps others from being answered.

# bats runs each test in a shell of its own.
# shellcheck disable=SC2030,SC2031

load lib

GROUP=64990 READERS=64991
MEMBER=64001 OTHER=64002 READER=64003 STRANGER=64004

setup() {
	e2e_setup
	chmod a+rx "$HOME_DIR"
	{
		grep -vE '^xfn(-ro)?:' /etc/group
		printf 'xfn:x:%d:\nxfn-ro:x:%d:\n' $GROUP $READERS
	} >"$HOME_DIR/group"
}

teardown() {
	if [[ -s $HOME_DIR/siege.pid ]]; then
		xargs -r kill -KILL <"$HOME_DIR/siege.pid" 2>/dev/null || true
	fi
	e2e_teardown
}

# as UID GID COMMAND...
as() { setpriv --reuid "$1" --regid "$2" --clear-groups "${@:3}"; }
# With the group as a supplementary one: the way of those who were added to it.
as_member() { setpriv --reuid "$1" --regid "$1" --groups "$GROUP" "${@:2}"; }
as_reader() { setpriv --reuid $READER --regid $READER --groups "$READERS" "$@"; }

# status SOCKET METHOD PATH: of the answer
status() { curl -s -o /dev/null -w '%{http_code}' -X "$2" --unix-socket "$RUN/$1" "http://x$3"; }

# besiege HOW COUNT: by MEMBER, until the test ends
besiege() {
	setpriv --reuid $MEMBER --regid $MEMBER --groups "$GROUP" \
		env PATH=/usr/bin:/bin python3 "$BATS_TEST_DIRNAME/tools/besiege.py" "$XFN_SOCKET" "$1" "$2" \
		>"$HOME_DIR/siege" 2>&1 3>&- &
	echo "$!" >"$HOME_DIR/siege.pid"
	until_true 20 grep -q ready "$HOME_DIR/siege"
}

# others_are_served: root, another member of the group, and readers; each within five seconds.
others_are_served() {
	timeout 5 "$XFN" stats >/dev/null &&
		as_member $OTHER timeout 5 "$XFN" stats >/dev/null &&
		as_reader timeout 5 "$XFN" --socket "$RUN/xfn-ro.sock" stats >/dev/null
}

# field_kib NAME: of the daemon's memory
field_kib() { awk -v name="$1:" '$1 == name { print $2 }' "/proc/$DAEMON/status"; }

descriptors() { find "/proc/$DAEMON/fd" -mindepth 1 | wc -l; }

# cpu_ticks: used by the daemon so far
cpu_ticks() { awk '{ print $14 + $15 }' "/proc/$DAEMON/stat"; }

@test "api: root and the group xfn are answered, others cannot connect" {
	start_with_groups env
	[ "$(stat -c %a:%u:%g "$XFN_SOCKET")" = "660:0:$GROUP" ]
	as_member $MEMBER "$XFN" stats >/dev/null
	as $MEMBER $GROUP "$XFN" stats >/dev/null
	run -4 as $STRANGER $STRANGER "$XFN" stats
	run -4 as_reader "$XFN" stats
}

@test "api: whoever gets past the file's mode is still asked who he is" {
	start_with_groups env
	chmod 0666 "$RUN"/*.sock
	[ "$(as $STRANGER $STRANGER curl -s -o /dev/null -w '%{http_code}' \
		--unix-socket "$XFN_SOCKET" http://x/v1/status)" = 403 ]
	[ "$(as $STRANGER $STRANGER curl -s -o /dev/null -w '%{http_code}' \
		--unix-socket "$RUN/xfn-ro.sock" http://x/v1/status)" = 403 ]
	run -1 as_reader "$XFN" stats
	[[ $output == *"group 'xfn'"* ]]
}

@test "api: the read-only socket reads figures, and nothing else" {
	start_with_groups env
	local path
	[ "$(stat -c %a:%u:%g "$RUN/xfn-ro.sock")" = "660:0:$READERS" ]
	for path in status functions stats latency audit journal; do
		[ "$(as_reader curl -s -o /dev/null -w '%{http_code}' \
			--unix-socket "$RUN/xfn-ro.sock" "http://x/v1/$path")" = 200 ]
	done
	# It does not end by itself.
	[ "$(as_reader curl -s -m 1 -o /dev/null -w '%{http_code}' \
		--unix-socket "$RUN/xfn-ro.sock" "http://x/v1/stream" || true)" = 200 ]
	for path in manifest history doctor; do [ "$(status xfn-ro.sock GET "/v1/$path")" = 404 ]; done
	for path in plan apply attach detach swap rollback confirm explain; do
		[ "$(status xfn-ro.sock POST "/v1/$path")" = 404 ]
	done
	[ "$(status xfn-ro.sock POST /v1/stats)" = 405 ]
}

@test "api: a change is recorded with its user and command line" {
	start_with_groups env
	manifest main <<<'{version: 1, functions: [{name: f, trigger: udp/7, socket: existing}]}'
	as_member $MEMBER "$XFN" apply "$HOME_DIR/main.yaml" >/dev/null
	jq -e --argjson uid $MEMBER '.uid == $uid and (.command | startswith("xfn apply /"))' \
		"$STATE/revisions/1/meta.json"
}

@test "api: two thousand silent connections of one user keep nobody out" {
	start_with_groups env
	besiege silent 2000
	others_are_served
	[ "$(descriptors)" -lt 200 ]
	[ "$(field_kib VmHWM)" -lt 100000 ]
}

@test "api: descriptors sent along are refused" {
	local error before
	start_daemon
	before=$(descriptors)
	for socket in "$RUN/xfn.sock" "$RUN/xfn-ro.sock"; do
		error=$(python3 - "$socket" 2>&1 <<-'END' || true
			import array, socket, sys
			api = socket.socket(socket.AF_UNIX)
			api.connect(sys.argv[1])
			api.sendmsg([b"GET /"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))])
		END
		)
		# Linux before 6.16 cannot refuse them: they are not taken.
		if [[ $(printf '%s\n6.16\n' "$(uname -r)" | sort -V | head -n 1) == 6.16 ]]; then
			[[ $error == *"Operation not permitted"* ]]
		else
			[[ -z $error ]]
		fi
	done
	xfn journal >/dev/null
	holds_as_before() { [[ $(descriptors) == "$before" ]]; }
	until_true 5 holds_as_before
}

@test "api: connections that drip bytes keep nobody out" {
	start_with_groups env
	besiege drip 64
	others_are_served
	sleep 1
	others_are_served
}

@test "api: half-closed connections, and answers that nobody reads" {
	start_with_groups env
	besiege half 64
	others_are_served
	kill "$(<"$HOME_DIR/siege.pid")"
	besiege hoard 64
	others_are_served
	[ "$(field_kib VmHWM)" -lt 300000 ]
}

@test "api: garbage, and requests behind each other" {
	start_with_groups env
	besiege garbage 32
	sleep 2
	others_are_served
	kill "$(<"$HOME_DIR/siege.pid")"
	until_true 10 others_are_served
	[ "$(field_kib VmHWM)" -lt 300000 ]
}

@test "api: bodies of gigabytes stay within their bound" {
	start_with_groups env
	local peak=0 now
	besiege heavy 32
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		sleep 0.5
		others_are_served
		now=$(field_kib VmHWM)
		peak=$((now > peak ? now : peak))
	done
	echo "peak: $peak KiB"
	[ "$peak" -lt 450000 ]
}

@test "api: without descriptors to spare accepting pauses, and does not spin" {
	local before
	start_with_groups
	# A few more than it has, whatever maps there are.
	prlimit --pid "$DAEMON" --nofile="$(($(find "/proc/$DAEMON/fd" -mindepth 1 | wc -l) + 4))"
	besiege silent 300
	python3 -c 'import socket, sys, time
ends = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(20)]
for end in ends: end.connect(sys.argv[1])
time.sleep(3)' "$RUN/run.sock" 3>&- & # these are accepted elsewhere
	before=$(cpu_ticks)
	sleep 2
	[ $(($(cpu_ticks) - before)) -lt 50 ]
	kill "$(<"$HOME_DIR/siege.pid")"
	until_true 10 others_are_served
}
