# SPDX-License-Identifier: BSD-2-Clause
# For end-to-end tests: two namespaces named after the test file, a wire between them, one xfnd.
#
#   server   xfn-FILE-s   xfn0   198.18.0.1/24   fd00:18::1/64   xfnd runs here
#   client   xfn-FILE-c   c0     198.18.0.2/24   fd00:18::2/64   a program that passes all is on c0
#
# e2e_setup makes the namespaces and start_daemon starts xfnd; e2e_teardown ends and removes it all.
# Everything has the file's name in it, so that files may run side by side and what a crash left
# behind is found: e2e_setup begins with e2e_clean; e2e_teardown fails if anything is left.
# XFN_E2E_TAG is added to the names where the same file is to run twice at once.
#
# shellcheck shell=bash
# What is set here is for the tests, and so are arguments.
# shellcheck disable=SC2034,SC2119,SC2120

bats_require_minimum_version 1.5.0
PATH=$PATH:/usr/sbin:/sbin
BUILD=$(realpath "${BUILD:-$BATS_TEST_DIRNAME/../../build}")
XFN=$BUILD/xfn
XFND=$BUILD/xfnd
TOOLS=$BUILD/tests/e2e/tools
OBJECTS=$BUILD/tests/bpf
ECHO=$BUILD/examples/echo/echo.bpf.o

E2E=$(basename "$BATS_TEST_FILENAME" .bats)${XFN_E2E_TAG-}
SERVER=xfn-$E2E-s
CLIENT=xfn-$E2E-c
HOME_DIR=/tmp/xfn-e2e-$E2E
PINS=/sys/fs/bpf/xfn-e2e-$E2E
RUN=$HOME_DIR/run
STATE=$HOME_DIR/state
LOG=$HOME_DIR/log
export XFN_SOCKET=$RUN/xfn.sock

xfn() { "$XFN" "$@"; }
in_server() { nsenter --net="/run/netns/$SERVER" "$@"; }
in_client() { nsenter --net="/run/netns/$CLIENT" "$@"; }

# Waits up to SECONDS for a command to succeed: until SECONDS COMMAND...
until_true() {
	local tries=$(($1 * 50))
	shift
	while ((tries-- > 0)); do
		if "$@"; then return 0; fi
		sleep 0.02
	done
	echo "still not true: $*" >&2
	return 1
}

# ---- namespaces --------------------------------------------------------------------------------

add_namespaces() {
	local name
	for name; do
		ip netns add "$name"
		ip -n "$name" link set lo up
	done
}

# add_wire NAMESPACE DEVICE ADDRESS... -- NAMESPACE DEVICE ADDRESS...: a veth pair, both ends up.
add_wire() {
	local left=$1 left_dev=$2 right right_dev
	local -a left_addresses=() right_addresses=()
	shift 2
	while [[ $1 != -- ]]; do
		left_addresses+=("$1")
		shift
	done
	right=$2 right_dev=$3
	shift 3
	right_addresses=("$@")
	ip -n "$left" link add "$left_dev" type veth peer name "$right_dev" netns "$right"
	nsenter --net="/run/netns/$left" ethtool -K "$left_dev" tx off >/dev/null
	nsenter --net="/run/netns/$right" ethtool -K "$right_dev" tx off >/dev/null
	add_addresses "$left" "$left_dev" "${left_addresses[@]}"
	add_addresses "$right" "$right_dev" "${right_addresses[@]}"
	ip -n "$left" link set "$left_dev" up
	ip -n "$right" link set "$right_dev" up
}

add_addresses() {
	local namespace=$1 device=$2 address
	shift 2
	for address; do
		if [[ $address == *:* ]]; then
			ip -n "$namespace" address add "$address" dev "$device" nodad
		else
			ip -n "$namespace" address add "$address" dev "$device"
		fi
	done
}

# A veth takes what its peer sends by XDP_TX only if it has a program itself.
let_pass() {
	ip -n "$1" link set dev "$2" xdp obj "$BUILD/bpf/xfn_pass.bpf.o" sec xdp 2>/dev/null
}

# ---- xfnd --------------------------------------------------------------------------------------

# start_daemon [OPTION]...: in the server's namespace, and waits until it answers. With those of DAEMON_OPTIONS,
# too, which are there again when it is restarted.
DAEMON_OPTIONS=()
start_daemon() {
	mkdir -p "$RUN"
	nsenter --net="/run/netns/$SERVER" "$XFND" --run-dir "$RUN" --pin-dir "$PINS" \
		--state-dir "$STATE" "${DAEMON_OPTIONS[@]}" "$@" >>"$LOG" 2>&1 3>&- &
	DAEMON=$!
	echo "$DAEMON" >"$HOME_DIR/daemon"
	for _ in $(seq 500); do
		if "$XFN" journal >/dev/null 2>&1; then return 0; fi
		if ! kill -0 "$DAEMON" 2>/dev/null; then break; fi
		sleep 0.01
	done
	cat "$LOG" >&2
	return 1
}

# The same with the groups of $HOME_DIR/group, whatever this host has. start_with_groups [COMMAND]...: that xfnd
# is started by.
start_with_groups() {
	mkdir -p "$RUN"
	# Expanded by the inner shell.
	# shellcheck disable=SC2016
	nsenter --net="/run/netns/$SERVER" unshare --mount bash -c '
		mount --bind "$0" /etc/group && exec "$@"' "$HOME_DIR/group" \
		"$@" "$XFND" --run-dir "$RUN" --pin-dir "$PINS" --state-dir "$STATE" \
		>>"$LOG" 2>&1 3>&- &
	DAEMON=$!
	echo "$DAEMON" >"$HOME_DIR/daemon"
	until_true 10 "$XFN" journal >/dev/null
}

# Ends it with SIGNAL, by default TERM, and waits.
stop_daemon() {
	kill -"${1:-TERM}" "$DAEMON" 2>/dev/null || true
	wait "$DAEMON" 2>/dev/null || true
	DAEMON=
}

restart_daemon() {
	stop_daemon "${1:-KILL}"
	start_daemon
}

reset_daemon() {
	in_server "$XFND" --run-dir "$RUN" --pin-dir "$PINS" --state-dir "$STATE" --reset
}

# PIN/<netns cookie>: there is but one.
pin_dir() {
	local dir
	for dir in "$PINS"/*/; do echo "${dir%/}"; done
}

# Ports, by their host's ends: all names, and how many there are; has_ports COUNT: functions have so many of them.
ends() { ip -n "$SERVER" -j link show type veth | jq -r '.[].ifname | select(startswith("xfnp"))'; }
has_ends() { [[ $(ends | wc -l) == "$1" ]]; }
has_no_port() { has_ends 0; }
has_ports() { [[ $(bpftool -j map dump pinned "$(pin_dir)/maps/xfn_port_of" | jq length) == "$1" ]]; }

# share_program FILE: prints the path of a copy that every user may execute, wherever the tree is.
share_program() {
	mkdir -p "$HOME_DIR/bin"
	chmod 755 "$HOME_DIR" "$HOME_DIR/bin"
	install -m 755 "$1" "$HOME_DIR/bin/"
	echo "$HOME_DIR/bin/${1##*/}"
}

# What is in a folder, in one line.
names() { find "$1" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | xargs; }

# ---- setup and teardown ------------------------------------------------------------------------

# What a test that was killed may have left.
e2e_clean() {
	local name
	if [[ -s $HOME_DIR/daemon ]]; then
		stop_stale "$(<"$HOME_DIR/daemon")"
	fi
	if [[ -d $PINS ]]; then
		find "$PINS" -path '*/interfaces/*' -delete 2>/dev/null || true
		rm -rf "$PINS"
	fi
	# Functions that a test left running are in namespaces of their own.
	for name in "$RUN"/instances/*.json; do
		[[ -e $name ]] || continue
		kill_left "$name"
	done
	for name in /run/netns/xfn-"$E2E"-*; do
		[[ -e $name ]] || continue
		ip netns pids "${name##*/}" | xargs -r kill -KILL 2>/dev/null || true
		ip netns del "${name##*/}"
	done
	rm -rf "$HOME_DIR"
}

# The number may be another process's by now.
stop_stale() {
	if [[ $(readlink "/proc/$1/exe" 2>/dev/null) == */xfnd* ]]; then
		kill -KILL "$1" 2>/dev/null || true
		until_true 2 is_gone "$1"
	fi
}

# The process of an instance's file, if it is that one still.
kill_left() {
	local pid started
	read -r pid started < <(jq -r '"\(.pid) \(.start_time)"' "$1") || return 0
	((pid > 1)) || return 0
	if [[ $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d ' ' -f 20) == "$started" ]]; then
		kill -KILL "$pid" 2>/dev/null || true
	fi
}

is_gone() { ! kill -0 "$1" 2>/dev/null; }

e2e_setup() {
	e2e_clean
	mkdir -p "$HOME_DIR"
	if ! mountpoint -q /sys/fs/bpf; then mount -t bpf bpf /sys/fs/bpf; fi
	add_namespaces "$SERVER" "$CLIENT"
	add_wire "$SERVER" xfn0 198.18.0.1/24 fd00:18::1/64 -- "$CLIENT" c0 198.18.0.2/24 fd00:18::2/64
	let_pass "$CLIENT" c0
}

e2e_teardown() {
	local failed=0 left
	if [[ -z ${BATS_TEST_COMPLETED-} && -e $LOG ]]; then
		echo "log of xfnd:" && tail -n 20 "$LOG"
	fi
	if [[ -d $PINS ]]; then
		"$TOOLS/leftover" list "$PINS" "${DAEMON:-0}" >"$HOME_DIR/objects"
	fi
	if [[ -n ${DAEMON-} ]]; then
		stop_daemon
	fi
	reset_daemon >/dev/null || failed=1
	if [[ -e $PINS ]]; then
		echo "left in bpffs:" && find "$PINS" && failed=1
	fi
	if [[ -s $HOME_DIR/objects ]] && ! left=$("$TOOLS/leftover" gone 3 <"$HOME_DIR/objects"); then
		echo "left in the kernel:" && echo "$left" && failed=1
	fi
	e2e_clean
	return "$failed"
}

# ---- asking ------------------------------------------------------------------------------------

# Writes standard input as manifest NAME.yaml.
manifest() {
	cat >"$HOME_DIR/$1.yaml"
}

# Writes and applies standard input as set main, objects named by the variables above.
apply() {
	manifest main
	"$XFN" apply "$@" "$HOME_DIR/main.yaml"
}

# The manifest that most tests begin with: echo at udp/7, with more lines from standard input.
apply_echo() {
	{
		printf 'version: 1\nfunctions:\n  - name: echo\n    trigger: udp/7\n    kernel: %s\n' "$ECHO"
		if [[ ! -t 0 ]]; then cat; fi
	} | apply >/dev/null
}

# send COUNT PORT TEXT [ADDRESS]: so many datagrams from the client, whatever comes back.
send() {
	in_client python3 -c 'import socket, sys
count, port, text, address = sys.argv[1:]
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(int(count)):
    s.sendto(text.encode(), (address, int(port)))' "$1" "$2" "$3" "${4:-198.18.0.1}"
}

flood() { in_client "$TOOLS/flood" "$@"; }

# start_flood NAME OPTION...: in the background; end_flood NAME ends it and prints what it saw. With nothing of the
# caller's output: `run` would wait for its end.
start_flood() {
	local name=$1
	shift
	nsenter --net="/run/netns/$CLIENT" "$TOOLS/flood" "$@" >"$HOME_DIR/flood.$name" \
		2>"$HOME_DIR/flood.$name.err" 3>&- &
	echo "$!" >"$HOME_DIR/flood.$name.pid"
}

end_flood() {
	kill "$(<"$HOME_DIR/flood.$1.pid")" 2>/dev/null || true
	until_true 5 test -s "$HOME_DIR/flood.$1"
	cat "$HOME_DIR/flood.$1"
}

# Fails unless every datagram of a flood came back as it was, once.
nothing_lost() {
	echo "$1"
	[[ $(jq -c '[.lost, .late, .duplicates, .changed, .refused]' <<<"$1") == "[0,0,0,0,0]" &&
		$(jq '.received == .sent and .sent > 100' <<<"$1") == true ]]
}

# Who answers at ADDRESS PORT: the first byte of the reply, or "none".
who_answers() {
	in_client "$TOOLS/flood" -n 1 -g 200 "$@" | jq -r '.by | keys[0] // "none"'
}

# field JSON EXPRESSION
field() { jq -r "$2" <<<"$1"; }

# stat_of EXPRESSION, such as '.interfaces[0].packets'
stat_of() { "$XFN" -j stats | jq -r "$1"; }

# verdict LABEL of the first interface, or of a function: verdict LABEL NAME
verdict() {
	if [[ -n ${2-} ]]; then
		stat_of ".functions[] | select(.name == \"$2\").verdicts.$1"
	else
		stat_of "[.interfaces[].verdicts.$1] | add"
	fi
}

revision() { xfn -j | jq .revision; }

# The kernel's generation word: revision << 1 | generation.
live_word() {
	local -a bytes
	local word=0 i json
	json=$(bpftool -j map lookup pinned "$(pin_dir)/maps/xfn_control" key 0 0 0 0)
	json=${json#*'"value":['}
	IFS=', ' read -ra bytes <<<"$(tr -d '"' <<<"${json%%]*}")"
	for i in 7 6 5 4 3 2 1 0; do word=$((word << 8 | bytes[i])); done
	echo "$word"
}

live_revision() { echo $(($(live_word) >> 1)); }

# The books must be right at every moment.
audit_is_ok() { "$XFN" audit >/dev/null; }

# ---- a session such as ssh's: a line comes back as it was ----------------------------------------

# listen PORT [ADDRESS-FAMILY]
listen() {
	nsenter --net="/run/netns/$SERVER" socat "TCP${2:-6}-LISTEN:$1,fork,reuseaddr" EXEC:cat \
		>/dev/null 2>&1 3>&- &
	LISTENER=$!
	until_true 5 has_listener "$1"
}

has_listener() { in_server ss -Hltn "sport = :$1" | grep -q .; }

# open_session PORT [ADDRESS]: from the client, held open; its port in SESSION_PORT.
open_session() {
	coproc SESSION { nsenter --net="/run/netns/$CLIENT" socat - "TCP:${2:-198.18.0.1}:$1" 2>/dev/null 3>&-; }
	echoes hello
	SESSION_PORT=$(in_client ss -Htn "dport = :$1" | awk '{sub(/.*:/, "", $4); print $4}')
}

# echoes TEXT [SECONDS]
echoes() {
	local line
	echo "$1" >&"${SESSION[1]}"
	while read -r -t "${2:-3}" -u "${SESSION[0]}" line; do
		if [[ $line == "$1" ]]; then return 0; fi
	done
	return 1
}
