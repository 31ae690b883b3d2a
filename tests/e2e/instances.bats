#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Functions that xfnd starts: delivery xsk with a program, its life and its end.

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

@test "a program is started, answers over IPv4 and IPv6, and nothing of it is left when it is not wanted" {
	apply_echo
	until_true 10 state_is ready
	answers 198.18.0.1 7
	answers fd00:18::1 7
	[[ $(port replied) == 2 && $(port in_flight) == 0 && $(port timeout) == 0 ]]
	# All the room there is: it does not have to be there soon.
	tr '\0' '\n' <"/proc/$(instance pid)/environ" | grep -qx XFN_FRAMES=4096
	[[ $(verdict steered echo) == 2 ]]
	[[ $(xfn ls -j | jq -r '.functions[0].state') == live ]]
	run -0 xfn explain 'udp 198.18.0.2:4000 > 198.18.0.1:7 payload 6869'
	[[ $output == *"steered"* && $output == *"echo"* && $output == *"cannot know"*"what its program answers"* ]]
	run -1 xfn swap echo "$ECHO"
	[[ $output == *"its delivery is xsk, expected kernel; another program comes by xfn apply"* ]]
	audit_is_ok
	pid=$(instance pid)
	nothing
	until_true 10 has_no_port
	until_true 10 is_gone "$pid"
	until_true 5 has_no_files
}

@test "datagrams of any size are answered, and the books of its port are right" {
	apply_echo
	until_true 10 state_is ready
	local size text
	for size in 1 17 18 19 500 1400; do
		text=$(head -c "$size" /dev/zero | tr '\0' x)
		[[ $(printf %s "$text" | in_client socat -T 1 -t 1 - UDP4:198.18.0.1:7) == "$text" ]]
		[[ $(printf %s "$text" | in_client socat -T 1 -t 1 - "UDP6:[fd00:18::1]:7") == "$text" ]]
	done
	xfn stats echo -j | jq -e '.functions[0].port | .replied == 12 and .bad_reply == 0 and .bad_source == 0 and
		.late == 0 and .unsent == 0 and .timeout == 0 and .in_flight == 0'
}

sent_by() { ip -n "$CLIENT" -s -j link show "$1" | jq '.[0].stats64.rx.packets'; }

@test "with two interfaces attached, each reply leaves by the one that its event came by, and by no other" {
	local first second got
	add_wire "$SERVER" xfn1 198.18.1.1/24 fd00:19::1/64 -- "$CLIENT" c1 198.18.1.2/24 fd00:19::2/64
	let_pass "$CLIENT" c1
	apply <<-END
		version: 1
		attach: [xfn0, xfn1]
		functions:
		  - {name: echo, trigger: udp/7, xsk: $FUNCTION}
	END
	until_true 10 state_is ready
	answers 198.18.0.1 7 && answers fd00:18::1 7 && answers 198.18.1.1 7 && answers fd00:19::1 7
	sleep 0.5 # for neighbours
	for wire in 0 1; do
		first=$(sent_by "c$wire") second=$(sent_by "c$((1 - wire))")
		got=$(flood -n 1000 -r 5000 -g 500 "198.18.$wire.1" 7)
		echo "$got"
		jq -e '.received == 1000 and .changed == 0 and .duplicates == 0' <<<"$got"
		(($(sent_by "c$wire") >= first + 1000))
		(($(sent_by "c$((1 - wire))") < second + 20)) # a word to a neighbour
	done
	# What is by the other's address is answered by the wire that it came by: so the client's route decides.
	ip -n "$CLIENT" route add 198.18.0.1/32 via 198.18.1.1 dev c1
	first=$(sent_by c0) second=$(sent_by c1)
	got=$(flood -n 1000 -r 5000 -g 500 -b 198.18.1.2 198.18.0.1 7)
	echo "$got"
	jq -e '.received == 1000' <<<"$got"
	(($(sent_by c1) >= second + 1000 && $(sent_by c0) < first + 20))
	# Both at once, and each reply is the one to its own.
	ip -n "$CLIENT" route del 198.18.0.1/32
	start_flood a -n 20000 -r 10000 198.18.0.1 7
	nothing_lost "$(flood -n 20000 -r 10000 198.18.1.1 7)"
	until_true 10 test -s "$HOME_DIR/flood.a"
	nothing_lost "$(end_flood a)"
	[[ $(port bad_reply) == 0 && $(port unsent) == 0 && $(port bad_source) == 0 ]]
	audit_is_ok
	# One goes: the other goes on.
	xfn detach xfn1
	answers 198.18.0.1 7
	run ! answers 198.18.1.1 7
}

@test "numbered datagrams at a high rate: each is answered, or its loss has a name" {
	apply_echo
	until_true 10 state_is ready
	local got port
	got=$(flood -n 100000 -r 50000 198.18.0.1 7)
	echo "$got"
	sleep 2 # the deadline
	port=$(xfn stats echo -j | jq -c '.functions[0].port')
	echo "$port"
	xfn latency echo
	[[ $(xfn latency echo -j | jq -c '.functions[0] | [.version, .stage, .sample]') == '["-","total",1]' ]]
	xfn latency echo -j | jq -e --argjson port "$port" '.functions[0] | .count == $port.replied + $port.late and
		.p50_ns > 500 and .p50_ns <= .p99_ns'
	jq -e '.duplicates == 0 and .changed == 0 and .sent == 100000 and .received >= 99000' <<<"$got"
	# What the port sent back is what the client got, up to what the client's own socket dropped.
	jq -e --argjson got "$got" '.replied >= $got.received and .replied + .timeout == $got.sent and
		.late == 0 and .bad_reply == 0' <<<"$port"
	[[ $(verdict steered echo) == 100000 ]]
	port_book '.ok and .left == 100000 and .right == 100000'
}

@test "it runs as a user of its own, with nothing: no capabilities, no way to others, an interface alone" {
	apply_echo
	until_true 10 state_is ready
	pid=$(instance pid)
	status=$(<"/proc/$pid/status")
	uid=$(instance uid)
	((uid >= 1879048192 && uid < 2147483648))
	[[ $status == *$'\nUid:\t'"$uid"$'\t'"$uid"$'\t'"$uid"$'\t'"$uid"$'\n'* ]]
	[[ $status == *$'\nGroups:\t \n'* ]]
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do
		[[ $status == *$'\n'"$set:"$'\t0000000000000000\n'* ]]
	done
	[[ $status == *$'\nNoNewPrivs:\t1\nSeccomp:\t2\n'* ]]
	[[ $(nsenter --net="/proc/$pid/ns/net" ip -o link | awk '{ print $2 }' | xargs) == "lo: xfn0@"* ]]
	[[ -z $(nsenter --net="/proc/$pid/ns/net" ip -o address) ]]
	[[ $(find "/proc/$pid/fd" -mindepth 1 | wc -l) -le 8 ]]
}

@test "arguments, environment and directory are as given, and what it writes is kept" {
	script 'echo "args:$*:"; env | sort; pwd; exec '"$FUNCTION"
	apply_echo "xsk: {exec: [$SCRIPT, 'a  b', '\$HOME', ''], env: {A: 'x y', PATH: /bin}, directory: $HOME_DIR}"
	until_true 10 state_is ready
	# shellcheck disable=SC2016 # no shell expands it
	logs_say 'args:a  b $HOME :'
	logs_say 'A=x y'
	logs_say 'PATH=/bin'
	logs_say 'XFN_FUNCTION=default/echo'
	logs_say "$HOME_DIR"
	run ! logs_say SSH
	[[ $(xfn logs echo -j | jq -r .function) == echo ]]
	run -3 xfn logs nobody
}

@test "each program is a version with a number, which it is told, too; what leaves it alone does not move it" {
	local pid meta
	version_is() {
		[[ $(instance version) == "$1" && $(xfn show echo -j | jq -c '[.versions[] | .id, .state]') == "[\"$1\",\"live\"]" &&
			$(xfn ls -j | jq -c '.functions[0].versions') == "[\"$1\"]" ]] &&
			tr '\0' '\n' <"/proc/$(instance pid)/environ" | grep -qx "XFN_VERSION=${1#v}"
	}
	apply_echo
	until_true 10 state_is ready
	version_is v1
	pid=$(instance pid)
	apply_echo "xsk: $FUNCTION" 'limit: 500/s'
	[[ $(instance pid) == "$pid" ]]
	version_is v1
	apply_echo "xsk: {exec: $FUNCTION, env: {A: b}}" 'limit: 500/s'
	until_true 10 pid_is_not "$pid"
	version_is v2
	pid=$(instance pid)
	kill -KILL "$pid"
	until_true 10 pid_is_not "$pid"
	version_is v2
	pid=$(instance pid)
	restart_daemon KILL
	[[ $(instance pid) == "$pid" ]]
	version_is v2
	# The program of v1 again: a number is given once.
	xfn rollback
	until_true 10 pid_is_not "$pid"
	version_is v3
	pid=$(instance pid)
	# As an xfnd of before programs had numbers has left it.
	stop_daemon KILL
	meta=$STATE/revisions/4/meta.json
	jq -c '.functions[] |= (del(.program_version) | .next_version = 1)' "$meta" >"$meta.new"
	mv "$meta.new" "$meta"
	python3 "$BATS_TEST_DIRNAME/tools/resum.py" "$STATE/revisions/4"
	start_daemon
	[[ $(instance pid) == "$pid" ]]
	[[ $(xfn ls -j | jq -c '.functions[0].versions') == '["v1"]' ]]
}

@test "a relative path is the manifest's folder's, and show --manifest plans empty from anywhere" {
	mkdir "$HOME_DIR/here"
	cp "$FUNCTION" "$HOME_DIR/here/echo"
	chmod 755 "$HOME_DIR/here"
	printf 'version: 1\nattach: [xfn0]\nfunctions:\n  - {name: echo, trigger: udp/7, xsk: [./echo]}\n' \
		>"$HOME_DIR/here/m.yaml"
	(cd / && xfn apply "$HOME_DIR/here/m.yaml")
	until_true 10 state_is ready
	answers 198.18.0.1 7
	xfn show --manifest | grep -qF -- "- \"$HOME_DIR/here/echo\""
	xfn show --manifest >"$HOME_DIR/shown.yaml"
	run -0 xfn plan --exit-code "$HOME_DIR/shown.yaml"
	pid=$(instance pid)
	restart_daemon KILL
	[[ $(instance pid) == "$pid" ]]
}

@test "busy polling and bound without need_wakeup: it answers, and what was obtained is shown" {
	apply_echo "xsk: {exec: $FUNCTION, busy_poll: true, need_wakeup: false}"
	until_true 10 state_is ready
	answers 198.18.0.1 7
	[[ $(instance busy_poll) == true && $(instance zero_copy) == false ]]
	# How it was bound the kernel tells nobody; that libxfn does as it is told is for tests/unit/xsk_test.c.
	is_told() { tr '\0' '\n' <"/proc/$(instance pid)/environ" | grep -qx "$1"; }
	is_told XFN_NEED_WAKEUP=0
	is_told XFN_BUSY_POLL=1
	# It looks without pause.
	before=$(cpu_of "$(instance pid)")
	sleep 1
	(($(cpu_of "$(instance pid)") - before > 20))
	pid=$(instance pid)
	kill -TERM "$pid"
	until_true 10 pid_is_not "$pid"
	pid=$(instance pid)
	apply_echo
	until_true 10 pid_is_not "$pid"
	answers 198.18.0.1 7
	[[ $(instance busy_poll) == false ]]
	run ! is_told 'XFN_NEED_WAKEUP=.*'
	run ! is_told 'XFN_BUSY_POLL=.*'
}

@test "killed, it is started again at once; its end is told, and what came between has passed" {
	apply_echo
	until_true 10 state_is ready
	pid=$(instance pid)
	kill -KILL "$pid"
	until_true 10 pid_is_not "$pid"
	answers 198.18.0.1 7
	[[ $(instance restarts) == 1 ]]
	[[ $(instance last_end) == "killed by SIGKILL" ]]
	journal_says "echo: killed by SIGKILL; started again after 100 ms"
	until_true 10 has_ports 1
}

@test "one that ends again and again is parked, and says why; changed, it runs" {
	script 'echo "no good" >&2; exit 7'
	apply_echo "xsk: $SCRIPT"
	until_true 20 state_is parked
	[[ $(instance last_end) == "exit status 7" ]]
	journal_says "exit status 7; it ended 5 times in a row"
	logs_say "no good"
	[[ $(verdict no_target echo) == 0 ]]
	has_ports 0
	[[ $(xfn ls -j | jq -r '.functions[0] | "\(.state) \(.program)"') == "no_target parked" ]]
	run -0 xfn explain 'udp 198.18.0.2:4000 > 198.18.0.1:7 payload 6869'
	[[ $output == *"no_target"*"its program ended again and again"*"exit status 7"* ]]
	run -0 xfn
	[[ $output == *"function 'echo' is not served: its program ended again and again"*"exit status 7"* ]]
	run -1 xfn doctor
	[[ $output == *"fail  functions: 'echo' is not served"*"exit status 7"*"xfn show echo"* ]]
	journal_says "or when it is changed; xfn logs tells what it wrote"
	send 1 7 x
	verdict_is() { [[ $(verdict no_target echo) == "$1" ]]; }
	until_true 5 verdict_is 1
	apply_echo
	until_true 10 state_is ready
	answers 198.18.0.1 7
}

@test "what cannot be run says what and why" {
	apply_echo "xsk: $HOME_DIR/none"
	says() { [[ $(instance last_end) == *"cannot execute '$HOME_DIR/none': No such file or directory"* ]]; }
	until_true 5 says
	apply_echo "xsk: {exec: $FUNCTION, directory: $HOME_DIR/none}"
	says() { [[ $(instance last_end) == *"cannot enter its directory '$HOME_DIR/none': No such file or directory"* ]]; }
	until_true 5 says
	script 'exit 0'
	sed -i '1s/.*/#!\/no\/such\/shell/' "$SCRIPT"
	apply_echo "xsk: $SCRIPT"
	says() { [[ $(instance last_end) == *"cannot find the interpreter of '$SCRIPT': No such file or directory"* ]]; }
	until_true 5 says
	run -1 --separate-stderr apply_echo "xsk: {exec: $FUNCTION, user: nobody-of-that-name}"
	[[ $stderr == *"there is no user 'nobody-of-that-name'"* ]]
	run -1 --separate-stderr apply_echo "xsk: {exec: $FUNCTION, user: root}"
	[[ $stderr == *"do not run as user or group root"* ]]
}

@test "a member of the group has it run as himself, and as nobody else" {
	local member=4712
	stop_daemon
	printf 'root:x:0:\nxfn:x:4711:\nnogroup:x:65534:\n' >"$HOME_DIR/group"
	start_with_groups
	manifest mine <<-END
		version: 1
		attach: [xfn0]
		functions:
		  - {name: echo, trigger: udp/7, xsk: $FUNCTION}
	END
	manifest others <<-END
		version: 1
		attach: [xfn0]
		functions:
		  - {name: echo, trigger: udp/7, xsk: {exec: $FUNCTION, user: nobody}}
	END
	as_member() { setpriv --reuid "$member" --regid "$member" --groups 4711 "$XFN" --socket "$XFN_SOCKET" "$@"; }
	run -1 --separate-stderr as_member apply "$HOME_DIR/others.yaml"
	[[ $stderr == *"only root may have a program run as another user"* ]]
	as_member apply "$HOME_DIR/mine.yaml"
	until_true 10 state_is ready
	[[ $(stat -c %u "/proc/$(instance pid)") == "$member" ]]
	answers 198.18.0.1 7
	# Whoever changes what runs is whom it runs as.
	xfn apply "$HOME_DIR/others.yaml"
	owner_is() { [[ $(stat -c %U "/proc/$(instance pid)") == "$1" ]]; }
	until_true 10 owner_is nobody
}

@test "kill -9 of xfnd at any moment of a start: no program is left that no file tells of" {
	local i program=$HOME_DIR/program
	cp "$FUNCTION" "$program"
	for i in 0 5 10 15 20 25 30 35 40 50 60 80; do
		apply_echo "xsk: $program" >/dev/null &
		sleep "0.0$i"
		stop_daemon KILL
		wait
		start_daemon
		apply_echo "xsk: $program" >/dev/null
		until_true 10 state_is ready
		[[ $(pgrep -c -f -r R,S "^$program") == 1 ]]
		has_ports 1
		answers 198.18.0.1 7
		nothing >/dev/null
		until_true 10 has_no_port
		[[ $(pgrep -c -f -r R,S "^$program") == 0 ]]
	done
}

@test "kill -9 of xfnd: the program does not notice, and the next xfnd goes on with it" {
	script 'while :; do echo tick; sleep 0.05; done & exec '"$FUNCTION"
	apply_echo "xsk: $SCRIPT"
	until_true 10 state_is ready
	pid=$(instance pid)
	stop_daemon KILL
	answers 198.18.0.1 7
	start_daemon
	[[ $(instance pid) == "$pid" && $(instance state) == ready ]]
	answers 198.18.0.1 7
	until_true 5 logs_say tick
	kill -KILL "$pid"
	until_true 10 pid_is_not "$pid"
	[[ $(instance last_end) == "ended; how is not known" ]]
	answers 198.18.0.1 7
	# What the first one had started went with it.
	[[ $(pgrep -r R,S -u "$(instance uid)" | wc -l) -le 3 ]]
}

@test "another program takes over without a lost event, and the old one answers what it has" {
	apply_echo
	until_true 10 state_is ready
	pid=$(instance pid)
	cp "$FUNCTION" "$HOME_DIR/other"
	start_flood a -n 20000 -r 5000 198.18.0.1 7
	sleep 1
	apply_echo "xsk: $HOME_DIR/other"
	until_true 10 pid_is_not "$pid"
	got=$(end_flood a)
	echo "$got"
	nothing_lost "$got"
	until_true 10 is_gone "$pid"
	until_true 10 has_ports 1
}

@test "an old program ends with its function, also while another was to take over" {
	apply_echo
	until_true 10 state_is ready
	pid=$(instance pid)
	script 'exec sleep 1000'
	apply_echo "xsk: $SCRIPT"
	state_is starting
	answers 198.18.0.1 7
	nothing
	until_true 10 is_gone "$pid"
	until_true 10 has_no_port
	until_true 5 has_no_files
}

# answers_on_its_way_out COMMAND...: five events are with it when the command takes its function away.
answers_on_its_way_out() {
	local pid got
	until_true 10 state_is ready
	pid=$(instance pid)
	kill -STOP "$pid"
	start_flood a -n 5 -r 1000 -g 4000 198.18.0.1 7
	until_true 5 in_flight_is 5
	"$@"
	kill -CONT "$pid"
	until_true 10 is_gone "$pid"
	got=$(end_flood a)
	echo "$got"
	jq -e '.sent == 5 and .received + .late == 5 and .changed == 0' <<<"$got"
}

@test "what an instance has when its function is removed, or is delivered elsewhere, is answered" {
	apply_echo "xsk: $FUNCTION" 'latency: {deadline: 10s}'
	answers_on_its_way_out nothing
	until_true 10 has_no_port
	# As another's, that had the same port: with other rules in one of the generations.
	apply <<-END
		version: 1
		attach: [xfn0]
		functions:
		  - {name: other, trigger: udp/9, xsk: $FUNCTION}
	END
	apply --yes <<<$'version: 1\nfunctions: []'
	until_true 10 has_no_port
	apply_echo "xsk: $FUNCTION" 'latency: {deadline: 10s}'
	answers_on_its_way_out apply_echo 'socket: existing'
	until_true 10 has_no_port
}

@test "as many in flight as may be, and no more; who does not answer in time is counted" {
	apply_echo "xsk: $FUNCTION" 'limit: {concurrency: 3}' 'latency: {deadline: 200ms}'
	until_true 10 state_is ready
	kill -STOP "$(instance pid)"
	send 10 7 x
	until_true 2 in_flight_is 3
	[[ $(verdict concurrency_limited echo) == 7 ]]
	until_true 5 in_flight_is 0
	run -0 xfn explain 'udp 198.18.0.2:4000 > 198.18.0.1:7'
	[[ $output == *"police    admitted  "*"0 of at most 3 in flight"* ]]
	[[ $(port timeout) == 3 ]]
	# Awake again it answers them: late, and sent all the same.
	kill -CONT "$(instance pid)"
	late_is() { [[ $(port late) == "$1" ]]; }
	until_true 5 late_is 3
	port_book '.ok and .left == .right'
	# Another deadline ends what is in flight.
	kill -STOP "$(instance pid)"
	send 2 7 x
	until_true 2 in_flight_is 2
	apply_echo "xsk: $FUNCTION" 'latency: {deadline: 10s}'
	in_flight_is 0
	kill -CONT "$(instance pid)"
	port_book '.ok and .left == .right'
	answers 198.18.0.1 7
}

@test "over as many as may be in flight: the stack gets the rest, or is the client told" {
	apply_echo "xsk: $FUNCTION" 'limit: {concurrency: 2, excess: pass}' 'latency: {deadline: 30s}'
	until_true 10 state_is ready
	in_server socat UDP4-RECVFROM:7,fork,reuseaddr SYSTEM:'printf stack' >/dev/null 2>&1 3>&- &
	stack=$!
	kill -STOP "$(instance pid)"
	send 2 7 x
	until_true 5 in_flight_is 2
	[[ $(printf x | in_client socat -T 1 -t 1 - UDP4:198.18.0.1:7) == stack ]]
	[[ $(verdict concurrency_limited echo) == 1 && $(verdict steered echo) == 2 ]]
	kill -CONT "$(instance pid)"
	until_true 5 in_flight_is 0
	answers 198.18.0.1 7
	kill "$stack"
	audit_is_ok
	apply >/dev/null <<-END
		version: 1
		attach: [xfn0]
		functions:
		  - name: echo
		    trigger: udp/53
		    xsk: $FUNCTION
		    limit: {concurrency: 2, excess: reply}
		    latency: {deadline: 30s}
	END
	until_true 10 state_is ready
	kill -STOP "$(instance pid)"
	send 2 53 x
	until_true 5 in_flight_is 2
	[[ $(in_client dig +tries=1 +time=2 @198.18.0.1 www.example) == *"status: REFUSED"* ]]
	[[ $(verdict concurrency_limited echo) == 2 ]]
	kill -CONT "$(instance pid)"
	until_true 5 in_flight_is 0
	[[ $(port timeout) == 0 ]]
	audit_is_ok
}

# The child of the launcher that becomes the next program.
next_child() { pgrep -P "$(launcher)" -x xfnd-next; }
has_next() { [[ $(next_child | wc -l) == 1 ]]; }
pid_is() { [[ $(instance pid) == "$1" ]]; }

@test "a child stands by for the next program: it becomes that, or its death is no matter, and it ends with xfnd" {
	local next pid
	run ! next_child
	apply_echo
	until_true 10 state_is ready
	until_true 5 has_next
	# It has nothing of the launcher's but what every child has: a socket of its own.
	next=$(next_child)
	[[ $(fds_of "$next") == 4 ]]
	kill -KILL "$(instance pid)"
	until_true 10 pid_is "$next"
	until_true 10 state_is ready
	answers 198.18.0.1 7
	until_true 5 has_next
	# Killed, it is not waited for, nor taken for one that stands by.
	next=$(next_child) pid=$(instance pid)
	[[ $next != "$pid" ]]
	kill -KILL "$next"
	kill -KILL "$pid"
	until_true 10 pid_is_not "$pid"
	until_true 10 state_is ready
	answers 198.18.0.1 7
	until_true 5 has_next
	has_no_zombies
	# Where the launcher goes, it goes; and so xfnd is told of the one by its socket, whatever the other does.
	next=$(next_child)
	pkill -KILL -P "$DAEMON" -x xfnd-launcher
	until_true 5 is_gone "$next"
	restart_daemon TERM
	until_true 10 state_is ready
	until_true 5 has_next
	next=$(next_child)
	stop_daemon
	until_true 5 is_gone "$next"
	start_daemon
}

@test "kill -9 of the launcher: what runs goes on, and xfnd says that it can start none" {
	apply_echo
	until_true 10 state_is ready
	pid=$(instance pid)
	pkill -KILL -P "$DAEMON" -x xfnd-launcher
	answers 198.18.0.1 7
	kill -KILL "$pid"
	says() { [[ $(instance last_end) == *"xfnd's launcher is gone: restart xfnd"* ]]; }
	until_true 5 says
	restart_daemon TERM
	until_true 10 state_is ready
	answers 198.18.0.1 7
}


@test "forty kills -9 of programs and xfnd under load: the books are right, and nothing has grown" {
	local i pid fds launcher_fds memory
	apply_echo
	until_true 10 state_is ready
	start_flood a -n 1000000 -r 2000 198.18.0.1 7
	for ((i = 0; i < 20; i++)); do
		pid=$(instance pid)
		kill -KILL "$pid"
		# Some while it is started again, some while it runs.
		sleep "0.$((RANDOM % 3))"
		restart_daemon KILL
		until_true 10 pid_is_not "$pid"
	done
	end_flood a >/dev/null
	pid=$(instance pid)
	kill -KILL "$pid"
	until_true 20 pid_is_not "$pid"
	until_true 5 has_ends 3
	memory=$(memory_kib_of "$DAEMON")
	fds=$(fds_of "$DAEMON") launcher_fds=$(fds_of "$(launcher)")
	for ((i = 0; i < 20; i++)); do
		pid=$(instance pid)
		kill -KILL "$pid"
		until_true 20 pid_is_not "$pid"
		# As after ten quiet seconds: else it would be parked.
		((i % 3)) || { apply_echo "xsk: {exec: $FUNCTION, env: {ROUND: '$i'}}" >/dev/null && until_true 10 pid_is_not "$pid"; }
	done
	until_true 10 has_ports 1
	until_true 10 state_is ready
	answers 198.18.0.1 7
	until_true 5 has_ends 3
	audit_is_ok
	port_book '.ok'
	echo "$(fds_of "$DAEMON") $fds $(fds_of "$(launcher)") $launcher_fds $(memory_kib_of "$DAEMON") $memory"
	[[ $(fds_of "$DAEMON") == "$fds" && $(fds_of "$(launcher)") == "$launcher_fds" ]]
	# What it takes to load a program stays with the allocator: the first times count for nothing.
	(($(memory_kib_of "$DAEMON") < memory + 32768))
	[[ $(find "$RUN/instances" -name '*.json' | wc -l) == 1 ]]
}

zombies_of() { pgrep -c -r Z -P "$1" || true; }
has_no_zombies() { [[ $(zombies_of "$(launcher)") == 0 ]]; }
# limit_with COUNT: RLIMIT_NOFILE of xfnd with which it gets so many descriptors more.
limit_with() {
	find "/proc/$DAEMON/fd" -type l -printf '%f\n' | sort -n | awk -v "left=$1" '
		{ is[$1] = 1 }
		END { for (i = 0; left > 0; i++) left -= !(i in is); print i }'
}
ended_for() { [[ $(instance last_end) == *"$1"* ]]; }

@test "a start that fails behind its fork leaves no process, not even an ended one" {
	local room
	stop_daemon
	start_daemon --ready-ports 0 # each start takes as many descriptors
	# Where its file is to be written there is a folder.
	mkdir "$RUN/instances/1-1.new"
	apply_echo
	until_true 10 state_is parked
	ended_for 'cannot be started: Is a directory'
	[[ $(zombies_of "$(launcher)") == 0 && -z $(pgrep -P "$(launcher)" -x xfnd-launcher) ]]
	rmdir "$RUN/instances/1-1.new"
	apply_echo "xsk: {exec: $FUNCTION, env: {ROUND: again}}"
	until_true 10 state_is ready
	# And with room for so many descriptors more, of all that a start takes.
	for ((room = 1; room < 14; room++)); do
		kill -KILL "$(instance pid)"
		until_true 5 state_is waiting
		prlimit -p "$DAEMON" --nofile="$(limit_with "$room")":4096
		sleep 0.3
		prlimit -p "$DAEMON" --nofile=4096:4096
		apply_echo "xsk: {exec: $FUNCTION, env: {ROUND: '$room'}}" >/dev/null
		until_true 10 state_is ready
		until_true 5 has_no_zombies
	done
	answers 198.18.0.1 7
	xfn journal | grep -F 'cannot be started: Too many open files'
}
