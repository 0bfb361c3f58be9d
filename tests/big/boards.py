#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Device trees of big and odd boards, as source on stdout.

usage: boards.py nodes64 | far | regions N

  nodes64    4 TiB in 64 nodes
  far        64 banks of 4 GiB in 64 nodes, spread over 51 bits of physical addresses
  regions N  one bank and N reservations of 64 KiB, each no-map one followed by one that is mapped
"""
import sys


def cells(v):
    return "0x%x 0x%x" % (v >> 32, v & 0xffffffff)


def tree(banks, cpus, reserved):
    out = ["/dts-v1/;", "/ {", '\t#address-cells = <2>; #size-cells = <2>; compatible = "linux,dummy-virt"; model = "Big board";',
           "\tchosen { };", "\tcpus {", "\t\t#address-cells = <1>; #size-cells = <0>;"]
    for i in range(cpus):
        out.append('\t\tcpu@%x { device_type = "cpu"; compatible = "arm,neoverse-n1"; reg = <%d>; enable-method = "psci"; numa-node-id = <%d>; };'
                   % (i, i, i % len(banks)))
    out.append("\t};")
    for node, (base, size) in enumerate(banks):
        out.append('\tmemory@%x { device_type = "memory"; numa-node-id = <%d>; reg = <%s %s>; };' % (base, node, cells(base), cells(size)))
    if reserved:
        out.append("\treserved-memory {\n\t\t#address-cells = <2>; #size-cells = <2>; ranges;")
        for i, (base, size) in enumerate(reserved):
            out.append("\t\tr@%x { reg = <%s %s>;%s };" % (base, cells(base), cells(size), "" if i % 2 else " no-map;"))
        out.append("\t};")
    out.append('\tpsci { compatible = "arm,psci-1.0"; method = "smc"; };\n};')
    return "\n".join(out)


def main(kind, n=0):
    if kind == "nodes64":
        each = (4 << 40) // 64
        return tree([(0x80000000 + i * each, each) for i in range(64)], 64, [])
    if kind == "far":
        return tree([(0x80000000 if not i else i << 45, 4 << 30) for i in range(64)], 64, [])
    if kind == "regions":
        return tree([(0x80000000, 64 << 30)], 4, [(0x100000000 + i * 0x200000, 0x10000) for i in range(int(n))])
    sys.exit(__doc__)


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
