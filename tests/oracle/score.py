#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Judge `quire boot` against recorded boots of Linux 6.12: the score of every case, exit 1 on any difference.

usage: score.py [--quire PROGRAM] [--verbose] [--out FILE] [CASE...]

For each case of tests/oracle/cases (made by import.py from the records) the tree is booted five times with what the
recorder's machine had (image, tree, CPU, granule): for the JSON document, for the log, with Linux's managed pages for
what is computed from them, and for the page tables. What is compared:

  memory        regions of memblock, nodes and flags             (MEMBLOCK configuration dump)
  reserved      what is reserved when paging_init begins: image, initrd, tree, /memreserve/, reserved-memory
  reserved_mem  every node of /reserved-memory: range, no-map, reusable
  zone_ranges, movable_starts, early_node_ranges, initmem        (the log's lines)
  zones         start_pfn, spanned, present
  fallback, zonelists, distance                                  the order of nodes and of their zones
  watermarks    min, low, high, protection, pageset batch, given the same managed pages
  min_free      min_free_kbytes, given the same managed pages
  crashkernel   size, and address where the command line gives it; refused where Linux refused
  cma           size, and address where the tree or the command line gives it; refused where Linux refused
  swiotlb       how large the pool of bounce buffers is and why, word for word; where it lies
  memstart, table_pages, coverage, blocks                        (pgtables.txt)

Where Linux stopped before it printed something, that is not compared, but quire must boot and exit 0.
"""
import argparse
import collections
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CASES = os.path.join(HERE, "cases")
NOMAP = 4
FLAG_BITS = {"hotplug": 1, "mirror": 2, "nomap": 4, "driver_managed": 8, "rsrv_noinit": 16}
TIMEOUT = 60


def num(x):
    return int(x, 0) if isinstance(x, str) else x


def hexes(regions):
    return " ".join("%#x+%#x" % (b, s) for b, s in regions)


# Where Linux panics, oopses or reads past the end of a property because of its input, Quire goes on and says what is
# wrong. (Of the other cases in which Linux stops, too many banks and no-map nodes are no fault here, and F-none lacks
# only an initrd.)
MESSAGES = {
    "E-rsv-outside": ["below-plain@20000000: not all of it is memory", "above-nomap@110000000: not all of it is memory",
                      "straddle-plain@7ff00000: not all of it is memory"],
    "E-mem-limit-nomap": ["nomap@60000000: not all of it is memory", "plain@64000000: not all of it is memory"],
    "E-rsv-weird": ["empty reg property in 'empty-reg@68000000'"],
    "F-over-kernel": [r"initrd \[0x0*42400000-0x0*424fffff\] lies over the kernel image"],
    "F-below-ram": ["initrd not fully accessible via the linear mapping"],
}


class Case:
    """One case: runs quire, collects (name, ok, words) of each comparison."""

    def __init__(self, quire, name, work):
        self.quire, self.name = quire, name
        with open(os.path.join(CASES, name + ".json")) as f:
            self.want = json.load(f)
        self.dtb = os.path.join(work, name + ".dtb")
        with gzip.open(os.path.join(CASES, name + ".dtb.gz")) as z, open(self.dtb, "wb") as f:
            f.write(z.read())
        run = self.want["run"]
        self.page = {"4k": 4096, "16k": 16384, "64k": 65536}[run["granule"]]
        self.options = ["--kernel-at", run["kernel_at"], "--cpu", run["cpu"],
                        "--granule", run["granule"], "--va-bits", str(run["va_bits"])]
        if "dtb_at" in run and run["dtb_at"]:
            self.options += ["--dtb-at", run["dtb_at"]]
        self.results = []

    def check(self, what, ok, words=""):
        self.results.append((what, bool(ok), words))
        return ok

    def same(self, what, got, want):
        return self.check(what, got == want, "Linux %s, quire %s" % (want, got))

    def command(self, what, verb, *more):
        """Run quire; returns its standard output, or None after noting the failure."""
        argv = [self.quire, verb, self.dtb] + self.options + list(more)
        try:
            p = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            self.check(what, False, "no end after %d s: %s" % (TIMEOUT, " ".join(argv)))
            return None
        if p.returncode:
            last = (p.stderr + p.stdout).decode(errors="replace").strip().splitlines()[-1:]
            self.check(what, False, "exit code %d: %s (%s)" % (p.returncode, " ".join(last), " ".join(argv)))
            return None
        return p.stdout.decode(errors="replace")

    def document(self, what, *more):
        text = self.command(what, "boot", "--json", *more)
        if text is None:
            return None
        try:
            return json.loads(text)
        except ValueError as e:
            self.check(what, False, "not a JSON document: %s" % e)
            return None

    # ------------------------------------------------------------------ memory and reservations

    def compare_memory(self, doc):
        if "memory" not in self.want:
            return
        want = [[num(b), num(s), nid, flags] for b, s, nid, flags in self.want["memory"]]
        got = [[num(m["base"]), num(m["size"]), num(m["nid"]),
                sum(FLAG_BITS[f.lower()] for f in m["flags"])] for m in doc["memory"]]
        words = ""
        if got != want:
            a = ["%#x+%#x nid %s flags %s" % tuple(x) for x in want if x not in got]
            b = ["%#x+%#x nid %s flags %s" % tuple(x) for x in got if x not in want]
            words = "only Linux: %s; only quire: %s" % (a[:4], b[:4])
        self.check("memory", got == want, words)

    def compare_reserved(self, doc):
        want = self.want.get("reserved_before_paging")
        if want is None:
            return
        want = [(num(b), num(s)) for b, s in want]
        got = reserved_at(doc["events"], "paging_init")
        if got is None:
            self.check("reserved", False, "no step paging_init in events[]")
            return
        if not self.want["scan_recorded"]:
            missing = [w for w in want if not any(b <= w[0] and w[0] + w[1] <= b + s for b, s in got)]
            self.check("reserved", not missing, "not reserved: %s" % hexes(missing))
            return
        self.check("reserved", got == want, "only Linux: %s; only quire: %s" % (
            hexes(x for x in want if x not in got), hexes(x for x in got if x not in want)))
        # What was static stays reserved to the end, but for what Linux too gives back.
        if "static_kept" in self.want:
            kept = merge([(num(b), num(b) + num(s)) for b, s in self.want["static_kept"]])
            final = merge([(num(r["base"]), num(r["base"]) + num(r["size"])) for r in doc["reserved"]])
            static = [(b, b + s) for b, s in want]
            here = subtract(static, subtract(static, final))
            self.check("reserved_end", merge(here) == kept, "of the static ones Linux keeps %s, quire %s" % (
                ["%#x-%#x" % x for x in subtract(kept, here)], ["%#x-%#x" % x for x in subtract(here, kept)]))

    def compare_reserved_mem(self, doc):
        got = {r["name"]: r for r in doc["reserved_mem"]}
        bad = []
        for w in self.want["reserved_mem"]:
            g = got.get(w["name"])
            if w.get("bogus"):
                # Linux read past the end of a property; the node must not be honoured with such a range.
                if g and not g.get("refused") and num(g["size"]) == num(w["size"]):
                    bad.append("%s: the range that Linux read past the end of reg" % w["name"])
                continue
            if num(w["size"]) == 0 and g is None:
                continue  # a size of 0 takes nothing: there is nothing to list
            if g is None:
                bad.append("%s: not listed" % w["name"])
                continue
            refused = w["name"] in self.want["reserved_mem_failed"]
            for key in ("base", "size"):
                if num(g[key]) != num(w[key]):
                    bad.append("%s: %s Linux %s, quire %s" % (w["name"], key, w[key], g[key]))
            for key in ("nomap", "reusable"):
                if bool(has(g, key)) != w[key]:
                    bad.append("%s: %s" % (w["name"], key))
            if bool(has(g, "refused")) != refused:
                bad.append("%s: refused Linux %s" % (w["name"], refused))
        if "zone_ranges" in self.want:
            # Linux does not print a pool that it could not set up.
            names = {w["name"] for w in self.want["reserved_mem"]}
            bad += ["%s: Linux has none" % r["name"] for r in doc["reserved_mem"]
                    if r["name"] not in names and not has(r, "refused")]
        self.check("reserved_mem", not bad, "; ".join(bad))

    # ------------------------------------------------------------------ the log

    def compare_log(self, log):
        log = re.sub(r"^(\[ *\d+\.\d+\] )", "", log, flags=re.M)
        want = self.want
        if "zone_ranges" in want:
            got = zone_ranges(log)
            wanted = {k: [num(x) for x in v] if v else None for k, v in want["zone_ranges"].items()}
            self.same("zone_ranges", {k: v for k, v in got.items() if k != "Device"},
                      {k: v for k, v in wanted.items() if k != "Device"})
            got = {m[1]: num(m[2]) for m in re.finditer(r"^  Node (\d+): (0x[0-9a-f]+)", log, re.M)}
            self.same("movable_starts", got, {k: num(v) for k, v in want["movable_starts"].items()})
            got = [[int(m[1]), num(m[2]), num(m[3]) + 1 - num(m[2])] for m in re.finditer(
                r"^  node +(\d+): \[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\]", log, re.M)]
            wanted = [[n, num(b), num(s)] for n, b, s in want["early_node_ranges"]]
            self.check("early_node_ranges", got == wanted, "%d ranges, Linux %d; first difference %s" % (
                len(got), len(wanted), [x for x in zip(got, wanted) if x[0] != x[1]][:1]))
            got = [[int(m[1]), num(m[2]), num(m[3]) + 1 - num(m[2])] for m in re.finditer(
                r"^Initmem setup node (\d+) \[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\]", log, re.M)]
            self.same("initmem", got, [[n, num(b), num(s)] for n, b, s in want["initmem"]])
        if want["fallback_order"]:
            got = {m[1]: [int(x) for x in m[2].split()] for m in re.finditer(
                r"^Fallback order for Node (\d+): ([\d ]+)$", log, re.M)}
            self.same("fallback", got, want["fallback_order"])
        if self.name in MESSAGES:
            missing = [m for m in MESSAGES[self.name] if not re.search(m, log)]
            self.check("says_what_is_wrong", not missing, "the log has no '%s'" % "', '".join(missing))
        if "total_pages" in want:
            m = re.search(r"^Built (\d+) zonelists, mobility grouping (on|off)\.  Total pages: (\d+)", log, re.M)
            self.check("total_pages", m and int(m[3]) == want["total_pages"] and m[2] == want["mobility"],
                       "Linux %s, quire %s" % (want["total_pages"], m and m[3]))

    # ------------------------------------------------------------------ zones

    def compare_zones(self, doc):
        got = {(z["node"], z["name"]): z for z in doc["zones"]}
        bad = []
        for w in self.want["zones"]:
            g = got.get((w["node"], w["name"]))
            if g is None:
                bad.append("no zone %s on node %d" % (w["name"], w["node"]))
                continue
            for key in ("start_pfn", "spanned", "present"):
                if num(g[key]) != w[key]:
                    bad.append("%d:%s %s Linux %d, quire %d" % (w["node"], w["name"], key, w[key], num(g[key])))
        names = {(w["node"], w["name"]) for w in self.want["zones"]}
        bad += ["zone %s on node %d, which Linux has not" % (n, i) for (i, n), z in got.items()
                if (i, n) not in names and num(z["spanned"])]
        if self.want["zones"]:
            self.check("zones", not bad, "; ".join(bad))

    def compare_zonelists(self, doc):
        """The JSON's lists: nodes in Linux's order, each with its populated zones from the highest down."""
        want = self.want["fallback_order"]
        if not want or not self.want["zones"]:
            return
        rank = ["DMA", "DMA32", "Normal", "Movable", "Device"]
        has_pages = {(z["node"], z["name"]) for z in self.want["zones"] if z["managed"]}
        bad = []
        for z in doc["zonelists"]:
            nodes = want.get(str(z["node"]))
            wanted = [(n, t) for n in nodes or [] for t in reversed(rank) if (n, t) in has_pages]
            got = [(r["node"], r["zone"]) for r in z["fallback"]]
            if z["order"] != nodes or got != wanted:
                bad.append("node %d: Linux %s, quire %s" % (z["node"], wanted, got))
        if len(doc["zonelists"]) != len(want):
            bad.append("lists of %d nodes, Linux %d" % (len(doc["zonelists"]), len(want)))
        self.check("zonelists", not bad, "; ".join(bad))
        if self.want.get("distance"):
            got = {str(n["node"]): n["distance"] for n in doc["nodes"]}
            self.same("distance", got, self.want["distance"])

    def with_managed(self, key):
        pages = ",".join("%d:%s=%d" % (z["node"], z["name"], z[key]) for z in self.want["zones"])
        return self.document("watermarks", "--managed=" + pages)

    def compare_watermarks(self):
        zones = self.want["zones"]
        if not zones:
            return
        # Linux computes watermarks before it frees initrd and init memory, lowmem reserves again after.
        then, at_end = self.with_managed("managed_then"), self.with_managed("managed")
        if then is None or at_end is None:
            return
        self.same("min_free", then.get("min_free_kbytes"), self.want["min_free_kbytes"])
        marks = {(z["node"], z["name"]): z for z in then["zones"]}
        reserves = {(z["node"], z["name"]): z for z in at_end["zones"]}
        bad = []
        for w in zones:
            g = marks.get((w["node"], w["name"]))
            if g is None:
                bad.append("no zone %d:%s" % (w["node"], w["name"]))
                continue
            pairs = [("managed", num(g["managed"]), w["managed_then"])]
            pairs += [(k, num(g[k]), w[k]) for k in ("min", "low", "high")]
            if w["batch"] is not None:
                pairs.append(("batch", num(g["pcp"]["batch"]), w["batch"]))
            got = [num(x) for x in reserves[w["node"], w["name"]]["protection"]]
            pairs.append(("protection", got, w["protection"]))
            bad += ["%d:%s %s Linux %s, quire %s" % (w["node"], w["name"], k, b, a) for k, a, b in pairs if a != b]
        self.check("watermarks", not bad, "; ".join(bad))

    # ------------------------------------------------------------------ crash kernel, CMA

    def compare_crash_kernel(self, log):
        want = self.want["crashkernel"]
        got, failed = {}, False
        for m in re.finditer(r"crashkernel (low memory )?reserved: 0x([0-9a-f]+) - 0x([0-9a-f]+)", log):
            base, end = int(m[2], 16), int(m[3], 16)
            got["low" if m[1] else "main"] = (base, end - base)
        failed = bool(re.search(r"cannot (allocate|reserve) crashkernel", log))
        fixed = re.search(r"crashkernel=\S+@0x", self.want.get("cmdline") or "")
        wanted = {k: (num(v[0]), num(v[1])) for k, v in want.items() if k != "failed"}
        ok = {k: v[1] for k, v in got.items()} == {k: v[1] for k, v in wanted.items()}
        ok = ok and failed == want.get("failed", False)
        if fixed:
            ok = ok and got == wanted
        if want or got:
            self.check("crashkernel", ok, "Linux %s, quire %s, refused %s" % (want, got, failed))

    def compare_cma(self, doc):
        if "zone_ranges" not in self.want:
            return
        want = self.want["cma"]
        got = [(num(c["base"]), num(c["size"])) for c in doc["cma"]]
        bad = []
        memory = [(num(b), num(s)) for b, s, _, _ in self.want["memory"]]
        pools = {(num(b), num(s)) for b, s in want["pools"]}
        for pool in pools:
            # Linux oopses when it activates a pool outside memory: here it must not be one.
            if (pool in got) != covered(pool, memory):
                bad.append("pool %#x+%#x %s" % (*pool, "outside memory" if pool in got else "missing"))
        rest = [g for g in got if g not in pools]
        if "default" in want:
            b, s = (num(x) for x in want["default"])
            if [g[1] for g in rest] != [s]:
                bad.append("default area: Linux %#x, quire %s" % (s, [hex(g[1]) for g in rest]))
            elif re.search(r"\bcma=\S+@", self.want.get("cmdline") or "") and rest[0][0] != b:
                bad.append("default area at %#x, Linux %#x" % (rest[0][0], b))
        elif rest:
            bad.append("an area that Linux has not: %s" % hexes(rest))
        self.check("cma", not bad, "; ".join(bad))

    # ------------------------------------------------------------------ bounce buffers

    def compare_swiotlb(self, doc, log):
        want = self.want.get("swiotlb")
        if not want:
            return
        lines = re.findall(r"software IO TLB: (.*)$", log, re.M)
        self.same("swiotlb", [re.sub(r"0x[0-9a-f]+", "*", line.strip()) for line in lines], want)
        # What the log says is what memblock has: reserved, RAM, and below the end of the lowest zone with memory.
        for m in re.finditer(r"mapped \[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\]", "\n".join(lines)):
            pool = (num(m[1]), num(m[2]) - num(m[1]))
            reserved = reserved_at(doc["events"], "memblock_free_all") or []
            low = [num(b) + num(s) for b, s in filter(None, self.want["zone_ranges"].values())]
            self.check("swiotlb_pool", covered(pool, reserved) and covered(pool, [(num(x["base"]), num(x["size"]))
                       for x in doc["memory"]]) and pool[0] + pool[1] <= low[0],
                       "%#x+%#x is not reserved memory below %#x" % (*pool, low[0]))

    # ------------------------------------------------------------------ the linear map

    def compare_linear_map(self, doc):
        want = self.want.get("linear_map")
        if not want:
            return
        self.same("memstart", num(doc["memstart_addr"]), num(want["memstart"]))
        text = self.command("linear_map", "ptdump")
        if text is None:
            return
        bits = want["va_bits"]
        try:
            got = linear_ranges(text, bits, self.page, num(doc["memstart_addr"]))
        except ValueError as e:
            self.check("linear_map", False, str(e))
            return
        # Pages that hold part of a NOMAP region must not be mapped: Linux maps such a page when its region of RAM ends
        # inside it, here boundaries are rounded inward.
        linux = merge([(num(p), num(p) + num(s)) for p, s, _, _, _ in want["ranges"]])
        mask = ~(self.page - 1)
        nomap = [(num(b) & mask, (num(b) + num(s) + self.page - 1) & mask)
                 for b, s, _, flags in self.want["memory"] if flags & NOMAP]
        wanted = subtract(linux, nomap)
        mapped = merge([(g.pa, g.pa + g.size) for g in got])
        extra, missing = subtract(mapped, wanted), subtract(wanted, mapped)
        self.check("coverage", not extra and not missing, "mapped but not in Linux (or NOMAP): %s; not mapped: %s" % (
            ["%#x-%#x" % x for x in extra[:3]], ["%#x-%#x" % x for x in missing[:3]]))
        self.check("blocks", *blocks_at_least(got, want["ranges"], nomap, self.page))
        if self.want["blocks"]:
            # Not the image's alias, whose permissions change later: there Linux's sizes are enough.
            base, size = (num(x) for x in self.want["run"]["kernel_at"].split("+"))
            outside = [g for g in got if not overlaps((g.pa, g.size), (base, size))]
            self.check("largest", *largest_blocks(outside, bits, self.page, num(doc["memstart_addr"])))
        pages = num(doc["linear_map"]["table_pages"])
        self.check("table_pages", pages <= want["table_pages"],
                   "Linux %d, quire %d" % (want["table_pages"], pages))

    # ------------------------------------------------------------------

    def judge(self):
        doc = self.document("boot")
        log = self.command("log", "boot")
        if doc is None or log is None:
            return
        self.check("boots", True)
        steps = [(self.compare_memory, doc), (self.compare_reserved, doc), (self.compare_reserved_mem, doc),
                 (self.compare_log, log), (self.compare_zones, doc), (self.compare_zonelists, doc),
                 (self.compare_watermarks,), (self.compare_crash_kernel, log), (self.compare_cma, doc),
                 (self.compare_swiotlb, doc, log), (self.compare_linear_map, doc)]
        for step in steps:
            try:
                step[0](*step[1:])
            except (KeyError, TypeError, IndexError, ValueError, AttributeError) as e:
                self.check(step[0].__name__[8:], False, "not in the expected form: %r" % e)


def has(item, key):
    return item.get(key) or key in item.get("flags", [])


def covered(region, regions):
    return not subtract([(region[0], region[0] + region[1])], [(b, b + s) for b, s in regions])


def overlaps(a, b):
    return a[0] < b[0] + b[1] and b[0] < a[0] + a[1]


def merge(ranges):
    out = []
    for b, e in sorted(ranges):
        if out and b <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], e))
        else:
            out.append((b, e))
    return out


def subtract(ranges, others):
    """Parts of ranges that no other covers."""
    others = merge(others)
    out = []
    for b, e in ranges:
        for ob, oe in others:
            if oe <= b or ob >= e:
                continue
            if ob > b:
                out.append((b, ob))
            b = max(b, oe)
            if b >= e:
                break
        if b < e:
            out.append((b, e))
    return out


def reserved_at(events, step):
    """Replay reserve and free up to the named step: [(base, size)], or None when it does not come."""
    out = []
    for ev in events:
        if ev["op"] == "step" and (ev.get("name") == step or ev.get("step") == step):
            return [(b, e - b) for b, e in out]
        if ev["op"] == "reserve":
            b, s = num(ev["base"]), num(ev["size"])
            if s:
                out = merge(out + [(b, min(b + s, 1 << 64))])
        elif ev["op"] == "free":
            out = subtract(out, [(num(ev["base"]), num(ev["base"]) + num(ev["size"]))])
    return None


def zone_ranges(log):
    out = {}
    for m in re.finditer(r"^  (DMA|DMA32|Normal|Device) +(?:\[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\]|empty)", log, re.M):
        out[m[1]] = [num(m[2]), num(m[3]) + 1 - num(m[2])] if m[2] else None
    return out


# ---------------------------------------------------------------------- page tables

Range = collections.namedtuple("Range", "va pa size shift cont attrs")


def level_shifts(page):
    step = page.bit_length() - 1 - 3
    base = page.bit_length() - 1
    return {"PTE": base, "PMD": base + step, "PUD": base + 2 * step, "PGD": base + 3 * step}


def linear_ranges(text, bits, page, memstart):
    """The linear map of a kernel_page_tables dump: Range(va, pa, size, shift of its entries, contiguous, attributes)."""
    shifts = level_shifts(page)
    start = (1 << 64) - (1 << bits)
    end = (1 << 64) - (1 << (min(bits, 48) - 1))
    out = []
    for line in text.splitlines():
        m = re.match(r"(0x[0-9a-f]{16})-(0x[0-9a-f]{16})\s+(\d+)([KMGTPE])\s+(PTE|PMD|PUD|P4D|PGD)\s+(.*)", line)
        if not m:
            continue
        va, va_end = int(m[1], 16), int(m[2], 16)
        attrs = m[6].split()
        if not start <= va < end or not attrs or "RW" not in attrs and "ro" not in attrs:
            continue
        attrs = [a for a in attrs if a not in ("BLK", "PXD")]
        out.append(Range(va, va - start + memstart, va_end - va, shifts[m[5]], "CON" in attrs,
                         tuple(a for a in attrs if a != "CON")))
    if not out:
        raise ValueError("no linear map in the dump")
    return out


def cont_bytes(shift, page):
    """Bytes of a contiguous run of entries (Arm ARM D8.7.1): 16 entries with 4K, 128/32 with 16K, 32 with 64K."""
    base = page.bit_length() - 1
    if base == 12:
        n = 16
    elif base == 14:
        n = 128 if shift == 14 else 32
    else:
        n = 32
    return n << shift


def blocks_at_least(got, linux, nomap, page):
    """Every address must be mapped by an entry not smaller than Linux's, unless a change of attributes or a NOMAP
    region inside Linux's block forbids it here (the images' sections do not lie at the same places)."""
    bad = []
    for p, s, shift, cont, _ in linux:
        b, e = num(p), num(p) + num(s)
        for g in got:
            if g.pa >= e or g.pa + g.size <= b or g.shift > shift or (g.shift == shift and (g.cont or not cont)):
                continue
            unit = cont_bytes(shift, page) if g.shift == shift else 1 << shift
            first, last = max(b, g.pa), min(e, g.pa + g.size)
            at = first // unit * unit
            while at < last:
                if not split_inside(got, nomap, at, at + unit):
                    bad.append("%#x: entries of %d bits%s, Linux %d%s" % (
                        max(at, first), g.shift, " C" if g.cont else "", shift, " C" if cont else ""))
                    break
                at += unit
    return not bad, "; ".join(bad[:4])


def split_inside(got, nomap, base, end):
    """Attributes change, or something is not mapped, inside [base, end)."""
    inside = [g for g in got if g.pa < end and g.pa + g.size > base]
    if any(b < end and e > base for b, e in nomap) or not inside:
        return True
    if subtract([(base, end)], [(g.pa, g.pa + g.size) for g in inside]):
        return True
    return len({g.attrs for g in inside}) > 1


def largest_blocks(got, bits, page, memstart):
    """Every naturally aligned block with one set of attributes must be one entry, every aligned run contiguous."""
    shifts = level_shifts(page)
    base_shift = page.bit_length() - 1
    allowed = [shifts["PTE"], shifts["PMD"]] + ([shifts["PUD"]] if base_shift == 12 else [])
    bad = []
    start = (1 << 64) - (1 << bits)
    for g in got:
        # The run of equal attributes that this range lies in, in virtual addresses.
        lo, hi = g.va, g.va + g.size
        changed = True
        while changed:
            changed = False
            for o in got:
                if o.attrs != g.attrs:
                    continue
                if o.va + o.size == lo:
                    lo, changed = o.va, True
                if o.va == hi:
                    hi, changed = o.va + o.size, True
        for shift in allowed:
            if shift <= g.shift:
                continue
            unit = 1 << shift
            at = max(lo, g.va // unit * unit)
            at = (at + unit - 1) // unit * unit
            if at < g.va + g.size and at + unit <= hi and (at - start + memstart) % unit == 0:
                bad.append("%#x: entries of %d bits, room for %d" % (g.pa, g.shift, shift))
                break
        unit = cont_bytes(g.shift, page)
        at = (max(lo, g.va) + unit - 1) // unit * unit
        if not g.cont and g.shift in allowed[:2] and at + unit <= min(hi, g.va + g.size) \
                and (at - start + memstart) % unit == 0:
            bad.append("%#x: %d-bit entries without the contiguous bit" % (g.pa, g.shift))
    return not bad, "; ".join(bad[:4])


# ---------------------------------------------------------------------- driver


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--quire", default=os.path.join(ROOT, "build", "quire"))
    ap.add_argument("--out", help="write the score of each case to this file too")
    ap.add_argument("--verbose", action="store_true", help="name what agrees too")
    ap.add_argument("cases", nargs="*")
    args = ap.parse_args()
    names = args.cases or sorted(f[:-5] for f in os.listdir(CASES) if f.endswith(".json"))
    lines, failed, good, total = [], 0, 0, 0
    failing = collections.Counter()

    def say(text):
        lines.append(text)
        print(text, flush=True)

    with tempfile.TemporaryDirectory() as work:
        for name in names:
            case = Case(args.quire, name, work)
            case.judge()
            ok = sum(r[1] for r in case.results)
            good, total = good + ok, total + len(case.results)
            bad = [r for r in case.results if not r[1]]
            failed += bool(bad)
            failing.update(r[0] for r in bad)
            stopped = "" if case.want["complete"] else "  (Linux: %s)" % case.want["verdict"][:50]
            say("%-4s %-34s %2d/%-2d%s" % ("ok" if not bad else "FAIL", name, ok, len(case.results), stopped))
            for what, fine, words in case.results:
                if not fine:
                    say("       %-18s %s" % (what, words[:400]))
                elif args.verbose:
                    say("       %-18s as Linux" % what)
    if failing:
        say("differences by kind: " + ", ".join("%s %d" % x for x in failing.most_common()))
    say("%d of %d cases agree with Linux in everything, %d of %d comparisons" % (
        len(names) - failed, len(names), good, total))
    say("oracle: %d passed, %d failed" % (len(names) - failed, failed))
    if args.out:
        with open(args.out, "w") as f:
            f.write("\n".join(lines) + "\n")
    sys.exit(1 if failed or not names else 0)


if __name__ == "__main__":
    main()
