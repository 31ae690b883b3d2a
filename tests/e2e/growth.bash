# SPDX-License-Identifier: BSD-2-Clause
# For end-to-end tests that run for long: what xfnd and its helpers hold, and whether it grows. After lib.
#
# shellcheck shell=bash

keeper() { in_server ss -xlpH "src $RUN/keeper.sock" | grep -oP '"xfn-keeper",pid=\K[0-9]+' | head -n 1; }
launcher() { pgrep -P "$DAEMON" -x xfnd-launcher; }
fds_of() { find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l; }
memory_kib_of() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }
children_of() { pgrep -c -P "$1"; }
ports() { ip -n "$SERVER" -o link show type veth 2>/dev/null | grep -c xfnp || true; }

# What is held, in one line: descriptors of xfnd, launcher and keeper, children of the launcher (those that nobody
# reaped too), ports, files of instances.
held() {
	echo "fds $(fds_of "$DAEMON") $(fds_of "$(launcher)") $(fds_of "$(keeper)") children $(children_of "$(launcher)")" \
		"ports $(ports) files $(find "$RUN/instances" -name '*.json' | wc -l)"
}

# Resident memory of xfnd, launcher and keeper, in KiB.
memory_kib() { echo "$(memory_kib_of "$DAEMON") $(memory_kib_of "$(launcher)") $(memory_kib_of "$(keeper)")"; }

# has_grown_less_than KIB BEFORE: none of the three by so much since BEFORE, which memory_kib printed.
has_grown_less_than() {
	local bound=$1 i
	local -a before now
	read -ra before <<<"$2"
	read -ra now <<<"$(memory_kib)"
	for i in 0 1 2; do
		((now[i] < before[i] + bound)) || return 1
	done
}

# cpu_of PID: clock ticks that it has used.
cpu_of() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
