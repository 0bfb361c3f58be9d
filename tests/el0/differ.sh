#!/bin/bash
# SPDX-License-Identifier: MIT
# Random sequences of the mmap family on Quire, against what Linux 6.12 answered (tests/el0/differ.c):
#
#   tests/el0/differ.sh BUILD [FIRST COUNT]             compare with tests/el0/differ.expected.gz
#   tests/el0/differ.sh BUILD --show SEED               every step of one sequence
#   LINUX=Image tests/el0/differ.sh BUILD --show SEED   the steps that differ, side by side
#   LINUX=Image tests/el0/differ.sh BUILD --record COUNT   record Linux's answers anew (an arm64 kernel with 4 KiB pages)
#
# SMP=N: machines with so many CPUs. JOBS=N: so many machines at once.
#
# A line of the record: sequence, hash of results and contents, hash with /proc/self/maps. Both machines are the same but for the kernel.
cd "$(dirname "$0")/../.." || exit 1
B=${1:-build}
shift
dir=$B/tests/differ
cross=${CROSS:-aarch64-linux-gnu-}
expected=tests/el0/differ.expected.gz
mkdir -p "$dir"

pack() { # name, FIRST COUNT VERBOSE
	local root=$dir/$1.root
	mkdir -p "$root/proc" "$root/dev"
	"${cross}gcc" -O1 -g -static -nostdlib -nostartfiles -ffreestanding -fno-builtin -fno-stack-protector -fno-pie -no-pie -Wall -Wextra \
		-Werror -fno-optimize-sibling-calls -o "$root/init" tests/el0/differ.c || exit 1
	head -c 30000 /dev/zero | tr '\0' 'r' >"$root/data.bin"
	echo "$2" >"$root/seeds"
	# Linux's first program has no console without the device; only root can make one.
	[ -e "$root/dev/console" ] || [ -z "$LINUX" ] || mknod "$root/dev/console" c 5 1 || exit 1
	(cd "$root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc) >"$dir/$1.cpio"
}

machine() { # kernel, initrd, words of the command line
	timeout "${LIMIT:-900}" qemu-system-aarch64 -M virt -cpu cortex-a72 -smp "${SMP:-1}" -m 1G -nographic -no-reboot -nodefaults -serial stdio \
		-semihosting-config enable=on,target=native -kernel "$1" -initrd "$2" -append "$3" </dev/null 2>&1 | tr -d '\r'
}

quire() { # FIRST COUNT VERBOSE
	pack "q$BASHPID" "$1"
	machine "$B/arm64/quire.img" "$dir/q$BASHPID.cpio" "earlycon=pl011,0x9000000 quire.semihosting quire.init quire.summary=0 quiet norandmaps"
	rm -rf "$dir/q$BASHPID.root" "$dir/q$BASHPID.cpio"
}

linux() {
	pack "l$$" "$1"
	machine "$LINUX" "$dir/l$$.cpio" "console=ttyAMA0 quiet norandmaps panic=-1"
	rm -rf "$dir/l$$.root" "$dir/l$$.cpio"
}

case $1 in
--show)
	quire "$2 1 1" >"$dir/show.quire"
	if [ -n "$LINUX" ]; then
		linux "$2 1 1" >"$dir/show.linux"
		diff -U "${CONTEXT:-6}" "$dir/show.linux" "$dir/show.quire" | grep -a -v '^\(@@\|---\|+++\)'
	else
		cat "$dir/show.quire"
	fi
	exit
	;;
--record)
	[ -n "$LINUX" ] || exit 2
	LIMIT=${LIMIT:-3000} linux "0 $2 0" | grep -a '^seq ' | cut -c5- >"$dir/record"
	[ "$(wc -l <"$dir/record")" = "$2" ] || exit 1
	gzip -9nc "$dir/record" >"$expected"
	exit
	;;
esac

first=${1:-0} count=${2:-$(zcat "$expected" | wc -l)}
zcat "$expected" | tail -n +$((first + 1)) | head -n "$count" >"$dir/want"
# Sequences do not depend on each other: a machine for each CPU here, up to four.
jobs=${JOBS:-$(nproc)}
[ "$jobs" -gt 4 ] && jobs=4
each=$(((count + jobs - 1) / jobs))
part() { # number
	local from=$((first + $1 * each)) n=$each
	[ $((from + n)) -gt $((first + count)) ] && n=$((first + count - from))
	[ $n -gt 0 ] && quire "$from $n 0" | grep -a '^seq ' | cut -c5-
}
for ((i = 0; i < jobs; i++)); do
	part $i >"$dir/got.$i" &
done
wait
for ((i = 0; i < jobs; i++)); do
	cat "$dir/got.$i"
done >"$dir/got"
# Without /proc/self/maps there is only the first of the two hashes to compare.
bad=$(diff <(cut -d' ' -f"${FIELDS:-1-3}" "$dir/want") <(cut -d' ' -f"${FIELDS:-1-3}" "$dir/got") | grep -c '^<')
diff <(cut -d' ' -f"${FIELDS:-1-3}" "$dir/want") <(cut -d' ' -f"${FIELDS:-1-3}" "$dir/got") | grep '^<' | head -n "${LIST:-10}" |
	sed 's/^</FAIL sequence/'
echo "differ: $((count - bad)) passed, $bad failed"
[ "$bad" = 0 ]
