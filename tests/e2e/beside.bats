#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Beside other XDP programs: --next hands them what is nobody's.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib

OTHER=/sys/fs/bpf/xfn-e2e-$E2E-other

setup() {
	e2e_setup
	rm -rf "$OTHER"
	start_daemon
}

teardown() {
	rm -rf "$OTHER"
	e2e_teardown
}

# Pins OBJECT's program at $OTHER/prog and its counters beside it.
pin_other() {
	mkdir -p "$OTHER"
	bpftool prog load "$OBJECTS/${1:-next_count}.bpf.o" "$OTHER/prog" type xdp pinmaps "$OTHER"
}

# counted WHICH: all 0, udp 1, fragments 2, not IP 3
counted() {
	bpftool -j map lookup pinned "$OTHER/next_counts" key "$1" 0 0 0 | jq .formatted.value
}

answers() { [[ $(who_answers "$@") == q ]]; }
journal_says() { xfn journal | grep -qF -- "$1"; }
next_of() { xfn -j "$@" | jq -c '.interfaces[0].next'; }
has_counted() { [[ $(counted "$1") -ge $2 ]]; }

@test "next gets what is nobody's, and only that; the verdicts stay, the function answers" {
	pin_other
	run -0 xfn attach xfn0 --next "$OTHER/prog"
	[[ $output == "attached to xfn0, mode native, next $OTHER/prog" ]]
	apply_echo
	answers 198.18.0.1 7
	send 5 4444 x
	until_true 5 has_counted 1 5
	[ "$(counted 1)" = 5 ]
	send 3 9999 x
	until_true 5 has_counted 1 8
	[ "$(verdict handled)" = 1 ]
	[ "$(verdict unmatched)" -ge 8 ]
	# A datagram in fragments does not slip past it.
	send 1 4444 "$(printf 'x%.0s' {1..4000})"
	until_true 5 has_counted 2 3
	[ "$(verdict fragment)" = "$(counted 2)" ]
	id=$(bpftool -j prog show pinned "$OTHER/prog" | jq .id)
	[ "$(next_of)" = "{\"path\":\"$OTHER/prog\",\"id\":$id,\"state\":\"running\"}" ]
	[ "$(next_of stats)" = "$(next_of)" ]
	[[ $(xfn) == *"xfn0, native, next $OTHER/prog, "* ]]
	# explain knows who decides, and that it does not know how.
	[ "$(xfn -j explain 'udp 198.18.0.2:4000 > 198.18.0.1:4444' | jq -c '[.verdict, .action]')" = '["unmatched","next"]' ]
	[[ $(xfn explain 'udp 198.18.0.2:4000 > 198.18.0.1:4444') == *"then the program '$OTHER/prog' gets it"* ]]
	[ "$(xfn -j explain 'udp 198.18.0.2:4000 > 198.18.0.1:7' | jq -r .action)" = handler ]
	audit_is_ok
}

@test "what next drops never reaches a socket, and what it lets pass does" {
	pin_other
	in_server "$TOOLS/udpecho" 9999 3>&- &
	in_server "$TOOLS/udpecho" 9998 3>&- &
	until_true 5 answers 198.18.0.1 9999
	xfn attach xfn0 --next "$OTHER/prog" >/dev/null
	answers 198.18.0.1 9998
	[ "$(who_answers 198.18.0.1 9999)" = none ]
	xfn detach xfn0 >/dev/null
	answers 198.18.0.1 9999
}

@test "next outlives the daemon, its own pin, and stays through a kill" {
	pin_other
	xfn attach xfn0 --next "$OTHER/prog" >/dev/null
	apply_echo
	id=$(next_of | jq .id)
	restart_daemon
	[ "$(next_of)" = "{\"path\":\"$OTHER/prog\",\"id\":$id,\"state\":\"running\"}" ]
	# Without its pin the program stays, for as long as xfn holds it.
	rm "$OTHER/prog"
	restart_daemon
	[ "$(next_of | jq -c '[.id, .state]')" = "[$id,\"running\"]" ]
	before=$(counted 1)
	send 4 4444 x
	until_true 5 has_counted 1 $((before + 4))
	answers 198.18.0.1 7
	audit_is_ok
}

# As a reboot leaves it: nothing in bpffs, revisions on disk.
lose_pins() {
	stop_daemon
	mv "$STATE" "$STATE.kept"
	reset_daemon >/dev/null
	rm -rf "$OTHER" "$STATE"
	mv "$STATE.kept" "$STATE"
}

@test "next that is gone after a reboot: passes to the stack, says so, and takes it when it comes" {
	pin_other
	xfn attach xfn0 --next "$OTHER/prog" >/dev/null
	apply_echo
	lose_pins
	start_daemon
	answers 198.18.0.1 7
	[ "$(next_of | jq -c '[.id, .state]')" = '[0,"gone"]' ]
	[[ $(xfn) == *"next '$OTHER/prog' of interface 'xfn0' is not there"* ]]
	[[ $(xfn doctor || true) == *"warn  xfn0 next: the program '$OTHER/prog' that "*"bpftool prog load OBJECT $OTHER/prog type xdp"* ]]
	journal_says "what is nobody's passes to the stack"
	in_server "$TOOLS/udpecho" 9998 3>&- &
	until_true 5 answers 198.18.0.1 9998
	pin_other
	next_runs() { [[ $(next_of | jq -r .state) == running ]]; }
	until_true 10 next_runs
	[[ $(xfn doctor || true) == *"ok    xfn0 next: "* ]]
	before=$(counted 1)
	send 4 4444 x
	until_true 5 has_counted 1 $((before + 4))
	[ "$(xfn journal | grep -c "passes to the stack")" = 1 ]
	audit_is_ok
}

@test "next that was loaded without an attach type is taken again after a reboot" {
	mkdir -p "$OTHER"
	"$TOOLS/pinplain" "$OTHER/prog"
	xfn attach xfn0 --next "$OTHER/prog" >/dev/null
	apply_echo
	lose_pins
	mkdir -p "$OTHER"
	"$TOOLS/pinplain" "$OTHER/prog"
	start_daemon
	[ "$(next_of | jq -r .state)" = running ]
	answers 198.18.0.1 7
	audit_is_ok
}

@test "a rollback makes an empty data plane anew for the next that it brings back" {
	mkdir -p "$OTHER"
	"$TOOLS/pinplain" "$OTHER/prog"
	xfn attach xfn0 --next "$OTHER/prog" >/dev/null
	target=$(revision)
	xfn detach xfn0 >/dev/null
	bpftool prog load "$OBJECTS/next_count.bpf.o" "$OTHER/usual" type xdp
	xfn attach xfn0 --next "$OTHER/usual" >/dev/null
	xfn detach xfn0 >/dev/null
	run -0 xfn rollback "$target"
	[ "$(next_of | jq -r .state)" = running ]
	audit_is_ok
}

# Where the kernel has what it takes; tests/vm/coexist.sh has the programs of others beside it.
coexist_works() {
	[ "$(xfn -j | jq -r '.interfaces[0].coexist')" = true ]
	apply_echo
	answers 198.18.0.1 7
	audit_is_ok
	xfn detach xfn0 >/dev/null
	[[ $(in_server ip -d link show xfn0) != *prog/xdp* ]]
}

@test "coexist works, or is refused with the kernel's reason and nothing changes" {
	run --separate-stderr xfn attach xfn0 --coexist
	if [[ $status == 0 ]]; then
		coexist_works
		return
	fi
	[[ $status == 1 ]]
	[[ $stderr == *"interface 'xfn0': this kernel "*"--next is the other way"* ]]
	[ "$(xfn -j | jq -c .interfaces)" = '[]' ]
	[ "$(xfn -j | jq .revision)" = 0 ]
	[[ $(in_server ip -d link show xfn0) != *prog/xdp* ]]
	# The data plane that was made for it is as it was: a --next of the usual kind fits.
	pin_other
	xfn attach xfn0 --next "$OTHER/prog" >/dev/null
	apply_echo
	answers 198.18.0.1 7
	run -1 --separate-stderr apply <<<$'version: 1\nset: b\nattach: [{interface: lo, coexist: true}]\nfunctions: []'
	[[ $stderr == *"--coexist wants xfn's programs loaded for no attach type"* ]]
	answers 198.18.0.1 7
	audit_is_ok
}

@test "a manifest's next: planned, changed and taken away while traffic flows" {
	pin_other
	with_next() {
		printf 'version: 1\nattach: [{interface: xfn0, mode: native%s}]\n' "$1"
		printf 'functions:\n  - name: echo\n    trigger: udp/7\n    kernel: %s\n' "$ECHO"
	}
	with_next "" | apply >/dev/null
	start_flood steady -r 2000 -t 60 -g 500 198.18.0.1 7
	with_next ", next: $OTHER/prog" | manifest main
	run -0 xfn -j plan "$HOME_DIR/main.yaml"
	[ "$(jq -c .changes <<<"$output")" = \
		"[{\"op\":\"change\",\"kind\":\"next\",\"name\":\"xfn0\",\"from\":\"none\",\"to\":\"$OTHER/prog\"}]" ]
	[ "$(next_of)" = null ]
	xfn apply "$HOME_DIR/main.yaml" >/dev/null
	send 4 4444 x
	until_true 5 has_counted 1 4
	run -0 xfn -j plan "$HOME_DIR/main.yaml"
	[ "$(jq -c .changes <<<"$output")" = "[]" ]
	# What show prints is the same manifest again.
	xfn show --manifest >"$HOME_DIR/again.yaml"
	cd "$HOME_DIR"
	run -0 xfn -j plan again.yaml
	[ "$(jq -c .changes <<<"$output")" = "[]" ]
	with_next "" | apply >/dev/null
	[ "$(next_of)" = null ]
	before=$(counted 1)
	send 4 4444 x
	sleep 0.2
	[ "$(counted 1)" = "$before" ]
	nothing_lost "$(end_flood steady)"
	audit_is_ok
}

@test "a next that cannot be is refused, with a reason, and nothing changes" {
	pin_other next_frags
	run -1 --separate-stderr xfn attach xfn0 --next "$OTHER/prog"
	[[ $stderr == *"next '$OTHER/prog'"*"fragments"* ]]
	run -1 --separate-stderr xfn attach xfn0 --next "$OTHER/next_counts"
	[[ $stderr == *"no XDP program is pinned there"* ]]
	# The same words for what is there and for what is not.
	for path in /etc/passwd /etc/no-such-file "$OTHER/none" "$OTHER"; do
		run -1 --separate-stderr xfn attach xfn0 --next "$path"
		[[ $stderr == *"next '$path': no XDP program is pinned there"* ]]
	done
	run -1 --separate-stderr xfn attach xfn0 --next other
	[[ $stderr == *"next 'other'"*"absolute path"* ]]
	run -1 --separate-stderr xfn attach xfn0 --next "/$(printf 'x%.0s' {1..255})"
	[[ $stderr == *"at most 255 bytes"* ]]
	run -1 --separate-stderr apply <<<$'version: 1\nattach: [{interface: xfn0, next: other}]\nfunctions: []'
	[[ $stderr == *"main.yaml:2"*"not absolute"* ]]
	[ "$(xfn -j | jq -c '[.revision, (.interfaces | length)]')" = "[0,0]" ]
	# xfn's own programs would call themselves.
	xfn attach xfn0 >/dev/null
	id=$(ip -n "$SERVER" -j link show xfn0 | jq '.[0].xdp.prog.id')
	bpftool prog pin id "$id" "$OTHER/root"
	add_wire "$SERVER" xfn1 198.18.1.1/24 -- "$CLIENT" c1 198.18.1.2/24
	run -1 --separate-stderr xfn attach xfn1 --next "$OTHER/root"
	[[ $stderr == *"xfn's own"* ]]
}

@test "an occupied interface names the ways to go beside, and they work" {
	let_pass "$SERVER" xfn0
	run -1 --separate-stderr xfn attach xfn0
	[[ $stderr == *"another XDP program: 'xfn_pass'"*"--next PIN"* ]]
	id=$(ip -n "$SERVER" -j link show xfn0 | jq '.[0].xdp.prog.id')
	[[ $stderr == *"bpftool prog pin id $id PIN"* ]]
	mkdir -p "$OTHER"
	bpftool prog pin id "$id" "$OTHER/prog"
	ip -n "$SERVER" link set dev xfn0 xdp off
	run -0 xfn attach xfn0 --next "$OTHER/prog"
	apply_echo
	answers 198.18.0.1 7
}
