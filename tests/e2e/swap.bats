#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# A handler is swapped under traffic: nothing is lost, maps of the same type go on, .bss does not,
# and what is refused changes nothing.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib

setup() {
	e2e_setup
	start_daemon
	xfn attach xfn0 >/dev/null
}

teardown() { e2e_teardown; }

apply_function() {
	apply >/dev/null <<-END
		version: 1
		functions:
		  - {name: $1, trigger: udp/7, kernel: $2}
	END
}

# The numbers that the counting handler answers with: of its map and of its .bss.
counted() {
	local last
	last=$(flood -n 1 -x 198.18.0.1 7 | jq -r .last)
	python3 -c 'import struct, sys
print(*struct.unpack_from("<QQ", bytes.fromhex(sys.argv[1]), 16))' "$last"
}

@test "20 swaps under traffic: none lost, none changed, each version has its time" {
	apply_function answer "$OBJECTS/answer_a.bpf.o"
	start_flood load -w 16 -t 20 198.18.0.1 7
	for _ in $(seq 10); do
		xfn swap answer "$OBJECTS/answer_b.bpf.o" >/dev/null
		[ "$(who_answers 198.18.0.1 7)" = b ]
		xfn swap answer "$OBJECTS/answer_a.bpf.o" >/dev/null
		[ "$(who_answers 198.18.0.1 7)" = a ]
	done
	result=$(end_flood load)
	nothing_lost "$result"
	[ "$(jq '.by.a > 100 and .by.b > 100' <<<"$result")" = true ]

	# What the versions did adds up to what the function got and what the client saw.
	sent=$(($(jq .sent <<<"$result") + 20))
	stats=$(xfn stats -j answer)
	echo "$stats"
	[ "$(jq ".functions[0] | .verdicts.handled == $sent and .outcomes.replied == $sent and
		(.outcomes | add) == $sent and .versions[0].id == \"v21\"" <<<"$stats")" = true ]
	[ "$(revision)" -eq 22 ]
	audit_is_ok
}

@test "a map of the same type goes on, .bss does not; another type starts fresh" {
	apply_function count "$OBJECTS/count_events.bpf.o"
	flood -n 99 198.18.0.1 7 >/dev/null
	[ "$(counted)" = "100 100" ]
	run -0 xfn swap count "$OBJECTS/count_more.bpf.o"
	[[ $output == *"maps kept with their contents: seen" ]]
	[ "$(counted)" = "101 1" ]
	xfn swap count "$OBJECTS/count_events.bpf.o"
	[ "$(counted)" = "102 1" ]
	run -0 xfn swap count "$OBJECTS/count_arrivals.bpf.o"
	[[ $output != *"kept"* ]]
	[ "$(counted)" = "1 1" ]
	# What was there before the type changed is gone for good.
	xfn swap count "$OBJECTS/count_events.bpf.o"
	[ "$(counted)" = "1 1" ]
}

@test "the count goes on through swaps under traffic" {
	apply_function count "$OBJECTS/count_events.bpf.o"
	start_flood load -w 16 -t 20 198.18.0.1 7
	for _ in 1 2 3; do
		xfn swap count "$OBJECTS/count_more.bpf.o" >/dev/null
		xfn swap count "$OBJECTS/count_events.bpf.o" >/dev/null
	done
	result=$(end_flood load)
	[ "$(jq '.lost == 0 and .received == .sent' <<<"$result")" = true ]
	read -r in_map _ < <(counted)
	[ "$in_map" -eq $(($(jq .sent <<<"$result") + 1)) ]
}

@test "private maps are pinned by function and name, and follow the version" {
	apply_function count "$OBJECTS/count_events.bpf.o"
	folder=$(pin_dir)/functions/default/count
	[ "$(names "$folder")" = seen ]
	before=$(bpftool -j map show pinned "$folder/seen" | jq .id)
	xfn swap count "$OBJECTS/count_more.bpf.o"
	[ "$(names "$folder")" = "more seen" ]
	[ "$(bpftool -j map show pinned "$folder/seen" | jq .id)" = "$before" ]
	xfn swap count "$OBJECTS/count_arrivals.bpf.o"
	[ "$(names "$folder")" = seen ]
	[ "$(bpftool -j map show pinned "$folder/seen" | jq .id)" != "$before" ]
	apply >/dev/null <<<$'version: 1\nfunctions: []'
	[ ! -e "$(pin_dir)/functions/default" ]
}

@test "a refused swap says why and changes nothing" {
	apply_function count "$OBJECTS/count_events.bpf.o"
	[ "$(counted)" = "1 1" ]
	before=$(live_word)
	start_flood load -w 4 -t 20 198.18.0.1 7

	echo "no object" >"$HOME_DIR/text.o"
	run -1 --separate-stderr xfn swap count "$HOME_DIR/text.o"
	[[ $stderr == *"'$HOME_DIR/text.o' is not an ELF object"* ]]
	run -1 --separate-stderr xfn swap count "$XFN"
	[[ $stderr == *"not a BPF object"* || $stderr == *"expected at most"* ]]
	run -1 --separate-stderr xfn swap count "$BUILD/bpf/xfn_pass.bpf.o"
	[[ $stderr == *"no handler"*"XFN_HANDLER()"* ]]
	run -3 --separate-stderr xfn swap cuont "$OBJECTS/count_more.bpf.o"
	[[ $stderr == *"no function 'cuont'"*"did you mean 'count'?"* ]]
	run -3 --separate-stderr xfn swap other/count "$OBJECTS/count_more.bpf.o"
	run ! xfn swap count "$HOME_DIR/none.o"

	[ "$(live_word)" = "$before" ]
	[ "$(revision)" -eq 2 ]
	result=$(end_flood load)
	[ "$(jq '.lost == 0 and .received == .sent' <<<"$result")" = true ]
	read -r in_map in_bss < <(counted)
	[ "$in_map" = "$in_bss" ]
	[ "$in_map" -eq $(($(jq .sent <<<"$result") + 2)) ]
}

@test "a function that is no handler cannot be swapped" {
	apply >/dev/null <<-END
		version: 1
		functions:
		  - {name: web, trigger: udp/7, socket: existing}
	END
	run -1 --separate-stderr xfn swap web "$OBJECTS/answer_a.bpf.o"
	[[ $stderr == *"its delivery is socket, expected kernel"* ]]
}

@test "apply asks what to do about a version that came by command" {
	apply_function answer "$OBJECTS/answer_a.bpf.o"
	xfn swap answer "$OBJECTS/answer_b.bpf.o"
	run -1 --separate-stderr xfn apply "$HOME_DIR/main.yaml"
	[[ $stderr == *"runs v2, which came by command"*"--keep"*"--overwrite"* ]]
	[ "$(who_answers 198.18.0.1 7)" = b ]
	run -0 xfn plan "$HOME_DIR/main.yaml"
	[[ $output == *"function 'answer' runs v2, which came by command"* ]]
	run -0 xfn apply --keep "$HOME_DIR/main.yaml"
	[ "$(who_answers 198.18.0.1 7)" = b ]
	run -0 xfn apply --overwrite "$HOME_DIR/main.yaml"
	[ "$(who_answers 198.18.0.1 7)" = a ]
	run -0 xfn apply "$HOME_DIR/main.yaml"
	[[ $output == *"nothing to change"* ]]
}

@test "a version that the manifest took over is no longer one by command" {
	apply_function answer "$OBJECTS/answer_a.bpf.o"
	xfn swap answer "$OBJECTS/answer_b.bpf.o"
	apply_function answer "$OBJECTS/answer_b.bpf.o"
	apply_function answer "$OBJECTS/answer_c.bpf.o"
	[ "$(who_answers 198.18.0.1 7)" = c ]
}

@test "one of several functions is swapped, the others go on; tenants are kept apart" {
	apply >/dev/null <<-END
		version: 1
		functions:
		  - {name: answer, trigger: udp/7, kernel: $OBJECTS/answer_a.bpf.o}
		  - {name: answer, tenant: edge, trigger: udp/8, kernel: $OBJECTS/answer_a.bpf.o}
	END
	xfn swap edge/answer "$OBJECTS/answer_b.bpf.o"
	[ "$(who_answers 198.18.0.1 7)" = a ]
	[ "$(who_answers 198.18.0.1 8)" = b ]
	xfn swap answer "$OBJECTS/answer_c.bpf.o"
	[ "$(who_answers fd00:18::1 7)" = c ]
	[ "$(who_answers fd00:18::1 8)" = b ]
}
