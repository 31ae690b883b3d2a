#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A real name server for tests and the bench: NSD, unpacked beside the tree, never installed (Debian would
# start it). Prints the path of its program.
#
# usage: tests/nsd.sh [CONFIG]
# With CONFIG writes a configuration there that serves examples/resolver/example.zone at 198.18.0.1,
# UDP and TCP, with all its files in CONFIG's folder.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$(realpath -m "${BUILD:-build}")/nsd
if [[ ! -x $root/usr/sbin/nsd ]]; then
	mkdir -p "$root"
	(cd "$root" && apt-get download nsd >/dev/null 2>&1 &&
		dpkg --fsys-tarfile nsd_*.deb | tar -x ./usr/sbin/nsd)
fi
if ldd "$root/usr/sbin/nsd" | grep 'not found' >&2; then
	echo "nsd.sh: libraries are missing" >&2
	exit 1
fi
if [[ $# -gt 0 ]]; then
	folder=$(dirname "$1")
	cat >"$1" <<-CONF
		server:
		  ip-address: 198.18.0.1
		  server-count: 1
		  username: ""
		  chroot: ""
		  pidfile: ""
		  zonesdir: ""
		  xfrdfile: ""
		  zonelistfile: "$folder/nsd.zones"
		  database: ""
		  minimal-responses: yes
		  hide-version: yes
		  rrl-ratelimit: 0
		remote-control:
		  control-enable: no
		zone:
		  name: example.com
		  zonefile: $PWD/examples/resolver/example.zone
	CONF
fi
echo "$root/usr/sbin/nsd"
