#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# make install, into a folder of its own, and what systemd makes of the files. Needs no running systemd.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return 1
	ROOT=$BATS_TEST_TMPDIR/root
	unset MAKEFLAGS MAKELEVEL
}

install_into() { make --no-print-directory install DESTDIR="$ROOT" "$@" >/dev/null; }

installed() { (cd "$ROOT" && find . -type f -printf '%P %m\n' | sort); }

@test "install: programs, headers, manual pages, completion, unit, user and pins" {
	install_into PREFIX=/usr
	local page
	[[ $(installed) == *"usr/bin/xfn 755"* ]]
	[[ $(installed) == *"usr/sbin/xfnd 755"* ]]
	[[ $(installed) == *"usr/sbin/xfn-keeper 755"* ]]
	[[ $(installed) == *"usr/lib/xfn/xfn_pass.bpf.o 644"* ]]
	[[ $(installed) == *"usr/share/bash-completion/completions/xfn 644"* ]]
	[[ $(installed) == *"usr/lib/systemd/system/xfnd.service 644"* ]]
	[[ $(installed) == *"usr/lib/sysusers.d/xfn.conf 644"* ]]
	[[ $(installed) == *"usr/lib/tmpfiles.d/xfn.conf 644"* ]]
	for page in docs/man/*.[1-8]; do
		[ -e "$ROOT/usr/share/man/man${page##*.}/${page##*/}" ]
	done
	[ "$("$ROOT/usr/bin/xfn" version)" != "" ]
	"$ROOT/usr/sbin/xfnd" --version
	"$ROOT/usr/sbin/xfn-keeper" --version
}

@test "install: libxfn, for C and C++, shared and static, with its names and no others" {
	install_into PREFIX=/usr
	local flags=(--define-variable=prefix="$ROOT/usr" xfn) program=$BATS_TEST_TMPDIR/echo
	export PKG_CONFIG_PATH=$ROOT/usr/lib/pkgconfig
	[ "$(pkg-config --modversion xfn)" = "$("$ROOT/usr/bin/xfn" version | awk '{print $2}')" ]
	# shellcheck disable=SC2046
	cc -Wall -Werror -o "$program" examples/function/echo.c $(pkg-config --cflags --libs "${flags[@]}")
	[[ $(readelf -d "$program") == *"NEEDED"*"[libxfn.so.0]"* ]]
	run -1 --separate-stderr env LD_LIBRARY_PATH="$ROOT/usr/lib" "$program"
	# shellcheck disable=SC2154
	[ "$stderr" = "echo: No such file or directory" ]
	# shellcheck disable=SC2046
	clang++ -x c++ -Wall -Werror -c -o "$program.o" examples/function/echo.c $(pkg-config --cflags "${flags[@]}")
	cc -o "$program" "$program.o" "$ROOT/usr/lib/libxfn.a"
	run -1 "$program"
	# Whatever the header declares is in both, for C++ as well.
	sed -nE 's/^[a-z][a-z_ ]*[ *]\*?(xfn_[a-z_]+)\(.*/\1/p' include/xfn/function.h | grep -v '_fn$' >"$program.names"
	[ "$(wc -l <"$program.names")" -ge 15 ]
	{
		printf '#include <xfn/function.h>\nint main() { const void *all[] = {\n'
		sed 's/.*/(const void *)&,/' "$program.names"
		printf '}; return !all[0]; }\n'
	} >"$program.cc"
	for library in "$ROOT/usr/lib/libxfn.so" "$ROOT/usr/lib/libxfn.a"; do
		# shellcheck disable=SC2046
		clang++ -Wall -o "$program.all" "$program.cc" $(pkg-config --cflags "${flags[@]}") "$library"
		LD_LIBRARY_PATH="$ROOT/usr/lib" "$program.all"
	done
	[ "$(nm -D --defined-only "$ROOT/usr/lib/libxfn.so.0" | awk '$2 == "T" { print $3 }' | sort)" = "$(
		sed -n 's/^\t\(xfn_[a-z_]*\);$/\1@@XFN_0.1/p' user/libxfn/libxfn.map | sort)" ]
}

@test "install: what was installed is taken away again, and nothing else" {
	mkdir -p "$ROOT/usr/lib/systemd/system"
	touch "$ROOT/usr/lib/systemd/system/other.service"
	install_into PREFIX=/usr
	make --no-print-directory uninstall DESTDIR="$ROOT" PREFIX=/usr
	[ "$(cd "$ROOT" && find . -type f -o -type l)" = ./usr/lib/systemd/system/other.service ]
	[ ! -e "$ROOT/usr/include/xfn" ]
}

@test "install: the unit runs the xfnd that was installed, under /usr/local by default" {
	install_into
	grep -qx 'ExecStart=/usr/local/sbin/xfnd' "$ROOT/usr/local/lib/systemd/system/xfnd.service"
	[ -x "$ROOT/usr/local/sbin/xfnd" ]
}

@test "unit: exposure is at most 3.7" {
	[[ -x $(type -P systemd-analyze) ]] || skip "no systemd-analyze"
	install_into PREFIX=/usr
	run systemd-analyze security --no-pager --offline=true --threshold=37 --root="$ROOT" \
		"$ROOT/usr/lib/systemd/system/xfnd.service"
	echo "$output" | tail -n 1
	[ "$status" -eq 0 ]
}

@test "unit: stopping detaches nothing, a crash is mended, systemd is told when it is ready" {
	install_into PREFIX=/usr
	local unit=$ROOT/usr/lib/systemd/system/xfnd.service
	# Behind its end, and takes only what would keep the next one from starting.
	[ "$(grep '^ExecStop' "$unit")" = "ExecStopPost=-/usr/sbin/xfnd --release-cgroup" ]
	grep -qx 'OOMPolicy=continue' "$unit"
	grep -qx 'Restart=on-failure' "$unit"
	grep -qx 'Type=notify' "$unit"
	systemd-analyze verify --root="$ROOT" --recursive-errors=no xfnd.service 2>"$ROOT/said" || true
	cat "$ROOT/said"
	[ "$(grep -cE 'xfnd.service:.*(Unknown|Invalid|Failed to parse|not absolute)' "$ROOT/said")" = 0 ]
}

@test "unit: systemd makes the user, the groups and the folder of pins" {
	[[ -x $(type -P systemd-sysusers) ]] || skip "no systemd-sysusers"
	install_into PREFIX=/usr
	mkdir -p "$ROOT/etc"
	systemd-sysusers --root="$ROOT"
	grep -q '^xfn:' "$ROOT/etc/passwd"
	grep -qE '^xfn-ro:[^:]*:[0-9]+:(.*,)?xfn(,|$)' "$ROOT/etc/group"
	mkdir -p "$ROOT/sys/fs/bpf"
	systemd-tmpfiles --root="$ROOT" --create xfn.conf
	local uid
	uid=$(awk -F: '$1 == "xfn" { print $3 }' "$ROOT/etc/passwd")
	[ "$(stat -c %a:%u "$ROOT/sys/fs/bpf/xfn")" = "700:$uid" ]
}

@test "xfnd: tells its service manager when it is ready, alive, and when it stops" {
	local socket=$BATS_TEST_TMPDIR/notify dir=$BATS_TEST_TMPDIR/run pins said
	pins=/sys/fs/bpf/xfn-e2e-install${XFN_E2E_TAG-}
	socat -u UNIX-RECV:"$socket" OPEN:"$BATS_TEST_TMPDIR/said",creat,append 3>&- &
	for _ in $(seq 50); do [ -S "$socket" ] && break || sleep 0.1; done
	NOTIFY_SOCKET=$socket WATCHDOG_USEC=400000 unshare --net build/xfnd --run-dir "$dir" --pin-dir "$pins" \
		--state-dir "$dir/state" 2>/dev/null 3>&- &
	said=$BATS_TEST_TMPDIR/said
	for _ in $(seq 100); do grep -q READY=1 "$said" 2>/dev/null && break || sleep 0.1; done
	grep -q READY=1 "$said"
	for _ in $(seq 100); do grep -q WATCHDOG=1 "$said" && break || sleep 0.1; done
	grep -q WATCHDOG=1 "$said"
	kill "$(<"$dir/xfnd.lock")"
	for _ in $(seq 100); do grep -q STOPPING=1 "$said" && break || sleep 0.1; done
	kill %1
	rm -rf "$pins"
	grep -q STOPPING=1 "$said"
}
