#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make tests/predict/cases from recorded boots: what `quire predict` must say of each, in a compact form.

usage: import.py RECORDS      (a directory with one folder a case, each with expected.json.gz)

Device trees and where image, tree and CPU were are those of tests/oracle/cases.
"""
import gzip
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
KEEP = ["kernel", "memory_line", "percpu", "fallback_order", "zonelists", "node_data", "cma_lines", "crashkernel_lines",
        "numa_distance", "memblock_final_memory", "memblock_final_reserved", "verdict", "complete", "from_log_buffer"]


def event(e):
    """One line: op, numbers, caller."""
    op = e["op"]
    if op.startswith("alloc") or op == "phys_alloc_range":
        numbers = [e["size"], e["align"], e.get("nid", "-"), e["from"], e["max_addr"], e.get("result", 0)]
    else:
        numbers = [e["base"], e["size"]]
    return " ".join([op] + ["%#x" % n if isinstance(n, int) and n >= 0 else str(n) for n in numbers] + [e["caller"]])


def region(r):
    flags = r["flags"]
    if isinstance(flags, list):
        bits = {"HOTPLUG": 1, "MIRROR": 2, "NOMAP": 4, "DRV_MNG": 8, "DRIVER_MANAGED": 8, "RSV_NIT": 16}
        flags = sum(bits[f] for f in flags)
    return [r["base"], r["size"] if "size" in r else r["last"] + 1 - r["base"], r.get("nid"), flags]


def main():
    records = sys.argv[1]
    out = os.path.join(HERE, "cases")
    os.makedirs(out, exist_ok=True)
    for name in sorted(os.listdir(records)):
        path = os.path.join(records, name, "expected.json")
        with open(path) if os.path.exists(path) else gzip.open(path + ".gz") as f:
            d = json.load(f)
        case = {k: d[k] for k in KEEP if d.get(k)}
        case["events"] = [event(e) for e in d["events"]]
        if d.get("memblock_config"):
            case["config"] = {k: [region(r) for r in v] for k, v in d["memblock_config"].items() if k in ("memory", "reserved")}
            case["events_before_config"] = d["events_before_config_dump"]
        for k in ("memblock_final_memory", "memblock_final_reserved"):
            if k in case:
                case[k] = [region(r) for r in case[k]]
        case["hash_tables"] = [h for h in d.get("hash_tables", []) if h["name"] in ("Dentry cache", "Inode-cache")]
        case["swiotlb_lines"] = [x for x in d.get("other_lines", []) if x.startswith("software IO TLB")]
        case["zones"] = [{k: z[k] for k in ("node", "zone", "start_pfn", "spanned", "present", "managed", "cma", "min", "low",
                                            "high", "protection") if k in z} for z in d.get("zones", [])]
        data = json.dumps(case, separators=(",", ":"), sort_keys=True).encode()
        with open(os.path.join(out, name + ".json.gz"), "wb") as f:
            f.write(gzip.compress(data, 9, mtime=0))


if __name__ == "__main__":
    main()
