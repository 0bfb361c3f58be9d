#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make the compact cases of tests/oracle/cases from the recorded boots of Linux.

usage: import.py [RECORDS]      RECORDS: the folder with cases/ (default: ../shared/oracle beside the checkout)

For every case two files: NAME.dtb.gz, the device tree as Linux saw it, and NAME.json, what Linux made of it. Every value
comes from the records: printed by Linux, read from its memory by a debugger, or computed from the two as the comments
below say. Addresses are "0x..." strings; a region is [base, size, ...].
"""
import gzip
import json
import os
import re
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "cases")

# Events from here on are no longer "static": paging_init begins to take table pages.
PAGING_CALLERS = ("early_pgtable_alloc", "paging_init", "kfence_alloc_pool_and_metadata")
MARK_NOMAP = 4


def contents(path):
    """A record's bytes, whether it was compressed or not."""
    if os.path.exists(path + ".gz"):
        with gzip.open(path + ".gz") as f:
            return f.read()
    with open(path, "rb") as f:
        return f.read()


def region(item):
    return [hex(item["base"]), hex(item["last"] + 1 - item["base"])]


def read_run(path):
    """run.txt as key -> value; notes are left out."""
    run = {}
    for line in open(path):
        key, _, value = line.strip().partition(": ")
        run[key] = value
    return run


class Ranges:
    """A set of addresses: what memblock's reserved array covers."""

    def __init__(self):
        self.list = []

    def add(self, base, end):
        if base >= end:
            return
        keep = []
        for b, e in self.list:
            if e < base or b > end:
                keep.append((b, e))
            else:
                base, end = min(b, base), max(e, end)
        self.list = sorted(keep + [(base, end)])

    def remove(self, base, end):
        out = []
        for b, e in self.list:
            if b < base:
                out.append((b, min(e, base)))
            if e > end:
                out.append((max(b, end), e))
        self.list = out


def static_reserved(events):
    """What is reserved when paging_init begins: image, initrd, tree, /memreserve/, reserved-memory nodes."""
    r = Ranges()
    reached = False
    for ev in events:
        if ev.get("caller") in PAGING_CALLERS:
            reached = True
            break
        if ev["op"] == "reserve":
            r.add(ev["base"], ev["base"] + ev["size"])
        elif ev["op"] == "phys_free":
            r.remove(ev["base"], ev["base"] + ev["size"])
    return [[hex(b), hex(e - b)] for b, e in r.list] if reached else None


def reserved_nodes(lines):
    """The nodes of /reserved-memory that Linux lists, with what it made of them.

    A node whose listed range is not what the tree says (an empty reg, read past its end) is marked bogus.
    """
    nodes, failed = [], []
    for line in lines:
        m = re.search(r"(0x[0-9a-f]+)\.\.(0x[0-9a-f]+) \(\d+ KiB\) (map|nomap) (reusable|non-reusable) (\S+)", line)
        if m:
            base, last = int(m[1], 16), int(m[2], 16)
            node = {"name": m[5], "base": hex(base), "size": hex(last + 1 - base),
                    "nomap": m[3] == "nomap", "reusable": m[4] == "reusable"}
            if last + 1 - base >= 1 << 52:
                node["bogus"] = True
            nodes.append(node)
        m = re.search(r"failed to reserve memory for node '([^']+)'", line)
        if m:
            failed.append(m[1])
        m = re.search(r"failed to allocate memory for node '([^']+)'", line)
        if m:
            failed.append(m[1])
    return nodes, failed


def linear_map(path):
    """The linear map of pgtables.txt: [pa, size, shift of the entries, contiguous, read-only].

    The region starts at PAGE_OFFSET = -(1 << va_bits); it ends where the kernel's own half begins, at -(1 << 47) (46 with
    a VA of 47 bits). Table pages that this part alone needs, the root included, are counted
    from the ranges.
    """
    if not (os.path.exists(path) or os.path.exists(path + ".gz")):
        return None
    bits = page_shift = None
    out, offset = [], None
    tables = set()
    for line in contents(path).decode().splitlines():
        m = re.match(r"# va_bits=(\d+) levels=(\d+) page_shift=(\d+)", line)
        if m:
            bits, page_shift = int(m[1]), int(m[3])
            start = (1 << 64) - (1 << bits)
            end = (1 << 64) - (1 << (min(bits, 48) - 1))
        if line.startswith("#"):
            continue
        f = line.split()
        va, va_end = (int(x, 16) for x in f[0].split("-"))
        if not start <= va < end:
            continue
        size, pa, shift, attr = int(f[1], 16), int(f[2], 16), int(f[3]), int(f[4], 16)
        offset = pa - (va - start)
        assert va + size == va_end
        item = [pa, size, shift, len(f) > 5, bool(attr & (1 << 7))]
        if shift == page_shift and out and out[-1][2:] == item[2:] and out[-1][0] + out[-1][1] == pa:
            out[-1][1] += size
        else:
            out.append(item)
        step = page_shift - 3
        up = shift + step
        while up < bits:
            tables.update((up, n) for n in range(va >> up, ((va_end - 1) >> up) + 1))
            up += step
    if bits is None:
        return None
    return {"va_bits": bits, "memstart": hex(offset) if offset is not None else None,
            "table_pages": len(tables) + 1,  # the root too
            "ranges": [[hex(p), hex(s), sh, int(c), int(ro)] for p, s, sh, c, ro in out]}


def freed_later(exp):
    """Pages that joined a zone after the watermarks were last set: the initrd and the kernel's init memory.

    khugepaged (subsys_initcall) or init_per_zone_wmark_min (postcore_initcall) set the watermarks; the initrd is freed by
    a rootfs_initcall and the init memory just before user space. zoneinfo is read after both.
    """
    page = exp["page_size"]
    out = []
    for line in exp.get("freeing_lines") or []:
        m = re.match(r"Freeing (initrd|unused kernel) memory: (\d+)K", line)
        if not m:
            continue
        at = exp["image_reserved"][0]
        if m[1] == "initrd":
            given = re.search(r"initrdmem=(0x[0-9a-f]+)", exp["cmdline"])
            at = int(given[1], 16) if given else exp["initrd"][0]
        out.append((at // page, int(m[2]) * 1024 // page))
    return out


def zones(exp):
    """zoneinfo's zones; `managed_then` is what was managed when the watermarks were computed."""
    freed = freed_later(exp)
    out = []
    for z in exp.get("zones") or []:
        if not z["spanned"]:
            continue
        start = z["start_pfn"]
        later = sum(n for pfn, n in freed if start <= pfn < start + z["spanned"])
        out.append({"node": z["node"], "name": z["zone"], "start_pfn": start, "spanned": z["spanned"],
                    "present": z["present"], "managed": z["managed"], "managed_then": z["managed"] - later,
                    "min": z["min"], "low": z["low"], "high": z["high"], "promo": z["promo"],
                    "protection": z["protection"],
                    "batch": z["pagesets"][0]["batch"] if z["pagesets"] else None})
    return out


def crash_kernel(lines):
    out = {}
    for line in lines:
        m = re.match(r"crashkernel (low memory )?reserved: 0x([0-9a-f]+) - 0x([0-9a-f]+)", line)
        if m:
            base, end = int(m[2], 16), int(m[3], 16)
            out["low" if m[1] else "main"] = [hex(base), hex(end - base)]
        if "cannot allocate" in line:
            out["failed"] = True
    return out


def cma_areas(exp):
    out = {}
    for line in exp.get("cma_lines") or []:
        m = re.match(r"cma: Reserved (\d+) MiB at 0x([0-9a-f]+)", line)
        if m:
            out["default"] = [hex(int(m[2], 16)), hex(int(m[1]) << 20)]
        if "Failed to reserve" in line:
            out["failed"] = True
    out["pools"] = [[hex(int(m[1], 16)), hex(int(m[2]) << 20)]
                    for line in exp.get("reserved_mem_lines") or []
                    for m in [re.match(r"Reserved memory: created CMA memory pool at 0x([0-9a-f]+), size (\d+) MiB",
                                       line)] if m]
    return out


def swiotlb_lines(path):
    """What the log says of bounce buffers, the pool's address left out: it depends on what was allocated before."""
    if not (os.path.exists(path) or os.path.exists(path + ".gz")):
        return None
    lines = re.findall(r"software IO TLB: (.*)$", contents(path).decode(errors="replace"), re.M)
    return [re.sub(r"0x[0-9a-f]+", "*", line.strip()) for line in lines] or None


def convert(records, name):
    src = os.path.join(records, "cases", name)
    exp = json.loads(contents(os.path.join(src, "expected.json")))
    run = read_run(os.path.join(src, "run.txt"))
    kernel = run["kernel_file"].split()[0]
    image_size = int(re.search(r"image_size=(0x[0-9a-f]+)", run["image_header"])[1], 16)
    at = run.get("image_loaded_at")
    if at is None:  # died before the console was up: where the loader put it
        at = re.search(r"file=Image,addr=(0x[0-9a-f]+)", run["command"])[1]
    # xlnx-versal-virt has no -cpu: its CPUs are Cortex-A72, as their MIDR (0x410fd083) says.
    cpu = re.search(r"-cpu (\S+)", run["command"])
    assert cpu or exp["cpu_midr"] == "0x410fd083"
    lin = linear_map(os.path.join(src, "pgtables.txt"))
    case = {
        "case": name,
        "what": run["what"],
        "verdict": exp["verdict"],
        "complete": exp["complete"],
        "run": {
            "kernel_at": "%s+0x%x" % (at, image_size),
            "dtb_at": run["dtb_at"].split()[0] if "dtb_at" in run else None,
            "cpu": cpu[1] if cpu else "cortex-a72",
            "granule": "16k" if kernel == "k16k" else "4k",
            "va_bits": lin["va_bits"] if lin else (47 if kernel == "k16k" else 48),
            "initrd": [hex(x) for x in exp["initrd"]] if exp.get("initrd") else None,
        },
        # The events of the device-tree scan were not printed: reserved_before_paging lacks what that scan reserved.
        "scan_recorded": name != "B-kaslr-on",
        "model": exp.get("machine_model"),
        "cmdline": exp.get("cmdline"),
        "blocks": "kfence.sample_interval" in (exp.get("cmdline") or "")
        and bool(re.search(r"rodata=(off|on)\b", exp["cmdline"])),
    }
    cfg = exp.get("memblock_config") or {}
    if cfg.get("memory"):
        case["memory"] = [region(m) + [m["nid"], m["flags"]] for m in cfg["memory"]]
    static = static_reserved(exp["events"])
    case["reserved_before_paging"] = static
    if static is not None and cfg.get("reserved"):
        # What of it was given back before the dump (a pool that could not be one) is not in the dump.
        kept = Ranges()
        for b, s in static:
            for r in cfg["reserved"]:
                kept.add(max(int(b, 16), r["base"]), min(int(b, 16) + int(s, 16), r["last"] + 1))
        case["static_kept"] = [[hex(b), hex(e - b)] for b, e in kept.list]
    case["reserved_mem"], case["reserved_mem_failed"] = reserved_nodes(exp.get("reserved_mem_lines") or [])
    if exp.get("zone_ranges"):
        case["zone_ranges"] = {z["zone"]: region(z) if "base" in z else None for z in exp["zone_ranges"]}
        case["movable_starts"] = {str(m["node"]): hex(m["start"]) for m in exp["movable_starts"]}
        case["early_node_ranges"] = [[m["node"]] + region(m) for m in exp["early_node_ranges"]]
        case["initmem"] = [[m["node"]] + region(m) for m in exp["initmem"]]
    if exp.get("zonelists"):
        case["total_pages"] = exp["zonelists"][0]["total_pages"]
        case["mobility"] = exp["zonelists"][0]["mobility"]
    case["fallback_order"] = {str(f["node"]): f["order"] for f in exp.get("fallback_order") or []}
    case["distance"] = exp.get("numa_distance") or None
    case["zones"] = zones(exp)
    vm = exp.get("vm_sysctl") or {}
    if vm.get("min_free_kbytes"):
        case["min_free_kbytes"] = int(vm["min_free_kbytes"])
    case["crashkernel"] = crash_kernel(exp.get("crashkernel_lines") or [])
    case["cma"] = cma_areas(exp)
    case["swiotlb"] = swiotlb_lines(os.path.join(src, "boot.log"))
    case["linear_map"] = lin
    if case["complete"] and exp.get("page_tables"):
        case["all_table_pages"] = exp["page_tables"]["tables"]
    return case


def write_json(path, case):
    """One key a line, so that a change of a case is a readable diff."""
    body = ",\n".join(" %s: %s" % (json.dumps(k), json.dumps(v)) for k, v in case.items() if v is not None)
    with open(path, "w") as f:
        f.write("{\n" + body + "\n}\n")


def main():
    default = os.path.join(HERE, "..", "..", "..", "shared", "oracle")
    records = sys.argv[1] if len(sys.argv) > 1 else default
    if not os.path.isdir(os.path.join(records, "cases")):
        sys.exit("import.py: no recorded cases in %s" % records)
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    names = sorted(os.listdir(os.path.join(records, "cases")))
    for name in names:
        write_json(os.path.join(OUT, name + ".json"), convert(records, name))
        dtb = contents(os.path.join(records, "cases", name, "board.dtb"))
        with open(os.path.join(OUT, name + ".dtb.gz"), "wb") as f, \
                gzip.GzipFile("", "wb", 9, f, mtime=0) as z:
            z.write(dtb)
    print("%d cases in %s" % (len(names), os.path.relpath(OUT)))


if __name__ == "__main__":
    main()
