#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The Debian 12 packages that building, the demo and the tests need. Says what is missing and how
# large it is, and installs it. One line and nothing done where everything is there.
#
# usage: tests/deps.sh [build|run|test|vm]...     all groups by default
# XFN_DEPS=skip leaves the machine alone; XFN_DEPS=list says what is missing and installs nothing.
set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
PATH=$PATH:/usr/sbin:/sbin

declare -A PACKAGES=(
	# Compiler, BPF compiler and skeletons (bpftool lives in /usr/sbin), fuzzer runtime, libraries.
	[build]="gcc libc6-dev make clang llvm libclang-rt-14-dev bpftool pkg-config
		libbpf-dev libxdp-dev libelf-dev zlib1g-dev libfyaml-dev libjansson-dev libmicrohttpd-dev
		libcurl4-openssl-dev libsystemd-dev libmnl-dev libcap-ng-dev libseccomp-dev
		uthash-dev"
	# What the demo and the end-to-end tests call: namespaces, real clients, load.
	[run]="iproute2 ethtool util-linux procps tcpdump bind9-dnsutils libcoap3-bin dnsperf curl
		nftables jq python3 socat iperf3 netcat-openbsd nodejs npm"
	[test]="libcmocka-dev bats parallel shellcheck mandoc clang-format git systemd"
	# Debian's own kernels in QEMU, see tests/vm/.
	[vm]="qemu-system-x86 busybox-static dash cpio kmod xz-utils e2fsprogs xdp-tools"
)
GROUPS_IN_ORDER=(build run test vm)

fail() {
	printf 'deps: %s\n' "$*" >&2
	exit 1
}

# Prints the packages among "$@" that are not installed, nor part of one that is, as npm is of some nodejs.
missing() {
	local installed provided package
	installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package} ' "$@" 2>/dev/null || true)"
	provided=" $(dpkg-query -W -f '${db:Status-Status} ${Provides}\n' "$@" 2>/dev/null |
		sed -n 's/^installed //; t keep; d; :keep; s/([^)]*)//g; s/,/ /g; p' | tr '\n' ' ' || true) "
	for package; do
		[[ $installed == *" installed $package "* || $provided == *" $package "* ]] ||
			printf '%s\n' "$package"
	done
}

# Prints "N packages, X MB to download, Y MB installed" for "$@" with what they pull in. The list of
# apt may be empty or old: then the figures are not known, which is no reason to stop.
size() {
	local uris names bytes kib
	if ! uris=$(apt-get install --no-install-recommends --print-uris -qq -y "$@" 2>/dev/null); then
		echo "size not known: apt has no list of packages yet"
		return
	fi
	bytes=$(awk '/^\x27/ { sum += $3 } END { printf "%d", sum }' <<<"$uris")
	mapfile -t names < <(apt-get install --no-install-recommends -s -qq -y "$@" 2>/dev/null |
		awk '$1 == "Inst" { print $2 }')
	kib=$(apt-cache show --no-all-versions "${names[@]}" |
		awk '$1 == "Installed-Size:" { sum += $2 } END { printf "%d", sum }')
	echo "${#names[@]} packages with what they need," \
		"$((bytes / 1000000)) MB to download, $((kib / 1000)) MB installed"
}

if [[ ${XFN_DEPS-} == skip ]]; then
	echo "deps: not looked at (XFN_DEPS=skip)"
	exit 0
fi
[[ -x $(command -v apt-get) ]] ||
	fail "no apt-get here: install the packages of tests/deps.sh by hand and set XFN_DEPS=skip"

[[ $# -gt 0 ]] || set -- "${GROUPS_IN_ORDER[@]}"
wanted=()
for group; do
	[[ -v PACKAGES[$group] ]] ||
		fail "no group '$group': expected one of ${GROUPS_IN_ORDER[*]}"
	read -ra names -d '' <<<"${PACKAGES[$group]}" || true
	wanted+=("${names[@]}")
done

mapfile -t lacking < <(missing "${wanted[@]}")
if [[ ${#lacking[@]} -eq 0 ]]; then
	echo "deps: all ${#wanted[@]} packages are there"
	exit 0
fi

command=(apt-get install -y --no-install-recommends "${lacking[@]}")
echo "deps: missing: ${lacking[*]}"
if [[ $EUID -ne 0 || ${XFN_DEPS-} == list ]]; then
	echo "deps: $(size "${lacking[@]}")"
	[[ ${XFN_DEPS-} != list ]] || exit 0
	fail "cannot install packages as user $EUID; as root: apt-get update && ${command[*]}"
fi

apt=(-qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
apt-get "${apt[@]}" update || echo "deps: apt-get update failed; trying with the lists at hand" >&2
echo "deps: $(size "${lacking[@]}")"
apt-get "${apt[@]}" -o Dpkg::Use-Pty=0 "${command[@]:1}" </dev/null ||
	fail "cannot install the missing packages; see the lines above"

mapfile -t lacking < <(missing "${wanted[@]}")
[[ ${#lacking[@]} -eq 0 ]] || fail "still missing after the installation: ${lacking[*]}"
echo "deps: installed"
