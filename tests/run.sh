#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Runs the tests of one or several suites, one program after another (limits and latencies are
# tested against the clock, and two cores are soon busy), and adds up their TAP.
#
# usage: tests/run.sh SUITE...      unit bpf fuzz e2e lint vm; everything has been built before
#
# environment  BUILD                  where the programs are; default build
#              XFN_TESTS              where the suites are; default tests
#              XFN_EXPECT_NO_SKIP=1   a skip is a failure unless its reason is in allowed_skips
#              XFN_TIMEOUT_S          seconds that one program may take, instead of those below
#
# Raw output is kept in $BUILD/tests/log/SUITE/NAME.{tap,err}. Ends with one line, `N passed,
# N failed, N skipped`, and 1 if anything failed or nothing ran.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
PATH=$PATH:/usr/sbin:/sbin
BUILD=$(realpath -m "${BUILD:-build}")
TESTS=${XFN_TESTS:-tests}
TAP_READER=$PWD/tests/tap.awk
export BUILD CMOCKA_MESSAGE_OUTPUT=TAP
unset MAKEFLAGS MAKELEVEL MFLAGS

# Reasons that a skip may begin with although none is expected: what a machine lacks by nature.
allowed_skips=(
	"kernel lacks 8021q"
	"kernel lacks BPF trampolines"
	"kernel lacks kprobes"
	"kernel lacks VRF"
	"machine is not amd64"
)
declare -A timeout_s=([unit]=600 [bpf]=600 [fuzz]=600 [e2e]=600 [lint]=600 [vm]=1200)

passed=0 failed=0 skipped=0
recap=()
child=

# Programs run in a process group of their own, so that a timeout ends all of it; an interrupt is
# handed on.
end_child() {
	[[ -z $child ]] || { kill -TERM "$child" && wait "$child"; } 2>/dev/null
	printf '\ninterrupted\n' >&2
	exit 130
}
trap end_child INT TERM HUP

skip_is_allowed() {
	local prefix
	[[ ${XFN_EXPECT_NO_SKIP-} == 1 ]] || return 0
	for prefix in "${allowed_skips[@]}"; do
		[[ $1 != "$prefix"* ]] || return 0
	done
	return 1
}

# Adds up the records on standard input (see tap.awk), prints what needs a reader.
# run_program() shows the counts, so they go to n_passed, n_failed, n_skipped and `report`.
read_records() {
	local kind text reason
	n_passed=0 n_failed=0 n_skipped=0 report=
	while IFS=$'\t' read -r kind text reason; do
		case $kind in
		P)
			n_passed=$((n_passed + 1))
			;;
		F)
			n_failed=$((n_failed + 1))
			report+="    not ok: $text"$'\n'
			recap+=("$1: $text")
			;;
		D)
			report+="        $text${reason:+ $reason}"$'\n'
			;;
		S)
			if skip_is_allowed "$reason"; then
				n_skipped=$((n_skipped + 1))
				report+="    skipped: $text: $reason"$'\n'
			else
				n_failed=$((n_failed + 1))
				report+="    not ok: $text: skipped, expected to run: $reason"$'\n'
				recap+=("$1: $text: skipped")
			fi
			;;
		esac
	done
}

# run_program SUITE NAME COMMAND...
run_program() {
	local suite=$1 name=$2 log=$BUILD/tests/log/$1 limit_s=${XFN_TIMEOUT_S:-${timeout_s[$1]}}
	local start=$EPOCHREALTIME status elapsed_ms
	shift 2
	mkdir -p "$log"
	set -m
	timeout -k 10 "$limit_s" "$@" </dev/null >"$log/$name.tap" 2>"$log/$name.err" &
	child=$!
	set +m
	wait "$child"
	status=$?
	child=
	elapsed_ms=$(((${EPOCHREALTIME/./} - ${start/./}) / 1000))

	read_records "$suite/$name" < <(
		awk -v status="$status" -v limit_s="$limit_s" -f "$TAP_READER" "$log/$name.tap")
	passed=$((passed + n_passed))
	failed=$((failed + n_failed))
	skipped=$((skipped + n_skipped))
	printf '%-5s %-24s %5d passed %4d failed %4d skipped %6d.%02d s\n' "$suite" "$name" \
		"$n_passed" "$n_failed" "$n_skipped" $((elapsed_ms / 1000)) $((elapsed_ms % 1000 / 10))
	printf '%s' "$report"
	if [[ $n_failed -gt 0 && -s $log/$name.err ]]; then
		echo "    last lines of $log/$name.err:"
		tail -n 30 "$log/$name.err" | sed 's/^/        /'
	fi
}

# One function a suite. Names come from the sources, so that what an old build left behind does not
# count, and what was not built is missed: running it fails.
run_unit() {
	local source name
	for source in "$TESTS"/unit/*_test.c; do
		name=$(basename "$source" .c)
		run_program unit "$name" "$BUILD/tests/unit/$name"
	done
}

run_bpf() {
	compgen -G "$TESTS/bpf/*.c" | grep -qv '\.bpf\.c$' && run_program bpf bpf_test "$BUILD/tests/bpf/bpf_test"
}

run_fuzz() {
	local source name
	for source in "$TESTS"/fuzz/*_fuzz.c; do
		name=$(basename "$source" _fuzz.c)
		run_program fuzz "$name" tests/fuzz/replay.sh \
			"$BUILD/tests/fuzz/${name}_fuzz" "$TESTS/fuzz/corpus/$name"
	done
}

run_e2e() {
	local file
	for file in "$TESTS"/e2e/*.bats; do
		run_program e2e "$(basename "$file" .bats)" \
			bats --formatter tap --print-output-on-failure "$file"
	done
}

run_lint() {
	local script
	for script in "$TESTS"/lint.sh "$TESTS"/run_test.sh; do
		[[ ! -e $script ]] || run_program lint "$(basename "$script" .sh)" "$script"
	done
}

run_vm() {
	[[ ! -e $TESTS/vm/run.sh ]] || run_program vm vm "$TESTS/vm/run.sh"
}

if [[ $# -eq 0 ]]; then
	echo "usage: tests/run.sh unit|bpf|fuzz|e2e|lint|vm..." >&2
	exit 2
fi
for suite; do
	if [[ ! -v timeout_s[$suite] ]]; then
		echo "run.sh: no suite '$suite': expected unit, bpf, fuzz, e2e, lint or vm" >&2
		exit 2
	fi
done

shopt -s nullglob
for suite; do
	rm -rf "${BUILD:?}/tests/log/$suite"
	"run_$suite"
	[[ -d $BUILD/tests/log/$suite ]] || echo "$suite: nothing in it yet"
done

if [[ ${#recap[@]} -gt 0 ]]; then
	printf '\nfailed:\n'
	printf '    %s\n' "${recap[@]}"
fi
[[ $((passed + failed + skipped)) -gt 0 ]] || echo "no test ran"
echo "$passed passed, $failed failed, $skipped skipped"
[[ $failed -eq 0 && $((passed + skipped)) -gt 0 ]]
