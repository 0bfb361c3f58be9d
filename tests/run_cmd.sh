#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs every tests/cmd/*.sh; each gets the build folder, says what it checks, and fails by its exit code.
build=${1:-build}
passed=0 failed=0
for script in tests/cmd/*.sh; do
	[ -e "$script" ] || break
	if out=$(timeout 180 bash "$script" "$build" </dev/null 2>&1); then
		passed=$((passed + 1))
		echo "ok   $script"
		# What it could not try.
		printf '%s\n' "$out" | grep '^skip '
	else
		failed=$((failed + 1))
		echo "FAIL $script"
		printf '%s\n' "$out" | tail -n 40
	fi
done
echo "cmd: $passed passed, $failed failed"
[ $failed = 0 ] && [ $passed != 0 ]
