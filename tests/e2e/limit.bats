#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Limits on real traffic: what is admitted, what becomes of the rest, changed live, and two functions
# that feed each other.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib

setup() {
	e2e_setup
	start_daemon
	xfn attach xfn0 >/dev/null
}

teardown() {
	if [[ -n ${SECOND-} ]]; then
		kill "$SECOND" 2>/dev/null || true
		wait "$SECOND" || true
		nsenter --net="/run/netns/$CLIENT" "$XFND" --run-dir "$HOME_DIR/run2" \
			--pin-dir "$PINS" --state-dir "$HOME_DIR/state2" --reset >/dev/null
	fi
	e2e_teardown
}

limit() { apply_echo <<<"    limit: $1"; }

# admitted_is_right RESULT RATE BURST: never more than burst + rate * time + 1, and most of it.
admitted_is_right() {
	echo "$1"
	jq -e --argjson rate "$2" --argjson burst "$3" '
		($burst + $rate * (.elapsed_ns + 1000000) / 1e9) as $most
		| .received <= $most + 1 and .received >= 0.9 * $most - 1' <<<"$1"
}

@test "a limit bites: at most burst and rate, and nearly that" {
	while read -r text rate burst; do
		limit "{rate: $text, burst: $burst}"
		sleep 0.15 # until the burst is there again
		before=$(verdict rate_limited echo)
		result=$(flood -r 20000 -t 0.6 -g 50 198.18.0.1 7)
		admitted_is_right "$result" "$rate" "$burst"
		[ "$(verdict rate_limited echo)" -eq $((before + $(jq '.sent - .received' <<<"$result"))) ]
	done <<-END
		1k/s 1000 100
		5k/s 5000 20
		30/s 30 1
		600/m 10 5
	END
	audit_is_ok
}

@test "the default burst is a tenth of a second" {
	limit 2k/s
	admitted_is_right "$(flood -r 20000 -t 0.5 -g 50 198.18.0.1 7)" 2000 200
}

@test "excess: drop is dropped, pass goes to the stack" {
	apply_echo <<<"    limit: {rate: 1/m, burst: 1, excess: drop}"
	[ "$(who_answers 198.18.0.1 7)" = q ]
	[ "$(flood -n 5 -g 100 198.18.0.1 7 | jq '.received + .refused')" = 0 ]
	limit "{rate: 1/m, burst: 1, excess: pass}"
	# Nobody listens, so the stack says so.
	[ "$(flood -n 5 -g 100 198.18.0.1 7 | jq '.refused > 0 and .received == 0')" = true ]
	[ "$(verdict rate_limited echo)" -ge 6 ]
	audit_is_ok
}

@test "a limit that is changed holds at once, lowered, raised, zeroed, and taken away" {
	limit "{rate: 100/s, burst: 5}"
	start_flood load -r 3000 -t 20 -g 50 198.18.0.1 7
	admitted_in() { # of half a second: handled events
		local before
		before=$(verdict handled echo)
		sleep 0.5
		echo $(($(verdict handled echo) - before))
	}
	between() { echo "$1: $2 to $3" && [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]; }
	between "$(admitted_in)" 40 90
	limit "{rate: 1k/s, burst: 5}"
	between "$(admitted_in)" 400 900
	limit "{rate: 1/m, burst: 1}"
	between "$(admitted_in)" 0 1
	limit "{rate: 1k/s, burst: 5}" # what 1/m charged does not shut it for a minute
	between "$(admitted_in)" 400 900
	limit 0
	between "$(admitted_in)" 0 0
	[ "$(verdict disabled echo)" -gt 1000 ]
	apply_echo <<<""
	between "$(admitted_in)" 1000 3000
	end_flood load >/dev/null
	audit_is_ok
}

@test "rate 0 drops, enabled: false passes; both are counted as disabled" {
	limit 0
	[ "$(flood -n 5 -g 100 198.18.0.1 7 | jq '.received + .refused')" = 0 ]
	[ "$(verdict disabled echo)" = 5 ]
	apply_echo <<<"    enabled: false"
	[ "$(flood -n 5 -g 100 198.18.0.1 7 | jq '.refused > 0')" = true ]
	[ "$(verdict disabled echo)" -gt 5 ]
	apply_echo <<<""
	[ "$(who_answers 198.18.0.1 7)" = q ]
}

@test "a limit and its state go on through a swap and a restart" {
	limit "{rate: 1/m, burst: 3}"
	[ "$(flood -n 6 -g 100 198.18.0.1 7 | jq .received)" = 3 ]
	xfn swap echo "$OBJECTS/answer_a.bpf.o" >/dev/null
	[ "$(who_answers 198.18.0.1 7)" = none ]
	restart_daemon KILL
	[ "$(who_answers 198.18.0.1 7)" = none ]
	# Another function does not pay for it.
	apply --yes >/dev/null <<-END
		version: 1
		functions:
		  - {name: other, trigger: udp/7, kernel: $ECHO, limit: {rate: 1/m, burst: 3}}
	END
	[ "$(flood -n 6 -g 100 198.18.0.1 7 | jq .received)" = 3 ]
}

@test "an existing socket is policed and counted, and answers for itself" {
	# Not by in_server: the number of a function in the background is its shell's.
	nsenter --net="/run/netns/$SERVER" python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("198.18.0.1", 9000))
while True:
    data, peer = s.recvfrom(9000)
    s.sendto(data, peer)' 3>&- &
	python=$!
	listens() { in_server ss -lun | grep -q :9000; }
	until_true 5 listens
	apply >/dev/null <<-END
		version: 1
		functions:
		  - {name: py, trigger: udp/9000, socket: existing, limit: {rate: 200/s, burst: 20}}
	END
	result=$(flood -r 4000 -t 0.5 -g 200 198.18.0.1 9000)
	kill "$python"
	admitted_is_right "$result" 200 20
	[ "$(verdict steered py)" = "$(jq .received <<<"$result")" ]
	[ "$(verdict rate_limited py)" = "$(jq '.sent - .received' <<<"$result")" ]
	audit_is_ok
}

# A datagram that says it comes from the echo at the other end: both would answer for ever.
@test "two echo functions fed by each other are ended by their limits" {
	limit "{rate: 2k/s, burst: 40}"
	ip -n "$CLIENT" link set c0 xdp off
	mkdir "$HOME_DIR/run2"
	nsenter --net="/run/netns/$CLIENT" "$XFND" --run-dir "$HOME_DIR/run2" --pin-dir "$PINS" \
		--state-dir "$HOME_DIR/state2" >>"$LOG" 2>&1 3>&- &
	SECOND=$!
	second() { "$XFN" --socket "$HOME_DIR/run2/xfn.sock" "$@"; }
	until_true 5 eval 'second journal >/dev/null 2>&1'
	second attach c0 >/dev/null
	second apply "$HOME_DIR/main.yaml" >/dev/null
	for seeds in 1 3; do
		before=$(verdict handled echo)
		from=$EPOCHREALTIME
		in_client "$TOOLS/flood" -u -n $seeds -b 198.18.0.2 -p 7 198.18.0.1 7 >/dev/null
		quiet() { [[ $(verdict handled echo) == $(sleep 0.1 && verdict handled echo) ]]; }
		until_true 5 quiet
		elapsed_us=$((${EPOCHREALTIME/./} - ${from/./}))
		here=$(($(verdict handled echo) - before))
		echo "$seeds seeds: $here bounces in $elapsed_us us"
		# It began to bounce, and each end admitted what its limit says.
		[ "$here" -gt 10 ]
		[ "$here" -le $((40 + 2000 * elapsed_us / 1000000 + 1)) ]
	done
	there=$(second stats -j | jq '.functions[0].verdicts.rate_limited')
	[ $(($(verdict rate_limited echo) + there)) -eq 4 ] # each ended once
	audit_is_ok
	second audit >/dev/null
}
