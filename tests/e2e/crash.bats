#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Every change, struck at every step it takes: killed there, without memory, without the kernel's
# consent, with a disk that is full. It is then old or new, never half; what the daemon says is what the
# packets meet; and the same change works when it is tried again.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib

setup() {
	e2e_setup
	FAULT=$HOME_DIR/fault
	"$TOOLS/inject" "$FAULT" make
	start_struck
	xfn attach xfn0 >/dev/null
	write_manifests
}

teardown() { e2e_teardown; }

# xfnd with the library that strikes; it does nothing until it is armed.
start_struck() { XFN_FAULT=$FAULT LD_PRELOAD=$TOOLS/fault.so start_daemon; }

# Of the two states, no trigger, limit or handler is the same.
write_manifests() {
	manifest old <<-MANIFEST
		version: 1
		functions:
		  - {name: one, trigger: udp/7, kernel: $OBJECTS/answer_a.bpf.o}
		  - {name: two, trigger: udp/8, kernel: $OBJECTS/answer_a.bpf.o, limit: 1k/s}
	MANIFEST
	manifest new <<-MANIFEST
		version: 1
		functions:
		  - {name: one, trigger: udp/9, kernel: $OBJECTS/answer_b.bpf.o, limit: 2k/s}
		  - {name: three, trigger: udp/8, kernel: $OBJECTS/answer_b.bpf.o}
	MANIFEST
}

# What packets to the three ports meet, asked all at once: the one that is silent is waited for.
answers() {
	# Expanded by the inner shell.
	# shellcheck disable=SC2016
	in_client bash -c 'for port in 7 8 9; do
		"$0" -n 1 -g 60 198.18.0.1 "$port" >"$1.$port" &
	done && wait' "$TOOLS/flood" "$HOME_DIR/met"
	jq -sr 'map(.by | keys[0] // "-") | join(" ")' "$HOME_DIR"/met.{7,8,9}
}

# ---- the changes: how to begin, what to do, what is met before and after ---------------------------------

declare -gA before=([apply]="a a -" [swap]="a a -" [trigger]="a a -" [rollback]="a a -")
declare -gA after=([apply]="- b b" [swap]="b a -" [trigger]="a a a" [rollback]="- b b")

begin_apply() { xfn apply --yes --overwrite "$HOME_DIR/old.yaml" >/dev/null; }
do_apply() { xfn apply --yes "$HOME_DIR/new.yaml"; }

begin_swap() { begin_apply; }
do_swap() { xfn swap one "$OBJECTS/answer_b.bpf.o"; }

begin_trigger() { begin_apply; }
do_trigger() { xfn trigger add one udp/9; }

begin_rollback() { xfn apply --yes --overwrite "$HOME_DIR/new.yaml" >/dev/null && begin_apply; }
do_rollback() { xfn rollback --yes; }

# met CHANGE: old, new, or what else it is.
met() {
	local now
	now=$(answers)
	case $now in
	"${before[$1]}") echo old ;;
	"${after[$1]}") echo new ;;
	*) echo "half: $now" ;;
	esac
}

# strike CHANGE KIND STEP [ERRNO]: sets struck and call; ends with the change's own exit code.
strike() {
	local change=$1 code=0
	shift
	"$TOOLS/inject" "$FAULT" arm "$@"
	"do_$change" >"$HOME_DIR/said" 2>&1 || code=$?
	read -r struck _ call < <("$TOOLS/inject" "$FAULT" show)
	return "$code"
}

# The kernel's number, the daemon's, and the books agree.
is_whole() {
	local word number in_kernel in_daemon
	exec {word}< <(live_revision) {number}< <(revision)
	audit_is_ok
	read -r in_kernel <&"$word"
	read -r in_daemon <&"$number"
	exec {word}<&- {number}<&-
	[ "$in_kernel" = "$in_daemon" ]
}

nothing_unfinished() {
	[ "$(find "$STATE/revisions" -mindepth 1 -maxdepth 1 -name '.*' | wc -l)" = 0 ]
}

# Steps are many. XFN_CRASH_STRIDE=1 takes each of them; without it the changes that share most of their
# way with apply, and allocations, are struck at one step in so many.
stride_of() {
	case $1 in
	swap | rollback | trigger) echo "${XFN_CRASH_STRIDE-3}" ;;
	memory) echo "${XFN_CRASH_STRIDE-11}" ;;
	*) echo 1 ;;
	esac
}

# kill_at_each_step CHANGE
kill_at_each_step() {
	local change=$1 step=0 stride now=new olds=0 news=0
	stride=$(stride_of "$change")
	struck=1
	while true; do
		step=$((step + stride))
		if [ "$now" = new ]; then "begin_$change"; fi
		strike "$change" kill "$step" || true
		[ "$struck" = 1 ] || break
		stop_daemon KILL
		start_struck
		now=$(met "$change")
		echo "killed at step $step, $call: $now"
		case $now in
		old) olds=$((olds + 1)) ;;
		new) news=$((news + 1)) ;;
		*) return 1 ;;
		esac
		is_whole
		nothing_unfinished
	done
	echo "# $change: killed at $((step / stride - 1)) steps; then old $olds times, new $news times" >&3
	[ "$(met "$change")" = new ]
	[ "$olds" -gt 5 ]
}

# fail_at_each_step CHANGE KIND [ERRNO]: a change that fails says why and changes nothing.
fail_at_each_step() {
	local change=$1 kind=$2 error=${3-} stride step=0 code now=new failures=0 deaths=0
	stride=$(stride_of "$([ "$kind" = memory ] && echo memory || echo "$change")")
	struck=1
	while true; do
		step=$((step + stride))
		if [ "$now" = new ]; then "begin_$change"; fi
		code=0
		strike "$change" "$kind" "$step" ${error:+"$error"} || code=$?
		[ "$struck" = 1 ] || break
		now=$(met "$change")
		echo "$kind failed at step $step, $call: exit $code, $now: $(<"$HOME_DIR/said")"
		if ! kill -0 "$DAEMON" 2>/dev/null; then
			# libfyaml does not look whether it got what it asked for; we do.
			[ "$kind $call" = "memory libfyaml.so.0" ]
			start_struck
			deaths=$((deaths + 1))
		fi
		if [ "$code" = 0 ]; then
			[ "$now" = new ]
		elif [ "$now" = new ]; then
			# Done, with no memory left for the answer: it says where to look, or breaks off.
			[ "$code" = 4 ] || grep -q "xfn journal tells what was done" "$HOME_DIR/said"
		else
			failures=$((failures + 1))
			[ "$now" = old ]
			[ -s "$HOME_DIR/said" ]
		fi
		is_whole
	done
	echo "# $change: $kind failed at $((step / stride - 1)) steps, the change with it $failures times,
# and libfyaml with the daemon $deaths times" >&3
	[ "$(met "$change")" = new ]
	[ "$failures" -gt 3 ]
	begin_apply
	nothing_unfinished
}

@test "kill -9 at every step of an apply: old or new, never half" {
	kill_at_each_step apply
}

@test "kill -9 at steps of a swap: old or new, never half" {
	kill_at_each_step swap
}

@test "kill -9 at steps of adding a trigger: old or new, never half" {
	kill_at_each_step trigger
}

@test "kill -9 at steps of a rollback: old or new, never half" {
	kill_at_each_step rollback
}

@test "bpf(2) refuses, at each call of an apply: refused, and as before" {
	fail_at_each_step apply bpf 1
}

@test "the disk is full, at each step of an apply: refused, and as before" {
	fail_at_each_step apply disk 28
}

@test "the disk is read-only, at steps of a swap: refused, and as before" {
	fail_at_each_step swap disk 30
}

@test "no memory, at allocations of an apply: refused, and as before" {
	fail_at_each_step apply memory
}

# ---- going back by itself ----------------------------------------------------------------------------

has_left() { [ "$(live_revision)" != "$1" ] || is_gone "$DAEMON"; }

# go_back KIND STEP [ERRNO]: the new state is live and to be confirmed; struck while it goes back.
go_back() {
	begin_apply
	xfn apply --yes --confirm 1s "$HOME_DIR/new.yaml" >/dev/null
	"$TOOLS/inject" "$FAULT" arm "$@"
	until_true 10 has_left "$(live_revision)"
	read -r struck _ call < <("$TOOLS/inject" "$FAULT" show)
}

is_nothing_pending() { [ "$(xfn -j | jq .pending)" = null ]; }

# strike_each_return KIND STRIDE [ERRNO]: whatever happens, it goes back.
strike_each_return() {
	local step=0 stride=$2
	struck=1
	while true; do
		step=$((step + stride))
		go_back "$1" "$step" "${@:3}"
		[ "$struck" = 1 ] || break
		if is_gone "$DAEMON"; then
			stop_daemon KILL
			start_struck
		fi
		# One that was struck before its time was over has some of it left.
		until_true 5 is_nothing_pending
		echo "$1 at step $step, $call: $(answers)"
		[ "$(answers)" = "a a -" ]
		is_whole
	done
	echo "# going back: $1 at each of $((step / stride - 1)) steps" >&3
	[ "$step" -gt 10 ]
	nothing_unfinished
}

@test "kill -9 at steps of going back by itself: back all the same" {
	strike_each_return kill 11
}

@test "the disk is full, at steps of going back by itself: back all the same" {
	strike_each_return disk 3 28
}
