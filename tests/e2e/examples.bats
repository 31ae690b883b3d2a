#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The examples on libxfn, started by xfnd, spoken to by clients that know nothing of them.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib

setup() {
	e2e_setup
	start_daemon
}

teardown() {
	e2e_teardown
}

# start_example XSK: function example at udp/7; its process is $PROGRAM.
start_example() {
	printf 'version: 1\nattach: [xfn0]\nfunctions: [{name: example, trigger: udp/7, xsk: %s}]\n' "$1" | apply
	until_true 10 state_is ready
	PROGRAM=$(xfn show example -j | jq .instance.pid)
}

state_is() { [[ $(xfn show example -j | jq -r .instance.state) == "$1" ]]; }

# books EXPRESSION: what the port has counted.
books() { xfn stats example -j | jq -e ".functions[0].port | $1"; }

end_example() {
	apply --yes <<<$'version: 1\nfunctions: []'
	until_true 10 is_gone "$PROGRAM"
}

# replay ADDRESS: datagrams captured from memcached, of which three get no answer.
replay() {
	in_client python3 "$BATS_TEST_DIRNAME/tools/memcached_replay.py" \
		"$BATS_TEST_DIRNAME/../unit/kv_memcached.hex" "$1" 7
}

@test "examples/kv says what memcached said, over IPv4" {
	start_example "$(share_program "$BUILD/examples/kv/server")"
	[[ $(replay 198.18.0.1) == 45 ]]
	books '.replied == 42 and .bad_reply == 0 and .bad_source == 0'
	end_example
}

@test "examples/kv says what memcached said, over IPv6" {
	start_example "$(share_program "$BUILD/examples/kv/server")"
	[[ $(replay fd00:18::1) == 45 ]]
	books '.replied == 42 and .bad_reply == 0 and .bad_source == 0'
	end_example
}

# ---- examples/statsd -----------------------------------------------------------------------------

HOT_SHOTS=hot-shots@17.1.1
STATSD=$BUILD/examples/statsd/server
OUT=$HOME_DIR/out # the function is nobody here, and writes there

# The client comes from npm into the build folder, once.
install_hot_shots() {
	export NODE_PATH=$BUILD/npm/node_modules
	[[ -d $NODE_PATH/hot-shots ]] && return
	npm install --prefix "$BUILD/npm" --no-save --no-package-lock --no-audit --no-fund \
		--ignore-scripts --omit=optional "$HOT_SHOTS" || skip "npm cannot install $HOT_SHOTS"
}

start_statsd() {
	mkdir -p "$OUT"
	chown nobody "$OUT"
	start_example "{exec: [$(share_program "$STATSD"), --listen, $OUT/sock, --textfile, $OUT/statsd.prom, --every, '1'],
		user: nobody, oneway: true}"
}

page() { curl -sS --fail --max-time 5 --unix-socket "$OUT/sock" http://localhost/metrics; }

# says LINE...: the page has each of them as a whole line.
says() {
	local line
	page >"$HOME_DIR/page"
	for line; do
		grep -qxF -- "$line" "$HOME_DIR/page" || { echo "no '$line'" && return 1; }
	done
}

@test "examples/statsd adds up what hot-shots sends, and curl reads it" {
	install_hot_shots
	start_statsd
	local address
	for address in 198.18.0.1 fd00:18::1; do
		[[ $(in_client node "$BATS_TEST_DIRNAME/tools/hotshots.js" "$address" 7) == sent ]]
	done
	until_true 5 says 'shop_weight_count{env="test"} 2'
	says 'shop_orders_total{env="test"} 200' 'shop_orders_total{env="test",kind="gift"} 10' \
		'shop_stock{env="test"} 35' 'shop_users{env="test"} 10' \
		'# TYPE shop_latency_seconds histogram' \
		'shop_latency_seconds_bucket{env="test",le="0.01"} 22' \
		'shop_latency_seconds_bucket{env="test",le="+Inf"} 200' \
		'shop_latency_seconds_count{env="test"} 200' \
		'shop_basket_sum{env="test",size="\"large\""} 25' \
		'xfn_statsd_lines_total{outcome="accepted"} 612' \
		'xfn_statsd_lines_total{outcome="negative"} 2' \
		'xfn_statsd_lines_total{outcome="unsupported"} 2' \
		'xfn_statsd_lines_total{outcome="malformed"} 0' 'xfn_statsd_dropped_total 0'
	[[ $(awk '/^shop_latency_seconds_sum/ { print int($2 * 1000 + 0.5) }' "$HOME_DIR/page") == 9900 ]]
	if [[ -x $(command -v promtool) ]]; then
		promtool check metrics <"$HOME_DIR/page"
	fi
	# It says nothing to anybody.
	books '.replied == 0 and .bad_reply == 0 and .in_flight == 0 and .timeout == 0'
	end_example
	[[ ! -e $OUT/sock ]]
}

# whole: the file as node_exporter would find it at any moment.
whole() { [[ $(tail -n 1 "$OUT/statsd.prom") == 'xfn_statsd_lines_total{outcome="member_limit"} '* ]]; }

@test "examples/statsd writes a text file that is whole at any moment, the last one at its end" {
	start_statsd
	send 3 7 'jobs:1|c'
	until_true 5 grep -qx 'jobs_total 3' "$OUT/statsd.prom"
	whole
	[[ $(stat -c %a "$OUT/statsd.prom") == 644 ]]
	local inodes
	inodes=$(for _ in $(seq 60); do
		whole || echo torn
		stat -c %i "$OUT/statsd.prom"
		sleep 0.05
	done | sort -u)
	[[ $inodes != *torn* && $(wc -l <<<"$inodes") -ge 2 ]]
	send 2 7 'jobs:1|c'
	until_true 2 says 'jobs_total 5'
	end_example
	grep -qx 'jobs_total 5' "$OUT/statsd.prom"
	[[ $(names "$OUT") == statsd.prom ]]
}

# Bursts that the ring has room for, whoever else is busy on this machine.
send_bursts() {
	for _ in $(seq 20); do
		send 1000 7 'load:1|c|#from:bursts'
	done
}

@test "examples/statsd counts each of 20,000 datagrams, and the page comes meanwhile" {
	start_statsd
	send_bursts 3>&- &
	local sender=$! pages=0
	while kill -0 "$sender" 2>/dev/null; do
		page >"$HOME_DIR/page"
		pages=$((pages + 1))
	done
	wait "$sender"
	[[ $pages -ge 5 ]]
	until_true 5 says 'load_total{from="bursts"} 20000'
	says 'xfn_statsd_datagrams_total 20000' 'xfn_statsd_dropped_total 0'
	end_example
}
