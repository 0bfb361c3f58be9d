#!/bin/bash
# SPDX-License-Identifier: MIT
# quire meminfo, zoneinfo, buddyinfo, pagetypeinfo, slabinfo, vmallocinfo: Linux's formats, parsed back; figures that are in two
# texts are the same in both.
. "$(dirname "$0")/common.sh.inc"

texts='meminfo zoneinfo buddyinfo pagetypeinfo slabinfo vmallocinfo'
for machine in '' '-m 4G --cpus 4' '--granule 16k -m 2G' '--granule 64k -m 8G' '-m 512M --append numa=fake=2' '-m 2G --append cma=0'; do
	for text in $texts; do
		# shellcheck disable=SC2086
		run 0 "$quire" "$text" $machine
		[ ! -s "$work/err" ] || fail "$text $machine writes to stderr"
		cp "$work/out" "$work/$text"
	done
	case $machine in *16k*) page=16 ;; *64k*) page=64 ;; *) page=4 ;; esac
	python3 - "$work" $page <<'EOF' || fail "the texts of: $machine"
import re, sys
folder, page = sys.argv[1], int(sys.argv[2])
text = {n: open(folder + "/" + n).read() for n in
        "meminfo zoneinfo buddyinfo pagetypeinfo slabinfo vmallocinfo".split()}
mem = {}
for line in text["meminfo"].splitlines():
    m = re.fullmatch(r"(\w+): +(\d+) kB", line)
    assert m, line
    mem[m[1]] = int(m[2])
free = sum(int(n) for n in re.findall(r"^  pages free +(\d+)$", text["zoneinfo"], re.M))
assert mem["MemFree"] == free * page, (mem["MemFree"], free)
managed = sum(int(n) for n in re.findall(r"^        managed +(\d+)$", text["zoneinfo"], re.M))
assert mem["MemTotal"] == managed * page
assert mem["CmaTotal"] == page * sum(int(n) for n in re.findall(r"^        cma +(\d+)$", text["zoneinfo"], re.M))
assert mem["MemAvailable"] <= mem["MemFree"] <= mem["MemTotal"]

buddy = {}
for line in text["buddyinfo"].splitlines():
    m = re.fullmatch(r"Node (\d+), zone +(\w+) ((?: *\d+ )+)", line)
    assert m, line
    buddy[m[1], m[2]] = [int(n) for n in m[3].split()]
in_lists = sum(n << order for zone in buddy.values() for order, n in enumerate(zone))
for kind, name in (("SReclaimable", "nr_slab_reclaimable"), ("SUnreclaim", "nr_slab_unreclaimable")):
    nodes = sum(int(n) for n in re.findall(r"^      %s +(\d+)$" % name, text["zoneinfo"], re.M))
    assert mem[kind] == page * nodes, (kind, mem[kind], nodes)
in_pcp = sum(int(n) for n in re.findall(r"^              count: (\d+)$", text["zoneinfo"], re.M))
assert in_lists == free, (in_lists, in_pcp, free)

types, blocks = {}, {}
for m in re.finditer(r"^Node +(\d+), zone +(\w+), type +(\w+) ((?: *\d+ )+)$", text["pagetypeinfo"], re.M):
    row = types.setdefault((m[1], m[2]), [0] * len(m[4].split()))
    for order, n in enumerate(m[4].split()):
        row[order] += int(n)
assert types == buddy, (types, buddy)
order = int(re.search(r"^Page block order: (\d+)$", text["pagetypeinfo"], re.M)[1])
assert int(re.search(r"^Pages per block: +(\d+)$", text["pagetypeinfo"], re.M)[1]) == 1 << order

lines = text["slabinfo"].splitlines()
assert lines[0] == "slabinfo - version: 2.1" and lines[1].startswith("# name ")
slab, names = 0, set()
for line in lines[2:]:
    m = re.fullmatch(r"(\S+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) : tunables +\d+ +\d+ +\d+ : slabdata +(\d+) +(\d+) +(\d+)", line)
    assert m, line
    active, objects, size, per_slab, pages, _, slabs = (int(n) for n in m.groups()[1:8])
    assert active <= objects == slabs * per_slab and per_slab * size <= pages * page * 1024, line
    slab += slabs * pages * page
    names.add(m[1])
assert slab == mem["Slab"] == mem["SReclaimable"] + mem["SUnreclaim"]
assert {"kmalloc-8", "kmalloc-96", "kmalloc-192", "kmalloc-1k", "kmalloc-rcl-64", "dma-kmalloc-8k", "kmem_cache"} <= names

last = used = 0
for line in text["vmallocinfo"].splitlines():
    m = re.match(r"0x([0-9a-f]{16})-0x([0-9a-f]{16}) +(\d+) \S+", line)
    assert m, line
    start, end = int(m[1], 16), int(m[2], 16)
    assert last <= start < end and end - start == int(m[3]), line
    last = end
    if re.search(r" vmalloc( |$)", line):
        used += int(re.search(r" pages=(\d+)", line)[1])
assert last and mem["VmallocUsed"] == used * page
EOF
done

run 0 "$quire" slabinfo --help
says out '^Usage: quire slabinfo '
run 0 "$quire" --help
for text in $texts; do
	says out "(^|[ |])$text([ |]|$)"
done
run 2 "$quire" slabinfo --json
one_line_error
run 2 "$quire" slabinfo a b
one_line_error
run 2 "$quire" slabinf
one_line_error
finish
