#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Feeds every file of a corpus to a fuzz target once, as one TAP test.
# usage: tests/fuzz/replay.sh TARGET CORPUS
set -u
target=$1 corpus=$2
name=$(basename "$target")

echo 1..1
mapfile -d '' -t inputs < <(find "$corpus" -type f -print0 2>/dev/null | sort -z)
if [[ ${#inputs[@]} -eq 0 ]]; then
	echo "not ok 1 - $name"
	echo "# no corpus: expected files in $corpus"
	exit 1
fi
if output=$("$target" -timeout=10 -artifact_prefix=/dev/null "${inputs[@]}" 2>&1); then
	echo "ok 1 - $name: ${#inputs[@]} inputs"
	exit 0
fi
echo "not ok 1 - $name"
grep -E '^Running: ' <<<"$output" | tail -n 1 | sed 's/^/# last input: /'
tail -n 40 <<<"$output" | sed 's/^/# /'
exit 1
