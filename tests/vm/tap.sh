# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# A test script's results as TAP: $n tests, $bad is 1 once one has failed. What a test says goes to $log, and is
# told where it fails.
n=0
# shellcheck disable=SC2034 # whoever reads this file ends with it
bad=0

# run NAME FUNCTION
run() {
	n=$((n + 1))
	# shellcheck disable=SC2154 # $log is for the reader to say
	if "$2" >"$log" 2>&1; then
		echo "ok $n - $1"
	else
		# shellcheck disable=SC2034 # see above
		bad=1
		echo "not ok $n - $1"
		sed 's/^/# /' "$log"
	fi
}
