# SPDX-License-Identifier: BSD-2-Clause
# The part "port" of the bench: functions on sockets. See run.sh, which reads this file and has what is used here.
# shellcheck shell=bash
# Variables and functions of run.sh.
# shellcheck disable=SC2154

# Each kind of receiver has a wire of its own, since a queue has one socket's pool, and all are there at once.
# The client's ends have an XDP program that passes all, so that replies come in alike.
port_wires=(10 11 12 13 14 15 16)
on_port=10 on_queue=11 lib_on_queue=12 on_stack=13 on_nothing=14 once_on_queue=15 lingering_on_queue=16

port_records() { "$@" >>"$results"; }

add_port_wires() {
	local n
	for n in "${port_wires[@]}"; do
		add_wire "$n"
		in_server ip addr add "198.18.$n.1/24" dev "s$n"
		in_client ip addr add "198.18.$n.2/24" dev "c$n"
		in_server ip neigh add "198.18.$n.2" lladdr 02:00:00:00:00:02 dev "s$n"
		in_client ip neigh add "198.18.$n.1" lladdr 02:00:00:00:00:01 dev "c$n"
		in_client ip link set "c$n" xdp obj "$BUILD/bpf/xfn_pass.bpf.o" sec xdp
	done
	in_server ip link set "s$on_nothing" xdp obj "$BUILD/tests/bench/drop.bpf.o" sec xdp
}

# Programs and the files that they count in, where every user may go: functions run as nobody known.
share_programs() {
	local name
	shared=$(mktemp -d /tmp/xfn-bench-XXXXXX)
	install -m 755 "$BUILD"/tests/bench/programs/* "$BUILD/tests/e2e/tools/hostile" "$shared"
	for name in function oneway bare bare-lingering queue.bare queue.lingering queue.lib sleeping lingering \
		spinning busy; do
		head -c 4096 /dev/zero >"$shared/$name.counts"
	done
	chmod 755 "$shared"
	chmod 666 "$shared"/*.counts
}

# Called by clean() of run.sh.
clean_port() {
	local pid
	for pid in "${port_background[@]}"; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	port_background=()
	[[ -z ${shared-} ]] || rm -rf "$shared"
}
port_background=()

# beside LOG COMMAND...: in the server's namespace, until the part ends.
beside() {
	local pid
	behind pid "$@"
	port_background+=("$pid")
}

# wait_for SECONDS COMMAND...
wait_for() {
	local tries=$(($1 * 20))
	until "${@:2}"; do
		((tries-- > 0)) || return 1
		sleep 0.05
	done
}

instance_is() { "$BUILD/xfn" show "$1" -j 2>/dev/null | jq -e --arg is "$2" '.instance.state == $is' >/dev/null; }

# function NAME PORT ARGUMENTS MORE: a line of the manifest; the arguments are as in a list of YAML.
port_function() {
	printf '  - {name: %s, trigger: udp/%s, xsk: {exec: [%s, %s]%s}}\n' "$1" "$2" "$shared/$3" \
		"$shared/$1.counts" "${4-}"
}

start_port_functions() {
	local name
	start_daemon
	{
		printf 'version: 1\nfunctions:\n'
		port_function function 7 function
		port_function oneway 8 function ', oneway: true'
		port_function bare 9 bare
		port_function bare-lingering 10 'bare, --linger'
	} >"$out/port.yaml"
	"$BUILD/xfn" attach "s$on_port" >/dev/null
	"$BUILD/xfn" apply "$out/port.yaml" >/dev/null
	for name in function oneway bare bare-lingering; do
		wait_for 10 instance_is "$name" ready || fail "function '$name' is not ready: xfn logs $name"
		taskset -pc 1 "$("$BUILD/xfn" show "$name" -j | jq .instance.pid)" >/dev/null
	done
}

start_port_others() {
	beside "$out/queue.bare.log" taskset -c 1 "$BENCH" hold "s$on_queue" "$shared/bare" \
		"$shared/queue.bare.counts"
	beside "$out/queue.lib.log" taskset -c 1 "$BENCH" hold "s$lib_on_queue" "$shared/function" \
		"$shared/queue.lib.counts"
	beside "$out/queue.lingering.log" taskset -c 1 "$BENCH" hold "s$lingering_on_queue" "$shared/bare" \
		--linger "$shared/queue.lingering.counts"
	beside "$out/lingering.log" taskset -c 1 "$shared/udp" --linger "$shared/lingering.counts" 9
	beside "$out/sleeping.log" taskset -c 1 "$shared/udp" "$shared/sleeping.counts" 7
	sleep 0.3
}

# ---- how many ---------------------------------------------------------------------------------------

# port_measure COMMAND [MORE]...: COMMAND NAME INTERFACE DST PORT COUNTS for each receiver in the input.
port_measure() {
	local name wire port counts
	while IFS='|' read -r name wire port counts; do
		port_records in_client "$BENCH" "$1" "$name" "c$wire" "198.18.$wire.1" "$port" \
			"$shared/$counts.counts" "${@:2}"
	done
}

# port_cases COMMAND [MORE]...: for each kind of receiver.
port_cases() {
	port_measure "$@" <<-END
		libxfn, port|$on_port|7|function
		libxfn, port, oneway|$on_port|8|oneway
		bare AF_XDP, port|$on_port|9|bare
		libxfn, interface's queue|$lib_on_queue|7|queue.lib
		bare AF_XDP, interface's queue|$on_queue|7|queue.bare
		UDP socket, recvmmsg|$on_stack|7|sleeping
	END
}

# The same for those that wait under load as libxfn does.
port_lingering_cases() {
	port_measure "$@" <<-END
		bare AF_XDP, port, lingering|$on_port|10|bare-lingering
		bare AF_XDP, interface's queue, lingering|$lingering_on_queue|7|queue.lingering
		UDP socket, recvmmsg, lingering|$on_stack|9|lingering
	END
}

# cpu_cases PACKETS_A_SECOND BURST: with the machine at rest, and the sender alone.
cpu_cases() {
	local seconds
	seconds=$(by 0.3 0.8)
	port_records in_client "$BENCH" cpu nothing - 198.18.0.1 7 - "$seconds" "$1" "$2"
	port_records in_client "$BENCH" cpu sender "c$on_nothing" "198.18.$on_nothing.1" 7 - \
		"$seconds" "$1" "$2"
	port_cases cpu "$seconds" "$1" "$2"
}

# ---- how soon ---------------------------------------------------------------------------------------

ping_cases() {
	local name wire port
	while IFS='|' read -r name wire port; do
		port_records in_client "$BENCH" ping "$name" "198.18.$wire.1" "$port" 1000 "$(by 0.5 1.5)"
	done <<-END
		libxfn, port|$on_port|7
		bare AF_XDP, port|$on_port|9
		libxfn, interface's queue|$lib_on_queue|7
		bare AF_XDP, interface's queue|$on_queue|7
		UDP socket, sleeping|$on_stack|7
	END
	behind background "$out/spinning.log" taskset -c 1 "$shared/udp" --spin "$shared/spinning.counts" 8
	sleep 0.2
	port_records in_client "$BENCH" ping "UDP socket, spinning" "198.18.$on_stack.1" 8 1000 \
		"$(by 0.5 1.5)"
	end_background
	ping_busy
}

# Looks for its events without pause, and so is there for as long as it is asked alone.
ping_busy() {
	{
		printf 'version: 1\nset: busy\nfunctions:\n'
		port_function busy 11 function ', busy_poll: true'
	} >"$out/busy.yaml"
	"$BUILD/xfn" apply --yes "$out/busy.yaml" >/dev/null
	wait_for 10 instance_is busy ready || fail "function 'busy' is not ready: xfn logs busy"
	taskset -pc 1 "$("$BUILD/xfn" show busy -j | jq .instance.pid)" >/dev/null
	port_records in_client "$BENCH" ping "libxfn, port, spinning" "198.18.$on_port.1" 11 1000 \
		"$(by 0.5 1.5)"
	printf 'version: 1\nset: busy\nfunctions: []\n' >"$out/busy.yaml"
	"$BUILD/xfn" apply --yes "$out/busy.yaml" >/dev/null
}

# ---- how soon, where nothing runs before --------------------------------------------------------------

# cold_function NAME PORT DELIVERY: by xfnd, which starts it for each datagram, or a record of why not.
cold_function() {
	local why
	printf 'version: 1\nset: cold\nfunctions:\n  - {name: once, trigger: udp/%s, %s, scale: {min: 0}}\n' \
		"$2" "$3" >"$out/cold.yaml"
	if ! why=$("$BUILD/xfn" apply --yes "$out/cold.yaml" 2>&1 >/dev/null); then
		record "$(jq -cn --arg name "$1" --arg why "$(head -1 <<<"$why")" \
			'{section: "port_cold_missing", name: $name, why: $why | sub("^[^ ]*: "; "")}')"
		return
	fi
	wait_for 10 instance_is once idle || fail "function 'once' is not idle: xfn show once"
	port_records in_client "$BENCH" cold "$1" "198.18.$on_port.1" "$2" "$(by 3 40)" 300
}

cold_cases() {
	local times
	times=$(by 5 100)
	port_records in_server "$BENCH" exec "UDP: fork and exec, nothing else" "/run/netns/$client" - \
		"198.18.$on_stack.1" 20 "$times" "$shared/once_socket"
	beside "$out/activator.log" "$shared/activator" 21 "$shared/once_socket"
	sleep 0.2
	port_records in_client "$BENCH" cold "UDP: an activator as systemd's" "198.18.$on_stack.1" 21 \
		"$times" 20
	cold_function "UDP: xfn, socket" 22 "socket: {exec: [$shared/once_socket]}"
	# A pool as xfnd gives it to one that is started on demand.
	port_records in_server env XFN_FRAMES=1024 "$BENCH" exec "AF_XDP: fork and exec, nothing else" "/run/netns/$client" \
		"s$once_on_queue" "198.18.$once_on_queue.1" 20 "$times" "$shared/once"
	cold_function "AF_XDP: xfn, xsk" 23 "xsk: {exec: [$shared/once]}"
}

# ---- beside one that means no good ----------------------------------------------------------------------

# ping_beside NAME: the function "function", with the other one doing what it does. The client sleeps, for both CPUs are
# wanted.
ping_beside() {
	port_records in_client "$BENCH" ping "$1" "198.18.$on_port.1" 7 1000 "$(by 0.5 1.5)" port_beside
}

neighbour_cases() {
	local mode
	ping_beside "alone"
	for mode in hang flood spoof memory forks; do
		printf 'version: 1\nset: bad\nfunctions:\n  - {name: bad, trigger: udp/24, xsk: {exec: [%s, %s]}}\n' \
			"$shared/hostile" "$mode" >"$out/bad.yaml"
		"$BUILD/xfn" apply --yes "$out/bad.yaml" >/dev/null
		wait_for 10 instance_is bad ready || fail "function 'bad' is not ready: xfn logs bad"
		in_client bash -c "echo go >/dev/udp/198.18.$on_port.1/24"
		sleep 0.3
		ping_beside "$mode"
		printf 'version: 1\nset: bad\nfunctions: []\n' >"$out/bad.yaml"
		"$BUILD/xfn" apply --yes "$out/bad.yaml" >/dev/null
		sleep 1
	done
}

# ---- all of it ------------------------------------------------------------------------------------------

part_port() {
	local round burst
	add_port_wires
	share_programs
	start_port_functions
	start_port_others
	for ((round = 0; round < $(by 1 5); round++)); do
		port_cases rate "$(by 0.3 1)"
		port_lingering_cases rate "$(by 0.3 1)"
		for burst in 64 10 1; do
			cpu_cases 100000 "$burst"
		done
		ping_cases
	done
	for ((round = 0; round < $(by 1 3); round++)); do
		neighbour_cases
	done
	cold_cases
	stop_daemon
	clean_port
}
