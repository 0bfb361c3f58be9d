#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs unit-test programs and shows what cmocka says of each; the last line counts tests.
# Before it stands each test that was skipped and why; one that does not say why fails.
#   tests/unit/run.sh LOGDIR PROGRAM...
logs=$1
shift
passed=0 failed=0 skipped=0 skips=
# What a test printed between its beginning and the word that it was skipped.
reasons() {
	awk '/^\[ RUN +\] / {t = $4; why = ""; next}
		/^\[ +SKIPPED +\] / && $4 == t {print "skip " name " " t ": " (why ? why : "no reason given"); t = ""; next}
		/^\[/ {t = ""} t {why = why (why ? " " : "") $0}' name="$1" "$2"
}
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
for program in "$@"; do
	name=${program##*/}
	log=$logs/$name.log
	if [ ! -x "$program" ]; then
		echo "---- $name failed: it was not built"
		failed=$((failed + 1))
		continue
	fi
	timeout 120 "$program" </dev/null >"$log" 2>&1
	code=$?
	p=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$log" | awk '{n += $1} END {print n + 0}')
	f=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) test.*/\1/p' "$log" | awk '{n += $1} END {print n + 0}')
	s=$(sed -n 's/^\[  SKIPPED \] \([0-9]*\) test.*/\1/p' "$log" | awk '{n += $1} END {print n + 0}')
	if [ $code != 0 ] && [ "$f" = 0 ]; then
		f=1
	fi
	if [ $code = 0 ] && [ "$p" = 0 ]; then
		echo "$name: ran no test" >>"$log"
		f=1
	fi
	if [ "$f" != 0 ]; then
		echo "---- $name failed (exit code $code):"
		tail -n 60 "$log"
	else
		echo "$name"
		grep -E '^\[(==========| +PASSED +| +SKIPPED +)\]' "$log" | grep -v 'Running'
	fi
	if [ "$s" != 0 ]; then
		why=$(reasons "$name" "$log")
		skips+=$why$'\n'
		f=$((f + $(grep -c ': no reason given$' <<<"$why")))
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
printf '%s' "$skips"
echo "unit: $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ] && [ $passed != 0 ]
