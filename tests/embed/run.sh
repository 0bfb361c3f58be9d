#!/bin/bash
# SPDX-License-Identifier: MIT
# examples/embed: the toy kernel is built from the library and its headers alone, boots, allocates, and powers off; the library asks for
# no more than its README says. Usage: tests/embed/run.sh BUILD
build=$1
out=$build/tests/embed
passed=0 failed=0
mkdir -p "$out"

result() { # name, what is wrong ("": nothing), file to show
	if [ -z "$2" ]; then
		passed=$((passed + 1))
		echo "ok   $1"
	else
		failed=$((failed + 1))
		echo "FAIL $1: $2"
		[ -n "$3" ] && tail -n 30 "$3"
	fi
}

# A copy far from the project: what it includes comes from the library's folder.
rm -rf "$out/embed"
cp -r examples/embed "$out/embed"
wrong=''
make -s -C "$out/embed" QUIRE="$PWD/$build/arm64" OUT="$PWD/$out" >"$out/build.log" 2>&1 || wrong='it does not build'
[ -z "$wrong" ] && grep -q 'warning:' "$out/build.log" && wrong='warnings'
result 'the toy kernel builds outside of the project' "$wrong" "$out/build.log"

boot() { # name, options of QEMU
	local log="$out/$1.log" wrong=''
	shift
	timeout 60 qemu-system-aarch64 -M virt,dtb-randomness=off -net none -display none -serial stdio -kernel "$out/toy.img" "$@" \
		</dev/null >"$log" 2>&1 || wrong="it did not power off"
	for line in 'toy: memblock has [0-9]+ MiB in 1 regions, [0-9]+ pages are free' \
		'toy: 8 pages at 0x[0-9a-f]{16}, an object of 24 bytes, "allocated with kmalloc"' \
		"toy: vmalloc at 0xffff8[0-9a-f]{11}, its last page at 0x[0-9a-f]{16} reads 'v'" \
		'toy: given back, 0 violations found' 'toy: done'; do
		[ -n "$wrong" ] || grep -Eq "$line" "$log" || wrong="no line '$line'"
	done
	[ -n "$wrong" ] || ! grep -Eq 'panic|exception|BUG|WARNING' "$log" || wrong='it complains'
	result "the toy kernel boots with $*" "$wrong" "$log"
}
if [ -f "$out/toy.img" ]; then
	boot a57 -cpu cortex-a57 -m 1G
	boot n1 -cpu neoverse-n1 -m 6G -smp 4
	boot max -cpu max -m 128M
	wrong=''
	grep -Eq 'toy: memblock has 6144 MiB' "$out/n1.log" || wrong='6 GiB are not what it says'
	result 'memory is what QEMU was given' "$wrong" "$out/n1.log"
fi

# What the archive leaves to who links it.
lib=$build/arm64/libquire.a
nm=${CROSS:-aarch64-linux-gnu-}nm
open=$(comm -23 <("$nm" -u "$lib" 2>/dev/null | awk '$1 == "U" {print $2}' | sort -u) \
	<("$nm" --defined-only "$lib" 2>/dev/null | awk 'NF == 3 {print $3}' | sort -u) | tr '\n' ' ')
want='__per_cpu_end __per_cpu_start __popcountdi2 port_console_write port_init_pg_dir port_poweroff '
wrong=''
[ "$open" = "$want" ] || wrong="it asks for: $open"
result 'the library asks for three functions, the per-CPU section and libgcc' "$wrong"

# Every default is named in the README, so that nobody has to read the source.
wrong=''
for f in $(sed -n 's/^weak .*[ *]\(port_[a-z0-9_]*\)(.*/\1/p' port/embed/defaults.c); do
	grep -q "$f\|$(echo "$f" | sed 's/^\(port_report_\).*/\1/')" examples/embed/README.md || wrong="$wrong $f"
done
result 'the README names every default' "$wrong"

echo "embed: $passed passed, $failed failed"
[ $failed = 0 ]
