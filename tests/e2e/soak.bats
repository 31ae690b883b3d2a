#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Functions, xfnd and its keeper are killed at random under floods, for long: nothing is lost without a name, and nothing
# is left. XFN_SOAK_S=1800 for the long run, XFN_SOAK_SEED to have the same kills again (their moments differ). What it
# measured is added to /tmp/xfn-e2e-soak.measured.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib
load growth
load cgroups

SOAK_S=${XFN_SOAK_S:-30}
SEED=${XFN_SOAK_SEED:-$((EPOCHSECONDS % 32768))}
# Of two who are killed in one step the second one dies while the first one is dead. Never xfnd and the keeper: what only
# they have is gone then.
ALL=(echo web xfnd keeper 'echo web' 'xfnd echo' 'xfnd web' 'keeper echo' 'keeper web')
BUT_XFND=(echo web keeper 'echo web' 'keeper echo' 'keeper web')
ENDS_MAX=3          # ends in a row of one function: with two more it would be parked
GROWTH_MAX_KIB=32768 # resident, of each process: what it takes to load a program stays with the allocator for a while

setup() {
	e2e_setup
	until_true 5 are_settled
	ECHO_FUNCTION=$(share_program "$BUILD/examples/function/echo")
	WEB_FUNCTION=$(share_program "$BATS_TEST_DIRNAME/tools/activated.py")
	declare -gA KILLS=([echo]=0 [web]=0 [xfnd]=0 [keeper]=0) ENDS=([echo]=0 [web]=0)
	ROUND=0
	mount_cgroups
	# shellcheck disable=SC2034
	DAEMON_OPTIONS=(--cgroup "$CGROUP")
	start_daemon
}

teardown() {
	stop_daemon
	unmount_cgroups
	e2e_teardown
}

are_settled() { [[ -z $(ip -n "$SERVER" address show dev xfn0 tentative) ]]; }
pid_of() { xfn show "$1" -j | jq .instance.pid; }
ready_as_other_than() { xfn show "$1" -j | jq -e ".instance | .state == \"ready\" and .pid != $2" >/dev/null; }
port_is() { [[ $(xfn stats echo -j | jq ".functions[0].port.$1") == "$2" ]]; }
namespaces() { ip -n "$SERVER" netns list-id | wc -l; }
has_no_keeper() { [[ -z $(keeper) ]]; }
has_other_keeper_than() { [[ -n $(keeper) && $(keeper) != "$1" ]] && xfn journal | grep -q "process $(keeper) keeps"; }
outside_maps() { find "$PINS" -mindepth 2 -not -path '*/maps/*' | sort; }
all_processes() { pgrep -f -r R,S,D,T "$HOME_DIR/bin/" || true; }
has_none_running() { [[ -z $(all_processes) ]]; }
holds() { [[ "$(held) namespaces $(namespaces)" == "$1" ]]; }
has_nothing() { [[ $(held) == *" children 0 ports 0 files 0" && $(namespaces) -le 2 ]]; } # client and server

# Another program in the place of both: ends in a row are counted anew, and one follows the other under load.
apply_both() {
	local echo web
	ENDS=([echo]=0 [web]=0)
	echo=$(pid_of echo 2>/dev/null || echo 0)
	web=$(pid_of web 2>/dev/null || echo 0)
	ROUND=$((ROUND + 1))
	apply >/dev/null <<-END
		version: 1
		attach: [xfn0]
		functions:
		  - {name: echo, trigger: udp/7, xsk: {exec: $ECHO_FUNCTION, env: {ROUND: "$ROUND"}}}
		  - {name: web, triggers: [tcp/80, udp/5], socket: {exec: [/usr/bin/python3, $WEB_FUNCTION], env: {ROUND: "$ROUND"}}}
	END
	until_true 20 ready_as_other_than echo "$echo"
	until_true 20 ready_as_other_than web "$web"
}

# killed WHO PID: by its number, which was asked for before others were killed.
killed() {
	KILLS[$1]=$((KILLS[$1] + 1))
	if [[ $1 == xfnd ]]; then
		stop_daemon KILL
	else
		kill -KILL "$2"
	fi
	echo "$EPOCHREALTIME killed $1 $2" >>"$HOME_DIR/steps"
}

# back WHO PID: waits until there is another one.
back() {
	case $1 in
	xfnd) start_daemon ;;
	keeper) until_true 10 has_other_keeper_than "$2" ;;
	*) until_true 20 ready_as_other_than "$1" "$2" ;;
	esac
}

# A random time, in s, below $1 ms; RANDOM goes on in the caller's shell.
pause() {
	local ms=$((RANDOM % $1))
	sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
}

# step WHO...: they are killed one after another, and are there again.
step() {
	local who
	local -A pids
	for who; do
		case $who in
		xfnd) pids[$who]=$DAEMON ;;
		keeper) pids[$who]=$(keeper) ;;
		*) pids[$who]=$(pid_of "$who") ENDS[$who]=$((ENDS[$who] + 1)) ;;
		esac
	done
	for who; do
		killed "$who" "${pids[$who]}"
		pause 60
	done
	for who; do back "$who" "${pids[$who]}"; done
}

# soak SECONDS WHO...: one of these after another, by lot.
soak() {
	local until=$((SECONDS + $1)) targets
	shift
	while ((SECONDS < until)); do
		targets=$((RANDOM % $# + 1))
		# Split: they are several.
		# shellcheck disable=SC2086
		step ${!targets}
		if ((ENDS[echo] >= ENDS_MAX || ENDS[web] >= ENDS_MAX)); then apply_both; fi
		pause 300
	done
}

# An xfnd that has adopted both and started others in their place.
settle() {
	restart_daemon KILL
	apply_both
	sleep 1
}

measured() {
	printf '%s\n' "seed $SEED, $SOAK_S s, kills: $(declare -p KILLS | sed 's/.*=(//; s/ )//')" "echo: $ECHO_SAW" "port: $PORT" \
		"web: $WEB_SAW" "tcp: $TCP_SAW" "before: $1" "after:  $(held) namespaces $(namespaces), KiB $(memory_kib)" |
		tee -a /tmp/xfn-e2e-soak.measured
}

@test "killed at random: the books are right, no connection is refused, and nothing is left or has grown" {
	local held memory names pinned
	echo "seed $SEED"
	RANDOM=$SEED
	xfn attach xfn0 >/dev/null
	xfn detach xfn0 >/dev/null
	names=$(names "$RUN") pinned=$(outside_maps)
	apply_both
	settle
	held="$(held) namespaces $(namespaces)" memory=$(memory_kib)

	start_flood echo -r 2000 -t 100000 198.18.0.1 7
	start_flood web -r 500 -t 100000 198.18.0.1 5
	nsenter --net="/run/netns/$CLIENT" "$BATS_TEST_DIRNAME/tools/knock.py" 198.18.0.1 80 $((SOAK_S * 20)) 20 \
		>"$HOME_DIR/knock" 3>&- &
	soak $((SOAK_S * 2 / 3)) "${ALL[@]}"
	# What xfnd holds too long shows while it lives.
	settle
	soak $((SOAK_S / 3)) "${BUT_XFND[@]}"
	apply_both
	sleep 1
	ECHO_SAW=$(end_flood echo) WEB_SAW=$(end_flood web)
	until_true 30 test -s "$HOME_DIR/knock"
	TCP_SAW=$(<"$HOME_DIR/knock")
	until_true 5 port_is in_flight 0
	PORT=$(xfn stats echo -j | jq -c '.functions[0].port')
	until_true 10 holds "$held" || true
	measured "$held, KiB $memory"

	# Nothing is lost without a name. While a function and the keeper are both dead, its events pass.
	xfn audit
	jq -e '[.duplicates, .changed] == [0, 0]' <<<"$ECHO_SAW"
	(($(jq .sent <<<"$ECHO_SAW") == $(verdict steered echo) + $(verdict no_target echo)))
	jq -e --argjson steered "$(verdict steered echo)" '.replied + .timeout == $steered and .waiting == 0' <<<"$PORT"
	# Sockets are there at all times: lost is what one that was killed had read.
	jq -e --argjson kills "${KILLS[web]}" '[.duplicates, .changed, .refused] == [0, 0, 0] and .lost - .late <= $kills' \
		<<<"$WEB_SAW"
	jq -e --argjson kills "${KILLS[web]}" '.sent - .answered <= $kills and
		(.errors | keys - ["nothing", "[Errno 104] Connection reset by peer"]) == []' <<<"$TCP_SAW"
	# Nothing is held any longer.
	holds "$held"
	until_true 10 has_cgroups 2
	has_grown_less_than "$GROWTH_MAX_KIB" "$memory"

	# And nothing is left.
	apply --yes <<<$'version: 1\nfunctions: []' >/dev/null
	xfn detach xfn0 >/dev/null
	until_true 10 has_none_running
	until_true 10 has_no_keeper
	until_true 10 has_nothing
	until_true 10 has_cgroups 0
	diff <(names "$RUN") <(echo "$names")
	diff <(outside_maps) <(echo "$pinned")
}
