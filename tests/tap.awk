# SPDX-License-Identifier: BSD-2-Clause
# Reads the TAP of one program and prints one record a line, its fields separated by tabs:
#   P description            a test that passed
#   F description            a test that failed, or what is wrong with the program as a whole
#   D text                   a line of diagnostics of the F before it
#   S description  reason    a test that was skipped
#
# Variables: status, the exit code of the program (124 after a timeout); limit_s, the timeout.
# A program may print several plans (one for each cmocka group): they add up. Beside failing tests
# these make an F: an exit code without a failing test, a plan that is missing or not kept, no test
# at all, "Bail out!". `1..0 # SKIP reason` skips the whole program, whose exit code may then be 77.

function bare(text) {
	gsub(/\t/, " ", text)
	sub(/^[ -]+/, "", text)
	sub(/[ \r]+$/, "", text)
	return text
}

# Splits "description # SKIP reason"; the reason is empty where there is none.
function read_skip(text,    at) {
	at = match(text, /#[ ]*[Ss][Kk][Ii][Pp][^ ]*/)
	if (!at)
		return 0
	skip_reason = bare(substr(text, RSTART + RLENGTH))
	skip_text = bare(substr(text, 1, RSTART - 1))
	if (skip_reason == "")
		skip_reason = "no reason given"
	return 1
}

function fault(text) {
	print "F\t" text
	faults++
}

{ sub(/\r$/, "") }

/^1\.\.[0-9]+/ {
	planned += substr($1, 4)
	plans++
	failing = 0
	if ($1 == "1..0" && read_skip($0)) {
		print "S\tall of it\t" skip_reason
		whole_skip = 1
	}
	next
}

# cmocka 1.1 says `not ok 2 # SKIP name` for a skipped test and cannot give a reason.
/^not ok [0-9]+ # SKIP / {
	ran++
	failing = 0
	read_skip($0)
	print "S\t" skip_reason "\tno reason given"
	next
}

/^not ok( |$)/ {
	ran++
	failed++
	failing = 1
	text = substr($0, 7)
	sub(/^ *[0-9]+/, "", text)
	print "F\t" bare(text)
	next
}

/^ok( |$)/ {
	ran++
	failing = 0
	text = substr($0, 3)
	sub(/^ *[0-9]+/, "", text)
	if (read_skip(text))
		print "S\t" skip_text "\t" skip_reason
	else
		print "P\t" bare(text)
	next
}

/^Bail out!/ {
	fault(bare($0))
	next
}

failing { print "D\t" $0 }

END {
	if (status == 124 || status == 137)
		fault("ended by the timeout of " limit_s " s, after " ran + 0 " tests")
	else if (status != 0 && !failed && !(whole_skip && status == 77))
		fault("ended with status " status " and no failing test, after " ran + 0 " tests")
	if (!plans)
		fault("printed no plan")
	else if (planned != ran)
		fault("planned " planned + 0 " tests, ran " ran + 0)
	else if (!ran && !whole_skip)
		fault("ran no test")
}
