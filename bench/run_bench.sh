#!/bin/bash
# SPDX-License-Identifier: MIT
# Measures and writes DIR/*.tsv, then the tables of docs/performance.md: bench/run_bench.sh DIR
# With --check before DIR: two boots, and whether the goals are kept. Nothing is written but DIR/*.tsv.
#
# One CPU, -icount shift=0, a counter of 1 GHz: one tick is one instruction, counted from reset. The same figures come
# out every time, on any machine.
set -u
check=''
[ "${1:-}" = --check ] && check=1 && shift
dir=${1:-build/bench}
image=$dir/arm64/quire.img
mkdir -p "$dir"

# boot CPU SIZE WORDS...: the lines that the image prints. QEMU ends by itself, with the image's exit code.
boot() {
	local cpu=$1 size=$2
	shift 2
	# A word that begins with -initrd is QEMU's.
	local more=()
	[ "$1" = -initrd ] && more=(-initrd "$2") && shift 2
	timeout 300 qemu-system-aarch64 -M virt,dtb-randomness=off,memory-backend=ram \
		-object "memory-backend-ram,id=ram,size=$size,reserve=off" -m "$size" -smp 1 \
		-icount shift=0,sleep=off -cpu "$cpu,cntfrq=1000000000" -display none -no-reboot -nodefaults -serial stdio \
		-semihosting-config enable=on,target=native -kernel "$image" \
		"${more[@]}" -append "quire.semihosting quiet $*" </dev/null | tr -d '\r' | sed 's/^\[ *[0-9.]*\] //'
	return "${PIPESTATUS[0]}"
}

# A program is /init of an initramfs, with a file of 4 MiB: program NAME SOURCE. Its rows: DIR/NAME.tsv.
program() {
	mkdir -p "$dir/$1.root"
	"${CROSS:-aarch64-linux-gnu-}gcc" -O2 -static -nostdlib -nostartfiles -ffreestanding -fno-stack-protector -fno-pie -no-pie \
		-mgeneral-regs-only -fno-tree-loop-distribute-patterns "bench/el0/$2.c" -o "$dir/$1.root/init" &&
		head -c 4M "$dir/arm64/quire.elf" >"$dir/$1.root/data.bin" && truncate -s 4M "$dir/$1.root/data.bin" &&
		mkdir -p "$dir/$1.root/sys" &&
		(cd "$dir/$1.root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc) >"$dir/$1.cpio" &&
		boot neoverse-n1 2G -initrd "$dir/$1.cpio" quire.init quire.summary=0 >"$dir/$1.log" || return 1
	# Two rows have one name: the second is that of 16,000 areas, as in Linux's file.
	awk '$1 == "EB" && $3 == "med" {n = $2; if (seen[n]++) n = n " (2)"; print n "\t" $4}' "$dir/$1.log" >"$dir/$1.tsv"
}

if [ -n "$check" ]; then
	rm -f "$dir/ops.tsv" "$dir/boot-check.tsv" "$dir/el0.tsv"
	if ! boot neoverse-n1 1G quire.bench >"$dir/ops.log"; then
		tail -n 5 "$dir/ops.log" >&2
		exit 1
	fi
	grep '^bench' "$dir/ops.log" | cut -f2- >"$dir/ops.tsv"
	grep '^phase' "$dir/ops.log" | cut -f2- >"$dir/boot-check.tsv"
	program el0 el0bench || tail -n 5 "$dir/el0.log" >&2
	exec python3 bench/tables.py --check "$dir"
fi

failed=0
echo "boot, reset to buddy ready (cortex-a57)"
for size in 512M 1G 4G 16G 64G 1T; do
	if ! boot cortex-a57 $size quire.bench >"$dir/boot-$size.log"; then
		echo "  $size: the boot failed:" >&2
		tail -n 5 "$dir/boot-$size.log" >&2
		failed=1
		continue
	fi
	grep '^phase' "$dir/boot-$size.log" | cut -f2- >"$dir/boot-$size.tsv"
	echo "  $size: $(tail -n 1 "$dir/boot-$size.tsv" | cut -f3) instructions"
done

echo "operations (neoverse-n1)"
if boot neoverse-n1 1G quire.bench >"$dir/ops.log"; then
	grep '^bench' "$dir/ops.log" | cut -f2- >"$dir/ops.tsv"
	sed 's/^/  /' "$dir/ops.tsv"
else
	tail -n 5 "$dir/ops.log" >&2
	failed=1
fi

# What a program pays, by a program.
echo "programs (neoverse-n1, 2 GiB)"
for name in el0 groups; do
	source=${name/el0/el0bench}
	if program "$name" "$source"; then
		sed 's/^/  /' "$dir/$name.tsv"
	else
		tail -n 5 "$dir/$name.log" >&2
		failed=1
	fi
done

# Times of a process. Others use the machine: each program takes short samples, all take turns, and tables.py the least and the median.
rounds=${ROUNDS:-7}
libraries=()
for name in mimalloc jemalloc; do
	library=$(find /usr/lib -name "lib$name.so*" 2>/dev/null | sort | head -n 1)
	if [ -n "$library" ]; then
		libraries+=("$name=$library")
	else
		echo "  no lib$name here (package lib$name-dev): left out"
	fi
done
if [ -x "$dir/host_bench" ] && [ -x "$dir/host_slab_bench" ] && [ -x "$dir/host_fault_bench" ]; then
	echo "pages and kmalloc in a process, kmalloc beside mimalloc and jemalloc ($(nproc) processors, $rounds rounds)"
	: >"$dir/host.tsv"
	: >"$dir/host_slab.tsv"
	for ((i = 0; i < rounds; i++)); do
		timeout 300 "$dir/host_bench" >>"$dir/host.tsv" || failed=1
		timeout 300 "$dir/host_fault_bench" >>"$dir/host.tsv" || failed=1
		timeout 300 "$dir/host_slab_bench" quire >>"$dir/host_slab.tsv" || failed=1
		for library in "${libraries[@]}"; do
			LD_PRELOAD=${library#*=} timeout 300 "$dir/host_slab_bench" "${library%%=*}" >>"$dir/host_slab.tsv" ||
				failed=1
		done
	done
fi

python3 bench/tables.py "$dir" docs/performance.md || failed=1
exit $failed
