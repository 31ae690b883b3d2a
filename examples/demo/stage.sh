# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # what run and others leave behind is for demo.sh
# The stage that demo.sh plays on: namespaces that vanish with it, and the ways to show a command, to
# run it and to hold it to what was promised. Sourced by demo.sh.

# ---- a place of its own ----------------------------------------------------------------------------

# Runs "$@" in mount and process namespaces of its own and waits. Whatever it mounts, names and starts
# in there is gone with it: network namespaces, bpffs with all pins, processes. Ends it when told to.
on_stage() {
	local status=0 problem

	if problem=$(cannot_play); then
		echo "demo: $problem" >&2
		return 1
	fi
	work=$(mktemp -d "${TMPDIR:-/tmp}/xfn-demo.XXXXXX")
	chmod 711 "$work" # for programs that run as other users
	child=
	trap clear_stage EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	# In the background, so that a signal is heard at once; Enter is still read from our input.
	setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child \
		"$@" "$work" <&0 &
	child=$!
	wait "$child" || status=$?
	child=
	return "$status"
}

cannot_play() {
	if [[ $EUID -ne 0 ]]; then
		echo "cannot make network namespaces as user $EUID: run it as root"
	elif ! unshare --mount --pid --fork true 2>/dev/null; then
		echo "cannot make mount and process namespaces: expected CAP_SYS_ADMIN"
	else
		return 1
	fi
}

clear_stage() {
	local tries

	trap '' HUP INT TERM
	[[ -z $child ]] || kill -KILL "$child" 2>/dev/null || true
	wait 2>/dev/null # bash would tell of the kill
	# The last process may still be writing while it is being ended.
	for ((tries = 0; tries < 50; tries++)); do
		rm -rf "$work" 2>/dev/null && break
		sleep 0.1
	done
}

# Mounts that nobody outside sees: processes, pins, and the names of network namespaces. Leaves in
# $stage_pid who we are to those outside.
mount_stage() {
	read -r stage_pid _ </proc/self/stat
	mount -t proc proc /proc
	mount -t bpf bpf /sys/fs/bpf
	[[ -d /run/netns ]] || mount -t tmpfs tmpfs /run
	mkdir -p /run/netns
	mount -t tmpfs tmpfs /run/netns
	trap tell_of_end EXIT
}

# A demo that stops half-way shows what there is to know.
tell_of_end() {
	[[ -z ${finished-} ]] || return 0
	printf '%sdemo: ended before its end%s\n' "$red" "$plain" >&2
	[[ ! -s $work/xfnd.log ]] || sed 's/^/   xfnd.log: /' "$work/xfnd.log" >&2
}

# ---- saying ------------------------------------------------------------------------------------------

bold='' green='' red='' plain=''
if [[ -t 1 && -z ${NO_COLOR-} ]]; then
	bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
fi

steps=0 claims=0 broken=0

# step TITLE: what follows belongs together. With STEP=1 waits for Enter first.
step() {
	if [[ -n ${STEP-} && $steps -gt 0 ]]; then
		printf '\n%s-- Enter for the next step --%s' "$bold" "$plain"
		read -r || true
	fi
	steps=$((steps + 1))
	printf '\n%s%d. %s%s\n' "$bold" "$steps" "$1" "$plain"
}

# say LINE...
say() {
	printf '%s\n' "$@"
}

# claim TEXT CONDITION: says whether it holds; bash arithmetic, empty counts as false.
claim() {
	claims=$((claims + 1))
	if (($2)) 2>/dev/null; then
		printf '%s   holds: %s%s\n' "$green" "$1" "$plain"
	else
		broken=$((broken + 1))
		printf '%s   BROKEN: %s%s (%s)\n' "$red" "$1" "$plain" "$2"
	fi
}

# ---- running -----------------------------------------------------------------------------------------

show() {
	printf '%s$ %s%s\n' "$bold" "$1" "$plain"
}

# run COMMAND: shows the line, runs it, shows what it says. The output stays in $out, the exit status
# in $status, and how long it took in $took_ms.
run() {
	local start=${EPOCHREALTIME/./}

	show "$1"
	status=0
	eval "$1" >"$work/.out" 2>&1 || status=$?
	took_ms=$(((${EPOCHREALTIME/./} - start) / 1000))
	out=$(<"$work/.out")
	[[ -z $out ]] || say "$out"
}

# run_here COMMAND: shows it and runs it in this shell, as variables, functions and jobs want it.
run_here() {
	show "$1"
	eval "$1"
}

# As run, and ends the demo where the command fails: the rest would have nothing to stand on.
need() {
	run "$1"
	[[ $status -eq 0 ]] || give_up "'$1' failed with $status"
}

give_up() {
	printf '%sdemo: %s%s\n' "$red" "$1" "$plain" >&2
	exit 1
}

# behind NAME COMMAND: shows the line and runs it in the background, output into NAME.out.
behind() {
	show "$2 &"
	eval "$2" >"$work/$1.out" 2>&1 &
	behind=$!
}

# finish NAME: waits for what was started last, shows what it said, leaves it in $out.
finish() {
	status=0
	wait "$behind" || status=$?
	out=$(<"$work/$1.out")
	say "$out"
}

# until_true WHAT SECONDS COMMAND...: asks again and again; ends the demo when it takes too long.
until_true() {
	local what=$1 deadline=$((${EPOCHREALTIME/./} + $2 * 1000000))

	shift 2
	until "$@" >/dev/null 2>&1; do
		((${EPOCHREALTIME/./} < deadline)) || give_up "waited too long for $what"
		sleep 0.02
	done
}
