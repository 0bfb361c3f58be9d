#!/bin/bash
# SPDX-License-Identifier: MIT
# quire predict and quire profile: help is complete, wrong use and unusable files are one line and exit 2, a profile can be
# shown, changed and made of a kernel's files, and what it says decides the prediction.
. "$(dirname "$0")/common.sh.inc"
board=$work/board.dtb
zcat tests/oracle/cases/A-mem-1G.dtb.gz >"$board"

run 0 "$quire" --help
says out 'quire predict BOARD.dtb'
says out 'quire profile'
run 0 "$quire" predict --help
cp "$work/out" "$work/help"
sed 's/\\-/-/g' docs/man/quire.1 docs/man/quire-predict.1 >"$work/man"
for option in $(grep -oE -- '^ +(-[a-z], )?--[a-z-]+' "$work/help" | grep -oE -- '--[a-z-]+'); do
	says man "$option"
done
says_not help '--granule'
run 0 "$quire" profile --help
sed 's/\\-/-/g' docs/man/quire-profile.1 >"$work/man"
for option in $(grep -oE -- '^ +--[a-z-]+' "$work/out"); do
	says man "$option"
done

wrong() {
	run 2 "$quire" "$@"
	one_line_error
}
wrong predict
wrong predict "$board" --granule 4k
wrong predict "$board" --va-bits 48
# A tree that leaves memory to the boot loader: what to say is in the same line.
dtc -q -O dtb -o "$work/empty.dtb" - <<'EOF' || fail "dtc"
/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0>; }; };
EOF
run 1 "$quire" predict "$work/empty.dtb"
[ "$(wc -l <"$work/err")" = 1 ] || fail "not one line: $(cat "$work/err")"
says err 'the boot panicked: No memory: .*--mem SIZE'
run 0 "$quire" predict "$work/empty.dtb" --mem 1G
wrong predict "$board" --build banana
wrong predict "$board" --kernel-at 0xffffffffffffffff+1M
wrong predict "$board" --dtb-at 0xffffffffffffffff
wrong predict "$board" --build "$work/none.profile"
wrong predict "$board" --build
wrong predict "$work/none.dtb"
wrong predict "$board" "$board"
wrong profile
wrong profile --banana
wrong profile --show
wrong profile --show banana
wrong profile --from
wrong profile --from "$work/none"
wrong profile --from "$board"
says err 'board\.dtb: offset 0x[0-9a-f]+: not an ELF file'
head -c 40 "$board" >"$work/short"
wrong profile --from "$work/short"
says err 'short: offset 0x28: too short'
echo 'ffffffffffffffff B The real System.map is in the linux-image-<version>-dbg package' >"$work/placeholder"
wrong profile --from "$work/placeholder"
says err 'placeholder: offset 0: a placeholder for a System.map: .*-dbg package$'
cp "$board" "$work/broken.dtb"
printf '\xff' | dd of="$work/broken.dtb" bs=1 seek=$((0x48)) conv=notrunc status=none
wrong predict "$work/broken.dtb"
says err 'broken\.dtb: damaged device tree at offset 0x[0-9a-f]+$'
wrong profile --base linux-6.12.115-debian

# Every profile of the program can be shown, and what is shown is a profile.
run 0 "$quire" profile --list
says out '^linux-6\.12\.115-debian-cloud '
names=$(cut -d' ' -f1 "$work/out")
[ "$(wc -w <<<"$names")" = "$(ls profiles/*.profile | wc -l)" ] || fail "--list has not all of profiles/"
run 0 "$quire" profile --keys
keys=$(grep -oE '^[a-z_]+' "$work/out")
for name in $names; do
	run 0 "$quire" profile --show "$name"
	mv "$work/out" "$work/$name.profile"
	for key in $keys; do
		says "$name.profile" "^$key = "
	done
	run 0 "$quire" profile --show "$work/$name.profile"
	cmp -s "$work/out" "$work/$name.profile" || fail "$name: shown twice, not the same"
done

# What is wrong in a profile is named with its line.
good=$work/linux-6.12.115-debian-cloud.profile
broken() { # sed script, pattern
	sed "$1" "$good" >"$work/broken.profile"
	wrong predict "$board" --build "$work/broken.profile"
	says err "broken\.profile$2"
}
broken 's/^page_shift = 12/page_shift = banana/' ":[0-9]+: not a number: 'banana'"
broken 's/^page_shift = 12/page_shift = 13/' ': page_shift is not'
broken 's/^page_shift = 12/page_shift = 11/' ":[0-9]+: out of range: '11'"
broken '/^resource/d' ": no value for 'resource'"
broken 's/^resource = 64/resource = 64\nresource = 64/' ":[0-9]+: a second 'resource'"
broken 's/^resource = 64/banana = 64/' ":[0-9]+: unknown key 'banana'"
broken 's/^resource = 64/resource 64/' ":[0-9]+: not 'key = value'"
broken 's/^va_bits = 52/va_bits = 47/' ': this page size has no such va_bits'
broken '/^release/d' ": no value for 'release'"
broken 's/^init_begin = .*/init_begin = 0x1/' ": the image's sections are not in order"
broken 's/^mem_section = 16/mem_section = 24/' ': mem_section is not a power of two'

# The constants decide.
run 0 "$quire" predict "$board" --build linux-6.12.115-debian-cloud
says out 'percpu: Embedded 34 pages/cpu s99672 '
says out 'Memory: [0-9]+K/1048576K available \(14144K kernel code'
sed 's/^percpu_static = .*/percpu_static = 200000/; s/^cma_size_mbytes = 64/cma_size_mbytes = 32/' "$good" >"$work/mine.profile"
run 0 "$quire" predict "$board" --build "$work/mine.profile"
says out 's200000 '
says out ' 32768K cma-reserved'
run 0 "$quire" predict "$board" --json --append 'crashkernel=128M'
python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
assert d["crashkernel"]["size"] == "0x8000000" and d["panic"] is None and d["zones"], d["crashkernel"]
assert d["release"] == "6.12.115+deb12-arm64"
' "$work/out" || fail "the JSON document of a prediction"

# A board on which that kernel panics: exit 1, and what it says.
zcat tests/oracle/cases/E-nomap-600.dtb.gz >"$work/nomap.dtb"
run 1 "$quire" predict "$work/nomap.dtb"
says out 'Kernel panic - not syncing: memblock: cannot resize memory array'

# Made of a kernel's files: each line says from which.
cat >"$work/config" <<'EOF'
# Linux/arm64 6.12.99 Kernel Configuration
CONFIG_ARM64_16K_PAGES=y
CONFIG_ARM64_VA_BITS=48
CONFIG_ARM64_PA_BITS=48
CONFIG_NR_CPUS=64
CONFIG_LOG_BUF_SHIFT=17
CONFIG_LOG_CPU_MAX_BUF_SHIFT=12
CONFIG_ARCH_FORCE_MAX_ORDER=11
# CONFIG_KFENCE is not set
EOF
printf '%s\n' 'ffff800080000000 T _text' 'ffff800080010000 T _stext' 'ffff800080100000 T _etext' \
	'ffff800080200000 T __init_begin' 'ffff800080300000 T __init_end' 'ffff800080400000 D _edata' \
	'ffff800080400000 B __bss_start' 'ffff800080500000 B __bss_stop' 'ffff800080600000 B _end' >"$work/System.map"
run 0 "$quire" profile --from "$work/config" --from "$work/System.map"
says out '^release = 6\.12\.99$'
says out '^page_shift = 14.*from config'
says out '^kfence = 0.*from config'
says out '^image_size = 0x600000.*from System.map'
says out '^resource = 64.*no file says it'
mv "$work/out" "$work/made.profile"
run 0 "$quire" predict "$board" --build "$work/made.profile" --kernel-at 0x40200000+0x600000
says out 'reserved\[0x0\]	\[0x0000000040200000-0x00000000407fffff\]'

# A vmlinux without BTF: sizes from its DWARF, or, built without libdw, a warning that says so.
cat >"$work/vmlinux.c" <<'EOF'
char _text[64];
struct page { char x[72]; } a;
struct property { char x[96]; } b;
struct pglist_data; struct pglist_data *c;
EOF
if aarch64-linux-gnu-gcc -g -nostdlib -static -Wl,-e0 -o "$work/vmlinux" "$work/vmlinux.c" 2>"$work/err" &&
	aarch64-linux-gnu-objcopy -N _end -N _edata -N __bss_start "$work/vmlinux" 2>>"$work/err"; then
	run 0 "$quire" profile --from "$work/vmlinux"
	if grep -q 'built without libdw' "$work/err"; then
		echo "skip sizes from DWARF: built without libdw"
	else
		says out '^page_size_of = 72.*from vmlinux'
		says out '^property = 96.*from vmlinux'
		says out '^pglist_data = .*no file says it'
	fi
	aarch64-linux-gnu-strip -s "$work/vmlinux"
	wrong profile --from "$work/vmlinux"
	says err 'vmlinux: offset 0(x0)?: no '
else
	fail "the test's vmlinux does not link: $(head -n 1 "$work/err")"
fi
finish
