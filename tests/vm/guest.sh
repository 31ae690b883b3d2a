#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Smoke tests from end to end, as TAP, in a guest of tests/vm, or by root anywhere: a host and a
# client, each in a network namespace of its own, with a veth pair between them.
#
# To add one: write a function that ends with 0 if all is well and else says on standard output what
# is wrong, and `run` it at the end.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/vm/lib.sh
. tests/vm/lib.sh
# The wire itself, so that a failure further down is not the wire's.
socket_echo() {
	in_host socat "UDP4-RECVFROM:7777,bind=$host_address,fork" EXEC:cat &
	for _ in 1 2 3 4 5 6 7 8; do
		answer=$(ask hello 7777)
		[ "$answer" != hello ] || return 0
	done
	echo "asked a UDP socket behind the veth pair, got '$answer', expected 'hello'"
	return 1
}

# The client's end of a veth pair takes what XDP_TX sends only with an XDP program of its own.
kernel_echo() {
	cat >"$work/echo.yaml" <<-MANIFEST || return 1
		version: 1
		attach: [near]
		functions:
		  - name: echo
		    trigger: udp/7
		    kernel: $(realpath "$BUILD/examples/echo/echo.bpf.o")
	MANIFEST
	in_client ip link set far xdp obj "$BUILD/bpf/xfn_pass.bpf.o" sec xdp || return 1
	xfn apply "$work/echo.yaml" || return 1
	for _ in 1 2 3 4 5 6 7 8; do
		answer=$(ask hello 7)
		[ "$answer" != hello ] || return 0
	done
	echo "asked a handler, got '$answer', expected 'hello'"
	xfn stats --by verdict
	return 1
}

# A namespace behind a veth pair has an address that only a redirect takes packets to.
netdev() {
	ip netns add "$box" &&
		ip link add v0 netns "$host" type veth peer name e0 netns "$box" &&
		in_host ip addr add 198.18.1.1/24 dev v0 &&
		in_box ip addr add 198.18.1.2/24 dev e0 &&
		in_box ip addr add 198.18.9.9/32 dev lo &&
		in_box ip link set lo up &&
		in_host ip link set v0 up &&
		in_box ip link set e0 up &&
		in_box ip route add default via 198.18.1.1 || return 1
	in_box ethtool -K e0 gro on
	in_client ethtool -K far tx off
	echo 1 | in_host tee /proc/sys/net/ipv4/ip_forward || return 1
	in_client ip route add 198.18.9.9 via "$host_address" || return 1
	in_box socat UDP4-RECVFROM:7778,bind=198.18.9.9,fork EXEC:cat &
	cat >"$work/netdev.yaml" <<-MANIFEST || return 1
		version: 1
		set: netdev
		functions:
		  - name: box
		    trigger: {protocol: udp, port: 7778, destination: 198.18.9.9}
		    netdev: v0
	MANIFEST
	xfn apply "$work/netdev.yaml" || return 1
	for _ in 1 2 3 4 5 6 7 8; do
		answer=$(echo hello | in_client socat -t 0.5 - UDP4:198.18.9.9:7778)
		[ "$answer" != hello ] || return 0
	done
	echo "asked behind an interface, got '$answer', expected 'hello'"
	xfn stats box
	return 1
}

# The tracepoints that count this are of the running kernel.
netdev_losses() {
	in_box ethtool -K e0 gro off
	for _ in 1 2 3; do
		echo lost | in_client socat -t 0.1 - UDP4:198.18.9.9:7778
	done
	xfn -j stats box | jq -e '.functions[0].lost.no_receiver >= 3' && return 0
	xfn -j stats box
	return 1
}

cpus() {
	cat >"$work/cpus.yaml" <<-MANIFEST || return 1
		version: 1
		set: netdev
		functions:
		  - name: moved
		    trigger: udp/7777
		    socket: {existing: true, cpus: [0, 1]}
	MANIFEST
	xfn apply --yes "$work/cpus.yaml" || return 1
	for _ in 1 2 3 4 5 6 7 8; do
		answer=$(ask hello 7777)
		[ "$answer" != hello ] || break
	done
	[ "$answer" = hello ] || echo "asked a socket on other CPUs, got '$answer', expected 'hello'"
	[ "$answer" = hello ] || return 1
	xfn audit -j
	xfn audit -j | jq -e '[.books[] | select(.what | startswith("CPU ")) | .left] | add >= 2'
}

books() {
	xfn audit
}

# asked ADDRESS: prints what a UDP client is answered at port 7 within half a second.
asked() {
	echo hello | in_client socat -t 0.5 - "UDP4:$1:7"
}

# VLAN interfaces of the kernel at both ends, one tag and two, with clients that know nothing of it.
# The far end's offload would keep the tags beside the packets; near's own xfnd turns off.
vlans() {
	in_client ethtool -K far txvlan off tx-vlan-stag-hw-insert off || return 1
	for side in "$host near 1" "$client far 2"; do
		# Word splitting is wanted.
		# shellcheck disable=SC2086
		set -- $side
		ip -n "$1" link add link "$2" name "$2.10" type vlan id 10 &&
			ip -n "$1" link add link "$2" name "$2.s" type vlan proto 802.1ad id 30 &&
			ip -n "$1" link add link "$2.s" name "$2.s.40" type vlan id 40 &&
			ip -n "$1" address add "198.18.10.$3/24" dev "$2.10" &&
			ip -n "$1" address add "198.18.40.$3/24" dev "$2.s.40" &&
			ip -n "$1" link set "$2.10" up && ip -n "$1" link set "$2.s" up &&
			ip -n "$1" link set "$2.s.40" up || return 1
	done
	cat >"$work/vlans.yaml" <<-MANIFEST || return 1
		version: 1
		attach: [near]
		functions:
		  - name: echo
		    kernel: $(realpath "$BUILD/examples/echo/echo.bpf.o")
		    triggers:
		      - udp/7
		      - {protocol: udp, port: 7, vlan: 10, destination: 198.18.10.1}
		      - {protocol: udp, port: 7, vlan: [30, 40], destination: 198.18.40.1}
	MANIFEST
	xfn apply "$work/vlans.yaml" || return 1
	in_host ethtool -k near | grep 'rx-vlan-offload: on' && return 1
	for address in 198.18.10.1 198.18.40.1 "$host_address"; do
		for _ in 1 2 3 4 5 6 7 8; do
			answer=$(asked "$address")
			[ "$answer" != hello ] || break
		done
		if [ "$answer" != hello ]; then
			echo "asked a handler at $address, got '$answer', expected 'hello'"
			xfn stats --by verdict
			return 1
		fi
	done
}

afxdp_answers() {
	for _ in $(seq 16); do
		answer=$(ask hello 9)
		[ "$answer" != hello ] || return 0
	done
	echo "asked a program on AF_XDP, got '$answer', expected 'hello'"
	xfn show afxdp -j | jq -c .instance
	xfn stats afxdp
	xfn logs afxdp
	return 1
}

# A program that xfnd starts, killed and started again, and adopted by the next xfnd.
afxdp() {
	cat >"$work/afxdp.yaml" <<-MANIFEST || return 1
		version: 1
		set: afxdp
		functions:
		  - name: afxdp
		    trigger: udp/9
		    xsk: $(realpath "$BUILD/examples/function/echo")
	MANIFEST
	xfn apply "$work/afxdp.yaml" && afxdp_answers || return 1
	pid=$(xfn show afxdp -j | jq .instance.pid)
	kill -KILL "$pid"
	afxdp_answers || return 1
	[ "$(xfn show afxdp -j | jq -r .instance.last_end)" = "killed by SIGKILL" ] || return 1
	pid=$(xfn show afxdp -j | jq .instance.pid)
	kill_daemon
	start_daemon && afxdp_answers || return 1
	[ "$(xfn show afxdp -j | jq .instance.pid)" = "$pid" ] || return 1
	printf 'version: 1\nset: afxdp\nfunctions: []\n' >"$work/none.yaml"
	xfn apply --yes "$work/none.yaml" || return 1
	for _ in 1 2 3 4 5 6 7 8; do
		in_host ip -o link show type veth | grep -q xfnp || return 0
		sleep 0.5
	done
	echo "its port is still there" && return 1
}

# Of this test alone: there may be others on the machine.
kill_daemon() {
	kill -KILL "$(xfn -j | jq .pid)"
}

keeper_pid() {
	xfn -j | jq '.keeper.pid // empty'
}

# kill_keeper: and waits for the one that takes its place.
kill_keeper() {
	keeper=$(keeper_pid)
	kill -KILL "$keeper" || return 1
	for _ in $(seq 20); do
		now=$(xfn -j | jq -r '.keeper | "\(.pid) \(.state)"')
		[ "$now" = "$keeper running" ] || [ "${now#* }" != running ] || return 0
		sleep 0.2
	done
	echo "no keeper took the place of process $keeper" && return 1
}

# answered ADDRESS, as socat takes it: at port 9, after some tries.
answered() {
	for _ in $(seq 20); do
		answer=$(echo hello | in_client socat -t 0.2 - "$1:9")
		[ "$answer" != hello ] || return 0
	done
	echo "asked at $1, got '$answer', expected 'hello'" && return 1
}

# Events of IPv6 and with VLAN tags through a port, and the keeper's end, with a program that asks its socket all the time.
ports() {
	in_host ip addr add fd00:18::1/64 dev near nodad &&
		in_client ip addr add fd00:18::2/64 dev far nodad || return 1
	cat >"$work/ports.yaml" <<-MANIFEST || return 1
		version: 1
		set: afxdp
		functions:
		  - name: afxdp
		    triggers:
		      - udp/9
		      - {protocol: udp, port: 9, vlan: 10, destination: 198.18.10.1}
		      - {protocol: udp, port: 9, vlan: [30, 40], destination: 198.18.40.1}
		    xsk: {exec: "$(realpath "$BUILD/examples/function/echo")", busy_poll: true, need_wakeup: false}
	MANIFEST
	xfn apply "$work/ports.yaml" || return 1
	for address in 'UDP6:[fd00:18::1]' UDP4:198.18.10.1 UDP4:198.18.40.1 "UDP4:$host_address"; do
		answered "$address" && continue
		xfn stats afxdp
		return 1
	done
	xfn show afxdp -j | jq -e '.instance.busy_poll and (.xsk.need_wakeup | not)' || return 1
	pid=$(xfn show afxdp -j | jq .instance.pid)
	kill_keeper && answered "UDP4:$host_address" || return 1
	[ "$(xfn show afxdp -j | jq .instance.pid)" = "$pid" ] || return 1
	kill -KILL "$pid"
	answered UDP4:198.18.10.1 && xfn audit && xfn apply --yes "$work/none.yaml"
}

# A program that is given its sockets with the first event, UDP and TCP; they outlive the program and the keeper, and
# xfnd, which waits() sees: on 6.1 xfnd takes half a minute to start.
sockets() {
	cat >"$work/sockets.yaml" <<-MANIFEST || return 1
		version: 1
		set: afxdp
		functions:
		  - name: afxdp
		    triggers: [tcp/9, udp/9]
		    socket: ["$(realpath "$BUILD/tests/e2e/tools/activated")"]
		    scale: {min: 0}
	MANIFEST
	xfn apply --yes "$work/sockets.yaml" || return 1
	[ "$(xfn show afxdp -j | jq -r .instance.state)" = idle ] || return 1
	answered "TCP4:$host_address" && answered "UDP4:$host_address" || return 1
	kill_keeper || return 1
	kill -KILL "$(xfn show afxdp -j | jq .instance.pid)"
	answered "UDP4:$host_address" && answered "TCP4:$host_address" || return 1
	xfn apply --yes "$work/none.yaml"
}

# A program that comes by itself, in another network namespace than its socket; and its successor.
awaited() {
	printf 'version: 1\nset: afxdp\nfunctions:\n  - {name: afxdp, trigger: udp/9, xsk: existing}\n' \
		>"$work/awaited.yaml"
	xfn apply --yes "$work/awaited.yaml" || return 1
	xfn run afxdp -- "$BUILD/examples/function/echo" &
	first=$!
	afxdp_answers || return 1
	pid=$(xfn show afxdp -j | jq .instance.pid)
	xfn run afxdp -- "$BUILD/examples/function/echo" &
	second=$!
	wait "$first" || return 1 # it was told to stop
	afxdp_answers && [ "$(xfn show afxdp -j | jq .instance.pid)" != "$pid" ] || return 1
	xfn apply --yes "$work/none.yaml" && wait "$second"
}

# Programs that make their socket themselves; when it is bound is seen by what this kernel says of it.
bare() {
	tools=$BUILD/tests/e2e/tools
	for program in "$tools/bareecho, xfn0" "$tools/callsecho, xfn0" "$tools/callsecho, -ce, xfn0"; do
		printf 'version: 1\nset: afxdp\nfunctions:\n  - {name: afxdp, trigger: udp/9, xsk: [%s]}\n' \
			"$program" >"$work/bare.yaml"
		xfn apply --yes "$work/bare.yaml" || return 1
		for _ in $(seq 16); do
			state=$(xfn show afxdp -j | jq -r .instance.state)
			[ "$state" != ready ] || break
			sleep 0.5
		done
		[ "$state" = ready ] || xfn logs afxdp
		[ "$state" = ready ] && afxdp_answers || return 1
	done
	printf 'version: 1\nset: afxdp\nfunctions:\n  - {name: afxdp, trigger: udp/9, xsk: [%s, -s, xfn0]}\n' \
		"$tools/callsecho" >"$work/bare.yaml"
	xfn apply --yes "$work/bare.yaml" || return 1
	for _ in 1 2 3 4 5 6 7 8; do
		xfn show afxdp -j | jq -r .instance.last_end | grep 'no ring to receive' && break
		sleep 0.5
	done
	xfn show afxdp -j | jq -r .instance.last_end | grep -q 'no ring to receive' || return 1
	xfn apply --yes "$work/none.yaml"
}

# What waited for one of them comes to its socket by live frames, which this kernel has.
bare_waits() {
	cat >"$work/waits.yaml" <<-MANIFEST || return 1
		version: 1
		set: afxdp
		functions:
		  - name: afxdp
		    trigger: udp/9
		    xsk: [$BUILD/tests/e2e/tools/bareecho, xfn0]
		    scale: {min: 0}
		    latency: {deadline: 1m}
	MANIFEST
	xfn apply --yes "$work/waits.yaml" || return 1
	[ "$(xfn show afxdp -j | jq -r .instance.state)" = idle ] || return 1
	ask hello 9
	for _ in $(seq 40); do
		port=$(xfn stats afxdp -j | jq -c '.functions[0].port')
		echo "$port" | jq -e '.parked >= 1 and .replied >= 1 and .in_flight == 0' && break
		sleep 0.5
	done
	echo "$port"
	echo "$port" | jq -e '.parked >= 1 and .replied >= 1 and .timeout == 0 and .parked_full == 0' || return 1
	afxdp_answers && xfn audit && xfn apply --yes "$work/none.yaml"
}

# What the program of an idle function gets: the first event, which starts it, also where xfnd is killed meanwhile. A
# listening socket, with a connection in it, is given on by the keeper.
waits() {
	cat >"$work/waits.yaml" <<-MANIFEST || return 1
		version: 1
		set: afxdp
		functions:
		  - name: afxdp
		    trigger: udp/9
		    xsk: $(realpath "$BUILD/examples/function/echo")
		    scale: {min: 0}
		    latency: {deadline: 1m}
		  - name: given
		    trigger: tcp/9
		    socket: ["$(realpath "$BUILD/tests/e2e/tools/activated")"]
		    scale: {min: 0}
	MANIFEST
	xfn apply --yes "$work/waits.yaml" || return 1
	[ "$(xfn show afxdp -j | jq -r .instance.state)" = idle ] || return 1
	ask hello 9
	kill_daemon
	in_client socat -t 60 - "TCP4:$host_address:9" >"$work/got" <<-HELLO &
		hello
	HELLO
	asking=$!
	start_daemon && wait "$asking" && grep hello "$work/got" || return 1
	for _ in $(seq 40); do
		port=$(xfn stats afxdp -j | jq -c '.functions[0].port')
		echo "$port" | jq -e '.parked >= 1 and .replied >= 1 and .in_flight == 0' && break
		sleep 0.5
	done
	echo "$port"
	echo "$port" | jq -e '.replied >= 1 and .timeout == 0 and .parked_full == 0 and .parked_lost == 0' || return 1
	keeper=$(keeper_pid)
	afxdp_answers && xfn audit && xfn apply --yes "$work/none.yaml" || return 1
	for _ in $(seq 20); do
		kill -0 "$keeper" || return 0
		sleep 0.5
	done
	echo "the keeper is still there" && return 1
}

# shows NAME EXPRESSION: waits until what there is to tell of the function is so.
shows() {
	for _ in $(seq 40); do
		xfn show "$1" -j | jq -e "$2" && return 0
		sleep 0.5
	done
	xfn show "$1" -j | jq -c .instance
	return 1
}

# Each has a cgroup that holds it: memory, processes, the CPU. One beside them answers all the while.
bounds() {
	[ "$cgroup" != none ] || return 1
	hostile=$(realpath "$BUILD/tests/e2e/tools/hostile")
	cat >"$work/bounds.yaml" <<-MANIFEST || return 1
		version: 1
		set: afxdp
		functions:
		  - {name: afxdp, trigger: udp/9, xsk: $(realpath "$BUILD/examples/function/echo")}
		  - {name: hungry, trigger: udp/10, xsk: {exec: ["$hostile", memory], memory: 24MiB}}
		  - {name: forks, trigger: udp/11, xsk: {exec: ["$hostile", forks], processes: 20, cpu: 30%}}
		  - {name: busy, trigger: tcp/10, socket: {exec: [sh, -c, "while :; do :; done"], cpu: 20%}}
	MANIFEST
	xfn apply --yes "$work/bounds.yaml" >"$work/applied" || return 1
	grep 'no cgroup' "$work/applied" && return 1
	for name in afxdp hungry forks; do
		shows "$name" '.instance.state == "ready"' || return 1
	done
	afxdp_answers || return 1
	ask x 10
	shows hungry '.instance.last_end == "killed by SIGKILL: it wanted more than its 24MiB of memory"' || return 1
	ask x 11
	shows forks '.instance.uses | .tasks == 20 and .tasks_max == 20 and .memory_bytes > 0' || return 1
	shows busy '.instance.uses.throttled_ms > 100' || return 1
	xfn show busy -j | jq -c .instance
	# By the kernel's own count: a fifth of a CPU, within what the clock of an emulated machine is good for.
	folder=$(xfn show busy -j | jq -r .instance.cgroup)
	awk '$1 == "nr_periods" { all = $2 } $1 == "nr_throttled" { held = $2 }
		END { print all, held; exit !(held > all / 2) }' "$folder/cpu.stat" || return 1
	[ "$(cat "$folder/cpu.max") $(cat "$folder/memory.oom.group")" = "2000 10000 1" ] || return 1
	afxdp_answers && xfn audit && xfn apply --yes "$work/none.yaml" || return 1
	for _ in $(seq 20); do
		[ "$(find "$cgroup" -mindepth 1 -type d | grep -vc /xfnd)" != 0 ] || return 0
		sleep 0.5
	done
	find "$cgroup" -type d && return 1
}

detach() {
	xfn detach near || return 1
	in_host ip link show dev near | grep 'prog/xdp' && return 1
	find "$pins" -path '*/interfaces/*' | grep . && return 1
	in_host ethtool -k near | grep 'rx-vlan-offload: off' && return 1
	return 0
}

run "a veth pair between two namespaces" make_wire
run "a UDP socket answers over it" socket_echo
if [ -x "$BUILD/xfnd" ] && [ -x "$BUILD/xfn" ]; then
	run "the daemon starts and answers" start_daemon
	if xfn attach near 2>&1 | grep -q 'not yet supported'; then
		echo "# attach is not there yet"
	else
		run "a function answers in the kernel" kernel_echo
		run "VLAN interfaces reach it, with one tag and with two" vlans
		run "packets go to an interface, and a server behind it answers" netdev
		run "what an interface loses is counted by the kernel's tracepoints" netdev_losses
		run "the stack's work moves to other CPUs" cpus
		run "a program that xfnd starts answers on its AF_XDP socket" afxdp
		run "a port takes IPv6 and VLANs, polled busily, and does not mind the keeper's end" ports
		run "a program is given its sockets, which outlive it and the keeper" sockets
		run "a program that comes by xfn run does so, too, and is followed by another" awaited
		run "programs that know nothing of xfn make that socket themselves" bare
		run "what waited for one of them comes to its socket" bare_waits
		run "what comes for a program that does not run starts it, and waits for it" waits
		run "a program is held to its memory, processes and CPU" bounds
		run "the books agree" books
		run "detach leaves no program and no pin" detach
	fi
fi
echo "1..$n"
exit $bad
