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

@test "doctor: a peer without a program fails only whom it hinders: functions that answer from the kernel" {
	xfn attach xfn0
	ip -n "$CLIENT" link set dev c0 xdp off
	apply <<<'{version: 1, functions: [{name: web, trigger: tcp/80, socket: existing}]}'
	run -0 "$XFN" doctor xfn0
	[[ $output == *"warn  xfn0 peer_program"*"replies of a handler would vanish"* ]]
	[[ $output == *"ok    functions: each function is served"* ]]
	apply_echo </dev/null
	run -1 "$XFN" doctor xfn0
	[[ $output == *"fail  xfn0 peer_program"*"replies vanish, counted as sent"* ]]
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

# is_in_client PID: has it got there?
is_in_client() {
	[[ $(stat -Lc %i "/proc/$1/ns/net") == $(stat -Lc %i "/run/netns/$CLIENT") ]]
}

# ---- --fix -------------------------------------------------------------------------------------

@test "doctor --fix: without a terminal and without --yes it shows, and changes nothing" {
	xfn attach xfn0
	ip -n "$CLIENT" link set dev c0 xdp off
	run -1 "$XFN" doctor xfn0 --fix </dev/null
	[[ $output == *"nsenter --net=/run/netns/$CLIENT ip link set dev c0 xdpdrv object "* ]]
	[[ $output == *"with --yes this is run"* ]]
	[ "$(status_of peer_program xfn0)" = fail ]
}

@test "doctor --fix: the far end is mended in its own namespace, and checked again" {
	xfn attach xfn0
	ip -n "$CLIENT" link set dev c0 xdp off
	in_client ethtool -K c0 tx on >/dev/null
	[ "$(status_of peer_checksum xfn0)" = warn ]
	run -0 "$XFN" doctor xfn0 --fix --yes
	[[ $output == *"checked again:"*"ok    xfn0 peer_program"* ]]
	[ "$(status_of peer_program xfn0)" = ok ]
	[ "$(status_of peer_checksum xfn0)" = ok ]
	apply_echo </dev/null
	[ "$(who_answers 198.18.0.1 7)" != none ]
}

@test "doctor --fix: a namespace without a name is found by a process in it" {
	xfn attach xfn0
	ip -n "$CLIENT" link set dev c0 xdp off
	nsenter --net="/run/netns/$CLIENT" sleep 60 3>&- &
	local sleeper=$!
	until_true 5 is_in_client "$sleeper"
	umount "/run/netns/$CLIENT"
	[[ $(remedy_of peer_program xfn0) == "nsenter --target "*" --net ip link set dev c0 xdpdrv"* ]]
	run -0 "$XFN" doctor xfn0 --fix --yes
	[ "$(status_of peer_program xfn0)" = ok ]
	kill "$sleeper"
}

@test "doctor --fix: in the daemon's namespace, for a command that runs in another" {
	xfn attach xfn0
	in_server ip link set dev xfn0 down
	run -0 "$XFN" doctor xfn0 --fix --yes
	[ "$(status_of link xfn0)" = ok ]
}

@test "doctor --fix: asks on a terminal; no means no" {
	xfn attach xfn0
	in_server ip link set dev xfn0 down
	run script -qec "$XFN doctor xfn0 --fix" /dev/null <<<"n"
	[[ $output == *"run this? [y/N]"* ]]
	[ "$(status_of link xfn0)" = fail ]
	run script -qec "$XFN doctor xfn0 --fix" /dev/null <<<"y"
	[[ $output == *"done"* ]]
	[ "$(status_of link xfn0)" = ok ]
}

@test "doctor --fix: what is not safe to run is left to its reader" {
	let_pass "$SERVER" xfn0
	run -1 "$XFN" doctor xfn0 --fix --yes
	[[ $output == *"for you to decide"* ]]
	[ "$(status_of program xfn0)" = fail ]
}

@test "doctor --fix: JSON says what was run, and what holds afterwards" {
	xfn attach xfn0
	in_client ethtool -K c0 tx on >/dev/null
	run -0 --separate-stderr "$XFN" doctor -j xfn0 --fix --yes
	jq -e '.fixes[] | select(.name == "peer_checksum") | .safe and .done and
		(.command | endswith("ethtool -K c0 tx off"))' <<<"$output"
	jq -e '.checks[] | select(.name == "peer_checksum").status == "ok"' <<<"$output"
	run -2 "$XFN" doctor --yes
}

@test "doctor: a user of the group without rights mends nothing through the daemon" {
	xfn attach xfn0
	ip -n "$CLIENT" link set dev c0 xdp off
	chmod a+rx "$HOME_DIR" && chmod 0666 "$XFN_SOCKET"
	# As the daemon's own user, who is answered, but without any capability.
	run setpriv --bounding-set -all --inh-caps -all "$XFN" doctor xfn0 --fix --yes
	[[ $output == *"failed"* ]]
	[ "$(status_of peer_program xfn0)" = fail ]
}
