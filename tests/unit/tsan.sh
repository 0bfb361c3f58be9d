#!/bin/bash
# SPDX-License-Identifier: MIT
# The tests that run several CPUs at once, under ThreadSanitizer: tests/unit/tsan.sh DIR
set -eu
dir=${1:-build/tests/tsan}
mkdir -p "$dir"
for name in test_alloc test_page_machine; do
	links=$(sed -n '1,20s|^/\* *links: *\(.*[^ ]\) *\*/.*|\1|p' "tests/unit/$name.c")
	# shellcheck disable=SC2086
	clang -std=gnu11 -g -O1 -fsanitize=thread -fno-common -fno-strict-aliasing -Iinclude -Iport/host/include -I. \
		-Wall -Wno-unused-parameter -Wno-unused-function -o "$dir/$name" "tests/unit/$name.c" tests/unit/doubles.c \
		$links -lcmocka -lpthread
	TSAN_OPTIONS=halt_on_error=1:exitcode=1 "$dir/$name" >"$dir/$name.log" 2>&1 || {
		tail -n 40 "$dir/$name.log"
		exit 1
	}
	grep -E '^\[(==========|  PASSED  )\] .*(run\.|test\(s\))' "$dir/$name.log"
done
