#!/bin/bash
# SPDX-License-Identifier: MIT
# The images with 16 and 64 KiB pages: the self-tests of the boot, and the programs that look most at pages: tests/el0/pages.sh BUILD
#
# The programs are those of run.sh and ask for the page size. differ, whose record of Linux is of 4 KiB pages, is run there alone.
cd "$(dirname "$0")/../.." || exit 1
B=${1:-build}
. tests/el0/lib.sh
all=$B/tests/pages

# name, size, RAM: with the C library, or without.
programs='memory 512M;calls 512M;files 512M;threads 512M;tmpfs 512M;pointers 512M;rules 512M;pagemap 512M;mmraces 512M;execs 512M;mthp HUGE;huge HUGE'
for size in 16k 64k; do
	dir=$all/$size
	IMAGE=$B/arm64-$size/quire.img
	# What four blocks of 32 MiB need, and of 512 MiB.
	case $size in 16k) huge=1G ;; *) huge=4G ;; esac
	mkdir -p "$dir"
	log=$dir/selftest.log
	timeout 120 qemu-system-aarch64 -M virt -cpu max -m 512M -smp 4 -nographic -no-reboot -nodefaults -serial stdio \
		-semihosting-config enable=on,target=native -kernel "$IMAGE" \
		-append 'earlycon=pl011,0x9000000 quire.semihosting quire.selftest' </dev/null 2>&1 | tr -d '\r' >"$log"
	if [ "${PIPESTATUS[0]}" = 0 ] && grep -q "(48-bit VA, 48-bit PA, ${size%k} KiB pages)" "$log" &&
		grep -q 'selftest: [1-9][0-9]* passed, 0 failed' "$log" && grep -q 'Brought up 1 node, 4 CPUs' "$log"; then
		passed=$((passed + 1))
	else
		fail "$size pages: the self-tests"
		tail -n 20 "$log"
	fi
	while read -rd ';' program ram; do
		root=$dir/$program.root
		mkdir -p "$root"/{dev,proc,sys,tmp,lib}
		case $program in
		memory | calls) build "$program" ;;
		files) glibc "$program" -Wno-stringop-overflow -Wno-stringop-overread -Wno-format-truncation -Wno-unused-result -static \
			-o "$root/init" tests/el0/files.c ;;
		*) glibc "$program" -Wno-unused-result -static -o "$root/init" "tests/el0/$program.c" -lpthread ;;
		esac || fail "$program: it was not built"
		if [ "$program" = execs ]; then
			libs=$(dirname "$("${cross}gcc" -print-file-name=libc.so.6)")
			glibc execs -static-pie -o "$root/pie" tests/el0/execs.c && glibc execs -o "$root/dynamic" tests/el0/execs.c ||
				fail 'execs: it was not built'
			cp "$libs/ld-linux-aarch64.so.1" "$libs/libc.so.6" "$root/lib/"
		fi
		pack "$program"
		MEM=${ram/HUGE/$huge} run_glibc "$program" max '-smp 2'
	done <<<"$programs;"
done

# A CPU without the granule says so, and stops. QEMU has none without 64 KiB pages.
log=$all/refused.log
IMAGE=$B/arm64-16k/quire.img boot cortex-a72 /dev/null '' >"$log"
if [ "$(grep -c '^Quire: this CPU has no 16 KiB translation granule (ID_AA64MMFR0_EL1.TGran16). Stopped.$' "$log")" = 1 ] &&
	[ "$(grep -c . "$log")" = 1 ]; then
	passed=$((passed + 1))
else
	fail '16 KiB pages on cortex-a72: no refusal'
	tail -n 5 "$log"
fi

echo "larger pages: $passed passed, $failed failed"
[ $failed = 0 ]
