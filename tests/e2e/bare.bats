#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Programs that make their AF_XDP socket themselves and know nothing of xfn, and what a hostile one can do to xfnd.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib
load growth
load echoes

setup() {
	e2e_setup
	BARE=$(share_program "$TOOLS/bareecho")
	CALLS=$(share_program "$TOOLS/callsecho")
	start_daemon
}

teardown() {
	e2e_teardown
}

# apply_echo ARGV [KEY: VALUE]...: a function at udp/7.
apply_echo() {
	{
		printf 'version: 1\nattach: [xfn0]\nfunctions:\n  - name: echo\n    trigger: udp/7\n'
		printf '    %s\n' "xsk: [$1]" "${@:2}"
	} | apply
}

# apply_idle ARGV [KEY: VALUE]...: one that runs when there is something to do.
apply_idle() {
	apply_echo "$1" 'scale: {min: 0}' "${@:2}"
	until_true 10 state_is idle
}

port_is() { [[ $(port "$1") == "$2" ]]; }
book() { xfn audit -j | jq -e ".books[] | select(.what | test(\"$1\")) | .ok" >/dev/null; }
books_are_right() { book 'given to its port' && book 'seen by the keeper' && audit_is_ok; }

@test "an echo by libxdp runs unchanged, without a capability" {
	apply_echo "$BARE, xfn0"
	until_true 10 state_is ready
	answers 198.18.0.1 7
	answers fd00:18::1 7
	[[ $(port replied) == 2 && $(port in_flight) == 0 && $(port bad_reply) == 0 ]]
	[[ $(verdict steered echo) == 2 ]]
	grep -qx $'CapEff:\t0000000000000000' "/proc/$(instance pid)/status"
	audit_is_ok
}

@test "an echo by system calls: what it asks its socket for it gets, and inherited descriptors it does not need" {
	apply_echo "$CALLS, xfn0"
	until_true 10 state_is ready
	answers 198.18.0.1 7
	logs_say 'closes on exec: 0'
	apply_echo "$CALLS, -ce, xfn0"
	until_true 10 logs_say 'closes on exec: 1'
	until_true 10 state_is ready
	answers 198.18.0.1 7
	# By a child: a socket is of whoever asks for it.
	script "$CALLS xfn0; exit"
	apply_echo "$SCRIPT"
	until_true 10 logs_say 'closes on exec: 0'
	until_true 10 state_is ready
	answers 198.18.0.1 7
}

@test "one that only receives gets its events; one that only sends is told why it cannot run" {
	apply_echo "$CALLS, -r, xfn0"
	until_true 10 state_is ready
	send 3 7 x
	has_received() { [[ $(xfn logs echo | grep -c received) == "$1" ]]; }
	until_true 5 has_received 3
	apply_echo "$CALLS, -s, xfn0"
	says() { [[ $(instance last_end) == "its socket has no ring to receive from" ]]; }
	until_true 10 says
}

@test "another socket is refused, and told of once" {
	apply_echo "$CALLS, -a, xfn0"
	until_true 10 state_is ready
	until_true 5 logs_say $'yet another:'
	logs_say 'another: Operation not permitted'
	logs_say 'yet another: Function not implemented'
	[[ $(xfn journal | grep -c 'asked for another AF_XDP socket, and was refused') == 1 ]]
	answers 198.18.0.1 7
}

@test "one takes over from another without a lost event" {
	apply_echo "$BARE, xfn0"
	until_true 10 state_is ready
	pid=$(instance pid)
	start_flood a -n 20000 -r 2000 198.18.0.1 7
	sleep 1
	apply_echo "$CALLS, xfn0"
	until_true 10 pid_is_not "$pid"
	sleep 1
	xfn stats echo -j | jq -c '.functions[0].port'
	got=$(end_flood a)
	echo "$got"
	nothing_lost "$got"
	until_true 10 is_gone "$pid"
}

@test "what waited for one that knows nothing of it comes to its socket, once, and is answered" {
	local got
	apply_idle "$BARE, xfn0"
	got=$(flood -n 1 -g 3000 198.18.0.1 7)
	[[ $(field "$got" .received) == 1 && $(port parked) == 1 && $(port replied) == 1 ]]
	state_is ready
	# While it runs another program would be started at once, to take over.
	kill -TERM "$(instance pid)"
	until_true 10 state_is idle
	# All of them have come before it begins. No order is promised.
	script "sleep 1; exec $BARE xfn0"
	apply_idle "$SCRIPT" 'latency: {deadline: 20s}'
	got=$(flood -n 200 -r 1000 -g 5000 198.18.0.1 7)
	echo "$got" "$(xfn stats echo -j | jq -c '.functions[0].port')"
	jq -e '.received == 200 and .lost == 0 and .duplicates == 0 and .changed == 0 and (.by | keys == ["q"])' <<<"$got"
	[[ $(port parked) == 201 && $(port replied) == 201 && $(port waiting) == 0 && $(port in_flight) == 0 ]]
	[[ $(port timeout) == 0 && $(port bad_reply) == 0 && $(port expired) == 0 ]]
	run ! journal_says 'only'
	books_are_right
	answers 198.18.0.1 7
	[[ $(port parked) == 201 && $(port replied) == 202 ]]
}

@test "of what waited its socket takes as much as its rings have room for; the rest is counted" {
	local got
	script "sleep 1; exec $CALLS -w xfn0"
	apply_idle "$SCRIPT" 'latency: {deadline: 6s}'
	got=$(flood -n 400 -r 2000 -g 5000 198.18.0.1 7)
	echo "$got" "$(xfn stats echo -j | jq -c '.functions[0].port')"
	# It has 256 frames, and takes none before all have come.
	jq -e '.received == 256 and .duplicates == 0 and .changed == 0' <<<"$got"
	[[ $(port parked) == 400 && $(port replied) == 256 && $(port waiting) == 0 ]]
	until_true 10 port_is timeout 144
	port_is in_flight 0
	books_are_right
	answers 198.18.0.1 7
}

@test "kill -9 of xfnd: it goes on, and cannot make another socket" {
	script "$CALLS xfn0 & until test -e $HOME_DIR/go; do sleep 0.1; done
		python3 -c 'import socket; socket.socket(44, socket.SOCK_RAW, 0)'; wait"
	apply_echo "$SCRIPT"
	until_true 10 state_is ready
	pid=$(instance pid)
	stop_daemon KILL
	answers 198.18.0.1 7
	start_daemon
	[[ $(instance pid) == "$pid" && $(instance state) == ready ]]
	touch "$HOME_DIR/go"
	until_true 10 logs_say 'Function not implemented'
	answers 198.18.0.1 7
}

@test "nobody can send xfnd anything, and who asks again and again costs it nothing" {
	local before fds
	cat >"$HOME_DIR/hostile.py" <<-'END'
		import array, errno, os, socket, threading
		channel = socket.socket(fileno=int(os.environ["XFN_CHANNEL_FD"]))
		held = socket.socketpair()
		try:
		    channel.sendmsg([bytes(16)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [held[0].fileno()]))])
		    print("sent", flush=True)
		except OSError as error:
		    print("cannot send:", errno.errorcode[error.errno], flush=True)
		def ask():
		    while True:
		        try:
		            socket.socket(44, socket.SOCK_RAW, 0)
		        except OSError:
		            pass
		for _ in range(8):
		    threading.Thread(target=ask).start()
	END
	chmod 755 "$HOME_DIR/hostile.py"
	script "python3 $HOME_DIR/hostile.py & sleep 1; exec $CALLS -c xfn0"
	apply_echo "$SCRIPT"
	until_true 10 logs_say 'cannot send: EPIPE'
	run ! logs_say sent
	fds=$(fds_of "$DAEMON")
	before=$(cpu_of "$DAEMON")
	sleep 3
	(($(cpu_of "$DAEMON") - before < 60))
	(($(fds_of "$DAEMON") <= fds))
	journal_says 'asked for another AF_XDP socket, and was refused'
	# The launcher's children have all ended.
	have_none_left() { ! pgrep -P 1 -r R,S,D -x xfnd-launcher; }
	until_true 2 have_none_left
}

@test "kill -9 of the launcher: who asks is refused, not left waiting" {
	script "until test -e $HOME_DIR/go; do sleep 0.1; done; exec $CALLS xfn0"
	apply_echo "$SCRIPT"
	until_true 5 state_is starting
	pkill -KILL -P "$DAEMON" -x xfnd-launcher
	touch "$HOME_DIR/go"
	until_true 5 logs_say 'cannot make a socket: Broken pipe'
}
