#!/bin/bash
# SPDX-License-Identifier: MIT
# Boot the image on every machine that the project claims, and enter it in every way that it must survive or refuse.
#
#   tests/boot/boot_matrix.sh [-v] BUILD_DIR [PATTERN]      cases whose name matches PATTERN (default: all)
#
# A case passes when QEMU ends in time with the expected exit code and its console has every expected line. With semihosting
# the exit code is the image's own: 0 means that the self-test passed.
set -u
verbose=
[ "${1-}" = -v ] && verbose=1 && shift
build=${1:-build}
pattern=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
image=$build/arm64/quire.img
out=$build/tests/boot
cross=${CROSS:-aarch64-linux-gnu-}
limit=60
passed=0
failed=0

[ -f "$image" ] || { echo "no $image: run make image"; exit 1; }
mkdir -p "$out"

ready='Memory: .* available'

# result NAME CODE LOG WANT_CODE EXPECTED...: an expectation that begins with ! must not be there.
result() {
	local name=$1 code=$2 log=$3 want=$4 why= line
	shift 4
	[ "$code" = 124 ] && [ "$want" != 124 ] && why="no end within $limit s"
	[ -z "$why" ] && [ "$code" != "$want" ] && why="exit code $code, expected $want"
	for line in "$@"; do
		if [ "${line:0:1}" = '!' ]; then
			grep -Eaq -- "${line:1}" "$log" && why="${why:+$why; }has '${line:1}'"
		else
			grep -Eaq -- "$line" "$log" || why="${why:+$why; }no '$line'"
		fi
	done
	if [ -z "$why" ]; then
		passed=$((passed + 1))
		[ -n "$verbose" ] && echo "ok   $name"
	else
		failed=$((failed + 1))
		echo "FAIL $name: $why ($log)"
		tail -n 5 "$log" | sed 's/^/     | /'
	fi
	return 0
}

wanted() {
	[ -z "$pattern" ] || [[ $1 =~ $pattern ]]
}

# boot NAME WANT_CODE "QEMU OPTIONS" "COMMAND LINE" EXPECTED...
boot() {
	local name=$1 want=$2 options=$3 append=$4 log=$out/$1.log
	shift 4
	wanted "$name" || return 0
	# shellcheck disable=SC2086
	timeout "$limit" qemu-system-aarch64 -net none -display none -serial stdio \
		${semihosting--semihosting} -kernel "$image" -append "$append" $options </dev/null >"$log" 2>&1
	result "$name" $? "$log" "$want" "$@"
}

# entered NAME WANT_CODE "DEFINES" IMAGE_ADDRESS "QEMU OPTIONS" EXPECTED...: through entry.S instead of QEMU's loader.
entered() {
	local name=$1 want=$2 defines=$3 address=$4 options=$5 log=$out/$1.log
	shift 5
	wanted "$name" || return 0
	# shellcheck disable=SC2086
	"${cross}gcc" -nostdlib -nostartfiles -static -Wl,--build-id=none -Wl,-Ttext=0x41000000 -DIMAGE="$address" $defines \
		"$here/entry.S" -o "$out/$name.elf" || { result "$name" 1 /dev/null 0; return; }
	# shellcheck disable=SC2086
	timeout "$limit" qemu-system-aarch64 -net none -display none -serial stdio -semihosting \
		-device "loader,file=$image,addr=$address,force-raw=on" \
		-device "loader,file=$out/$name.elf,cpu-num=0" $options </dev/null >"$log" 2>&1
	result "$name" $? "$log" "$want" "$@"
}

args="quire.selftest quire.semihosting"
virt="-M virt -m 1G"

for cpu in cortex-a53 cortex-a57 cortex-a72 cortex-a76 neoverse-n1 max; do
	boot "virt-$cpu" 0 "$virt -cpu $cpu" "$args" "$ready" 'KASLR enabled'
	boot "virt-$cpu-gicv3-el2" 0 "-M virt,gic-version=3,virtualization=on -m 1G -cpu $cpu" "$args" "$ready"
done
boot virt-gicv2 0 "-M virt,gic-version=2 -m 1G -cpu cortex-a57" "$args" "$ready"
boot virt-gicv3 0 "-M virt,gic-version=3 -m 1G -cpu cortex-a57" "$args" "$ready"
boot virt-gicv2-el2 0 "-M virt,gic-version=2,virtualization=on -m 1G -cpu cortex-a72" "$args" "$ready"
boot virt-max-gicv4-el2 0 "-M virt,gic-version=4,virtualization=on -m 1G -cpu max" "$args" "$ready"

# The texts of /proc on the console, read back by the parser that reads Linux's and the command's.
texts=meminfo,zoneinfo,buddyinfo,pagetypeinfo,slabinfo,vmallocinfo
for cpus in 1 2; do
	boot "show-proc-$cpus" 0 "$virt -smp $cpus -cpu cortex-a57" "quire.semihosting quire.summary=0 quire.show=$texts" '^slabinfo - version: 2.1'
	if wanted "show-proc-$cpus-parsed"; then
		python3 "$here/../cmd/procfs.py" "$out/show-proc-$cpus.log" 4 >"$out/show-proc-$cpus.words" 2>&1
		result "show-proc-$cpus-parsed" $? "$out/show-proc-$cpus.words" 0
	fi
done
boot show-unknown 1 "$virt -cpu cortex-a57" "quire.semihosting quire.summary=0 quire.show=meminfo,nosuch" 'no report nosuch' '^MemTotal:'

# CPUs. Their threads mostly wait for each other: in one host thread the turn goes on at once (yield), in several it takes what the
# host gives, which is the more honest test and much slower.
turns="-accel tcg,thread=single"
for cpu in cortex-a53 cortex-a57 cortex-a72 cortex-a76 neoverse-n1 max; do
	boot "smp4-$cpu" 0 "$virt -smp 4 -cpu $cpu $turns" "$args" 'smp: Brought up 1 node, 4 CPUs' \
		'CPU3: Booted secondary processor 0x0000000003' 'a lock serves in order: ok' 'selftest: .* 0 failed'
	boot "smp4-$cpu-gicv3-el2" 0 "-M virt,gic-version=3,virtualization=on -m 1G -smp 4 -cpu $cpu $turns" "$args" \
		'Brought up 1 node, 4 CPUs' 'selftest: .* 0 failed'
done
for n in 1 2 3 5 6 7 8; do
	boot "smp$n" 0 "$virt -smp $n -cpu cortex-a57 $turns" "$args" "Brought up 1 node, $n CPU" 'selftest: .* 0 failed'
done
boot smp8-gicv3 0 "-M virt,gic-version=3 -m 1G -smp 8 -cpu cortex-a57 $turns" "$args" 'Brought up 1 node, 8 CPUs' 'selftest: .* 0 failed'
boot smp4-gicv2-el2 0 "-M virt,gic-version=2,virtualization=on -m 1G -smp 4 -cpu cortex-a72 $turns" "$args" \
	'Brought up 1 node, 4 CPUs' 'selftest: .* 0 failed'
boot smp4-nokaslr 0 "$virt -smp 4 -cpu cortex-a57 $turns" "nokaslr $args" 'Brought up 1 node, 4 CPUs' 'selftest: .* 0 failed'
limit=300 boot smp2-threads 0 "$virt -smp 2 -cpu cortex-a57" "$args" 'Brought up 1 node, 2 CPUs' 'selftest: .* 0 failed'
limit=600 boot smp4-threads 0 "-M virt -m 256M -smp 4 -cpu max" "$args" 'Brought up 1 node, 4 CPUs' 'selftest: .* 0 failed'
boot smp-maxcpus 0 "$virt -smp 4 -cpu cortex-a57 $turns" "maxcpus=2 $args" 'Brought up 1 node, 2 CPUs' '!CPU2: Booted' 'selftest: .* 0 failed'
boot smp-nr-cpus 0 "$virt -smp 4 -cpu cortex-a57 $turns" "nr_cpus=3 $args" 'Number of cores \(4\) exceeds configured maximum of 3' \
	'Brought up 1 node, 3 CPUs' 'selftest: .* 0 failed'
for none in nosmp maxcpus=0 maxcpus=1; do
	boot "smp-$none" 0 "$virt -smp 4 -cpu cortex-a57" "$none $args" 'Brought up 1 node, 1 CPU[^s]?$' 'selftest: .* 0 failed'
done

# LSE: the instructions are written over their branches where every CPU has it, and nowhere else; as many as the table has places.
places=$(("$("${cross}nm" "$build/arm64/quire.elf" | awk '$3 ~ /^__alternatives_(start|end)$/ {print "0x" $1}' | sort -r | paste -sd-)"))
used="CPU features: detected: LSE atomic instructions \\(in $((places / 8)) places\\)"
for cpu in cortex-a53 cortex-a57 cortex-a72; do
	boot "lse-$cpu" 0 "$virt -smp 2 -cpu $cpu $turns" "$args" '!LSE' 'selftest: .* 0 failed'
done
for cpu in cortex-a76 neoverse-n1 max; do
	for n in 1 4; do
		boot "lse-$cpu-smp$n" 0 "$virt -smp $n -cpu $cpu $turns" "$args" "$used" 'selftest: .* 0 failed'
	done
done
boot lse-el2 0 "-M virt,gic-version=3,virtualization=on -m 1G -smp 8 -cpu max $turns" "$args" "$used" 'selftest: .* 0 failed'
boot lse-rodata-off 0 "$virt -smp 2 -cpu max $turns" "rodata=off nokaslr $args" "$used"
limit=300 boot lse-threads 0 "$virt -smp 2 -cpu max" "$args" "$used" 'selftest: .* 0 failed'
# A machine of two sorts of CPU: the boot CPU has none, or another.
for none in 0 2; do
	boot "lse-mixed-$none" 0 "$virt -smp 4 -cpu max $turns" "quire.nolse=$none quire.stress=1,300 $args" '!detected: LSE' \
		'CPU features: LSE atomic instructions are not used: 1 of 4 CPUs have none' 'selftest: .* 0 failed' 'stress: passed'
done
boot lse-none 0 "$virt -smp 4 -cpu max $turns" "quire.nolse $args" '!LSE' 'selftest: .* 0 failed'

# All allocators under stress by all CPUs.
boot stress-smp4 0 "$virt -smp 4 -cpu cortex-a57 $turns" "quire.stress=4,1000,11 quire.semihosting" \
	'stress: [0-9]+ operations' 'stress: passed: all memory is back'
boot stress-smp4-gicv3-el2 0 "-M virt,gic-version=3,virtualization=on -m 512M -smp 4 -cpu max $turns" \
	"quire.stress=2,1000 quire.semihosting" 'stress: passed: all memory is back'
boot stress-smp8 0 "-M virt -m 512M -smp 8 -cpu neoverse-n1 $turns" "quire.stress=2,500 quire.semihosting" \
	'stress: passed: all memory is back'
boot stress-smp4-failures 0 "-M virt -m 512M -smp 4 -cpu cortex-a57 $turns" \
	"quire.stress=2,1000 fail_page_alloc=1,10,0,-1 failslab=1,10,0,-1 quire.semihosting" \
	'stress: [1-9][0-9]* blocks and [1-9][0-9]* objects refused on purpose' 'stress: passed: all memory is back'
limit=600 boot stress-smp4-threads 0 "-M virt -m 512M -smp 4 -cpu cortex-a57" "quire.stress=1,100 quire.semihosting" \
	'stress: passed: all memory is back'

# Trees that do not tell the truth about CPUs, or tell of an interrupt controller that nobody knows.
# changed NAME "QEMU OPTIONS" SED-SCRIPT: QEMU's tree for these options, edited.
changed() {
	# shellcheck disable=SC2086
	qemu-system-aarch64 -M "virt,dtb-randomness=off,dumpdtb=$out/$1-base.dtb" $2 -net none -display none >/dev/null 2>&1
	dtc -q -I dtb -O dts "$out/$1-base.dtb" | sed "$3" | dtc -q -I dts -O dtb -o "$out/$1.dtb" -
}
if wanted smp-tree; then
	small="-m 256M -cpu cortex-a57"
	changed smp-absent "$small -smp 4" ''
	boot smp-tree-absent-cpus 0 "-M virt $small -smp 2 -dtb $out/smp-absent.dtb $turns" "$args" 'CPU2: failed to boot: -22' \
		'CPU3: failed to boot: -22' 'Brought up 1 node, 2 CPUs' 'selftest: .* 0 failed'
	changed smp-no-gic "$small -smp 2" 's/arm,cortex-a15-gic/acme,interrupts/'
	boot smp-tree-no-gic 0 "-M virt $small -smp 2 -dtb $out/smp-no-gic.dtb" "$args" 'secondary CPUs stay down: no interrupt controller' \
		'Brought up 1 node, 1 CPU[^s]?$' 'selftest: .* 0 failed'
	changed smp-method "$small -smp 2" 's/enable-method = "psci"/enable-method = "acme"/'
	boot smp-tree-method 0 "-M virt $small -smp 2 -dtb $out/smp-method.dtb" "$args" 'CPU1: failed to boot: -19' \
		'Brought up 1 node, 1 CPU[^s]?$' 'selftest: .* 0 failed'
	# Spin-table, but nobody spins: the second CPU is powered off and never comes.
	changed smp-nobody "$small -smp 2" 's/enable-method = "psci"/enable-method = "spin-table"; cpu-release-addr = <0 0x4ff00000>/'
	boot smp-tree-nobody 0 "-M virt $small -smp 2 -dtb $out/smp-nobody.dtb" "$args" 'CPU1: failed to come online' \
		'Brought up 1 node, 1 CPU[^s]?$' 'selftest: .* 0 failed'
	# The boot CPU is not the first of the tree: it is CPU 0 all the same.
	changed smp-order "$small -smp 3" '/cpu@0 {/,/};/{s/reg = <0x00>/reg = <0x02>/};/cpu@2 {/,/};/{s/reg = <0x02>/reg = <0x00>/}'
	boot smp-tree-order 0 "-M virt $small -smp 3 -dtb $out/smp-order.dtb $turns" "$args" \
		'CPU1: Booted secondary processor 0x000000000[12]' 'Brought up 1 node, 3 CPUs' '!missing boot CPU' 'selftest: .* 0 failed'
	changed smp-unlisted "$small -smp 2" 's/reg = <0x00>/reg = <0x07>/'
	boot smp-tree-unlisted 0 "-M virt $small -smp 2 -dtb $out/smp-unlisted.dtb" "$args" 'missing boot CPU MPIDR' \
		'stay down: the boot CPU is not in the device tree' 'selftest: .* 0 failed'
fi
boot virt-nokaslr 0 "$virt -cpu cortex-a57" "nokaslr $args" "$ready" 'KASLR disabled on command line'
boot virt-no-seed 0 "-M virt,dtb-randomness=off -m 1G -cpu cortex-a57" "$args" "$ready" \
	'KASLR disabled due to lack of seed'
boot virt-128M 0 "-M virt -m 128M -cpu cortex-a53" "$args" "$ready"
boot virt-numa 0 "-M virt -m 2G -smp 2 -cpu cortex-a57 -object memory-backend-ram,id=a,size=1G
	-object memory-backend-ram,id=b,size=1G -numa node,memdev=a,cpus=0 -numa node,memdev=b,cpus=1" "$args" "$ready"

# Firmware's memory: 2 MiB in the midst of RAM, and half a page at its end, which nobody may map or be given.
if wanted virt-nomap; then
	qemu-system-aarch64 -M virt,dtb-randomness=off,dumpdtb="$out/nomap-base.dtb" -m 1G -cpu cortex-a57 -net none \
		-display none >/dev/null 2>&1
	{
		dtc -q -I dtb -O dts "$out/nomap-base.dtb"
		cat <<'END'
/ { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
	secure@50000000 { reg = <0 0x50000000 0 0x200000>; no-map; };
	end@7ffff800 { reg = <0 0x7ffff800 0 0x800>; no-map; };
}; };
END
	} | dtc -q -I dts -O dtb -o "$out/nomap.dtb" -
	for mode in full on off; do
		boot "virt-nomap-$mode" 0 "$virt -cpu cortex-a57 -dtb $out/nomap.dtb" "rodata=$mode $args" "$ready" \
			'selftest: NOMAP memory faults: ok' 'nomap non-reusable secure@50000000'
	done
fi

# A command line that claims what is not there.
boot earlycon-nothing 0 "$virt -cpu cortex-a57" "earlycon=pl011,0x9100000 $args" "$ready" \
	'earlycon=pl011,0x9100000.*ignored' 'earlycon: pl11 at MMIO 0x0*9000000'
boot earlycon-memory 0 "$virt -cpu cortex-a57" "earlycon=pl011,0x40000000 $args" "$ready" 'earlycon=pl011,0x40000000.*ignored'
boot earlycon-no-uart 0 "$virt -cpu cortex-a57" "earlycon=uart8250,mmio32,0x9010000 $args" "$ready" \
	'earlycon=uart8250,mmio32,0x9010000.*ignored'
semihosting= boot no-semihosting 0 "$virt -cpu cortex-a57" "quire.selftest quire.semihosting" "$ready" 'no host answers' \
	'selftest: .* 0 failed' '!Call trace'
semihosting= boot no-semihosting-el2 0 "-M virt,virtualization=on -m 1G -cpu max" "quire.semihosting" "$ready" '!Call trace'

# The port's own tests, with and without large system extensions.
if wanted port-test; then
	make -s -C "$here/../.." B="$(realpath --relative-to="$here/../.." "$build")" port-test-image || failed=$((failed + 1))
	for cpu in cortex-a53 max; do
		image=$out/arm64/quire.img boot "port-test-$cpu" 0 "$virt -cpu $cpu" "quire.bench quire.semihosting" \
			'port test: [0-9]+ passed, 0 failed'
	done
fi

# Bugs planted on the board: each report, and the fault of a guard page decoded.
planted() {
	local name=$1 want=$2 append=$3
	shift 3
	image=$out/debug/quire.img boot "debug-$name" "$want" "-M virt,dtb-randomness=off -m 256M -smp 2 -cpu cortex-a57" \
		"$append quire.bench quire.semihosting quire.summary=0" "$@"
}
if wanted debug-; then
	make -s -C "$here/../.." B="$(realpath --relative-to="$here/../.." "$build")" debug-test-image || failed=$((failed + 1))
	planted redzone 0 'plant=redzone slab_debug' \
		'BUG kmalloc-64 \(Not tainted\): kmalloc Redzone overwritten' 'First byte 0x55 instead of 0xcc' \
		'Allocated in allocate_here\+' 'FIX kmalloc-64: Object at 0x[0-9a-f]+ not freed'
	planted uaf-poison 0 'plant=uaf slab_debug=FPU' 'BUG kmalloc-128 \(Not tainted\): Poison overwritten' \
		'Allocated in allocate_here\+' 'Freed in free_here\+'
	planted double-free 0 'plant=double-free slab_debug' 'BUG kmalloc-128 \(Not tainted\): Object already free' \
		'Allocated in allocate_here\+' 'Freed in free_here\+'
	planted uaf-guard 1 'plant=uaf guard_pages=1' 'BUG: KFENCE: use-after-free write in write_here\+' \
		'cache=kmalloc-128' 'allocated by task 0 on cpu 0' ' allocate_here\+' 'freed by task 0' ' free_here\+' \
		'level 3 translation fault'
	planted oob-guard 1 'plant=oob guard_pages=1' 'BUG: KFENCE: out-of-bounds write in write_here\+' \
		'\(0B right of kfence-#[0-9]+\)' ' allocate_here\+'
	planted double-free-guard 0 'plant=double-free guard_pages=1' 'BUG: KFENCE: double-free'
	planted poison 0 'plant=poison page_poison=1 page_owner=on' 'pagealloc: memory corruption' \
		'bytes 0x4d to 0x4d, written after it was freed' 'page_poison' 'page last allocated via order 0'
	planted behind 1 'plant=behind debug_guardpage_minorder=1' 'BUG: guard page touched: write .* in write_here\+' \
		'3 bytes behind the block of order 0' ' behind_pages\+'
	planted leak 0 'plant=leak debug_leaks' 'debug_leaks: 3 objects of kmalloc-256, 600 bytes, allocated by' \
		' allocate_here\+' 'debug_leaks: 1 vmalloc areas, 12288 bytes' 'debug_leaks: 1 blocks of pages, 16384 bytes'
	planted no-leak 0 'plant=nothing debug_leaks slab_debug guard_pages=1' 'debug_leaks: everything was freed' '!BUG'
	planted failslab 0 'plant=fail failslab=5,100,0,-1' 'debug test: 4 of 20 failed'
	planted fail-nth 0 'plant=fail fail_nth=3' 'debug test: 1 of 20 failed'
	planted bad-values 0 'plant=nothing failslab=many slab_debug=FQ guard_pages=x debug_guardpage_minorder=9 page_poison=maybe' \
		"Malformed early option 'failslab=many': .*; ignored" "slab_debug option 'Q' unknown. skipped" \
		"Malformed early option 'guard_pages=x'" "Malformed early option 'debug_guardpage_minorder=9'" \
		"Malformed early option 'page_poison=maybe'"
	planted page-owner 0 'plant=nothing page_owner=on quire.show=page_owner' \
		'Page allocated via order 0, mask 0x[0-9a-f]+\(' 'PFN 0x[0-9a-f]+ type Unmovable Block' ' start_kernel\+'
	planted all 0 'plant=nothing quire.selftest slab_debug page_poison=1 page_owner=on guard_pages=5 debug_guardpage_minorder=1' \
		'selftest: [0-9]+ passed, 0 failed' '!BUG' '!memory corruption'
fi

# How the loader may leave things.
el1="-M virt,dtb-randomness=off -m 1G -cpu cortex-a57"
el2="-M virt,virtualization=on,gic-version=3 -m 1G -cpu max"
# The tree of $el1 with a command line.
# shellcheck disable=SC2086
qemu-system-aarch64 ${el1/randomness=off/randomness=off,dumpdtb=$out/args.dtb} -kernel "$image" -append "$args" \
	-net none -display none >/dev/null 2>&1
entered entry-plain 0 "" 0x40400000 "$el1" "$ready"
entered entry-high 0 "" 0x7f800000 "$el1" "$ready"
entered entry-64K-aligned 0 "" 0x40410000 "$el1" "$ready"
entered entry-x1-x3 0 "-DENTRY_ARGS" 0x40400000 "$el1" "$ready" 'x1-x3 nonzero'
entered entry-vhe 0 "-DENTRY_VHE" 0x40400000 "$el2" "$ready"
entered entry-mmu-on 0 "-DENTRY_MMU" 0x40400000 "$el1" "$ready"
entered entry-el1t 0 "-DENTRY_EL1T -DDTB=0x48000000" 0x40400000 "$el1 -device loader,file=$out/args.dtb,addr=0x48000000,force-raw=on" \
	'selftest: .* 0 failed'
entered entry-second-cpu 0 "-DENTRY_SECOND=1" 0x40400000 "$el1 -smp 2" "$ready" 'it is parked'
entered entry-four-cpus 0 "-DENTRY_SECOND=3" 0x40400000 "$el1 -smp 4" "$ready" 'it is parked'
entered entry-four-cpus-race 0 "-DENTRY_SECOND=3 -DENTRY_RACE" 0x40400000 "$el1 -smp 4" "$ready" 'it is parked'
# What is refused, with words. At EL3 there is nobody to power the machine off.
entered refuse-big-endian 0 "-DENTRY_BE" 0x40400000 "$el1" 'Quire: entered with big-endian data accesses.*Stopped'
entered refuse-misaligned 0 "" 0x40401000 "$el1" 'Quire: the image is not loaded at a multiple of 2 MiB.*Stopped'
limit=5 entered refuse-el3 124 "" 0x40400000 "-M virt,secure=on,dtb-randomness=off -m 1G -cpu cortex-a57" \
	'Quire: entered at EL3.*Stopped'
entered refuse-no-dtb 1 "-DENTRY_NO_DTB" 0x40400000 "$el1" 'Kernel panic'

# debugged NAME WANT_CODE LOCATION "GDB COMMANDS" EXPECTED...: the commands run where the boot reaches LOCATION.
debugged() {
	local name=$1 want=$2 location=$3 commands=$4 log=$out/$1.log port=$((20000 + $$ % 20000)) pid
	shift 4
	wanted "$name" || return 0
	timeout "$limit" qemu-system-aarch64 -net none -display none -serial stdio -semihosting -kernel "$image" \
		-M virt,dtb-randomness=off -m 1G -cpu cortex-a57 ${debug_options-} -append "nokaslr quire.semihosting" \
		-S -gdb "tcp:127.0.0.1:$port" </dev/null >"$log" 2>&1 &
	pid=$!
	printf '%s\n' 'set pagination off' 'set tcp connect-timeout 20' "target remote 127.0.0.1:$port" \
		"hbreak $location" continue "$commands" delete continue >"$out/$name.gdb"
	timeout "$limit" gdb-multiarch -nx -batch -x "$out/$name.gdb" "$build/arm64/quire.elf" >"$out/$name.gdb.log" 2>&1
	wait $pid
	result "$name" $? "$log" "$want" "$@"
}
# A fault near the end of the boot.
crash() {
	local name=$1 commands=$2
	shift 2
	debugged "$name" 1 mark_rodata_ro "$commands" "$@"
}
# Where QEMU's loader puts _text, less where it is linked.
physical='- 0xffff800080000000 + 0x40200000'
crash crash-write 'set $pc = &memset
set $x0 = 0xffff123456789000
set $x1 = 1
set $x2 = 1' 'ESR_EL1 0x0*96000044 +FAR_EL1 0xffff123456789000' 'translation fault' 'pc : memset' 'Call trace' 'x29?: '
crash crash-rodata 'set $pc = &memset
set $x0 = &symbol_count
set $x1 = 1
set $x2 = 1' 'permission fault' 'level 3 .*table' 'mapped: physical 0x'
crash crash-quiet 'set console_loglevel = 0
set $pc = 0' 'NULL pointer dereference' 'Call trace'
crash crash-null 'set $pc = 0' 'NULL pointer dereference' 'instruction abort|Instruction abort|IABT' 'lr : start_kernel'
crash crash-stack 'set $sp = &kernel_stack
set $pc = &start_kernel' 'Kernel stack overflow' 'pc : start_kernel'
crash crash-undefined 'set *(unsigned int *)((unsigned long)&memset - 0xffff800080000000 + 0xffff000000200000) = 0
set $pc = &memset' 'ESR_EL1 0x0*2000000 ' 'pc : memset\+0x0'

# The same on another CPU: it reports alone, on its own stacks, and the boot CPU stops.
secondary_crash() {
	local name=$1 commands=$2
	shift 2
	debug_options="-smp 3 $turns" debugged "$name" 1 smp_cpu_up "$commands" 'CPU 1' 'CPU1: Booted' '!CPU2: Booted' \
		'!failed to stop' '!Brought up' "$@"
}
secondary_crash crash-secondary 'set $pc = 0' 'NULL pointer dereference' 'lr : secondary_start_kernel' 'Call trace' \
	'secondary_start_kernel\+'
secondary_crash crash-secondary-stack 'set $sp = cpu_stacks[1].kernel
set $pc = &secondary_start_kernel' 'Kernel stack overflow' 'pc : secondary_start_kernel'
debug_options="-smp 3 $turns" debugged panic-stops-others 1 report_summary 'set $x0 = machine_model
set $pc = &panic' 'Kernel panic - not syncing: linux,dummy-virt' 'Brought up 1 node, 3 CPUs' '!failed to stop' 'end Kernel panic'

# The debugger's commands, on a machine that is up.
if wanted gdb-commands; then
	pattern='^gdb-commands$' debugged gdb-commands 0 report_summary "source $here/../../tools/gdb/quire-gdb.py
quire-memblock
quire-zones
quire-page 0x40200000
quire-page 0x40200
quire-walk kernel_main
quire-layout
quire-symbols
print memblock.memory" "$ready"
	result gdb-commands-output 0 "$out/gdb-commands.gdb.log" 0 '^memory: 1 regions, 1 GiB' '^reserved: [0-9]+ regions' \
		'0x000040200000-0x' '^node 0, DMA: start_pfn 0x40000, spanned 262144' 'free by order: ' \
		'^pfn 0x40200 .*struct page at 0xff' 'level 3 .* page .*RO.* ISH AF' '^physical 0x402' \
		'^  stack +0xffff8000' 'KASLR is off' '\[0\] = \[0x000040000000-0x00007fffffff\] 1 GiB' '!Python Exception'
fi

# A CPU without 4K pages, and a fault before the kernel has its own mapping.
debugged refuse-granule 0 "*((unsigned long)&check_granule $physical)" 'set $x10 = 15' \
	'Quire: this CPU has no 4 KiB translation granule .*Stopped'
# Early C may hold anything in the registers that the entry code uses.
debugged crash-early-registers 0 "*((unsigned long)&early_map_kernel $physical)" 'set $x20 = 0x1111111111111111
set $x21 = 0x2222222222222222
set $x25 = 0x3333333333333333
set $pc = 0x123450000000' \
	'Quire: exception before the kernel runs at its own address: ESR_EL1 0x0*8600000.*FAR_EL1 0x0000123450000000'
debugged crash-early 0 "*((unsigned long)&early_map_kernel $physical)" 'set $pc = 0x123450000000' \
	'Quire: exception before the kernel runs at its own address: ESR_EL1 0x0*8600000.*FAR_EL1 0x0000123450000000'

# Trees that must be refused, with words on whatever console can be found in them.
if wanted refuse-tree; then
	qemu-system-aarch64 -M virt,dtb-randomness=off,dumpdtb="$out/tree.dtb" -m 1G -cpu cortex-a57 -net none -display none >/dev/null 2>&1
	: >"$out/empty.dtb"
	head -c 4096 /dev/zero >"$out/zero.dtb"
	cp "$out/tree.dtb" "$out/large.dtb" && printf '\x00\x30\x00\x00' | dd of="$out/large.dtb" bs=1 seek=4 conv=notrunc status=none
	cp "$out/tree.dtb" "$out/version.dtb" && printf '\x00\x00\x00\x01' | dd of="$out/version.dtb" bs=1 seek=20 conv=notrunc status=none
	head -c 3000 "$out/tree.dtb" >"$out/short.dtb"
	for tree in zero large version short; do
		entered "refuse-tree-$tree" 1 "-DDTB=0x48000000" 0x40400000 \
			"$el1 -device loader,file=$out/$tree.dtb,addr=0x48000000,force-raw=on" 'Kernel panic'
	done
	inside=$(printf '%#x' $((0x40400000 + ($(stat -c %s "$image") + 0xffff & ~0xffff))))
	entered refuse-tree-inside 0 "-DDTB=$inside" 0x40400000 \
		"$el1 -device loader,file=$out/tree.dtb,addr=$inside,force-raw=on" 'Quire: the device tree lies inside the image.*Stopped'
	entered refuse-tree-misaligned 1 "-DDTB=0x48000004" 0x40400000 \
		"$el1 -device loader,file=$out/tree.dtb,addr=0x48000004,force-raw=on" 'Kernel panic'
	entered refuse-tree-outside 1 "-DDTB=0x8000000000" 0x40400000 "$el1" 'Kernel panic'
	for at in 0x0c000000 0x80000000 0x200000000000 0xfffffffffffffff8; do
		entered "refuse-tree-at-$at" 1 "-DDTB=$at" 0x40400000 "$el1" 'Kernel panic.*device tree blob' '!ESR_EL1'
	done
fi

# Raspberry Pi 3B, by an own tree; both of its UARTs.
for uart in serial0 serial1; do
	wanted "raspi3b-$uart" || continue
	sed "s/STDOUT/\"$uart:115200n8\"/" "$here/raspi3b.dts" |
		dtc -q -I dts -O dtb -o "$out/raspi3b-$uart.dtb" - || { result "raspi3b-$uart" 1 /dev/null 0; continue; }
	serial=
	[ $uart = serial1 ] && serial="-serial null -serial stdio"
	log=$out/raspi3b-$uart.log
	# shellcheck disable=SC2086
	timeout "$limit" qemu-system-aarch64 -M raspi3b -display none ${serial:--serial stdio} -semihosting $turns \
		-kernel "$image" -dtb "$out/raspi3b-$uart.dtb" -append "$args quire.stress=1,300" </dev/null >"$log" 2>&1
	result "raspi3b-$uart" $? "$log" 0 "$ready" 'Brought up 1 node, 4 CPUs' 'selftest: .* 0 failed' 'stress: passed'
done

# U-Boot's booti, typed at its prompt.
uboot=/usr/lib/u-boot/qemu_arm64/u-boot.bin
# until_seen LOG FD PATTERN: read the console until the pattern shows.
until_seen() {
	local text= c
	while IFS= read -r -t "$limit" -N 1 -u "$2" c; do
		printf %s "$c" >>"$1"
		text=$text$c
		[ ${#text} -gt 200 ] && text=${text: -100}
		[[ $text =~ $3 ]] && return 0
	done
	return 1
}
uboot_case() {
	local name=$1 machine=$2 log=$out/$1.log pid code
	wanted "$name" || return 0
	[ -f $uboot ] || { result "$name" "no $uboot (package u-boot-qemu)" /dev/null 0; return; }
	: >"$log"
	# shellcheck disable=SC2086
	coproc QEMU { exec timeout $((limit * 2)) qemu-system-aarch64 $machine -net none -display none -serial stdio \
		-semihosting -bios $uboot -device "loader,file=$image,addr=0x44000000,force-raw=on" 2>&1; }
	pid=$QEMU_PID
	exec 8<&"${QEMU[0]}" 9>&"${QEMU[1]}"
	if until_seen "$log" 8 'Hit any key'; then
		printf '\r' >&9
		until_seen "$log" 8 '=> ' &&
			printf 'setenv bootargs "%s"\r' "$args" >&9 &&
			until_seen "$log" 8 '=> ' &&
			printf 'booti 0x44000000 - ${fdtcontroladdr}\r' >&9
	fi
	exec 9>&-
	cat <&8 >>"$log"
	exec 8<&-
	wait "$pid" 2>/dev/null
	code=$?
	result "$name" "$code" "$log" 0 "$ready" 'Starting kernel'
}
uboot_case uboot-booti "-M virt -m 1G -cpu cortex-a57"
uboot_case uboot-booti-el2 "-M virt,virtualization=on -m 1G -cpu cortex-a72"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
