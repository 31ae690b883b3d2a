#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# What explain says of a packet, that the packet itself then meets just that, and that asking
# changes nothing.

# bats sets stderr_lines and output, and runs each test in a shell of its own.
# shellcheck disable=SC2154

load lib

setup() {
	e2e_setup
	start_daemon
	apply <<-EOF_MANIFEST
		version: 1
		attach: [xfn0]
		functions:
		  - name: echo
		    triggers:
		      - udp/7
		      - {protocol: udp, port: 7, source: 10.9.0.0/16}
		      - {protocol: udp, port: 7, destination: 10.0.0.0/8}
		      - {protocol: udp, port: 7, vlan: 5}
		      - {protocol: udp, port: 7, interface: nope0}
		    kernel: $ECHO
		  - {name: few, trigger: udp/9, socket: existing, limit: {rate: 1/m, burst: 3}}
		  - {name: off, enabled: false, trigger: udp/10, socket: existing}
		  - {name: web, tenant: edge, trigger: tcp/80, socket: existing, limit: 10/s}
		  - name: counting
		    trigger: udp/11
		    kernel: $OBJECTS/count_events.bpf.o
		  - {name: named, trigger: {protocol: udp, port: 53, key: {dns_name: a.example}}, socket: existing}
		  - {name: fair, trigger: udp/12, socket: existing, limit: {per_source: {rate: 1/m, burst: 1}}}
	EOF_MANIFEST
}

teardown() { e2e_teardown; }

# says PACKET -- EXPRESSION [ARGUMENT...]: the JSON answer makes the expression true.
says() {
	local packet=$1 expression=$3
	shift 3
	"$XFN" -j explain "$@" "$packet" | jq -e "$expression"
}

# What the packets of this file could have moved; interfaces get packets of others, too.
books() { "$XFN" -j stats | jq -S .functions; }

@test "each verdict is explained, and the packet meets it" {
	local before
	before=$(books)
	says 'udp 198.18.0.2:4000 > 198.18.0.1:7 payload 6869' -- '
		.interface == "xfn0" and .verdict == "handled" and .action == "handler" and
		.function == "echo" and .version == "v1" and (.trigger.file | endswith("/main.yaml")) and
		.trigger.line == 6 and
		[.stages[].stage] == ["parse", "classify", "police", "steer", "account"]'
	says 'udp 198.18.0.2:4000 > 198.18.0.1:9' -- '
		.verdict == "steered" and .action == "pass" and .function == "few" and .version == null and
		(.stages[2] | .result == "admitted" and (.detail | test("1/m, burst 3: 3 events left")))'
	says 'udp 198.18.0.2:4000 > 198.18.0.1:10' -- '.verdict == "disabled" and
		(.stages | length) == 4 and .stages[2].stage == "police" and .action == "pass"'
	says 'udp 198.18.0.2:4000 > 198.18.0.1:99' -- '.verdict == "unmatched" and .function == null and
		.trigger == null and (.stages[1].detail == "no trigger is for udp/99")'
	says 'tcp 198.18.0.2:4000 > 198.18.0.1:80' -- '.function == "edge/web" and
		(.stages[2].detail | test("10/s"))'
	says 'tcp 198.18.0.2:4000 > 198.18.0.1:80 flags A' -- '.verdict == "steered" and
		(.stages[2].detail | test("opens none"))'
	says 'udp [fd00:18::2]:4000 > [fd00:18::1]:7' -- '.verdict == "handled"'
	says 'udp 198.18.0.2:4000 > 198.18.0.255:7' -- '.verdict == "unmatched" and
		(.stages[0].detail | test("198.18.0.255:7"))'
	[ "$(books)" = "$before" ]

	send 3 9 x
	says 'udp 198.18.0.2:4000 > 198.18.0.1:9' -- '.verdict == "rate_limited" and
		.action == "drop" and (.stages[2].detail | test("nothing left of the burst; room for one in"))'
	send 1 9 x
	[ "$(verdict rate_limited few)" = 1 ]
	[ "$(verdict steered few)" = 3 ]
	audit_is_ok
}

@test "other triggers for the port are named, each with why it did not match" {
	says 'udp 198.18.0.2:4000 > 198.18.0.1:7' -- '[.others[] | "\(.line) \(.why)"] == [
		"7 is for source 10.9.0.0/16", "8 is for destination 10.0.0.0/8", "9 is for VLAN 5",
		"10 is for interface '"'nope0'"', which is not attached"]'
	says 'udp 10.9.1.1:4000 > 10.0.0.9:7' -- '.trigger.line == 8 and
		any(.others[]; .line == 6 and (.why | test("addresses of the attached interfaces")))'
	says 'udp 10.9.1.1:4000 > 198.18.0.1:7' -- '.trigger.line == 7 and
		any(.others[]; .line == 6 and (.why == "matches too, but is less specific"))'
	says 'udp 10.9.1.1:4000 > 198.18.0.1:7 vlan 5' -- '.trigger.line == 9 and
		any(.unknown[]; test("VLAN tags"))'
	says 'udp 198.18.0.2:4000 > 198.18.0.1:7 vlan 6' -- '.verdict == "unmatched" and
		(.stages[1].detail == "5 triggers for udp/7, and none matches")'
}

@test "keys and limits of a source are read, and not moved" {
	local head=123401000001000000000000
	says "udp 198.18.0.2:4000 > 198.18.0.1:53 payload ${head}0161076578616d706c650000010001" -- '
		.verdict == "steered" and .function == "named"'
	says "udp 198.18.0.2:4000 > 198.18.0.1:53 payload ${head}0162076578616d706c650000010001" -- '
		.verdict == "unmatched" and
		(.others[0].why == "asks for another dns_name, a.example")'
	says 'udp 198.18.0.2:4000 > 198.18.0.1:53 payload 12' -- '.verdict == "key_error" and
		(.stages[1].detail | test("too short or odd for every key wanted on udp/53"))'
	for _ in 1 2 3; do
		says 'udp 198.18.0.2:4000 > 198.18.0.1:12' -- '.verdict == "steered" and
			(.stages[2].detail | test("^its source [^ ]+, burst 1: 1 event left of the burst at this moment")) and
			any(.unknown[]; test("share this one"))'
	done
	send 2 12 x
	says 'udp 198.18.0.2:4000 > 198.18.0.1:12' -- '.verdict == "source_limited" and .action == "drop" and
		(.stages[2].detail | test("^its source [^ ]+, burst 1: nothing left of the burst; room for one in"))'
	says 'udp 198.18.0.3:4000 > 198.18.0.1:12' -- '.verdict == "steered"'
	[ "$(verdict source_limited fair)" = 1 ]
}

@test "a handler is run on the packet, with maps of its own" {
	local packet='udp 198.18.0.2:4000 > 198.18.0.1:7 payload 68656c6c6f'
	says "$packet" -- '.run | .ran and .outcome == "replied" and
		.reply.packet == "udp 198.18.0.1:7 > 198.18.0.2:4000 payload 68656c6c6f" and
		.empty_maps == []' --run
	# It counts what it got: once and no more, however often it is asked.
	packet="udp 198.18.0.2:4000 > 198.18.0.1:11 payload $(printf '00%.0s' {1..32})"
	for _ in 1 2; do
		says "$packet" -- '.run | .ran and .empty_maps == ["seen"] and
			(.reply.packet | test("payload 0{32}0100"))' --run
	done
	[ "$(in_client python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(2)
s.sendto(bytes(32), ("198.18.0.1", 11))
print(s.recv(100)[16])')" = 1 ]
	[ "$(stat_of '.functions[] | select(.name == "counting").outcomes.replied')" = 1 ]
	says 'udp 198.18.0.2:4000 > 198.18.0.1:9' -- '.run | (.ran | not) and
		.why == "the function'"'"'s delivery is socket, expected kernel"' --run
	says 'udp 198.18.0.2:4000 > 198.18.0.1:99' -- '.run.why == "no function gets the packet"' --run
	audit_is_ok
}

@test "a frame is explained byte by byte, whatever it is" {
	local mac
	mac=$(ip -n "$SERVER" -j link show xfn0 | jq -r ".[0].address")
	"$XFN" -j explain --frame "$mac 02:00:00:00:00:02 08 06 $(printf '00%.0s' {1..46})" |
		jq -e '.verdict == "foreign" and .packet == null and
			(.stages[0].detail | test("neither IPv4 nor IPv6: Ethernet protocol 0x0806"))'
	"$XFN" -j explain --frame "0200000000070200000000020800$(printf '00%.0s' {1..46})" |
		jq -e '.stages[0].detail | test("addressed to 02:00:00:00:00:07, which is not .xfn0.")'
	"$XFN" -j explain --frame "${mac//:/}0200000000020800 4500 001c 0000 2000 4011 0000 c6120002 c6120001 0fa00007 0008 0000" |
		jq -e '.verdict == "fragment"'
	"$XFN" -j explain --frame "${mac//:/}0200000000020800 4500 001b 0000 0000 4011 0000 c6120002 c6120001 0fa00007 0008 0000" |
		jq -e '.verdict == "malformed" and (.stages[0].detail | test("the UDP header"))'
	run -1 --separate-stderr "$XFN" explain --frame 0102
	[[ $stderr == *"expected a frame of 14 to "* ]]
	run -1 --separate-stderr "$XFN" explain --frame "0x00"
	[[ $stderr == *"frame:1:2: not two hex digits"* ]]
}

@test "what is wrong with the words is shown where it is" {
	run -1 --separate-stderr "$XFN" explain 'udp 198.18.0.2:4000 > 198.18.0.1:70000'
	[[ ${stderr_lines[0]} == "packet:1:34: cannot read the port of '198.18.0.1:70000'" ]]
	[[ $stderr == *"udp 198.18.0.2:4000 > 198.18.0.1:70000"*"^~~~~"*"expected a port, 0 to 65535"* ]]
	run -3 --separate-stderr "$XFN" explain 'udp 198.18.0.2:4000 > 198.18.0.1:7 dev eth9'
	[[ $stderr == *"interface 'eth9' is not attached; expected one of xfn0"* ]]
	run -2 "$XFN" explain
	run -2 "$XFN" explain --frame 00 'udp 1.1.1.1:1 > 1.1.1.1:1'
}

@test "of several interfaces the one with the address is taken, or asked for" {
	ip -n "$SERVER" link add more0 type veth peer name more1
	ip -n "$SERVER" address add 198.19.0.1/24 dev more0
	ip -n "$SERVER" link set more0 up
	"$XFN" attach more0
	says 'udp 198.18.0.2:4000 > 198.18.0.1:7' -- '.interface == "xfn0"'
	says 'udp 198.18.0.2:4000 > 198.19.0.1:7' -- '.interface == "more0" and .verdict == "handled"'
	says 'udp 198.18.0.2:4000 > 198.19.0.1:7 dev xfn0' -- '.interface == "xfn0"'
	says 'udp 198.18.0.2:4000 > 198.19.0.1:7' -- '.interface == "xfn0"' --dev xfn0
	run -1 --separate-stderr "$XFN" explain 'udp 198.18.0.2:4000 > 9.9.9.9:7'
	[[ $stderr == *"say 'dev IF', expected one of xfn0, more0"* ]]
	"$XFN" detach more0
	ip -n "$SERVER" link del more0
	"$XFN" detach xfn0
	run -1 --separate-stderr "$XFN" explain 'udp 198.18.0.2:4000 > 9.9.9.9:7'
	[[ $stderr == *"no interface is attached"* ]]
	[ "${stderr_lines[-1]}" = "xfn attach IFACE" ]
}

@test "for people: stages, then what cannot be known" {
	run -0 "$XFN" explain 'udp 198.18.0.2:4000 > 198.18.0.1:7 payload 6869' --run
	[ "${lines[0]}" = "handled on xfn0, for echo v1" ]
	[[ $output == *"parse     read"*"UDP over IPv4, 198.18.0.2:4000 > 198.18.0.1:7, untagged, 2 bytes"* ]]
	[[ $output == *"classify  matched"*"function 'echo', by its trigger at"*"main.yaml:6"* ]]
	[[ $output == *"outcome   replied"* ]]
	[[ $output == *"cannot know"*"never meet XDP"* ]]
}
