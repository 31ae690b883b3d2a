#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# `--coexist`, as TAP: xfn and another program on one interface, called by libxdp's dispatcher; or, where
# the kernel does not let it, a refusal that says why and changes nothing. In a guest of tests/vm, whose
# kernels have BPF trampolines.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/vm/lib.sh
. tests/vm/lib.sh

prepare() {
	make_wire && start_daemon &&
		in_client ip link set far xdp obj "$BUILD/bpf/xfn_pass.bpf.o" sec xdp
}

manifest() {
	cat <<-MANIFEST
		version: 1
		attach: [{interface: near, coexist: true}]
		functions:
		  - name: echo
		    trigger: udp/7
		    kernel: $(realpath "$BUILD/examples/echo/echo.bpf.o")
	MANIFEST
}

other() { in_host xdp-loader "$@"; }
load_other() { other load -m native near "$BUILD/tests/bpf/next_count.bpf.o"; }
unload_other() {
	other unload near -i "$(other status near | awk '/next_count/ { print $(NF - 2) }')"
}

# What the other program has counted of UDP; the newest of that name, an older one may linger.
counted() {
	id=$(bpftool -j prog | jq '[.[] | select(.name == "next_count")] | max_by(.id).map_ids[0]')
	bpftool -j map dump id "$id" | jq '[.[] | select(.formatted.key == 1).formatted.value] | add'
}

# answered TIMES: the handler answers so many.
answered() {
	for _ in $(seq "$1"); do
		[ "$(ask hello 7)" = hello ] || return 1
	done
}

# State of the interface as xfn says it.
state() { xfn -j | jq -r '.interfaces[0] | "\(.name) \(.coexist) \(.state)"'; }

# expect WHAT GOT WANTED
expect() {
	[ "$2" = "$3" ] && return 0
	echo "$1: got '$2', expected '$3'"
	return 1
}

refused() {
	answer=$(xfn attach near --coexist 2>&1) && return 1
	echo "$answer" | grep -q 'changes packet data' || {
		echo "$answer"
		return 1
	}
	expect interfaces "$(xfn -j | jq -c .interfaces)" '[]' &&
		! in_host ip link show dev near | grep prog/xdp &&
		expect "programs left" "$(bpftool -j prog | jq -c '[.[] | select(.name == "xfn_root")]')" '[]'
}

beside_the_other() {
	load_other && manifest >"$work/coexist.yaml" && xfn apply "$work/coexist.yaml" || return 1
	expect state "$(state)" "near true attached" && answered 3 || return 1
	before=$(counted)
	ask nobody 4444
	expect "what the other saw" "$(counted)" $((before + 1)) &&
		expect unmatched "$(xfn -j stats | jq '.interfaces[0].verdicts.unmatched > 0')" true &&
		other status near
}

survives_a_kill() {
	pid=$(cat "$work/xfnd.lock")
	kill -9 "$pid" && sleep 0.5 && answered 2 || return 1
	start_daemon && expect state "$(state)" "near true attached" && answered 2 &&
		expect books "$(xfn -j audit | jq .ok)" true
}

other_goes_and_comes() {
	unload_other && answered 2 && expect state "$(state)" "near true attached" &&
		load_other && answered 2 && expect state "$(state)" "near true attached"
}

we_go_and_come() {
	sed -i 's/^attach:.*/attach: []/' "$work/coexist.yaml" &&
		xfn apply --yes "$work/coexist.yaml" || return 1
	before=$(counted)
	ask nobody 4444
	expect "what the other saw" "$(counted)" $((before + 1)) || return 1
	! other status near | grep xfn_root || return 1
	xfn attach near --coexist && answered 2 && xfn detach near &&
		other status near | grep next_count
}

# A program that no dispatcher calls is in the way, and says so.
alone_in_the_way() {
	unload_other && in_host ip link set near xdp obj "$BUILD/bpf/xfn_pass.bpf.o" sec xdp || return 1
	answer=$(xfn attach near --coexist 2>&1) && return 1
	in_host ip link set near xdp off
	echo "$answer" | grep 'does not call'
}

reset_takes_all() {
	xfn attach near --coexist && kill "$(cat "$work/xfnd.lock")" && sleep 0.5 || return 1
	in_host "$BUILD/xfnd" --reset --run-dir "$work" --pin-dir "$pins" --state-dir "$work/state" &&
		! in_host ip link show dev near | grep prog/xdp &&
		expect "programs left" "$(bpftool -j prog | jq -c '[.[] | select(.name == "xfn_root")]')" '[]'
}

run "a wire and a daemon" prepare
if xfn attach near --coexist >"$work/first" 2>&1; then
	xfn detach near >/dev/null
	run "coexist: beside another program, both see what is theirs" beside_the_other
	run "coexist: goes on through kill -9, and is adopted" survives_a_kill
	run "coexist: the other is unloaded and loaded again" other_goes_and_comes
	run "coexist: we are detached and attached again, the other goes on" we_go_and_come
	run "coexist: a program that no dispatcher calls is named" alone_in_the_way
	run "coexist: reset leaves nothing" reset_takes_all
else
	sed 's/^/# /' "$work/first"
	run "coexist: refused with the kernel's reason, and nothing changes" refused
fi
echo "1..$n"
exit $bad
