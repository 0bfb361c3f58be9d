#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The judge can find a machine guilty: each comparison of score.py must fail when what quire says is changed.

usage: test_score.py QUIRE

This program stands in for quire (called with PERTURB set): it runs the real one and changes one thing in what that
prints. The score of the case must then name exactly the comparison that is meant to see it.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def add(text, n):
    return hex(int(text, 16) + n)


def in_memory(doc):
    doc["memory"][0]["nid"] += 1


def in_memory_flags(doc):
    doc["memory"][0]["flags"] = ["HOTPLUG"]


def in_reserve_event(doc):
    next(e for e in doc["events"] if e["op"] == "reserve")["size"] = "0x123000"


def in_reserved(doc):
    doc["reserved"] = doc["reserved"][2:]


def in_reserved_mem(doc):
    doc["reserved_mem"][0]["base"] = add(doc["reserved_mem"][0]["base"], 4096)


def in_nomap(doc):
    doc["reserved_mem"][0]["nomap"] ^= True


def in_extra_reserved_mem(doc):
    doc["reserved_mem"].append(dict(doc["reserved_mem"][0], name="ghost@70000000", base="0x70000000"))


def in_a_hidden_region(doc):
    doc["memory"] = [m for m in doc["memory"] if "NOMAP" not in m["flags"]]


def in_a_missing_event(doc):
    doc["events"] = [e for e in doc["events"] if e["op"] != "reserve" or e is doc["events"][-1]]


def in_spanned(doc):
    doc["zones"][0]["spanned"] += 1


def in_a_zone_more(doc):
    doc["zones"].append(dict(doc["zones"][0], node=5))


def in_low(doc):
    doc["zones"][0]["low"] -= 1


def in_high(doc):
    doc["zones"][0]["high"] += 1


def in_order(doc):
    doc["zonelists"][1]["order"].reverse()


def in_a_list_less(doc):
    doc["zonelists"].pop()


def in_present(doc):
    doc["zones"][0]["present"] += 1


def in_start_pfn(doc):
    doc["zones"][0]["start_pfn"] -= 1


def in_min(doc):
    doc["zones"][0]["min"] += 1


def in_batch(doc):
    doc["zones"][0]["pcp"]["batch"] += 1


def in_protection(doc):
    doc["zones"][0]["protection"][2] += 1


def in_min_free(doc):
    doc["min_free_kbytes"] += 1


def in_zonelist(doc):
    doc["zonelists"][0]["fallback"].reverse()


def in_distance(doc):
    doc["nodes"][0]["distance"][1] += 1


def in_cma(doc):
    doc["cma"][0]["size"] = add(doc["cma"][0]["size"], 0x400000)


def in_memstart(doc):
    doc["memstart_addr"] = add(doc["memstart_addr"], -0x40000000)


def in_table_pages(doc):
    doc["linear_map"]["table_pages"] += 1000


# name: (case, the comparison that must fail, what is changed: a function on the document, or (pattern, replacement) on the text)
CHANGES = {
    "memory": ("C-numa-2x1G", "memory", in_memory),
    "memory flags": ("A-mem-1G", "memory", in_memory_flags),
    "reserve event": ("A-mem-1G", "reserved", in_reserve_event),
    "reserved": ("A-mem-1G", "reserved_end", in_reserved),
    "reserved_mem": ("E-rsv-static", "reserved_mem", in_reserved_mem),
    "no-map": ("E-rsv-static", "reserved_mem", in_nomap),
    "a reserved_mem more": ("E-rsv-static", "reserved_mem", in_extra_reserved_mem),
    "no-map region gone": ("E-rsv-static", "memory", in_a_hidden_region),
    "no reserve events": ("A-mem-1G", "reserved", in_a_missing_event),
    "spanned": ("A-mem-1G", "zones", in_spanned),
    "a zone more": ("A-mem-1G", "zones", in_a_zone_more),
    "low": ("A-mem-1G", "watermarks", in_low),
    "high": ("A-mem-1G", "watermarks", in_high),
    "order": ("C-numa-3-dist", "zonelists", in_order),
    "a list less": ("C-numa-3-dist", "zonelists", in_a_list_less),
    "a message gone": ("F-over-kernel", "says_what_is_wrong", (r"lies over", "is near")),
    "crash kernel gone": ("D-crash-256M", "crashkernel", (r"crashkernel reserved", "crash kernel reserved")),
    "present": ("A-mem-1G", "zones", in_present),
    "start_pfn": ("G-rpi4-8G", "zones", in_start_pfn),
    "min": ("A-mem-1G", "watermarks", in_min),
    "batch": ("A-mem-1G", "watermarks", in_batch),
    "protection": ("G-rpi4-8G", "watermarks", in_protection),
    "min_free_kbytes": ("A-mem-1G", "min_free", in_min_free),
    "zonelist": ("C-numa-3-dist", "zonelists", in_zonelist),
    "distance": ("C-numa-3-dist", "distance", in_distance),
    "CMA": ("A-mem-1G", "cma", in_cma),
    "memstart": ("A-mem-1G", "memstart", in_memstart),
    "table pages": ("A-mem-8G-blocks", "table_pages", in_table_pages),
    "zone range": ("G-rpi4-8G", "zone_ranges", (r"(  DMA32    \[mem 0x)00", r"\g<1>01")),
    "zone range gone": ("A-mem-1G", "zone_ranges", (r"  DMA      \[mem.*", "")),
    "movable start": ("E-movablecore-nid", "movable_starts", (r"(  Node 0: 0x)00", r"\g<1>01")),
    "node range": ("A-mem-1G", "early_node_ranges", (r"(  node   0: \[mem 0x)00", r"\g<1>01")),
    "initmem": ("A-mem-1G", "initmem", (r"(Initmem setup node )0", r"\g<1>1")),
    "fallback": ("C-numa-3-dist", "fallback", (r"Fallback order for Node 0: 0 1 2", "Fallback order for Node 0: 0 2 1")),
    "total pages": ("A-mem-1G", "total_pages", (r"(Total pages: )\d+", r"\g<1>1")),
    "crash kernel": ("D-crash-256M", "crashkernel", (r"(crashkernel reserved: 0x[0-9a-f]+ - 0x)", r"\g<1>f")),
    "crash kernel at": ("D-crash-128M-at", "crashkernel", (r"crashkernel reserved: 0x(0*)60000000 - 0x(0*)68000000",
                                                          r"crashkernel reserved: 0x\g<1>61000000 - 0x\g<2>69000000")),
    "a hole mapped": ("E-mem-holes-blocks", "coverage", (r"(?m)^(0xffff000018000000)-0xffff0000(1\w+|2\w+) .*(\n)",
                                                         r"0xffff000010000000-0xffff000020000000 256M PMD RW NX CON BLK\3")),
    "pages for blocks": ("A-mem-8G-blocks", "blocks", (r"(\d+G) PUD", r"\1 PTE")),
    "2 MiB for 1 GiB": ("A-mem-8G-blocks", "largest", (r"(\d+G) PUD", r"\1 PMD")),
}


def stand_in():
    p = subprocess.run([os.environ["QUIRE"]] + sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    text, change = p.stdout.decode(), CHANGES[os.environ["PERTURB"]][2]
    if callable(change):
        if "--json" in sys.argv:
            doc = json.loads(text)
            change(doc)
            text = json.dumps(doc)
    elif "--json" not in sys.argv:
        text = re.sub(change[0], change[1], text)
    sys.stdout.write(text)
    sys.exit(p.returncode)


def main():
    quire = os.path.abspath(sys.argv[1])
    passed = failed = 0
    with tempfile.TemporaryDirectory() as work:
        fake = os.path.join(work, "quire")
        with open(fake, "w") as f:
            f.write('#!/bin/sh\nexec python3 "%s" "$@"\n' % os.path.abspath(__file__))
        os.chmod(fake, 0o755)
        for name, (case, kind, _) in CHANGES.items():
            env = dict(os.environ, QUIRE=quire, PERTURB=name)
            p = subprocess.run([sys.executable, os.path.join(HERE, "score.py"), "--quire", fake, case],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=env)
            out = p.stdout.decode()
            found = p.returncode == 1 and re.search(r"^       %s " % kind, out, re.M)
            passed, failed = passed + bool(found), failed + (not found)
            if not found:
                print("FAIL a change of %s in %s was not found by %s:\n%s" % (name, case, kind, out))
    print("judge: %d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    stand_in() if "PERTURB" in os.environ else main()
