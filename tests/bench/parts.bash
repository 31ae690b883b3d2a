# SPDX-License-Identifier: BSD-2-Clause
# The parts of the bench; see run.sh, which reads this file and has what is used here.
# shellcheck shell=bash
# Variables and functions of run.sh.
# shellcheck disable=SC2154

part_packet() { "$BENCH" packet >>"$results"; }
part_limiter() { "$BENCH" limiter >>"$results"; }

# ---- over veth, beside other filters --------------------------------------------------------------

# addresses COUNT: 198.18.0.0 and on.
addresses() {
	awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++)
		printf "198.%d.%d.%d\n", 18 + int(i / 65536), int(i / 256) % 256, i % 256 }'
}

# Drops what is in a set and over a limit, as xfn does in the same run.
add_nftables() {
	add_wire 1
	{
		printf 'table netdev bench {\nset places {\ntype ipv4_addr\nelements = {\n'
		addresses 100000 | paste -sd ,
		printf '}\n}\nchain arriving {\n'
		printf 'type filter hook ingress device "s1" priority 0;\n'
		printf 'ip daddr @places udp dport 7 limit rate over 1/second drop\n}\n}\n'
	} | in_server nft -f -
}

# Filters of one mask are in one hash table, so their number hardly matters to a packet.
add_flower() {
	local began
	add_wire 2
	began=$(now_ms)
	in_server tc qdisc add dev s2 clsact
	addresses 20000 | awk '{ printf "filter add dev s2 ingress protocol ip pref 1 flower skip_hw" \
		" dst_ip %s ip_proto udp dst_port 7 action drop\n", $1 }' | in_server tc -b - || return
	record "{\"section\":\"flower\",\"name\":\"load\",\"filters\":20000,\"ms\":$(($(now_ms) - began))}"
}

part_wire() {
	local -a filters=()
	local why
	if add_nftables; then
		filters+=("nftables ingress, set of 100,000 with a limit, hot" c1 hot)
		filters+=("nftables ingress, set of 100,000 with a limit, spread" c1 spread)
	fi
	if why=$(add_flower 2>&1 >/dev/null); then
		filters+=("tc flower, 20,000 filters, hot" c2 hot)
	else
		record "$(jq -cn --arg why "$(head -1 <<<"$why")" \
			'{section: "flower", name: "missing", why: $why}')"
	fi
	in_client "$BENCH" wire "/run/netns/$server" s0 c0 "${filters[@]}" >>"$results"
}

# ---- a daemon ---------------------------------------------------------------------------------------

export XFN_SOCKET=$out/run/xfn.sock

daemon_answers() { "$BUILD/xfn" -j >/dev/null 2>&1; }

start_daemon() {
	local tries=200
	rm -rf "$out/state"
	mkdir -p "$out/run" "$out/state"
	behind daemon "$out/xfnd.log" "$BUILD/xfnd" --run-dir "$out/run" --pin-dir "$pins" \
		--state-dir "$out/state"
	until daemon_answers; do
		((tries-- > 0)) || fail "xfnd does not answer; see $out/xfnd.log"
		sleep 0.02
	done
}

end_background() {
	kill "$background"
	wait "$background" 2>/dev/null || true
	background=
}

# Ends the daemon and removes all it made.
stop_daemon() {
	kill "$daemon" 2>/dev/null || true
	wait "$daemon" 2>/dev/null || true
	daemon=
	in_server "$BUILD/xfnd" --reset --run-dir "$out/run" --pin-dir "$pins" \
		--state-dir "$out/state" >/dev/null
}

# One program passes all on the client's end: what XDP sends back needs it.
pass_on_client() {
	in_client ip link set c0 xdp off 2>/dev/null || true
	in_client ip link set c0 xdp obj "$BUILD/bpf/xfn_pass.bpf.o" sec xdp
}

# ---- from file to live ------------------------------------------------------------------------------

# manifest COUNT: one function with so many triggers, on 100 ports of COUNT / 100 addresses.
manifest() {
	echo 'version: 1'
	echo 'capacity: {triggers: 110000}'
	echo 'functions:'
	echo '  - name: many'
	echo '    socket: existing'
	echo '    triggers:'
	addresses "$1" | awk '{ printf "      - {protocol: udp, port: %d, destination: %s}\n",
		1000 + NR % 100, $1 }'
}

status_kib() { awk -v key="$1:" '$1 == key { print $2 }' "/proc/$daemon/status"; }

part_apply() {
	local count round began ms before after peak
	for count in 1000 10000 100000; do
		manifest "$count" >"$out/$count.yaml"
	done
	for ((round = 0; round < $(by 1 5); round++)); do
		for count in 1000 10000 100000; do
			start_daemon
			"$BUILD/xfn" attach s0 >/dev/null
			before=$(status_kib VmRSS)
			began=${EPOCHREALTIME/./}
			"$BUILD/xfn" apply "$out/$count.yaml" >/dev/null
			ms=$(((${EPOCHREALTIME/./} - began) / 10))
			after=$(status_kib VmRSS) peak=$(status_kib VmHWM)
			record "{\"section\":\"apply\",\"name\":\"$count\",\"ms\":$((ms / 100)).$(
				printf %02d $((ms % 100))),\"before\":$before,\"after\":$after,\"peak\":$peak}"
			stop_daemon
		done
	done
	"$BENCH" compile "$out/1000.yaml" "$out/10000.yaml" "$out/100000.yaml" >>"$results"
}

# ---- who answers sooner -------------------------------------------------------------------------------

# ping_server NAME PORT
ping_server() {
	record "$(in_client taskset -c 0 "$TOOLS/pingpong" -n "$(by 3000 30000)" -t 5 198.18.0.1 "$2" |
		jq -c --arg name "$1" '{section: "latency", name: $name} + .')"
}

part_latency() {
	local round
	start_daemon
	printf 'version: 1\nfunctions:\n  - {name: echo, trigger: udp/7, kernel: %s}\n' \
		"$BUILD/examples/echo/echo.bpf.o" >"$out/echo.yaml"
	pass_on_client
	"$BUILD/xfn" attach s0 >/dev/null
	"$BUILD/xfn" apply "$out/echo.yaml" >/dev/null
	for ((round = 0; round < $(by 1 7); round++)); do
		ping_server "in-kernel handler" 7
		behind background "$out/udpecho.log" taskset -c 1 "$TOOLS/udpecho" 8
		sleep 0.2
		ping_server "UDP socket, sleeping" 8
		end_background
		behind background "$out/udpecho.log" taskset -c 1 "$TOOLS/udpecho" --spin 9
		sleep 0.2
		ping_server "UDP socket, spinning" 9
		end_background
	done
	stop_daemon
}

# ---- what others' traffic pays ---------------------------------------------------------------------------

# bulk NAME: TCP from the client through s0, in bits a second.
bulk() {
	in_client taskset -c 0 iperf3 -c 198.18.0.1 -p 5201 -t "$(by 1 3)" -J >"$out/iperf3" || return 0
	record "$(jq -c --arg name "$1" '{section: "others", name: $name,
		bits: .end.sum_received.bits_per_second, retransmits: .end.sum_sent.retransmits}' "$out/iperf3")"
}

# Nobody's traffic by a client that is no benchmark of ours, through each kind of interface in turn.
part_others() {
	local round
	start_daemon
	manifest 100000 >"$out/others.yaml"
	"$BUILD/xfn" apply "$out/others.yaml" >/dev/null
	in_client ip link set c0 xdp off 2>/dev/null || true
	behind background "$out/iperf3.log" taskset -c 1 iperf3 -s -p 5201
	sleep 0.5
	for ((round = 0; round < $(by 1 7); round++)); do
		bulk "no XDP program"
		in_server ip link set s0 xdp obj "$BUILD/bpf/xfn_pass.bpf.o" sec xdp
		bulk "an empty XDP program"
		in_server ip link set s0 xdp off
		"$BUILD/xfn" attach s0 >/dev/null
		bulk "xfn, 100,000 triggers"
		"$BUILD/xfn" detach s0 >/dev/null
	done
	end_background
	stop_daemon
}

# ---- rules that change under traffic ---------------------------------------------------------------------

part_hotload() {
	tests/bench/hotload.sh "$(by 20 1000)" "$(by 20 1000)" 2>/dev/null | grep '^{' |
		jq -c '{section: "hotload"} + .' >>"$results"
}

# ---- the resolver beside NSD -----------------------------------------------------------------------------

start_nsd() {
	behind background "$out/nsd.log" taskset -c 1 "$nsd" -d -c "$out/nsd.conf"
}

# dns_load NAME: throughput by dnsperf, then latency with one query at a time, then a flood.
dns_load() {
	local payload
	in_client taskset -c 0 dnsperf -s 198.18.0.1 -d "$out/queries" -l "$(by 1 3)" -c 1 -q 100 \
		>"$out/dnsperf" 2>/dev/null
	in_client taskset -c 0 dnsperf -s 198.18.0.1 -d "$out/queries" -l "$(by 1 2)" -c 1 -q 1 -v \
		>"$out/dnsperf.one" 2>/dev/null
	python3 tests/bench/dns.py load "$1" "$out/dnsperf" "$out/dnsperf.one" >>"$results"
	payload=$(python3 tests/bench/dns.py payload www.example.com A)
	in_client ip link set c0 xdp off
	in_client taskset -c 0 "$BENCH" flood "$1" c0 198.18.0.1 53 "$payload" "$(by 1 2)" >>"$results"
	pass_on_client
}

part_resolver() {
	local round nsd
	if ! nsd=$(tests/nsd.sh "$out/nsd.conf"); then
		record '{"section":"resolver","name":"missing","why":"package nsd could not be had"}'
		return
	fi
	start_daemon
	pass_on_client
	start_nsd
	printf 'version: 1\nset: resolver\nfunctions:\n  - {name: resolver, trigger: udp/53, kernel: %s}\n' \
		"$BUILD/examples/resolver/resolver.bpf.o" >"$out/resolver.yaml"
	"$BUILD/xfn" apply "$out/resolver.yaml" >/dev/null
	in_server "$BUILD/examples/resolver/zone" --pin-dir "$pins" examples/resolver/example.zone \
		>/dev/null
	sleep 0.5
	in_client python3 tests/bench/dns.py ask examples/resolver/example.zone 198.18.0.1 "$out/nsd.answers"
	"$BUILD/xfn" attach s0 >/dev/null
	in_client python3 tests/bench/dns.py ask examples/resolver/example.zone 198.18.0.1 "$out/xfn.answers"
	python3 tests/bench/dns.py compare "$out/xfn.answers" "$out/nsd.answers" "$out/queries" >>"$results"
	for ((round = 0; round < $(by 1 5); round++)); do
		dns_load "xfn resolver"
		"$BUILD/xfn" detach s0 >/dev/null
		dns_load "NSD"
		"$BUILD/xfn" attach s0 >/dev/null
	done
	end_background
	stop_daemon
}
