#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A real reboot, as TAP: before it a manifest is applied and the machine goes down without a word to
# xfnd; after it the bpffs is empty, and xfnd applies what the disk has, before the interface is there.
#
# usage: tests/vm/reboot.sh before|after       in a guest of tests/vm, with a disk at /persist
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
log=/tmp/log
export XFN_SOCKET=/run/xfn/xfn.sock
# shellcheck source=tests/vm/tap.sh
. tests/vm/tap.sh

until_true() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		! "$@" || return 0
		sleep 0.5
	done
	return 1
}

xfn() { "$BUILD/xfn" "$@"; }

# The defaults of all folders but the state, as the unit would have it.
start_daemon() {
	"$BUILD/xfnd" --state-dir /persist/state >/tmp/xfnd.log 2>&1 &
	echo $! >/tmp/xfnd.pid
	until_true xfn journal || { cat /tmp/xfnd.log && return 1; }
}

make_wire() {
	ip netns add client &&
		ip link add near type veth peer name far netns client &&
		ip addr add 198.18.0.1/24 dev near &&
		ip link set near up &&
		ip -n client addr add 198.18.0.2/24 dev far &&
		ip -n client link set far up &&
		ip -n client link set far xdp obj "$BUILD/bpf/xfn_pass.bpf.o" sec xdp
}

ask() {
	[ "$(echo hello | nsenter --net=/run/netns/client socat -t 0.5 - UDP4:198.18.0.1:7)" = hello ]
}

answered() {
	until_true ask || { xfn stats --by verdict && return 1; }
}

apply() {
	cat >/persist/echo.yaml <<-MANIFEST || return 1
		version: 1
		attach: [near]
		functions:
		  - name: echo
		    trigger: udp/7
		    limit: 100k/s
		    kernel: $(realpath "$BUILD/examples/echo/echo.bpf.o")
	MANIFEST
	xfn apply /persist/echo.yaml
}

on_disk() {
	[ "$(findmnt -n -o SOURCE /persist 2>/dev/null || awk '$2 == "/persist" { print $1 }' /proc/mounts)" = /dev/vda ]
}

nothing_pinned() {
	[ -z "$(find /sys/fs/bpf -mindepth 1)" ]
}

revision_is_1() {
	[ "$(xfn -j | jq .revision)" = 1 ] || { xfn -j && return 1; }
}

# In what state is the one interface?
is_waiting() { [ "$(xfn -j | jq -r '.interfaces[0].state')" = waiting ]; }
is_attached() { [ "$(xfn -j | jq -r '.interfaces[0].state')" = attached ]; }

says_waiting() {
	until_true is_waiting || { xfn -j && return 1; }
}

attaches_by_itself() {
	until_true is_attached || { xfn -j && xfn journal && return 1; }
}

limit_is_kept() {
	[ "$(xfn show echo -j | jq -r .limit.rate)" = 100k/s ] || { xfn show echo -j && return 1; }
}

# The data plane keeps to three capabilities on this kernel, too.
rights() {
	[ "$(awk '/^CapEff/ { print $2 }' "/proc/$(cat /tmp/xfnd.pid)/status")" = 000000c000001000 ]
}

books() { xfn audit; }

# No sync of ours and no word to xfnd: what an apply has answered is on the disk.
go_down() {
	touch /persist/again && kill -KILL "$(cat /tmp/xfnd.pid)"
}

if [ "$1" = before ]; then
	run "the disk is there" on_disk
	run "a veth pair" make_wire
	run "the daemon starts" start_daemon
	run "a manifest is applied" apply
	run "the function answers" answered
	run "xfnd has three capabilities" rights
	run "the daemon is killed, the machine rebooted" go_down
else
	run "the disk is there" on_disk
	run "nothing is pinned" nothing_pinned
	run "the daemon starts" start_daemon
	run "the revision is that of the disk" revision_is_1
	run "an interface that is not there yet is waited for" says_waiting
	run "the interface appears" make_wire
	run "it is attached by itself" attaches_by_itself
	run "the function answers" answered
	run "its limit is as before" limit_is_kept
	run "the books agree" books
fi
echo "1..$n"
exit $bad
