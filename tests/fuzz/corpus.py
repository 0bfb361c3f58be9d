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
            f.write(bytes([1, 0, 0, 1 if n % 2 else 0]) + tree)
        n += 1
    print("%d seeds in %s" % (n, out))


if __name__ == "__main__":
    main()
