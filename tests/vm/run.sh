#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The BPF tests, the loading of every object, an end-to-end smoke test and a reboot on Debian's own
# kernels, in QEMU without hardware help. Prints one TAP for all of it; each test is named after its kernel.
#
# usage: tests/vm/run.sh [LINE]...      6.1 and 6.12 by default
# XFN_VM_ONLY=REGEX: only the sections that match, see list_sections.
# Kernels are kept in $BUILD/vm, what the guests printed in $BUILD/vm/out/LINE.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
BUILD=$(realpath -m "${BUILD:-build}")
export BUILD
vm=$BUILD/vm
boot_timeout_s=400

declare -A meta_package=(
	[6.1]=linux-image-cloud-amd64
	[6.12]=linux-image-6.12-cloud-amd64
)
needed=(qemu-system-x86_64 mkfs.ext4 busybox dash cpio modprobe depmod xz apt-get)

n=0 bad=0
result() {
	n=$((n + 1))
	echo "$1 $n - $2"
	[[ $1 == ok ]] || bad=1
}

skip_all() {
	echo "1..0 # SKIP $1"
	exit 77
}

# What the guests run: `NAME COMMAND` a line. Whatever has been built by now.
list_sections() {
	local bpf_test=build/tests/bpf/bpf_test folder objects
	mapfile -t objects < <(cd "$BUILD" && compgen -G 'bpf/*.bpf.o'
		cd "$BUILD" && compgen -G 'examples/*/*.bpf.o')
	[[ ${#objects[@]} -eq 0 ]] || echo "load tests/vm/load.sh ${objects[*]/#/build/}"
	if [[ -x $BUILD/tests/bpf/bpf_test ]]; then
		echo "bpf_test $bpf_test"
		# The way in which the daemon loads them.
		for folder in "$BUILD"/bpf "$BUILD"/examples/*; do
			compgen -G "$folder/*.bpf.o" >/dev/null || continue
			grep -q -e --load-all "$BUILD/tests/bpf/bpf_test" || continue
			folder=${folder#"$BUILD"/}
			echo "load-$(basename "$folder") $bpf_test --load-all build/$folder"
		done
	fi
	echo "guest tests/vm/guest.sh"
	echo "coexist tests/vm/coexist.sh"
	echo "reboot-before tests/vm/reboot.sh before"
}

# The same machine, after it was rebooted.
list_sections_again() {
	echo "reboot-after tests/vm/reboot.sh after"
}

# What survives: a disk of a few megabytes.
make_disk() {
	rm -f "$1" && truncate -s 16M "$1" && mkfs.ext4 -q -F "$1"
}

# A kernel that died before its init said a word ran no test. Under QEMU's TCG with two CPUs a CPU may meet
# code that the other is patching ("Oops: int3"): then the machine is started again.
boot() {
	local tries
	for tries in 1 2 3; do
		boot_once "$@" && return
		[[ ! -s $3/results$2 ]] && grep -q 'Oops: int3' "$3/console$2" || return
		echo "# $line: the emulated kernel died while it patched itself, try $tries" >&2
	done
	return 1
}

# One boot, up to the machine's reset. The kernel's own messages and the results go to files of $out
# that end with $2.
boot_once() {
	local kernel=$1 out=$3
	timeout -k 5 "$boot_timeout_s" qemu-system-x86_64 -accel tcg -M q35 -cpu max -smp 2 -m 1024 \
		-nodefaults -no-user-config -display none -no-reboot \
		-drive "file=$out/disk,format=raw,if=virtio" \
		-serial "file:$out/console$2" -serial "file:$out/results$2" \
		-kernel "$kernel"/boot/vmlinuz-* -initrd "$out/initramfs" \
		-append "console=ttyS0 quiet loglevel=4 panic=-1 reboot=t mitigations=off tsc=reliable
nokaslr random.trust_cpu=on" </dev/null >"$out/qemu$2" 2>&1 &&
		grep -q "^$line\." "$out/results$2"
}

# The machine, and the same machine after it was rebooted.
boot_twice() {
	local kernel=$1 out=$2
	tests/vm/initramfs.sh "$kernel" "$out/sections" "$out/sections-again" "$out/initramfs" &&
		make_disk "$out/disk" &&
		boot "$kernel" "" "$out" &&
		boot "$kernel" -again "$out"
}

# Cuts the results of a boot into SECTION.tap and SECTION.status. A section without an end ran into
# the end of the machine: its status is 255.
split_results() {
	awk -v out="$1" '
		{ sub(/\r$/, "") }
		/^=== begin / {
			name = $3
			print 255 >(out "/" name ".status")
			close(out "/" name ".status")
			next
		}
		/^=== end / {
			print $4 >(out "/" $3 ".status")
			close(out "/" $3 ".status")
			name = ""
			next
		}
		name { print >(out "/" name ".tap") }
	' "$2"
}

# The records of tap.awk as TAP again, named after kernel and section.
report_section() {
	local line=$1 out=$2 name=$3 kind text reason
	if [[ ! -e $out/$name.status ]]; then
		result "not ok" "$line: $name: did not start"
		return
	fi
	touch "$out/$name.tap"
	while IFS=$'\t' read -r kind text reason; do
		case $kind in
		P) result ok "$line: $name: $text" ;;
		F) result "not ok" "$line: $name: $text" ;;
		S) result ok "$line: $name: $text # SKIP $reason" ;;
		D) echo "# ${text#\# }" ;;
		esac
	done < <(awk -v status="$(<"$out/$name.status")" -v limit_s=300 -f tests/tap.awk \
		"$out/$name.tap")
}

run_line() {
	local line=$1 out=$vm/out/$1 kernel name
	if ! kernel=$(tests/vm/kernel.sh "$line" "${meta_package[$line]}" "$vm" 2>"$vm/kernel.err"); then
		result ok "$line: boot # SKIP $(tail -n 1 "$vm/kernel.err")"
		return
	fi
	rm -rf "$out"
	mkdir -p "$out"
	list_sections | grep -E "${XFN_VM_ONLY:-.}" >"$out/sections"
	list_sections_again | grep -E "${XFN_VM_ONLY:-.}" >"$out/sections-again"
	if ! boot_twice "$kernel" "$out"; then
		result "not ok" "$line: the guest runs to its end"
		tail -n 15 "$out"/qemu* "$out"/console* 2>/dev/null | sed 's/^/# /'
	else
		result ok "$line: the guest runs to its end"
	fi
	rm -f "$out/initramfs" "$out/disk"
	for name in "" -again; do
		[[ ! -e $out/results$name ]] || split_results "$out" "$out/results$name"
	done
	while read -r name _; do
		report_section "$line" "$out" "$name"
	done < <(cat "$out/sections" "$out/sections-again")
}

[[ $(uname -m) == x86_64 ]] || skip_all "machine is not amd64: its programs do not run in the guests"
PATH=$PATH:/usr/sbin:/sbin
for program in "${needed[@]}"; do
	[[ -x $(command -v "$program") ]] || skip_all "$program is missing: see tests/deps.sh"
done

mkdir -p "$vm"
[[ $# -gt 0 ]] || set -- 6.1 6.12
for line; do
	if [[ ! -v meta_package[$line] ]]; then
		echo "run.sh: no kernel line '$line': expected one of ${!meta_package[*]}" >&2
		exit 2
	fi
	run_line "$line"
done
echo "1..$n"
exit $bad
