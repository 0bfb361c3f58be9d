#!/bin/bash
# SPDX-License-Identifier: MIT
# quire check: help and man page are complete, exit codes are what they say, checks can be chosen, the outputs are documents.
. "$(dirname "$0")/common.sh.inc"
zcat tests/oracle/cases/A-mem-1G.dtb.gz >"$work/clean.dtb"
zcat tests/oracle/cases/E-rsv-cma-misaligned.dtb.gz >"$work/bad.dtb"

run 0 "$quire" --help
says out 'quire check BOARD.dtb'
run 0 "$quire" check --help
cp "$work/out" "$work/help"
sed 's/\\-/-/g' docs/man/quire.1 docs/man/quire-check.1 >"$work/man"
for option in $(grep -oE -- '^ +(-[a-z], )?--[a-z-]+' "$work/help" | grep -oE -- '--[a-z-]+'); do
	says man "$option"
done
says_not help '--granule'

wrong() {
	run 2 "$quire" check "$@"
	one_line_error
}
wrong
wrong --banana
wrong "$work/none.dtb"
wrong "$0"
wrong "$work/clean.dtb" --only banana
wrong "$work/clean.dtb" --only ''
wrong "$work/clean.dtb" --disable cma-unaligned,banana
wrong "$work/clean.dtb" --severity banana
wrong "$work/clean.dtb" --json --sarif
wrong "$work/clean.dtb" --build banana
wrong --list "$work/clean.dtb"

run 0 "$quire" check "$work/clean.dtb"
[ ! -s "$work/out" ] || fail "words about a clean board"
run 1 "$quire" check "$work/bad.dtb"
says out 'error: /reserved-memory/badcma@58001000: reg: .*\[cma-unaligned\]$'
says out '^    effect: .*incorrect alignment of CMA region'
says out '^    fix: '
run 0 "$quire" check "$work/bad.dtb" --disable cma-unaligned
run 0 "$quire" check "$work/bad.dtb" --only reserved-overlap,memory-cells
run 1 "$quire" check "$work/bad.dtb" --only cma-unaligned --severity error

# Notes are left out where only warnings are wanted.
zcat tests/oracle/cases/E-rsv-edges.dtb.gz >"$work/edges.dtb"
run 1 "$quire" check "$work/edges.dtb"
says out ' note: '
run 0 "$quire" check "$work/edges.dtb" --severity warning

# One file that is no tree: its line has the offset, the others are checked, and the code is 2.
cp "$work/bad.dtb" "$work/broken.dtb"
printf '\xff' | dd of="$work/broken.dtb" bs=1 seek=$((0x48)) conv=notrunc status=none
run 2 "$quire" check "$work/clean.dtb" "$work/broken.dtb" "$work/bad.dtb"
says err 'broken\.dtb: damaged device tree at offset 0x[0-9a-f]+$'
says out 'cma-unaligned'
head -c 100 "$work/bad.dtb" >"$work/short.dtb"
run 2 "$quire" check "$work/short.dtb"
says err 'short\.dtb: truncated: 100 bytes of [0-9]+'

# One that cannot have what the options ask for: the others have it, and the document is whole.
dtc -q -O dtb -o "$work/narrow.dtb" - <<'EOF' || fail "dtc"
/dts-v1/; / { #address-cells = <1>; #size-cells = <1>; memory@40000000 { device_type = "memory"; reg = <0x40000000 0x40000000>; }; };
EOF
run 2 "$quire" check "$work/clean.dtb" "$work/narrow.dtb" "$work/bad.dtb" --mem 8G --json
says err 'narrow\.dtb: #address-cells of 1 and #size-cells of 1 cannot hold this memory$'
python3 -c '
import json, sys
assert [len(b["findings"]) for b in json.load(open(sys.argv[1]))["boards"]] == [0, 1]
' "$work/out" || fail "the JSON document beside a board that was not checked"

# An overlay says nothing of a board: it is not a clean one.
dtc -q -@ -O dtb -o "$work/part.dtbo" - <<'EOF' || fail "dtc"
/dts-v1/; /plugin/; &reserved { pool@0 { reg = <0 0>; }; };
EOF
run 2 "$quire" check "$work/part.dtbo" "$work/bad.dtb"
says err 'part\.dtbo: an overlay, not a board'
says out 'cma-unaligned'
wrong "$work/part.dtbo"

run 0 "$quire" check --list --json
python3 -c '
import json, sys
names = [c["check"] for c in json.load(open(sys.argv[1]))["checks"]]
assert names == [line.split()[0] for line in open(sys.argv[2])]
' "$work/out" <("$quire" check --list) || fail "the list as a document"
wrong --list --sarif

# A tree from a pipe is read once and predicted more than once.
run 1 bash -c '"$1" check <(cat "$2")' - "$quire" "$work/bad.dtb"
says out 'cma-unaligned'
run 2 "$quire" check /dev/zero
says err '/dev/zero: no end after [0-9]+ bytes$'

run 1 "$quire" check "$work/clean.dtb" "$work/bad.dtb" --json
python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
clean, bad = d["boards"]
assert clean["findings"] == [] and clean["profile"] == "linux-6.12.115-debian"
assert [f["check"] for f in bad["findings"]] == ["cma-unaligned"], bad
assert bad["image"]["given"] is False
' "$work/out" || fail "the JSON document"
run 0 "$quire" check "$work/clean.dtb" --sarif
python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
assert d["version"] == "2.1.0" and d["runs"][0]["results"] == []
' "$work/out" || fail "the SARIF document"

# The command line, the memory and the build that are given count.
run 1 "$quire" check "$work/clean.dtb" --append crashkernel=900M
says out 'crashkernel-refused'
run 0 "$quire" check "$work/clean.dtb" --append crashkernel=900M --mem 4G
run 1 "$quire" check "$work/edges.dtb" --kernel-at 0x40000000+0x2b30000
says out 'error: .*reserved-image'
# A tree in the image's bss: a finding, not an end.
run 1 "$quire" check "$work/clean.dtb" --kernel-at 0x40200000+0x2b30000 --dtb-at 0x42d00000
says out 'error: /: the device tree, .*0x42d00000-.* lies over the image, \[0x40200000-0x42d2ffff\] .*\[placement-overlap\]$'
[ ! -s "$work/err" ] || fail "words on stderr beside a finding: $(cat "$work/err")"
run 0 "$quire" check "$work/clean.dtb" --kernel-at 0x40200000+0x2b30000 --dtb-at 0x42e00000
finish
