#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The house rules as tests, in TAP. Looks at the files that git knows or would add; the tree must be
# built only for the names in BPF objects.
set -u
cd "$(dirname "$0")/.." || exit 1
PATH=$PATH:/usr/sbin:/sbin
BUILD=${BUILD:-build}
max_lines=700

n=0 bad=0

# check NAME FUNCTION: a rule is kept where its function prints nothing.
check() {
	local output
	output=$("$2" 2>&1)
	n=$((n + 1))
	if [[ -z $output ]]; then
		echo "ok $n - $1"
	else
		bad=1
		echo "not ok $n - $1"
		printf '%s\n' "$output" | head -n 60 | sed 's/^/# /'
	fi
}

list_files() {
	# The tree may belong to another user, as in a container.
	git -c safe.directory="$PWD" ls-files -z --cached --others --exclude-standard 2>/dev/null ||
		find . -path "./$BUILD" -prune -o -path ./build -prune -o -type f -printf '%P\0'
}

mapfile -d '' -t files < <(list_files | sort -zu)
# Files that were removed and not yet committed are still in the list; submodules are folders.
for i in "${!files[@]}"; do
	[[ -f ${files[i]} && ! -L ${files[i]} ]] || unset "files[i]"
done

# select PATTERN...: the files whose whole path matches one of the extended regular expressions.
select_files() {
	local file pattern
	for file in "${files[@]}"; do
		for pattern; do
			[[ ! $file =~ ^($pattern)$ ]] || { printf '%s\n' "$file" && break; }
		done
	done
}

mapfile -t c_files < <(select_files '.*\.[ch]')
mapfile -t shell_files < <(select_files '.*\.(sh|bash|bats)' '\.ci/.*' 'tests/vm/init')
mapfile -t man_pages < <(select_files 'docs/man/.*\.[1-9]')
mapfile -t sources < <(printf '%s\n' "${c_files[@]}" "${shell_files[@]}" "${man_pages[@]}" &&
	select_files '.*\.(py|awk|mjs|js|css)' Makefile)

# ---- form --------------------------------------------------------------------------------------

# Which licences a file may name, see STYLE in docs/adr/0001-form.md.
spdx() {
	local file line want dual='GPL-2.0-only OR BSD-2-Clause' own='BSD-2-Clause'
	for file in "${sources[@]}"; do
		line=$(head -n 2 "$file" | grep -v '^#!' | head -n 1)
		case $file in
		bpf/* | *.bpf.[ch] | include/xfn/handler.h | include/xfn/event.h) want="$dual" ;;
		include/* | examples/*.h | tests/bpf/*.h) want="($dual|$own)" ;;
		*) want=$own ;;
		esac
		[[ $line =~ ^[^[:alnum:]]*SPDX-License-Identifier:\ $want(\ \*/)?$ ]] ||
			echo "$file: line 1 (2 after #!) should be SPDX-License-Identifier: $want"
	done
}

blanks() {
	select_files '.*' | grep -vE '^(LICENSES|tests/fuzz/corpus)/' |
		xargs -d '\n' grep -nIE '[[:blank:]]+$' | cut -c1-120
}

top_level() {
	printf '%s\n' "${files[@]%%/*}" | sort -u |
		grep -vxE 'Makefile|README\.md|bpf|user|include|loader|tests|examples|docs|LICENSES|\..*'
}

length() {
	local file lines
	for file in "${sources[@]}"; do
		[[ $file != docs/* ]] || continue
		lines=$(wc -l <"$file")
		[[ $lines -le $max_lines ]] || echo "$file: $lines lines, at most $max_lines"
	done
}

binaries() {
	local file magic
	for file in "${files[@]}"; do
		LC_ALL=C IFS= read -r -d '' -n 4 magic 2>/dev/null <"$file"
		[[ $magic != $'\x7fELF' ]] || echo "$file is an ELF file"
	done
}

# ---- tools -------------------------------------------------------------------------------------

format_folder() {
	local folder=$1 file mine=()
	for file in "${c_files[@]}"; do
		[[ $(dirname "$file") != "$folder" ]] || mine+=("$file")
	done
	clang-format --dry-run -Werror --ferror-limit=3 "${mine[@]}" 2>&1
}

shell_checker() {
	shellcheck -f gcc "${shell_files[@]}"
}

manual_pages() {
	[[ ${#man_pages[@]} -eq 0 ]] || mandoc -T lint -W warning "${man_pages[@]}"
}

# ---- C -----------------------------------------------------------------------------------------

# A bare -errno is 0, and so success, when the failing call did not set it.
bare_errno() {
	grep -nE '(return|[=?:])[[:space:]]*\(?[[:space:]]*-[[:space:]]*errno\b' "${c_files[@]}" /dev/null |
		grep -vE '^user/lib/errnum\.h:|^[^:]*:[0-9]+:[[:space:]]*(/\*|\*|//)'
}

# The kernel keeps 15 characters of a name; what is longer cannot be told apart in bpftool.
# Maps end in `} name SEC(".maps")`; a program's name follows its SEC() on this line or the next.
names_in_sources() {
	local file
	for file in $(select_files 'bpf/.*\.[ch]' '.*\.bpf\.[ch]'); do
		awk -v file="$file" '
			function say(name) {
				if (length(name) > 15)
					print file ":" FNR ": " name " has " length(name) " characters"
			}
			match($0, /[A-Za-z0-9_]+ SEC\("\.maps"\)/) {
				name = substr($0, RSTART)
				sub(/ .*/, "", name)
				say(name)
				next
			}
			/^SEC\("/ { after = 1; sub(/^SEC\("[^"]*"\)/, "") }
			after && match($0, /[A-Za-z0-9_]+\(/) {
				say(substr($0, RSTART, RLENGTH - 1))
				after = 0
			}
		' "$file"
	done
}

# The same in the objects, where macros have made the names: symbols of .maps, and functions
# of sections other than .text. Only objects whose source is still there.
names_in_objects() {
	local source object
	for source in $(select_files '.*\.bpf\.c'); do
		object=$BUILD/${source%.c}.o
		[[ -e $object ]] || continue
		readelf -SsW "$object" 2>/dev/null | awk -v object="$object" '
			/^ *\[ *[0-9]+\]/ {
				gsub(/[][]/, " ")
				section[$1] = $2
			}
			$4 ~ /^(FUNC|OBJECT)$/ && length($8) > 15 &&
			($4 == "FUNC" ? section[$7] != ".text" : section[$7] == ".maps") {
				print object ": " $8 " has " length($8) " characters"
			}'
	done
}

# folder: folders it may include headers from. Everything else of ours is out of bounds.
declare -A may_include=(
	[bpf]="bpf include"
	[include]="include"
	[loader]="loader user/lib include build"
	[user/lib]="user/lib include"
	[user/cli]="user/cli user/lib include"
	[user/libxfn]="user/libxfn user/lib include"
	[examples]="examples user/lib include"
)

# The folder of the table that a path lies in; generated headers lie in build.
layer() {
	local path=$1 layer
	for layer in "${!may_include[@]}"; do
		[[ $path != "$layer"/* ]] || { echo "$layer" && return; }
	done
	case $path in
	tests/*) echo tests ;;
	*.skel.h) echo build ;;
	esac
}

# Where the compiler finds the header $2 (as in <a/b.h> or "a.h") that $1 includes; nothing if it
# is the system's.
find_header() {
	local file=$1 header=${2:1:-1} folder
	for folder in "$(dirname "$file")" include user/lib .; do
		[[ $folder == . || $2 == \"* || $folder != "$(dirname "$file")" ]] || continue
		if [[ -f $folder/$header ]]; then
			realpath -m --relative-to=. "$folder/$header"
			return
		fi
	done
	[[ $header != *.skel.h ]] || echo "$header"
}

arrows() {
	local file number header from to
	while IFS=: read -r file number header; do
		header=$(sed -E 's/^[^"<]*(["<][^">]*[">]).*/\1/' <<<"$header")
		from=$(layer "$file")
		to=$(layer "$(find_header "$file" "$header")")
		[[ -n $from && $from != tests && -n $to ]] || continue
		[[ " ${may_include[$from]} " == *" $to "* ]] ||
			echo "$file:$number: $from/ includes $header of $to/"
	done < <(grep -nE '^[[:space:]]*#[[:space:]]*include' "${c_files[@]}" /dev/null |
		grep -vE '<(linux|sys|bpf|asm|net|netinet|arpa|std[a-z]+|string|errno|unistd|time)[/.]')
}

# The CLI asks the daemon; it never goes to the kernel by itself.
cli_without_bpf() {
	local cli
	mapfile -t cli < <(select_files 'user/cli/.*\.[ch]' | grep -vx user/cli/direct.c)
	[[ ${#cli[@]} -gt 0 ]] || return
	grep -nE '#[[:space:]]*include[[:space:]]*[<"](bpf/|linux/bpf)|\b(SYS_bpf|__NR_bpf)\b|\bbpf(_[a-z_]+)?\(' \
		"${cli[@]}" /dev/null | grep -vE '^[^:]*:[0-9]+:[[:space:]]*(/\*|\*|//)'
}

# xfnd has no right to it (docs/adr/0011-privileges.md): what works as root in a test fails there.
ids_by_broker() {
	local mine
	mapfile -t mine < <(select_files 'loader/.*\.[ch]' | grep -v '^loader/broker_answer\.c$')
	local elsewhere=('loader/launcher_(port|fork)\.c:.*(setns|unshare)')
	grep -nE '\b(bpf_(prog|map|btf|link)_get_fd_by_id|btf__load_from_kernel_by_id|setns|unshare)\(' \
		"${mine[@]}" /dev/null | grep -vE '^[^:]*:[0-9]+:[[:space:]]*(/\*|\*|//)' |
		grep -vE "${elsewhere[0]}"
}

# docs/security.md: each line of a table whose last column is `test` names tests as `FILE: NAME`;
# NAME is in FILE as it stands.
security_claims() {
	local page=docs/security.md proof file name
	[[ -f $page ]] || return
	awk -F'|' -v page="$page" '
		/^\|/ { in_table++; if (in_table == 1) proofs = $(NF - 1) ~ /^ test $/ }
		!/^\|/ { in_table = 0 }
		in_table > 2 && proofs && $(NF - 1) !~ /`tests\/[^`]*: [^`]+`/ {
			print page ":" FNR ": names no test"
		}' "$page"
	# Backquotes are Markdown's.
	# shellcheck disable=SC2016
	while IFS= read -r proof; do
		file=${proof%%: *} name=${proof#*: }
		if [[ ! -f $file ]]; then
			echo "$page: no file $file"
		elif ! grep -qF -- "$name" "$file"; then
			echo "$page: no test '$name' in $file"
		fi
	done < <(grep -oE '`tests/[^`]*: [^`]+`' "$page" | tr -d '`')
}

check "SPDX line 1" spdx
check "no blanks at the end of a line" blanks
check "nothing new at the top level" top_level
check "no source over $max_lines lines" length
check "no binaries" binaries
mapfile -t folders < <(printf '%s\n' "${c_files[@]}" | grep . | xargs -rd '\n' dirname -- | sort -u)
for folder in "${folders[@]}"; do
	format() { format_folder "$folder"; }
	check "clang-format $folder" format
done
check "shellcheck" shell_checker
check "manual pages" manual_pages
check "no bare -errno" bare_errno
check "BPF names in the sources, at most 15 characters" names_in_sources
check "BPF names in the objects, at most 15 characters" names_in_objects
check "arrows point one way: bpf -> include <- loader, user" arrows
check "the CLI makes no call of bpf(2) but for --direct" cli_without_bpf
check "only the broker turns ids into descriptors" ids_by_broker
check "claims of docs/security.md have their tests" security_claims
echo "1..$n"
exit $bad
