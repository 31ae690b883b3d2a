# SPDX-License-Identifier: BSD-2-Clause
# bash completion for xfn(8). It asks xfn itself what may stand where, so it has no list to keep.

_xfn() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local verb="" position=0 i word words
	local -a arguments

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--socket | --mode | --by | --set | --since) i=$((i + 1)) ;;
		-* | =) ;;
		*) if [[ -z $verb ]]; then verb=$word; else position=$((position + 1)); fi ;;
		esac
	done
	if [[ $prev == --socket ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
	fi

	words=$(xfn help --complete ${verb:+"$verb"} 2>/dev/null)
	if [[ -n $verb && $cur != -* ]]; then
		mapfile -t arguments < <(sed -n 's/^@//p' <<<"$words")
		case ${arguments[position]} in
		FILE | OBJECT)
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			return
			;;
		IFACE) words=$(ls /sys/class/net) ;;
		NAME) words=$(xfn -j ls 2>/dev/null | sed -n 's/^ *"name": "\(.*\)".*/\1/p') ;;
		VERB) words=$(xfn help --complete | grep -v '^-') ;;
		*) words="" ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$(grep -v '^@' <<<"$words")" -- "$cur")
	[[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace
}

complete -F _xfn xfn
