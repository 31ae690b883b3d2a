#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The examples on libxfn, started by xfnd, spoken to by clients that know nothing of them.

# bats sets output and stderr, and runs each test in a shell of its own.
# shellcheck disable=SC2154,SC2030,SC2031

load lib

setup() {
	e2e_setup
	start_daemon
}

teardown() {
	e2e_teardown
}

# start_example XSK: function example at udp/7; its process is $PROGRAM.
start_example() {
	printf 'version: 1\nattach: [xfn0]\nfunctions: [{name: example, trigger: udp/7, xsk: %s}]\n' "$1" | apply
	until_true 10 state_is ready
	PROGRAM=$(xfn show example -j | jq .instance.pid)
}

state_is() { [[ $(xfn show example -j | jq -r .instance.state) == "$1" ]]; }

# books EXPRESSION: what the port has counted.
books() { xfn stats example -j | jq -e ".functions[0].port | $1"; }

end_example() {
	apply --yes <<<$'version: 1\nfunctions: []'
	until_true 10 is_gone "$PROGRAM"
}

# replay ADDRESS: datagrams captured from memcached, of which three get no answer.
replay() {
	in_client python3 "$BATS_TEST_DIRNAME/tools/memcached_replay.py" \
		"$BATS_TEST_DIRNAME/../unit/kv_memcached.hex" "$1" 7
}

@test "examples/kv says what memcached said, over IPv4" {
	start_example "$BUILD/examples/kv/server"
	[[ $(replay 198.18.0.1) == 45 ]]
	books '.replied == 42 and .bad_reply == 0 and .bad_source == 0'
	end_example
}

@test "examples/kv says what memcached said, over IPv6" {
	start_example "$BUILD/examples/kv/server"
	[[ $(replay fd00:18::1) == 45 ]]
	books '.replied == 42 and .bad_reply == 0 and .bad_source == 0'
	end_example
}
