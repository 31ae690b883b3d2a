#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Rules that change under traffic, many times: what gets lost, what meets a wrong rule, how long it takes.
#
#   a thousand triggers added one by one, by command, to 100,000 that are live
#   a thousand applies of 10,000 triggers, between two handlers that answer differently
#
# usage: tests/bench/hotload.sh [ADDS] [APPLIES]      as root, after make; 1000 and 1000 by default
# Prints one line of JSON for each; writes nothing. Not a test: it takes minutes.
set -euo pipefail
cd "$(dirname "$0")/../.." || exit 1
PATH=$PATH:/usr/sbin:/sbin
BUILD=$(realpath "${BUILD:-build}")
adds=${1:-1000} applies=${2:-1000}
work=$(mktemp -d)
host=xfn-hotload-s client=xfn-hotload-c
pins=/sys/fs/bpf/xfn-hotload
export XFN_SOCKET=$work/xfn.sock

on() { nsenter --net="/run/netns/$1" "${@:2}"; }
xfn() { "$BUILD/xfn" "$@"; }

# shellcheck disable=SC2317 # called by the trap
clean_up() {
	ip netns pids $host | xargs -r kill -KILL 2>/dev/null || true
	ip netns pids $client | xargs -r kill -KILL 2>/dev/null || true
	ip netns del $host 2>/dev/null || true
	ip netns del $client 2>/dev/null || true
	rm -rf "$work" "$pins"
}
trap clean_up EXIT

set_up() {
	mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf
	ip netns add $host
	ip netns add $client
	ip -n $host link add s0 type veth peer name c0 netns $client
	on $host ethtool -K s0 tx off >/dev/null
	on $client ethtool -K c0 tx off >/dev/null
	ip -n $host addr add 198.18.0.1/24 dev s0
	ip -n $client addr add 198.18.0.2/24 dev c0
	ip -n $client link set dev c0 xdp obj "$BUILD/bpf/xfn_pass.bpf.o" sec xdp
	ip -n $host link set s0 up
	ip -n $client link set c0 up
	on $host "$BUILD/xfnd" --run-dir "$work" --pin-dir "$pins" --state-dir "$work/state" \
		>"$work/log" 2>&1 &
	until xfn journal >/dev/null 2>&1; do sleep 0.05; done
	xfn attach s0 >/dev/null
}

# many COUNT LETTER: a function at udp/7 that answers with the letter, and COUNT triggers elsewhere.
many() {
	printf 'version: 1\nfunctions:\n  - name: answer\n    kernel: %s\n' \
		"$BUILD/tests/bpf/answer_$2.bpf.o"
	printf '    triggers:\n      - udp/7\n'
	awk -v count="$1" 'BEGIN {
		for (i = 0; i < count - 1; i++)
			printf "      - {protocol: udp, port: %d, destination: 10.%d.%d.0/24}\n",
				20000 + i % 10, i / 2560 % 256, i / 10 % 256
	}'
}

start_flood() {
	nsenter --net=/run/netns/$client "$BUILD/tests/e2e/tools/flood" "$@" 198.18.0.1 7 >"$work/flood" &
	flood=$!
}

end_flood() {
	kill "$flood"
	wait "$flood" || true
}

now_us() { echo "${EPOCHREALTIME/./}"; }

# summary WHAT FILE: the flood's losses, who answered, and the times in the file, in ms.
summary() {
	sort -n "$2" | jq -sc --arg what "$1" --slurpfile flood "$work/flood" '
		{what: $what, times: length, p50_ms: .[length / 2 | floor], p99_ms: .[length * 99 / 100 | floor],
		 max_ms: .[-1]} + ($flood[0] | {sent, received, lost, duplicates, changed, by})'
}

# A trigger for a port of its own, and the first packet to it.
add_one_by_one() {
	local i before
	many 99000 a >"$work/a.yaml"
	xfn apply "$work/a.yaml" >/dev/null
	start_flood -r 5000 -t 3600
	for ((i = 0; i < adds; i++)); do
		before=$(now_us)
		xfn trigger add answer "udp/$((30000 + i))" >/dev/null
		on $client "$BUILD/tests/e2e/tools/flood" -n 1 -g 200 198.18.0.1 $((30000 + i)) |
			jq -e '.received == 1' >/dev/null
		echo $((($(now_us) - before) / 1000)) >>"$work/adds"
	done
	end_flood
	summary "add one trigger to 99,000, command to first answer" "$work/adds"
}

apply_again_and_again() {
	local i before letter
	many 10000 a >"$work/a.yaml"
	many 10000 b >"$work/b.yaml"
	xfn apply --overwrite "$work/a.yaml" >/dev/null
	start_flood -r 5000 -t 3600
	for ((i = 0; i < applies; i++)); do
		letter=$([[ $((i % 2)) == 0 ]] && echo b || echo a)
		before=$(now_us)
		xfn apply "$work/$letter.yaml" >/dev/null
		echo $((($(now_us) - before) / 1000)) >>"$work/applies"
	done
	end_flood
	summary "apply 10,000 triggers" "$work/applies"
}

set_up
add_one_by_one
apply_again_and_again
xfn audit >/dev/null && echo "the books agree"
