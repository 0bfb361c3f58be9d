#!/bin/bash
# SPDX-License-Identifier: MIT
# quire compare and quire diff: help and man pages are complete, exit codes, both outputs, wrong use. What compare finds is
# tests/check/compare.py's.
. "$(dirname "$0")/common.sh.inc"
zcat tests/oracle/cases/A-mem-1G.dtb.gz >"$work/a.dtb"
zcat tests/oracle/cases/E-rsv-dyn-multi.dtb.gz >"$work/b.dtb"
zcat tests/check/logs/A-mem-1G.log.gz >"$work/a.log"

for command in compare diff; do
	run 0 "$quire" --help
	says out "quire $command "
	run 0 "$quire" $command --help
	cp "$work/out" "$work/help"
	sed 's/\\-/-/g' docs/man/quire.1 docs/man/quire-$command.1 >"$work/man"
	for option in $(grep -oE -- '^ +(-[a-z], )?--[a-z-]+' "$work/help" | grep -oE -- '--[a-z-]+'); do
		says man "$option"
	done
	says_not help '--granule'
done

wrong() {
	run 2 "$quire" "$@"
	one_line_error
}
wrong compare
wrong compare "$work/a.dtb"
wrong compare "$work/a.dtb" "$work/a.log" "$work/a.log"
wrong compare "$work/none.dtb" "$work/a.log"
wrong compare "$work/a.dtb" "$work/none.log"
wrong compare "$work/a.dtb" "$work/a.log" --sarif
wrong compare "$work/a.dtb" "$work/a.dtb"
says err 'a\.dtb: offset [0-9]+: not text'
wrong compare "$work/a.dtb" "$0"
says err 'compare\.sh: offset [0-9]+: no line of a kernel'
wrong compare "$work/a.log" "$work/a.log"
wrong diff
wrong diff "$work/a.dtb"
wrong diff "$work/a.dtb" "$work/none.dtb"
wrong diff "$work/a.dtb" "$work/a.log"
cp "$work/a.dtb" "$work/broken.dtb"
printf '\xff' | dd of="$work/broken.dtb" bs=1 seek=$((0x48)) conv=notrunc status=none
wrong diff "$work/a.dtb" "$work/broken.dtb"
says err 'broken\.dtb: damaged device tree at offset 0x[0-9a-f]+$'
wrong compare "$work/broken.dtb" "$work/a.log"
says err 'broken\.dtb: damaged device tree at offset 0x[0-9a-f]+$'

run 0 "$quire" compare "$work/a.dtb" "$work/a.log"
says out '^.*a\.dtb, linux-6\.12\.115-debian-cloud: ([0-9]+) of \1 figures agree$'
run 0 "$quire" compare "$work/a.dtb" "$work/a.log" -v
says out '^percpu static +99672 bytes +99672 bytes$'
# A log that says something else about one thing.
sed 's/percpu: Embedded 34 pages\/cpu s99672/percpu: Embedded 34 pages\/cpu s99680/' "$work/a.log" >"$work/other.log"
run 1 "$quire" compare "$work/a.dtb" "$work/other.log"
says out '^percpu static +99672 bytes +99680 bytes  <$'

run 0 "$quire" diff "$work/a.dtb" "$work/a.dtb"
[ ! -s "$work/out" ] || fail "differences of a board from itself"
run 1 "$quire" diff "$work/a.dtb" "$work/b.dtb"
says out '^  \+ dyn-nomap \[0x7fe00000-0x7fffffff\] 2 MiB, no-map$'
says out '^  - \[0x40000000-0x7fffffff\] 1 GiB, node 0$'
says out '^zones$'
says out '^page tables$'
run 1 bash -c '"$1" diff <(cat "$2") <(cat "$3")' - "$quire" "$work/a.dtb" "$work/b.dtb"
says out '^  \+ dyn-nomap '
run 0 bash -c '"$1" compare <(cat "$2") <(cat "$3")' - "$quire" "$work/a.dtb" "$work/a.log"
# A page less in a zone is a difference, however the size is rounded.
run 1 "$quire" diff "$work/a.dtb" "$work/b.dtb"
says out '^  - node 0 DMA from 0x40000000: .* \([0-9]+ pages\) managed'
says out '^  - .* \([0-9]+K\) mapped by entries of 4 KiB$'
# Two kernels that stop before they have any memory do not differ; that is not to be taken for a good end.
dtc -q -O dtb -o "$work/none.dtb" - <<'EOF' || fail "dtc"
/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0>; }; };
EOF
run 1 "$quire" diff "$work/none.dtb" "$work/none.dtb"
says err 'none\.dtb: that kernel panics: No memory'
says err 'none\.dtb: this tree leaves memory to the boot loader: --mem SIZE'
run 0 "$quire" diff "$work/none.dtb" "$work/none.dtb" --mem 1G
rm "$work/none.dtb"

run 1 "$quire" diff "$work/a.dtb" "$work/b.dtb" --json
python3 -c '
import json, sys
d = {x["section"]: x for x in json.load(open(sys.argv[1]))["differences"]}
assert d["memory"]["only_a"] == ["[0x40000000-0x7fffffff] 1 GiB, node 0"], d["memory"]
assert "CMA" in d and "boot" not in d
' "$work/out" || fail "the JSON document of a difference"
finish
