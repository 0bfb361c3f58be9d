#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make wmark.tsv and zones.txt, the facts of the unit tests of zones and watermarks, from records of Linux boots.

usage: import_zones.py RECORDS    (the folder that holds one folder a case, each with expected.json.gz)
"""
import glob
import gzip
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ZONES = ["DMA", "DMA32", "Normal", "Movable", "Device"]


def cases(records):
    for path in sorted(glob.glob(os.path.join(records, "*", "expected.json.gz"))):
        with gzip.open(path) as f:
            case = json.load(f)
        if case.get("zones") and case.get("memblock_config"):
            yield os.path.basename(os.path.dirname(path)), case


def managed_then(case, shift):
    """Managed pages when the watermarks were computed: before the initrd and the init sections were freed."""
    managed = [z["managed"] for z in case["zones"]]
    for line in case["freeing_lines"]:
        where = case["initrd"] if "initrd" in line else case["image_reserved"]
        if not where:
            continue
        pages = int(re.search(r"(\d+)K", line).group(1)) * 1024 >> shift
        for i, z in enumerate(case["zones"]):
            if z["spanned"] and 0 <= (where[0] >> shift) - z["start_pfn"] < z["spanned"]:
                managed[i] -= pages
                break
    return managed


def write_watermarks(records, out):
    out.write("# Linux 6.12, one line a zone: managed pages when the watermarks were computed (then: without what was freed "
              "after), and at the end; what Linux made of them.\n")
    out.write("#" + "\t".join("case page_shift min_free_kbytes thp node zone present managed_then managed min low high promo "
                              "prot0 prot1 prot2 prot3 prot4 batch".split()) + "\n")
    for name, case in cases(records):
        shift = (case["page_size"] or 4096).bit_length() - 1
        thp = int("transparent_hugepage=never" not in case["cmdline"])
        for z, then in zip(case["zones"], managed_then(case, shift)):
            batch = z["pagesets"][0]["batch"] if z["pagesets"] else "-"
            row = [name, shift, case["vm_sysctl"]["min_free_kbytes"], thp, z["node"], ZONES.index(z["zone"]), z["present"],
                   then, z["managed"], z["min"], z["low"], z["high"], z["promo"], *z["protection"], batch]
            out.write("\t".join(map(str, row)) + "\n")


def write_zones(records, out):
    out.write("# Linux 6.12: the memory regions that free_area_init saw, and what it made of them. Lines of a case:\n"
              "# case NAME PAGE_SHIFT | arg PARAMETER | mem BASE SIZE NID FLAGS | limit ZONE END_PFN | "
              "zone NODE ZONE START_PFN SPANNED PRESENT\n"
              "# movable NODE ADDRESS | unavailable NODE ZONE PAGES | distance FROM D... | fallback NODE NODE... | end\n")
    for name, case in cases(records):
        shift = (case["page_size"] or 4096).bit_length() - 1
        lines = ["case %s %d" % (name, shift)]
        lines += ["arg " + a for a in case["cmdline"].split()
                  if a == "movable_node" or re.match(r"(kernelcore|movablecore)=", a)]
        lines += ["mem 0x%x 0x%x %d %d" % (r["base"], r["last"] + 1 - r["base"] if "last" in r else r["size"], r["nid"],
                                           r["flags"]) for r in case["memblock_config"]["memory"]]
        lines += ["limit %d %d" % (ZONES.index(z["zone"]), (z["last"] + 1) >> shift)
                  for z in case["zone_ranges"] if not z.get("empty")]
        lines += ["movable %d 0x%x" % (m["node"], next(v for k, v in m.items() if k != "node"))
                  for m in case["movable_starts"]]
        lines += ["zone %d %d %d %d %d" % (z["node"], ZONES.index(z["zone"]), z["start_pfn"] if z["spanned"] else 0,
                                           z["spanned"], z["present"]) for z in case["zones"]]
        lines += ["unavailable %d %d %d" % (u["node"], ZONES.index(u["zone"]), u["pages"]) for u in case["unavailable"]]
        lines += ["distance %s %s" % (n, " ".join(map(str, d))) for n, d in (case["numa_distance"] or {}).items()]
        lines += ["fallback %d %s" % (f["node"], " ".join(map(str, f["order"]))) for f in case["fallback_order"]]
        out.write("\n".join(lines + ["end"]) + "\n")


def main():
    if len(sys.argv) != 2 or not os.path.isdir(sys.argv[1]):
        sys.exit(__doc__)
    with open(os.path.join(HERE, "wmark.tsv"), "w") as out:
        write_watermarks(sys.argv[1], out)
    with open(os.path.join(HERE, "zones.txt"), "w") as out:
        write_zones(sys.argv[1], out)


if __name__ == "__main__":
    main()
