#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# After many changes xfnd holds what it held after few: memory, descriptors, maps and programs.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib

setup() {
	e2e_setup
	start_daemon
	xfn attach xfn0 >/dev/null
}

teardown() { e2e_teardown; }

# One of four manifests that have little in common.
write_manifest() {
	local i
	printf 'version: 1\nfunctions:\n'
	case $1 in
	0) printf '  - {name: one, trigger: udp/7, kernel: %s}\n' "$OBJECTS/count_more.bpf.o" ;;
	1) printf '  - {name: one, trigger: udp/7, kernel: %s}\n' "$OBJECTS/count_arrivals.bpf.o" ;;
	2) for i in $(seq 300); do
		printf '  - {name: f%d, trigger: udp/%d, socket: existing}\n' "$i" $((i + 1000))
	done ;;
	3) printf '  - {name: two, tenant: t, trigger: udp/7, kernel: %s}\n' "$ECHO" ;;
	esac
}

churn() {
	local i
	for i in $(seq 0 $(($1 - 1))); do
		xfn apply "$HOME_DIR/$((i % 4)).yaml" >/dev/null
	done
	# What a change leaves until the next one is the same where the last is the same.
	xfn plan "$HOME_DIR/0.yaml" >/dev/null
}

# The kernel frees in its own time, so ids are those that are still there a moment later.
holdings() {
	sleep 0.2
	"$TOOLS/leftover" list "$PINS" "$DAEMON" | sort -u -k1,2 >"$HOME_DIR/held"
	echo "$(grep -c ^map "$HOME_DIR/held") maps," \
		"$(cut -d' ' -f1,2 "$HOME_DIR/held" | sort -u | grep -c ^prog) programs," \
		"$(names "/proc/$DAEMON/fd" | wc -w) descriptors," \
		"$(find "$PINS" -type f | wc -l) pins," \
		"$(names "$STATE/revisions" | wc -w) revisions"
}

heap_kb() { awk '/^RssAnon/ { print $2 }' "/proc/$DAEMON/status"; }

@test "200 applies: memory, descriptors, maps, programs and revisions are stable" {
	for i in 0 1 2 3; do write_manifest $i >"$HOME_DIR/$i.yaml"; done
	churn 40 # more than the revisions that are kept
	before=$(holdings)
	# A leak grows in each of three stretches; the heap takes its form once, a ruleset at a time.
	for stretch in 0 1 2; do
		from_kb=$(heap_kb)
		churn 60
		grown_kb[stretch]=$(($(heap_kb) - from_kb))
	done
	after=$(holdings)
	echo "$before"$'\n'"$after"$'\n'"${grown_kb[*]} KB"
	[ "$after" = "$before" ]
	[ "$(printf '%d\n' "${grown_kb[@]}" | sort -n | head -n 1)" -le 256 ]
	# What refusals try is let go as well.
	for _ in $(seq 20); do
		! xfn apply <(printf 'version: 1\nfunctions:\n  - {name: x, trigger: udp/9, kernel: %s}\n' \
			"$OBJECTS/refused_verifier.bpf.o") >/dev/null 2>&1
		! xfn attach lo >/dev/null 2>&1
	done
	[ "$(holdings)" = "$before" ]
	audit_is_ok
}

@test "attached and detached 20 times: the same" {
	write_manifest 0 >"$HOME_DIR/0.yaml"
	cycle() {
		xfn detach xfn0 >/dev/null
		xfn attach xfn0 >/dev/null
		xfn apply "$HOME_DIR/0.yaml" >/dev/null
	}
	for _ in $(seq 18); do cycle; done
	before=$(holdings)
	for _ in $(seq 14); do cycle; done
	echo "$before"
	[ "$(holdings)" = "$before" ]
}
