# SPDX-License-Identifier: MIT
"""Commands and pretty-printers for gdb on the image (make debug) or on build/quire.

  quire-memblock            memory and reserved regions
  quire-zones               nodes, zones, watermarks, free lists by order
  quire-page PFN|ADDRESS    the struct page of a frame, decoded
  quire-walk ADDRESS        the kernel's page tables for a virtual address, level by level
  quire-symbols             load the symbols where KASLR put the image (the image must have reached C)
  quire-layout              image, linear map, vmemmap

Physical memory is read through QEMU's monitor where there is one, so that walks work before the linear map is there;
otherwise through the linear map.
"""
import re

import gdb

REGION_FLAGS = ((1, "HOTPLUG"), (2, "MIRROR"), (4, "NOMAP"), (8, "DRIVER_MANAGED"), (16, "RSRV_NOINIT"))
SIZES = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
PAGE_TYPES = {}


def size_text(n):
    for unit, name in SIZES:
        if n >= unit:
            return "%g %s" % (round(n / unit, 2), name)
    return "%d B" % n


def value(expression):
    return gdb.parse_and_eval(expression)


def integer(expression):
    return int(value("(unsigned long)(%s)" % expression)) & 0xFFFFFFFFFFFFFFFF


def optional(expression, default=0):
    try:
        return integer(expression)
    except gdb.error:
        return default


def read_phys(pa):
    """The 64-bit word at a physical address."""
    try:
        out = gdb.execute("monitor xp /1gx 0x%x" % pa, to_string=True)
        found = re.search(r":\s*(0x[0-9a-fA-F]+)", out)
        if found:
            return int(found.group(1), 16)
    except gdb.error:
        pass
    kva = (pa + integer("physvirt_offset")) & 0xFFFFFFFFFFFFFFFF
    data = gdb.selected_inferior().read_memory(kva, 8)
    return int.from_bytes(bytes(data), "little")


class RegionPrinter:
    """struct memblock_region on one line."""

    def __init__(self, region):
        self.region = region

    def to_string(self):
        base, size = int(self.region["base"]), int(self.region["size"])
        flags = int(self.region["flags"])
        names = "|".join(name for bit, name in REGION_FLAGS if flags & bit)
        text = "[%#014x-%#014x] %s" % (base, base + size - 1, size_text(size))
        try:
            nid = int(self.region["nid"])
            if 0 <= nid < 64:
                text += " node %d" % nid
        except gdb.error:
            pass
        return text + (" " + names if names else "")


class TypePrinter:
    """struct memblock_type with its regions as children."""

    def __init__(self, kind):
        self.kind = kind

    def to_string(self):
        return "%d regions, %s" % (int(self.kind["cnt"]), size_text(int(self.kind["total_size"])))

    def children(self):
        for i in range(int(self.kind["cnt"])):
            yield "[%d]" % i, self.kind["regions"][i]


class ZonePrinter:
    def __init__(self, zone):
        self.zone = zone

    def to_string(self):
        zone = self.zone
        name = zone["name"].string() if int(zone["name"]) else "?"
        return "%s: start_pfn %#x, spanned %d, present %d, managed %d" % (
            name, int(zone["zone_start_pfn"]), int(zone["spanned_pages"]),
            int(zone["present_pages"]), int(zone["managed_pages"]))


class PagePrinter:
    def __init__(self, page):
        self.page = page

    def to_string(self):
        page = self.page
        flags = int(page["flags"])
        text = "flags %#x, zone %d, node %d, refcount %d" % (
            flags & 0x7FFFFF, (flags >> 23) & 7, flags >> 26, int(page["_refcount"]))
        kind = int(page["page_type"])
        if kind != 0xFFFFFFFF:
            text += ", type %#x" % kind
        text += ", order %d, next %d, prev %d, word %#x" % (
            int(page["order"]), int(page["next"]), int(page["prev"]), int(page["word"]))
        return text


def lookup(val):
    kind = val.type.strip_typedefs().unqualified()
    printer = {"memblock_region": RegionPrinter, "memblock_type": TypePrinter,
               "zone": ZonePrinter, "page": PagePrinter}.get(kind.tag)
    return printer(val) if printer and kind.code == gdb.TYPE_CODE_STRUCT else None


gdb.pretty_printers.append(lookup)


class Command(gdb.Command):
    """A command that says what may be wrong when memory cannot be read."""

    def invoke(self, argument, from_tty):
        try:
            self.run(argument)
        except gdb.MemoryError as error:
            raise gdb.GdbError("%s: is the kernel's mapping up, and are the symbols right (quire-symbols)?" % error)


class Memblock(Command):
    """Memory and reserved regions."""

    def __init__(self):
        super().__init__("quire-memblock", gdb.COMMAND_DATA)

    def run(self, argument):
        for name in ("memory", "reserved"):
            kind = value("memblock")[name]
            print("%s: %s" % (name, TypePrinter(kind).to_string()))
            for i in range(int(kind["cnt"])):
                print("  [%3d] %s" % (i, RegionPrinter(kind["regions"][i]).to_string()))


def zones():
    for nid in range(64):
        node = value("node_data")[nid]
        if not int(node):
            continue
        array = node["node_zones"]
        low, high = array.type.range()
        for i in range(low, high + 1):
            if int(array[i]["present_pages"]):
                yield nid, array[i]


class Zones(Command):
    """Nodes, zones, watermarks and free lists."""

    def __init__(self):
        super().__init__("quire-zones", gdb.COMMAND_DATA)

    def run(self, argument):
        for nid, zone in zones():
            print("node %d, %s" % (nid, ZonePrinter(zone).to_string()))
            marks = [int(zone["_watermark"][i]) for i in range(3)]
            print("  min %d low %d high %d, free %d, deferred %d" % (
                *marks, int(zone["vm_stat"][0]), int(zone["deferred_pages"])))
            area = zone["free_area"]
            low, high = area.type.range()
            print("  free by order: " + " ".join(str(int(area[i]["nr_free"]))
                                                 for i in range(low, high + 1)))


class Page(Command):
    """The struct page of a frame, by its number or, where no zone has a frame of that number, its physical address."""

    def __init__(self):
        super().__init__("quire-page", gdb.COMMAND_DATA)

    def run(self, argument):
        if not argument:
            raise gdb.GdbError("quire-page PFN, or a physical address")
        number = integer(argument)
        spans = [(int(zone["zone_start_pfn"]), int(zone["spanned_pages"])) for _, zone in zones()]
        pfn = next((n for n in (number, number >> 12) if any(s <= n < s + span for s, span in spans)), None)
        if pfn is None:
            raise gdb.GdbError("no zone has %#x, as a frame or an address" % number if spans else "no zones yet")
        page = value("vmemmap") + pfn
        print("pfn %#x (physical %#x), struct page at %#x" % (pfn, pfn << 12, int(page) & (1 << 64) - 1))
        try:
            print("  " + PagePrinter(page.dereference()).to_string())
        except gdb.MemoryError:
            raise gdb.GdbError("which is not mapped: a hole of the zone")


def attributes(desc, level):
    out = ["table"] if desc & 2 and level < 3 else ["page" if level == 3 else "block"]
    if out == ["table"]:
        return "table"
    out.append("AttrIndx %d" % (desc >> 2 & 7))
    out.append("RO" if desc >> 7 & 1 else "RW")
    if desc >> 6 & 1:
        out.append("EL0")
    out.append(("NSH", "?", "OSH", "ISH")[desc >> 8 & 3])
    for bit, name in ((10, "AF"), (11, "nG"), (51, "DBM"), (52, "Cont"), (53, "PXN"), (54, "UXN")):
        if desc >> bit & 1:
            out.append(name)
    return " ".join(out)


class Walk(Command):
    """The kernel's page tables (TTBR1_EL1) for a virtual address; 4K granule, 48 bits."""

    def __init__(self):
        super().__init__("quire-walk", gdb.COMMAND_DATA)

    def run(self, argument):
        if not argument:
            raise gdb.GdbError("quire-walk ADDRESS")
        va = integer(argument)
        if va >> 48 != 0xFFFF:
            raise gdb.GdbError("%#x is not a 48-bit kernel address" % va)
        table = optional("(unsigned long)$TTBR1_EL1") & 0xFFFFFFFFF000
        if not table:
            raise gdb.GdbError("TTBR1_EL1 is not set yet, or this target does not show it")
        for level in range(4):
            shift = 39 - 9 * level
            index = va >> shift & 511
            desc = read_phys(table + 8 * index)
            print("level %d [%3d] of %#012x: %#018x %s" % (
                level, index, table, desc, attributes(desc, level) if desc & 1 else "invalid"))
            if not desc & 1:
                print("translation fault, level %d" % level)
                return
            address = desc & 0xFFFFFFFFF000
            if level == 3 or not desc & 2:
                mask = (1 << shift) - 1
                print("physical %#x" % (address & ~mask | va & mask))
                return
            table = address


class Symbols(Command):
    """Load the symbols at the address where KASLR put the image. The CPU must have reached the kernel's own address."""

    def __init__(self):
        super().__init__("quire-symbols", gdb.COMMAND_FILES)

    def run(self, argument):
        # VBAR_EL1 points to `vectors` as soon as the kernel runs where it was put.
        vbar = optional("(unsigned long)$VBAR") or optional("(unsigned long)$VBAR_EL1")
        link = int(gdb.lookup_global_symbol("kernel_main").symtab is not None)
        objfile = gdb.objfiles()[0].filename if link else None
        text = gdb.execute("info address vectors", to_string=True)
        at = int(re.search(r"0x[0-9a-f]+", text).group(0), 16)
        if vbar >> 48 != 0xFFFF:
            raise gdb.GdbError("the kernel does not run at its own address yet (VBAR_EL1 %#x)" % vbar)
        offset = vbar - at
        if not offset:
            print("KASLR is off: the symbols are right")
            return
        gdb.execute("symbol-file")
        gdb.execute("symbol-file -o %#x %s" % (offset, objfile))
        print("symbols moved by %#x" % offset)


class Layout(Command):
    """Where things are."""

    def __init__(self):
        super().__init__("quire-layout", gdb.COMMAND_DATA)

    def run(self, argument):
        image = value("boot_params")["image"]
        print("image      physical %#x, %s, at %#x (KASLR offset %#x)" % (
            int(image["phys"]), size_text(int(image["size"])), int(image["kva"]),
            int(image["kaslr_offset"])))
        for i in range(int(image["nr_segments"])):
            segment = image["segment"][i]
            print("  %-10s %#x-%#x" % (segment["name"].string(),
                                       int(image["kva"]) + int(segment["start"]),
                                       int(image["kva"]) + int(segment["end"]) - 1))
        print("memstart_addr %#x, physvirt_offset %#x, vmemmap %#x" % (
            integer("memstart_addr"), integer("physvirt_offset"), integer("(unsigned long)vmemmap")))


for command in (Memblock, Zones, Page, Walk, Symbols, Layout):
    command()
