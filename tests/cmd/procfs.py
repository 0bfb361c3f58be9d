#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Read the texts of /proc by the rules of Linux 6.12's formats, and hold them against each other.

usage: procfs.py FOLDER PAGE_KIB [--linux]
       procfs.py CONSOLE PAGE_KIB

FOLDER has meminfo, zoneinfo, buddyinfo, pagetypeinfo, slabinfo, vmallocinfo (or .gz). CONSOLE is what a board said
with quire.show= of all of them, in that order.

Each text is parsed and then printed again with the formats of the kernel's seq_printf calls: what comes out must be the same to the
byte. With --linux the texts are a recorded machine's, which ran while they were read, one after the other: what was counted at
different moments may differ a little there, addresses are hashed, and the parser itself is tried with texts that somebody damaged.
"""
import gzip
import os
import re
import sys

NAMES = "meminfo zoneinfo buddyinfo pagetypeinfo slabinfo vmallocinfo".split()
ZONES = ("DMA", "DMA32", "Normal", "Movable", "Device")


class Bad(Exception):
    pass


def need(condition, *words):
    if not condition:
        raise Bad(" ".join(str(w) for w in words))


def same(text, again, name):
    """The round trip; says where the first difference is."""
    for n, (a, b) in enumerate(zip(text.splitlines() + [None], again.splitlines() + [None]), 1):
        need(a == b, "%s line %d: %r is not %r" % (name, n, a, b))
    need(text == again, name, "does not end in a line feed")


def match(pattern, line):
    m = re.fullmatch(pattern, line)
    need(m, "%r is not /%s/" % (line, pattern))
    return m


# ---------------------------------------------------------------------- the formats

def meminfo(text):
    out, again = {}, ""
    for line in text.splitlines():
        m = match(r"([\w()]+): +(\d+)( kB)?", line)
        need(m[1] not in out, m[1], "twice")
        out[m[1]] = int(m[2])
        # Names that are longer than others have narrower numbers.
        wide = m[3] and m[1] != "HardwareCorrupted"
        again += ("%-16s%8d%s\n" if wide else "%-19s%5d%s\n") % (m[1] + ":", int(m[2]), m[3] or "")
    same(text, again, "meminfo")
    return out


WATERMARKS = ("boost", "min", "low", "high", "promo", "spanned", "present", "managed", "cma")


def zoneinfo(text):
    """{(node, zone): {counter: value, "protection": [], "pagesets": [(count, high, batch)]}}."""
    out, again, lines = {}, "", text.splitlines()
    lines.reverse()

    def counters(z):
        printed = ""
        while lines and (m := re.fullmatch(r"      (\w+) +(\d+)", lines[-1])):
            z[m[1]] = int(m[2])
            printed += "      %-12s %d\n" % (m[1], int(m[2]))
            lines.pop()
        return printed

    while lines:
        m = match(r"Node (\d+), zone +(\w+)", lines.pop())
        z = {}
        need((int(m[1]), m[2]) not in out and m[2] in ZONES, "zone", m[0])
        out[int(m[1]), m[2]] = z
        again += "Node %d, zone %8s\n" % (int(m[1]), m[2])
        if lines[-1] == "  per-node stats":
            again += lines.pop() + "\n" + counters(z)
        z["free"] = int(match(r"  pages free +(\d+)", lines.pop())[1])
        again += "  pages free     %d\n" % z["free"]
        for mark in WATERMARKS:
            z[mark] = int(match(r"        %s +(\d+)" % mark, lines.pop())[1])
            again += "        %-8s %d\n" % (mark, z[mark])
        z["protection"] = [int(x) for x in match(r"        protection: \(([\d, ]+)\)", lines.pop())[1].split(", ")]
        again += "        protection: (%s)\n" % ", ".join("%d" % x for x in z["protection"])
        if not z["present"]:
            continue
        again += counters(z)
        need(lines.pop() == "  pagesets", "no pagesets")
        again += "  pagesets\n"
        z["pagesets"] = []
        while lines[-1].startswith("    cpu: "):
            cpu = int(match(r"    cpu: (\d+)", lines.pop())[1])
            need(cpu == len(z["pagesets"]), "CPU", cpu)
            values = [int(match(r"              %s: +(\d+)" % w, lines.pop())[1]) for w in ("count", "high", "batch")]
            z["pagesets"].append(values)
            again += "    cpu: %d\n              count: %d\n              high:  %d\n              batch: %d\n" % (cpu, *values)
            if lines[-1].startswith("  vm stats threshold"):
                again += "  vm stats threshold: %d\n" % int(match(r"  vm stats threshold: (\d+)", lines.pop())[1])
        for label in ("node_unreclaimable", "start_pfn"):
            z[label] = int(match(r"  %s: +(\d+)" % label, lines.pop())[1])
        again += "  node_unreclaimable:  %d\n  start_pfn:           %d\n" % (z["node_unreclaimable"], z["start_pfn"])
    same(text, again, "zoneinfo")
    return out


def buddyinfo(text):
    out, again = {}, ""
    for line in text.splitlines():
        m = match(r"Node (\d+), zone +(\w+) ((?: *\d+ )+)", line)
        counts = [int(n) for n in m[3].split()]
        out[int(m[1]), m[2]] = counts
        again += "Node %d, zone %8s " % (int(m[1]), m[2]) + "".join("%6d " % n for n in counts) + "\n"
    same(text, again, "buddyinfo")
    return out


def pagetypeinfo(text):
    """(order of a pageblock, {(node, zone): {type: [blocks by order]}}, {(node, zone): {type: pageblocks}}). One part a node."""
    free, blocks, types, order, again, lines = {}, {}, [], None, "", text.splitlines()
    lines.reverse()
    while lines:
        order = int(match(r"Page block order: (\d+)", lines.pop())[1])
        need(int(match(r"Pages per block:  (\d+)", lines.pop())[1]) == 1 << order and not lines.pop(), "pages per block")
        orders = len(lines.pop().split()) - 8
        again += "Page block order: %d\nPages per block:  %d\n\n" % (order, 1 << order)
        again += "%-43s " % "Free pages count per migrate type at order" + "".join("%6d " % n for n in range(orders)) + "\n"
        while lines[-1]:
            m = match(r"Node +(\d+), zone +(\w+), type +(\w+) ((?:>? *\d+ )+)", lines.pop())
            counts = m[4].split()
            need(len(counts) == orders and not any(c.startswith(">") for c in counts), "counts in", m[0])
            free.setdefault((int(m[1]), m[2]), {})[m[3]] = [int(c) for c in counts]
            again += "Node %4d, zone %8s, type %12s " % (int(m[1]), m[2], m[3])
            again += "".join("%6d " % int(c) for c in counts) + "\n"
            if m[3] not in types:
                types.append(m[3])
        lines.pop()
        need(lines.pop().split()[4:] == types, "types of pageblocks")
        again += "\n%-23s" % "Number of blocks type " + "".join("%12s " % t for t in types) + "\n"
        while lines and lines[-1].startswith("Node "):
            m = match(r"Node (\d+), zone +(\w+) ((?: *\d+ )+)", lines.pop())
            counts = [int(c) for c in m[3].split()]
            need(len(counts) == len(types), "types in", m[0])
            blocks[int(m[1]), m[2]] = dict(zip(types, counts))
            again += "Node %d, zone %8s " % (int(m[1]), m[2]) + "".join("%12d " % c for c in counts) + "\n"
    same(text, again, "pagetypeinfo")
    return order, free, blocks


def slabinfo(text):
    """{name: (active objects, objects, size, per slab, pages per slab, slabs)}."""
    again = ("slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables "
             "<limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n")
    out = {}
    for line in text.splitlines()[2:]:
        m = match(r"(\S+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) : tunables +(\d+) +(\d+) +(\d+) : slabdata +(\d+) +(\d+) +(\d+)", line)
        v = [int(x) for x in m.groups()[1:]]
        need(m[1] not in out, m[1], "twice")
        need(v[5:8] == [0, 0, 0] and v[8] == v[9] and v[10] == 0, "SLUB has none of these:", line)
        need(v[0] <= v[1] == v[9] * v[3], "objects of", line)
        out[m[1]] = (*v[:5], v[9])
        again += "%-17s %6d %6d %6d %4d %4d : tunables %4d %4d %4d : slabdata %6d %6d %6d\n" % (m[1], *v)
    same(text, again, "slabinfo")
    return out


def vmallocinfo(text):
    """[(start, end, size, words: what it is, pages)]; the second list is that of unpurged areas."""
    areas, unpurged, again = [], [], ""
    for line in text.splitlines():
        m = match(r"0x([0-9a-f]{16})-0x([0-9a-f]{16}) +(\d+)(.*)", line)
        start, end, size, rest = int(m[1], 16), int(m[2], 16), int(m[3]), m[4]
        again += "0x%016x-0x%016x %7d%s\n" % (start, end, size, rest)
        if rest in (" unpurged vm_area", " vm_map_ram"):
            (unpurged if "unpurged" in rest else areas).append((start, end, size, rest.strip(), 0))
            continue
        m = match(r"( \S+)?( pages=\d+)?( phys=0x[0-9a-f]{16})?((?: (?:ioremap|sparse|vmalloc|vmap|user|dma-coherent|vpages))*)"
                  r"((?: N\d+=\d+)*)", rest)
        words = m[4].split()
        need(words == [w for w in "ioremap sparse vmalloc vmap user dma-coherent vpages".split() if w in words], "order of", line)
        pages = int(m[2].split("=")[1]) if m[2] else 0
        nodes = sum(int(w.split("=")[1]) for w in m[5].split())
        need(not nodes or nodes == pages, "pages of nodes in", line)
        areas.append((start, end, size, m[4].strip(), pages))
    same(text, again, "vmallocinfo")
    return areas, unpurged


# ---------------------------------------------------------------------- what they say of each other

def close(a, b, exact, what):
    """Counted at once, or (a running machine's) within 5 percent and 2 MiB in pages."""
    need(a == b if exact else abs(a - b) <= max(a, b) // 20 + 512, what, a, b)


def consistent(text, page, exact):
    mem, zones, buddy = meminfo(text["meminfo"]), zoneinfo(text["zoneinfo"]), buddyinfo(text["buddyinfo"])
    order, types, blocks = pagetypeinfo(text["pagetypeinfo"])
    slabs, (areas, unpurged) = slabinfo(text["slabinfo"]), vmallocinfo(text["vmallocinfo"])
    populated = {k: z for k, z in zones.items() if z["present"]}

    def total(key):
        return sum(z.get(key, 0) for z in zones.values())

    for z in populated.values():
        need(z["free"] == z["nr_free_pages"], "free pages twice")
        need(z["min"] <= z["low"] <= z["high"] <= z["promo"], "watermarks")
        need(z["managed"] <= z["present"] <= z["spanned"] and z["cma"] <= z["managed"], "sizes of a zone")
        need(len(z["protection"]) == len(ZONES), "protection")
    need(buddy.keys() == types.keys() == populated.keys() and blocks.keys() == populated.keys(), "zones", list(buddy))
    need(mem["MemTotal"] == total("managed") * page, "MemTotal", mem["MemTotal"], total("managed"))
    need(mem["CmaTotal"] == total("cma") * page, "CmaTotal")
    need(mem["SReclaimable"] + mem["SUnreclaim"] == mem["Slab"], "Slab")
    need(mem["MemAvailable"] <= mem["MemTotal"] and mem["MemFree"] <= mem["MemTotal"], "MemAvailable")
    close(mem["MemFree"], total("free") * page, exact, "MemFree")
    close(mem["CmaFree"], total("nr_free_cma") * page, exact, "CmaFree")
    for line, counter in (("SReclaimable", "nr_slab_reclaimable"), ("SUnreclaim", "nr_slab_unreclaimable")):
        close(mem[line], total(counter) * page, exact, line)
    for key, z in populated.items():
        in_lists = sum(n << o for o, n in enumerate(buddy[key]))
        close(in_lists, z["free"], exact, "buddyinfo against zoneinfo")
        by_type = [sum(t[o] for t in types[key].values()) for o in range(len(buddy[key]))]
        close(sum(n << o for o, n in enumerate(by_type)), in_lists, exact, "pagetypeinfo against buddyinfo")
        need(not exact or by_type == buddy[key], "pagetypeinfo against buddyinfo", by_type, buddy[key])
        need(blocks[key]["CMA"] << order == z["cma"], "pageblocks of CMA", blocks[key]["CMA"], z["cma"])
        need(sum(blocks[key].values()) << order >= z["managed"], "pageblocks of", key)
        free_cma = sum(n << o for o, n in enumerate(types[key]["CMA"]))
        close(free_cma, z["nr_free_cma"], exact, "free pages of CMA")
    of_slabs = sum(s[5] * s[4] for s in slabs.values())
    for name, s in slabs.items():
        need(s[3] * s[2] <= s[4] * page * 1024, "objects of", name, "in a slab")
    # Linux counts large kmalloc there, too.
    need(of_slabs * page == mem["Slab"] if exact else of_slabs * page <= mem["Slab"] * 21 // 20, "Slab", of_slabs, mem["Slab"])
    used = sum(a[4] for a in areas if "vmalloc" in a[3])
    close(used * page, mem["VmallocUsed"], exact, "VmallocUsed")
    for start, end, size, words, pages in areas + unpurged:
        need(size % (page * 1024) == 0 and size, "size of", hex(start))
        need("vmalloc" not in words or not pages or size == (pages + 1) * page * 1024, "a vmalloc area without a guard", hex(start))
    if exact:
        for list_of in (areas, unpurged):
            last = 0
            for start, end, size, _, _ in sorted(list_of):
                need(last <= start < end == start + size, "areas meet at", hex(start))
                last = end
        need([a[0] for a in areas] == sorted(a[0] for a in areas), "areas are not in order")
    return mem, zones, slabs


# ---------------------------------------------------------------------- damaged texts

def damages(text):
    """Texts of which something is not as it has to be: (name, text)."""
    for name in NAMES:
        lines = text[name].splitlines(keepends=True)
        long = max(range(len(lines)), key=lambda i: len(lines[i].split()))
        # A column lost; one digit turned into a letter; a line feed lost.
        yield name, "".join(lines[:long] + [re.sub(r"\d+(\D*)$", r"\1", lines[long], count=1)] + lines[long + 1:])
        yield name, "".join(lines[:-1] + [re.sub(r"\d(?=\D*$)", "x", lines[-1])])
        yield name, text[name][:-1]
    yield "meminfo", text["meminfo"].replace("MemTotal:      ", "MemTotal:     ", 1)
    yield "meminfo", re.sub(r"(MemTotal: +)(\d)", lambda m: m[1] + str((int(m[2]) + 1) % 10), text["meminfo"])
    yield "zoneinfo", text["zoneinfo"].replace("        min ", "        mni ", 1)
    yield "zoneinfo", re.sub(r"(nr_free_pages \d*)(\d)", lambda m: m[1] + str((int(m[2]) + 1) % 10), text["zoneinfo"], count=1)
    yield "pagetypeinfo", text["pagetypeinfo"].replace("Isolate", "Isolated", 1)
    yield "slabinfo", text["slabinfo"].replace(" : tunables    0", " : tunables    1", 1)
    yield "vmallocinfo", re.sub(r" pages=(\d+)", " pages=7777", text["vmallocinfo"], count=1)


def read(folder, name):
    path = os.path.join(folder, name)
    if os.path.exists(path + ".gz"):
        with gzip.open(path + ".gz", "rt") as f:
            return f.read()
    with open(path) as f:
        return f.read()


def from_console(path):
    """The texts among the lines of a log. Each is known by how its first line begins."""
    begins = dict(zip(NAMES, (r"MemTotal:", r"Node 0, zone +\w+$", r"Node 0, zone +\w+( +\d+)+ $", r"Page block order",
                              r"slabinfo - version", r"0x[0-9a-f]{16}-")))
    text, at = dict.fromkeys(NAMES, ""), -1
    with open(path) as f:
        for line in f.read().replace("\r", "").splitlines():
            if re.match(r"\[ *\d+\.\d+\]", line):
                continue
            if at + 1 < len(NAMES) and re.match(begins[NAMES[at + 1]], line):
                at += 1
            if at >= 0:
                text[NAMES[at]] += line + "\n"
    return text


def main():
    folder, page = sys.argv[1], int(sys.argv[2])
    linux = "--linux" in sys.argv[3:]
    text = {name: read(folder, name) for name in NAMES} if os.path.isdir(folder) else from_console(folder)
    try:
        _, _, slabs = consistent(text, page, not linux)
    except (Bad, KeyError, IndexError) as e:
        sys.exit("%s: %s" % (folder, e))
    missed = 0
    for name, damaged in damages(text):
        if damaged == text[name]:
            continue  # there is nothing of that kind in it
        try:
            consistent(dict(text, **{name: damaged}), page, not linux)
        except (Bad, KeyError, IndexError, ValueError):
            continue
        print("a damaged %s is taken for a good one" % name)
        missed += 1
    if not {"kmalloc-8", "kmalloc-96", "kmalloc-192", "kmalloc-1k", "kmem_cache"} <= slabs.keys():
        print("slabinfo lacks caches that every machine has")
        missed += 1
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
