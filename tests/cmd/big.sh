#!/bin/bash
# SPDX-License-Identifier: MIT
# Big and odd boards: predict, its JSON document, check and map in less than a second of processor time and 200 MB (measured: less than half a
# second and 40 MB), and what takes longer says so on a terminal, and only there.
. "$(dirname "$0")/common.sh.inc"
boards=tests/big/boards.py

# within SECONDS MB CODE COMMAND...: user and system time, resident size; twice the second, for a machine that is busy.
within() {
	python3 - "$@" >"$work/out" 2>"$work/err" <<'PY' || fail "$(tail -n 1 "$work/err")"
import os, sys
seconds, mb, code, argv = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
pid = os.fork()
if not pid:
    os.dup2(os.open(os.devnull, os.O_RDWR), 2)
    os.execv(argv[0], argv)
_, status, use = os.wait4(pid, 0)
got, cpu = os.waitstatus_to_exitcode(status), use.ru_utime + use.ru_stime
if got != code:
    sys.exit("exit %d, expected %d: %s" % (got, code, " ".join(argv)))
if cpu > seconds or use.ru_maxrss > mb << 10:
    sys.exit("%.2f s and %d MB: %s" % (cpu, use.ru_maxrss >> 10, " ".join(argv)))
PY
}

# The recorded kernels know 16 nodes: builds that know 64, with every page size.
"$quire" profile --show linux-6.12.115-debian | sed 's/^nodes_shift = .*/nodes_shift = 6/' >"$work/4k.profile"
"$quire" profile --show linux-6.12.117-debian-16k | sed 's/^nodes_shift = .*/nodes_shift = 6/' >"$work/16k.profile"
sed 's/^page_shift = .*/page_shift = 16/; s/^section_size_bits = .*/section_size_bits = 29/; s/^max_page_order = .*/max_page_order = 13/' \
	"$work/4k.profile" >"$work/64k.profile"

check_nodes() { # document, granule, lowest address: 64 nodes of 64 GiB, each described once
	python3 - "$1" "$2" "$3" <<'PY' || fail "$2: the document of 64 nodes"
import json, sys
d = json.load(open(sys.argv[1]))
page = {"4k": 4096, "16k": 16384, "64k": 65536}[sys.argv[2]]
assert d["panic"] is None and d["page_size"] == page and len(d["nodes"]) == 64
present = {}
for z in d["zones"]:
    present[z["node"]] = present.get(z["node"], 0) + z["present"] * page
assert set(present.values()) == {64 << 30} and len(present) == 64, present
assert min(int(r["base"], 16) for r in d["memory"]) == int(sys.argv[3], 0)
# Every table page is in one of the runs, and requested by one of the events.
tables = sum(t.get("count", 1) for t in d["tables"])
assert tables == sum(d["table_pages"]), (tables, d["table_pages"])
asked = sum(e.get("count", 1) for e in d["events"] for x in e.get("events", [e])[:1] if x.get("caller") == "early_pgtable_alloc")
vmemmap = sum(e.get("count", 1) for e in d["events"] for x in e.get("events", [e])[:1]
              if x.get("caller") == "__earlyonly_bootmem_alloc" and int(x["size"], 16) == page)
assert asked <= tables <= asked + vmemmap, (asked, vmemmap, tables)
# And what is mapped is all of memory, once.
linear = d["virtual_layout"][0]
mapped = sum(int(m["size"], 16) for m in d["mappings"] if int(linear["start"], 16) <= int(m["va"], 16) < int(linear["end"], 16))
assert mapped == 4 << 40, mapped
PY
}
for granule in 4k 16k 64k; do
	for kind in 'nodes64 0x80000000' 'high 0x8000000000000' 'sockets 0x80000000'; do
		[ "$granule ${kind% *}" != '16k sockets' ] && [ "$granule ${kind% *}" != '64k sockets' ] || continue
		python3 $boards "${kind% *}" >"$work/${kind% *}.dtb"
		within 2 200 0 "$quire" predict "$work/${kind% *}.dtb" --build "$work/$granule.profile" --cpu max
		within 2 200 0 "$quire" predict "$work/${kind% *}.dtb" --build "$work/$granule.profile" --cpu max --json
		cp "$work/out" "$work/doc.json"
		[ "$(stat -c %s "$work/doc.json")" -lt 16000000 ] || fail "$kind with $granule: a document of $(stat -c %s "$work/doc.json") bytes"
		within 2 200 1 "$quire" check "$work/${kind% *}.dtb" --build "$work/$granule.profile" --cpu max
		check_nodes "$work/doc.json" $granule "${kind#* }"
	done
	within 2 200 0 "$quire" map "$work/nodes64.dtb" --build "$work/$granule.profile" --cpu max
done
within 2 200 0 "$quire" map "$work/nodes64.dtb" --build "$work/4k.profile" -o "$work/map.html"

# 10,000 regions are too many for Linux, which says so at once; Quire's own boot has them all.
python3 $boards regions 10000 >"$work/regions.dtb"
within 2 200 1 "$quire" predict "$work/regions.dtb"
within 2 200 1 "$quire" predict "$work/regions.dtb" --json
within 2 200 1 "$quire" check "$work/regions.dtb"
within 4 400 0 "$quire" map "$work/regions.dtb" --own
python3 $boards banks 1000 >"$work/banks.dtb"
within 2 200 0 "$quire" predict "$work/banks.dtb"
within 2 200 0 "$quire" map "$work/banks.dtb"

# A tree that comes slowly, through a pipe: on a terminal one line tells, and goes; elsewhere there is none.
cat >"$work/slow.sh" <<EOF
$quire predict <(sleep 1.6; cat $work/banks.dtb) >/dev/null
EOF
if ! script -qec true /dev/null >/dev/null 2>&1; then
	echo "skip the progress line: no pseudo-terminal to be had here"
else
	run 0 script -qec "bash $work/slow.sh" /dev/null
	says out 'quire: predicting /dev/fd/[0-9]+ \.\.\. 1 s'
	tail -c 3 "$work/out" | grep -q '\[K$' || fail "the progress line stays"
fi
run 0 bash "$work/slow.sh"
[ ! -s "$work/err" ] || fail "a progress line without a terminal: $(cat "$work/err")"
# Of check too, over many boards, where its findings go elsewhere.
for _ in {1..12}; do echo "$work/nodes64.dtb"; done >"$work/many"
echo "xargs $quire check --build $work/4k.profile --json <$work/many >/dev/null; true" >"$work/slow.sh"
if script -qec true /dev/null >/dev/null 2>&1; then
	run 0 script -qec "bash $work/slow.sh" /dev/null
	says out 'quire: checking 12 boards \.\.\. [1-9]'
fi
# Of diff and compare, whose board comes slowly.
zcat tests/oracle/cases/A-mem-1G.dtb.gz >"$work/a.dtb"
zcat tests/check/logs/A-mem-1G.log.gz >"$work/a.log"
for words in "diff $work/a.dtb <(sleep 1.6; cat $work/a.dtb)" "compare <(sleep 1.6; cat $work/a.dtb) $work/a.log"; do
	echo "$quire $words >/dev/null" >"$work/slow.sh"
	script -qec true /dev/null >/dev/null 2>&1 || break
	run 0 script -qec "bash $work/slow.sh" /dev/null
	says out 'quire: (predicting|comparing) /dev/fd/[0-9]+ \.\.\. 1 s'
	tail -c 3 "$work/out" | grep -q '\[K$' || fail "the progress line of $words stays"
done
finish
