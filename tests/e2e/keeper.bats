#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The keeper as an operator meets it: stopped, with losses that are no function's, with events that nobody wants any
# more, and with a manifest that asks for more than it keeps.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib
load growth

setup() {
	e2e_setup
	FUNCTION=$(share_program "$BUILD/examples/function/echo")
	start_daemon
}

# One that is stopped cannot be told to end.
teardown() {
	local pid
	pid=$(keeper)
	[[ -z $pid ]] || kill -CONT "$pid" 2>/dev/null || true
	e2e_teardown
}

# apply_two [KEY: VALUE]...: function echo at udp/7, that runs when there is something to do, and one that always runs.
apply_two() {
	{
		printf 'version: 1\nattach: [xfn0]\nfunctions:\n  - {name: runs, trigger: udp/9, xsk: %s}\n' "$FUNCTION"
		printf '  - name: echo\n    trigger: udp/7\n    latency: {deadline: 1m}\n'
		printf '    %s\n' "${@:-xsk: $FUNCTION}" 'scale: {min: 0}'
	} | apply --yes >/dev/null
	until_true 10 state_is runs ready
}

# slow: a program that takes its time to begin.
slow() {
	SLOW=$HOME_DIR/slow
	printf '#!/bin/sh\nsleep %s\nexec %s\n' "$1" "$FUNCTION" >"$SLOW"
	chmod 755 "$SLOW"
}

state_is() { [[ $(xfn show "$1" -j | jq -r .instance.state) == "$2" ]]; }
port() { stat_of ".functions[] | select(.name == \"echo\").port.$1"; }
port_is() { [[ $(port "$1") == "$2" ]]; }
kept() { stat_of ".keeper.$1"; }
journal_says() { xfn journal | grep -qF -- "$1"; }
answers() { [[ $(who_answers 198.18.0.1 "$1") == q ]]; }
check() { { "$XFN" doctor -j || true; } | jq -r ".checks[] | select(.name == \"keeper\").$1"; }
keeper_answers() { [[ $(xfn -j | jq -r .keeper.state) == running ]]; }

# took COMMAND...: the milliseconds that it takes.
took() {
	local begin
	begin=$(date +%s%N)
	"$@" >/dev/null
	echo $((($(date +%s%N) - begin) / 1000000))
}

# longest_of COUNT: the milliseconds of the longest of so many answers.
longest_of() {
	local longest=0 now
	for _ in $(seq "$1"); do
		now=$(took xfn stats)
		((now <= longest)) || longest=$now
		sleep 0.1
	done
	echo "$longest"
}

@test "a keeper that is stopped holds nobody up, is named, and nothing is lost when it goes on" {
	local pid first longest
	slow 1
	apply_two "xsk: $SLOW"
	pid=$(keeper)
	send 5 7 x
	until_true 5 port_is waiting 5
	kill -STOP "$pid"
	first=$(took xfn stats)
	longest=$(longest_of 40)
	echo "the first answer took $first ms, the longest one after it $longest ms"
	((first < 2000 && longest < 500))
	journal_says "the keeper, process $pid, does not answer: stopped, or stuck; 5 events that wait are out of reach"
	[[ $(check status) == fail && $(check remedy) == "kill -KILL $pid" ]]
	[[ $(check message) == *"process $pid, does not answer"* ]]
	[[ $(xfn -j | jq -r '.keeper | "\(.pid) \(.state)"') == "$pid stuck" ]]
	[[ $(xfn) == *"keeper      process $pid, stuck"*"the keeper does not answer"* ]]
	# What runs does not notice; what would wait is not lost without a word.
	answers 9
	until_true 5 state_is echo ready
	[[ $(port parked_lost) == 5 ]]
	xfn audit
	kill -CONT "$pid"
	until_true 5 keeper_answers
	journal_says "process $pid, which keeps events and sockets, answers again"
	[[ $(check status) == ok && $(keeper) == "$pid" ]]
	[[ $(port parked_lost) == 0 && $(port waiting) == 5 ]]
	# They are taken when an instance becomes ready.
	kill -KILL "$(xfn show echo -j | jq .instance.pid)"
	until_true 10 port_is waiting 0
	until_true 5 port_is replied 5
	xfn audit
}

@test "a keeper that is stopped and killed is followed by another one; an xfnd that begins beside it is not held up" {
	local pid
	apply_two
	pid=$(keeper)
	kill -STOP "$pid"
	stop_daemon KILL
	start_daemon
	(($(longest_of 20) < 500))
	journal_says "the keeper that runs does not answer"
	[[ $(check status) == fail ]]
	answers 9
	kill -KILL "$pid"
	until_true 10 keeper_answers
	[[ $(keeper) != "$pid" ]]
	until_true 5 answers 7
	[[ $(port parked) == 1 && $(port replied) == 1 ]]
	xfn audit
}

@test "what the kernel had no room for on the way to it is nobody's loss, and shown" {
	local pid
	apply_two
	pid=$(keeper)
	[[ $(xfn) == *"keeper      process $pid, running, 0 events wait"* ]]
	[[ $(kept lost) == 0 && $(xfn stats) != *"the keeper"* ]]
	xfn audit
	kill -STOP "$pid"
	send 4000 7 x
	kill -CONT "$pid"
	until_true 5 answers 7
	(($(kept lost) > 0))
	[[ $(xfn stats) == *"the keeper of events that wait: "*" lost"* ]]
	[[ $(xfn) == *"lost: xfn stats"* ]]
	run -1 xfn audit -j
	jq -e '.books[] | select(.what | startswith("keeper: ")) | (.ok | not) and .left > .right' <<<"$output"
	jq -e '[.books[] | select(.what | contains("seen by the keeper")).ok] | all' <<<"$output"
	# So it stays when xfnd begins anew: it is the keeper's.
	restart_daemon
	(($(kept lost) > 0))
}

@test "events that nobody wants any more are told, and counted" {
	slow 60
	apply_two "xsk: $SLOW"
	send 20 7 x
	until_true 5 port_is waiting 20
	apply_two "xsk: {exec: $SLOW, park: {events: 15}}"
	journal_says "5 events that waited for it are gone: park.events is lower than that now"
	[[ $(port forgotten) == 5 && $(port waiting) == 15 && $(kept forgotten) == 5 ]]
	apply_two "xsk: {exec: $SLOW, park: {events: 14}}"
	journal_says "1 event that waited for it is gone: park.events is lower than that now"
	apply --yes <<<"{version: 1, functions: [{name: runs, trigger: udp/9, xsk: $FUNCTION}]}" >/dev/null
	journal_says "14 events that waited for it are gone: it is no more"
	[[ $(kept forgotten) == 20 && $(xfn stats) == *"the keeper of events that wait: 20 forgotten"* ]]
	[[ $(xfn journal -j | jq -r 'select(.message | contains("it is no more")).function') == echo ]]
}

# many COUNT FORMAT: functions, each with its number in the format.
many() {
	local i
	printf 'version: 1\nfunctions:\n'
	for ((i = 0; i < $1; i++)); do
		# The format is the caller's.
		# shellcheck disable=SC2059
		printf "  - {name: f$i, trigger: $2}\n" "$i"
	done
}

# plans MANIFEST...: what a plan says of it.
plans() {
	"$@" >"$HOME_DIR/many.yaml"
	xfn plan "$HOME_DIR/many.yaml" 2>&1 | tail -n 6
}

ports_from() {
	local i
	printf 'version: 1\nfunctions:\n'
	for ((i = 0; i < $1; i++)); do
		printf '  - {name: f%d, trigger: tcp/%d-%d, socket: [/bin/true]}\n' $i $((10000 + 16 * i)) $((10015 + 16 * i))
	done
}

@test "a manifest that asks for more than it keeps is refused, and told which bound" {
	run -0 plans ports_from 64
	[[ $output != *"1024"* ]]
	run plans ports_from 65
	[[ $output == *"many.yaml:67:"*"more sockets than the keeper keeps, with those of 'f64'"* ]]
	[[ $output == *"expected at most 1024 sockets of all functions"* ]]
	run -0 plans many 256 'udp/1%03d, xsk: /bin/true'
	[[ $output != *keeper* ]]
	run plans many 257 'udp/1%03d, xsk: /bin/true'
	[[ $output == *"many.yaml:259:"*"no place for so many functions whose events wait, with function 'f256'"* ]]
	[[ $output == *"at most 256 of them; the others with park: {events: 0}"* ]]
	run -0 plans many 257 'udp/1%03d, xsk: {exec: /bin/true, park: {events: 0}}'
	run plans many 5 'udp/1%03d, xsk: {exec: /bin/true, park: {events: 65536}}'
	[[ $output == *"many.yaml:7:"*"no room for so many events that wait (park.events), with function 'f4'"* ]]
	[[ $output == *"at most 296941 for all functions together"* ]]
	[[ $(revision) == 0 ]]
}
