#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# What xfnd may do once it is up, as root and as a user of its own, and that it is enough.

load lib

# Of the capabilities' numbers: CAP_NET_ADMIN 12, CAP_SYS_ADMIN 21, CAP_PERFMON 38, CAP_BPF 39.
DAEMON_CAPS=000000c000001000
BROKER_CAPS=0000000000200000
COEXIST_CAPS=000000c000201000
NONE=0000000000000000
SERVICE_UID=64999

setup() {
	e2e_setup
}

teardown() {
	e2e_teardown
}

# status_of PID FIELD
status_of() { awk -v field="$2:" '$1 == field { print $2 }' "/proc/$1/status"; }

broker_of() { pgrep -P "$1" -x xfnd-broker; }
coexist_of() { pgrep -P "$1" -x xfnd-coexist; }

# may_only PID CAPABILITIES: these and no others, and none to be gained.
may_only() {
	local field
	for field in CapEff CapPrm; do [ "$(status_of "$1" "$field")" = "$2" ] || return 1; done
	for field in CapInh CapAmb; do [ "$(status_of "$1" "$field")" = $NONE ] || return 1; done
	[ "$(status_of "$1" NoNewPrivs)" = 1 ] && [ "$(status_of "$1" Seccomp)" = 2 ]
}

# As the installed unit starts it: a user without rights but for ambient capabilities, who sees of
# the bpffs his own folder alone, since its top is root's.
start_as_service() {
	mkdir -p "$RUN" "$STATE" "$PINS"
	chmod 0700 "$STATE" "$PINS"
	chown "$SERVICE_UID:$SERVICE_UID" "$RUN" "$STATE" "$PINS"
	chmod a+x "$HOME_DIR"
	local caps=-all,+bpf,+perfmon,+net_admin,+sys_admin
	# Expanded by the inner shell, where $0 is the folder of pins.
	# shellcheck disable=SC2016
	nsenter --net="/run/netns/$SERVER" unshare --mount bash -c '
		mkdir "$1/pins" && mount --bind "$0" "$1/pins" &&
		mount -t tmpfs -o mode=0755 tmpfs /sys/fs/bpf && mkdir -p "$0" &&
		mount --move "$1/pins" "$0" && rmdir "$1/pins" && shift && exec "$@"' \
		"$PINS" "$HOME_DIR" \
		setpriv --reuid "$SERVICE_UID" --regid "$SERVICE_UID" --clear-groups \
		--inh-caps "$caps" --ambient-caps "$caps" \
		--bounding-set "$caps" "$XFND" --run-dir "$RUN" --pin-dir "$PINS" --state-dir "$STATE" \
		>>"$LOG" 2>&1 3>&- &
	DAEMON=$!
	echo "$DAEMON" >"$HOME_DIR/daemon"
	until_true 10 "$XFN" journal >/dev/null
}

@test "privileges: xfnd keeps three capabilities, its broker one, neither can gain any" {
	start_daemon
	may_only "$DAEMON" $DAEMON_CAPS
	[ "$(status_of "$DAEMON" CapBnd)" = $NONE ]
	may_only "$(broker_of "$DAEMON")" $BROKER_CAPS
	[ "$(status_of "$(broker_of "$DAEMON")" CapBnd)" = $NONE ]
}

@test "privileges: the process that works libxdp has four capabilities, ends with xfnd, and is missed by nobody else" {
	start_daemon
	local coexist
	coexist=$(coexist_of "$DAEMON")
	may_only "$coexist" $COEXIST_CAPS
	[ "$(status_of "$coexist" CapBnd)" = $NONE ]
	restart_daemon KILL
	until_true 2 is_gone "$coexist"
	kill -KILL "$(coexist_of "$DAEMON")"
	run -1 "$XFN" attach xfn0 --coexist
	[[ $output == *"the process that works libxdp is gone: start xfnd again"* ]]
	apply_echo <<<'attach: [xfn0]'
	[ "$(who_answers 198.18.0.1 7)" != none ]
	stop_daemon TERM
	start_daemon
}

@test "privileges: the broker ends with xfnd, also by kill -9, and holds no lock" {
	start_daemon
	local broker
	broker=$(broker_of "$DAEMON")
	restart_daemon KILL
	until_true 2 is_gone "$broker"
	broker=$(broker_of "$DAEMON")
	stop_daemon TERM
	until_true 2 is_gone "$broker"
	start_daemon
}

@test "privileges: a broker that was killed leaves traffic and reading alone" {
	start_daemon
	apply_echo <<<'attach: [xfn0]'
	kill -KILL "$(broker_of "$DAEMON")"
	[ "$(who_answers 198.18.0.1 7)" != none ]
	xfn stats >/dev/null
	run -1 "$XFN" doctor
	[[ $output == *"fail  broker: the broker is gone"* ]]
	restart_daemon
	[ "$(who_answers 198.18.0.1 7)" != none ]
	run -0 "$XFN" doctor
	[[ $output == *"ok    broker"* ]]
}

@test "privileges: as a user of its own it attaches, applies, adopts and swaps" {
	start_as_service
	may_only "$DAEMON" $DAEMON_CAPS
	[ "$(status_of "$DAEMON" Uid)" = $SERVICE_UID ]
	[ "$(stat -c %a:%u "$XFN_SOCKET")" = "660:$SERVICE_UID" ]
	apply_echo <<<'attach: [xfn0]'
	[ "$(who_answers 198.18.0.1 7)" != none ]
	stop_daemon KILL
	[ "$(who_answers 198.18.0.1 7)" != none ]
	start_as_service
	[ "$(revision)" = 1 ]
	xfn swap echo "$OBJECTS/answer_a.bpf.o"
	[ "$(who_answers 198.18.0.1 7)" != none ]
	audit_is_ok
	xfn detach xfn0
	[ "$(find "$PINS" -path '*/interfaces/*' | wc -l)" = 0 ]
}

@test "privileges: private maps are inherited and pinned without CAP_SYS_ADMIN in xfnd" {
	start_as_service
	apply <<-MANIFEST
		version: 1
		attach: [xfn0]
		functions:
		  - name: count
		    trigger: udp/7
		    kernel: $OBJECTS/count_events.bpf.o
	MANIFEST
	xfn swap count "$OBJECTS/count_arrivals.bpf.o" -j | jq -e '.to == "v2"'
	xfn swap count "$OBJECTS/count_events.bpf.o" -j
	[ -n "$(find "$PINS" -path '*/functions/default/count/*' -type f)" ]
}

@test "privileges: without its broker xfnd refuses what would lose a private map" {
	start_daemon
	apply <<-MANIFEST
		version: 1
		functions:
		  - name: count
		    trigger: udp/7
		    kernel: $OBJECTS/count_events.bpf.o
	MANIFEST
	kill -KILL "$(broker_of "$DAEMON")"
	run -1 "$XFN" swap count "$OBJECTS/count_events.bpf.o"
	[[ $output == *"cannot give map 'seen'"*"Broken pipe"* ]]
	[ "$(revision)" = 1 ]
	restart_daemon
	[ "$(xfn swap count "$OBJECTS/count_events.bpf.o" -j | jq -r '.inherited[0]')" = seen ]
}

@test "privileges: pins of another user are refused with a reason" {
	start_daemon
	xfn attach xfn0
	stop_daemon
	run start_as_service_on_root_pins
	[[ $output == *"cannot start with pins in"* ]]
}

start_as_service_on_root_pins() {
	mkdir -p "$RUN" "$STATE"
	chown "$SERVICE_UID:$SERVICE_UID" "$RUN" "$STATE" "$RUN"/*
	nsenter --net="/run/netns/$SERVER" setpriv --reuid "$SERVICE_UID" --regid "$SERVICE_UID" \
		--clear-groups --inh-caps +bpf,+net_admin --ambient-caps +bpf,+net_admin \
		timeout 5 "$XFND" --run-dir "$RUN" --pin-dir "$PINS" --state-dir "$STATE"
}

@test "privileges: files and pins are for the daemon's user alone" {
	start_daemon
	apply_echo <<<'attach: [xfn0]'
	[ "$(stat -c %a "$STATE")" = 700 ]
	[ -z "$(find "$PINS" -type d ! -perm 0700)" ]
	[ -z "$(find "$PINS" -type f -perm /077)" ]
	[ -z "$(find "$STATE" -mindepth 1 -perm /022)" ]
	[ "$(stat -c %a "$RUN/xfn.sock" "$RUN/xfn-ro.sock" | sort -u)" = 660 ]
}
