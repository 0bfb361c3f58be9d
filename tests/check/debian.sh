#!/bin/bash
# SPDX-License-Identifier: MIT
# quire check over every device tree of Debian's arm64 kernel package: no crash, every tree read, a minute at most.
# QUIRE_DTBS names a folder that has them; else they are fetched once. tests/check/debian.sh BUILD
build=${1:-build}
limit=60
trees=${QUIRE_DTBS:-$(timeout 300 tools/fetch-dtbs.sh "$build/dtbs" 2>/dev/null)}
mapfile -t boards < <(find "${trees:-/nonexistent}" -name '*.dtb' 2>/dev/null | sort)
if [ ${#boards[@]} = 0 ]; then
	echo "debian: 0 passed, 0 failed, 1 skipped: no device trees (tools/fetch-dtbs.sh cannot get them; QUIRE_DTBS names a folder)"
	exit 0
fi
start=$(date +%s%N)
timeout 300 "$build/quire" check "${boards[@]}" >"$build/check_debian.txt" 2>"$build/check_debian.err"
code=$?
ms=$((($(date +%s%N) - start) / 1000000))
passed=0 failed=0
verdict() {
	if [ "$2" = 0 ]; then
		passed=$((passed + 1))
		echo "ok   $1"
	else
		failed=$((failed + 1))
		echo "FAIL $1"
		head -n 5 "$build/check_debian.err"
	fi
}
[ $code = 0 ] || [ $code = 1 ]
verdict "${#boards[@]} device trees: exit code $code, no crash, none refused" $?
[ ! -s "$build/check_debian.err" ]
verdict "nothing on standard error" $?
[ $ms -lt $((limit * 1000)) ]
verdict "$ms ms of $limit s" $?
echo "debian: $passed passed, $failed failed"
[ $failed = 0 ]
