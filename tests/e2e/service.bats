#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The installed unit under a systemd of its own: see tools/service.sh.

bats_require_minimum_version 1.5.0

# One boot for all tests: each looks at another part of what was said.
setup_file() {
	cd "$BATS_TEST_DIRNAME/../.." || return 1
	unset MAKEFLAGS MAKELEVEL
	export SAID=$BATS_FILE_TMPDIR/out/said REASON=$BATS_FILE_TMPDIR/reason
	mkdir "$BATS_FILE_TMPDIR/out"
	make --no-print-directory install DESTDIR="$BATS_FILE_TMPDIR/root" PREFIX=/usr >/dev/null
	write_script >"$BATS_FILE_TMPDIR/script"
	boot
}

# What systemd makes below the cgroup that it finds itself in goes with this one.
boot() {
	local cgroups cgroup pid
	cgroups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	if [[ -z $cgroups ]]; then
		echo "no cgroup v2" >"$REASON"
		return
	fi
	cgroup=$cgroups/xfn-e2e-service${XFN_E2E_TAG-}
	mkdir -p "$cgroup"
	bash -c 'echo $$ >"$0/cgroup.procs" && exec unshare --mount --pid --fork --kill-child --ipc \
		--uts --net --cgroup "$@"' "$cgroup" tests/e2e/tools/service.sh \
		"$BATS_FILE_TMPDIR/root" "$BATS_FILE_TMPDIR/script" "$BATS_FILE_TMPDIR/out" \
		2>"$REASON" >/dev/null 3>&- &
	pid=$!
	for _ in $(seq 600); do
		if [[ -e $BATS_FILE_TMPDIR/out/done ]] || ! kill -0 "$pid" 2>/dev/null; then break; fi
		sleep 0.1
	done
	kill -KILL "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	for _ in $(seq 50); do
		find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null && break
		sleep 0.1
	done
}

setup() {
	if [[ ! -e $SAID ]]; then skip "$(tail -n 1 "$REASON")"; fi
}

# said NAME: what the script printed under that heading
said() { awk -v name="== $1" '/^== / { here = $0 == name; next } here' "$SAID"; }

write_script() {
	cat <<-SCRIPT
		PATH=/usr/sbin:/usr/bin:/sbin:/bin
		say() { echo "== \$1"; }
		ip link set lo up
		ip link add near type veth peer name far
		ip addr add 198.18.0.1/24 dev near
		ip link set near up
		ip link set far up
		say start
		systemctl start xfnd; echo "exit \$?"
		journalctl -u xfnd --no-pager -o cat 2>/dev/null | tail -n 5
		pid=\$(systemctl show -p MainPID --value xfnd)
		say rights
		grep -E '^(Uid|CapEff|CapAmb|NoNewPrivs|Seccomp):' /proc/\$pid/status
		say sockets
		stat -c '%n %a %U:%G' /run/xfn/*.sock
		say apply
		cat >/tmp/xfn.yaml <<-MANIFEST
		version: 1
		attach: [near]
		functions: [{name: echo, trigger: udp/7, kernel: $PWD/build/examples/echo/echo.bpf.o}]
		MANIFEST
		xfn apply /tmp/xfn.yaml >/dev/null; echo "exit \$?"
		say crash
		kill -KILL \$pid
		for _ in \$(seq 100); do xfn journal >/dev/null 2>&1 && break || sleep 0.1; done
		systemctl show -p NRestarts,ActiveState xfnd
		xfn -j | jq -r '"revision \\(.revision) \\(.interfaces[0].state)"'
		say swap
		xfn swap echo $PWD/build/tests/bpf/answer_a.bpf.o
		say function
		cp $PWD/build/examples/function/echo /usr/bin/xfn-function-echo # every user has that
		cat >/tmp/function.yaml <<-MANIFEST
		version: 1
		set: function
		functions:
		- {name: afxdp, trigger: udp/9, xsk: /usr/bin/xfn-function-echo}
		- {name: unit, trigger: udp/10, xsk: existing}
		MANIFEST
		xfn apply /tmp/function.yaml >/dev/null; echo "exit \$?"
		instance() { xfn -j show afxdp | jq -r .instance.\$1; }
		for _ in \$(seq 100); do [ "\$(instance state)" = ready ] && break || sleep 0.1; done
		pid=\$(instance pid)
		echo "\$(instance state) \$(stat -c %u /proc/\$pid)"
		instance last_end
		say cgroups
		instance cgroup; sed -n 's/^0:://p' /proc/\$pid/cgroup
		sed -n 's/^0:://p' /proc/\$(systemctl show -p MainPID --value xfnd)/cgroup
		say unit
		mkdir -p /run/systemd/system
		cat >/run/systemd/system/run.service <<-UNIT
		[Service]
		ExecStart=xfn run unit -- /usr/bin/xfn-function-echo
		Restart=always
		RestartSec=100ms
		UNIT
		systemctl daemon-reload
		unit() { xfn -j show unit | jq -r .instance.\$1; }
		is_units() { [ "\$(unit state)" = ready ] && [ "\$(unit pid)" = "\$(systemctl show -p MainPID --value run)" ]; }
		wait_unit() { for _ in \$(seq 100); do is_units && break || sleep 0.1; done; is_units && echo "\$(readlink /proc/\$(unit pid)/exe)"; }
		systemctl start run; wait_unit
		kill -KILL \$(unit pid); sleep 0.2; wait_unit
		systemctl show -p NRestarts --value run
		systemctl stop run; systemctl show -p Result --value run
		for _ in \$(seq 50); do [ "\$(unit state)" = idle ] && break || sleep 0.1; done
		unit state
		say stop
		systemctl stop xfnd; echo "exit \$?"
		ip link show near | grep -c prog/xdp
		say again
		systemctl start xfnd
		xfn -j ls | jq -r '.functions[0].versions[0]'
		xfn audit >/dev/null; echo "exit \$?"
		say adopted
		[ "\$(instance pid)" = "\$pid" ] && instance state
		instance cgroup
		say end
	SCRIPT
}

@test "service: starts as a user of its own, with three capabilities" {
	said start
	[ "$(said start | head -n 1)" = "exit 0" ]
	[[ $(said rights) == *CapEff:?000000c000001000* ]]
	[[ $(said rights) == *CapAmb:?0000000000000000* ]]
	[[ $(said rights) != *Uid:?0?* ]]
}

@test "service: its sockets are for the groups xfn and xfn-ro" {
	[[ $(said sockets) == *"/run/xfn/xfn.sock 660 xfn:xfn"* ]]
	[[ $(said sockets) == *"/run/xfn/xfn-ro.sock 660 xfn:xfn-ro"* ]]
}

@test "service: applies, and after a crash goes on with what is pinned" {
	said apply
	[ "$(said apply)" = "exit 0" ]
	[[ $(said crash) == *NRestarts=1* ]]
	[[ $(said crash) == *ActiveState=active* ]]
	[[ $(said crash) == *"revision 1 attached"* ]]
	[[ $(said swap) == *"v1 -> v2"* ]]
}

@test "service: stopping detaches nothing, and the next start finds all of it" {
	[ "$(said stop | xargs)" = "exit 0 1" ]
	said again
	[ "$(said again | xargs)" = "v2 exit 0" ]
}

@test "service: starts a function as a user of its own, which outlives it and is adopted by the next" {
	said function
	[[ $(said function | xargs) =~ ^"exit 0 ready "([0-9]+)$ ]]
	((BASH_REMATCH[1] >= 1879048192 && BASH_REMATCH[1] < 2147483648))
	[ "$(said adopted | head -n 1)" = ready ]
}

@test "service: a function has a cgroup below the unit's own, also behind the next start" {
	local unit=/system.slice/xfnd.service
	said cgroups
	[ "$(said cgroups | xargs)" = "/sys/fs/cgroup$unit/default.afxdp.1 $unit/default.afxdp.1 $unit/xfnd" ]
	[ "$(said adopted | tail -n 1)" = "/sys/fs/cgroup$unit/default.afxdp.1" ]
}

@test "service: a unit of one's own has the program that xfn run becomes: started again, and stopped" {
	said unit
	[[ $(said unit | xargs) == "/usr/bin/xfn-function-echo /usr/bin/xfn-function-echo "[1-9]*" success idle" ]]
}
