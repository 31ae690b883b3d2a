#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Programs that xfnd starts and gives their sockets: socket with exec, from their first event to their end.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib
load growth

setup() {
	e2e_setup
	SERVER_PY=$(share_program "$BATS_TEST_DIRNAME/tools/activated.py")
	start_daemon
}

teardown() {
	e2e_teardown
}

# serve TRIGGERS ARGUMENTS [KEY: VALUE]...: function web.
serve() {
	local triggers=$1 arguments=$2
	shift 2
	{
		printf 'version: 1\nattach: [xfn0]\nfunctions:\n  - name: web\n    triggers: [%s]\n' "$triggers"
		printf '    socket: {exec: [/usr/bin/python3, %s%s], %s}\n' "$SERVER_PY" "${arguments:+, $arguments}" "${IN_SOCKET-}"
		printf '    %s\n' "$@"
	} | apply --yes
}

instance() { xfn show web -j | jq -r ".instance.$1"; }
state_is() { [[ $(instance state) == "$1" ]]; }
ready_as_other_than() { xfn show web -j | jq -e ".instance | .state == \"ready\" and .pid != $1" >/dev/null; }
answers() { [[ $(who_answers "$@") == q ]]; }
ask() { in_client curl -sS --max-time 10 "http://$1:$2/"; }
says() { [[ $(ask "$1" "$2") == "$3 "* ]]; }
knock() { in_client "$BATS_TEST_DIRNAME/tools/knock.py" "$@"; }
journal_says() { xfn journal | grep -qF -- "$1"; }
logs_say() { xfn logs web | grep -qF -- "$1"; }
nothing() { apply --yes <<<$'version: 1\nfunctions: []'; }
has_no_files() { [[ -z $(names "$RUN/instances") ]]; }

@test "it is started with its sockets, and answers over UDP and TCP, IPv4 and IPv6" {
	serve 'udp/7, tcp/80, udp/5' ''
	until_true 10 state_is ready
	until_true 5 logs_say "hello udp-7:"
	answers 198.18.0.1 7
	answers fd00:18::1 7
	answers 198.18.0.1 5
	says 198.18.0.1 80 hello
	[[ $(ask '[fd00:18::1]' 80) == "hello "*" fd00:18::2" ]]
	[[ $(xfn show web -j | jq -c '[.socket.sockets[] | .open] | unique') == '[true]' ]]
	[[ $(xfn show web -j | jq -r '.socket.sockets[].name' | xargs) == "udp-7 udp-7"*" tcp-80 udp-5 udp-5"* ]]
	[[ $(verdict steered web) -gt 5 ]]
	[[ $(xfn ls -j | jq -r '.functions[0].state') == live ]]
	audit_is_ok
	pid=$(instance pid)
	nothing
	until_true 10 is_gone "$pid"
	until_true 5 has_no_files
	run ! has_listener 80
	run ! in_client curl -sS --max-time 3 http://198.18.0.1/
}

@test "it runs as a user of its own, without capabilities, and has nothing but its sockets" {
	serve 'tcp/80' ''
	until_true 10 state_is ready
	pid=$(instance pid)
	[[ $(stat -c %u "/proc/$pid") == "$(instance uid)" && $(instance uid) -ge 1879048192 ]]
	[[ $(grep -E '^Cap(Prm|Eff|Bnd|Amb)' "/proc/$pid/status" | awk '{print $2}' | sort -u) == 0000000000000000 ]]
	[[ $(readlink "/proc/$pid/ns/net") == "$(in_server readlink /proc/self/ns/net)" ]]
	# stdin, stdout and stderr, one socket.
	[[ $(names "/proc/$pid/fd") == "0 1 2 3" ]]
	tr '\0' '\n' <"/proc/$pid/environ" | sort >"$HOME_DIR/environ"
	diff "$HOME_DIR/environ" <(printf '%s\n' HOME=/ LISTEN_FDNAMES=tcp-80 LISTEN_FDS=1 "LISTEN_PID=$pid" \
		PATH=/usr/local/bin:/usr/bin:/bin XFN_FUNCTION=default/web XFN_VERSION=1)
}

@test "on demand: the first event starts it and is answered, and when it has ended so does the next" {
	serve 'udp/7, tcp/80' '--idle, "0.5"' 'scale: {min: 0}'
	state_is idle
	[[ $(xfn ls -j | jq -r '.functions[0] | "\(.state) \(.program)"') == "live idle" ]]
	says 198.18.0.1 80 hello
	pid=$(instance pid)
	until_true 10 state_is idle
	is_gone "$pid"
	journal_says "exit status 0; started again when it is wanted"
	got=$(flood -n 1 -g 3000 198.18.0.1 7)
	[[ $(field "$got" .received) == 1 ]]
	until_true 10 state_is idle
	[[ $(instance restarts) == 0 ]]
	# Which waits for nobody: what is wanted at all times runs.
	serve 'udp/7, tcp/80' '--idle, "0.5"' 'scale: {min: 1}'
	until_true 5 state_is ready
	serve 'udp/7, tcp/80' '--idle, "0.5"' 'scale: {min: 0}'
	until_true 10 state_is idle
}

@test "on demand: a crash has its back-off, and what waits is answered by the next one" {
	serve 'tcp/80' '--fail, "3"' 'scale: {min: 0}'
	state_is idle
	ask 198.18.0.1 80 >"$HOME_DIR/reply" 3>&- &
	until_true 10 journal_says "exit status 3; started again after 200 ms"
	run -0 xfn explain 'tcp 198.18.0.2:4000 > 198.18.0.1:80'
	[[ $output == *"finds the function's socket, where it waits: its program ended, and is started again: exit status 3"* ]]
	serve 'tcp/80' '--tag, other' 'scale: {min: 0}'
	wait $!
	[[ $(<"$HOME_DIR/reply") == "other "* ]]
}

@test "killed with connections in its backlog: the next one answers them" {
	serve 'tcp/80, udp/7' ''
	until_true 10 state_is ready
	pid=$(instance pid)
	kill -STOP "$pid"
	knock 198.18.0.1 80 50 200 >"$HOME_DIR/knock" 3>&- &
	sleep 1
	kill -KILL "$pid"
	wait $!
	cat "$HOME_DIR/knock"
	[[ $(jq .answered "$HOME_DIR/knock") == 50 ]]
	ready_as_other_than "$pid"
}

@test "another program takes over under load without a lost event" {
	serve 'tcp/80, udp/7' ''
	until_true 10 state_is ready
	pid=$(instance pid)
	start_flood a -n 4000 -r 1000 -w 5 -g 3000 198.18.0.1 7
	knock 198.18.0.1 80 400 100 >"$HOME_DIR/knock" 3>&- &
	knocking=$!
	sleep 1
	serve 'tcp/80, udp/7' '--tag, other'
	until_true 10 ready_as_other_than "$pid"
	until_true 10 is_gone "$pid"
	wait "$knocking"
	cat "$HOME_DIR/knock"
	[[ $(jq .answered "$HOME_DIR/knock") == 400 ]]
	jq -e '.tags.hello > 10 and .tags.other > 10' "$HOME_DIR/knock"
	got=$(end_flood a)
	echo "$got"
	[[ $(field "$got" '.received == .sent and .sent > 1000') == true ]]
}

@test "notify: it is ready when it says so, and one that does not is no successor" {
	IN_SOCKET='notify: true' serve 'tcp/80' '--notify, --slow, "1"'
	sleep 0.3
	state_is starting
	until_true 10 state_is ready
	pid=$(instance pid)
	# What its child says, it has not said.
	printf '#!/bin/sh\n/usr/bin/systemd-notify --ready\nsleep 100 & wait\n' >"$HOME_DIR/bin/liar"
	chmod 755 "$HOME_DIR/bin/liar"
	apply --yes <<-EOF
		version: 1
		attach: [xfn0]
		functions:
		  - {name: web, trigger: tcp/80, socket: {exec: $HOME_DIR/bin/liar, notify: true}}
	EOF
	sleep 2
	state_is starting
	says 198.18.0.1 80 hello
	until_true 15 journal_says "not ready within 10 s of its start"
	says 198.18.0.1 80 hello
	kill -0 "$pid"
	IN_SOCKET='notify: true' serve 'tcp/80' '--notify, --tag, other'
	until_true 10 is_gone "$pid"
	says 198.18.0.1 80 other
}

@test "kill -9 of xfnd: the program does not notice, and the next xfnd goes on with it" {
	serve 'tcp/80, udp/7' ''
	until_true 10 state_is ready
	pid=$(instance pid)
	stop_daemon KILL
	says 198.18.0.1 80 hello
	start_daemon
	[[ $(instance pid) == "$pid" && $(instance state) == ready ]]
	says 198.18.0.1 80 hello
	answers 198.18.0.1 7
	# This xfnd has its sockets from the keeper: another one takes over as ever, and loses none.
	knock 198.18.0.1 80 300 100 >"$HOME_DIR/knock" 3>&- &
	knocking=$!
	sleep 1
	serve 'tcp/80, udp/7' '--tag, other'
	until_true 10 ready_as_other_than "$pid"
	until_true 10 is_gone "$pid"
	wait "$knocking"
	cat "$HOME_DIR/knock"
	jq -e '.answered == 300 and .tags.hello > 10 and .tags.other > 10' "$HOME_DIR/knock"
	# What waits for one that is killed is answered, too.
	pid=$(instance pid)
	kill -STOP "$pid"
	knock 198.18.0.1 80 10 100 >"$HOME_DIR/knock" 3>&- &
	sleep 0.5
	kill -KILL "$pid"
	wait $!
	[[ $(jq .answered "$HOME_DIR/knock") == 10 ]]
}

# holds PID INODE: whether it has that socket.
holds() { find "/proc/$1/fd" -lname "socket:\[$2\]" | grep -q .; }
# listeners: inodes of the sockets at ports 80 and 7.
listeners() { in_server ss -Hlntue 'sport = :80 or sport = :7' | grep -oP 'ino:\K[0-9]+' | sort; }
keeper_holds_all() {
	local inode
	for inode in $1; do holds "$(keeper)" "$inode" || return 1; done
}
addresses_have_settled() {
	ip -n "$SERVER" -j -6 address show dev xfn0 |
		jq -e '[.[].addr_info[]] | any(.scope == "link") and all(.tentative | not)' >/dev/null
}
has_another_keeper() { [[ -n $(keeper) && $(keeper) != "$1" ]]; }
# waiting PORT: connections that nobody has accepted, or bytes of datagrams that nobody has read.
waiting() { in_server ss -Hlntu "sport = :$1" | awk '{ sum += $3 } END { print sum }'; }
waits() { (($(waiting "$1") >= $2)); }

@test "a new keeper has the sockets from xfnd: what waits in them is answered though xfnd and the program are killed" {
	local inodes kept
	# Each address that comes has another program take over.
	until_true 10 addresses_have_settled
	serve 'tcp/80, udp/7' '' 'latency: {deadline: 30s}'
	until_true 10 state_is ready
	pid=$(instance pid)
	inodes=$(listeners)
	[[ $(wc -w <<<"$inodes") -ge 3 ]]
	until_true 5 keeper_holds_all "$inodes"
	kept=$(keeper)
	kill -KILL "$kept"
	until_true 10 has_another_keeper "$kept"
	until_true 5 keeper_holds_all "$inodes"
	kill -STOP "$pid"
	knock 198.18.0.1 80 20 200 >"$HOME_DIR/knock" 3>&- &
	knocking=$!
	start_flood a -n 20 -r 200 -g 15000 198.18.0.1 7
	until_true 5 waits 80 20
	until_true 5 waits 7 1
	sleep 0.5
	# From here on the keeper is the only one that has them.
	stop_daemon KILL
	kill -KILL "$pid"
	until_true 5 is_gone "$pid"
	[[ $(listeners) == "$inodes" ]]
	start_daemon
	until_true 10 ready_as_other_than "$pid"
	wait "$knocking"
	cat "$HOME_DIR/knock"
	[[ $(jq .answered "$HOME_DIR/knock") == 20 ]]
	until_true 20 test -s "$HOME_DIR/flood.a"
	cat "$HOME_DIR/flood.a"
	jq -e '.received == 20 and .sent == 20 and .duplicates == 0 and .changed == 0' "$HOME_DIR/flood.a"
	[[ $(listeners) == "$inodes" ]]
}

@test "sockets follow the addresses of the interface, and answers leave from where they were asked" {
	serve 'udp/7' ''
	until_true 10 state_is ready
	pid=$(instance pid)
	ip -n "$SERVER" address add 198.18.0.77/24 dev xfn0
	until_true 10 ready_as_other_than "$pid"
	until_true 5 answers 198.18.0.77 7
	[[ $(printf hi | in_client socat -T 1 -t 1 - UDP4:198.18.0.77:7) == hi ]]
	xfn show web -j | jq -e '.socket.sockets[] | select(.address == "198.18.0.77:7" and .open)'
	# One for all of them, of a program that knows how to answer.
	IN_SOCKET='reply_from: pktinfo' serve 'udp/7' '--pktinfo'
	until_true 10 state_is ready
	until_true 5 logs_say "hello udp-7"
	[[ $(xfn show web -j | jq -c '[.socket.sockets[].address]') == '["[::]:7"]' ]]
	[[ $(printf hi | in_client socat -T 1 -t 1 - UDP4:198.18.0.77:7) == hi ]]
	[[ $(printf hi | in_client socat -T 1 -t 1 - 'UDP6:[fd00:18::1]:7') == hi ]]
}

@test "what cannot be listened at says so, and is tried again; two functions cannot want the same" {
	nsenter --net="/run/netns/$SERVER" socat TCP4-LISTEN:80,reuseaddr,fork /dev/null 3>&- &
	until_true 5 has_listener 80
	serve 'tcp/80' ''
	until_true 10 journal_says "cannot listen at tcp [::]:80: Address already in use"
	[[ $(xfn ls -j | jq -r '.functions[0].state') == no_target ]]
	[[ $(xfn show web -j | jq -r '.socket.sockets[0].open') == false ]]
	kill $!
	serve 'tcp/80' '--tag, other'
	until_true 10 state_is ready
	says 198.18.0.1 80 other
	run -1 xfn trigger add web udp/100-200
	[[ $stderr$output == *"a range of more than 16 ports of 'web'"* ]]
	run -1 xfn trigger add web '{protocol: udp, port: 9, destination: any}'
	xfn trigger add web udp/7
	until_true 10 answers 198.18.0.1 7
	run -1 apply --yes <<-'EOF'
		version: 1
		set: second
		functions:
		  - {name: b, trigger: {protocol: tcp, port: 80, source: 198.18.0.0/24}, socket: [a]}
	EOF
	[[ $stderr$output == *"port 80, where 'web' listens already"* ]]
	state_is ready
}

@test "sockets go from one function to another: connections that wait are answered by that" {
	serve 'tcp/80' ''
	until_true 10 state_is ready
	kill -STOP "$(instance pid)"
	knock 198.18.0.1 80 20 200 >"$HOME_DIR/knock" 3>&- &
	sleep 0.5
	apply --yes <<-EOF
		version: 1
		attach: [xfn0]
		functions:
		  - {name: other, trigger: tcp/80, socket: [/usr/bin/python3, $SERVER_PY, --tag, other]}
	EOF
	wait $!
	cat "$HOME_DIR/knock"
	[[ $(jq '.tags.other' "$HOME_DIR/knock") == 20 ]]
}
