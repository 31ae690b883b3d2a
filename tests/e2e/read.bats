#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# What the readers say of functions, their state, their time: ls, show, latency, status, manifest.

# bats sets stderr_lines and output, and runs each test in a shell of its own.
# shellcheck disable=SC2154

load lib

setup() {
	e2e_setup
	start_daemon
	apply <<-EOF_MANIFEST
		version: 1
		attach: [xfn0]
		functions:
		  - name: echo
		    description: gives back what it gets
		    triggers:
		      - udp/7
		      - {protocol: udp, port: 5000-5009, destination: [10.0.0.0/8, 192.168.0.0/16], source: 10.9.0.0/24, vlan: [5, 6]}
		      - {protocol: udp, port: 9, interface: nope0}
		    kernel: $ECHO
		    limit: {rate: 100k/s, burst: 500}
		    latency: {sample: 1}
		  - {name: off, enabled: false, trigger: udp/10, socket: existing}
		  - {name: nought, trigger: udp/11, socket: existing, limit: {rate: 0}}
		  - {name: late, tenant: other, trigger: {protocol: udp, port: 12, interface: nope0}, socket: existing}
		  - {name: plain, trigger: tcp/80, socket: existing}
	EOF_MANIFEST
}

teardown() { e2e_teardown; }

# says VERB... -- EXPRESSION: the JSON answer makes the expression true.
says() {
	local -a words=()
	while [[ $1 != -- ]]; do
		words+=("$1")
		shift
	done
	"$XFN" -j "${words[@]}" | jq -e "$2"
}

@test "ls tells each function's state" {
	says ls -- '[.functions[] | "\(.tenant)/\(.name) \(.delivery) \(.triggers) \(.state)"] == [
		"default/echo kernel 3 live", "default/off socket 1 disabled",
		"default/nought socket 1 disabled", "other/late socket 1 waiting",
		"default/plain socket 1 live"]'
	says ls -- '.functions[0] | .set == "main" and .versions == ["v1"]'
	"$XFN" swap echo "$ECHO"
	says ls -- '.functions[0].versions == ["v2", "v1"]'
	"$XFN" detach xfn0
	says ls -- '[.functions[].state] == ["waiting", "disabled", "disabled", "waiting", "waiting"]'
}

@test "show tells all of one function, and which values are defaults" {
	says show echo -- '.limit == {rate: "100k/s", burst: 500, excess: "drop", packets: false,
		concurrency: null, per_source: null, defaults: ["excess", "packets"]}'
	says show echo -- '.latency == {sample: 1, deadline: "1s", defaults: ["deadline"]}'
	says show echo -- '.versions | length == 1 and (.[0] | .id == "v1" and .program == "echo" and
		.entered and .measured and .verified_insns > 0 and .jited_bytes > 0 and
		(.loaded | test("^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[.][0-9]{3}Z$")))'
	says show echo -- '.versions[0].object_bytes == '"$(stat -c %s "$ECHO")"
	says show echo -- '.trigger_count == 3 and .triggers_waiting == 1 and .triggers[1] == {
		protocol: "udp", port: "5000-5009", destination: ["10.0.0.0/8", "192.168.0.0/16"],
		source: ["10.9.0.0/24"], vlan: [5, 6], line: 8}'
	says show other/late -- '.tenant == "other" and .kernel == null and .limit == null'
	run -3 --separate-stderr "$XFN" show ecko
	[[ ${stderr_lines[0]} == *"no function 'ecko'; did you mean 'echo'?" ]]
	[[ ${stderr_lines[1]} == "xfn ls" ]]
	for verb in "show late" "swap late $ECHO"; do
		# shellcheck disable=SC2086
		run -3 --separate-stderr "$XFN" $verb
		[[ ${stderr_lines[0]} == *"no function 'late'; did you mean 'other/late'?" ]]
	done
	run -3 "$XFN" stats late
	run -3 "$XFN" latency default/late
}

@test "latency counts every event that is stamped, by stage" {
	[ "$(flood -n 500 198.18.0.1 7 | jq .lost)" = 0 ]
	says latency -- '[.functions[] | "\(.name) \(.version) \(.stage) \(.count) \(.sample)"] ==
		["echo v1 total 500 1"]'
	says latency --stages echo -- '[.functions[] | "\(.stage) \(.count)"] ==
		["steer 500", "run 500", "total 500"]'
	says latency --stages -- '[.functions[] | .p50_ns <= .p90_ns and .p90_ns <= .p99_ns and
		.p99_ns <= .p999_ns and .p999_ns <= .max_ns and .p50_ns > 0] | all'
	# The parts cannot be longer than the whole.
	says latency --stages -- '[.functions[].mean_ns] | .[0] + .[1] <= .[2] + 2'
}

@test "the manifest of a set reads back as the same set" {
	"$XFN" show --manifest >"$HOME_DIR/again.yaml"
	"$XFN" plan --exit-code "$HOME_DIR/again.yaml"
	sed -i '/name: late/,/socket/s/socket: existing/&\n    limit: 5\/s/' "$HOME_DIR/again.yaml"
	says plan "$HOME_DIR/again.yaml" -- '[.changes[] | "\(.op) \(.kind) \(.name)"] ==
		["change limit other/late"]'
	says plan "$HOME_DIR/again.yaml" -- 'any(.defaults[]; .function == "other/late")'
	run -3 --separate-stderr "$XFN" show --manifest --set mian
	[[ ${stderr_lines[0]} == *"no set 'mian'; did you mean 'main'?"* ]]
}

@test "status tells what is attached, used, and missing" {
	says status -- '.version and .pid == '"$DAEMON"' and .uptime_ns > 0 and .revision == 1'
	says status -- '.functions == 5 and .deliveries == {kernel: 1, socket: 4} and
		.triggers == 7 and .triggers_waiting == 2'
	says status -- '[.interfaces[] | "\(.name) \(.mode) \(.state)"] == ["xfn0 native attached"]'
	says status -- '.capacity | .functions_used == 5 and .triggers_used > 7 and
		.triggers >= .triggers_used'
	says status -- '.warnings | length == 1 and (.[0] | contains("2 triggers wait"))'
	"$XFN" swap echo "$ECHO"
	says status -- '.revision == 2'
}

@test "stats has every label of every function, and sums over versions" {
	flood -n 20 198.18.0.1 7 >/dev/null
	"$XFN" swap echo "$ECHO"
	flood -n 30 198.18.0.1 7 >/dev/null
	says stats -- '[.functions[], .interfaces[] | .verdicts | length] | all(. == 12)'
	says stats -- '[.functions[] | .outcomes | length] | all(. == 6)'
	says stats echo -- '.functions | length == 1 and (.[0] | .outcomes.replied == 50 and
		.verdicts.handled == 50 and .bytes > 0 and (.lost | length > 8 and add == 0) and
		[.versions[] | "\(.id) \(.verdicts.handled) \(.outcomes.replied)"] == ["v2 30 30", "v1 20 20"])'
	# A version that is gone has left its counts behind.
	"$XFN" swap echo "$ECHO"
	says stats echo -- '.functions[0] | .outcomes.replied == 50 and
		([.versions[].verdicts.handled] == [0, 30])'
}
