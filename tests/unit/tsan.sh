#!/bin/bash
# SPDX-License-Identifier: MIT
# The tests that run several CPUs at once, built once more with ThreadSanitizer: tests/unit/tsan.sh DIR
dir=${1:-build/tests/tsan}
clang=${CLANG:-clang}
passed=0 failed=0 skipped=0
mkdir -p "$dir"
# Its shadow memory has fixed places, which a kernel that randomises addresses widely may have taken.
fixed=()
setarch "$(uname -m)" -R true 2>/dev/null && fixed=(setarch "$(uname -m)" -R)

for name in test_vm_races test_huge test_group test_cont test_filemap test_rmap test_gap_tree test_alloc test_page_ref test_page_machine test_handover test_compaction test_cma_pages test_slab test_percpu test_host_smp test_mempool test_swiotlb test_vmalloc test_vmap_ram test_smp test_slab_debug test_guard_pool test_page_debug test_vmstat; do
	# Wildcards among them are to be expanded.
	mapfile -t sources < <(for word in $(sed -n \
		'1,20s|^/\* *links: *\(.*[^ ]\) *\*/.*|\1|p' "tests/unit/$name.c" | sed -f tests/unit/links.sed); do printf '%s\n' "$word"; done)
	read -ra cflags < <(sed -n '1,20s|^/\* *cflags: *\(.*[^ ]\) *\*/.*|\1|p' "tests/unit/$name.c")
	log=$dir/$name.log
	if ! "$clang" -std=gnu11 -g -O1 -fsanitize=thread -fno-common -fno-strict-aliasing -Iinclude -Iport/host/include -I. \
		-Wno-unused-parameter "${cflags[@]}" -o "$dir/$name" "tests/unit/$name.c" tests/unit/doubles.c "${sources[@]}" -lcmocka \
		-lpthread >"$log" 2>&1; then
		echo "---- $name with ThreadSanitizer: it was not built"
		tail -n 20 "$log"
		failed=$((failed + 1))
		continue
	fi
	if TSAN_OPTIONS=halt_on_error=1:exitcode=1 timeout 300 "${fixed[@]}" "$dir/$name" </dev/null >"$log" 2>&1; then
		n=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$log")
		passed=$((passed + ${n:-0}))
		[ -n "$n" ] || failed=$((failed + 1))
	elif grep -q 'FATAL: ThreadSanitizer: unexpected memory mapping' "$log"; then
		skipped=$((skipped + 1))
	else
		echo "---- $name with ThreadSanitizer:"
		tail -n 60 "$log"
		failed=$((failed + 1))
	fi
done
echo "tsan: $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
