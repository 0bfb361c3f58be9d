#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bad input: every case ends in time, with the exit code that is documented and a message that says what and where.

usage: run.py [--build DIR] [--quire PROGRAM] [--no-board] [NAME...]

On the command the sanitized build is used when it is there (DIR/asan/quire): a report of a sanitizer is a failure
whatever the exit code. On the board a few are repeated in QEMU, where a hang would be a machine that stands still.
Trees are written in source and compiled by dtc; what dtc would not write is made by changing bytes.
"""
import argparse
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SECONDS = 10

SKELETON = """/dts-v1/;
%(reserve)s
/ {
	#address-cells = <%(ac)d>;
	#size-cells = <%(sc)d>;
	compatible = "linux,dummy-virt";
	model = "bad input";
	interrupt-parent = <1>;
	chosen {
		stdout-path = "/pl011@9000000";
		bootargs = "%(bootargs)s";
		%(chosen)s
	};
	cpus {
		#address-cells = <1>;
		#size-cells = <0>;
		cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a72"; reg = <0>; enable-method = "psci"; };
	};
	psci { compatible = "arm,psci-1.0", "arm,psci-0.2", "arm,psci"; method = "hvc"; };
	pl011@9000000 { compatible = "arm,pl011", "arm,primecell"; reg = <%(uart)s>; };
	%(memory)s
	%(rest)s
};
"""
MEMORY = 'memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0x40000000>; };'


def dts(memory=MEMORY, rest="", chosen="", bootargs="", reserve="", ac=2, sc=2, uart="0 0x9000000 0 0x1000"):
    return SKELETON % locals()


def bank(name, *cells):
    return 'memory@%s { device_type = "memory"; reg = <%s>; };' % (name, " ".join(cells))


def reserved(*nodes):
    return "reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; %s };" % " ".join(nodes)


def compile_tree(source):
    p = subprocess.run(["dtc", "-q", "-f", "-I", "dts", "-O", "dtb", "-o", "-"], input=source.encode(),
                       capture_output=True)
    if p.returncode:
        sys.exit("dtc: %s" % p.stderr.decode())
    return p.stdout


# Header words of a flattened tree, by index (Devicetree Specification 5.2).
MAGIC, TOTALSIZE, OFF_STRUCT, OFF_STRINGS, OFF_RSVMAP, VERSION, LAST_COMP, BOOT_CPU, SIZE_STRINGS, SIZE_STRUCT = range(10)


def word(tree, index, value):
    out = bytearray(tree)
    struct.pack_into(">I", out, index * 4, value & 0xffffffff)
    return bytes(out)


def get(tree, index):
    return struct.unpack_from(">I", tree, index * 4)[0]


def in_struct(tree, offset, value):
    return word(tree, (get(tree, OFF_STRUCT) + offset) // 4, value)


def with_memreserves(tree, entries):
    """The tree with another reserve map, put at its end (dtc's grammar cannot hold thousands of entries)."""
    at = (len(tree) + 7) // 8 * 8
    out = tree + bytes(at - len(tree)) + b"".join(struct.pack(">QQ", b, s) for b, s in entries) + bytes(16)
    return word(word(out, OFF_RSVMAP, at), TOTALSIZE, len(out))


class Test:
    """name, tree (bytes, source or None), options; codes allowed, patterns that the output must match."""

    def __init__(self, name, tree, codes, patterns, options=(), memory=None, verb="boot"):
        self.name, self.tree, self.codes = name, tree, codes
        self.patterns = [patterns] if isinstance(patterns, str) else patterns
        self.options, self.memory, self.verb = list(options), memory, verb


G = 1 << 30


def corrupt_trees():
    good = compile_tree(dts())
    total, size_struct = get(good, TOTALSIZE), get(good, SIZE_STRUCT)
    no_tree = r"(?i)device tree|dtb|fdt"
    yield Test("no-file", None, (2,), r"/nonexistent/board\.dtb", ["/nonexistent/board.dtb"])
    yield Test("folder-for-file", None, (2,), r"/tmp", ["/tmp"])
    yield Test("empty-file", b"", (1, 2), no_tree)
    yield Test("text-for-tree", b"this is not a tree\n" * 100, (1, 2), [no_tree, r"(?i)magic"])
    yield Test("source-for-tree", dts().encode(), (1, 2), [no_tree, r"(?i)magic"])
    for length in (3, 4, 8, 20, 39, 40, 60, total // 2, total - 1):
        yield Test("truncated-%d" % length, good[:length], (1, 2), no_tree)
    yield Test("magic-flipped", word(good, MAGIC, 0xedfe0dd0), (1, 2), [no_tree, r"(?i)magic"])
    yield Test("version-0", word(good, VERSION, 0), (1, 2), no_tree)
    yield Test("version-from-the-future", word(word(good, VERSION, 99), LAST_COMP, 99), (1, 2), no_tree)
    yield Test("totalsize-0", word(good, TOTALSIZE, 0), (1, 2), no_tree)
    yield Test("totalsize-beyond-file", word(good, TOTALSIZE, total + 0x10000), (1, 2), no_tree)
    yield Test("totalsize-4G", word(good, TOTALSIZE, 0xffffffff), (1, 2), no_tree)
    yield Test("struct-beyond-end", word(good, OFF_STRUCT, total + 4096), (1, 2), no_tree)
    yield Test("struct-unaligned", word(good, OFF_STRUCT, get(good, OFF_STRUCT) + 1), (1, 2), no_tree)
    yield Test("strings-beyond-end", word(good, OFF_STRINGS, 0x7fffffff), (1, 2), no_tree)
    yield Test("rsvmap-beyond-end", word(good, OFF_RSVMAP, total + 8), (1, 2), no_tree)
    yield Test("struct-size-huge", word(good, SIZE_STRUCT, 0xfffffff0), (1, 2), no_tree)
    yield Test("strings-size-huge", word(good, SIZE_STRINGS, 0xfffffff0), (1, 2), no_tree)
    yield Test("tag-unknown", in_struct(good, 0, 0x77), (1, 2), no_tree)
    yield Test("tag-end-at-once", in_struct(good, 0, 9), (1, 2), no_tree)
    yield Test("property-length-huge", in_struct(good, 12, 0x7ffffff0), (1, 2), no_tree)
    yield Test("property-name-outside", in_struct(good, 16, 0x7ffffff0), (1, 2), no_tree)
    # The root is closed before the tag that is missing: the tree is whole, and boots.
    yield Test("no-end-tag", in_struct(good, size_struct - 4, 4), (0, 1, 2), "")
    yield Test("zeros-for-struct", good[:get(good, OFF_STRUCT)] + bytes(total - get(good, OFF_STRUCT)), (1, 2), no_tree)
    # An endless reserve map: no closing pair of zeros before the structure block.
    off = get(good, OFF_RSVMAP)
    yield Test("rsvmap-without-end", good[:off] + b"\x11" * (total - off), (1, 2), no_tree)
    yield Test("misaligned", good, (1, 2), r"(?i)align", ["--dtb-at", "0x48200004"])
    big = dts(rest='pad { data = [%s]; };' % ("5a" * (2 << 20)))
    yield Test("over-2M", big, (1, 2), r"(?i)2 ?M|0x200000|too (big|large)")
    padded = word(good, TOTALSIZE, (2 << 20) + 4096) + bytes((2 << 20) + 4096 - total)
    yield Test("padded-over-2M", padded, (1, 2), r"(?i)2 ?M|0x200000|too (big|large)")
    yield Test("tree-outside-ram", good, (0,), "", ["--dtb-at", "0x20000000"], memory=[(G, G)])
    yield Test("tree-over-image", good, (0, 1, 2), r"(?i)device tree|dtb|fdt|overlap",
               ["--kernel-at", "0x40200000+0x2000000", "--dtb-at", "0x40400000"])
    deep = "n { " * 200 + "};" * 200
    yield Test("nodes-200-deep", dts(rest=deep), (0, 1), r"(?i)deep|depth|Memory:|memory", memory=[(G, G)])


def memory_nodes():
    yield Test("no-memory-node", dts(memory=""), (1,), r"(?i)no memory|no usable|memory.*(none|missing|empty)")
    yield Test("memory-node-empty-reg", dts(memory='memory@0 { device_type = "memory"; reg; };'), (1,), r"(?i)memory")
    yield Test("memory-node-without-reg", dts(memory='memory@0 { device_type = "memory"; };'), (1,), r"(?i)memory")
    yield Test("all-zero-size", dts(memory=bank("40000000", "0 0x40000000 0 0")), (1,), r"(?i)memory")
    yield Test("zero-size-bank", dts(memory=bank("40000000", "0 0x40000000 0 0x40000000 0 0x90000000 0 0")), (0,),
               r"(?i)(zero|empty|size 0|0x0\b|no size).*|.*90000000", memory=[(G, G)])
    yield Test("overlapping-banks", dts(memory=bank("40000000", "0 0x40000000 0 0x30000000 0 0x60000000 0 0x20000000")),
               (0,), r"(?i)overlap", memory=[(G, G)])
    yield Test("same-bank-twice", dts(memory=MEMORY + bank("40000001", "0 0x40000000 0 0x40000000")), (0,),
               r"(?i)overlap|twice", memory=[(G, G)])
    yield Test("bank-wraps", dts(memory=bank("40000000", "0 0x40000000 0 0x40000000 0xffffffff 0xfff00000 0 0x40000000")),
               (0,), r"(?i)wrap|overflow|beyond|outside|range|limit|0xfffffffffff00000", memory=[(G, G)])
    yield Test("bank-of-everything", dts(memory=bank("40000000", "0 0 0xffffffff 0xffffffff")), (0, 1), r"(?i)memory|beyond|range")
    yield Test("bank-below-a-page", dts(memory=bank("40000000", "0 0x40000000 0 0x40000000 0 0x90000123 0 0x100")), (0,),
               r"(?i)90000123|page", memory=[(G, G)])
    yield Test("half-a-pair", dts(memory=bank("40000000", "0 0x40000000 0 0x40000000 0 0x90000000")), (0,),
               r"(?i)reg|cells|multiple", memory=[(G, G)])
    yield Test("beyond-pa-range", dts(memory=bank("40000000", "0 0x40000000 0 0x40000000 0x200 0 0 0x40000000")), (0,),
               r"(?i)physical|\bPA\b|bits|beyond|0x20000000000", ["--cpu", "cortex-a53"], memory=[(G, G)])
    # The command refuses to place an image where this CPU has no addresses.
    yield Test("all-beyond-pa-range", dts(memory=bank("40000000", "0x200 0 0 0x40000000")), (1, 2),
               r"(?i)physical|\bPA\b|bits|beyond|memory|RAM", ["--cpu", "cortex-a53"])
    banks = "\n".join("0 0x%x 0 0x1000" % (0x80000000 + i * 0x2000) for i in range(10000))
    yield Test("10000-banks", dts(memory=bank("40000000", "0 0x40000000 0 0x20000000", banks)), (0,), "",
               ["--dtb-at", "0x44000000"], memory=10001)
    banks = "\n".join("%d %#x 0 0x1000" % divmod(0x80000000 + i * 0x2000, 1 << 32) for i in range(20000))
    yield Test("20000-banks", dts(memory=bank("40000000", "0 0x40000000 0 0x20000000", banks), bootargs="mem=256M",
                                  rest=reserved("n@44100000 { no-map; reg = <0 0x44100000 0 0x100000>; };")), (0,),
               r"more than 11264 separate banks of memory: the last 8737, 34948 KiB, are left out",
               ["--kernel-at", "0x40200000+0x2000000", "--dtb-at", "0x44000000"],
               memory=[(G, 0x4100000), (G + 0x4200000, 0xbe00000)])
    # 10,000 banks that must be reserved from, and as many reservations.
    entries = [(0x50000000 + i * 0x2000, 0x1000) for i in range(10000)]
    yield Test("10000-memreserves", with_memreserves(compile_tree(dts()), entries), (0,), "", ["--dtb-at", "0x44000000"], memory=[(G, G)])


def cells():
    yield Test("address-cells-0", dts(ac=0, uart="0x1000", memory=bank("0", "0 0x40000000")), (0, 1), r"(?i)cells|memory")
    yield Test("address-cells-3", dts(ac=3, uart="0 0 0x9000000 0 0x1000", memory=bank("0", "0 0 0x40000000 0 0x40000000")),
               (0,), "", memory=[(G, G)])
    yield Test("address-cells-huge", dts(memory=MEMORY).replace("#address-cells = <2>", "#address-cells = <0xfffffff0>", 1),
               (0, 1), r"(?i)cells")
    yield Test("size-cells-0", dts(sc=0, uart="0 0x9000000", memory=bank("0", "0 0x40000000")), (0, 1), r"(?i)cells|memory")
    yield Test("size-cells-huge", dts(memory=MEMORY).replace("#size-cells = <2>", "#size-cells = <0x40000000>", 1), (0, 1),
               r"(?i)cells")
    yield Test("cells-of-two-words", dts().replace("#address-cells = <2>", "#address-cells = <2 2>", 1), (0, 1), r"(?i)cells")
    yield Test("cells-as-bytes", dts().replace("#address-cells = <2>", "#address-cells = [02]", 1), (0, 1), r"(?i)cells")
    yield Test("no-cells", dts().replace("#address-cells = <2>;", "", 1).replace("#size-cells = <2>;", "", 1), (0, 1),
               r"(?i)cells|memory")
    yield Test("reserved-memory-cells", dts(rest="reserved-memory { #address-cells = <1>; #size-cells = <1>; ranges; "
                                            "a@50000000 { reg = <0x50000000 0x100000>; }; };"), (0,),
               r"(?i)reserved.memory", memory=[(G, G)])
    yield Test("numa-node-id-beyond", dts(memory='memory@40000000 { device_type = "memory"; numa-node-id = <4096>; '
                                          'reg = <0 0x40000000 0 0x40000000>; };'), (0,), r"(?i)node.?id|node 4096|numa")
    yield Test("numa-node-id-bytes", dts(memory='memory@40000000 { device_type = "memory"; numa-node-id = [01]; '
                                         'reg = <0 0x40000000 0 0x40000000>; };'), (0,), r"(?i)numa")
    yield Test("distance-map-odd", dts(memory=bank("40000000", "0 0x40000000 0 0x40000000").replace(
        "reg", "numa-node-id = <0>; reg") + bank("80000000", "0 0x80000000 0 0x40000000").replace(
        "reg", "numa-node-id = <1>; reg"), rest='distance-map { compatible = "numa-distance-map-v1"; '
        "distance-matrix = <0 0 10>, <0 1 20>, <1 1>; };"), (0,), r"distance-matrix has 32 bytes, which is not a multiple of 12")
    yield Test("distance-map-wrong", dts(memory=bank("40000000", "0 0x40000000 0 0x40000000").replace(
        "reg", "numa-node-id = <0>; reg") + bank("80000000", "0 0x80000000 0 0x40000000").replace(
        "reg", "numa-node-id = <1>; reg"), rest='distance-map { compatible = "numa-distance-map-v1"; '
        "distance-matrix = <0 0 20>, <0 1 5>, <70 1 20>, <1 1 10>; };"), (0,), r"(?i)distance")


def reservations():
    yield Test("reserved-outside-ram", dts(rest=reserved("a@100000000 { reg = <1 0 0 0x100000>; };")), (0,),
               r"a@100000000: not all of it is memory", memory=[(G, G)])
    yield Test("reserved-nomap-outside-ram", dts(rest=reserved("a@10000000 { no-map; reg = <0 0x10000000 0 0x100000>; };")),
               (0,), r"(?i)a@10000000", memory=[(G, G)])
    yield Test("reserved-pool-outside-ram", dts(rest=reserved(
        'a@120000000 { compatible = "shared-dma-pool"; reusable; reg = <1 0x20000000 0 0x1000000>; };')), (0,),
        r"(?i)a@120000000.*", memory=[(G, G)])
    yield Test("reserved-nomap-over-image", dts(rest=reserved("k@40000000 { no-map; reg = <0 0x40000000 0 0x4000000>; };")),
               (0,), r"(?i)k@40000000", ["--kernel-at", "0x40200000+0x2000000"], memory=[(G, G)])
    yield Test("reserved-over-image", dts(rest=reserved("k@41000000 { reg = <0 0x41000000 0 0x4000000>; };")),
               (0,), r"(?i)k@41000000", ["--kernel-at", "0x40200000+0x2000000"], memory=[(G, G)])
    yield Test("reserved-pool-over-image", dts(rest=reserved(
        'k@40000000 { compatible = "shared-dma-pool"; reusable; reg = <0 0x40000000 0 0x4000000>; };')), (0,),
        [r"CMA region k@40000000 has something else in it", r"k@40000000: stays reserved"],
        ["--kernel-at", "0x40200000+0x2000000"], memory=[(G, G)])
    yield Test("reserved-nomap-pool-refused", dts(rest=reserved(
        'p@50000000 { compatible = "shared-dma-pool"; reusable; no-map; reg = <0 0x50000000 0 0x1000000>; };')), (0,),
        r"p@50000000: stays reserved, it is not in the linear map", memory=[(G, G)])
    yield Test("reserved-all-of-ram", dts(rest=reserved("all@40000000 { reg = <0 0x40000000 0 0x40000000>; };")), (0, 1),
               r"(?i)memory|allocate")
    yield Test("reserved-nomap-all-of-ram", dts(rest=reserved("all@40000000 { no-map; reg = <0 0x40000000 0 0x40000000>; };")),
               (0, 1), r"(?i)all@40000000|memory")
    yield Test("reserved-size-0", dts(rest=reserved("z@50000000 { reg = <0 0x50000000 0 0>; };")), (0,), r"(?i)z@50000000",
               memory=[(G, G)])
    yield Test("reserved-empty-reg", dts(rest=reserved("e@50000000 { reg; };")), (0,), r"(?i)e@50000000", memory=[(G, G)])
    yield Test("reserved-short-reg", dts(rest=reserved("s@50000000 { reg = <0 0x50000000 0>; };")), (0,), r"(?i)s@50000000",
               memory=[(G, G)])
    yield Test("reserved-wraps", dts(rest=reserved("w@50000000 { reg = <0 0x50000000 0xffffffff 0xffffffff>; };")), (0,),
               r"(?i)w@50000000")
    yield Test("dynamic-too-big", dts(rest=reserved("d { size = <0x10 0>; };")), (0,), r"(?i)\bd\b.*", memory=[(G, G)])
    yield Test("dynamic-bad-alignment", dts(rest=reserved("d { size = <0 0x100000>; alignment = <0 0x3000>; };")), (0,),
               r"(?i)align|'?\bd\b", memory=[(G, G)])
    yield Test("dynamic-short-size", dts(rest=reserved("d { size = <0x100000>; };")), (0,), r"(?i)size|\bd\b", memory=[(G, G)])
    many = " ".join("r@%x { no-map; reg = <0 0x%x 0 0x1000>; };" % (0x50000000 + i * 0x4000, 0x50000000 + i * 0x4000)
                    for i in range(3000))
    yield Test("3000-reserved-nodes", dts(rest=reserved(many)), (0,), "", ["--dtb-at", "0x44000000"])
    entries = [(0x48800000 + i * 0x2000, 0x1000) for i in range(20000)]
    yield Test("20000-memreserves", with_memreserves(compile_tree(dts()), entries), (0,), r"more than 11264 separate reservations",
               ["--dtb-at", "0x44000000"], memory=[(G, G)])
    yield Test("memreserve-outside", dts(reserve="/memreserve/ 0x1000000000 0x1000;"), (0,), "", memory=[(G, G)])
    yield Test("memreserve-wraps", dts(reserve="/memreserve/ 0xfffffffffffff000 0x10000;"), (0,), "", memory=[(G, G)])


def places():
    yield Test("image-outside-ram", dts(), (0, 1), r"(?i)kernel image.*0x0*200000.*memory", ["--kernel-at", "0x200000+0x2000000"])
    yield Test("image-partly-outside", dts(), (0, 1), r"(?i)image|kernel", ["--kernel-at", "0x7f000000+0x2000000"])
    yield Test("image-beyond-pa", dts(), (2,), r"(?i)kernel image.*beyond.*physical",
               ["--granule", "16k", "--cpu", "cortex-a72", "--kernel-at", "0x8000003400000+0x2000000"])
    yield Test("image-size-0", dts(), (2,), r"(?i)kernel-at", ["--kernel-at", "0x40200000+0"])
    yield Test("image-misplaced", dts(), (1, 2), r"(?i)2 ?MiB|align|kernel-at", ["--kernel-at", "0x40212345+0x2000000"])

    def initrd(start, end):
        return dts(chosen="linux,initrd-start = <%d %#x>; linux,initrd-end = <%d %#x>;" % (
            divmod(start, 1 << 32) + divmod(end, 1 << 32)))
    yield Test("initrd-partly-outside", initrd(0x7ff00000, 0x80100000), (0,), r"(?i)initrd")
    yield Test("initrd-outside", initrd(0x90000000, 0x90100000), (0,), r"(?i)initrd")
    yield Test("initrd-below-ram", initrd(0x10000000, 0x10100000), (0,), r"(?i)initrd", memory=[(G, G)])
    yield Test("initrd-ends-before-start", initrd(0x48100000, 0x48000000), (0,), r"(?i)initrd", memory=[(G, G)])
    yield Test("initrd-beyond-page-indices", initrd(17 << 40, (17 << 40) + 0x100000), (0,), r"(?i)initrd not fully accessible",
               memory=[(G, G)])
    yield Test("initrd-at-the-end-of-64-bits", dts(chosen="linux,initrd-start = <0xffffffff 0xffffff00>; "
               "linux,initrd-end = <0xffffffff 0xffffff10>;", memory=bank("0", "0 0 0 0x40000000")), (0,),
               r"(?i)initrd not fully accessible", memory=[(0, G)])
    yield Test("initrd-of-1T", dts(chosen="linux,initrd-start = <0 0x48000000>; linux,initrd-end = <0x100 0x48000000>;"),
               (0,), r"(?i)initrd.*(larger than memory|ignoring|not fully accessible)", memory=[(G, G)])
    yield Test("initrd-over-image", initrd(0x40300000, 0x40400000), (0,), "", ["--kernel-at", "0x40200000+0x2000000"])
    yield Test("initrd-without-end", dts(chosen="linux,initrd-start = <0 0x48000000>;"), (0,), r"(?i)initrd", memory=[(G, G)])
    yield Test("initrd-3-bytes", dts(chosen="linux,initrd-start = [010203]; linux,initrd-end = [010204];"), (0,),
               r"(?i)initrd", memory=[(G, G)])
    yield Test("usable-range-outside", dts(chosen="linux,usable-memory-range = <1 0 0 0x10000000>;"), (0, 1), r"(?i)usable|memory")
    yield Test("usable-range-short", dts(chosen="linux,usable-memory-range = <1 0>;"), (0, 1), r"(?i)usable", memory=[(G, G)])
    yield Test("kaslr-seed-short", dts(chosen="kaslr-seed = <1>;"), (0,), "", memory=[(G, G)])
    for granule, bits in ("4k", 39), ("4k", 48), ("4k", 52), ("16k", 47), ("16k", 52), ("64k", 42), ("64k", 52):
        yield Test("kaslr-seed-largest-%s-%d" % (granule, bits), dts(chosen="kaslr-seed = <0xffffffff 0xffffffff>;"), (0,), "",
                   ["--cpu", "max", "--granule", granule, "--va-bits", str(bits)], memory=[(G, G)])
    yield Test("stdout-nowhere", dts().replace('stdout-path = "/pl011@9000000"', 'stdout-path = "/nowhere:115200n8"'), (0,), "",
               memory=[(G, G)])


def parameters():
    yield Test("mem-0", dts(bootargs="mem=0"), (0, 1), r"mem=")
    yield Test("mem-a-word", dts(bootargs="mem=banana"), (0,), r"mem=banana|mem.*banana", memory=[(G, G)])
    yield Test("mem-empty", dts(bootargs="mem="), (0,), r"mem=|'mem'|\bmem\b", memory=[(G, G)])
    yield Test("mem-one-page", dts(bootargs="mem=4K"), (0, 1), r"(?i)mem")
    yield Test("mem-overflow", dts(bootargs="mem=99999999999999999999999G"), (0,), r"mem", memory=[(G, G)])
    for word_ in ("crashkernel=", "crashkernel=banana", "crashkernel=1G@", "crashkernel=64M@0x7fffffff", "cma=banana",
                  "cma=64M@banana", "kernelcore=banana", "kernelcore=200%", "movablecore=", "movablecore=-1",
                  "rodata=maybe", "numa=banana", "memblock=banana", "initrdmem=banana", "initrd=0x48000000",
                  "earlycon=banana", "earlycon=pl011,banana", "loglevel=banana"):
        key = word_.split("=")[0]
        yield Test("parameter-" + word_.replace("/", "_"), dts(bootargs=word_), (0,), re.escape(key), memory=[(G, G)])
    yield Test("bootargs-without-end", compile_tree(dts(bootargs="AAAA")).replace(b"AAAA\0", b"AAAAA", 1), (0, 1),
               r"(?i)bootargs|command line|device tree")
    yield Test("bootargs-4096-bytes", dts(bootargs="x" * 4096), (0,), r"(?i)command line|bootargs|truncat|long", memory=[(G, G)])
    yield Test("bootargs-quote-open", dts(bootargs="mem=\\\"512M"), (0,), "")


def options():
    for name, argv in (("unknown-option", ["--banana"]), ("mem-word", ["--mem", "banana"]), ("mem-0-option", ["--mem", "0"]),
                       ("cpus-0", ["--cpus", "0"]), ("cpus-word", ["--cpus", "many"]), ("granule-5k", ["--granule", "5k"]),
                       ("va-bits-51", ["--va-bits", "51"]), ("va-bits-word", ["--va-bits", "x"]),
                       ("cpu-unknown", ["--cpu", "z80"]), ("kernel-at-word", ["--kernel-at", "here"]),
                       ("kernel-at-no-size", ["--kernel-at", "0x40200000"]), ("dtb-at-word", ["--dtb-at", "x"]),
                       ("option-without-value", ["--dtb-at"]), ("initrd-unreadable", ["--initrd", "/nonexistent/initrd"]),
                       ("kernel-unreadable", ["--kernel", "/nonexistent/Image"]),
                       ("va-bits-47-with-64k", ["--granule", "64k", "--va-bits", "39"]),
                       ("managed-word", ["--managed", "banana"])):
        yield Test("option-" + name, dts(), (2,), re.escape(argv[0].lstrip("-")), argv)
    yield Test("two-trees", dts(), (2,), "", ["/nonexistent/other.dtb"])


def groups():
    for g in (corrupt_trees, memory_nodes, cells, reservations, places, parameters, options):
        for t in g():
            yield g.__name__, t


SANITIZER = re.compile(rb"AddressSanitizer|runtime error:|LeakSanitizer|UndefinedBehaviorSanitizer")


def verdict(test, quire, path):
    """None when all is well, else what was wrong."""
    argv = [quire, test.verb]
    if test.tree is not None:
        argv.append(path)
    argv += test.options
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0:abort_on_error=0", UBSAN_OPTIONS="print_stacktrace=1")
    try:
        p = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, env=env)
    except subprocess.TimeoutExpired:
        return "no end after %d s" % SECONDS
    text = p.stdout + p.stderr
    if SANITIZER.search(text):
        return "a sanitizer's report:\n" + text.decode(errors="replace")[-3000:]
    out = text.decode(errors="replace")
    tail = " | ".join(out.strip().splitlines()[-3:])
    if p.returncode not in test.codes:
        return "exit code %d, expected %s: %s" % (p.returncode, " or ".join(map(str, test.codes)), tail)
    if p.returncode and not out.strip():
        return "exit code %d without a word" % p.returncode
    for pattern in test.patterns:
        # The tree's path and the echoed command line are not messages.
        said = "\n".join(x for x in out.splitlines() if not re.search(r"Kernel command line:|Unknown kernel command", x))
        if not re.search(pattern, said):
            return "no message matches %r; the last lines: %s" % (pattern, tail)
    if test.memory is not None and p.returncode == 0:
        q = subprocess.run(argv + ["--json"], stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, env=env)
        try:
            memory = [(int(m["base"], 16), int(m["size"], 16)) for m in json.loads(q.stdout)["memory"]
                      if "NOMAP" not in m["flags"]]
        except (ValueError, KeyError) as e:
            return "--json: %r" % e
        if isinstance(test.memory, int):
            if len(memory) != test.memory:
                return "%d memory regions, expected %d" % (len(memory), test.memory)
        elif memory != test.memory:
            return "memory %s, expected %s" % (memory, test.memory)
    return None


# ---------------------------------------------------------------------- the board


def board(build, work):
    """(name, wrong or None, or "skip") for a few of them in QEMU."""
    image = os.path.join(build, "arm64", "quire.img")
    good = compile_tree(dts(bootargs="earlycon=pl011,0x9000000 quire.semihosting"))
    no_memory = compile_tree(dts(memory="", bootargs="earlycon=pl011,0x9000000 quire.semihosting"))
    # The loader puts image and tree; a stub of three instructions gives x0 and jumps, as a boot loader would.
    cases = [("no-tree", None, 0, r""),
             ("corrupt-tree", word(good, MAGIC, 0x12345678), 0x48000000, r""),
             ("corrupt-struct", in_struct(good, 0, 0x77), 0x48000000, r""),
             ("misaligned-tree", good, 0x48000004, r""),
             ("tree-over-2M", word(good, TOTALSIZE, 3 << 20), 0x48000000, r""),
             ("no-memory-node", no_memory, 0x48000000, r"(?i)memory"),
             ("good-tree", good, 0x48000000, r"")]
    for name, tree, at, pattern in cases:
        stub = os.path.join(work, "stub.bin")
        with open(stub, "wb") as f:
            f.write(stub_code(at, 0x40200000))
        argv = ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72", "-m", "1G", "-display", "none", "-no-reboot",
                "-nodefaults", "-serial", "stdio", "-semihosting-config", "enable=on,target=native",
                "-device", "loader,file=%s,addr=0x40200000,force-raw=on" % image,
                "-device", "loader,file=%s,addr=0x40100000,force-raw=on" % stub,
                "-device", "loader,addr=0x40100000,cpu-num=0"]
        if tree is not None:
            path = os.path.join(work, "board.dtb")
            with open(path, "wb") as f:
                f.write(tree)
            argv += ["-device", "loader,file=%s,addr=%#x,force-raw=on" % (path, at)]
        try:
            p = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
            out, code = (p.stdout + p.stderr).decode(errors="replace"), p.returncode
        except subprocess.TimeoutExpired as e:
            out = ((e.stdout or b"") + (e.stderr or b"")).decode(errors="replace")
            yield name, "the machine stands still; it said: %s" % " | ".join(out.strip().splitlines()[-3:])
            continue
        tail = " | ".join(out.strip().splitlines()[-3:])
        if name == "good-tree":
            yield name, None if code == 0 else "exit code %d: %s" % (code, tail)
        elif code == 0:
            yield name, "exit code 0: %s" % tail
        elif not out.strip():
            yield name, "exit code %d without a word" % code
        elif not re.search(pattern, out):
            yield name, "no message matches %r: %s" % (pattern, tail)
        else:
            yield name, None


def stub_code(x0, pc):
    """movz/movk x0, the tree; x1 to x3 zero; movz/movk x4, the image; br x4."""
    def mov(reg, value):
        return [0xd2800000 | (value & 0xffff) << 5 | reg, 0xf2a00000 | (value >> 16 & 0xffff) << 5 | reg]
    code = mov(0, x0) + [0xd2800001, 0xd2800002, 0xd2800003] + mov(4, pc) + [0xd61f0080]
    return struct.pack("<%dI" % len(code), *code)


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--build", default=os.path.join(ROOT, "build"))
    ap.add_argument("--quire")
    ap.add_argument("--no-board", action="store_true")
    ap.add_argument("names", nargs="*")
    args = ap.parse_args()
    quire = args.quire or os.path.join(args.build, "asan", "quire")
    if not os.path.exists(quire):
        quire = os.path.join(args.build, "quire")
    passed = failed = 0
    with tempfile.TemporaryDirectory() as work:
        for group, test in groups():
            if args.names and test.name not in args.names:
                continue
            path = os.path.join(work, test.name.replace("/", "_") + ".dtb")
            if test.tree is not None:
                tree = test.tree if isinstance(test.tree, bytes) else compile_tree(test.tree)
                with open(path, "wb") as f:
                    f.write(tree)
            try:
                wrong = verdict(test, quire, path)
            except subprocess.TimeoutExpired:
                wrong = "no end after %d s (--json)" % SECONDS
            passed, failed = passed + (wrong is None), failed + (wrong is not None)
            print("%-4s %s: %s%s" % ("ok" if wrong is None else "FAIL", group.replace("_", " "), test.name,
                                     "" if wrong is None else "\n       " + wrong), flush=True)
        if not args.no_board and not args.names:
            for name, wrong in board(args.build, work):
                passed, failed = passed + (wrong is None), failed + (wrong is not None)
                print("%-4s board: %s%s" % ("ok" if wrong is None else "FAIL", name,
                                            "" if wrong is None else "\n       " + wrong), flush=True)
    print("bad: %d passed, %d failed (%s)" % (passed, failed, os.path.relpath(quire)))
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
