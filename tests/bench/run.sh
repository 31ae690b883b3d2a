#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The bench: measures, part by part, and writes docs/performance.md. Needs root; minutes, not a test.
#
# usage: tests/bench/run.sh [packet|limiter|wire|apply|latency|others|hotload|resolver|port]...      all by default
# BENCH_QUICK=1 takes a minute, and means less. Quick runs and runs of some parts write
# $BUILD/bench/performance.md instead; but "port" by itself puts its section into docs/performance.md,
# and nothing else changes there. BUILD names the build directory, by default build.
set -euo pipefail
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
cd "$(dirname "$0")/../.."
BUILD=$(realpath -m "${BUILD:-build}")
BENCH=$BUILD/tests/bench/bench
# shellcheck disable=SC2034
TOOLS=$BUILD/tests/e2e/tools # used by parts.bash
out=$BUILD/bench
results=$out/results.jsonl
tag=xfn-bench-$$
server=$tag-s client=$tag-c
pins=/sys/fs/bpf/$tag
quick=${BENCH_QUICK:-0}
# shellcheck source=tests/bench/parts.bash disable=SC1091
. tests/bench/parts.bash
# shellcheck source=tests/bench/port.bash disable=SC1091
. tests/bench/port.bash

fail() {
	echo "bench: $*" >&2
	exit 1
}
in_server() { nsenter --net="/run/netns/$server" "$@"; }
in_client() { nsenter --net="/run/netns/$client" "$@"; }
# behind VARIABLE LOG COMMAND...: in the server's namespace, in the background; the variable is set to
# the process. Not through in_server: a function in the background is a shell of its own.
behind() {
	local -n process=$1
	nsenter --net="/run/netns/$server" "${@:3}" >"$2" 2>&1 &
	# shellcheck disable=SC2034
	process=$!
}
# by QUICK FULL: one of two numbers.
by() { if [[ $quick == 0 ]]; then echo "$2"; else echo "$1"; fi; }
now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }
# record JSON: one line of results.
record() { printf '%s\n' "$1" >>"$results"; }

clean() {
	local pid
	for pid in ${background-} ${daemon-}; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	clean_port
	if [[ -d $pins ]]; then
		in_server "$BUILD/xfnd" --reset --run-dir "$out/run" --pin-dir "$pins" \
			--state-dir "$out/state" >/dev/null 2>&1 || true
		rmdir "$pins" 2>/dev/null || true
	fi
	ip netns del "$server" 2>/dev/null || true
	ip netns del "$client" 2>/dev/null || true
}

# add_wire NUMBER: sN in the server's namespace, cN in the client's.
add_wire() {
	ip -n "$server" link add "s$1" address 02:00:00:00:00:01 type veth \
		peer name "c$1" netns "$client"
	in_client ip link set "c$1" address 02:00:00:00:00:02
	in_server ethtool -K "s$1" tx off gro on >/dev/null
	in_client ethtool -K "c$1" tx off >/dev/null
	in_server ip link set "s$1" up
	in_client ip link set "c$1" up
}

setup() {
	[[ $EUID == 0 ]] || fail "cannot load BPF programs: not root"
	[[ -x $BENCH ]] || fail "'$BENCH' is not there; type: make bench"
	mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf
	mkdir -p "$out/run" "$out/state"
	: >"$results"
	ip netns add "$server"
	ip netns add "$client"
	in_server ip link set lo up
	add_wire 0
	in_server ip addr add 198.18.0.1/24 dev s0
	in_client ip addr add 198.18.0.2/24 dev c0
	in_server ip neigh add 198.18.0.2 lladdr 02:00:00:00:00:02 dev s0
	in_client ip neigh add 198.18.0.1 lladdr 02:00:00:00:00:01 dev c0
}

# What was measured on; load average tells how quiet it was.
describe() {
	local cpu
	cpu=$(awk -F ': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)
	jq -cn --arg cpu "$cpu" --arg cpus "$(nproc)" --arg kernel "$(uname -r)" \
		--arg machine "$(systemd-detect-virt 2>/dev/null || echo 'not known')" \
		--arg load "$(cut -d ' ' -f 1-3 /proc/loadavg)" \
		--arg spectre "$(cat /sys/devices/system/cpu/vulnerabilities/spectre_v2)" \
		--arg commit "$(git rev-parse --short HEAD 2>/dev/null || echo '')" \
		--arg date "$(date -u +%F)" --arg when "$1" --arg quick "$quick" \
		'{section: "machine", name: $when, cpu: $cpu, cpus: $cpus, kernel: $kernel,
		  virtualization: $machine, load: $load, spectre_v2: $spectre, commit: $commit,
		  date: $date, quick: $quick}' >>"$results"
}

parts=("$@")
[[ $# -gt 0 ]] || parts=(packet limiter wire apply latency others hotload resolver port)
page=docs/performance.md
[[ $quick == 0 && $# == 0 ]] || page=$out/performance.md
trap clean EXIT
trap 'exit 130' INT TERM
setup
describe before
for part in "${parts[@]}"; do
	began=$(now_ms)
	"part_$part"
	echo "bench: $part: $((($(now_ms) - began) / 1000)) s" >&2
done
describe after
if [[ $quick == 0 && "${parts[*]}" == port ]]; then
	page=docs/performance.md
	python3 -B tests/bench/report_port.py "$results" "$page"
else
	python3 -B tests/bench/report.py "$results" >"$out/page.tmp"
	mv "$out/page.tmp" "$page"
fi
echo "bench: wrote $page" >&2
