#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Starts from nothing under traffic, one after another: each burst is answered, and nothing grows.
# XFN_STARTS=1000 for the long run. What it measured is added to /tmp/xfn-e2e-starts.starts.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib
load growth
load echoes

STARTS=${XFN_STARTS:-40}
BURST=50
WARM=10             # starts before what is held is noted
GROWTH_MAX_KIB=16384 # resident, of each process, from then on; loading a program takes 8 MiB for a while

setup() {
	e2e_setup
	# A socket for each address: one that comes in the middle has another instance take over.
	until_true 5 are_settled
	start_daemon
}

teardown() {
	e2e_teardown
}

are_settled() { [[ -z $(ip -n "$SERVER" address show dev xfn0 tentative) ]]; }

# apply_idle DELIVERY: function echo at udp/7, that runs when there is something to do.
apply_idle() {
	printf 'version: 1\nattach: [xfn0]\nfunctions:\n  - {name: echo, trigger: udp/7, scale: {min: 0}, %s}\n' "$1" |
		apply >/dev/null
	until_true 10 is_idle
}

is_idle() { [[ $(instance state) == idle ]]; }

# end_burst: whoever has answered is told to end, and does so as it should.
end_burst() {
	kill -TERM "$(instance pid)"
	until_true 10 is_idle
	[[ $(instance last_end) == "exit status 0" ]]
}

# Behind the pause after which ports stand by again.
held_at_rest() {
	sleep 1
	held
}

# starts CONDITION: so many starts, each from nothing by a burst whose fate is as CONDITION (jq) says.
starts() {
	local i got held memory now latest=$HOME_DIR/latest
	: >"$latest"
	for ((i = 0; i < STARTS; i++)); do
		got=$(flood -n "$BURST" -r 5000 -g 5000 198.18.0.1 7)
		jq -e ".sent == $BURST and .received == $BURST and $1" <<<"$got" >/dev/null || {
			echo "start $i: $got"
			return 1
		}
		jq .p99_ns <<<"$got" >>"$latest"
		end_burst
		((i + 1 != WARM)) || { held=$(held_at_rest) memory=$(memory_kib); }
	done
	sort -n "$latest" | awk -v held="$held" -v then="$memory" -v now="$(memory_kib)" '{ at[NR] = $1 / 1e6 }
		END { printf "%d starts; the burst'\''s second reply, ms: median %.1f, 95th %.1f, most %.1f; held: %s; KiB: %s, then %s\n",
			NR, at[int((NR + 1) / 2)], at[int(NR * 0.95)], at[NR], held, then, now }' | tee -a "$HOME_DIR.starts"
	now=$(held_at_rest)
	echo "held now: $now"
	[[ $now == "$held" ]]
	has_grown_less_than "$GROWTH_MAX_KIB" "$memory"
	[[ $(instance restarts) == 0 && $(verdict steered echo) == $((STARTS * BURST)) ]]
	audit_is_ok
}

@test "an xsk function: each burst is answered once and in order, and nothing is held any longer" {
	apply_idle "xsk: $(share_program "$BUILD/examples/function/echo")"
	starts '[.lost, .late, .duplicates, .reordered, .changed] == [0, 0, 0, 0, 0]'
	xfn stats echo -j | jq -e --argjson sent $((STARTS * BURST)) '.functions[0].port |
		.replied == $sent and .parked >= '"$STARTS"' and .waiting == 0 and .in_flight == 0 and
		[.timeout, .late, .parked_full, .parked_lost, .expired, .bad_reply, .bad_source] == [0, 0, 0, 0, 0, 0, 0]'
}

@test "a function on sockets: each burst is answered once, and nothing is held any longer" {
	apply_idle "socket: [/usr/bin/python3, $(share_program "$BATS_TEST_DIRNAME/tools/activated.py")]"
	starts '[.lost, .late, .duplicates, .changed] == [0, 0, 0, 0]'
}
