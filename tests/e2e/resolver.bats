#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# examples/resolver with a real client, dig, over a real wire; and its tool, zone.

# bats sets output and stderr, and runs each test in a shell of its own.
# A zone file has dollar signs of its own.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016

bats_require_minimum_version 1.5.0
load lib

EXAMPLES=$BATS_TEST_DIRNAME/../../examples
ZONE=$BUILD/examples/resolver/zone
RESOLVER=$BUILD/examples/resolver/resolver.bpf.o

setup() {
	e2e_setup
	start_daemon
	xfn attach xfn0 >/dev/null
	apply >/dev/null <<-END
		version: 1
		functions:
		  - {name: resolver, trigger: udp/53, kernel: $RESOLVER}
	END
}

teardown() { e2e_teardown; }

zone() { in_server "$ZONE" --pin-dir "$PINS" "$@"; }
load_example() { zone "$EXAMPLES/resolver/example.zone" >/dev/null; }
ask() { in_client dig +tries=1 +time=1 @198.18.0.1 "$@"; }
short() { ask +short "$@"; }

# The line of an answer with its status, and the one with flags and counts, and the records.
whole() { ask +noall +comments +answer +authority "$@" | grep -v '^$'; }

handled() { stat_of "[.functions[] | select(.name == \"resolver\")][0].outcomes.$1"; }

# A zone with one name more, its address ending with NUMBER.
small_zone() {
	printf '$TTL 60\n@ SOA ns h 1 2 3 4 5\nwww A 192.0.2.%s\n' "$1" >"$HOME_DIR/small.zone"
}

@test "dig is answered: A, AAAA, TXT, CNAME, by IPv4 and IPv6" {
	load_example
	[ "$(short web.example.com A | sort | tr '\n' ' ')" = "192.0.2.80 192.0.2.81 " ]
	[ "$(short example.com AAAA)" = 2001:db8::80 ]
	[ "$(short _dmarc.example.com TXT)" = '"v=DMARC1; p=reject"' ]
	[ "$(short www.example.com CNAME)" = web.example.com. ]
	[ "$(in_client dig +tries=1 +time=1 @fd00:18::1 +short ns1.example.com A)" = 192.0.2.53 ]
	[ "$(handled replied)" -eq 5 ]
}

@test "a chain of CNAMEs comes with what it ends at" {
	load_example
	run -0 whole docs.example.com A
	[[ $output == *"ANSWER: 4, AUTHORITY: 0"* ]]
	[[ $output =~ docs.example.com.*CNAME.*www.example.com.*CNAME.*web.example.com.*A.*192.0.2.8 ]]
	run -0 whole far.example.com A
	[[ $output == *"NOERROR"*"ANSWER: 1, AUTHORITY: 0"* ]]
	run -0 whole gone.example.com A
	[[ $output == *"NXDOMAIN"*"ANSWER: 1, AUTHORITY: 1"* ]]
}

@test "what is not there: NXDOMAIN and no data, each with the SOA for five minutes" {
	load_example
	run -0 whole nobody.example.com A
	[[ $output == *"NXDOMAIN"*"qr aa"*"ANSWER: 0, AUTHORITY: 1"* ]]
	[[ $output =~ example.com.[[:space:]]+300[[:space:]]+IN[[:space:]]+SOA ]]
	run -0 whole web.example.com TXT
	[[ $output == *"NOERROR"*"ANSWER: 0, AUTHORITY: 1"* ]]
	run -0 whole b.c.example.com A # a name without records of its own
	[[ $output == *"NOERROR"*"ANSWER: 0, AUTHORITY: 1"* ]]
}

@test "EDNS: size and DO, BADVERS, and none where none was asked" {
	load_example
	run -0 ask web.example.com +dnssec
	[[ $output == *"EDNS: version: 0, flags: do; udp: 1232"* ]]
	run -0 ask web.example.com +edns=1 +noednsnegotiation
	[[ $output == *"status: BADVERS"* ]]
	run -0 ask web.example.com +noedns
	[[ $output == *"status: NOERROR"* && $output != *EDNS* ]]
}

@test "too long for 512 bytes: TC" {
	load_example
	run -0 ask long.example.com TXT +noedns +ignore
	[[ $output == *"flags: qr aa tc rd;"*"ANSWER: 0"* ]]
	run -0 ask long.example.com TXT +bufsize=512 +ignore
	[[ $output == *"flags: qr aa tc rd;"*"ANSWER: 0"* ]]
	[ "$(handled replied)" -eq 2 ]
}

@test "the case of the question is kept" {
	load_example
	run -0 ask wWw.ExAmPlE.cOm A +qr
	[ "$(grep -c '^;wWw\.ExAmPlE\.cOm\.' <<<"$output")" -eq 2 ]
	[[ $output == *192.0.2.80* ]]
}

@test "what is not its own goes to the server behind it, unchanged" {
	load_example
	nsenter --net="/run/netns/$SERVER" python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("198.18.0.1", 53))
while True:
    query, client = s.recvfrom(2048)
    s.sendto(query[:2] + b"\x81\x05" + query[4:], client)' 3>&- &
	behind=$!
	until_true 3 server_listens
	for question in "example.com ANY" "example.com MX" "web.example.org A" "example.com A CH"; do
		# shellcheck disable=SC2086
		run -0 ask +notcp $question
		[[ $output == *"status: REFUSED"* ]]
	done
	kill "$behind"
	[ "$(handled passed)" -eq 4 ]
	[ "$(handled replied)" -eq 0 ]
}

server_listens() { in_server ss -Hlnu 'sport = 53' | grep -q 198.18.0.1; }

@test "zone: a zone is replaced under traffic, each answer is the old one or the new one" {
	small_zone 1
	zone -o example.com "$HOME_DIR/small.zone"
	nsenter --net="/run/netns/$CLIENT" bash -c 'while [[ ! -e $1 ]]; do
		dig +tries=1 +time=1 @198.18.0.1 +short www.example.com A; done' _ "$HOME_DIR/stop" \
		>"$HOME_DIR/answers" 3>&- &
	asking=$!
	for i in $(seq 2 12); do
		small_zone "$i"
		zone -o example.com "$HOME_DIR/small.zone"
	done
	touch "$HOME_DIR/stop"
	wait "$asking"
	sort "$HOME_DIR/answers" | uniq -c
	[ "$(wc -l <"$HOME_DIR/answers")" -ge 2 ]
	[ "$(grep -vc '^192\.0\.2\.[0-9]*$' "$HOME_DIR/answers")" -eq 0 ]
	[ "$(short www.example.com A)" = 192.0.2.12 ]
}

@test "zone: a swapped handler has the zone, a removed one does not" {
	load_example
	run -0 xfn swap resolver "$RESOLVER"
	[ "$(short ns1.example.com A)" = 192.0.2.53 ]
	apply --yes >/dev/null <<-END
		version: 1
		functions: []
	END
	run -3 zone "$EXAMPLES/resolver/example.zone"
	[[ $output == *"no function 'default/resolver' below '$PINS'"* ]]
}

@test "zone: what is wrong with a file is told by line and column, and changes nothing" {
	load_example
	cat >"$HOME_DIR/bad.zone" <<-'END'
		$ORIGIN example.com.
		$TTL 1h
		@ SOA ns1 hostmaster 1 2 3 4 5
		www A 192.0.2.300
		a CNAME b
		b CNAME a
		* A 192.0.2.1
		t TXT "never closed
		@ CNAME www
		m FOO bar
		sub NS ns1
		out.example.org. A 192.0.2.1
	END
	run -1 zone "$HOME_DIR/bad.zone"
	for line in "4:7: '192.0.2.300' is not an address" "7:1: wildcards are not supported" \
		"8:7: quoted string does not end on its line" "10:3: unknown record type 'FOO'" \
		"9: 'example.com.' has a CNAME and other records" \
		"11: NS record of 'sub.example.com.': delegations are not supported" \
		"12: 'out.example.org.' is not in the zone"; do
		[[ $output == *"bad.zone:$line"* ]] || { echo "$output"; echo "missing: $line"; false; }
	done
	[ "$(short ns1.example.com A)" = 192.0.2.53 ]
}

@test "zone --check needs no function: loops, relative names, no SOA, and a good zone" {
	# shellcheck disable=SC2059
	check() { printf "$1" | "$ZONE" --check /dev/stdin; }
	run -1 check '@ SOA a b 1 2 3 4 5\n'
	[[ $output == *"1:1: '@' is relative, and there is no \$ORIGIN"* ]]
	run -1 check '$ORIGIN x.\n$TTL 5\n@ SOA a b 1 2 3 4 5\na CNAME b\nb CNAME a\n'
	[[ $output == *"4:3: CNAME of 'a.x.' starts a loop, or a chain of more than 8"* ]]
	run -1 check '$ORIGIN x.\na 60 A 192.0.2.1\n'
	[[ $output == *"no SOA record"* ]]
	run -0 "$ZONE" --check "$EXAMPLES/resolver/example.zone"
	[[ $output == "example.com. serial 2026112301: "*" names, "*" answers, good" ]]
	run -2 "$ZONE"
	[[ $output == "usage: zone"* ]]
}
