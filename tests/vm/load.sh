#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Loads every BPF object as it was compiled, as TAP: one test an object.
# usage: tests/vm/load.sh OBJECT...
echo "1..$#"
pins=/sys/fs/bpf/xfn-load-$$
log=$(mktemp)
trap 'rm -rf "$pins" "$log"' EXIT
n=0 bad=0
for object; do
	n=$((n + 1))
	mkdir -p "$pins"
	# Root, ingress and handlers share program arrays: one type, whatever their sections say.
	type=xdp
	case $object in */xfn_losses.bpf.o) type= ;; esac
	if bpftool prog loadall "$object" "$pins" ${type:+type "$type"} >"$log" 2>&1; then
		echo "ok $n - $object"
	else
		bad=1
		echo "not ok $n - $object"
		tail -n 40 "$log" | sed 's/^/# /'
	fi
	rm -rf "$pins"
done
exit $bad
