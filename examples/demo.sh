#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# xfn's main job on real traffic: attach, apply, answer, limit, swap, survive, measure, account.
# Prints every command it runs, and holds each claim against what was seen: exit 1 if one breaks.
#
# usage: examples/demo.sh        after `make demo` has built everything; needs root
# STEP=1 waits for Enter between the steps. BUILD names the build directory, by default build.
#
# All of it happens in network, mount and process namespaces that end with it: see demo/stage.sh.
set -euo pipefail
export LC_ALL=C
began_us=${BEGAN_US-${EPOCHREALTIME/./}}

tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(cd "$tree" && realpath -m "${BUILD:-build}")
# shellcheck source=examples/demo/stage.sh disable=SC1091
. "$tree/examples/demo/stage.sh"

if [[ ${1-} != --on-stage ]]; then
	for program in xfn xfnd xfn-keeper examples/{resolver/zone,{kv,statsd}/server,function/echo} tests/e2e/tools/{flood,pingpong,udpecho}; do
		[[ -x $build/$program ]] || {
			echo "demo: '$build/$program' is not there; type: make demo" >&2
			exit 1
		}
	done
	on_stage env BEGAN_US="$began_us" BUILD="$build" \
		bash "$tree/examples/demo.sh" --on-stage
	exit
fi
work=$2
mount_stage
cd "$work"
ln -s "$tree" src
ln -s "$build" build
mkdir state

# ---- questions to what runs ------------------------------------------------------------------------

# figure FUNCTION PATH: a counter of a function, by its path in the JSON of stats.
figure() { xfn -j stats "$1" | jq ".functions[0]$2"; }
handled() { figure "$1" .verdicts.handled; }
handles_more() { (($(handled "$1") > $2)); }
daemon_answers() { xfn -j; }
now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }
us() { awk -v ns="$1" 'BEGIN { printf "%.1f", ns / 1000 }'; }
# answer PATH: a figure in the JSON that the last command printed.
answer() { jq "$1" <<<"$out"; }
lost_queries() { awk '/Queries lost:/ { print $3 }' <<<"$out"; }

start_daemon() {
	run_here "$daemon_command 2>>xfnd.log &"
	until_true 'xfnd' 10 daemon_answers
}

# ---- the steps ---------------------------------------------------------------------------------------

make_wire() {
	step "Two namespaces and a wire"
	say "A host with functions, 'server', and one that asks it, 'client'. Neighbours are known from" \
		"the start, so that nothing but the demo's own packets is on the wire."
	run_here "cd $work"
	run_here "export XFN_SOCKET=$work/run/xfn.sock NSTAT_HISTORY=$work/nstat"
	run_here "PATH=\$PATH:/usr/sbin:$build:$build/examples/resolver:$build/tests/e2e/tools"
	# shellcheck disable=SC2016
	run_here 'on() { nsenter --net=/run/netns/$1 "${@:2}"; }'
	need 'ip netns add server && ip netns add client'
	need 'ip -n server link add s0 address 02:00:00:00:00:01 type veth peer c0 address 02:00:00:00:00:02 netns client'
	need 'ip -n server link set s0 addrgenmode none && ip -n client link set c0 addrgenmode none'
	need 'ip -n server addr add 198.18.0.1/24 dev s0 && ip -n client addr add 198.18.0.2/24 dev c0'
	need 'ip -n server addr add fd00:18::1/64 dev s0 nodad && ip -n client addr add fd00:18::2/64 dev c0 nodad'
	need 'ip -n server neigh add 198.18.0.2 lladdr 02:00:00:00:00:02 dev s0'
	need 'ip -n client neigh add 198.18.0.1 lladdr 02:00:00:00:00:01 dev c0'
	need 'ip -n server neigh add fd00:18::2 lladdr 02:00:00:00:00:02 dev s0'
	need 'ip -n client neigh add fd00:18::1 lladdr 02:00:00:00:00:01 dev c0'
	say "A veth's driver sends XDP's replies only where the far end has an XDP program too, and the" \
		"checksums of its packets must be finished: two traits of veth, see 'xfn doctor'."
	need 'ip -n client link set c0 xdp obj build/bpf/xfn_pass.bpf.o sec xdp'
	need 'on client ethtool -K c0 tx off'
	need 'ip -n server link set s0 up'
}

attach() {
	step "Start the daemon, attach"
	daemon_command="on server xfnd --run-dir run --state-dir state"
	start_daemon
	say "From another terminal: nsenter -m -p -t $stage_pid env XFN_SOCKET=$XFN_SOCKET $build/xfn"
	need 'xfn attach s0'
	say "The client is plugged in only now, so each packet that it ever sends is in the books."
	need 'ip -n client link set c0 up && ip -n client route add 10.0.0.0/8 via 198.18.0.1'
	need 'xfn'
}

write_examples() {
	cat <<-END
		version: 1
		functions:
		  - name: resolver
		    trigger: udp/53
		    kernel: build/examples/resolver/resolver.bpf.o
		    limit: 500k/s
		  - name: sensor
		    trigger: udp/5683
		    kernel: build/examples/sensor/sensor.bpf.o
		  - name: echo
		    trigger: udp/7
		    kernel: build/examples/echo/echo.bpf.o
		  - name: limited
		    trigger: udp/9
		    kernel: build/examples/echo/echo.bpf.o
		    limit: {rate: 1k/s, burst: 100}
	END
}

# One function with 100,000 triggers: 10,000 prefixes of ten ports each.
write_wide() {
	printf '%s\n' 'version: 1' 'set: wide' 'functions:' '  - name: wide' \
		'    kernel: build/examples/echo/echo.bpf.o' '    triggers:'
	awk 'BEGIN {
		for (i = 0; i < 100000; i++)
			printf "      - {protocol: udp, port: %d, destination: 10.%d.%d.0/24}\n",
				20000 + i % 10, i / 1000, i / 10 % 100
	}'
}

apply() {
	step "Apply the examples and ask"
	write_examples >demo.yaml
	need 'cat demo.yaml'
	need 'xfn apply demo.yaml'
	need 'on server zone src/examples/resolver/example.zone'
	need 'on client dig +noall +answer +tries=1 @198.18.0.1 www.example.com'
	first_ms=$(($(now_ms) - began_us / 1000))
	claim "dig is answered" "$(grep -c '192\.0\.2\.80' <<<"$out")"
	claim "the first answer came within 5 s of the start: after $first_ms ms" "$first_ms < 5000"
}

ask() {
	local triggers

	step "100,000 triggers more, beside them, and real clients"
	say "A set of its own, whose one function has 100,000 triggers: 10,000 prefixes of ten ports each."
	write_wide >wide.yaml
	need 'head -n 8 wide.yaml; wc -l wide.yaml'
	need 'xfn apply wide.yaml'
	applied_ms=$took_ms
	say "From file to live in $applied_ms ms."
	need 'xfn ls'
	triggers=$(xfn -j ls | jq '.functions[] | select(.name == "wide").triggers')
	claim "function 'wide' has 100,000 triggers" "$triggers == 100000"
	run "echo one of 100,000 | on client socat -t 1 - UDP:10.42.7.9:20007"
	claim "one of the 100,000 triggers leads to its function" "$(grep -c 'one of' <<<"$out")"
	run 'on client dig +noall +comments +tries=1 @fd00:18::1 nobody.example.com | grep status'
	claim "a name that is not there is NXDOMAIN, over IPv6 too" "$(grep -c NXDOMAIN <<<"$out")"
	run "on client coap-client-notls -B 2 -m post -e 21.5 coap://198.18.0.1/sensors/kitchen"
	run "on client coap-client-notls -B 2 -m post -e 22.5 coap://198.18.0.1/sensors/kitchen"
	run "on client coap-client-notls -B 2 -m get coap://198.18.0.1/sensors/kitchen"
	claim "coap-client is told the mean of two readings" "$(grep -c 'mean=22' <<<"$out")"
}

write_programs() {
	cat <<-END
		version: 1
		set: programs
		functions:
		  - name: kv
		    trigger: udp/11211
		    xsk: functions/kv
		    limit: {concurrency: 1000, per_source: 10k/s}
		  - name: statsd
		    trigger: udp/8125
		    xsk: {exec: [functions/statsd, --listen, sock], directory: page, oneway: true}
	END
}

is_ready() { [[ $(xfn -j show "$1" | jq -r .instance.state) == ready ]]; }
is_another() { xfn -j show kv | jq -e ".instance | .state == \"ready\" and .pid != $1"; }

start_programs() {
	local pid

	step "Programs of one's own, on AF_XDP sockets"
	say "memcached's protocol and StatsD's, each a program that xfn starts as a user of its own, alone in a" \
		"network namespace with its events: no kernel stack, no socket, no broker on the way."
	need 'mkdir -m 755 functions && mkdir -m 1777 page'
	need 'cp build/examples/kv/server functions/kv && cp build/examples/statsd/server functions/statsd'
	write_programs >programs.yaml
	need 'cat programs.yaml'
	need 'xfn apply programs.yaml'
	until_true 'kv' 10 is_ready kv
	until_true 'statsd' 10 is_ready statsd
	run_here "memcached() { printf '\0\1\0\0\0\1\0\0%b' \"\$1\" | on client socat -t 0.5 - UDP:198.18.0.1:11211 | tail -c +9; }"
	run "memcached 'set answer 0 0 2\r\n42\r\n'; memcached 'get answer\r\n'"
	claim "what was set is got" "$(grep -c '^42' <<<"$out")"
	run "printf 'demo.hits:40|c\ndemo.hits:2|c\n' | on client socat -u - UDP:198.18.0.1:8125; sleep 0.2; curl -s --unix-socket page/sock http://xfn/metrics | grep demo_hits"
	claim "what was counted is on the page for Prometheus" "$(grep -c '^demo_hits.* 42' <<<"$out")"
	pid=$(xfn -j show kv | jq .instance.pid)
	run "kill -9 $pid; xfn show kv | grep -A 9 instance"
	until_true 'another kv' 10 is_another "$pid"
	run "memcached 'set answer 0 0 2\r\n43\r\n'; memcached 'get answer\r\n'; xfn journal | grep kv:"
	claim "killed, it is started again by itself" "$(grep -c '^43' <<<"$out")"
	run 'xfn stats kv; xfn latency kv'
	claim "its port has counted each reply" "$(figure kv '.port.replied') == 4"
}

listens() { on server ss -Hltn "sport = :$1" | grep -q .; }

write_idle() {
	cat <<-END
		version: 1
		set: later
		functions:
		  - name: nap
		    trigger: udp/7070
		    xsk: functions/echo
		    scale: {min: 0}
		  - name: page
		    trigger: tcp/8081
		    socket: {exec: [python3, activated.py, site], directory: functions}
		    scale: {min: 0}
	END
}

is_idle() { [[ $(xfn -j show "$1" | jq -r .instance.state) == idle ]]; }

start_from_nothing() {
	local got

	step "Nothing runs until something comes"
	say "An echo on AF_XDP, and a web server that gets its listening socket as systemd would give it. What comes" \
		"for them starts them, and waits meanwhile: in xfn-keeper, or in the socket's backlog."
	need 'cp build/examples/function/echo src/examples/hello/activated.py functions && cp -r src/examples/hello/site functions'
	write_idle >idle.yaml
	need 'cat idle.yaml'
	need 'xfn apply idle.yaml'
	until_true 'nap' 5 is_idle nap
	until_true 'page' 5 is_idle page
	run 'on client flood -n 500 -r 5000 198.18.0.1 7070'
	got=$out
	claim "500 datagrams at 5,000/s, from nothing: none lost, none twice, none out of order" \
		"$(jq '.lost + .late + .duplicates + .reordered' <<<"$got") == 0 && $(jq .received <<<"$got") == 500"
	claim "some of them had to wait: $(figure nap .port.parked)" "$(figure nap .port.parked) > 0"
	run 'on client curl -sm 5 http://198.18.0.1:8081/ | head -n 3; xfn journal | grep -E "(nap|page):"'
	claim "the first connection starts the web server, and gets its page" "$(grep -c 'page: process' <<<"$out")"
	# shellcheck disable=SC2016
	need 'kill $(xfn -j show nap | jq .instance.pid)'
	until_true 'nap' 5 is_idle nap
	run 'xfn ls | grep -E "FUNCTION|nap|page"; xfn show nap | grep -A 4 instance'
	claim "one that has done its work is idle again" "$(grep -cE '^nap .* idle$|state: idle' <<<"$out") == 2"
}

serve_unchanged() {
	local codes pages dropped

	step "A server that knows nothing of xfn"
	say "Python's own, as it comes. The stack delivers to it as ever; xfn has counted and limited before."
	run_here 'on server python3 -m http.server 8080 --directory src/examples/hello/site >/dev/null 2>&1 &'
	until_true 'the web server' 10 listens 8080
	need 'xfn apply src/examples/hello/hello.yaml'
	run 'on client curl -s http://198.18.0.1:8080/'
	claim "curl is answered" "$(grep -c 'knows nothing of xfn' <<<"$out")"
	say "A hundred connections at once, where 50 a second and 20 at once are let in:"
	# shellcheck disable=SC2016
	run 'for i in $(seq 100); do on client curl -s -m 1 -o /dev/null -w "%{http_code}\n" http://198.18.0.1:8080/ & done | sort | uniq -c'
	codes=$out
	claim "some got a page and some no connection" "$(awk '$2 == 200 { a = $1 } $2 == 0 { b = $1 } END { print (a >= 10 && b >= 15) }' <<<"$codes")"
	run 'xfn stats hello'
	pages=$(awk '$2 == 200 { print $1 }' <<<"$codes")
	dropped=$(figure hello '.lost.listen_drops')
	claim "let in were $((pages + dropped)): $pages got a page, $dropped found the server's own backlog full, and are named" \
		"$pages + $dropped >= 15"
}

hot_load() {
	local took

	step "One trigger more, beside the 100,000, and off again"
	need "xfn trigger add echo '{protocol: udp, port: 7777, source: 198.18.0.0/24}'"
	took=$took_ms
	run 'echo new | on client socat -t 1 - UDP:198.18.0.1:7777'
	claim "the next packet meets it; the command took $took ms" "$(grep -c new <<<"$out")"
	need 'xfn off echo'
	run 'echo anybody | on client socat -t 0.3 - UDP:198.18.0.1:7777'
	claim "a function that is off does not answer" "$(grep -c anybody <<<"$out") == 0"
	need 'xfn on echo'
	run 'xfn history'
	claim "each change is a revision, with who and how" "$(grep -c 'trigger add' <<<"$out")"
	need 'xfn rollback --yes 3'
	run 'xfn plan demo.yaml'
	claim "going back leaves nothing of it" "$(grep -c 'main: 0 changes' <<<"$out")"
}

ask_why() {
	step "Why did it go there? What comes by?"
	run "xfn explain 'udp 198.18.0.2:4000 > 10.42.7.9:20007 payload 6869'"
	claim "explain names the function and the line of its trigger" "$(grep -c 'wide.yaml' <<<"$out")"
	behind trace 'xfn trace -c 3 --for 5s'
	until_true 'the trace' 5 traces
	run 'on client dig +short +tries=1 @198.18.0.1 www.example.com; echo hi | on client socat -t 0.3 - UDP:198.18.0.1:7; on client curl -s -m 1 http://198.18.0.1:81/'
	finish trace
	claim "three packets, each with its verdict" "$(grep -cE 'handled|unmatched' <<<"$out") == 3"
}
traces() { xfn journal | grep -q ' trace '; }

# median WAY FIELD: of the rounds in $rounds, as "12.3".
median() { us "$(jq -s "map(select(.by == \"$1\").$2) | sort | .[length / 2 | floor]" <<<"$rounds")"; }

compare() {
	local by cpus first last

	cpus=$(awk '/^Cpus_allowed_list/ { print $2 }' /proc/self/status)
	first=${cpus%%[-,]*} last=${cpus##*[-,]}
	step "The same echo by a process, asleep and spinning, and in the kernel"
	say "The client spins on a CPU of its own while it waits, so what differs is the other side. So does the" \
		"spinning server; the one that sleeps is where the scheduler puts it. Five rounds in turn." \
		"On a veth pair the kernel's answer is made within the client's own send: no interrupt, no wire."
	run_here "ping() { on client taskset -c $last pingpong -n 3000 -t 1 198.18.0.1 \$2 | jq -c \"{by: \\\"\$1\\\", p50_ns, p99_ns, lost}\"; }"
	# shellcheck disable=SC2016
	run_here 'serve() { nsenter --net=/run/netns/server "$@" 7001 & until on server ss -Hlun | grep -q :7001; do :; done; }'
	# shellcheck disable=SC2016
	run_here 'stop() { kill $! && wait $!; }'
	need "for i in 1 2 3 4 5; do serve udpecho; ping asleep 7001; stop; serve taskset -c $first udpecho --spin; ping spinning 7001; stop; ping kernel 7; done"
	rounds=$out
	printf '%-22s %8s %8s\n' 'median of five, in us' p50 p99
	for by in asleep spinning kernel; do
		printf '%-22s %8s %8s\n' "$by" "$(median $by p50_ns)" "$(median $by p99_ns)"
	done
	p50_asleep=$(median asleep p50_ns) p50_spinning=$(median spinning p50_ns)
	p50_kernel=$(median kernel p50_ns)
	claim "the kernel's p50 is the lowest" \
		"${p50_kernel/./} < ${p50_spinning/./} && ${p50_kernel/./} < ${p50_asleep/./}"
}

limit() {
	local sent ms before admitted

	step "A limit bites"
	say "1,000 in a second with a burst of 100; offered are 20,000 in a second, for two seconds."
	before=$(handled limited)
	need "on client flood -u -r 20000 -t 2 198.18.0.1 9 | jq -c '{sent, elapsed_ns}'"
	sent=$(answer .sent)
	ms=$(answer '.elapsed_ns / 1000000 | ceil')
	admitted=$(($(handled limited) - before))
	need 'xfn stats limited'
	say "offered $sent, admitted $admitted; configured 1,000/s x $ms ms + 100 = $((ms + 100))"
	claim "admitted is at most burst + rate x time + 1" "$admitted <= ms + 101"
	claim "and at least 95% of it" "$admitted * 100 >= (ms + 100) * 95"
}

swap() {
	local before first second

	step "Edit the resolver, build it, swap it under load"
	need "sed 's/bpf_htons(XFN_DNS_EDNS_BYTES)/bpf_htons(1400)/' src/examples/resolver/resolver.bpf.c >resolver.bpf.c"
	run 'diff src/examples/resolver/resolver.bpf.c resolver.bpf.c'
	# shellcheck disable=SC2016
	need 'clang -O2 -g -target bpf -mcpu=v3 -Isrc/include -Isrc/examples/resolver -idirafter /usr/include/$(gcc -print-multiarch) -c resolver.bpf.c'
	run 'on client dig +noall +comments +tries=1 @198.18.0.1 example.com | grep udp:'
	printf '%s\n' 'www.example.com A' 'web.example.com AAAA' 'example.com TXT' 'no.example.com A' >queries
	before=$(handled resolver)
	behind dnsperf "on client dnsperf -s 198.18.0.1 -d queries -l 4 -c 4 -q 64 -Q 20000 | grep -E 'Queries (sent|completed|lost)'"
	until_true 'the load' 4 handles_more resolver $((before + 10000))
	need 'xfn swap resolver resolver.bpf.o'
	run 'on client dig +noall +comments +tries=1 @198.18.0.1 example.com | grep udp:'
	claim "the new version answers, with the zone that the old one had" "$(grep -c 'udp: 1400' <<<"$out")"
	finish dnsperf
	lost_swap=$(lost_queries)
	first=$(figure resolver '.versions | map(select(.id == "v1"))[0].outcomes.replied')
	second=$(figure resolver '.versions | map(select(.id == "v2"))[0].outcomes.replied')
	say "answers of v1: $first, of v2: $second"
	claim "both versions answered under load" "$first - $before >= 10000 && $second >= 10000"
	claim "lost: $lost_swap" "$lost_swap == 0"
}

survive() {
	local before sent ms revision

	step "Kill the daemon for three seconds, under load"
	before=$(handled echo)
	behind flood "on client flood -r 5000 -t 6 198.18.0.1 7 | jq -c '{sent, received, lost, duplicates, changed}'"
	until_true 'the load' 4 handles_more echo $((before + 1000))
	revision=$(xfn -j | jq .revision)
	# shellcheck disable=SC2016
	need 'kill -9 $(xfn -j | jq .pid)'
	killed_ms=$(now_ms)
	run 'xfn'
	claim "the daemon is gone" "$status == 4"
	say "Limits hold without it:"
	need "on client flood -r 5000 -t 2 -g 200 198.18.0.1 9 | jq -c '{sent, received, elapsed_ns}'"
	ms=$(answer '.elapsed_ns / 1000000 | ceil')
	claim "admitted $(answer .received) of $(answer .sent), at most $((ms + 101))" "$(answer .received) <= ms + 101"
	while (($(now_ms) < killed_ms + 3000)); do sleep 0.05; done
	start_daemon
	need 'xfn journal'
	claim "the next start adopts what runs" "$(grep -c "revision $revision adopted" <<<"$out")"
	finish flood
	lost_kill=$(answer .lost)
	sent=$(answer .sent)
	claim "lost: $lost_kill, twice: $(answer .duplicates), changed: $(answer .changed)" \
		"$lost_kill + $(answer .duplicates) + $(answer .changed) == 0"
	claim "the books went on: $sent sent, $(($(handled echo) - before)) handled" "$(handled echo) - before == sent"
}

measure() {
	step "Latency, in the kernel's own figures"
	need 'xfn latency --stages'
	claim "resolver was timed" "$(xfn -j latency resolver | jq '[.functions[].count] | add') > 0"
}

settle_books() {
	local client received packets verdicts

	step "The books"
	need 'xfn stats --by verdict'
	run 'xfn audit'
	claim "xfn audit finds no difference" "$status == 0"
	need 'on client nstat -asz IpOutRequests Ip6OutRequests'
	client=$(awk '/OutRequests/ { sum += $2 } END { print sum }' <<<"$out")
	need "ip -n server -s -j link show s0 | jq '.[0].stats64.rx.packets'"
	received=$out
	packets=$(xfn -j stats | jq '.interfaces[0].packets')
	verdicts=$(xfn -j stats | jq '[.interfaces[0].verdicts[]] | add')
	booked=$packets
	say "the client's kernel sent $client, the NIC received $received, xfn saw $packets, verdicts $verdicts"
	claim "client sent = NIC received = packets seen = verdicts given" \
		"$client == $received && $received == $packets && $packets == $verdicts"
}

leave() {
	step "Leave"
	need 'xfn detach s0'
	# shellcheck disable=SC2016
	need 'kill $(xfn -j | jq .pid)'
	until_true 'the end of xfnd' 10 daemon_is_gone
	need "$daemon_command --reset"
	run 'find /sys/fs/bpf -name "*xfn*"; ip -n server link show s0 | grep -o "xdp"'
	claim "no pin and no program is left" "$((${#out} == 0))"
}
daemon_is_gone() { ! pgrep -x xfnd; }

make_wire
attach
apply
ask
hot_load
serve_unchanged
start_programs
start_from_nothing
ask_why
compare
limit
swap
survive
measure
settle_books
leave

finished=1
took_s=$(((${EPOCHREALTIME/./} - began_us) / 1000000))
printf '\n%s%d of %d claims held in %d s:%s' "$bold" $((claims - broken)) "$claims" "$took_s" "$plain"
say " first answer after $first_ms ms, 100,000 triggers live in $applied_ms ms, echo p50 $p50_kernel us" \
	"beside $p50_spinning spinning and $p50_asleep asleep, $lost_swap lost in a swap and" \
	"$lost_kill in a kill, $booked packets in four equal books" | paste -sd ' '
((broken == 0))
