#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The runner itself: each way in which a test program can go wrong must turn tests/run.sh red.
set -u
cd "$(dirname "$0")/.." || exit 1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0 bad=0

# check NAME EXIT CLOSING-LINE TEXT: runs the suites prepared in $tmp and compares.
check() {
	local name=$1 want_status=$2 want_closing=$3 want_text=$4 output status closing
	output=$(BUILD=$tmp/build XFN_TESTS=$tmp/tests tests/run.sh unit fuzz e2e 2>&1)
	status=$?
	closing=$(tail -n 1 <<<"$output")
	n=$((n + 1))
	if [[ $status == "$want_status" && $closing == "$want_closing" && $output == *"$want_text"* &&
		$(grep -c '^[0-9]* passed, [0-9]* failed, [0-9]* skipped$' <<<"$output") == 1 ]]; then
		echo "ok $n - $name"
	else
		bad=1
		echo "not ok $n - $name"
		echo "# expected exit $want_status, '$want_closing' and '$want_text'; got exit $status and"
		printf '%s\n' "$output" | sed 's/^/#   /'
	fi
	rm -rf "${tmp:?}"/*
	mkdir -p "$tmp"/build/tests/{unit,fuzz} "$tmp"/tests/{unit,fuzz/corpus,e2e}
}

# unit NAME: a unit test program, its shell code on standard input.
unit() {
	touch "$tmp/tests/unit/$1.c"
	{ echo '#!/bin/bash' && cat; } >"$tmp/build/tests/unit/$1"
	chmod +x "$tmp/build/tests/unit/$1"
}

# fuzz_target NAME STATUS: a fuzz target that ends with STATUS.
fuzz_target() {
	touch "$tmp/tests/fuzz/$1_fuzz.c"
	printf '#!/bin/bash\nshift 2\necho Running: "$@"\nexit %d\n' "$2" \
		>"$tmp/build/tests/fuzz/$1_fuzz"
	chmod +x "$tmp/build/tests/fuzz/$1_fuzz"
}

unset XFN_EXPECT_NO_SKIP
mkdir -p "$tmp"/build/tests/{unit,fuzz} "$tmp"/tests/{unit,fuzz/corpus,e2e}

check "nothing to run at all" 1 "0 passed, 0 failed, 0 skipped" "no test ran"

unit a_test <<<'printf "1..2\nok 1 - one\nok 2 - two\n"'
unit b_test <<<'printf "1..1\nok 1 - one\n1..1\nok 1 - a second group\n"'
check "all pass, also in two groups" 0 "4 passed, 0 failed, 0 skipped" "b_test"

unit a_test <<<'printf "1..2\nok 1 - one\nnot ok 2 - two\n# seven is not eight\n"; exit 1'
check "a failing test, with its diagnostics" 1 "1 passed, 1 failed, 0 skipped" \
	"# seven is not eight"

unit a_test <<<'printf "1..1\nnot ok 1 - one\n"'
check "a failing test and exit 0" 1 "0 passed, 1 failed, 0 skipped" "not ok: one"

unit a_test <<<'printf "1..1\nok 1 - one\n"; echo "leaked 8 bytes" >&2; exit 23'
check "exit 23 without a failing test" 1 "1 passed, 1 failed, 0 skipped" "leaked 8 bytes"

unit a_test <<<'printf "1..3\nok 1 - one\n"; kill -SEGV $$'
check "a crash" 1 "1 passed, 2 failed, 0 skipped" "ended with status 139"

unit a_test <<<'printf "1..3\nok 1 - one\n"'
check "a plan not kept" 1 "1 passed, 1 failed, 0 skipped" "planned 3 tests, ran 1"

unit a_test <<<'printf "ok 1 - one\n"'
check "no plan" 1 "1 passed, 1 failed, 0 skipped" "printed no plan"

unit a_test <<<'echo 1..0'
check "no test" 1 "0 passed, 1 failed, 0 skipped" "ran no test"

unit a_test <<<'printf "1..2\nok 1 - one\nBail out! the wire is cut\n"; exit 1'
check "bail out" 1 "1 passed, 3 failed, 0 skipped" "the wire is cut"

unit a_test <<<''
check "silence" 1 "0 passed, 1 failed, 0 skipped" "printed no plan"

unit a_test <<<'printf "1..2\nok 1 - one\n"; sleep 100'
XFN_TIMEOUT_S=1 check "a program that hangs" 1 "1 passed, 2 failed, 0 skipped" \
	"ended by the timeout of 1 s"

touch "$tmp/tests/unit/a_test.c"
check "a program that was not built" 1 "0 passed, 2 failed, 0 skipped" "status 127"

unit a_test <<<'printf "1..2\nok 1 - one\nok 2 - two # SKIP no wire\n"'
check "a skip, with its reason" 0 "1 passed, 0 failed, 1 skipped" "two: no wire"

unit a_test <<<'printf "1..1\nnot ok 1 # SKIP two\n"'
check "a skip as cmocka says it" 0 "0 passed, 0 failed, 1 skipped" "two: no reason given"

unit a_test <<<'printf "1..0 # SKIP no machine\n"; exit 77'
check "a program that skips itself" 0 "0 passed, 0 failed, 1 skipped" "no machine"

export XFN_EXPECT_NO_SKIP=1
unit a_test <<<'printf "1..2\nok 1 - one\nok 2 - two # SKIP no wire\n"'
check "a skip where none is expected" 1 "1 passed, 1 failed, 0 skipped" \
	"skipped, expected to run: no wire"

unit a_test <<<'printf "1..2\nok 1 - one\nok 2 - two # skip kernel lacks 8021q here\n"'
check "a skip that is allowed" 0 "1 passed, 0 failed, 1 skipped" "kernel lacks 8021q here"
unset XFN_EXPECT_NO_SKIP

fuzz_target good 0
mkdir "$tmp/tests/fuzz/corpus/good" && touch "$tmp/tests/fuzz/corpus/good/"{1,2}
check "a corpus" 0 "1 passed, 0 failed, 0 skipped" "good"

fuzz_target bad 77
mkdir "$tmp/tests/fuzz/corpus/bad" && touch "$tmp/tests/fuzz/corpus/bad/1"
check "a crash on a corpus" 1 "0 passed, 1 failed, 0 skipped" "corpus/bad/1"

fuzz_target empty 0
check "an empty corpus" 1 "0 passed, 1 failed, 0 skipped" "no corpus"

printf '@test "one" { true; }\n@test "two" { run echo no wire; false; }\n' >"$tmp/tests/e2e/a.bats"
check "a failing bats test, with its output" 1 "1 passed, 1 failed, 0 skipped" "no wire"

printf '@test "one" { true; }\n@test "two" { skip "no wire"; }\n' >"$tmp/tests/e2e/a.bats"
check "a skipped bats test" 0 "1 passed, 0 failed, 1 skipped" "two: no wire"

printf '@test "one" { true; \n' >"$tmp/tests/e2e/a.bats"
check "a broken bats file" 1 "0 passed, 1 failed, 0 skipped" "syntax error"

echo "1..$n"
exit $bad
