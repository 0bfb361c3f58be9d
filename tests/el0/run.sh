#!/bin/bash
# SPDX-License-Identifier: MIT
# Programs at EL0: each is /init of an initramfs of its own, on QEMU: tests/el0/run.sh BUILD
#
# One crash or hang costs one program. A program says "ok ..." or "FAIL ..." for each thing it looks at, and ends with 0.
cd "$(dirname "$0")/../.." || exit 1
B=${1:-build}
. tests/el0/lib.sh

for cpu in cortex-a53 neoverse-n1 max; do
	if ! build memory; then
		fail "memory: it was not built"
		break
	fi
	log=$dir/memory-$cpu.log
	boot $cpu "$dir/memory.cpio" "" >"$log"
	code=$?
	ok=$(grep -c '^ok ' "$log")
	bad=$(grep -c '^FAIL ' "$log")
	passed=$((passed + ok)) failed=$((failed + bad))
	grep '^FAIL ' "$log" | sed "s/^/memory on $cpu: /"
	if [ $code = 0 ] && grep -q '^memory: done' "$log" && ! grep -q 'BUG' "$log"; then
		passed=$((passed + 1))
	else
		fail "memory on $cpu: it ended with $code"
		tail -n 20 "$log"
	fi
done

# Threads and signals, exec.
mkdir -p "$dir/threads.root" "$dir/execs.root/lib" "$dir/bombs.root"
if glibc bombs -static -o "$dir/bombs.root/init" tests/el0/bombs.c -lpthread; then
	pack bombs
	MEM=128M run_glibc bombs neoverse-n1 "-smp 4"
else
	fail "bombs: it was not built"
fi
if glibc threads -static -o "$dir/threads.root/init" tests/el0/threads.c -lpthread; then
	pack threads
	run_glibc threads cortex-a53 "-smp 1"
	run_glibc threads neoverse-n1 "-smp 4"
	run_glibc threads max "-smp 2 -M gic-version=3"
	# CPUs of two sorts: copies of any size on all of them, wherever a task goes on.
	for none in 0 2; do
		WORDS=quire.nopan=$none run_glibc threads max "-smp 4"
		grep -q 'Privileged Access Never is not used: 1 of 4 CPUs have none' "$dir/threads-max.log" ||
			fail "threads: quire.nopan=$none plays no CPU without PAN"
	done
else
	fail "threads: it was not built"
fi
# One part of Linux's interface each (tests/el0/abi.h).
for program in rseq depth usage ptrace events pointers msgqueues sysvmsg process tmpfs kmsg rules namespaces userns seccomp timex resolve xattrs notify ptys holes limits stack turns; do
	mkdir -p "$dir/$program.root/proc" "$dir/$program.root/dev" "$dir/$program.root/tmp"
	if glibc $program -static -o "$dir/$program.root/init" "tests/el0/$program.c" -lpthread; then
		pack $program
		run_glibc $program cortex-a53 "-smp 1"
		run_glibc $program neoverse-n1 "-smp 4"
	else
		fail "$program: it was not built"
	fi
done
mkdir -p "$dir/cores.root"/{proc,dev,tmp}
if glibc cores -static -o "$dir/cores.root/init" tests/el0/cores.c -lpthread; then
	pack cores
	run_glibc cores cortex-a53 "-smp 1"
	run_glibc cores neoverse-n1 "-smp 4"
else
	fail "cores: it was not built"
fi
# FEAT_HAFDBS: of these two only the second CPU has it.
for want in "cortex-a53 faults" "neoverse-n1 the CPU"; do
	if grep -q "^clean pages: noted by ${want#* }" "$dir/usage-${want%% *}.log"; then
		passed=$((passed + 1))
	else
		fail "usage on ${want%% *}: writes to clean pages are not noted by ${want#* }"
	fi
done
# Blocks: machines with less than 512 MiB have none.
mkdir -p "$dir/huge.root/proc" "$dir/huge.root/sys"
if glibc huge -static -o "$dir/huge.root/init" tests/el0/huge.c; then
	pack huge
	MEM=1G run_glibc huge cortex-a53 "-smp 1"
	MEM=1G run_glibc huge neoverse-n1 "-smp 4"
	MEM=1G run_glibc huge max "-smp 2"
else
	fail "huge: it was not built"
fi
mkdir -p "$dir/mthp.root/proc" "$dir/mthp.root/sys"
if glibc mthp -static -o "$dir/mthp.root/init" tests/el0/mthp.c; then
	pack mthp
	MEM=1G run_glibc mthp cortex-a53 "-smp 1"
	MEM=1G run_glibc mthp neoverse-n1 "-smp 4"
else
	fail "mthp: it was not built"
fi
libs=$(dirname "$("${cross}gcc" -print-file-name=libc.so.6)")
if glibc execs -static -o "$dir/execs.root/init" tests/el0/execs.c &&
	glibc execs -static-pie -o "$dir/execs.root/pie" tests/el0/execs.c &&
	glibc execs -o "$dir/execs.root/dynamic" tests/el0/execs.c; then
	cp "$libs/ld-linux-aarch64.so.1" "$libs/libc.so.6" "$dir/execs.root/lib/"
	pack execs
	run_glibc execs neoverse-n1 "-smp 2"
else
	fail "execs: it was not built"
fi

# The calls around the mmap family: the program finds nothing on Linux either.
log=$dir/calls.log
build calls || fail "calls: it was not built"
boot neoverse-n1 "$dir/calls.cpio" "" >"$log"
code=$?
ok=$(grep -c '^ok ' "$log")
bad=$(grep -c '^FAIL ' "$log")
passed=$((passed + ok)) failed=$((failed + bad))
grep '^FAIL ' "$log" | sed 's/^/calls: /'
if [ $code = 0 ] && grep -q '^calls: done' "$log" && ! grep -q 'BUG' "$log"; then
	passed=$((passed + 1))
else
	fail "calls: it ended with $code"
	tail -n 20 "$log"
fi

# Four threads that change one address space at once.
mkdir -p "$dir/mmraces.root"
if glibc mmraces -Wno-unused-result -static -o "$dir/mmraces.root/init" tests/el0/mmraces.c -lpthread; then
	pack mmraces
	run_glibc mmraces neoverse-n1 "-smp 4"
else
	fail "mmraces: it was not built"
fi

# The scan of /proc/self/pagemap, and memory that is secret or may be dropped.
mkdir -p "$dir/pagemap.root"
if glibc pagemap -static -o "$dir/pagemap.root/init" tests/el0/pagemap.c; then
	pack pagemap
	run_glibc pagemap neoverse-n1 "-smp 2"
else
	fail "pagemap: it was not built"
fi

# Memory policies on two nodes.
mkdir -p "$dir/numa.root"
if glibc numa -static -o "$dir/numa.root/init" tests/el0/numa.c; then
	pack numa
	run_glibc numa neoverse-n1 "-smp 2 -object memory-backend-ram,id=m0,size=256M -object memory-backend-ram,id=m1,size=256M -numa node,nodeid=0,memdev=m0,cpus=0 -numa node,nodeid=1,memdev=m1,cpus=1"
else
	fail "numa: it was not built"
fi

# All that programs had comes back when they end: with what is lost by one in twenty there would soon be none.
log=$dir/ends.log
build ends || fail "ends: it was not built"
MEM=64M boot neoverse-n1 "$dir/ends.cpio" "" >"$log"
if [ $? = 0 ] && grep -q '^ends: done' "$log" && ! grep -q 'BUG' "$log"; then
	passed=$((passed + 1))
else
	fail "ends"
	tail -n 20 "$log"
fi

# With glibc, static: what they expect was seen on Linux.
for program in files sockets; do
	mkdir -p "$dir/$program.root"
	"${cross}gcc" -O1 -g -static -Wall -Wno-stringop-overflow -Wno-stringop-overread -Wno-format-truncation -Wno-unused-result \
		-o "$dir/$program.root/init" "tests/el0/$program.c" || fail "$program: it was not built"
	(cd "$dir/$program.root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc) >"$dir/$program.cpio"
	log=$dir/$program.log
	boot neoverse-n1 "$dir/$program.cpio" "" >"$log"
	code=$?
	ok=$(grep -c '^ok ' "$log")
	bad=$(grep -c '^FAIL ' "$log")
	passed=$((passed + ok)) failed=$((failed + bad))
	grep '^FAIL ' "$log" | sed "s/^/$program: /"
	if [ $code = 0 ] && grep -q "^$program: done" "$log" && ! grep -q 'BUG' "$log"; then
		passed=$((passed + 1))
	else
		fail "$program: it ended with $code"
		tail -n 20 "$log"
	fi
done

# Arguments that mean no good, at random.
mkdir -p "$dir/hostile.root"
"${cross}gcc" -O1 -g -static -Wall -o "$dir/hostile.root/init" tests/el0/hostile.c || fail "hostile: it was not built"
(cd "$dir/hostile.root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc) >"$dir/hostile.cpio"
log=$dir/hostile.log
boot neoverse-n1 "$dir/hostile.cpio" "" >"$log"
if [ $? = 0 ] && grep -q '^hostile: done' "$log" && ! grep -q 'BUG' "$log"; then
	passed=$((passed + 1))
else
	fail "hostile"
	tail -n 20 "$log"
fi

# Initial RAM disks of many shapes.
if glibc listing -static -o "$dir/listing" tests/el0/listing.c; then
	python3 tests/el0/initramfs.py "$B" "$dir/listing" >"$dir/initramfs.log" 2>&1
	passed=$((passed + $(grep -c '^ok ' "$dir/initramfs.log"))) failed=$((failed + $(grep -c '^FAIL ' "$dir/initramfs.log")))
	grep -A 12 '^FAIL ' "$dir/initramfs.log"
	grep -q '^initramfs: .* 0 failed' "$dir/initramfs.log" || fail "initramfs: not all of it"
else
	fail "listing: it was not built"
fi

# The storm, with seeds that do not change: on four CPUs, and where memory is short and its misuse is found. The long form: docs/debugging.md.
mkdir -p "$dir/storm.root"
if glibc storm -static -fno-stack-protector -o "$dir/storm.root/init" tests/el0/storm.c tests/el0/storm_calls.c tests/el0/storm_args.c; then
	pack storm
	WORDS="storm=1,18,12" run_glibc storm neoverse-n1 "-smp 4"
	WORDS="storm=2,18,8 slab_debug=FZP page_poison=1" MEM=64M run_glibc storm cortex-a53 "-smp 1"
	WORDS=
else
	fail "storm: it was not built"
fi

# What is no initramfs, or has no program in it: one line, and an end.
refuse() { # name, initrd, what is said
	local log=$dir/$1.log code
	boot neoverse-n1 "$2" "" >"$log"
	code=$?
	if [ $code = 1 ] && grep -q "$3" "$log" && ! grep -q 'Kernel panic' "$log"; then
		passed=$((passed + 1))
	else
		fail "$1: code $code, and no line with: $3"
		tail -n 5 "$log"
	fi
}
head -c 5000 /bin/sh >"$dir/noise"
refuse 'no cpio' "$dir/noise" 'no cpio header of the newc format at byte 0'
head -c 300 "$dir/memory.cpio" >"$dir/cut"
refuse 'a cpio that is cut' "$dir/cut" 'initramfs: .* at byte'
mkdir -p "$dir/empty.root" "$dir/text.root" "$dir/bad.root"
(cd "$dir/empty.root" && find . | cpio --quiet -o -H newc) >"$dir/empty.cpio"
refuse 'no init' "$dir/empty.cpio" '/init cannot be run (-2)'
echo hello >"$dir/text.root/init"
chmod +x "$dir/text.root/init"
(cd "$dir/text.root" && find . | cpio --quiet -o -H newc) >"$dir/text.cpio"
refuse 'a text as init' "$dir/text.cpio" '/init cannot be run (-8)'
# ELF headers with one number wrong at a time: refused, or a program that ends, but never the kernel's end.
python3 - "$dir/memory.root/init" "$dir" <<'END'
import sys, struct
data = bytearray(open(sys.argv[1], 'rb').read())
n = 0
phoff = struct.unpack_from('<Q', data, 32)[0]
for where, size in [(16, 2), (18, 2), (24, 8), (32, 8), (54, 2), (56, 2)] + [(phoff + o, 8) for o in (8, 16, 32, 40)]:
    for value in (0, 1, 0x1001, 0x7fffffffffffffff, 0xffffffffffffffff, 0xffff000000000000):
        bad = bytearray(data)
        bad[where:where + size] = (value & (256 ** size - 1)).to_bytes(size, 'little')
        open('%s/bad.root/%03d' % (sys.argv[2], n), 'wb').write(bad)
        n += 1
END
"${cross}gcc" -O1 -static -nostdlib -ffreestanding -fno-stack-protector -fno-pie -no-pie -Wall -Werror -o "$dir/bad.root/init" \
	tests/el0/exec_all.c || fail "exec_all: it was not built"
(cd "$dir/bad.root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc) >"$dir/bad.cpio"
log=$dir/bad.log
boot neoverse-n1 "$dir/bad.cpio" "" >"$log"
if [ $? = 0 ] && grep -q '^exec_all: 60 programs' "$log"; then
	passed=$((passed + 1))
else
	fail "damaged programs"
	tail -n 20 "$log"
fi

# ./run ends with a script of busybox's shell, and --shell takes what is typed. They build into build/ and fetch a package.
if [ "$B" = build ] && bash tools/initramfs.sh build/initramfs.cpio 2>/dev/null; then
	timeout 300 ./run >"$dir/run.log" 2>&1
	code=$?
	if [ $code = 0 ] && grep -q '^Free' "$dir/run.log" && grep -q '^100000 99999 99998' "$dir/run.log" &&
		grep -q '^# a string of 1310720 bytes' "$dir/run.log" && grep -q 'r-xp .*/bin/busybox' "$dir/run.log"; then
		passed=$((passed + 1))
	else
		fail "./run: it ended with $code, or does not show what its script does"
		tail -n 20 "$dir/run.log"
	fi
	timeout 600 python3 tests/boot/shell.py >"$dir/shell.log" 2>"$dir/shell.seen"
	passed=$((passed + $(grep -c '^ok ' "$dir/shell.log"))) failed=$((failed + $(grep -c '^FAIL ' "$dir/shell.log")))
	grep '^FAIL ' "$dir/shell.log" | sed 's/^/--shell: /'
	grep -q '^shell: 0 failed' "$dir/shell.log" || fail "--shell: not all of it"
else
	skipped=$((skipped + 1))
	echo "skip ./run and --shell: no busybox-static for arm64 is to be had here"
fi

# Random sequences of the mmap family, by what Linux 6.12 answered: all 10,000, and some of them again with four CPUs.
out=$(
	bash tests/el0/differ.sh "$B"
	SMP=4 JOBS=1 bash tests/el0/differ.sh "$B" 9800 200
)
echo "$out" | grep FAIL
for n in $(echo "$out" | sed -n 's/^differ: \([0-9]*\) passed.*/\1/p'); do
	passed=$((passed + n))
done
for n in $(echo "$out" | sed -n 's/^differ: .* \([0-9]*\) failed/\1/p'); do
	failed=$((failed + n))
done

echo "programs: $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
