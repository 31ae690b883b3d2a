#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# xfnd may be killed at any moment: packets go on, limits hold, and the next start finds all of it.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034

load lib

setup() {
	e2e_setup
	start_daemon
	xfn attach xfn0 >/dev/null
}

teardown() {
	if [[ -n ${SECOND-} ]]; then
		kill "$SECOND" 2>/dev/null || true
		wait "$SECOND" || true
		nsenter --net="/run/netns/$CLIENT" "$XFND" --run-dir "$HOME_DIR/run2" \
			--pin-dir "$PINS" --state-dir "$HOME_DIR/state2" --reset >/dev/null
	fi
	e2e_teardown
}

apply_answer() {
	printf 'version: 1\nfunctions:\n  - {name: answer, trigger: udp/7, kernel: %s}\n' \
		"$OBJECTS/answer_$1.bpf.o" >"$HOME_DIR/$1.yaml"
	xfn apply "$HOME_DIR/$1.yaml" >/dev/null
}

# A start that must fail, and not by hanging.
start_fails() {
	run -1 --separate-stderr timeout 10 nsenter --net="/run/netns/$SERVER" "$XFND" \
		--run-dir "$RUN" --pin-dir "$PINS" --state-dir "$STATE"
	echo "$stderr"
}

# Milliseconds below $1, as seconds.
random_s() { printf '0.%03d' $((RANDOM % $1)); }

reboot() {
	rm -rf "$PINS"
	until_true 5 has_no_program xfn0
}

has_no_program() { [[ $(ip -n "$SERVER" -j link show "$1" | jq '.[0].xdp') == null ]]; }

@test "kill -9 under load: none lost, none counted twice or not at all, the same revision" {
	apply_answer a
	start_flood load -w 16 -t 30 198.18.0.1 7
	for _ in 1 2 3 4 5; do
		sleep 0.1
		restart_daemon KILL
		[ "$(revision)" = 2 ]
		audit_is_ok
	done
	result=$(end_flood load)
	nothing_lost "$result"
	sent=$(jq .sent <<<"$result")
	[ "$(stat_of '.functions[0].verdicts.handled')" = "$sent" ]
	[ "$(stat_of '.functions[0].outcomes.replied')" = "$sent" ]
	[ "$(stat_of '.interfaces[0] | .packets == (.verdicts | add)')" = true ]
	[ "$(stat_of '.interfaces[0].verdicts.handled')" = "$sent" ]
}

@test "SIGTERM leaves traffic flowing" {
	apply_answer a
	start_flood load -w 16 -t 30 198.18.0.1 7
	stop_daemon TERM
	sleep 0.2
	[ "$(who_answers fd00:18::1 7)" = a ]
	nothing_lost "$(end_flood load)"
	start_daemon
}

@test "limits hold while xfnd is dead" {
	apply_echo <<<"    limit: {rate: 1k/s, burst: 50}"
	stop_daemon KILL
	result=$(flood -r 5000 -t 1 -g 100 198.18.0.1 7)
	echo "$result"
	elapsed_ms=$(jq '(.elapsed_ns / 1000000 | floor) + 1' <<<"$result")
	admitted=$(jq .received <<<"$result")
	[ "$admitted" -le $((50 + elapsed_ms + 1)) ]
	[ "$admitted" -ge $((9 * (50 + elapsed_ms) / 10)) ]
	start_daemon
	[ "$(verdict handled echo)" = "$admitted" ]
	[ "$(verdict rate_limited echo)" = $(($(jq .sent <<<"$result") - admitted)) ]
}

@test "kill -9 at any moment of an apply: old or new, never half; and none lost" {
	apply_answer a
	start_flood load -w 4 -t 60 198.18.0.1 7
	next=b
	for _ in $(seq 15); do
		apply_answer "$next" 2>/dev/null &
		applier=$!
		sleep "$(random_s 40)"
		restart_daemon KILL
		wait "$applier" || true
		[ "$(live_revision)" = "$(revision)" ]
		# Who answers and what the daemon says is live must agree.
		answer=$(who_answers 198.18.0.1 7)
		run xfn plan --exit-code "$HOME_DIR/$next.yaml"
		case $status in
		0) [ "$answer" = $next ] ;;
		10) [ "$answer" != $next ] && [ "$answer" != none ] ;;
		*) false ;;
		esac
		audit_is_ok
		apply_answer "$next"
		[ "$(who_answers 198.18.0.1 7)" = $next ]
		if [ $next = a ]; then next=b; else next=a; fi
	done
	nothing_lost "$(end_flood load)"
	[ "$(find "$STATE/revisions" -mindepth 1 -maxdepth 1 -name '.*' | wc -l)" = 0 ]
	[ "$(find "$STATE/revisions" -mindepth 1 -maxdepth 1 | wc -l)" -le 32 ]
}

@test "kill -9 at any moment of attach, detach, and of removing a function" {
	for _ in $(seq 8); do
		xfn detach xfn0 >/dev/null 2>&1 &
		sleep "$(random_s 25)"
		restart_daemon KILL
		wanted=$(xfn -j | jq '.interfaces | length')
		if [ "$wanted" = 0 ]; then has_no_program xfn0; else ! has_no_program xfn0; fi
		xfn attach xfn0 >/dev/null 2>&1 &
		sleep "$(random_s 25)"
		restart_daemon KILL
		wanted=$(xfn -j | jq '.interfaces | length')
		if [ "$wanted" = 0 ]; then has_no_program xfn0; else ! has_no_program xfn0; fi
		xfn attach xfn0 >/dev/null 2>&1 || true
		printf 'version: 1\nfunctions:\n  - {name: count, trigger: udp/7, kernel: %s}\n' \
			"$OBJECTS/count_events.bpf.o" >"$HOME_DIR/count.yaml"
		xfn apply "$HOME_DIR/count.yaml" >/dev/null
		printf 'version: 1\nfunctions: []\n' >"$HOME_DIR/none.yaml"
		xfn apply "$HOME_DIR/none.yaml" >/dev/null 2>&1 &
		sleep "$(random_s 25)"
		restart_daemon KILL
		[ "$(xfn ls -j | jq '.functions | length')" = \
			"$(find "$(pin_dir)/functions" -name seen | wc -l)" ]
		xfn apply "$HOME_DIR/none.yaml" >/dev/null
	done
	audit_is_ok
}

@test "a revision that did not go live is dropped; the kernel's number wins" {
	apply_answer a
	stop_daemon KILL
	cp -a "$STATE/revisions/2" "$STATE/revisions/3"
	mkdir "$STATE/revisions/.new-4"
	start_daemon
	[ "$(revision)" = 2 ]
	[ "$(names "$STATE/revisions")" = "1 2" ]
	[ "$(who_answers 198.18.0.1 7)" = a ]
}

@test "what failed to attach does not come back after a reboot" {
	apply_answer a
	ip -n "$SERVER" link add br0 type bridge
	run -1 xfn attach br0
	[ "$(names "$STATE/revisions")" = "1 2" ]
	stop_daemon
	reboot
	start_daemon
	[ "$(stat_of '[.interfaces[].name] | join(" ")')" = xfn0 ]
	[ "$(revision)" = 2 ]
}

@test "a damaged revision: xfnd says which and ends, traffic goes on" {
	apply_answer a
	stop_daemon
	object=$(find "$STATE/revisions/2/objects" -type f)
	cp "$object" "$HOME_DIR/whole"
	printf x | dd of="$object" bs=1 seek=100 conv=notrunc status=none
	start_fails
	[[ $stderr == *"cannot read revision 2 in '$STATE'"* ]]
	[ "$(who_answers 198.18.0.1 7)" = a ]
	cat "$HOME_DIR/whole" >"$object"
	rm "$STATE/revisions/2/meta.json"
	start_fails
	[[ $stderr == *"cannot read revision 2 in '$STATE'"* ]]
	rm -r "$STATE/revisions"
	start_fails
	[[ $stderr == *"cannot read revision 2 in '$STATE'"* ]]
	[ "$(who_answers 198.18.0.1 7)" = a ]
	# After a reboot there is nothing to apply, and nothing that must not be touched.
	reboot
	start_daemon
}

@test "a revision whose slots are not in the maps is refused: its numbers are indices" {
	apply_answer a
	stop_daemon
	meta=$STATE/revisions/2/meta.json
	cp "$meta" "$HOME_DIR/meta"
	# Files may be links to those of another revision: a new one takes the place.
	jq -c '.functions[0].slot = 4000000000' "$HOME_DIR/meta" >"$HOME_DIR/edited"
	cp --remove-destination "$HOME_DIR/edited" "$meta"
	python3 "$BATS_TEST_DIRNAME/tools/resum.py" "$STATE/revisions/2"
	start_fails
	[[ $stderr == *"function 'answer' has slot 4000000000, expected below 1024"* ]]
	[ "$(who_answers 198.18.0.1 7)" = a ]
	cp --remove-destination "$HOME_DIR/meta" "$meta"
	python3 "$BATS_TEST_DIRNAME/tools/resum.py" "$STATE/revisions/2"
	start_daemon
}

@test "pins of another layout are left alone and reported" {
	apply_answer a
	stop_daemon
	control=$(pin_dir)/maps/xfn_control
	value() { bpftool -j map lookup pinned "$control" key 0 0 0 0 | jq -r '.value | join(" ")'; }
	read -ra before < <(value)
	after=("${before[@]}")
	after[40]=0x63
	bpftool map update pinned "$control" key 0 0 0 0 value "${after[@]}"
	start_fails
	[[ $stderr == *"has layout version 99, this xfnd has $((before[40]))"* ]]
	[ "$(who_answers 198.18.0.1 7)" = a ]
	bpftool map update pinned "$control" key 0 0 0 0 value "${before[@]}"
	start_daemon
	[ "$(revision)" = 2 ]
}

@test "links beside maps that are missing are left alone and reported; --reset removes them" {
	apply_answer a
	stop_daemon
	rm "$(pin_dir)/maps/xfn_random"
	start_fails
	[[ $stderr == *"interfaces are attached by pins in"* ]]
	[ "$(who_answers 198.18.0.1 7)" = a ]
	reset_daemon
	has_no_program xfn0
	[ ! -e "$PINS" ]
	[ ! -e "$STATE/revisions" ]
	start_daemon
	[ "$(revision)" = 0 ]
}

@test "after a reboot the last revision is applied from disk" {
	apply_answer a
	xfn swap answer "$OBJECTS/answer_b.bpf.o" >/dev/null
	flood -n 10 198.18.0.1 7 >/dev/null
	# Counts of a version that is no more are in the revision, and end with the kernel's.
	xfn swap answer "$OBJECTS/answer_c.bpf.o" >/dev/null
	xfn swap answer "$OBJECTS/answer_b.bpf.o" >/dev/null
	stop_daemon
	reboot
	[ "$(who_answers 198.18.0.1 7)" = none ]
	start_daemon
	[ "$(revision)" = 5 ]
	[ "$(live_revision)" = 5 ]
	[ "$(who_answers 198.18.0.1 7)" = b ]
	[ "$(stat_of '.functions[0] | "\(.versions[0].id) \(.verdicts.handled) \(.outcomes.replied)"')" = \
		"v4 1 1" ]
	audit_is_ok
	# Revisions go on from there.
	apply_answer a 2>/dev/null || xfn apply --overwrite "$HOME_DIR/a.yaml" >/dev/null
	[ "$(revision)" = 6 ]
}

@test "after a reboot an interface that is not there yet is waited for" {
	apply_answer a
	stop_daemon
	reboot
	ip -n "$SERVER" link del xfn0
	start_daemon
	[ "$(revision)" = 2 ]
	add_wire "$SERVER" xfn0 198.18.0.1/24 -- "$CLIENT" c0 198.18.0.2/24
	let_pass "$CLIENT" c0
	answers() { [[ $(who_answers 198.18.0.1 7) == a ]]; }
	until_true 5 answers
}

@test "kill -9 in the middle of a start after a reboot: the revision is not forgotten" {
	apply_answer a
	stop_daemon
	for _ in $(seq 8); do
		reboot
		nsenter --net="/run/netns/$SERVER" "$XFND" --run-dir "$RUN" --pin-dir "$PINS" \
			--state-dir "$STATE" >/dev/null 2>&1 3>&- &
		DAEMON=$!
		sleep "$(random_s 80)"
		stop_daemon KILL
		start_daemon
		[ "$(revision)" = 2 ]
		[ "$(live_revision)" = 2 ]
		[ "$(who_answers 198.18.0.1 7)" = a ]
		stop_daemon
	done
	start_daemon
}

@test "two xfnd in two namespaces, side by side" {
	apply_answer a
	ip -n "$CLIENT" link set c0 xdp off
	mkdir "$HOME_DIR/run2"
	nsenter --net="/run/netns/$CLIENT" "$XFND" --run-dir "$HOME_DIR/run2" --pin-dir "$PINS" \
		--state-dir "$HOME_DIR/state2" >>"$LOG" 2>&1 3>&- &
	SECOND=$!
	second() { "$XFN" --socket "$HOME_DIR/run2/xfn.sock" "$@"; }
	until_true 5 eval 'second journal >/dev/null 2>&1'
	second attach c0 >/dev/null
	sed 's/answer_a/answer_b/' "$HOME_DIR/a.yaml" >"$HOME_DIR/b.yaml"
	second apply "$HOME_DIR/b.yaml" >/dev/null
	[ "$(who_answers 198.18.0.1 7)" = a ]
	[ "$(in_server "$TOOLS/flood" -n 1 -g 200 198.18.0.2 7 | jq -r '.by | keys[0]')" = b ]
	[ "$(second stats -j | jq -r '.interfaces[].name')" = c0 ]
	# The first is reset; the second does not notice.
	stop_daemon
	reset_daemon
	[ "$(in_server "$TOOLS/flood" -n 1 -g 200 198.18.0.2 7 | jq -r '.by | keys[0] // "none"')" = none ]
	let_pass "$SERVER" xfn0
	[ "$(in_server "$TOOLS/flood" -n 1 -g 200 198.18.0.2 7 | jq -r '.by | keys[0]')" = b ]
	second audit >/dev/null
	ip -n "$SERVER" link set dev xfn0 xdp off
	start_daemon
}
