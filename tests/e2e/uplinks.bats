#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Whether replies get out of the interfaces that functions are on: a veth's far end that does not take them is told
# of by plan, apply, attach and doctor, with the command that mends it. The far end is a real one, and so is the loss.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib

setup() {
	e2e_setup
	FUNCTION=$(share_program "$BUILD/examples/function/echo")
	BARE=$(share_program "$TOOLS/bareecho")
	start_daemon
}

teardown() { e2e_teardown; }

# manifest_of DELIVERY [LINE]...: at udp/7, or PORT.
manifest_of() {
	printf 'version: 1\nattach: [xfn0]\nfunctions:\n  - name: echo\n    trigger: udp/%s\n' "${PORT:-7}"
	printf '    %s\n' "$@"
}

deliver() { manifest_of "$@" | apply >"$HOME_DIR/applied"; }
warned() { grep -q "warning: interface 'xfn0': $1" "$HOME_DIR/applied"; }
# planned KEY: VALUE: the warnings of a plan, a line each.
planned() {
	manifest_of "$@" >"$HOME_DIR/next.yaml"
	xfn -j plan "$HOME_DIR/next.yaml" | jq -r '.warnings // ["interface refused"] | .[]'
}

plans_quietly() { ! planned "$@" | grep "^interface"; }

state_is() { [[ $(xfn show echo -j | jq -r .instance.state) == "$1" ]]; }
is_ready() { until_true 10 state_is ready; }
answered() { [[ $(who_answers 198.18.0.1 7) == q ]]; }
port() { stat_of ".functions[0].port.$1"; }
has_replied() { (($(port replied) >= $1)); }

# check CHECK MEMBER: of xfn0, as the doctor tells it; null: it has no such check.
check() {
	{ "$XFN" doctor -j || true; } | jq -r --arg name "$1" \
		'[.checks[] | select(.name == $name and .interface == "xfn0")][0].'"$2"
}

# mend CHECK: by the command that the doctor gives.
mend() {
	# shellcheck disable=SC2046
	in_server $(check "$1" remedy) >/dev/null
}

without_napi() {
	ip -n "$CLIENT" link set dev c0 xdp off
	in_client ethtool -K c0 gro off >/dev/null
}

@test "a function on an AF_XDP socket: without NAPI at the far end its replies are lost, and that is said" {
	plans_quietly "xsk: $FUNCTION"
	without_napi
	[[ $(planned "xsk: $FUNCTION") == *"interface 'xfn0': its peer has no NAPI"*"every reply of a function on an AF_XDP socket is lost: nsenter --net=/run/netns/$CLIENT ethtool -K c0 gro on"* ]]
	deliver "xsk: $FUNCTION"
	warned "its peer has no NAPI"
	is_ready
	run ! answered
	has_replied 1
	[[ $(check reply_receiver status) == fail ]]
	run -1 "$XFN" doctor
	mend reply_receiver
	[[ $(check reply_receiver status) == ok ]]
	answered
	# Only what changes is warned of.
	without_napi
	plans_quietly "xsk: $FUNCTION"
}

@test "doctor --fix mends it" {
	deliver "xsk: $FUNCTION"
	is_ready
	answered
	without_napi
	run ! answered
	run -0 "$XFN" doctor xfn0 --fix --yes
	[[ $output == *"ok    xfn0 reply_receiver"* ]]
	answered
}

@test "one that answers nothing needs nothing; nor do interfaces without functions on such sockets" {
	without_napi
	deliver "xsk: {exec: $FUNCTION, oneway: true}"
	run ! warned "its peer has no NAPI"
	[[ $(check reply_receiver status) == null ]]
	# It answers from now on.
	[[ $(planned "xsk: $FUNCTION") == *"its peer has no NAPI"* ]]
	deliver "kernel: $ECHO"
	[[ $(check reply_receiver status) == null ]]
	[[ $(planned "xsk: $FUNCTION") == *"its peer has no NAPI"* ]]
}

@test "checksums that are to be made yet are told of to functions on AF_XDP sockets; they see them so" {
	in_client ethtool -K c0 tx on >/dev/null
	plans_quietly "kernel: $ECHO"
	deliver "xsk: [$BARE, xfn0]"
	warned "packets of its peer 'c0' carry unfinished checksums"
	is_ready
	run ! answered # it swaps addresses and keeps the sum
	has_replied 1
	[[ $(check peer_checksum status) == warn ]]
	[[ $(check peer_checksum message) == *"functions on AF_XDP sockets get them so"* ]]
	mend peer_checksum
	answered
	# One that makes its own does not mind.
	in_client ethtool -K c0 tx on >/dev/null
	deliver "xsk: $FUNCTION"
	is_ready
	until_true 10 answered
}

@test "a handler: without a program at the far end its replies are lost, and that is said" {
	plans_quietly "kernel: $ECHO"
	ip -n "$CLIENT" link set dev c0 xdp off
	[[ $(planned "kernel: $ECHO") == *"interface 'xfn0': its peer 'c0' has no XDP program: replies vanish, counted as sent"*": nsenter --net=/run/netns/$CLIENT ip link set dev c0 xdpdrv object "* ]]
	plans_quietly "socket: existing"
	[[ $(PORT=53 planned "socket: existing" "limit: {rate: 1/s, excess: reply}") == *"has no XDP program"* ]]
	deliver "kernel: $ECHO"
	warned "its peer 'c0' has no XDP program"
	run ! answered
	mend peer_program
	answered
}

@test "attached later: the same is said then; in generic mode a handler needs nothing of the far end" {
	without_napi
	manifest_of "xsk: $FUNCTION" | sed '/^attach/d' | apply >"$HOME_DIR/applied"
	run ! warned ""
	xfn attach xfn0 >"$HOME_DIR/applied"
	grep -q "its peer has no NAPI" "$HOME_DIR/applied"
	xfn detach xfn0 >/dev/null
	manifest_of "kernel: $ECHO" | sed '/^attach/d' | apply >/dev/null
	xfn attach --mode generic xfn0 >"$HOME_DIR/applied"
	run ! grep -q "has no XDP program" "$HOME_DIR/applied"
	answered
}
