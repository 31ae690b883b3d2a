#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Nobody locks themselves out: sessions are seen before they are taken, changes that are to be confirmed
# are taken back by themselves, whatever is killed meanwhile, and earlier revisions come back.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034

load lib

setup() {
	forget_disk
	e2e_setup
	start_daemon
	xfn attach xfn0 >/dev/null
}

teardown() {
	if [[ -n ${LISTENER-} ]]; then kill "$LISTENER" 2>/dev/null || true; fi
	forget_disk
	e2e_teardown
}

# A disk of its own for the revisions, which a test that failed leaves behind.
forget_disk() {
	if mountpoint -q "$STATE"; then umount -l "$STATE"; fi
}

# taking PORT [MORE]: a manifest that gives tcp/PORT to a handler, which swallows it.
taking() {
	printf 'version: 1\nfunctions:\n  - {name: taker, trigger: tcp/%s, kernel: %s%s}\n' \
		"$1" "$OBJECTS/answer_a.bpf.o" "${2-}" >"$HOME_DIR/taking.yaml"
	echo "$HOME_DIR/taking.yaml"
}

apply_answer() {
	printf 'version: 1\nfunctions:\n  - {name: answer, trigger: udp/7, kernel: %s}\n' \
		"$OBJECTS/answer_$1.bpf.o" >"$HOME_DIR/$1.yaml"
	xfn apply "${@:2}" "$HOME_DIR/$1.yaml" >/dev/null
}

reboot() {
	rm -rf "$PINS"
	until_true 5 has_no_program xfn0
}

has_no_program() { [[ $(ip -n "$SERVER" -j link show "$1" | jq '.[0].xdp') == null ]]; }
answers() { [[ $(who_answers 198.18.0.1 7) == "$1" ]]; }
is_revision() { [[ $(revision) == "$1" ]]; }
state_of() { xfn -j history | jq -r ".revisions[] | select(.revision == $1).state"; }
pending() { xfn -j | jq -r '.pending.revision // "none"'; }
is_settled() { [[ $(pending) == none ]]; }
journal_says() { xfn journal | grep -qF "$1"; }

# ---- sessions --------------------------------------------------------------------------------

@test "a change that takes an established session is refused, and named; --force takes it" {
	listen 2222
	open_session 2222
	run -0 xfn plan "$(taking 2222)"
	[[ $output == *"warning: tcp/2222 from 198.18.0.2:$SESSION_PORT would go to function 'taker' ("*"taking.yaml:3): apply wants --confirm DURATION or --force"* ]]
	run -1 --separate-stderr xfn apply "$(taking 2222)"
	[[ $stderr == *"function 'taker' ("*"taking.yaml:3) would take established sessions: tcp/2222 from 198.18.0.2:$SESSION_PORT;"* ]]
	[ "${stderr_lines[-1]}" = "xfn apply $HOME_DIR/taking.yaml --confirm 60s" ]
	[ "$(revision)" = 1 ]
	echoes "still here"
	SSH_CONNECTION="198.18.0.2 $SESSION_PORT 198.18.0.1 2222" \
		run -1 --separate-stderr xfn apply "$(taking 2222)"
	[[ $stderr == *"tcp/2222 from 198.18.0.2:$SESSION_PORT, which this command came over,"* ]]
	run -1 xfn -j apply "$(taking 2222)"
	[ "$(jq -c '.error.sessions[0] | [.session, .function, .line, .own]' <<<"$output")" = \
		"[\"tcp/2222 from 198.18.0.2:$SESSION_PORT\",\"taker\",3,false]" ]
	run -0 xfn apply --force "$(taking 2222)"
	[[ $output == *"warning: tcp/2222 from 198.18.0.2:$SESSION_PORT goes to function 'taker'"* ]]
	run ! echoes gone 1
	# It is taken already: no news to a second change.
	sed -i 's/udp/udp/; s/name: taker/name: taker, description: again/' "$HOME_DIR/taking.yaml"
	run -0 xfn apply "$HOME_DIR/taking.yaml"
}

@test "sessions of IPv6, of either family on one socket, and those that are nobody's business" {
	listen 2222
	open_session 2222 '[fd00:18::1]'
	run -1 --separate-stderr xfn apply "$(taking 2222)"
	[[ $stderr == *"tcp/2222 from [fd00:18::2]:$SESSION_PORT;"* ]]
	# Another port, another source, another destination, no address of ours.
	for trigger in tcp/2223 '{protocol: tcp, port: 2222, source: "fd00:18::3"}' \
		'{protocol: tcp, port: 2222, destination: "fd00:18::7"}' udp/2222; do
		printf 'version: 1\nfunctions:\n  - {name: taker, trigger: %s, kernel: %s}\n' \
			"$trigger" "$OBJECTS/answer_a.bpf.o" >"$HOME_DIR/other.yaml"
		run -0 xfn apply "$HOME_DIR/other.yaml"
		[[ $output != *"warning: tcp/"* ]]
	done
	for trigger in '{protocol: tcp, port: "2000-3000"}' \
		'{protocol: tcp, port: 2222, source: "fd00:18::/64"}' \
		'{protocol: tcp, port: 2222, destination: any}' \
		'{protocol: tcp, port: 2222, interface: xfn0}'; do
		printf 'version: 1\nfunctions:\n  - {name: taker, trigger: %s, kernel: %s}\n' \
			"$trigger" "$OBJECTS/answer_a.bpf.o" >"$HOME_DIR/other.yaml"
		run -1 xfn apply "$HOME_DIR/other.yaml"
	done
	echoes "still here"
}

@test "a session of the host with itself, and one over another interface, are not taken" {
	listen 2222
	coproc SESSION { nsenter --net="/run/netns/$SERVER" socat - TCP:198.18.0.1:2222 2>/dev/null 3>&-; }
	echoes hello
	run -0 xfn apply "$(taking 2222)"
	echoes "still here"
	xfn apply <(printf 'version: 1\nfunctions: []\n') >/dev/null
	add_wire "$SERVER" xfn1 198.18.1.1/24 -- "$CLIENT" c1 198.18.1.2/24
	coproc OTHER { nsenter --net="/run/netns/$CLIENT" socat - TCP:198.18.1.1:2222 2>/dev/null 3>&-; }
	until_true 5 in_server sh -c 'ss -Htn "sport = :2222" | grep -q 198.18.1.2'
	run -0 xfn apply "$(taking 2222)"
	# With the interface attached the same triggers mean its addresses, too.
	run -1 --separate-stderr xfn attach xfn1
	[[ $stderr == *"tcp/2222 from 198.18.1.2:"* ]]
	[ "$(ip -n "$SERVER" -j link show xfn1 | jq '.[0].xdp')" = null ]
	run -0 xfn attach --force xfn1
}

@test "socket delivery takes no session, but for limits that drop packets" {
	listen 2222
	open_session 2222
	of_socket() {
		printf 'version: 1\nfunctions:\n  - {name: taker, trigger: tcp/2222, socket: existing%s}\n' \
			"${1:+, $1}" >"$HOME_DIR/socket.yaml"
		xfn apply "$HOME_DIR/socket.yaml"
	}
	for harmless in "" "limit: 1/s" "limit: {rate: 1/s, burst: 1, packets: true, excess: pass}" \
		"enabled: false"; do
		run -0 of_socket "$harmless"
		echoes "still here"
	done
	run -1 of_socket "limit: {rate: 1/s, burst: 1, packets: true}"
	run -1 of_socket "limit: 0"
	run -0 of_socket
	# By way of another CPU it is the same socket.
	sed -i 's/socket: existing/socket: {existing: true, cpus: [1]}/' "$HOME_DIR/socket.yaml"
	run -0 xfn apply "$HOME_DIR/socket.yaml"
	echoes "still here"
}

@test "off --drop takes sessions as a function does, on takes what it starts to; off takes none" {
	listen 2222
	open_session 2222
	taking 2222 >/dev/null
	sed -i "s/kernel: .*/socket: existing}/" "$HOME_DIR/taking.yaml"
	xfn apply "$HOME_DIR/taking.yaml" >/dev/null
	run -1 --separate-stderr xfn off --drop
	[[ $stderr == *"function 'taker' ("*" would take established sessions: tcp/2222 from 198.18.0.2:$SESSION_PORT"* ]]
	run -0 xfn off
	run -0 xfn apply --yes "$(taking 2222)"
	echoes "still here"
	run -1 --separate-stderr xfn on
	[[ $stderr == *" would take established sessions: tcp/2222 from 198.18.0.2:$SESSION_PORT"* ]]
	[ "$(xfn -j | jq -r .off.mode)" = pass ]
	echoes "and here"
}

@test "off --direct is taken over whatever it takes, and while a revision is pending" {
	in_dead() { nsenter --net="/run/netns/$SERVER" "$XFN" "$@" --pin-dir "$PINS" --state-dir "$STATE"; }
	listen 2222
	open_session 2222
	taking 2222 >/dev/null
	sed -i "s/kernel: .*/socket: existing}/" "$HOME_DIR/taking.yaml"
	xfn apply "$HOME_DIR/taking.yaml" >/dev/null
	stop_daemon KILL
	in_dead off --direct --drop >/dev/null
	start_daemon
	[ "$(revision)" = 3 ]
	[ "$(xfn -j | jq -r .off.mode)" = drop ]
	run ! echoes lost 1
	xfn on >/dev/null

	apply_answer a --yes
	apply_answer b --confirm 60s
	stop_daemon KILL
	in_dead off --direct >/dev/null
	start_daemon
	[ "$(xfn -j | jq -r .off.mode)" = pass ]
	journal_says "cannot write down what was switched while xfnd was not running: revision 6 is to be confirmed"
	answers none
	run -0 xfn rollback
	answers none
	[ "$(xfn -j | jq -r .off.mode)" = pass ]
	xfn on >/dev/null
	answers a
}

@test "plan of a manifest that attaches sees the sessions of that interface" {
	xfn detach xfn0 >/dev/null
	listen 2222
	open_session 2222
	taking 2222 >/dev/null
	echo "attach: [xfn0]" >>"$HOME_DIR/taking.yaml"
	run -0 xfn plan "$HOME_DIR/taking.yaml"
	[[ $output == *"tcp/2222 from 198.18.0.2:$SESSION_PORT would go to function 'taker'"* ]]
	[[ $output != *"waits for"* ]]
	run -1 xfn apply "$HOME_DIR/taking.yaml"
	has_no_program xfn0
}

# ---- confirming ------------------------------------------------------------------------------

@test "a change that is not confirmed goes back by itself, and the session lives again" {
	apply_answer a
	listen 2222
	open_session 2222
	taking 2222 >/dev/null
	run -0 xfn apply --confirm 2s --yes "$HOME_DIR/taking.yaml"
	[[ $output == *"taken back in 2s unless confirmed: xfn confirm"* ]]
	[ "$(pending)" = 3 ]
	[ "$(state_of 3)" = pending ]
	[[ $(xfn) == *"pending     revision 3, taken back in "*"s unless confirmed: xfn confirm"* ]]
	run ! answers a
	echo lost >&"${SESSION[1]}"
	until_true 5 is_revision 4
	[ "$(pending)" = none ]
	answers a
	echoes "alive again" 10
	[ "$(state_of 3)" = reverted ]
	[ "$(xfn -j history | jq -c '.revisions[0] | [.live, .state, .restores, .reverts, .reason, .user]')" = \
		'[true,"confirmed",2,3,"not confirmed within 2s","xfnd"]' ]
	journal_says "revision 3 was not confirmed within 2s: revision 2 is live again, as 4"
	audit_is_ok
}

# switch on|off DURATION: all of them, to be confirmed.
switch() {
	curl -sf --unix-socket "$XFN_SOCKET" -d '{"drop":false}' "http://xfnd/v1/$1?confirm=$2"
}

@test "off goes back with what is pending; a rollback leaves it, and says so" {
	apply_answer a
	switch off 60s
	answers none
	[ "$(xfn -j history | jq -c '.revisions[0].changes[0] | [.op, .kind, .name, .from, .to]')" = \
		'["change","switch","every function","on","off"]' ]
	run -0 xfn rollback
	[[ $output == *"switch  every function  off -> on"* ]]
	answers a
	switch off 1s
	until_true 5 is_revision 6
	answers a
	xfn off >/dev/null
	switch on 1s
	answers a
	until_true 5 is_revision 9
	answers none
	apply_answer b
	run -0 xfn rollback
	[[ $output == *"warning: every function is switched off, and stays so: xfn on"* ]]
	answers none
	xfn on >/dev/null
	answers a
	audit_is_ok
}

@test "confirmed in time it stays; twice, or with nothing pending, is an error" {
	apply_answer a
	apply_answer b --confirm 1s
	run -0 xfn confirm
	[ "$output" = "revision 3 is confirmed" ]
	run -3 --separate-stderr xfn confirm
	[ "${stderr_lines[-1]}" = "xfn history" ]
	sleep 1.5
	answers b
	[ "$(revision)" = 3 ]
	[ "$(state_of 3)" = confirmed ]
	restart_daemon
	[ "$(revision)" = 3 ]
	[ "$(pending)" = none ]
	for wrong in 0s 999ms 61m 60 -1s soon ""; do
		run -2 xfn apply --confirm="$wrong" "$HOME_DIR/a.yaml"
		run curl -s --unix-socket "$XFN_SOCKET" -F "manifest=@$HOME_DIR/a.yaml" \
			-F "object=@$OBJECTS/answer_a.bpf.o;filename=$OBJECTS/answer_a.bpf.o" \
			"http://xfnd/v1/apply?confirm=$wrong"
		[[ $output == *"is no duration from 1s to 1h"* ]]
	done
	[ "$(revision)" = 3 ]
}

@test "while one is pending every other change is refused, but for a rollback" {
	apply_answer a
	apply_answer b --confirm 60s
	run -1 --separate-stderr xfn apply "$HOME_DIR/a.yaml"
	[[ $stderr == *"revision 3 is to be confirmed or taken back first, within "* ]]
	[ "${stderr_lines[-1]}" = "xfn confirm" ]
	run -1 xfn detach xfn0
	run -1 xfn swap answer "$OBJECTS/answer_c.bpf.o"
	run -0 xfn plan "$HOME_DIR/a.yaml"
	[[ $output == *"warning: revision 3 is to be confirmed or taken back before"* ]]
	run -1 xfn rollback --confirm 5s
	answers b
	run -0 xfn rollback
	[[ $output == *"revision 2 is live again, as revision 4"* ]]
	answers a
	[ "$(pending)" = none ]
	[ "$(state_of 3)" = reverted ]
	run -0 xfn swap answer "$OBJECTS/answer_c.bpf.o"
}

@test "off and on work while one is pending, through kill -9, whether it is confirmed or goes back" {
	enabled() { xfn -j show answer | jq .enabled; }
	edits() { grep -c . "$STATE/revisions/$1/sets/main.edits" 2>/dev/null || true; }
	apply_answer a
	apply_answer b --confirm 60s
	run -0 xfn off answer
	answers none
	[ "$(pending)" = 3 ]
	[ "$(revision)" = 3 ]
	restart_daemon KILL
	answers none
	[ "$(pending)" = 3 ]
	[ "$(enabled)" = false ]
	run -0 xfn confirm
	[ "$(pending)" = none ]
	[ "$(revision)" = 4 ]
	[ "$(edits 4)" = 1 ]
	answers none
	xfn on answer >/dev/null
	answers b

	apply_answer a --confirm 60s --overwrite
	run -0 xfn off answer --drop
	run -0 xfn rollback
	answers none
	[ "$(enabled)" = false ]
	restart_daemon KILL
	[ "$(enabled)" = false ]
	xfn on answer >/dev/null
	answers b

	apply_answer a --confirm 2s --overwrite
	run -0 xfn off
	until_true 5 is_settled
	answers none
	[ "$(xfn -j | jq -r .off.mode)" = pass ]
	restart_daemon KILL
	[ "$(xfn -j | jq -r .off.mode)" = pass ]
	run -0 xfn on
	answers b

	# Back on beside what is pending; two pending at once are still refused.
	apply_answer a --confirm 60s --overwrite
	run -0 xfn off answer
	run -0 xfn on answer
	answers a
	run -1 --separate-stderr xfn off --confirm 5s
	[[ $stderr == *"is to be confirmed or taken back first"* ]]
	run -0 xfn confirm
	answers a
	audit_is_ok
}

@test "what a pending change removed and made comes back as it was, counters and maps too" {
	printf 'version: 1\nfunctions:\n  - {name: count, trigger: udp/7, kernel: %s}\n  - {name: tell, trigger: udp/9, kernel: %s}\n' \
		"$OBJECTS/count_events.bpf.o" "$OBJECTS/answer_a.bpf.o" >"$HOME_DIR/two.yaml"
	xfn apply "$HOME_DIR/two.yaml" >/dev/null
	flood -n 5 198.18.0.1 7 >/dev/null
	flood -n 3 198.18.0.1 9 >/dev/null
	printf 'version: 1\nattach: []\nfunctions:\n  - {name: tell, trigger: udp/9, kernel: %s}\n  - {name: new, trigger: udp/11, kernel: %s}\n' \
		"$OBJECTS/answer_b.bpf.o" "$OBJECTS/answer_c.bpf.o" >"$HOME_DIR/other.yaml"
	xfn apply --yes --confirm 2s "$HOME_DIR/other.yaml" >/dev/null
	[ "$(who_answers 198.18.0.1 9)" = b ]
	[ "$(who_answers 198.18.0.1 7)" = none ]
	audit_is_ok
	until_true 5 is_revision 4
	[ "$(who_answers 198.18.0.1 9)" = a ]
	[ "$(verdict handled count)" = 5 ]
	[ "$(verdict handled tell)" = 5 ]
	[ "$(stat_of '.functions[] | select(.name == "tell").outcomes.replied')" = 5 ]
	[ "$(find "$(pin_dir)/functions" -name seen | wc -l)" = 1 ]
	flood -n 1 198.18.0.1 7 >/dev/null
	[ "$(bpftool -j map dump pinned "$(pin_dir)/functions/default/count/seen" | jq '.[0].formatted.value.events')" = 6 ]
	audit_is_ok
	run -0 xfn plan --exit-code "$HOME_DIR/two.yaml"
}

@test "attach --confirm: the interface is let go again" {
	xfn detach xfn0 >/dev/null
	run -0 xfn attach --confirm 1s xfn0
	[[ $output == *"taken back in 1s unless confirmed"* ]]
	run ! has_no_program xfn0
	until_true 5 has_no_program xfn0
	until_true 5 is_revision 4
	[ "$(xfn -j | jq '.interfaces | length')" = 0 ]
	run -0 xfn attach --confirm 60s xfn0
	xfn confirm >/dev/null
	run ! has_no_program xfn0
}

@test "the very first change, unconfirmed, leaves nothing" {
	stop_daemon
	reset_daemon >/dev/null
	start_daemon
	xfn attach --confirm 1s xfn0 >/dev/null
	until_true 5 is_revision 2
	has_no_program xfn0
	restart_daemon
	[ "$(revision)" = 2 ]
	[ "$(pending)" = none ]
}

# ---- killed meanwhile ------------------------------------------------------------------------

@test "kill -9 of xfnd while one is pending: the time goes on; past it, back at once" {
	apply_answer a
	apply_answer b --confirm 3s
	restart_daemon KILL
	[ "$(pending)" = 3 ]
	answers b
	left=$(xfn -j | jq .pending.left_ns)
	[ "$left" -gt 0 ] && [ "$left" -lt 3000000000 ]
	until_true 8 is_revision 4
	answers a
	apply_answer b --confirm 1s
	stop_daemon KILL
	sleep 1.3
	answers b
	start_daemon
	[ "$(revision)" = 6 ]
	answers a
	[ "$(state_of 5)" = reverted ]
	apply_answer c --confirm 60s
	restart_daemon KILL
	xfn confirm >/dev/null
	restart_daemon KILL
	[ "$(revision)" = 7 ]
	[ "$(pending)" = none ]
	answers c
	audit_is_ok
}

@test "kill -9 at any moment of confirming and of going back: pending, confirmed or reverted" {
	apply_answer a
	for _ in $(seq 6); do
		apply_answer b --confirm 1s
		before=$(revision)
		sleep "0.9$((RANDOM % 10))"
		xfn confirm >/dev/null 2>&1 &
		confirmer=$!
		sleep "0.0$((RANDOM % 10))"
		restart_daemon KILL
		wait "$confirmer" || true
		until_true 5 is_settled
		[ "$(live_revision)" = "$(revision)" ]
		case $(state_of "$before") in
		confirmed) answers b && [ "$(revision)" = "$before" ] ;;
		reverted) answers a && [ "$(revision)" = $((before + 1)) ] ;;
		*) false ;;
		esac
		audit_is_ok
		apply_answer a
	done
}

@test "after a reboot the last confirmed revision is applied" {
	apply_answer a
	apply_answer b
	apply_answer c --confirm 1h
	stop_daemon KILL
	reboot
	start_daemon
	[ "$(revision)" = 5 ]
	[ "$(live_revision)" = 5 ]
	[ "$(pending)" = none ]
	answers b
	[ "$(state_of 4)" = reverted ]
	[ "$(xfn -j history | jq -c '.revisions[0] | [.revision, .restores, .reverts]')" = "[5,3,4]" ]
	audit_is_ok
	# As often as it starts so.
	stop_daemon KILL
	reboot
	start_daemon
	[ "$(revision)" = 5 ]
	answers b
	# Nothing confirmed at all: nothing is attached.
	stop_daemon
	reset_daemon >/dev/null
	start_daemon
	xfn attach --confirm 1h xfn0 >/dev/null
	stop_daemon KILL
	reboot
	start_daemon
	has_no_program xfn0
	[ "$(revision)" = 2 ]
}

@test "going back needs no disk" {
	mkdir -p "$STATE"
	stop_daemon
	reset_daemon >/dev/null
	mount -t tmpfs -o size=8m tmpfs "$STATE"
	start_daemon
	xfn attach xfn0 >/dev/null
	apply_answer a
	apply_answer b --confirm 2s
	mount -o remount,ro "$STATE"
	run -1 --separate-stderr xfn confirm
	[[ $stderr == *"cannot confirm revision 3: its mark cannot be written in '$STATE': Read-only file system"* ]]
	until_true 8 is_revision 2
	answers a
	[ "$(live_revision)" = 2 ]
	[ "$(pending)" = none ]
	restart_daemon KILL
	[ "$(revision)" = 2 ]
	answers a
	# A change is refused, and says why; nothing has happened.
	run -1 --separate-stderr xfn apply "$HOME_DIR/b.yaml"
	[[ $stderr == *"cannot write revision 3 in '$STATE': Read-only file system"* ]]
	answers a
	mount -o remount,rw "$STATE"
	head -c 16m /dev/zero >"$STATE/full" 2>/dev/null || true
	run -1 --separate-stderr xfn apply "$HOME_DIR/b.yaml"
	[[ $stderr == *"cannot write revision 3 in '$STATE': No space left on device"* ]]
	[ "$(names "$STATE/revisions")" = "1 2" ]
	answers a
	rm "$STATE/full"
	run -0 xfn apply "$HOME_DIR/b.yaml"
	answers b
	stop_daemon
	reset_daemon >/dev/null
	umount "$STATE"
	start_daemon
}

# ---- functions in use ------------------------------------------------------------------------

@test "a function in use is not removed unasked; another set's is not touched" {
	printf 'version: 1\nset: edge\nfunctions:\n  - {name: other, trigger: udp/9, kernel: %s}\n' \
		"$OBJECTS/answer_b.bpf.o" >"$HOME_DIR/edge.yaml"
	xfn apply "$HOME_DIR/edge.yaml" >/dev/null
	apply_answer a
	printf 'version: 1\nfunctions: []\n' >"$HOME_DIR/none.yaml"
	# Nobody used it: it goes.
	xfn apply "$HOME_DIR/none.yaml" >/dev/null
	apply_answer a
	answers a
	flood -n 4 198.18.0.1 7 >/dev/null
	[ "$(who_answers 198.18.0.1 9)" = b ]
	run -0 xfn plan "$HOME_DIR/none.yaml"
	[[ $output == *"warning: 1 function that handled events within the last hour would be removed: 'answer' (5): apply wants --yes"* ]]
	run -1 --separate-stderr xfn apply "$HOME_DIR/none.yaml"
	[[ $stderr == *"1 function that handled events within the last hour would be removed: 'answer' (5); --yes removes it"* ]]
	[ "${stderr_lines[-1]}" = "xfn apply $HOME_DIR/none.yaml --yes" ]
	answers a
	# What a start does not know counts as lately.
	restart_daemon
	run -1 xfn apply "$HOME_DIR/none.yaml"
	run -0 xfn apply "$HOME_DIR/none.yaml" --yes
	[ "$(xfn ls -j | jq -c '[.functions[].name]')" = '["other"]' ]
	[ "$(who_answers 198.18.0.1 9)" = b ]
	run -1 xfn rollback 1
	run -0 xfn rollback 1 --yes
	[ "$(xfn ls -j | jq -c '[.functions[].name]')" = '[]' ]
}

@test "two sets own their functions, each its own" {
	apply_answer a
	printf 'version: 1\nset: edge\nfunctions:\n  - {name: answer, trigger: udp/9, kernel: %s}\n' \
		"$OBJECTS/answer_b.bpf.o" >"$HOME_DIR/edge.yaml"
	run -1 --separate-stderr xfn apply "$HOME_DIR/edge.yaml"
	[[ $stderr == *"function 'answer' is in set 'main' already"* ]]
	sed -i 's/name: answer/name: other/; s,udp/9,udp/7,' "$HOME_DIR/edge.yaml"
	run -1 --separate-stderr xfn apply "$HOME_DIR/edge.yaml"
	[[ $stderr == *"edge.yaml:4"*"a.yaml:3"* || $stderr == *"a.yaml:3"*"edge.yaml:4"* ]]
	sed -i 's,udp/7,udp/9,' "$HOME_DIR/edge.yaml"
	xfn apply "$HOME_DIR/edge.yaml" >/dev/null
	# Each set's manifest plans nothing, and emptying one leaves the other.
	run -0 xfn plan --exit-code "$HOME_DIR/a.yaml"
	run -0 xfn plan --exit-code "$HOME_DIR/edge.yaml"
	printf 'version: 1\nset: edge\nfunctions: []\n' >"$HOME_DIR/edge.yaml"
	xfn apply "$HOME_DIR/edge.yaml" >/dev/null
	answers a
	run -0 xfn rollback
	[ "$(who_answers 198.18.0.1 9)" = b ]
	answers a
}

# ---- history and rollback --------------------------------------------------------------------

@test "history tells who, when, how and what; the number of revisions is bounded" {
	apply_answer a
	xfn swap answer "$OBJECTS/answer_b.bpf.o" >/dev/null
	[ "$(xfn -j history | jq -c '.revisions[] | [.revision, .live, .state, .user, .uid, .change_count]')" = \
		'[3,true,"confirmed","root",0,1]
[2,false,"confirmed","root",0,1]
[1,false,"confirmed","root",0,1]' ]
	[ "$(xfn -j history | jq -r '.revisions[1].command')" = "xfn apply $HOME_DIR/a.yaml" ]
	[ "$(xfn -j history | jq -c '.revisions[2].changes[0] | [.op, .kind, .name]')" = \
		'["add","interface","xfn0"]' ]
	run -0 xfn history
	[[ ${lines[1]} == "*3 "*root*confirmed*"~answer handler"*"xfn swap answer"* ]]
	[[ ${lines[2]} == " 2 "*"+answer"* ]]
	for n in $(seq 35); do
		apply_answer "$([ $((n % 2)) = 0 ] && echo a || echo c)" --overwrite
	done
	[ "$(xfn -j history | jq '.revisions | length')" = 32 ]
	[ "$(find "$STATE/revisions" -mindepth 1 -maxdepth 1 | wc -l)" = 32 ]
	run -3 --separate-stderr xfn rollback 2
	[[ $stderr == *"no revision '2': there are 7, 8, "*" and 38"* ]]
	for wrong in 0 x -1 39 07 99999999999999999999; do run -3 xfn rollback -- "$wrong"; done
	run -1 --separate-stderr xfn rollback 38
	[[ $stderr == *"it is the live one"* ]]
}

@test "a damaged revision is shown as such, and refused by name" {
	apply_answer a
	apply_answer b
	apply_answer c
	object=$(find "$STATE/revisions/3/objects" -name '*.v2.o')
	printf x | dd of="$object" bs=1 seek=100 conv=notrunc status=none
	run -1 --separate-stderr xfn rollback 3
	[[ $stderr == *"cannot roll back to revision 3: revision 3 cannot be read: "* ]]
	answers c
	echo >>"$STATE/revisions/2/change.json"
	[ "$(state_of 2)" = damaged ]
	[ "$(revision)" = 4 ]
	run -1 xfn rollback 2
	# One of an xfnd that wrote no record is read all the same.
	run -0 xfn rollback 1 --yes
}

@test "rollback under numbered traffic: none lost, none to a wrong function; objects, sets, interfaces" {
	apply_answer a
	xfn swap answer "$OBJECTS/answer_b.bpf.o" >/dev/null
	apply_answer c --overwrite
	start_flood load -w 8 -t 30 198.18.0.1 7
	for target in 2 3 4 3 2 4 2; do
		run -0 xfn rollback $target
		case $target in 2) answers a ;; 3) answers b ;; 4) answers c ;; esac
		audit_is_ok
	done
	nothing_lost "$(end_flood load)"
	[ "$(xfn -j history | jq '.revisions[0].restores')" = 2 ]
	run -0 xfn plan --exit-code "$HOME_DIR/a.yaml"
	# Without a number: the one before. And again: there and back.
	xfn rollback 3 >/dev/null
	before=$(revision)
	run -0 xfn rollback
	[[ $output == *"revision $((before - 1)) is live again, as revision $((before + 1))"* ]]
	answers a
	# What came by command is so again, and a start finds it all.
	xfn rollback 3 >/dev/null
	run -1 --separate-stderr xfn apply "$HOME_DIR/a.yaml"
	[[ $stderr == *"came by command"* ]]
	restart_daemon
	answers b
	# An interface that a later revision let go.
	before=$(revision)
	xfn detach xfn0 >/dev/null
	has_no_program xfn0
	xfn rollback "$before" >/dev/null
	answers b
	audit_is_ok
}

@test "a rollback may be one to be confirmed, too" {
	apply_answer a
	apply_answer b
	run -0 xfn rollback --confirm 1s
	answers a
	until_true 5 is_revision 5
	answers b
	run -0 xfn rollback --confirm 60s
	xfn confirm >/dev/null
	answers a
}

@test "what the driver does is said before attaching" {
	run -0 xfn detach xfn0
	run -0 xfn -j attach xfn0
	[ "$(jq -c .warnings <<<"$output")" = "[]" ]
	xfn detach xfn0 >/dev/null
	run -0 xfn attach --mode generic xfn0
	[[ $output == *"warning: interface 'xfn0': generic mode: "* ]]
	xfn detach xfn0 >/dev/null
	printf 'version: 1\nattach: [{interface: xfn0, mode: generic}]\nfunctions: []\n' >"$HOME_DIR/attach.yaml"
	run -0 xfn plan "$HOME_DIR/attach.yaml"
	[[ $output == *"warning: interface 'xfn0': generic mode: "* ]]
}
