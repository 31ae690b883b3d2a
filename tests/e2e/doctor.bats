#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# xfn doctor, asked of a running xfnd: what is wrong is named, what it says to type mends it.

load lib

setup() {
	e2e_setup
	start_daemon
}

teardown() {
	e2e_teardown
}

# status_of CHECK INTERFACE: as the doctor tells it; the doctor's own exit code is another matter.
status_of() {
	{ "$XFN" doctor -j "$2" || true; } |
		jq -r --arg name "$1" --arg interface "$2" \
			'.checks[] | select(.name == $name and .interface == $interface).status'
}

# remedy_of CHECK INTERFACE
remedy_of() {
	{ "$XFN" doctor -j "$2" || true; } |
		jq -r --arg name "$1" --arg interface "$2" \
			'.checks[] | select(.name == $name and .interface == $interface).remedy'
}

@test "doctor: nothing attached is a warning, and exit 0" {
	run -0 "$XFN" doctor
	[[ $output == *"no interface is attached"* ]]
	[[ $output == *"xfn attach xfn0"* ]]
}

@test "doctor: every result has its five members, and a remedy unless it is ok" {
	xfn attach xfn0
	xfn doctor -j | jq -e '.checks | length > 10 and all(
		(keys == ["interface", "message", "name", "remedy", "status"]) and
		(.status == "ok" or .status == "warn" or .status == "fail") and
		((.status == "ok") == (.remedy == null)))'
}

@test "doctor: an attached interface in order gives exit 0" {
	xfn attach xfn0
	run -0 "$XFN" doctor
	[[ $output == *"xfn0 program: XDP program 'xfn_root'"* ]]
	[[ $output != *"fail"* ]]
	[ "$(status_of peer_program xfn0)" = ok ]
}

@test "doctor: a peer without a program, in another namespace, is found; exit 1" {
	xfn attach xfn0
	ip -n "$CLIENT" link set dev c0 xdp off
	run -1 "$XFN" doctor
	[[ $output == *"its peer 'c0' has no XDP program"* ]]
	let_pass "$CLIENT" c0
	run -0 "$XFN" doctor xfn0
}

@test "doctor: an interface that is down is mended by the command it gives" {
	xfn attach xfn0
	in_server ip link set dev xfn0 down
	run -1 "$XFN" doctor xfn0
	[ "$(status_of link xfn0)" = fail ]
	# shellcheck disable=SC2046
	in_server $(remedy_of link xfn0)
	[ "$(status_of link xfn0)" = ok ]
}

@test "doctor: another XDP program is named before attaching" {
	[ "$(status_of program xfn0)" = ok ]
	let_pass "$SERVER" xfn0
	run -1 "$XFN" doctor xfn0
	[[ $output == *"another XDP program"* ]]
	# shellcheck disable=SC2046
	in_server $(remedy_of program xfn0)
	[ "$(status_of program xfn0)" = ok ]
	xfn attach xfn0
}

@test "doctor: an interface that does not exist" {
	run -3 "$XFN" doctor nope0
	[[ $output == *"no interface 'nope0' in this network namespace"* ]]
}

@test "doctor: nftables that XDP goes round" {
	xfn attach xfn0
	in_server nft 'add table inet t; add chain inet t in { type filter hook input priority 0; };
		add rule inet t in udp dport 9 drop' || skip "kernel lacks nftables"
	run -0 "$XFN" doctor
	[[ $output == *"1 nftables chain of this namespace"* ]]
}
