#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Seed corpus of fuzz_dtb from real trees: corpus.py OUTDIR

The trees of the recorded boots, without the zeros that QEMU pads its own with, each after the four bytes that choose
the machine (tests/fuzz/fuzz_dtb.c): a Cortex-A72 with 48 bits of VA, image and tree where QEMU puts them.
"""
import gzip
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(os.path.dirname(HERE), "oracle", "cases")
LARGEST = 48 << 10


def compact(tree):
    """The tree without padding: blocks end where the header says."""
    h = list(struct.unpack_from(">10I", tree))
    rsv = h[4]
    while any(tree[rsv:rsv + 16]):
        rsv += 16
    end = max(h[2] + h[9], h[3] + h[8], rsv + 16)
    h[1] = end
    return struct.pack(">10I", *h) + tree[40:end]


def kernel_files():
    """One small file of each kind that quire profile --from reads."""
    names = b"\0page\0pglist_data\0device_node\0"
    types = b"".join(struct.pack("<III", 1 + 5 * (i % 2), 4 << 24, 64 + i) for i in range(400))
    btf = struct.pack("<HBBIIIII", 0xeb9f, 1, 0, 24, 0, len(types), len(types), len(names)) + types + names
    header = bytearray(64)
    header[16:24] = struct.pack("<Q", 0x2230000)
    header[56:60] = b"ARM\x64"
    symbols = [b"_text", b"_end", b"__per_cpu_start"]
    strings = b"\0" + b"\0".join(symbols) + b"\0"
    table = bytes(24) + b"".join(struct.pack("<IBBHQQ", strings.index(s), 0, 0, 1, 0xffff800080000000 + 65536 * i, 0)
                                 for i, s in enumerate(symbols))
    elf = bytearray(64)
    elf[:6] = b"\x7fELF\x02\x01"
    elf[40:48] = struct.pack("<Q", 64 + len(table) + len(strings))
    elf[60:62] = struct.pack("<H", 2)
    sections = struct.pack("<IIQQQQIIQQ", 0, 2, 0, 0, 64, len(table), 1, 0, 8, 24)
    sections += struct.pack("<IIQQQQIIQQ", 0, 3, 0, 0, 64 + len(table), len(strings), 0, 0, 1, 0)
    yield "image", bytes(header) + btf
    yield "elf", bytes(elf) + table + strings + sections
    yield "map", b"ffff800080000000 T _text\nffff800080010000 T _stext\nffff800082230000 B _end\n" * 2
    yield "config", b"# Linux/arm64 6.12.1 Kernel Configuration\nCONFIG_ARM64_4K_PAGES=y\n# CONFIG_KFENCE is not set\nCONFIG_NR_CPUS=512\n"
    yield "log", (b"Linux version 6.12.1 (x)\nmemblock_reserve: [0x0000000040200000-0x000000004242ffff] arm64_memblock_init+0x1/0x2\n"
                  b"NODE_DATA(0) allocated [mem 0x7fdfbd40-0x7fdff47f]\npercpu: Embedded 34 pages/cpu s99672 r8192\n")


def profiles(out):
    os.makedirs(out, exist_ok=True)
    folder = os.path.join(os.path.dirname(CASES), "..", "..", "profiles")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as f, open(os.path.join(out, name), "wb") as seed:
            seed.write(b"\0" + f.read())
    for name, data in kernel_files():
        with open(os.path.join(out, name), "wb") as seed:
            seed.write(b"\1" + data)


def main():
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    n = 0
    for name in sorted(os.listdir(CASES)):
        if not name.endswith(".dtb.gz"):
            continue
        with gzip.open(os.path.join(CASES, name)) as f:
            tree = compact(f.read())
        if len(tree) > LARGEST:
            continue
        with open(os.path.join(out, name[:-7]), "wb") as f:
            f.write(bytes([1, 0x60 if n % 4 == 3 else 0, 0, 1 if n % 2 else 0]) + tree)
        n += 1
    print("%d seeds in %s" % (n, out))
    if len(sys.argv) > 2:
        profiles(sys.argv[2])


if __name__ == "__main__":
    main()
