# SPDX-License-Identifier: BSD-2-Clause
# The function "echo", which xfnd starts: how it is applied, and what is asked of it. FUNCTION is its program.
#
# shellcheck shell=bash
# Variables of lib.bash.
# shellcheck disable=SC2154

# apply_echo [KEY: VALUE]...: function echo at udp/7, by default by examples/function.
apply_echo() {
	{
		printf 'version: 1\nattach: [xfn0]\nfunctions:\n  - name: echo\n    trigger: udp/7\n'
		printf '    %s\n' "${@:-xsk: $FUNCTION}"
	} | apply
}

nothing() { apply --yes <<<$'version: 1\nfunctions: []'; }

instance() { xfn show echo -j | jq -r ".instance.$1"; }
state_is() { [[ $(instance state) == "$1" ]]; }
pid_is_not() { xfn show echo -j | jq -e ".instance | .state == \"ready\" and .pid != $1" >/dev/null; }
answers() { [[ $(who_answers "$@") == q ]]; }
port() { xfn stats echo -j | jq -r ".functions[0].port.$1"; }
in_flight_is() { [[ $(port in_flight) == "$1" ]]; }
port_book() { xfn audit -j | jq -e ".books[] | select(.what | test(\"given to its port\")) | $1"; }
has_no_files() { [[ -z $(names "$RUN/instances") ]]; }
journal_says() { xfn journal | grep -qF -- "$1"; }
logs_say() { xfn logs echo | grep -qF -- "$1"; }

# script TEXT: an executable file with that shell program.
script() {
	SCRIPT=$HOME_DIR/script
	printf '#!/bin/sh\n%s\n' "$1" >"$SCRIPT"
	chmod 755 "$SCRIPT"
}
