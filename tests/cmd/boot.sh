#!/bin/bash
# SPDX-License-Identifier: MIT
# quire boot: what goes to which stream, and that each machine option changes the machine.
. "$(dirname "$0")/common.sh.inc"

run 0 "$quire" boot
says out 'Machine model: linux,dummy-virt'
says out '^\[    0\.000000\] Memory: [0-9]+K/1048576K available'
says out '^Linear map$'
says out 'K kernel'
says_not out $'\033'
says_not out '[^ -~]'
says_not out 'memblock_reserve:'
[ ! -s "$work/err" ] || fail "a good boot writes to stderr"
awk 'length > 80 && !/^\[/ { exit 1 }' "$work/out" || fail "the summary is wider than 80 columns"
COLUMNS=50 run 0 "$quire" boot
awk 'length > 50 && /^  0x[0-9a-f]+  [K.]/ { exit 1 }' "$work/out" || fail "the map is wider than COLUMNS"

# The same machine twice is the same, byte for byte.
run 0 "$quire" boot --json
cp "$work/out" "$work/first"
run 0 "$quire" boot --json
cmp -s "$work/first" "$work/out" || fail "two boots differ"
python3 -m json.tool <"$work/out" >/dev/null || fail "--json is not JSON"
[ ! -s "$work/err" ] || fail "--json writes to stderr"

# Nor do threads make a difference.
for i in 1 2 3 4; do
	run 0 "$quire" boot --json --cpus 8
	[ -s "$work/of_8" ] || cp "$work/out" "$work/of_8"
	cmp -s "$work/of_8" "$work/out" || fail "two boots with 8 CPUs differ"
done
run 0 "$quire" boot --cpus 8
says out 'CPU7: Booted secondary processor 0x0000000007 '
says out 'smp: Brought up 1 node, 8 CPUs'
run 0 "$quire" boot --cpus 8 --append maxcpus=3
says out 'smp: Brought up 1 node, 3 CPUs'
says_not out 'CPU3: Booted'
# The end comes from the boot CPU, with the others up, and without.
run 0 "$quire" boot --cpus 8 --append nosmp
says out 'smp: Brought up 1 node, 1 CPU$'

run 0 "$quire" boot --json -v
python3 -m json.tool <"$work/out" >/dev/null || fail "--json -v is not JSON"
says err 'memblock_reserve: \[0x0000000048000000-0x00000000480fffff\]'
run 0 "$quire" boot -v
says out 'memblock_add: \[0x0000000040000000-0x000000007fffffff\]'

# key PATH: a value of the document; PATH in Python's words.
key() {
	python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval("d" + sys.argv[2]))' "$work/out" "$1"
}
is() { # OPTIONS... -- PATH VALUE
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	run 0 "$quire" boot --json "${options[@]}"
	[ "$(key "$2")" = "$3" ] || fail "${options[*]}: $2 is $(key "$2"), expected $3"
}
is --mem 3G -- '["memory"][0]["size"]' 0xc0000000
is --mem 0x8000000 -- '["memory"][0]["size"]' 0x8000000
is --mem 4T -- '["memory"][0]["size"]' 0x40000000000
is --granule 16k -- '["page_size"]' 16384
is --granule 64k -- '["page_size"]' 65536
is --granule 64k --va-bits 42 -- '["va_bits"]' 42
is --va-bits 39 -- '["va_bits"]' 39
is --append 'mem=256M' -- '["memory"][-1]["size"]' 0x10000000
is --append 'cma=32M' -- '["cma"][0]["size"]' 0x2000000
is --append 'a b' -- '["command_line"]' 'a b'
is --kernel-at 0x50000000+0x1000000 -- '["kernel"]["base"]' 0x50000000
is --kernel-at 0x50000000+16M -- '["kernel"]["size"]' 0x1000000
is --dtb-at 0x60000000 -- '["fdt"]["base"]' 0x60000000
is --managed 0:DMA=1000 -- '["zones"][0]["managed"]' 1000

head -c 100000 /dev/zero >"$work/initrd"
is --initrd "$work/initrd" -- '["initrd"]["base"]' 0x48000000
is --initrd "$work/initrd@0x70000000" -- '["initrd"]["base"]' 0x70000000
is --initrd="$work/initrd" -- '["fdt"]["base"]' 0x48200000
run 0 "$quire" boot --cpus 3 --cpu neoverse-n1
says out '\[0x414fd0c1\]'
says out ' 3 CPUs$'

# An Image whose header says 8 MiB in memory, 4K pages.
python3 - "$work/Image" <<'PY'
import struct, sys
h = struct.pack("<IIQQQQQQ4sI", 0, 0, 0, 8 << 20, 0xa, 0, 0, 0, b"ARM\x64", 0)
open(sys.argv[1], "wb").write(h + bytes(100000))
PY
is --kernel "$work/Image" -- '["kernel"]["size"]' 0x800000
is --kernel "$work/Image" -- '["kernel"]["base"]' 0x40200000
is --kernel "$work/Image@0x60000000" -- '["kernel"]["base"]' 0x60000000
run 2 "$quire" boot --granule 64k --kernel "$work/Image"
one_line_error

# A panic: exit 1, the log ends with it; with --json a document that says so, and one line on stderr.
printf '/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; };' | dtc -q -o "$work/empty.dtb" -
run 1 "$quire" boot "$work/empty.dtb"
says out 'Kernel panic - not syncing: '
says out '^\[ .*\]  main\+0x'
says_not out '^\[ .*\]  0x[0-9a-f]+$'
run 1 "$quire" boot "$work/empty.dtb" --json
[ -n "$(key '["panic"]')" ] || fail "no panic in the document"
one_line=$(wc -l <"$work/err")
[ "$one_line" = 1 ] || fail "a panic is not one line on stderr"
finish
