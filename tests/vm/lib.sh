# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# For end-to-end tests in a guest of tests/vm, or by root anywhere: a host and a client, each in a network
# namespace of its own, with a veth pair between them, and the daemon. Read with the top folder as the
# current one. What still runs in the namespaces at the end is ended.
BUILD=${BUILD:-build}
host=xfn-vm-host-$$
client=xfn-vm-client-$$
box=xfn-vm-box-$$
host_address=198.18.0.1
work=$(mktemp -d)
log=$work/log
pins=/sys/fs/bpf/xfn-vm-$$
cgroup=none
if grep -q memory /sys/fs/cgroup/cgroup.subtree_control; then cgroup=/sys/fs/cgroup/xfn-vm-$$; fi
# shellcheck source=tests/vm/tap.sh
. tests/vm/tap.sh

# Not `ip netns exec`: it mounts /sys anew and so hides bpffs.
in_host() {
	nsenter --net="/run/netns/$host" "$@"
}

in_client() {
	nsenter --net="/run/netns/$client" "$@"
}

in_box() {
	nsenter --net="/run/netns/$box" "$@"
}

xfn() {
	in_host "$BUILD/xfn" --socket "$work/xfn.sock" "$@"
}

clean_up() {
	for pid in $(ip netns pids "$host") $(ip netns pids "$client") $(ip netns pids "$box"); do
		kill "$pid"
	done
	ip netns del "$host"
	ip netns del "$client"
	ip netns del "$box"
	rm -rf "$work" "$pins"
} 2>/dev/null
trap clean_up EXIT
trap 'exit 1' INT TERM

make_wire() {
	ip netns add "$host" &&
		ip netns add "$client" &&
		ip link add near netns "$host" type veth peer name far netns "$client" &&
		in_host ip addr add "$host_address/24" dev near &&
		in_host ip link set near up &&
		in_client ip addr add 198.18.0.2/24 dev far &&
		in_client ip link set far up
}

# ask TEXT PORT: prints what a UDP client of the host is answered within half a second.
ask() {
	echo "$1" | in_client socat -t 0.5 - "UDP4:$host_address:$2"
}

start_daemon() {
	in_host "$BUILD/xfnd" --run-dir "$work" --pin-dir "$pins" --state-dir "$work/state" \
		--cgroup "$cgroup" &
	for _ in 1 2 3 4 5 6 7 8; do
		! xfn journal || return 0
		sleep 0.5
	done
	return 1
}
