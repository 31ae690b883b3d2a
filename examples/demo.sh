#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# xfn's main job on real traffic: attach, apply, answer, limit, swap, survive, measure, account.
# Prints every command it runs and holds each claim against what was measured; exit 1 if one breaks.
#
# usage: examples/demo.sh        after `make demo` has built everything; needs root
# STEP=1 waits for Enter between the steps. BUILD names the build directory, by default build.
#
# All of it happens in network, mount and process namespaces that end with it: see demo/stage.sh.
set -euo pipefail
shopt -s lastpipe
export LC_ALL=C
began_us=${EPOCHREALTIME/./}

tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(cd "$tree" && cd "${BUILD:-build}" 2>/dev/null && pwd) || build=$tree/build
# shellcheck source=examples/demo/stage.sh disable=SC1091
. "$tree/examples/demo/stage.sh"

if [[ ${1-} != --on-stage ]]; then
	for program in xfn xfnd examples/resolver/zone tests/e2e/tools/{flood,pingpong,udpecho}; do
		[[ -x $build/$program ]] || {
			echo "demo: '$build/$program' is not there; type: make demo" >&2
			exit 1
		}
	done
	on_stage env BEGAN_US="$began_us" bash "$tree/examples/demo.sh" --on-stage
	exit
fi
work=$2
began_us=$BEGAN_US
mount_stage
cd "$work"

# The commands below are shown without their folders.
export XFN_SOCKET=$work/run/xfn.sock PATH=$PATH:/usr/sbin:/sbin
PATH=$build:$build/examples/resolver:$build/tests/e2e/tools:$PATH
on() { nsenter --net="/run/netns/$1" "${@:2}"; }

# ---- questions to what runs ------------------------------------------------------------------------

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }
stat_of() { xfn -j stats "$1" | jq "[.functions[0] | $2] | add // 0"; }
handled() { stat_of "$1" .verdicts.handled; }
limited() { stat_of "$1" .verdicts.rate_limited; }
moves() { (($(handled "$1") > $2)); }
daemon_answers() { xfn -j >/dev/null 2>&1; }
# number_of PATH: a figure of the JSON that is in $out.
number_of() { jq "$1" <<<"$out"; }
us() { awk -v ns="$1" 'BEGIN { printf "%.1f us", ns / 1000 }'; }

start_daemon() {
	show "$1 &"
	eval "exec $1" 2>>xfnd.log &
	daemon=$!
	until_true "xfnd" 10 daemon_answers
}

# ---- the steps ---------------------------------------------------------------------------------------

make_wire() {
	step "Two namespaces and a daemon"
	say "A host of functions, 'server', and one that will ask it, 'client', joined by a veth pair." \
		"on server COMMAND stands for: nsenter --net=/run/netns/server COMMAND" \
		"To look around from another terminal meanwhile:" \
		"  nsenter --mount --target $BASHPID_OUTSIDE env XFN_SOCKET=$XFN_SOCKET $build/xfn"
	need 'ip netns add server; ip netns add client'
	need 'ip -n server link add s0 type veth peer name c0 netns client'
	need 'ip -n server addr add 198.18.0.1/24 dev s0; ip -n server addr add fd00:18::1/64 dev s0 nodad'
	need 'ip -n client addr add 198.18.0.2/24 dev c0; ip -n client addr add fd00:18::2/64 dev c0 nodad'
	quiet_wire
	need 'ip -n server link set s0 up'
	daemon_command="on server xfnd --run-dir $work/run --state-dir $work/state"
	start_daemon "$daemon_command"
	need 'xfn attach s0'
	say "The client is plugged in only now: each packet that it ever sends is in the books."
	need 'ip -n client link set c0 up'
	need 'ip -n client route add 10.0.0.0/8 via 198.18.0.1'
}
