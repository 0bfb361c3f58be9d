#!/bin/bash
# SPDX-License-Identifier: MIT
# The tests that run two CPUs at once, under ThreadSanitizer: tests/unit/tsan.sh DIR
set -eu
dir=${1:-build/tests/tsan}
mkdir -p "$dir"
clang -std=gnu11 -g -O1 -fsanitize=thread -fno-common -fno-strict-aliasing -Iinclude -Iport/host/include -I. \
	-Wall -Wno-unused-parameter -Wno-unused-function -o "$dir/test_alloc" tests/unit/test_alloc.c tests/unit/doubles.c \
	mm/page/alloc.c mm/page/complain.c mm/page/buddy.c mm/page/buddy_check.c mm/page/fallback.c mm/page/pageset.c -lcmocka -lpthread
TSAN_OPTIONS=halt_on_error=1:exitcode=1 "$dir/test_alloc" >"$dir/test_alloc.log" 2>&1 || {
	tail -n 40 "$dir/test_alloc.log"
	exit 1
}
grep -E '^\[(==========|  PASSED  )\] .*(run\.|test\(s\))' "$dir/test_alloc.log"
