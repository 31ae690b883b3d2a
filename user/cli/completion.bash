# SPDX-License-Identifier: BSD-2-Clause
# bash completion for xfn(8). It asks xfn itself what may stand where, so it has no list to keep.

_xfn() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local verb="" position=0 i word words
	local -a arguments

	COMPREPLY=()
	words=$(xfn help --complete 2>/dev/null)
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $word == -* ]]; then
			# An option that is listed with a "=" takes the next word.
			grep -qxF -e "$word=" <<<"$words" && i=$((i + 1))
		elif [[ -z $verb ]]; then
			verb=$word
			words=$(xfn help --complete "$verb" 2>/dev/null)
		elif [[ $word != = ]]; then
			position=$((position + 1))
		fi
	done
	if [[ $prev == --socket ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
	fi
	[[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}
	# The value of another option: nothing to offer.
	[[ $prev == -* ]] && grep -qxF -e "$prev=" <<<"$words" && return
	if [[ -n $verb && $cur != -* ]]; then
		mapfile -t arguments < <(sed -n 's/^@//p' <<<"$words")
		case ${arguments[position]} in
		FILE | OBJECT)
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			return
			;;
		CMD)
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
			return
			;;
		IFACE) words=$(ls /sys/class/net) ;;
		NAME) words=$(xfn ls 2>/dev/null | awk 'NR > 1 { print $1 }') ;;
		REVISION) words=$(xfn history 2>/dev/null | awk 'NR > 1 { sub(/^[* ]*/, ""); print $1 }') ;;
		VERB) words=$(xfn help --complete | grep -v '^-') ;;
		*"|"*) words=${arguments[position]//|/$'\n'} ;;
		*) words="" ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$(grep -v '^@' <<<"$words")" -- "$cur")
	[[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace
}

complete -F _xfn xfn
