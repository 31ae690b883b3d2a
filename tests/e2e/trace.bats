#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# What trace shows of real traffic, what it filters, loses and bounds, and that nothing of it stays.

# bats sets stderr_lines and output, and runs each test in a shell of its own; until_true evals.
# shellcheck disable=SC2154,SC2016,SC2030,SC2031

load lib

setup() {
	e2e_setup
	start_daemon
	apply_echo <<-EOF_MANIFEST
		  - {name: few, trigger: udp/9, socket: existing, limit: {rate: 1/m, burst: 2}}
		  - {name: gone, trigger: udp/10, socket: existing, enabled: false}
	EOF_MANIFEST
	"$XFN" attach xfn0
}

teardown() {
	if [[ -n ${TRACE-} ]]; then
		kill "$TRACE" 2>/dev/null || true
	fi
	e2e_teardown
}

# start_trace OPTION...: in the background, and waits until packets are copied.
start_trace() {
	"$XFN" trace "$@" >"$HOME_DIR/trace" 2>"$HOME_DIR/trace.err" 3>&- &
	TRACE=$!
	until_true 5 grep -q '^xfn: tracing' "$HOME_DIR/trace.err"
}

# Waits for it to end by itself; its last words are in LAST.
end_trace() {
	wait "$TRACE"
	TRACE=
	LAST=$(tail -n 1 "$HOME_DIR/trace.err")
	echo "$LAST"
}

# The id of the program in the interface's slot.
programs() {
	bpftool -j map lookup pinned "$(pin_dir)/maps/xfn_entry_progs" key 0 0 0 0 |
		jq -r '.value | map(if type == "string" then . else tostring end) | join(" ")'
}

back_to() { [[ $(programs) == "$1" ]]; }

# Tag, size and maps of the plain program, which uses this test's maps.
about() {
	bpftool -j prog show | jq -S -c "[.[] | select(.name == \"xfn_ingress\" and
		(.map_ids // [] | index($(own_map)))) | {id, tag, bytes_xlated, map_ids}]"
}

own_map() { bpftool -j map show pinned "$(pin_dir)/maps/xfn_control" | jq .id; }

# How many programs of a name use this test's maps.
own_programs() {
	bpftool -j prog show | jq "[.[] | select(.name == \"$1\" and
		(.map_ids // [] | index($(own_map))))] | length"
}

@test "each packet has a line, with its verdict; refused ones too" {
	start_trace -c 6 --from 198.18.0.2
	send 1 7 hello
	send 3 9 xy
	send 1 10 z
	send 1 99 abcd
	end_trace
	[ "$LAST" = "xfn: 6 packets, 0 lost" ]
	cat "$HOME_DIR/trace"
	mapfile -t lines <"$HOME_DIR/trace"
	[ "${#lines[@]}" = 6 ]
	[[ ${lines[0]} =~ ^[0-9:]{8}\.[0-9]{6}\ xfn0\ handled\ echo\ v1\ udp\ 198.18.0.2:[0-9]+\ \>\ 198.18.0.1:7\ len\ 5$ ]]
	[[ ${lines[1]} == *" xfn0 steered few udp "*":9 len 2" ]]
	[[ ${lines[3]} == *" xfn0 rate_limited few udp "*":9 len 2" ]]
	[[ ${lines[4]} == *" xfn0 disabled gone udp "*":10 len 1" ]]
	[[ ${lines[5]} == *" xfn0 unmatched udp "*":99 len 4" ]]
	audit_is_ok
}

@test "JSON has the packet's bytes, and its notation, which explain reads" {
	local line
	start_trace -j -c 1 --from 198.18.0.0/16
	send 1 7 hello
	end_trace
	line=$(jq -c 'select(.verdict)' "$HOME_DIR/trace")
	jq -e '.interface == "xfn0" and .verdict == "handled" and .function == "echo" and .version == "v1"
		and .bytes == 47 and .captured == 47 and .payload_bytes == 5 and
		(.frame | endswith("68656c6c6f")) and (.time_ns | tostring | length == 19) and
		(.time | startswith("20"))' <<<"$line"
	"$XFN" -j explain --frame "$(jq -r .frame <<<"$line")" |
		jq -e --argjson traced "$line" '.verdict == $traced.verdict and .function == $traced.function'
	"$XFN" -j explain "$(jq -r .packet <<<"$line")" | jq -e '.verdict == "handled"'
	jq -e -s '.[0].begin.interfaces == ["xfn0"] and .[-1].end == {reason: "count", records: 1, lost: 0}' \
		"$HOME_DIR/trace"
}

@test "filters by function, verdict and source, in the kernel" {
	start_trace few -c 2
	send 1 7 no
	send 2 9 yes
	end_trace
	[ "$LAST" = "xfn: 2 packets, 0 lost" ]
	[ "$(grep -c ' few ' "$HOME_DIR/trace")" = 2 ]

	start_trace --verdict rate_limited,disabled -c 2
	send 2 7 no
	send 1 9 limited
	send 1 10 off
	end_trace
	[ "$(awk '{print $3}' "$HOME_DIR/trace" | xargs)" = "rate_limited disabled" ]

	start_trace -c 1 --from fd00:18::/64 --verdict handled
	send 1 7 four
	send 1 7 sixth fd00:18::1
	end_trace
	[[ $(<"$HOME_DIR/trace") == *"udp [fd00:18::2]:"*"[fd00:18::1]:7 len 5" ]]
}

@test "pcapng is what other programs read" {
	start_trace -w "$HOME_DIR/x.pcapng" --from 198.18.0.2 -c 3
	send 1 7 hello
	send 1 10 off
	send 1 99 stranger
	end_trace
	[ "$LAST" = "xfn: 3 packets, 0 lost" ]
	[ ! -s "$HOME_DIR/trace" ]
	"$BATS_TEST_DIRNAME/tools/pcapng.py" "$HOME_DIR/x.pcapng" >"$HOME_DIR/packets"
	cat "$HOME_DIR/packets"
	[ "$(jq -s 'length' "$HOME_DIR/packets")" = 3 ]
	[ "$(jq -s -c '[.[].comment]' "$HOME_DIR/packets")" = \
		'["verdict handled, function echo v1","verdict disabled, function gone","verdict unmatched"]' ]
	jq -s -e '.[0] | .interface == "xfn0" and .bytes == 47 and (.frame | endswith("68656c6c6f"))' \
		"$HOME_DIR/packets"
	[ "$(tcpdump -nr "$HOME_DIR/x.pcapng" 2>/dev/null | grep -c 'IP 198.18.0.2')" = 3 ]
	if command -v tshark >/dev/null; then
		tshark -r "$HOME_DIR/x.pcapng" -T fields -e frame.comment -e frame.interface_name |
			grep -c $'^verdict .*\txfn0$' | grep -qx 3
	fi
}

@test "off costs nothing: the plain program is the same before and after" {
	local before was
	before=$(programs)
	was=$(about)
	start_trace --for 30s
	[ "$(programs)" != "$before" ]
	[ "$(own_programs xfn_trace)" = 1 ]
	kill -INT "$TRACE"
	wait "$TRACE"
	TRACE=
	[[ $(tail -n 1 "$HOME_DIR/trace.err") == *"and then interrupted" ]]
	until_true 5 back_to "$before"
	[ "$(about)" = "$was" ]
	until_true 5 eval '[ "$(own_programs xfn_trace)" = 0 ]'
}

@test "no packet is lost while traces come and go" {
	start_flood through -r 5000 198.18.0.1 7
	for _ in 1 2 3 4 5; do
		"$XFN" trace -c 20 --verdict handled >"$HOME_DIR/trace" 2>/dev/null
		[ "$(wc -l <"$HOME_DIR/trace")" = 20 ]
	done
	nothing_lost "$(end_flood through)"
	audit_is_ok
}

@test "a trace is bounded: what comes too fast is counted, and the rest is there" {
	local handled
	start_trace -j --for 1h --snap 2048 --verdict handled
	flood -n 50000 -g 500 198.18.0.1 7 >"$HOME_DIR/flooded"
	handled=$(verdict handled echo)
	audit_is_ok
	"$XFN" detach xfn0
	end_trace
	jq -e -s --argjson handled "$handled" '.[-1].end as $last | $last.reason == "detached" and
		$last.lost > 0 and $last.records == ([.[] | select(.verdict)] | length) and
		$last.records + $last.lost == $handled' "$HOME_DIR/trace"
}

@test "it ends with the function that was asked for, whoever gets its slot, and with a change of next" {
	start_trace few --for 30s
	sed 's/name: few/name: many/' "$HOME_DIR/main.yaml" | "$XFN" apply --yes /dev/stdin
	end_trace
	[[ $LAST == *"; the function is no more" ]]
	rm -rf "$PINS-other"
	bpftool prog load "$OBJECTS/next_count.bpf.o" "$PINS-other" type xdp
	start_trace --for 30s
	printf 'version: 1\nset: other\nattach: [{interface: xfn0, next: %s}]\nfunctions: []\n' "$PINS-other" >"$HOME_DIR/other.yaml"
	"$XFN" detach xfn0 || true
	end_trace
	"$XFN" apply "$HOME_DIR/other.yaml"
	start_trace --for 30s
	sed -i 's/{interface: xfn0.*}/xfn0/' "$HOME_DIR/other.yaml"
	"$XFN" apply "$HOME_DIR/other.yaml"
	end_trace
	rm -f "$PINS-other"
	[[ $LAST == *"; what --next names was changed, which ends a trace" ]]
}

@test "a handler that is not there: one line a packet, no_target" {
	bpftool map delete pinned "$(pin_dir)/maps/xfn_handlers" key 0 0 0 0
	start_trace echo -c 3
	send 3 7 x
	end_trace
	[ "$(awk '{print $3}' "$HOME_DIR/trace" | xargs)" = "no_target no_target no_target" ]
}

@test "one trace at a time; it ends with its reader, the time, the interface" {
	start_trace --for 30s
	run -1 --separate-stderr "$XFN" trace
	[[ $stderr == *"a trace runs already, of user 0, process $TRACE; one at a time"* ]]
	kill -KILL "$TRACE"
	wait "$TRACE" || true
	until_true 5 eval '"$XFN" trace --for 1ms 2>/dev/null'
	start_trace --for 30s
	"$XFN" detach xfn0
	end_trace
	[[ $LAST == *"nothing is attached any more" ]]
	run -1 --separate-stderr "$XFN" trace
	[[ $stderr == *"cannot trace: no interface is attached"* ]]
	[ "${stderr_lines[-1]}" = "xfn attach IFACE" ]
	# In the slot is nothing, and a new attachment is as ever.
	"$XFN" attach xfn0
	send 1 7 x
	until_true 5 eval '[ "$(verdict handled echo)" = 1 ]'
}

@test "kill -9 of the daemon: traffic goes on, the next start puts the plain program back" {
	start_trace --for 60s
	stop_daemon KILL
	wait "$TRACE" || true
	TRACE=
	nothing_lost "$(flood -n 500 198.18.0.1 7)"
	start_daemon
	nothing_lost "$(flood -n 500 198.18.0.1 7)"
	until_true 5 eval '[ "$(own_programs xfn_trace)" = 0 ]'
	audit_is_ok
	"$XFN" trace --for 1ms
}

@test "wrong words are refused, each by name" {
	while IFS='|' read -r words what; do
		# shellcheck disable=SC2086
		run --separate-stderr "$XFN" trace $words
		[[ $status -ne 0 && $stderr == *"$what"* ]] || {
			echo "xfn trace $words: $status, $stderr"
			return 1
		}
	done <<-'END'
		--verdict steerd|no verdict 'steerd': expected one or more of handled, steered
		--from 10.0.0.1/8|cannot read the source '10.0.0.1/8'
		-c 0|cannot count '0'
		--for 2h|cannot trace for '2h': expected a time up to 1h
		--for 30|cannot trace for '30'
		--snap 63|cannot copy '63': expected 64 to 2048
		ecko|no function 'ecko'; did you mean 'echo'?
		-w /nowhere/x|cannot write '/nowhere/x'
	END
}

@test "every member of a line is in xfn(8)" {
	local page key
	page=$(tr -s ' \n' ' ' <"$BATS_TEST_DIRNAME/../../docs/man/xfn.8")
	start_trace -j -c 1 --verdict handled
	send 1 7 x
	end_trace
	"$XFN" -j explain --run 'udp 198.18.0.2:4000 > 198.18.0.1:7' >>"$HOME_DIR/trace"
	"$XFN" -j explain --run 'udp 198.18.0.2:4000 > 198.18.0.1:9 vlan 5' >>"$HOME_DIR/trace"
	for key in $(jq -r '[.. | objects | keys[]] | .[]' "$HOME_DIR/trace" | sort -u); do
		[[ $page == *"\"$key\""* ]] || {
			echo "'$key' is not in the page"
			return 1
		}
	done
}
