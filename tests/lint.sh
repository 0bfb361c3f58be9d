#!/bin/bash
# SPDX-License-Identifier: MIT
# The house style, as far as a program can see it: clang-format 14 with .clang-format on every C file of ours, clang-tidy
# 14 on the core, and the floors: no file of the core includes a libc header, holds inline assembly or names a machine's path.
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0 skipped=0

verdict() { # name, code, words
	if [ "$2" = 0 ]; then
		passed=$((passed + 1))
		echo "ok   $1"
	else
		failed=$((failed + 1))
		echo "FAIL $1"
		[ -n "$3" ] && printf '%s\n' "$3" | head -n 40
	fi
}

mapfile -t sources < <(git ls-files '*.c' '*.h' 2>/dev/null | grep -v '^third_party/')
if [ ${#sources[@]} = 0 ]; then
	mapfile -t sources < <(find . -name '*.[ch]' -not -path './third_party/*' -not -path './build/*')
fi
mapfile -t core < <(printf '%s\n' "${sources[@]}" | grep -E '^(\./)?(lib|mm|arch|boot|report|kernel)/')

if command -v clang-format-14 >/dev/null 2>&1; then
	out=$(clang-format-14 --dry-run -Werror "${sources[@]}" 2>&1)
	code=$?
	verdict "clang-format: ${#sources[@]} files" $code "$(printf '%s\n' "$out" | grep -E 'error' | cut -d: -f1 | sort | uniq -c)"
else
	skipped=$((skipped + 1))
	echo "skip clang-format: no clang-format-14 here, and other versions format differently"
fi

# A file that had nothing to complain of is not looked at again as long as it, what it includes and the rules are the same.
tidy_cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/quire-tidy
tidy_flags='-std=gnu11 -Iinclude -Iport/host/include -Ithird_party/libfdt -DQUIRE_PAGE_SHIFT=12 -Ithird_party/zlib -DZ_SOLO -DZLIB_CONST'
tidy() {
	local f key out
	for f; do
		key=$(cat .clang-tidy <(clang-tidy-14 --version) <(${CLANG:-clang} -E $tidy_flags "$f" 2>&1) | sha256sum | cut -c1-40)
		[ -e "$tidy_cache/$key" ] && continue
		out=$(clang-tidy-14 --quiet "$f" -- $tidy_flags 2>/dev/null | grep -E '(warning|error):')
		if [ -n "$out" ]; then
			printf '%s\n' "$out"
		else
			mkdir -p "$tidy_cache" && : >"$tidy_cache/$key"
		fi
	done
}
export -f tidy
export tidy_cache tidy_flags

if command -v clang-tidy-14 >/dev/null 2>&1; then
	# A few files at a time, so that a slow one does not hide the others; two processes.
	out=$(printf '%s\n' "${core[@]}" | grep '\.c$' | xargs -P 2 -n 4 bash -c 'tidy "$@"' _)
	[ -z "$out" ]
	verdict "clang-tidy: the core" $? "$out"
else
	skipped=$((skipped + 1))
	echo "skip clang-tidy: no clang-tidy-14 here"
fi

out=$(grep -nE '#include *<(stdio|stdlib|string|unistd|errno|assert|sys/.*)\.?h?>' "${core[@]}")
[ -z "$out" ]
verdict "the core includes no libc header" $? "$out"

out=$(grep -nE '\b(asm|__asm__) *(volatile|goto)? *\(' "${core[@]}")
[ -z "$out" ]
verdict "the core holds no inline assembly" $? "$out"

# A floor includes only floors below it: no private header of another floor, and nothing of a port but port.h.
out=$(grep -nE '#include *["<](\.\./)*(cmd|port)/' "${core[@]}")
[ -z "$out" ]
verdict "the core includes no upper floor" $? "$out"

out=$(grep -nE '^#include "[^"]*/' "${core[@]}" | awk -F: '
	BEGIN { n = split("lib arch/arm64 mm/early mm/page mm/kmem mm/debug mm/vm report kernel boot", floor, " ")
		for (i = 1; i <= n; i++) rank[floor[i]] = i }
	function folder(path) { sub(/\/[^\/]*$/, "", path); return path }
	{ split($3, quoted, "\""); to = quoted[2]; from = folder($1)
	  while (sub(/^\.\.\//, "", to)) from = folder(from)
	  if (!(folder(to) in rank)) to = from "/" to
	  if (rank[folder(to)] > rank[folder($1)]) print }')
[ -z "$out" ]
verdict "no floor of the core includes a higher one's headers" $? "$out"

out=$(for f in $(git ls-files 2>/dev/null | grep -E '\.(c|h|S|py|sh|mk|ld)$|^(run|test)$' | grep -v '^third_party/'); do
	head -n 4 "$f" | grep -q 'SPDX-License-Identifier' || [ "${f##*.}" = mk ] || echo "$f"
done)
[ -z "$out" ]
verdict "every source names its licence" $? "$out"

out=$(awk 'length($0) > 160 && !/links:/ { print FILENAME ":" FNR ": " length($0) " columns" }' "${sources[@]}" | head -20)
[ -z "$out" ]
verdict "no line over 160 columns" $? "$out"

# On the kernel's stack: what the image calls, so only where it has been built.
B=${1:-build}
if command -v "${CROSS:-aarch64-linux-gnu-}objdump" >/dev/null 2>&1 && make -s -q B="$B" image 2>/dev/null; then
	out=$(python3 tools/stack_depth.py "$B" 2>&1)
	verdict "no function calls itself but those of tests/stack_cycles.txt" $? "$out"
else
	skipped=$((skipped + 1))
	echo "skip no function calls itself: there is no image of these sources in $B"
fi

echo "lint: $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
