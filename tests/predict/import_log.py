#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make a case of tests/predict from a console log of a boot with memblock=debug, where there is no parsed record.

usage: import_log.py NAME LOG DTB CPU KERNEL_AT+SIZE DTB_AT

The events before memblock=debug is parsed are not in such a log. What user space printed behind the lines ==RES, ==MEM and
==ZONE (memblock/reserved, memblock/memory, /proc/zoneinfo) is taken when it is there.
"""
import gzip
import json
import os
import re
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import importlib  # noqa: E402
event = importlib.import_module("import").event

REGION = r"\[(0x[0-9a-f]+)-(0x[0-9a-f]+)\]"


def parse_events(lines):
    out, wanted = [], None
    for line in lines:
        m = re.match(r"memblock_(add|remove|reserve|phys_free): " + REGION + r" (\w+)\+", line)
        if m:
            base, last = int(m[2], 16), int(m[3], 16)
            if m[1] == "reserve" and m[4] == "memblock_alloc_range_nid" and wanted:
                wanted["result"], wanted = base, None
            out.append({"op": m[1], "base": base, "size": (last + 1 - base) & (1 << 64) - 1, "caller": m[4]})
            continue
        m = re.match(r"memblock_(phys_alloc_range|alloc_try_nid|alloc_try_nid_raw|alloc_exact_nid_raw): (\d+) bytes align=(0x[0-9a-f]+)"
                     r"(?: nid=(-?\d+))? from=(0x[0-9a-f]+) max_addr=(0x[0-9a-f]+) (\w+)\+", line)
        if m:
            wanted = {"op": m[1], "size": int(m[2]), "align": int(m[3], 16), "from": int(m[5], 16), "max_addr": int(m[6], 16),
                      "caller": m[7]}
            if m[4] is not None:
                wanted["nid"] = int(m[4])
            out.append(wanted)
    return [event(e) for e in out]


def config(lines):
    out = {"memory": [], "reserved": []}
    for line in lines:
        m = re.match(r" (memory|reserved)\[0x[0-9a-f]+\]\t" + REGION + r", (0x[0-9a-f]+) bytes(?: on node (\d+))? flags: (0x[0-9a-f]+)", line)
        if m:
            out[m[1]].append([int(m[2], 16), int(m[4], 16), int(m[5]) if m[5] else None, int(m[6], 16)])
    return out


def zones(lines):
    out, z = [], None
    for line in lines:
        m = re.match(r"Node (\d+), zone +(\w+)", line)
        if m:
            z = {"node": int(m[1]), "zone": m[2]}
            out.append(z)
        m = re.match(r" +(min|low|high|spanned|present|managed|cma|start_pfn:) +(\d+)$", line)
        if z and m and m[1].rstrip(":") not in z:
            z[m[1].rstrip(":")] = int(m[2])
    return [z for z in out if z.get("spanned") or "present" in z]


def main():
    name, log, dtb, cpu, kernel_at, dtb_at = sys.argv[1:]
    with open(log, errors="replace") as f:
        raw = [line.rstrip("\r\n") for line in f]
    lines = [re.sub(r"^\[ *\d+\.\d+\] ", "", line) for line in raw]
    text = "\n".join(lines)
    case = {"kernel": re.search(r"Linux version (\S+)", text)[1], "events": parse_events(lines), "config": config(lines),
            "from_parse": True, "complete": True, "verdict": "booted to user space"}
    m = re.search(r"percpu: Embedded (\d+) pages/cpu s(\d+) r(\d+) d(\d+) u(\d+)", text)
    case["percpu"] = dict(zip(("pages", "static", "reserved", "dyn", "unit"), map(int, m.groups())))
    m = re.search(r"Built (\d+) zonelists, mobility grouping (\w+)\.  Total pages: (\d+)", text)
    case["zonelists"] = [{"zonelists": int(m[1]), "mobility": m[2], "total_pages": int(m[3])}]
    case["fallback_order"] = [{"node": int(n), "order": [int(x) for x in o.split()]}
                              for n, o in re.findall(r"Fallback order for Node (\d+): ([\d ]+)", text)]
    case["node_data"] = [{"node": i, "base": int(b, 16), "last": int(e, 16)} for i, (b, e) in enumerate(
        re.findall(r"NODE_DATA(?:\(\d+\) allocated)? \[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\]", text))]
    case["cma_lines"] = re.findall(r"^(cma: Reserved .*)$", text, re.M)
    case["crashkernel_lines"] = re.findall(r"^(crashkernel .*reserved: .*)$", text, re.M)
    case["swiotlb_lines"] = re.findall(r"^(software IO TLB.*)$", text, re.M)
    case["hash_tables"] = [{"name": n, "entries": int(e), "order": int(o), "bytes": int(b), "kind": k} for n, e, o, b, k in re.findall(
        r"^(Dentry cache|Inode-cache) hash table entries: (\d+) \(order: (\d+), (\d+) bytes, (\w+)", text, re.M)]
    m = re.search(r"Memory: (\d+)K/(\d+)K available \((\d+)K kernel code, (\d+)K rwdata, (\d+)K rodata, (\d+)K init, (\d+)K bss, "
                  r"(\d+)K reserved, (\d+)K cma-reserved\)", text)
    keys = ("available_k", "total_k", "kernel_code_k", "rwdata_k", "rodata_k", "init_k", "bss_k", "reserved_k", "cma_reserved_k")
    case["memory_line"] = dict(zip(keys, map(int, m.groups())))
    if "==ZONE" in raw:
        case["zones"] = zones(raw[raw.index("==ZONE"):])
    else:
        case["zones"] = []
    with open(os.path.join(HERE, "cases", name + ".json.gz"), "wb") as f:
        f.write(gzip.compress(json.dumps(case, separators=(",", ":"), sort_keys=True).encode(), 9, mtime=0))
    with open(dtb, "rb") as f, open(os.path.join(HERE, "cases", name + ".dtb.gz"), "wb") as z:
        z.write(gzip.compress(f.read(), 9, mtime=0))
    with open(os.path.join(HERE, "cases", name + ".run.json"), "w") as f:
        json.dump({"kernel_at": kernel_at, "cpu": cpu, "dtb_at": dtb_at}, f)
        f.write("\n")


if __name__ == "__main__":
    main()
