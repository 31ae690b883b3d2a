# SPDX-License-Identifier: BSD-2-Clause
# A cgroup for xfnd, below which programs have theirs: CGROUP.
#
# shellcheck shell=bash
# Variables of lib.bash.
# shellcheck disable=SC2154

# A mount of our own: where hosts have theirs differs, and the tree behind it is the same.
mount_cgroups() {
	mkdir -p "$HOME_DIR/cgroups"
	mount -t cgroup2 none "$HOME_DIR/cgroups"
	CGROUP=$HOME_DIR/cgroups/xfn-e2e-$E2E
	remove_cgroups
}

remove_cgroups() {
	[[ ! -e $CGROUP ]] || find "$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null
}

unmount_cgroups() {
	until_true 10 remove_cgroups
	umount "$HOME_DIR/cgroups"
}

# has_cgroups COUNT: programs have so many.
has_cgroups() { [[ $(find "$CGROUP" -mindepth 1 -type d ! -name xfnd | wc -l) == "$1" ]]; }
