#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Device trees of big and odd boards, as blobs on stdout.

usage: boards.py KIND

  nodes64         4 TiB in 64 nodes
  high            the same, from 2^51 on
  sockets         64 nodes, the second half of them 64 TiB above the first
  regions N       64 GiB and N reservations of 64 KiB, every second no-map
  banks N         N banks of 64 MiB with holes between them

(dtc's parser takes no 10,000 nodes.)
"""
import struct
import sys


class Tree:
    """A flattened device tree, written front to back."""

    def __init__(self):
        self.body, self.names = b"", b""

    def word(self, v):
        self.body += struct.pack(">I", v)

    def padded(self, data):
        self.body += data + bytes(-len(data) % 4)

    def begin(self, name, **properties):
        self.word(1)
        self.padded(name.encode() + b"\0")
        for key, value in properties.items():
            self.put(key, value)

    def end(self):
        self.word(2)

    def put(self, name, value):
        """Text, a list of 64-bit numbers, a 32-bit number, or nothing."""
        data = (b"" if value is True else value.encode() + b"\0" if isinstance(value, str) else
                struct.pack(">%dQ" % len(value), *value) if isinstance(value, list) else struct.pack(">I", value))
        self.word(3)
        self.word(len(data))
        self.word(len(self.names))
        self.names += name.encode() + b"\0"
        self.padded(data)

    def blob(self):
        self.word(9)
        reserve, at = bytes(16), 40 + 16
        size = at + len(self.body) + len(self.names)
        return struct.pack(">10I", 0xd00dfeed, size, at, at + len(self.body), 40, 17, 16, 0, len(self.names), len(self.body)) + \
            reserve + self.body + self.names


def tree(banks, cpus, reserved=(), nodes=True):
    t = Tree()
    t.begin("", **{"#address-cells": 2, "#size-cells": 2, "compatible": "linux,dummy-virt", "model": "Big board"})
    t.begin("chosen")
    t.end()
    t.begin("cpus", **{"#address-cells": 1, "#size-cells": 0})
    for i in range(cpus):
        t.begin("cpu@%x" % i, device_type="cpu", compatible="arm,neoverse-n1", reg=i, **{"enable-method": "psci"})
        if nodes:
            t.put("numa-node-id", i % len(banks))
        t.end()
    t.end()
    for node, (base, size) in enumerate(banks):
        t.begin("memory@%x" % base, device_type="memory", reg=[base, size])
        if nodes:
            t.put("numa-node-id", node)
        t.end()
    if reserved:
        t.begin("reserved-memory", **{"#address-cells": 2, "#size-cells": 2, "ranges": True})
        for i, (base, size) in enumerate(reserved):
            t.begin("r@%x" % base, reg=[base, size])
            if i % 2 == 0:
                t.put("no-map", True)
            t.end()
        t.end()
    t.begin("psci", compatible="arm,psci-1.0", method="smc")
    t.end()
    t.end()
    return t.blob()


def main(kind, n="0"):
    each, gib = (4 << 40) // 64, 1 << 30
    if kind == "nodes64":
        return tree([(2 * gib + i * each, each) for i in range(64)], 64)
    if kind == "high":
        return tree([((1 << 51) + i * each, each) for i in range(64)], 64)
    if kind == "sockets":
        return tree([((i // 32 << 46) + 2 * gib + i % 32 * each, each) for i in range(64)], 64)
    if kind == "regions":
        return tree([(2 * gib, 64 * gib)], 4, [(4 * gib + i * 0x200000, 0x10000) for i in range(int(n))], nodes=False)
    if kind == "banks":
        return tree([(2 * gib + (i << 27), 64 << 20) for i in range(int(n))], 4, nodes=False)
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.stdout.buffer.write(main(*sys.argv[1:]))
