#!/bin/bash
# SPDX-License-Identifier: MIT
# Linux's own tests of memblock (tools/testing/memblock of Debian's linux-source-6.12) against Quire's memblock.
#
#   run.sh BUILD_DIR
#
# Nothing of Linux is kept in the project: the tests are taken from the package into BUILD_DIR/linux-memblock. Both
# builds of Linux's Makefile are run, plain and NUMA=1, each with and without movable_node (-m) and memblock=debug;
# every run must pass as many checks as Linux's memblock does.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-build}/linux-memblock
tar=${LINUX_SOURCE:-/usr/src/linux-source-6.12.tar.xz}
cc=${HOSTCC:-gcc}
top=linux-source-6.12/tools/testing
mkdir -p "$out"

# The archive has to be read to its end: once.
if [ ! -e "$out/extracted" ]; then
	if [ ! -e "$tar" ]; then
		echo "$tar is missing: it comes with Debian's package linux-source-6.12"
		# A system without that package cannot run this suite; where it must run, its absence is a failure.
		[ "${CI:-}" = true ] && exit 1
		echo "linux-memblock: 0 passed, 0 failed, 1 skipped"
		exit 0
	fi
	tar -C "$out" -xf "$tar" $top/memblock $top/selftests/kselftest.h
	touch "$out/extracted"
fi
tests=$out/$top/memblock

# 128 regions in both arrays, cache lines of 32 bytes, and 16 nodes or no NUMA at all, are what the tests are written for. The tests and
# memblock.c both define movable_node_enabled: -fcommon makes it one variable.
flags="-std=gnu11 -g -O1 -w -fcommon -fno-strict-aliasing -fsanitize=address,undefined
	-fno-sanitize-recover=all -Itests/linux-memblock/include -Iinclude -Iport/host/include -I$tests
	-DQUIRE_MEMBLOCK_MEMORY_REGIONS=128 -DQUIRE_MEMBLOCK_RESERVED_REGIONS=128 -DL1_CACHE_BYTES=32"

failed=0
run() { # name, flags of the build, checks that Linux's memblock passes
	local name=$1 build=$2 checks=$3 opt debug log n

	$cc $flags $build "$tests/main.c" "$tests"/tests/*.c tests/linux-memblock/port.c \
		mm/early/memblock.c mm/early/memblock_alloc.c mm/early/memblock_iter.c mm/early/memblock_mark.c \
		-o "$out/main-$name"
	for opt in "-v" "-v -m"; do
		for debug in "" "memblock=debug"; do
			log="$out/$name${opt// /}${debug:+-debug}.log"
			n=0
			if LINUX_MEMBLOCK_DEBUG=$debug ASAN_OPTIONS=detect_leaks=0 \
				"$out/main-$name" $opt >"$log" 2>&1; then
				n=$(grep -c '^ok ' "$log" || true)
			else
				tail -n 5 "$log"
			fi
			echo "Linux's memblock tests, $name build, $opt $debug: $n of $checks checks passed"
			[ "$n" = "$checks" ] || failed=1
		done
	done
}

run plain "-DQUIRE_NODES_SHIFT=0" 181
run numa "-DQUIRE_NODES_SHIFT=4 -DCONFIG_NUMA -DCONFIG_NODES_SHIFT=4" 263
exit $failed
