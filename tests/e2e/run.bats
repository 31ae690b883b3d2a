#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# xfn run: a program that somebody else starts takes the events of a function with `xsk: existing`.

# bats sets output and stderr, and runs each test in a shell of its own; programs are shell programs in quotes.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016

load lib
load echoes

setup() {
	e2e_setup
	FUNCTION=$(share_program "$BUILD/examples/function/echo")
	start_daemon
}

# What a test starts is nobody's to end but its own.
teardown() {
	local name
	for name in "$HOME_DIR"/run.*.pid; do
		[[ -e $name ]] || continue
		kill -KILL "$(<"$name")" 2>/dev/null || true
	done
	e2e_teardown
}

# apply_existing [KEY: VALUE]...: function echo at udp/7, whose program comes by itself.
apply_existing() {
	{
		printf 'version: 1\nattach: [xfn0]\nfunctions:\n  - name: echo\n    trigger: udp/7\n'
		printf '    %s\n' "${@:-xsk: existing}"
	} | apply >/dev/null
}

nothing() { apply --yes <<<$'version: 1\nfunctions: []' >/dev/null; }
instance_is() { [[ $(instance "$1") == "$2" ]]; }
port_is() { [[ $(port "$1") == "$2" ]]; }
ports() { ip -n "$SERVER" -o link show type veth | grep -c xfnp || true; }
has_ports() { [[ $(ports) == "$1" ]]; }
answers() { [[ $(in_client "$TOOLS/flood" -n 1 -g 900 198.18.0.1 7 | jq -r '.received') == 1 ]]; }

# start_run NAME COMMAND...: the program of function echo, in the background; its status comes to run.NAME.status.
start_run() {
	local name=$1
	shift
	(
		status=0
		"$XFN" run echo -- "$@" >"$HOME_DIR/run.$name.out" 2>&1 3>&- &
		echo "$!" >"$HOME_DIR/run.$name.pid"
		wait "$!" || status=$?
		echo "$status" >"$HOME_DIR/run.$name.status"
	) 3>&- &
	until_true 5 test -s "$HOME_DIR/run.$name.pid"
}
pid_of() { cat "$HOME_DIR/run.$1.pid"; }
takes_events() { instance_is pid "$(pid_of "$1")" && state_is ready; }
has_ended() { [[ -s $HOME_DIR/run.$1.status ]]; }
# ended_with NAME STATUS
ended_with() {
	until_true 10 has_ended "$1"
	[[ $(<"$HOME_DIR/run.$1.status") == "$2" ]]
}

@test "in the foreground: it is the program itself, answers, and its exit status is the command's" {
	apply_existing
	state_is idle
	[[ $(xfn ls -j | jq -r '.functions[0].state') == live ]]
	has_ports 0
	start_run a "$FUNCTION"
	until_true 5 takes_events a
	[[ $(readlink "/proc/$(pid_of a)/exe") == "$FUNCTION" ]]
	[[ $(instance uid) == 0 ]]
	answers
	has_ports 1
	kill -TERM "$(pid_of a)"
	ended_with a 0
	until_true 5 state_is idle
	[[ $(instance last_end) == "process $(pid_of a) has ended" && $(instance pid) == 0 ]]
	until_true 5 has_ports 0
	until_true 5 has_no_files
	journal_says "another comes with 'xfn run'"
	run -7 xfn run echo -- sh -c 'read -r line; echo "got $line"; exit 7' <<<"hello"
	[[ $output == "got hello" ]]
	until_true 5 state_is idle
	audit_is_ok
}

@test "what it finds: two descriptors, its function's name, and an interface that is not in its namespace" {
	apply_existing
	run -0 --separate-stderr env XFN_INTERFACE=eth0 A=b "$XFN" run echo -- sh -c \
		'env | grep -E "^(XFN|A=)" | grep -v -e TAG= -e NO_SKIP= | sort; readlink "/proc/$$/fd/$XFN_SOCKET_FD" "/proc/$$/fd/$XFN_CHANNEL_FD"'
	echo "$output"
	[[ $output =~ ^A=b.XFN_CHANNEL_FD=[0-9]+.XFN_FUNCTION=default/echo.XFN_GO=1.XFN_IFINDEX=[0-9]+.XFN_MTU=1774.XFN_SOCKET=[^$'\n']*.XFN_SOCKET_FD=[0-9]+.XFN_VERSION=1.socket:\[[0-9]+\].socket:\[[0-9]+\]$ ]]
}

@test "events wait until it comes, and are answered" {
	local got
	apply_existing 'xsk: {existing: true}' 'latency: {deadline: 10s}'
	start_flood a -n 50 -r 5000 -g 5000 198.18.0.1 7
	parked_is() { [[ $(port parked) == "$1" ]]; }
	until_true 5 parked_is 50
	state_is idle
	start_run a "$FUNCTION"
	until_true 5 takes_events a
	until_true 5 port_is replied 50
	[[ $(port parked) == 50 && $(port waiting) == 0 && $(port late) == 0 ]]
	until_true 10 test -s "$HOME_DIR/flood.a"
	got=$(<"$HOME_DIR/flood.a")
	echo "$got"
	jq -e '.sent == 50 and .received == 50 and .duplicates == 0' <<<"$got"
}

@test "the next one takes over without a lost event, and the one before is told to stop" {
	local i got
	apply_existing
	start_run 0 "$FUNCTION"
	until_true 5 takes_events 0
	start_flood a -n 25000 -r 5000 198.18.0.1 7
	for i in 1 2 3; do
		sleep 0.5
		start_run "$i" "$FUNCTION"
		until_true 5 takes_events "$i"
		ended_with $((i - 1)) 0
	done
	got=$(end_flood a)
	nothing_lost "$got"
	until_true 5 has_ports 1
	# One that never begins disturbs nobody, and leaves nothing behind.
	run -1 xfn run echo -- false
	run -127 xfn run echo -- "$HOME_DIR/none"
	[[ $output == *"cannot run '$HOME_DIR/none': No such file or directory"* ]]
	until_true 5 has_ports 1
	takes_events 3
	answers
	audit_is_ok
}

@test "the last one that came wins, however long those before it take" {
	apply_existing
	start_run slow sh -c "sleep 1; exec $FUNCTION"
	until_true 5 state_is starting
	start_run quick "$FUNCTION"
	until_true 5 takes_events quick
	# It was told to stop, and SIGTERM is not for root's.
	until_true 10 has_ended slow
	until_true 10 has_ports 1
	takes_events quick
	answers
	# One that gets ready earlier does not stop one that came later.
	start_run earlier sh -c "sleep 0.3; exec $FUNCTION"
	until_true 5 has_ports 2
	start_run later sh -c "sleep 1.5; exec $FUNCTION"
	ended_with quick 0
	until_true 5 takes_events later
	ended_with earlier 0
	answers
}

@test "it is told to stop when its function goes; who does not listen goes on, without events" {
	apply_existing
	start_run a "$FUNCTION"
	until_true 5 takes_events a
	nothing
	ended_with a 0
	until_true 5 has_ports 0
	apply_existing
	start_run deaf sleep 1000
	until_true 5 state_is starting
	nothing
	until_true 10 has_ports 0
	until_true 5 has_no_files
	kill -0 "$(pid_of deaf)"
	journal_says "process $(pid_of deaf) was told to stop, and goes on without events"
}

@test "what cannot be run: no such function, one that xfnd starts, another delivery, too many at once" {
	local i
	{
		printf 'version: 1\nattach: [xfn0]\nfunctions:\n'
		printf '  - {name: echo, trigger: udp/7, xsk: existing}\n'
		printf '  - {name: started, trigger: udp/8, xsk: %s}\n' "$FUNCTION"
		printf '  - {name: own, trigger: udp/9, socket: existing}\n'
	} | apply >/dev/null
	run -3 --separate-stderr xfn run ecco -- true
	[[ $stderr == *"no function 'ecco'; did you mean 'echo'?"* ]]
	run -1 --separate-stderr xfn run started -- true
	[[ $stderr == *"xfnd starts the program of function 'started' itself; 'xsk: existing' in its manifest"* ]]
	run -1 --separate-stderr xfn run own -- true
	[[ $stderr == *"function 'own' has delivery 'socket', which takes no program"* ]]
	run -2 xfn run echo
	[[ $output == *"'run' needs NAME -- CMD [ARG]..."* ]]
	run -1 --separate-stderr xfn logs echo
	[[ $stderr == *"goes where 'xfn run' was started"* ]]
	for i in 1 2 3 4; do
		start_run "$i" sleep 1000
		ports_are() { has_ports "$((i + 1))"; }
		until_true 5 ports_are
	done
	run -1 --separate-stderr xfn run echo -- true
	[[ $stderr == *"has 4 processes that begin or end"* ]]
	stop_daemon
	run -4 --separate-stderr xfn run echo -- true
	[[ $stderr == *"cannot reach xfnd at '$RUN/run.sock': "* ]]
	[[ ! -e $RUN/run.sock ]]
}

@test "who applied the function may run it, and of the others only root" {
	local member=4712
	stop_daemon
	printf 'root:x:0:\nxfn:x:4711:\nnogroup:x:65534:\n' >"$HOME_DIR/group"
	start_with_groups
	[[ $(stat -c '%a %g' "$RUN/run.sock") == "660 4711" ]]
	as_member() { setpriv --reuid "$1" --regid "$1" --groups "${3-4711}" "$XFN" --socket "$XFN_SOCKET" "${@:4}"; }
	printf 'version: 1\nattach: [xfn0]\nfunctions: [{name: echo, trigger: udp/7, xsk: existing}]\n' |
		manifest mine
	as_member "$member" - 4711 apply "$HOME_DIR/mine.yaml"
	run -1 --separate-stderr as_member 4713 - 4711 run echo -- true
	[[ $stderr == *"function 'echo' was applied by another user: only that one and root may run it"* ]]
	run -4 --separate-stderr as_member 4713 - 4713 run echo -- true
	[[ $stderr == *"Permission denied"* ]]
	as_member "$member" - 4711 run echo -- "$FUNCTION" 3>&- &
	echo "$!" >"$HOME_DIR/run.mine.pid"
	until_true 5 state_is ready
	[[ $(instance uid) == "$member" ]]
	answers
	start_run roots "$FUNCTION"
	until_true 5 takes_events roots
	answers
	# Who does not hear SIGTERM either is not killed, member or not.
	as_member "$member" - 4711 run echo -- python3 -c 'import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.pause()' 3>&- &
	echo "$!" >"$HOME_DIR/run.deaf.pid"
	until_true 5 state_is starting
	nothing
	until_true 10 has_no_files
	kill -0 "$(pid_of deaf)"
}

@test "kill -9 of xfnd: it goes on, is adopted, and hears when its function goes" {
	apply_existing
	start_run a "$FUNCTION"
	until_true 5 takes_events a
	stop_daemon KILL
	answers
	start_daemon
	takes_events a
	answers
	has_ports 1
	start_run b "$FUNCTION"
	until_true 5 takes_events b
	ended_with a 0
	restart_daemon KILL
	nothing
	ended_with b 0
	until_true 5 has_ports 0
	# One that had only begun has lost its port: it is told to stop.
	apply_existing
	start_run early python3 -c 'import os, signal, socket
end = socket.socket(fileno=int(os.environ["XFN_CHANNEL_FD"]))
type = 0
while type != 2: # STOP
    type = (end.recv(16) or signal.pause())[4]'
	until_true 5 state_is starting
	restart_daemon KILL
	until_true 5 has_ended early
	until_true 5 state_is idle
	has_ports 0
}

@test "from a program that xfnd starts to one that comes by itself, and back, without a lost event" {
	apply_existing "xsk: $FUNCTION"
	until_true 5 state_is ready
	started=$(instance pid)
	start_flood a -n 15000 -r 5000 198.18.0.1 7
	apply_existing
	answers
	start_run a "$FUNCTION"
	until_true 5 takes_events a
	until_true 10 is_gone "$started"
	apply_existing "xsk: $FUNCTION"
	ended_with a 0
	until_true 5 state_is ready
	nothing_lost "$(end_flood a)"
	answers
	xfn plan "$HOME_DIR/main.yaml"
	apply_existing "xsk: {existing: true, park: {events: 3}}"
	printf 'version: 1\nattach: [xfn0]\nfunctions: [{name: echo, trigger: udp/7, xsk: existing}]\n' | manifest next
	run -0 xfn plan "$HOME_DIR/next.yaml"
	[[ $output == *"park"*"3 events, 10s"*"1024 events, 10s"* ]]
	xfn show --manifest | grep -q 'existing: true'
}

@test "who connects and says nothing, or nonsense, costs nobody anything" {
	local fds
	apply_existing
	run -0 xfn run echo -- true # what is loaded once stays
	until_true 5 state_is idle
	fds=$(find "/proc/$DAEMON/fd" | wc -l)
	python3 - "$RUN/run.sock" "$DAEMON" "ls '$RUN/instances'" <<-'END'
		import os, signal, socket, subprocess, sys, time
		def connect():
		    end = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		    end.connect(sys.argv[1])
		    end.settimeout(5)
		    return end
		silent = [connect() for _ in range(40)]
		start = time.monotonic()
		assert all(end.recv(4096) == b"" for end in silent)
		assert time.monotonic() - start < 3
		for text in b"x", b"\x01" * 136, b"\x02\0\0\0" + b"y" * 200:
		    end = connect()
		    end.send(text)
		    assert end.recv(4096) == b""
		    end.close()
		end = connect()
		end.send(b"\1\0\0\0" + b"\0" * 132)
		assert b"another version" in end.recv(4096)
		# Gone before it is answered, though the process is there: nothing is made for it.
		os.kill(int(sys.argv[2]), signal.SIGSTOP)
		for _ in range(40):
		    end = connect()
		    end.send(b"\2\0\0\0\0\0\0\0echo".ljust(136, b"\0"))
		    end.close()
		os.kill(int(sys.argv[2]), signal.SIGCONT)
		time.sleep(0.5)
		assert not subprocess.run(["sh", "-c", sys.argv[3]], capture_output=True).stdout
	END
	start_run a "$FUNCTION"
	until_true 5 takes_events a
	answers
	kill -TERM "$(pid_of a)"
	until_true 10 state_is idle
	fds_are() { [[ $(find "/proc/$DAEMON/fd" | wc -l) == "$1" ]]; }
	until_true 5 fds_are "$fds"
	until_true 5 has_ports 0
}
