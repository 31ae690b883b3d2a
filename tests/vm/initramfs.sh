#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Packs what a test guest needs: busybox, a few real tools, the programs and objects under test with
# their libraries, the kernel's modules. In the guest the tree is /xfn.
#
# usage: tests/vm/initramfs.sh KERNEL-FOLDER SECTIONS AGAIN OUTPUT    in the top folder, BUILD is set
# SECTIONS, and AGAIN for the time after a reboot, hold one `NAME COMMAND` a line: see tests/vm/init.
set -euo pipefail
kernel=$1 sections=$2 again=$3 output=$4
PATH=$PATH:/usr/sbin:/sbin

# Modules by name; what they depend on comes by itself. Those that a kernel lacks are built in.
modules=(virtio_pci virtio_blk ext4 veth 8021q sch_ingress cls_bpf act_mirred dummy udp_diag tcp_diag xsk_diag)
# Tools that must be the real ones; busybox has the rest.
tools=(dash bash ip ethtool tc ss bpftool socat nsenter jq xdp-loader)

root=$(mktemp -d)
chmod 755 "$root" # it becomes /, for all users
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{dev,proc,sys,tmp,run,etc,root,busybox,modules,usr/bin,usr/sbin,usr/lib,usr/lib64} \
	"$root"/{var/lib,xfn,persist}
ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root"
ln -s /run "$root/var/run"
ln -s dash "$root/usr/bin/sh"
echo "root:x:0:0:root:/root:/bin/sh" >"$root/etc/passwd"
echo "root:x:0:" >"$root/etc/group"

cp "$(command -v busybox)" "$root/busybox/busybox"
while read -r applet; do
	[[ $applet == busybox ]] || ln -s busybox "$root/busybox/$applet"
done < <(busybox --list)

# Copies a file to the same place in the guest, below the folder $2 if given.
put() {
	install -D "$1" "$root${2-}/$1"
}

for tool in "${tools[@]}"; do
	if path=$(command -v "$tool"); then
		install "$(realpath "$path")" "$root/usr/bin/$tool"
	fi
done

# The tree: programs and objects that have been built, examples with their manifests, this folder.
tree() {
	find "$BUILD" -maxdepth 1 -type f -perm -u+x
	find "$BUILD/bpf" "$BUILD/examples" "$BUILD/tests/bpf" "$BUILD/tests/e2e/tools" \
		-type f \( -name '*.bpf.o' -o -perm -u+x \) 2>/dev/null || true
}
while read -r file; do
	install -D "$file" "$root/xfn/build/${file#"$BUILD"/}"
done < <(tree)
while read -r file; do
	put "$file" /xfn
done < <(find examples tests/vm tests/e2e -type f)

# libxdp's dispatcher, for --coexist.
for object in /usr/lib/*/bpf/xdp-dispatcher.o; do
	put "$object"
done

# Libraries of everything dynamic, at the place where the loader looks.
mapfile -t programs < <(find "$root/usr/bin" "$root/xfn/build" -type f -perm -u+x ! -name '*.o')
while read -r library; do
	[[ -e $root$library ]] || install -D "$library" "$root$library"
done < <(for program in "${programs[@]}"; do
	ldd "$program" 2>/dev/null || true
done | awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }' | sort -u)

version=$(basename "$kernel"/lib/modules/*)
for module in "${modules[@]}"; do
	modprobe -d "$kernel" -S "$version" --show-depends "$module" 2>/dev/null || true
done | awk '$1 == "insmod" { $1 = ""; print substr($0, 2) }' | awk '!seen[$0]++' |
	while read -r file options; do
		cp "$file" "$root/modules/"
		echo "/modules/$(basename "$file") $options"
	done >"$root/modules/order"

cp "$sections" "$root/sections"
cp "$again" "$root/sections-again"
install -m 755 tests/vm/init "$root/init"
(cd "$root" && find . -print0 | cpio --quiet --null -o -H newc) >"$output"
