#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Unpacks a Debian kernel beside the tree and prints the folder: FOLDER/boot/vmlinuz-*, FOLDER/lib/
# modules/*. Nothing goes to /boot. Point releases take old versions off the mirror, so the package
# is found through its meta package.
#
# usage: tests/vm/kernel.sh LINE META-PACKAGE FOLDER-OF-ALL-KERNELS      LINE such as 6.1
# Ends with 77 and a reason on standard error where the package cannot be had.
set -euo pipefail
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
line=$1 meta=$2 cache=$3
mkdir -p "$cache"

skip() {
	printf '%s\n' "$*" >&2
	exit 77
}

# What the meta package depends on today; nothing where apt does not know it, or where it stands
# for another line, as in other releases of Debian.
versioned_package() {
	apt-cache depends --no-recommends "$meta" 2>/dev/null |
		awk -v name="linux-image-$line." '$1 == "Depends:" && index($2, name) == 1 { print $2 }'
}

unpack() {
	local package=$1 into=$2 version module
	rm -rf "$into.tmp"
	mkdir -p "$into.tmp"
	(cd "$into.tmp" && apt-get -qq -o APT::Sandbox::User=root -o Acquire::http::Timeout=20 \
		download "$package") >&2 || return 1
	dpkg-deb -x "$into.tmp"/*.deb "$into.tmp"
	rm "$into.tmp"/*.deb
	version=$(basename "$into.tmp"/lib/modules/*)
	# 6.12 has its modules compressed; busybox's insmod wants them plain.
	module=$(find "$into.tmp" -name '*.ko.xz' -print -quit)
	[[ -z $module ]] || find "$into.tmp" -name '*.ko.xz' -print0 | xargs -0 -P 2 -n 64 xz -d
	depmod -b "$into.tmp" "$version"
	rm -rf "$into"
	mv "$into.tmp" "$into"
}

# Leaves the newest package in $package, unpacked.
obtain() {
	package=$(versioned_package)
	[[ -n $package ]] || return 1
	[[ -d $cache/$package ]] || unpack "$package" "$cache/$package"
}

# The second try is for apt lists that are empty, or older than the mirror.
if ! obtain && ! { [[ $EUID -eq 0 ]] && apt-get -qq update >&2 && obtain; }; then
	# No network: an earlier download of the same line will do.
	package=$(find "$cache" -mindepth 1 -maxdepth 1 -name "linux-image-$line.*" \
		! -name '*.tmp' -printf '%f\n' 2>/dev/null | sort -V | tail -n 1)
	[[ -n $package ]] || skip "package $meta cannot be had: no network, or not in apt's lists"
fi
echo "$cache/$package"
