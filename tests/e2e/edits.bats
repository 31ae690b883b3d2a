#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Changes by command: triggers, limits, off and on; what apply makes of them; and that a kill leaves
# the old or the new.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib

setup() {
	e2e_setup
	start_daemon
	xfn attach xfn0 >/dev/null
}

teardown() {
	if [[ -n ${LISTENER-} ]]; then kill "$LISTENER" 2>/dev/null || true; fi
	e2e_teardown
}

MAIN=$HOME_DIR/main.yaml

# A function that answers at udp/7 with the letter $1, and more lines of its own from standard input.
apply_answer() {
	{
		printf 'version: 1\nfunctions:\n  - name: answer\n    trigger: udp/7\n    kernel: %s\n' \
			"$OBJECTS/answer_$1.bpf.o"
		if [[ ! -t 0 ]]; then cat; fi
	} | apply >/dev/null
}

in_dead() { nsenter --net="/run/netns/$SERVER" "$XFN" "$@" --pin-dir "$PINS" --state-dir "$STATE"; }

# COUNT lines of CSV for port 5000 at an address each.
write_csv() {
	python3 - "$1" <<-'END'
		import sys
		print("protocol,port,destination")
		for i in range(int(sys.argv[1])):
		    print(f"udp,5000,10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}")
	END
}

is_attached() { [[ $(xfn -j | jq -r '.interfaces[0].state') == attached ]]; }

meta() { jq -r "$1" "$STATE/revisions/$(revision)/meta.json"; }

@test "a trigger is added and removed under traffic, as a revision with user and command line" {
	apply_answer a </dev/null
	start_flood load -w 16 -t 30 198.18.0.1 7
	[ "$(who_answers 198.18.0.1 8)" = none ]
	run -0 xfn trigger add answer udp/8
	[[ $output == "answer: 1 trigger added, 2 now, revision 3" ]]
	[ "$(who_answers 198.18.0.1 8)" = a ]
	[ "$(meta .command)" = "xfn trigger add answer udp/8" ]
	[ "$(meta .uid)" = 0 ]
	run -0 xfn -j trigger rm answer '{protocol: udp, port: 8}'
	[ "$(jq -c '[.removed, .triggers, .revision, .changed]' <<<"$output")" = "[1,1,4,true]" ]
	[ "$(who_answers 198.18.0.1 8)" = none ]
	nothing_lost "$(end_flood load)"
	# It is as the manifest says: nothing is left of either.
	run -0 xfn plan --exit-code "$MAIN"
	[ "$(xfn -j plan "$MAIN" | jq -c .by_hand)" = "[]" ]
	audit_is_ok
}

@test "what a trigger cannot be is refused, places named, and changes nothing" {
	apply_answer a </dev/null
	xfn trigger add answer '{protocol: udp, port: 9000-9009}' >/dev/null
	before=$(live_word)
	run -1 --separate-stderr xfn trigger add answer udp/7
	[[ $stderr == *"function 'answer' has it already, at $MAIN:4:14"* ]]
	run -1 --separate-stderr xfn trigger add answer udp/9000-9009
	[[ $stderr == *"has it already, added by command, 20"* ]]
	run -3 --separate-stderr xfn trigger rm answer udp/8
	[[ $stderr == *"no such trigger"*"did you mean '{protocol: udp, port: \"7\"}'?"* ]]
	run -1 --separate-stderr xfn trigger add answer udp/70000
	[[ $stderr == *"trigger:1:5: port '70000' is too large"*"udp/70000"*"^~~~~"* ]]
	run -1 --separate-stderr xfn trigger add answer udp/9005-9020
	[[ $stderr == *"overlap in part with ports 9000-9009 of function 'answer', added by command, 20"* ]]
	run -3 --separate-stderr xfn trigger add anwser udp/8
	[[ $stderr == *"did you mean 'answer'?"* ]]
	run -2 --separate-stderr xfn trigger drop answer udp/8
	[ "$(live_word)" = "$before" ]
	# Another function's, of another set.
	manifest other <<-END
		version: 1
		set: other
		functions:
		  - {name: web, trigger: udp/80, socket: existing}
	END
	xfn apply "$HOME_DIR/other.yaml" >/dev/null
	run -1 --separate-stderr xfn trigger add answer udp/80
	[[ $stderr == *"$HOME_DIR/other.yaml:4:"*"that of function 'answer', added by command, 20"* ]]
	run -1 --separate-stderr xfn trigger add web udp/9000-9009
	[[ $stderr == *"function 'answer', added by command, 20"* ]]
}

@test "a trigger that takes an established session is refused; what is hinted works, --force too" {
	apply_answer a </dev/null
	listen 2222
	open_session 2222
	run -1 --separate-stderr xfn trigger add answer tcp/2222
	[[ $stderr == *"would take established sessions: tcp/2222 from 198.18.0.2:$SESSION_PORT;"* ]]
	[ "${stderr_lines[-1]}" = "xfn trigger add answer tcp/2222 --confirm 60s" ]
	[ "$(revision)" = 2 ]
	echoes "still here"
	read -ra hint <<<"${stderr_lines[-1]#xfn }"
	run -0 xfn "${hint[@]}"
	[[ ${lines[0]} == "warning: tcp/2222 from 198.18.0.2:$SESSION_PORT goes to function 'answer' (added by command, 20"* ]]
	[ "${lines[1]}" = "answer: 1 trigger added, 2 now, revision 3" ]
	[ "${lines[2]}" = "taken back in 60s unless confirmed: xfn confirm" ]
	# off works while it is to be confirmed, and gives the session back; a limit does not work then.
	run -0 xfn off
	echoes "off"
	run -0 xfn on --force
	run -1 --separate-stderr xfn limit answer 10/s
	[ "${stderr_lines[-1]}" = "xfn confirm" ]
	xfn rollback >/dev/null
	echoes "here again"
	# What a shell would take apart is hinted as it has to be typed.
	run -1 --separate-stderr xfn trigger add answer '{protocol: tcp, port: 2222}'
	[ "${stderr_lines[-1]}" = "xfn trigger add answer '{protocol: tcp, port: 2222}' --confirm 60s" ]
	run -0 xfn -j trigger add answer tcp/2222 --force
	[[ $(jq -r '.warnings[0]' <<<"$output") == "tcp/2222 from 198.18.0.2:$SESSION_PORT goes to function 'answer'"* ]]
	run ! echoes gone 1
	run -2 --separate-stderr xfn off --confirm 2h
	[ "$(xfn -j off | jq -c '[.off, .warnings]')" = '["pass",[]]' ]
	echoes "and back"
	audit_is_ok
}

@test "limit, off, on, swap and detach are taken back by themselves, too" {
	apply_answer a </dev/null
	for change in "limit answer 5/s" "off answer" "off --drop" \
		"swap answer $OBJECTS/answer_b.bpf.o" "detach xfn0"; do
		# shellcheck disable=SC2086 # words
		run -0 xfn $change --confirm 60s
		[ "${lines[-1]}" = "taken back in 60s unless confirmed: xfn confirm" ]
		xfn rollback >/dev/null
		until_true 5 is_attached
		[ "$(who_answers 198.18.0.1 7)" = a ]
	done
	xfn off answer >/dev/null
	run -0 xfn on answer --confirm 1s
	until_true 5 is_off
	# Nothing is taken back where nothing was done.
	run -0 xfn off answer --confirm 60s
	[ "$output" = "answer: off, its packets pass to the stack" ]
	[ "$(xfn -j | jq .pending)" = null ]
	audit_is_ok
}

is_off() { [[ $(xfn -j show answer | jq .enabled) == false ]]; }

@test "a misspelt member is refused and switches nothing; so is a text that is too long, or no UTF-8" {
	apply_answer a </dev/null
	for verb in off on; do
		for body in '{"functoin":"answer"}' '{"function":null}' '{"function":"answer","dorp":true}'; do
			[ "$(post "$verb" "$body" | jq -r .error.code)" = bad_request ]
		done
	done
	[ "$(who_answers 198.18.0.1 7)" = a ]
	[ "$(revision)" = 2 ]
	run -1 --separate-stderr xfn trigger add answer "udp/8$(printf '%65536s' '')"
	[[ $stderr == *"cannot add the trigger: its text has 65541 bytes, expected at most 65536;"*"--from FILE.csv"* ]]
	for change in limit off on; do
		rate=()
		if [[ $change == limit ]]; then rate=(5/s); fi
		run -1 --separate-stderr xfn "$change" $'\xff' "${rate[@]}"
		[[ $stderr == *"not UTF-8"* ]]
	done
	[ "$(revision)" = 2 ]
}

# post VERB BODY
post() {
	nsenter --net="/run/netns/$SERVER" curl -s --unix-socket "$XFN_SOCKET" \
		-H "Content-Type: application/json" -d "$2" "http://xfn/v1/$1"
}

@test "triggers from a file: by command, and of a manifest; mistakes have the file's line and column" {
	apply_answer a </dev/null
	printf 'protocol,port,destination\r\nudp,8,\r\nudp,9,"198.18.0.1 fd00:18::1"\r\n' >"$HOME_DIR/t.csv"
	run -0 xfn trigger add answer --from "$HOME_DIR/t.csv"
	[[ $output == "answer: 2 triggers added, 3 now, revision 3" ]]
	[ "$(who_answers 198.18.0.1 8)" = a ]
	[ "$(who_answers fd00:18::1 9)" = a ]
	run -1 --separate-stderr xfn trigger add answer --from "$HOME_DIR/t.csv"
	[[ $stderr == *"$HOME_DIR/t.csv:2:1: function 'answer' has it already, at $HOME_DIR/t.csv:2:1"* ]]
	restart_daemon KILL
	[ "$(xfn -j show answer | jq -c '[.triggers[] | [.port, .file, .line]]')" = \
		"[[\"7\",null,4],[\"8\",\"$HOME_DIR/t.csv\",2],[\"9\",\"$HOME_DIR/t.csv\",3]]" ]
	run -0 xfn trigger rm answer --from "$HOME_DIR/t.csv"
	[ "$(xfn -j plan "$MAIN" | jq -c .by_hand)" = "[]" ]

	# In a manifest, relative to it.
	printf 'protocol,port\nudp,8\nudp,70000\n' >"$HOME_DIR/list.csv"
	run -1 --separate-stderr apply_answer a <<<"    triggers_from: list.csv"
	[[ $stderr == *"list.csv:3:5: port '70000' is too large"* ]]
	[ "$(revision)" = 4 ]
	run -1 --separate-stderr xfn check "$MAIN"
	[[ $stderr == *"list.csv:3:5: port '70000' is too large"* ]]
	printf 'protocol,port\nudp,8\nudp,10\n' >"$HOME_DIR/list.csv"
	run -0 xfn check "$MAIN"
	[[ $output == *"1 function, 3 triggers"* ]]
	apply_answer a <<<"    triggers_from: list.csv"
	[ "$(who_answers 198.18.0.1 10)" = a ]
	restart_daemon KILL
	run -0 xfn plan --exit-code "$MAIN"
	# Another file of the same name is another plan.
	printf 'protocol,port\nudp,8\n' >"$HOME_DIR/list.csv"
	run -10 xfn plan --exit-code "$MAIN"
	[[ $output == *"3 triggers -> 2 triggers"* ]]
	run -1 --separate-stderr xfn trigger add answer udp/10
	[[ $stderr == *"has it already, at list.csv:3:1"* ]]
	# What is shown has them all, and plans empty.
	xfn show --manifest >"$HOME_DIR/shown.yaml"
	rm "$HOME_DIR/list.csv"
	run -0 xfn plan --exit-code "$HOME_DIR/shown.yaml"
	run -1 --separate-stderr xfn plan "$MAIN"
	[[ $stderr == *"list.csv"* ]]
}

@test "a limit by command: at once, none, zero; what else the manifest says of it stays" {
	apply_answer a <<<"    limit: {rate: 10k/s, burst: 1000, excess: pass}"
	run -0 xfn limit answer 1/m --burst 3
	[[ $output == "answer: limit 1/m, burst 3, revision 3" ]]
	[ "$(flood -n 10 -w 10 -g 200 198.18.0.1 7 | jq .received)" -le 3 ]
	[ "$(xfn -j show answer | jq -r .limit.excess)" = pass ]
	run -0 xfn limit answer none
	[[ $output == "answer: no limit, revision 4" ]]
	[ "$(flood -n 50 -w 10 198.18.0.1 7 | jq .received)" = 50 ]
	run -0 xfn limit answer 0
	[ "$(who_answers 198.18.0.1 7)" = none ]
	[ "$(xfn -j ls | jq -r '.functions[0].state')" = disabled ]
	run -1 --separate-stderr xfn on answer
	[[ $stderr == *"its limit is 0"*"xfn limit answer none"* ]]
	run -1 --separate-stderr xfn limit answer 50k
	[[ $stderr == *"limit '50k' has no unit"*"did you mean '50k/s'?"* ]]
	run -0 xfn limit answer 0
	[[ $output == *"as it was" || $output == *"dropped, as it was" ]]
	run -0 xfn limit answer 10k/s --burst 1000
	[ "$(xfn -j plan "$MAIN" | jq -c '[.by_hand, .changes]')" != "[[],[]]" ] ||
		true # the manifest's excess went with 'none'
	audit_is_ok
}

@test "off and on of one function: passed, dropped, kept through a restart, shown" {
	apply_answer a </dev/null
	run -0 xfn off answer
	[[ $output == "answer: off, its packets pass to the stack" ]]
	[ "$(who_answers 198.18.0.1 7)" = none ]
	[ "$(verdict disabled answer)" = 1 ]
	[ "$(xfn -j ls | jq -r '.functions[0].state')" = disabled ]
	xfn off answer --drop >/dev/null
	restart_daemon KILL
	[ "$(who_answers 198.18.0.1 7)" = none ]
	[ "$(xfn -j show answer | jq -c '[.enabled, .disabled]')" = '[false,"drop"]' ]
	[[ $(xfn plan "$MAIN") == *"function 'answer': off, its packets dropped, by command"* ]]
	xfn show --manifest >"$HOME_DIR/shown.yaml"
	run -0 xfn plan --exit-code "$HOME_DIR/shown.yaml"
	xfn on answer >/dev/null
	[ "$(who_answers 198.18.0.1 7)" = a ]
	[ "$(xfn -j plan "$MAIN" | jq -c .by_hand)" = "[]" ]
	audit_is_ok
}

@test "off and on of everything: said loudly, kept through applies, a restart and a reboot" {
	apply_answer a </dev/null
	run -0 xfn off
	[[ $output == "every function: off, its packets pass to the stack" ]]
	[ "$(who_answers 198.18.0.1 7)" = none ]
	[[ $(xfn) == *"OFF"*"xfn on"* ]]
	[ "$(xfn -j | jq -r '.off.mode')" = pass ]
	run xfn doctor
	[[ $output == *"off"* ]]
	apply_answer b </dev/null
	[ "$(who_answers 198.18.0.1 7)" = none ]
	[ "$(xfn -j plan "$MAIN" | jq -r '.warnings | join(" ")' | grep -c "switched off")" = 1 ]
	restart_daemon KILL
	[ "$(who_answers 198.18.0.1 7)" = none ]
	stop_daemon KILL
	rm -rf "$PINS" # as after a reboot
	start_daemon
	until_true 5 is_attached
	[ "$(who_answers 198.18.0.1 7)" = none ]
	[ "$(xfn -j | jq -r '.off.mode')" = pass ]
	run -0 xfn on
	[ "$(who_answers 198.18.0.1 7)" = b ]
	[ "$(xfn -j | jq -c '.off')" = null ]
	audit_is_ok
}

@test "off --direct with the daemon dead: at once, and the next xfnd takes it over" {
	apply_answer a </dev/null
	stop_daemon KILL
	run -0 in_dead off --direct --drop
	[[ $output == *"off, its packets are dropped; xfnd takes it over when it starts" ]]
	[ "$(who_answers 198.18.0.1 7)" = none ]
	start_daemon
	[ "$(who_answers 198.18.0.1 7)" = none ]
	[ "$(xfn -j | jq -c '[.off.mode, .off.command]')" = '["drop","xfn off or on --direct"]' ]
	[[ $(xfn journal) == *"switched off, packets are dropped, while xfnd was not running"* ]]
	[ "$(revision)" = 3 ]
	stop_daemon KILL
	in_dead on --direct >/dev/null
	[ "$(who_answers 198.18.0.1 7)" = a ]
	in_dead off answer --direct >/dev/null
	[ "$(who_answers 198.18.0.1 7)" = none ]
	start_daemon
	[ "$(who_answers 198.18.0.1 7)" = none ]
	[ "$(xfn -j | jq -c .off)" = null ]
	[ "$(xfn -j show answer | jq .enabled)" = false ]
	[[ $(xfn plan "$MAIN") == *"function 'answer': off, by command"* ]]
	stop_daemon KILL
	run -3 in_dead off anwser --direct
	in_dead on answer --direct >/dev/null
	[ "$(who_answers 198.18.0.1 7)" = a ]
	start_daemon
	[ "$(who_answers 198.18.0.1 7)" = a ]
	# With a daemon there it goes that way.
	run -0 in_dead off answer --direct
	[[ $output == "answer: off, its packets pass to the stack" ]]
	[ "$(meta .command)" != "" ]
	audit_is_ok
}

@test "apply asks about edits; --keep makes them again, --overwrite drops them, what it says is taken over" {
	apply_answer a </dev/null
	xfn trigger add answer udp/8 >/dev/null
	xfn limit answer 50k/s >/dev/null
	run -1 --separate-stderr xfn apply "$MAIN"
	[[ $stderr == *"trigger udp/8 added, by command, and 1 more change"*"--keep"*"--overwrite"* ]]
	[ "$(xfn -j plan "$MAIN" | jq -c '[.by_hand[] | [.kind, .function, .uid, .command, .fate]]')" = \
		'[["trigger_add","answer",0,"xfn trigger add answer udp/8","asks"],["limit","answer",0,"xfn limit answer 50k/s","asks"]]' ]
	# Kept on another manifest; an edit of a function that is gone is said.
	apply_keep() {
		manifest main
		xfn apply --yes --keep "$MAIN"
	}
	run -0 apply_keep <<-END
		version: 1
		functions:
		  - {name: answer, trigger: udp/9, kernel: $OBJECTS/answer_a.bpf.o}
	END
	[ "$(who_answers 198.18.0.1 8)" = a ]
	[ "$(who_answers 198.18.0.1 9)" = a ]
	[ "$(who_answers 198.18.0.1 7)" = none ]
	[ "$(xfn -j show answer | jq -r .limit.rate)" = 50k/s ]
	restart_daemon KILL
	[ "$(xfn -j plan --overwrite "$MAIN" | jq -c '[.by_hand[].fate]')" = '["undone","undone"]' ]
	# A manifest that says so itself needs neither.
	run -0 apply <<-END
		version: 1
		functions:
		  - {name: answer, triggers: [udp/8, udp/9], kernel: $OBJECTS/answer_a.bpf.o, limit: 50k/s}
	END
	[ "$(xfn -j plan "$MAIN" | jq -c '[.by_hand, .changes]')" = "[[],[]]" ]
	xfn trigger rm answer udp/9 >/dev/null
	xfn off answer >/dev/null
	run -0 xfn apply --overwrite "$MAIN"
	[ "$(who_answers 198.18.0.1 9)" = a ]
	xfn trigger add answer udp/10 >/dev/null
	run -0 apply_keep <<<$'version: 1\nfunctions: []'
	[[ $output == *"trigger udp/10 added, by command: it no longer fits and is dropped"* ]]
}

@test "show --manifest of what was edited plans empty, and applied takes the edits over" {
	printf 'protocol,port\nudp,20\nudp,21\n' >"$HOME_DIR/list.csv"
	apply_answer a <<<"    triggers_from: list.csv"
	xfn trigger add answer udp/8 >/dev/null
	xfn trigger rm answer udp/20 >/dev/null
	xfn limit answer 5k/s --burst 20 >/dev/null
	xfn off answer --drop >/dev/null
	xfn show --manifest >"$HOME_DIR/shown.yaml"
	run -0 xfn -j plan --exit-code "$HOME_DIR/shown.yaml"
	[ "$(jq -c '[.changes, [.by_hand[].fate]]' <<<"$output")" = \
		'[[],["taken_over","taken_over","taken_over","taken_over"]]' ]
	xfn apply "$HOME_DIR/shown.yaml" >/dev/null
	[ "$(xfn -j plan "$HOME_DIR/shown.yaml" | jq -c '[.changes, .by_hand]')" = "[[],[]]" ]
	[ "$(meta '.sets[0].edits')" = 0 ]
}

@test "a trigger into a live 100,000, and a hundred in a row under traffic: none lost, none misled" {
	write_csv 99000 >"$HOME_DIR/many.csv"
	apply >/dev/null <<-END
		version: 1
		functions:
		  - {name: many, triggers_from: many.csv, socket: existing}
		  - {name: answer, trigger: udp/7, kernel: $OBJECTS/answer_a.bpf.o}
		  - {name: other, trigger: udp/8, kernel: $OBJECTS/answer_b.bpf.o}
	END
	start_flood a -w 8 -t 120 198.18.0.1 7
	start_flood b -w 8 -t 120 198.18.0.1 8
	xfn trigger add answer udp/9 >/dev/null
	[ "$(who_answers 198.18.0.1 9)" = a ]
	for i in $(seq 100); do
		xfn trigger add other "udp/$((10000 + i))" >/dev/null
	done
	[ "$(who_answers 198.18.0.1 10100)" = b ]
	a=$(end_flood a)
	b=$(end_flood b)
	nothing_lost "$a"
	nothing_lost "$b"
	[ "$(jq -c '.by | keys' <<<"$a")" = '["a"]' ]
	[ "$(jq -c '.by | keys' <<<"$b")" = '["b"]' ]
	[ "$(xfn -j show other | jq .trigger_count)" = 101 ]
	audit_is_ok
}

# Which trigger adds of a loop are live: a run of numbers from 1 without a gap.
added() { xfn -j show answer | jq -r '[.triggers[].port | tonumber | select(. > 20000) - 20000] | join(" ")'; }

@test "kill -9 in the middle of trigger adds: each is there or not, none half, in order; none lost" {
	apply_answer a </dev/null
	start_flood load -w 4 -t 60 198.18.0.1 7
	next=1
	for _ in $(seq 10); do
		(
			for i in $(seq "$next" $((next + 50))); do
				xfn trigger add answer "udp/$((20000 + i))" || exit
			done
		) >"$HOME_DIR/done" 2>/dev/null &
		adder=$!
		sleep "0.$(printf '%03d' $((RANDOM % 300)))"
		restart_daemon KILL
		wait "$adder" || true
		said=$(($(wc -l <"$HOME_DIR/done") + next - 1))
		read -ra live < <(added)
		[ "${live[*]}" = "$(seq -s ' ' "${#live[@]}")" ]
		# What was said to be done is; one more may be.
		[ "${#live[@]}" -ge "$said" ] && [ "${#live[@]}" -le $((said + 1)) ]
		[ "$(live_revision)" = "$(revision)" ]
		if [ "${#live[@]}" -gt 0 ]; then
			[ "$(who_answers 198.18.0.1 $((20000 + ${#live[@]})))" = a ]
		fi
		next=$((${#live[@]} + 1))
	done
	nothing_lost "$(end_flood load)"
	audit_is_ok
}
