#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# What xfn and xfnd promise of themselves, whatever they run: usage, exit codes, help, the journal,
# one daemon to a run directory. Needs no interface and leaves none of its own.

# bats sets stderr and stderr_lines, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

bats_require_minimum_version 1.5.0

setup() {
	BUILD=${BUILD:-$BATS_TEST_DIRNAME/../../build}
	XFN=$BUILD/xfn
	XFND=$BUILD/xfnd
	DIR=$BATS_TEST_TMPDIR
	unset XFN_SOCKET
	daemon=
}

teardown() {
	if [ -n "$daemon" ]; then
		kill "$daemon" 2>/dev/null || true
		wait "$daemon" 2>/dev/null || true
	fi
	if [ -n "${daemon_dir:-}" ]; then
		"$XFND" --run-dir "$daemon_dir" --pin-dir "$(pins)" --state-dir "$daemon_dir/state" \
			--reset >/dev/null 2>&1 || true
		rmdir "$(pins)" 2>/dev/null || true
	fi
}

pins() {
	echo "/sys/fs/bpf/xfn-cli-test-$BATS_TEST_NUMBER-$$"
}

# Starts xfnd on $DIR, with more options if given, and points xfn there.
start_daemon() {
	daemon_dir=$DIR
	"$XFND" --run-dir "$DIR" --pin-dir "$(pins)" --state-dir "$DIR/state" "$@" \
		2>"$DIR/log" 3>&- &
	daemon=$!
	export XFN_SOCKET=$DIR/xfn.sock
	for _ in $(seq 100); do
		if [ -S "$XFN_SOCKET" ]; then return 0; fi
		if ! kill -0 "$daemon" 2>/dev/null; then break; fi
		sleep 0.05
	done
	cat "$DIR/log" >&2
	return 1
}

last_line() {
	printf '%s\n' "${stderr_lines[-1]}"
}

verbs() {
	"$XFN" help --complete | grep -v '^-'
}

@test "help lists every verb, and each has its own" {
	run -0 "$XFN" help
	[[ $output == "usage: xfn "* ]]
	for verb in $(verbs); do
		[[ $output == *"xfn $verb"* ]]
		run -0 "$XFN" help "$verb"
		[[ $output == "usage: xfn $verb"* ]]
		[[ $output == *--json* ]]
		own=$output
		run -0 "$XFN" "$verb" --help
		[ "$output" = "$own" ]
		run -0 "$XFN" help
	done
	run -0 "$XFN" --help
	[[ $output == "usage: xfn "* ]]
}

# completes WORD... : what bash offers for the last one.
completes() {
	PATH=$(dirname "$(realpath "$XFN")"):$PATH bash -c 'source "$1"; shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_xfn 2>/dev/null
		printf "%s\n" "${COMPREPLY[@]}"' bash \
		"$BATS_TEST_DIRNAME/../../user/cli/completion.bash" xfn "$@"
}

@test "bash completes commands, options, files; and not what an option's value is" {
	[ "$(completes sta)" = stats ]
	[ "$(completes -j --socket /nowhere jou)" = journal ]
	[ "$(completes stats --to)" = --total ]
	[ "$(completes help lat)" = latency ]
	(cd "$DIR" && touch some.yaml && [ "$(completes apply some)" = some.yaml ])
	[[ $(completes attach l) == *lo* ]]
	[ -z "$(completes attach --mode l)" ]
	[[ $(completes run x -- chmo) == *chmod* ]]
	[ -z "$(completes attach --mode = l)" ]
}

@test "what completes is what parses" {
	for verb in $(verbs); do
		for option in $("$XFN" help --complete "$verb" | grep '^--.*[^=]$'); do
			run "$XFN" "$verb" "$option" --help
			[ "$status" -eq 0 ]
		done
	done
}

@test "version" {
	run -0 "$XFN" version
	[[ $output =~ ^xfn\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	run -0 "$XFN" --version
	[[ $output == "xfn "* ]]
	run -0 "$XFN" version -j
	[[ $output == '{"version":"'*'"}' ]]
	run -0 "$XFN" --socket "$DIR/none" detach eth0 --version
	[[ $output == "xfn "* ]]
	run -0 "$XFND" --version
	[[ $output == "xfnd "* ]]
}

@test "a misspelt verb exits 2 and names the nearest" {
	run -2 --separate-stderr "$XFN" statz
	[ "${stderr_lines[0]}" = "xfn: unknown command 'statz'; did you mean 'stats'?" ]
	[ "$(last_line)" = "xfn stats" ]
	run -2 --separate-stderr "$XFN" help statz
	[ "$(last_line)" = "xfn help stats" ]
	run -2 --separate-stderr "$XFN" frobnicate
	[ "${stderr_lines[0]}" = "xfn: unknown command 'frobnicate'" ]
	[ "$(last_line)" = "xfn help" ]
	run -2 "$XFN" ""
}

@test "wrong options and arguments exit 2 and name the help" {
	while read -r line; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr "$XFN" $line
		[ -z "$output" ]
		[[ ${stderr_lines[0]} == "xfn: "* ]]
		[[ $(last_line) == "xfn help"* ]]
	done <<-END
		--frobnicate
		ls --frobnicate
		ls -w
		ls extra
		attach
		attach a b
		attach --mode
		attach --mode fast eth0
		check
		swap onlyname
		stats --by time
		stats --total echo
		stats --watch=1
		latency --since 30
		latency --since soon
		plan --keep --overwrite x.yaml
		apply --overwrite --keep x.yaml
		show --manifest echo
		show --set main echo
	END
}

@test "no daemon: exit 4, the reason, and how to start it" {
	for verb in "" ls stats latency audit doctor journal show "journal -f" "attach eth0"; do
		# shellcheck disable=SC2086
		run -4 --separate-stderr "$XFN" --socket "$DIR/none/xfn.sock" $verb
		[ -z "$output" ]
		[ "${stderr_lines[0]}" = \
			"xfn: cannot reach xfnd at '$DIR/none/xfn.sock': No such file or directory" ]
		[[ $(last_line) == *"xfnd --run-dir $DIR/none" ]]
	done
	XFN_SOCKET=$DIR/other.sock run -4 --separate-stderr "$XFN" ls -j
	[[ $output == '{"error":{"code":"not_reachable"'* ]]
	[[ $stderr == *"$DIR/other.sock"* ]]
}

@test "a socket that nobody listens at: exit 4" {
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$DIR/dead"
	run -4 --separate-stderr "$XFN" --socket "$DIR/dead" ls
	[[ ${stderr_lines[0]} == *"Connection refused"* ]]
}

@test "check needs no daemon and says all that is wrong, with places" {
	cat >"$DIR/x.yaml" <<-END
		version: 1
		functions:
		  - name: echo
		    trigger: udp/7
		    kernel: echo.bpf.o
		    limit: {rate: 5, brust: 3}
	END
	run -1 --separate-stderr "$XFN" check "$DIR/x.yaml"
	[[ $stderr == *"x.yaml:6:19: "* ]]
	[[ $stderr == *"x.yaml:6:22: unknown key 'brust'"* ]]
	[[ $stderr == *"did you mean 'burst'?"* ]]
	[[ $stderr == *"2 mistakes in"* ]]
	run -1 "$XFN" check -j "$DIR/x.yaml"
	[ "$(jq -r '.error.details[1] | "\(.line):\(.column) \(.value)"' <<<"$output")" = "6:22 brust" ]

	sed -i 's,limit: .*,limit: 5/s,' "$DIR/x.yaml"
	run -0 "$XFN" check "$DIR/x.yaml"
	[[ $output == *"1 function, 1 trigger, nothing wrong" ]]
	run -0 "$XFN" check - <"$DIR/x.yaml"
	run -0 "$XFN" -j check "$DIR/x.yaml"
	[ "$(jq -c . <<<"$output")" = '{"valid":true,"set":"main","functions":1,"triggers":1}' ]
	run -3 "$XFN" check "$DIR/none.yaml"
}

@test "every member that answers have is in xfn(8)" {
	start_daemon
	cat >"$DIR/x.yaml" <<-END
		version: 1
		functions:
		  - {name: a, trigger: udp/9, socket: existing, limit: 5/s, objective: {p99: 1ms}}
	END
	page=$(tr -s ' \n' ' ' <"$BATS_TEST_DIRNAME/../../docs/man/xfn.8")
	for verb in "" "plan $DIR/x.yaml" "apply $DIR/x.yaml" ls "show a" show stats latency audit \
		doctor "check $DIR/x.yaml" version "show b" "check $DIR/log"; do
		# shellcheck disable=SC2086
		"$XFN" -j $verb >"$DIR/answer" || true
		# Labels, which are keys of verdicts and outcomes, have a place of their own.
		for key in $(jq -r 'del(.. | .verdicts?, .outcomes?, .deliveries?) |
			[.. | objects | keys[]] | unique[]' "$DIR/answer"); do
			[[ $page == *"\"$key\""* ]] || {
				echo "xfn -j $verb: '$key' is not in the page"
				return 1
			}
		done
	done
}

@test "the journal, as text and as JSON, before and after the verb" {
	start_daemon
	run -0 "$XFN" journal
	[[ $output == *"start"*"listens at $DIR/xfn.sock"* ]]
	run -0 "$XFN" -j journal
	before=$output
	run -0 "$XFN" journal -j
	[ "$output" = "$before" ]
	[ "$(tail -n 1 <<<"$output" | jq -r .type)" = start ]
	[ "$(jq -s 'map(.seq) == [range(1; length + 1)]' <<<"$output")" = true ]
	run -0 "$XFN" --socket "$DIR/xfn.sock" --json journal
	[ "$output" = "$before" ]
}

@test "journal -f ends with the daemon" {
	start_daemon
	"$XFN" journal -f >"$DIR/followed" 2>&1 3>&- &
	follower=$!
	for _ in $(seq 100); do
		grep -q start "$DIR/followed" && break
		sleep 0.05
	done
	kill "$daemon"
	wait "$daemon"
	daemon=
	wait "$follower"
	[ "$(tail -n 1 "$DIR/followed" | grep -c 'xfnd ends')" -eq 1 ]
}

@test "SIGTERM and SIGINT end the daemon with 0 and take its socket away" {
	for signal in TERM INT; do
		start_daemon
		kill -"$signal" "$daemon"
		wait "$daemon"
		daemon=
		[ ! -e "$DIR/xfn.sock" ]
	done
}

@test "two daemons cannot share a run directory; the first goes on" {
	start_daemon
	run -1 --separate-stderr "$XFND" --run-dir "$DIR" --pin-dir "$(pins)" --state-dir "$DIR/state"
	[[ $stderr == *"another xfnd (process $daemon) is running there"* ]]
	run -1 "$XFND" --run-dir "$DIR" --pin-dir "$(pins)" --state-dir "$DIR/state" --reset
	run -0 "$XFN" journal
}

@test "a killed daemon leaves nothing that stops the next" {
	start_daemon
	kill -KILL "$daemon"
	wait "$daemon" || true
	[ -S "$DIR/xfn.sock" ]
	run -4 "$XFN" ls
	"$XFND" --run-dir "$DIR" --pin-dir "$(pins)" --state-dir "$DIR/state" 2>"$DIR/log" 3>&- &
	daemon=$!
	for _ in $(seq 100); do
		"$XFN" journal >/dev/null 2>&1 && break
		sleep 0.05
	done
	run -0 "$XFN" journal
}

@test "xfnd used wrongly exits 2" {
	run -2 --separate-stderr "$XFND" --rundir "$DIR"
	[[ ${stderr_lines[0]} == "xfnd: unknown option '--rundir'; did you mean '--run-dir'?" ]]
	run -2 "$XFND" extra
	run -2 "$XFND" --run-dir
	run -0 "$XFND" --help
	[[ $output == *--state-dir* ]]
}

@test "xfnd -v logs each request, and for whom" {
	start_daemon -v
	run -0 "$XFN" journal
	grep -qE "^xfnd: request: GET /v1/journal: 200, for user $(id -u), process [0-9]+$" "$DIR/log"
}

@test "the socket is for root and one group" {
	start_daemon
	[ "$(stat -c %a "$DIR/xfn.sock")" = 660 ]
	if ! getent passwd nobody >/dev/null; then skip "no user nobody"; fi
	chmod 755 "$DIR" "$(dirname "$DIR")" "$(dirname "$(dirname "$DIR")")" || true
	chmod 666 "$DIR/xfn.sock"
	run setpriv --reuid nobody --regid nogroup --clear-groups \
		curl -s --unix-socket "$DIR/xfn.sock" http://xfnd/v1/journal
	[[ $output == *'"code":"not_allowed"'* ]]
}

@test "an object that several functions name is asked for once" {
	start_daemon
	cat >"$DIR/x.yaml" <<-END
		version: 1
		functions:
		  - {name: a, trigger: udp/1, kernel: z.o}
		  - {name: b, trigger: udp/2, kernel: b.o}
		  - {name: c, trigger: udp/3, kernel: z.o}
	END
	curl -s --unix-socket "$XFN_SOCKET" -F "manifest=@$DIR/x.yaml" http://xfnd/v1/plan |
		jq -e '.error.objects == ["z.o", "b.o"]'
}

@test "requests that are wrong are refused by name" {
	start_daemon
	ask() { curl -s --max-time 10 --unix-socket "$DIR/xfn.sock" "$@"; }
	[ "$(ask http://xfnd/v1/nothing | jq -r .error.code)" = no_such_path ]
	[ "$(ask -X POST http://xfnd/v1/stats | jq -r .error.code)" = bad_method ]
	[ "$(ask -d '{' http://xfnd/v1/attach | jq -r .error.code)" = bad_json ]
	[ "$(ask -d '{"interface":7}' http://xfnd/v1/attach | jq -r .error.code)" = bad_request ]
	[ "$(ask -d '' http://xfnd/v1/plan | jq -r .error.code)" = bad_request ]
	[ "$(ask -F object=x 'http://xfnd/v1/apply' | jq -r .error.code)" = bad_request ]
	head -c 70000 /dev/zero >"$DIR/large"
	[ "$(ask --data-binary @"$DIR/large" http://xfnd/v1/attach | jq -r .error.code)" = too_large ]
	run -0 "$XFN" journal
}
