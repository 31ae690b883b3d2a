#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Boots Debian's systemd as process 1 of namespaces of its own, on an overlay over this host's files,
# with xfn installed into it; there it runs a script, and then everything is gone again.
#
# usage: unshare --mount --pid --fork --kill-child --ipc --uts --net --cgroup
#            service.sh INSTALLED SCRIPT OUT      INSTALLED: from make install DESTDIR=INSTALLED PREFIX=/usr
# OUT is a folder, where the script's output is in the file `said`. Ends with 77 and a reason where
# such a thing cannot be.
set -e
installed=$1 script=$2 out=$3
root=/mnt/root

skip() {
	echo "$1" >&2
	exit 77
}

[[ -x /lib/systemd/systemd ]] || skip "no systemd"
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/{upper,work,root}
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work $root 2>/dev/null ||
	skip "no overlayfs"
mount -t proc proc $root/proc
mount -t sysfs sysfs $root/sys
mount -t cgroup2 cgroup2 $root/sys/fs/cgroup || skip "no cgroup v2"
mount -t bpf -o mode=0700 bpf $root/sys/fs/bpf
mount -t tmpfs tmpfs $root/run
mount -t tmpfs tmpfs $root/tmp
mount --rbind /dev $root/dev
mkdir -p $root/service
mount --bind "$out" $root/service

# Nothing of this host's own is started.
rm -f $root/etc/fstab $root/etc/systemd/system/*.wants/*
: >$root/etc/machine-id
cp -a "$installed/usr/." $root/usr/
cp "$script" $root/service.bash
cat >$root/etc/systemd/system/xfn-check.service <<-UNIT
	[Unit]
	DefaultDependencies=no
	Wants=systemd-sysusers.service systemd-tmpfiles-setup.service
	After=systemd-sysusers.service systemd-tmpfiles-setup.service
	[Service]
	Type=oneshot
	StandardOutput=file:/service/said
	StandardError=file:/service/said
	ExecStart=/bin/bash /service.bash
	ExecStopPost=/bin/touch /service/done
UNIT
exec env -i container=xfn PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	chroot $root /lib/systemd/systemd --system --unit=xfn-check.service --log-target=null
