#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Manifests: what is refused, with place and reason, while nothing changes; what is applied, and who
# then answers.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib

setup() {
	e2e_setup
	start_daemon
	xfn attach xfn0 >/dev/null
	apply >/dev/null <<-END
		version: 1
		functions:
		  - {name: answer, trigger: udp/7, kernel: $OBJECTS/answer_a.bpf.o, limit: 1M/s}
	END
}

teardown() { e2e_teardown; }

# The state that a refusal must leave alone.
state() {
	echo "$(live_word) $(revision) $(names "$STATE/revisions") $(xfn show --manifest)"
}

# Applies standard input and expects exit code $1 and, in what it says, every other argument.
refused() {
	local code=$1 before after text verb
	shift
	cat >"$HOME_DIR/bad.yaml"
	before=$(state)
	for verb in apply plan; do
		run --separate-stderr xfn $verb "$HOME_DIR/bad.yaml"
		echo "$verb: $status: $stderr"
		[ "$status" -eq "$code" ]
		for text; do [[ $stderr == *"$text"* ]]; done
	done
	after=$(state)
	[ "$before" = "$after" ]
}

# A manifest with one function `f` whose members follow on standard input.
f() {
	printf 'version: 1\nfunctions:\n  - name: f\n'
	sed 's/^/    /'
}

# f MEMBER: VALUE | refused... in one go.
refused_handler() {
	local object=$1
	shift
	f <<<"trigger: udp/8"$'\n'"kernel: $object" | refused 1 "$HOME_DIR/bad.yaml:3:5: " "$@"
}

@test "what bad manifests get: place, reason, suggestion; and traffic goes on" {
	start_flood load -w 4 -t 60 198.18.0.1 7
	f <<<$'trigger: udp/70000\nkernel: a.o' | refused 1 "bad.yaml:4:18: port '70000'" "^~" "expected"
	f <<<$'trigger: udp/9-3\nkernel: a.o' | refused 1 "bad.yaml:4:18:" "^"
	f <<<$'trigger: udp/7\nkernal: a.o' | refused 1 ":5:5: " "'kernal'" "did you mean 'kernel'?"
	f <<<$'trigger: {protocol: udp, port: 9, destination: 10.0.0.1/8}\nkernel: a.o' |
		refused 1 "bad.yaml:4:" "10.0.0.0/8"
	f <<<$'trigger: udp/8\nkernel: a.o\nlimit: {rate: 5, brust: 3}' |
		refused 1 ":6:19: " ":6:22: " "did you mean 'burst'?" "2 mistakes"
	f <<<$'trigger: udp/8\nkernel: &a a.o' | refused 1 "bad.yaml:5:"
	f <<<$'trigger: udp/8\nkernel: a.o\ndescription: *a' | refused 1 "bad.yaml:"
	f <<<$'trigger: udp/8' | refused 1 "delivery"
	f <<<$'trigger: udp/8\nkernel: a.o\nsocket: existing' | refused 1 "bad.yaml:"
	refused 1 "bad.yaml:" <<<"functions: [[[[[[[[[[[[]]]]]]]]]]]]"
	head -c 3000 "$XFN" | refused 1 "bad.yaml:"
	refused 1 "bad.yaml:" </dev/null
	f <<<$'trigger: udp/8\nkernel: {object: a.o, maps: [m]}' | refused 1 "not yet supported"
	f <<<$'trigger: udp/8\nkernel: a.o\nlimit: {rate: 1/s, concurrency: 3}' |
		refused 1 "bad.yaml:6:24: 'concurrency' of a function"
	nothing_lost "$(end_flood load)"
	audit_is_ok
}

@test "what bad objects get: the reason, in words; and traffic goes on" {
	start_flood load -w 4 -t 60 198.18.0.1 7
	echo "no object" >"$HOME_DIR/text.o"
	refused_handler "$HOME_DIR/text.o" "is not an ELF object, expected the output of clang"
	head -c 4096 /bin/true >"$HOME_DIR/true.o"
	refused_handler "$HOME_DIR/true.o" "is ELF, but not a BPF object (machine "
	head -c 700 "$ECHO" >"$HOME_DIR/cut.o"
	refused_handler "$HOME_DIR/cut.o" "cannot read"
	refused_handler "$OBJECTS/refused_type.bpf.o" "expected an XDP program"
	refused_handler "$OBJECTS/refused_helper.bpf.o" "calls helper bpf_" "which handlers may not"
	refused_handler "$OBJECTS/refused_tail.bpf.o" "of type 'prog_array', which handlers may not use"
	refused_handler "$OBJECTS/refused_long.bpf.o" "instructions, expected at most"
	refused_handler "$OBJECTS/refused_two.bpf.o" "2 programs" "expected one"
	refused_handler "$OBJECTS/refused_verifier.bpf.o" "the kernel's verifier refuses" \
		$'\n    invalid access to packet' "return data[42]"
	refused_handler "$OBJECTS/refused_pin.bpf.o" "pins itself"
	refused_handler "$BUILD/bpf/xfn_pass.bpf.o" "XFN_HANDLER()"
	# One mistake does not hide the next.
	{
		printf 'version: 1\nfunctions:\n'
		printf '  - {name: %s, trigger: udp/%d, kernel: %s}\n' \
			f 8 "$HOME_DIR/text.o" g 9 "$OBJECTS/refused_type.bpf.o"
	} | refused 1 "bad.yaml:3:5: " "bad.yaml:4:5: " "2 mistakes"
	f <<<$'trigger: udp/8\nkernel: no-such-file.o' >"$HOME_DIR/bad.yaml"
	run -1 --separate-stderr xfn apply "$HOME_DIR/bad.yaml"
	[[ $stderr == *"no-such-file.o"* ]]
	nothing_lost "$(end_flood load)"
	audit_is_ok
}

@test "triggers that collide are refused, both places named" {
	refused 1 "bad.yaml:3:" "bad.yaml:4:" "function 'f'" <<-END
		version: 1
		functions:
		  - {name: f, trigger: udp/8, socket: existing}
		  - {name: g, trigger: udp/8, socket: existing}
	END
	refused 1 "bad.yaml:" <<-END
		version: 1
		functions:
		  - {name: f, trigger: udp/100-200, socket: existing}
		  - {name: g, trigger: udp/150-250, socket: existing}
	END
	# With another set, too: the other file is named.
	refused 1 "bad.yaml:4:" "main.yaml:3:" <<-END
		version: 1
		set: other
		functions:
		  - {name: f, trigger: udp/7, socket: existing}
	END
	{
		printf 'version: 1\nfunctions:\n  - name: f\n    socket: existing\n    triggers:\n'
		python3 -c 'import ipaddress
for length in range(33):
    prefix = ipaddress.ip_network(("10.255.255.255", length), False)
    print(f"      - {{protocol: udp, port: 8, destination: {prefix}}}")'
	} | refused 1 "udp port 8 needs 33 probes" "at most 32"
}

# many COUNT: so many functions in set main; they ask for more room than there is at a start.
many() {
	{
		printf 'version: 1\ncapacity: {functions: 2000}\nfunctions:\n'
		for i in $(seq 1001 $((1000 + $1))); do
			printf '  - {name: f%d, trigger: udp/%d, socket: existing}\n' "$i" "$i"
		done
	} | apply --yes
}

@test "over capacity is refused, with how to ask for more" {
	{
		printf 'version: 1\nfunctions:\n'
		for i in $(seq 1100); do
			printf '  - {name: f%d, trigger: udp/%d, socket: existing}\n' "$i" $((1000 + i))
		done
	} | refused 1 "room for 1024 functions" "capacity"
	refused 1 "room for" "detach" <<<$'version: 1\ncapacity: {triggers: 4M}\nfunctions: []'
	xfn detach xfn0 >/dev/null
	apply >/dev/null <<<$'version: 1\nfunctions: []'
	# A plan reckons with the room, and makes none.
	made=$(stat -c %i "$(pin_dir)"/maps/*)
	manifest larger <<<$'version: 1\ncapacity: {functions: 2000}\nfunctions: []'
	xfn plan "$HOME_DIR/larger.yaml" >/dev/null
	[ "$(stat -c %i "$(pin_dir)"/maps/*)" = "$made" ]
	apply >/dev/null <<<$'version: 1\ncapacity: {functions: 2000}\nfunctions: []'
	[ "$(stat -c %i "$(pin_dir)"/maps/*)" != "$made" ]
	xfn attach xfn0 >/dev/null
	many 1100 >/dev/null
	revision=$(revision)
	[ "$(live_revision)" = "$revision" ]
	restart_daemon
	[ "$(revision)" = "$revision" ]
	[ "$(xfn ls -j | jq '.functions | length')" = 1100 ]
}

@test "a rollback makes room in an empty data plane; in one in use it is refused, and says so" {
	xfn detach xfn0 >/dev/null
	apply --yes >/dev/null <<<$'version: 1\nfunctions: []'
	many 1100 >/dev/null
	target=$(revision)
	apply --yes >/dev/null <<<$'version: 1\nfunctions: []'
	stop_daemon KILL
	rm -rf "$PINS" # as after a reboot
	start_daemon
	[ "$(xfn -j | jq .capacity.functions)" = 1024 ]
	xfn attach xfn0 >/dev/null
	run -1 --separate-stderr xfn rollback "$target"
	[[ $stderr == *"there has to be room for "*" and 2000 functions, the data plane in use has room for "*" and 1024"* ]]
	[ "$(xfn ls -j | jq '.functions | length')" = 0 ]
	xfn detach xfn0 >/dev/null
	run -0 xfn rollback "$target"
	[ "$(xfn ls -j | jq '.functions | length')" = 1100 ]
	[ "$(live_revision)" = "$(revision)" ]
	# Once there is room, any other of them comes back at once.
	run -0 xfn rollback
	run -0 xfn rollback "$target"
}

@test "sets: each owns its functions and touches no other" {
	apply >/dev/null <<-END
		version: 1
		set: other
		functions:
		  - {name: f, trigger: udp/8, kernel: $OBJECTS/answer_b.bpf.o}
	END
	[ "$(who_answers 198.18.0.1 7)" = a ]
	[ "$(who_answers 198.18.0.1 8)" = b ]
	refused 1 "function 'answer' is in set 'main' already" <<-END
		version: 1
		set: other
		functions:
		  - {name: answer, trigger: udp/9, kernel: $OBJECTS/answer_b.bpf.o}
	END
	apply --yes >/dev/null <<<$'version: 1\nset: other\nfunctions: []'
	[ "$(who_answers 198.18.0.1 7)" = a ]
	[ "$(who_answers 198.18.0.1 8)" = none ]
}

@test "plan says what apply does, and changes nothing; apply twice changes nothing" {
	cat >"$HOME_DIR/next.yaml" <<-END
		version: 1
		functions:
		  - {name: answer, trigger: udp/8, kernel: $OBJECTS/answer_b.bpf.o}
		  - {name: more, trigger: udp/9, socket: existing, limit: 5/s}
	END
	before=$(state)
	run -10 xfn plan --exit-code "$HOME_DIR/next.yaml"
	[[ $output == *"~"*"handler"*"v1 -> v2"* ]]
	[[ $output == *"+"*"function"*"more"* ]]
	[[ $output == *"~"*"triggers"* ]]
	[[ $output == *"~"*"limit"*"1M/s"*"none"* ]]
	planned=$(xfn plan -j "$HOME_DIR/next.yaml" | jq -cS .changes)
	[ "$(state)" = "$before" ]
	[ "$(xfn apply -j "$HOME_DIR/next.yaml" | jq -cS .changes)" = "$planned" ]
	run -0 xfn plan --exit-code "$HOME_DIR/next.yaml"
	before=$(state)
	run -0 xfn apply --exit-code "$HOME_DIR/next.yaml"
	[[ $output == *"nothing to change"* ]]
	[ "$(state)" = "$before" ]
	[ "$(who_answers 198.18.0.1 8)" = b ]
	[ "$(who_answers 198.18.0.1 7)" = none ]
}

@test "what only reports say is a change, too" {
	changed() {
		sed "s|limit: 1M/s|limit: 1M/s$1|" "$HOME_DIR/main.yaml" >"$HOME_DIR/next.yaml"
		run -10 xfn apply --exit-code "$HOME_DIR/next.yaml"
		run -0 xfn apply --exit-code "$HOME_DIR/next.yaml"
	}
	changed ', objective: {p99: 1ms}'
	changed ', objective: {p99: 1ms, loss: 1%}'
	changed ', latency: {deadline: 3s}'
	changed ', description: hello'
	changed ', enabled: false'
	sed "s,$OBJECTS/answer_a.bpf.o,$HOME_DIR/moved.o," "$HOME_DIR/main.yaml" >"$HOME_DIR/next.yaml"
	cp "$OBJECTS/answer_a.bpf.o" "$HOME_DIR/moved.o"
	run -10 xfn apply --exit-code "$HOME_DIR/next.yaml"
	run -0 xfn show --manifest
	[[ $output == *"$HOME_DIR/moved.o"* ]]
}

@test "a function's counters and state go on through changes, and end with it" {
	flood -n 10 198.18.0.1 7 >/dev/null
	text=$(sed 's,1M/s,500k/s,; s,udp/7,[udp/7],; s,trigger:,triggers:,' "$HOME_DIR/main.yaml")
	apply >/dev/null <<<"$text"
	flood -n 10 198.18.0.1 7 >/dev/null
	[ "$(verdict handled answer)" = 20 ]
	apply --yes >/dev/null <<<$'version: 1\nfunctions: []'
	run -3 --separate-stderr xfn stats answer
	apply >/dev/null <<-END
		version: 1
		functions:
		  - {name: answer, trigger: udp/7, kernel: $OBJECTS/answer_a.bpf.o}
	END
	[ "$(verdict handled answer)" = 0 ]
	flood -n 10 198.18.0.1 7 >/dev/null
	[ "$(verdict handled answer)" = 10 ]
	[ "$(stat_of '.functions[0] | "\(.versions[0].id) \(.outcomes.replied)"')" = "v1 10" ]
	audit_is_ok
}

@test "unknown names get a suggestion and exit 3" {
	for verb in "stats anser" "show anser" "latency anser" "swap anser $ECHO"; do
		# shellcheck disable=SC2086
		run -3 --separate-stderr xfn $verb
		[[ $stderr == *"no function 'anser'"*"did you mean 'answer'?"* ]]
	done
	run -3 xfn apply "$HOME_DIR/none.yaml"
}

@test "the most specific trigger gets the packet, wherever it stands" {
	ip -n "$CLIENT" address add 198.18.0.77/24 dev c0
	ip -n "$SERVER" address add 198.18.0.3/24 dev xfn0
	apply >/dev/null <<-END
		version: 1
		functions:
		  - name: wide
		    triggers: [udp/1000-2000, udp/7]
		    kernel: $OBJECTS/answer_a.bpf.o
		  - name: narrow
		    triggers:
		      - udp/1500
		      - {protocol: udp, port: 7, source: 198.18.0.64/26}
		    kernel: $OBJECTS/answer_b.bpf.o
		  - name: place
		    triggers:
		      - {protocol: udp, port: 7, destination: 198.18.0.3/32}
		      - {protocol: udp, port: 1600-1610, interface: xfn0}
		      - {protocol: udp, port: 1700, interface: xfn7}
		    kernel: $OBJECTS/answer_c.bpf.o
	END
	asked() { [ "$(who_answers "${@:2}")" = "$1" ]; }
	asked a 198.18.0.1 7
	asked a fd00:18::1 7
	asked b -b 198.18.0.77 198.18.0.1 7
	asked c 198.18.0.3 7
	asked c -b 198.18.0.77 198.18.0.3 7
	asked a 198.18.0.1 1000
	asked a 198.18.0.1 2000
	asked none 198.18.0.1 2001
	asked none 198.18.0.1 999
	asked b 198.18.0.1 1500
	asked c 198.18.0.1 1605
	asked a 198.18.0.1 1700
	audit_is_ok
}

# ---- programs ------------------------------------------------------------------------------------

# A program and the manifest that starts it, in a folder of their own; more lines of it as arguments.
write_program() {
	local line
	mkdir -p "$HOME_DIR/app/bin"
	printf '#!/bin/sh\nexec sleep 1000\n' >"$HOME_DIR/app/bin/run"
	chmod +x "$HOME_DIR/app/bin/run"
	{
		printf 'version: 1\nset: app\nfunctions:\n  - name: ingest\n    trigger: udp/8125\n'
		for line; do echo "    $line"; done
	} >"$HOME_DIR/app/xfn.yaml"
}

# What a plan of FILE would do, a line each.
changes() { xfn -j plan "$1" | jq -r '.changes[] | "\(.op) \(.kind) \(.from // "-") > \(.to // "-")"'; }

# What is said of one program of app/xfn.yaml, whose members of xsk are given.
said_of() {
	write_program "xsk: {$1}"
	xfn -j plan "$HOME_DIR/app/xfn.yaml" | jq -r '.warnings[] | select(test("program|directory"))'
}

@test "a program that cannot be started is warned of, with what is wrong, and applied all the same" {
	local app=$HOME_DIR/app
	write_program 'xsk: ./bin/run'
	chmod 755 "$HOME_DIR" "$app" "$app/bin"
	[ -z "$(said_of 'exec: ./bin/run, directory: bin')" ]
	[ -z "$(said_of 'exec: [sh, -c, "exit 0"]')" ]
	[ "$(said_of 'exec: ./bin/none')" = "function 'ingest': program '$app/bin/none': No such file or directory" ]
	[ "$(said_of 'exec: no-such-program')" = \
		"function 'ingest': program 'no-such-program': in none of /usr/local/bin, /usr/bin and /bin" ]
	[ "$(said_of 'exec: ./bin/run, directory: ./none')" = \
		"function 'ingest': directory '$app/none': No such file or directory" ]
	[ "$(said_of 'exec: ./bin/run, directory: bin/run')" = \
		"function 'ingest': directory '$app/bin/run': Not a directory" ]
	[ "$(said_of 'exec: ./bin')" = "function 'ingest': program '$app/bin': no file to execute" ]
	printf '#! /none/sh -e\nexit 0\n' >"$app/bin/script" && chmod 755 "$app/bin/script"
	[ "$(said_of 'exec: ./bin/script')" = \
		"function 'ingest': program '$app/bin/script': its first line names '/none/sh': No such file or directory" ]
	printf '#!/bin/sh\r\nexit 0\r\n' >"$app/bin/script"
	[[ $(said_of 'exec: ./bin/script') == *"names '/bin/sh' and ends in a carriage return: No such file or directory" ]]
	cp "$app/bin/run" "$app/bin/text" && chmod 644 "$app/bin/text"
	[ "$(said_of 'exec: ./bin/text')" = "function 'ingest': program '$app/bin/text': not executable" ]
	# Whom nobody knows may go where everybody may; another user's rights are not looked at.
	chmod 744 "$app/bin/text"
	[[ $(said_of 'exec: ./bin/text') == *"runs as a user of its own" ]]
	[ -z "$(said_of 'exec: ./bin/text, user: nobody')" ]
	chmod 700 "$app/bin"
	[[ $(said_of 'exec: ./bin/run') == "function 'ingest': program '$app/bin/run': "*"whom '$app/bin' does not let in"* ]]
	[[ $(said_of 'exec: [sh], directory: bin') == "function 'ingest': directory '$app/bin': "*"does not let in"* ]]
	[ -z "$(said_of 'exec: ./bin/run, user: nobody')" ]
	run -0 xfn apply "$app/xfn.yaml"
	[[ $output == *"applied as revision"* ]]
	write_program 'xsk: ./bin/none'
	run -0 xfn apply "$app/xfn.yaml"
	[[ $output == *"warning: function 'ingest': program '$app/bin/none': No such file or directory"*"applied as"* ]]
}

@test "a program's paths are relative to its manifest, wherever the command is given" {
	write_program 'xsk: {exec: [./bin/run, "a b"], env: {MODE: fast, KEY: s3cret}, directory: bin}' \
		'limit: {concurrency: 10}'
	cd "$HOME_DIR/app"
	[ "$(changes xfn.yaml)" = "add function - > xsk $PWD/bin/run 'a b', 1 trigger, limit concurrency 10 excess drop" ]
	xfn apply xfn.yaml >/dev/null
	run -0 xfn show ingest
	[[ $output == *"  exec: $PWD/bin/run, \"a b\""$'\n'* && $output == *"  last_end: -"$'\n'* ]]
	[ -z "$(changes xfn.yaml)" ]
	[ -z "$(changes "$PWD/xfn.yaml")" ]
	[ -z "$(cd bin && changes ../xfn.yaml)" ]
	ln -s app "$HOME_DIR/link"
	[ -z "$(cd / && changes "$HOME_DIR/link/xfn.yaml")" ]
	[ -z "$(changes - <xfn.yaml)" ]
	[ -z "$(changes <(cat xfn.yaml))" ]
	# Elsewhere the same text says something else.
	cp xfn.yaml "$HOME_DIR/app/bin/xfn.yaml"
	[ "$(changes bin/xfn.yaml | head -n 1)" = "change exec $PWD/bin/run 'a b' > $PWD/bin/bin/run 'a b'" ]
	# What is printed says the same from anywhere.
	xfn show --manifest --set app >"$HOME_DIR/shown.yaml"
	grep -qF -- "- \"$PWD/bin/run\"" "$HOME_DIR/shown.yaml"
	[ -z "$(cd / && changes "$HOME_DIR/shown.yaml")" ]
}

@test "what a program is started with is shown and compared, but for the values of its variables" {
	write_program 'xsk: {exec: ./bin/run, env: {MODE: fast, KEY: s3cret, OLD: x}, user: nobody, memory: 64MiB}' \
		'limit: {rate: 10k/s, concurrency: 10}'
	xfn apply "$HOME_DIR/app/xfn.yaml" >/dev/null
	run -0 --separate-stderr xfn -j show ingest
	[ "$(jq -c '.delivery, .xsk, .limit.concurrency, .kernel' <<<"$output" | xargs -d '\n')" = \
		"\"xsk\" {\"exec\":[\"$HOME_DIR/app/bin/run\"],\"env\":[\"MODE\",\"KEY\",\"OLD\"],$(
		)\"directory\":\"/\",\"user\":\"nobody\",\"memory_bytes\":67108864,$(
		)\"processes\":128,\"cpu_percent\":null,\"existing\":false,\"oneway\":false,$(
		)\"busy_poll\":false,\"need_wakeup\":true,\"send\":\"own\",$(
		)\"park_events\":1024,\"park_age_ns\":10000000000,\"scale_min\":1,$(
		)\"defaults\":[\"processes\",\"cpu_percent\",\"oneway\",\"busy_poll\",\"need_wakeup\",\"park_events\",\"park_age_ns\",\"scale_min\"]} 10 null" ]
	[ "$(xfn -j | jq .deliveries.xsk)" = 1 ]
	write_program "xsk: {exec: [./bin/run, '', x], env: {MODE: slow, NEW: y, KEY: s3cret}, $(
	)directory: ., user: '1000', processes: 5, cpu: 250%, send: any}" 'limit: {rate: 10k/s, concurrency: 11}'
	run -0 changes "$HOME_DIR/app/xfn.yaml"
	diff - <(echo "$output") <<-END
		change exec $HOME_DIR/app/bin/run > $HOME_DIR/app/bin/run '' x
		add env - > NEW
		change env MODE > MODE, another value
		remove env OLD > -
		change directory / > $HOME_DIR/app
		change user nobody > 1000
		change memory 64MiB > a share
		change processes 128 > 5
		change cpu any > 250%
		change send own > any
		change limit 10k/s burst 1k concurrency 10 excess drop > 10k/s burst 1k concurrency 11 excess drop
	END
	write_program 'xsk: {exec: ./bin/run, env: {KEY: s4cret, MODE: fast, OLD: x}, user: nobody, oneway: true}' \
		'limit: 10k/s'
	run -0 changes "$HOME_DIR/app/xfn.yaml"
	diff - <(echo "$output") <<-END
		change env KEY > KEY, another value
		change memory 64MiB > a share
		change oneway false > true
		change limit 10k/s burst 1k concurrency 10 excess drop > 10k/s burst 1k excess drop
	END
	run -0 xfn plan "$HOME_DIR/app/xfn.yaml"
	[[ $output != *s3cret* && $output != *s4cret* ]]
	[ "$(grep -rl s3cret "$STATE/revisions" "$LOG")" = "$STATE/revisions/$(revision)/sets/app.yaml" ]
	write_program 'socket: existing' 'limit: {rate: 10k/s}'
	[ "$(changes "$HOME_DIR/app/xfn.yaml" | head -n 1)" = "change delivery xsk $HOME_DIR/app/bin/run > socket" ]
}

@test "a program's paths outlive the daemon, changes by command, and rollback" {
	write_program 'xsk: {exec: ./bin/run, env: {MODE: fast}}'
	cd "$HOME_DIR/app"
	xfn apply xfn.yaml >/dev/null
	[ "$(jq -r '.sets[] | select(.name == "app").folder' "$STATE/revisions/$(revision)/meta.json")" = "$PWD" ]
	shown() { xfn -j show ingest | jq -r '"\(.xsk.exec[0]) \(.xsk.env[0]) \(.trigger_count)"'; }
	[ "$(shown)" = "$PWD/bin/run MODE 1" ]
	restart_daemon
	[ "$(shown)" = "$PWD/bin/run MODE 1" ]
	xfn trigger add ingest udp/8126 >/dev/null
	[ "$(shown)" = "$PWD/bin/run MODE 2" ]
	restart_daemon
	[ "$(shown)" = "$PWD/bin/run MODE 2" ]
	xfn rollback >/dev/null
	[ "$(shown)" = "$PWD/bin/run MODE 1" ]
	[ -z "$(changes xfn.yaml)" ]
	# Whoever asks without the command has to say where the manifest is, if it matters.
	post() { curl -s --unix-socket "$RUN/xfn.sock" -F "manifest=@xfn.yaml" "$@" http://x/v1/plan; }
	[ "$(post -F "folder=$PWD" | jq -c .changes)" = "[]" ]
	[[ $(post | jq -r '.error.details[0] | "\(.line):\(.column) \(.message)"') == \
		"4:5 function 'ingest': path './bin/run' is relative, and the manifest's folder is not known" ]]
	for folder in app "" $'/a\tb' "/$(head -c 4096 /dev/zero | tr '\0' a)"; do
		[ "$(post -F "folder=$folder" | jq -r .error.code)" = bad_request ]
	done
	[ "$(post -F folder=/a -F folder=/b | jq -r .error.code)" = bad_request ]
	audit_is_ok
}
