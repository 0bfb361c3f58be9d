#!/bin/bash
# SPDX-License-Identifier: MIT
# Options that change a given tree: --mem, --cpus, --append, --initrd. A tree that none changes is handed over untouched.
. "$(dirname "$0")/common.sh.inc"

cat >"$work/board.dts" <<'DTS'
/dts-v1/;
/ {
	#address-cells = <1>;
	#size-cells = <1>;
	model = "two banks";
	chosen { bootargs = "old"; };
	memory@80000000 { device_type = "memory"; reg = <0x80000000 0x10000000 0xa0000000 0x10000000>; };
	memory@c0000000 { device_type = "memory"; reg = <0xc0000000 0x10000000>; };
	cpus {
		#address-cells = <2>;
		#size-cells = <0>;
		cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a53"; reg = <0 0>; enable-method = "psci"; };
		cpu@1 { device_type = "cpu"; compatible = "arm,cortex-a53"; reg = <0 1>; enable-method = "psci"; };
		cpu@100 { device_type = "cpu"; compatible = "arm,cortex-a53"; reg = <0 0x100>; enable-method = "psci"; };
	};
};
DTS
dtc -q -o "$work/board.dtb" "$work/board.dts" || fail dtc
board=$work/board.dtb
memory() {
	python3 -c 'import json, sys; print(*[m["base"] + "+" + m["size"] for m in json.load(open(sys.argv[1]))["memory"]])' "$work/out"
}

run 0 "$quire" boot "$board" --json
[ "$(memory)" = "0x80000000+0x10000000 0xa0000000+0x10000000 0xc0000000+0x10000000" ] || fail "memory: $(memory)"
says out '"command_line": "old"'
run 0 "$quire" boot "$board"
says out '\[0x410fd034\]'
says out ' 3 CPUs$'

run 0 "$quire" boot "$board" --json --mem 1G
[ "$(memory)" = "0x80000000+0x40000000" ] || fail "--mem: $(memory)"
run 2 "$quire" boot "$board" --mem 8G
one_line_error
run 0 "$quire" boot "$board" --cpus 1
says out ' 1 CPU$'
run 0 "$quire" boot "$board" --cpus 6
says out ' 6 CPUs$'
run 0 "$quire" boot "$board" --append "new words"
says out 'Kernel command line: new words'
echo data >"$work/initrd"
run 0 "$quire" boot "$board" --json --initrd "$work/initrd@0x88000000"
[ "$(python3 -c 'import json, sys; d = json.load(open(sys.argv[1]))["initrd"]; print(d["base"], d["size"])' "$work/out")" = \
	"0x88000000 0x5" ] || fail "initrd: $(grep -A2 '"initrd": {' "$work/out")"
run 0 "$quire" boot "$board" --cpu cortex-a57
says out '\[0x411fd070\]'

# Banks of size 0, which a boot loader would fill in: told; --mem is put where they are.
sed 's/^\tmemory@.*//; s/two banks/base0/; s/^\tcpus {/\tmemory@60000000 { device_type = "memory"; reg = <0x60000000 0>; };\n&/' \
	"$work/board.dts" | dtc -q -o "$work/unfilled.dtb" - || fail "dtc of the tree without sizes"
run 1 "$quire" boot "$work/unfilled.dtb"
says err 'quire: .*--mem'
run 0 "$quire" boot "$work/unfilled.dtb" --json --mem 1G
[ "$(memory)" = "0x60000000+0x40000000" ] || fail "--mem of a tree without sizes: $(memory)"

# Sizes of one cell and addresses of two: more than 4 GiB is several banks, which memblock joins.
sed 's/#address-cells = <1>/#address-cells = <2>/; s/^\tmemory@.*//' "$work/board.dts" | dtc -q -o "$work/cells.dtb" - ||
	fail "dtc of the tree with two address cells"
run 0 "$quire" boot "$work/cells.dtb" --json --mem 0x1c0001000
[ "$(memory)" = "0x40000000+0x1c0001000" ] || fail "--mem of banks in a row: $(memory)"
run 2 "$quire" boot "$work/cells.dtb" --mem 1T
one_line_error

# Truncated, and damaged inside: told before or by the kernel, never a crash.
head -c 100 "$board" >"$work/short.dtb"
run 2 "$quire" boot "$work/short.dtb"
one_line_error
python3 - "$board" "$work/bad.dtb" <<'PY'
import struct, sys
d = bytearray(open(sys.argv[1], "rb").read())
struct.pack_into(">I", d, struct.unpack_from(">I", d, 8)[0], 0x77)
open(sys.argv[2], "wb").write(d)
PY
run 1 "$quire" boot "$work/bad.dtb"
says out 'Kernel panic'
run 2 "$quire" boot "$work/bad.dtb" --append x
one_line_error
finish
