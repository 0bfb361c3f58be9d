#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write the measured tables into docs/performance.md: tables.py DIR DOCUMENT

DIR holds what bench/run_bench.sh left. A table stands between the lines `<!-- table: NAME -->` and `<!-- end -->`;
one whose figures are not there is left as it is.
"""
import os
import re
import sys

SIZES = ["512M", "1G", "4G", "16G", "64G", "1T"]

# Linux 6.12, lean build, cortex-a57, reset to mm_core_init done.
LINUX_FULL = {"512M": 12563275, "1G": 15359430, "4G": 79815098, "16G": 146468438, "64G": 413079759}
LINUX_OFF = {"512M": 10055462, "1G": 10302432, "4G": 59345233, "16G": 64391911, "64G": 84576945}
GOALS = {"1G": 1000000, "64G": 1500000, "1T": 1500000}


def rows(path):
    """Fields of each line; none when the file is not there."""
    if not os.path.exists(path):
        return []
    with open(path) as f:
        return [line.rstrip("\n").split("\t") for line in f if line.strip()]


def thousands(n):
    return "{:,}".format(int(n))


def markdown(head, body, left=1):
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * left + "---:|" * (len(head) - left)]
    out += ["| " + " | ".join(line) + " |" for line in body]
    return "\n".join(out)


def boot_table(folder):
    """Phases by size: a phase is the time from one step to the next."""
    phases, order, totals = {}, [], {}
    for size in SIZES:
        for name, ticks, at in rows(os.path.join(folder, "boot-%s.tsv" % size)):
            if name not in order:
                order.append(name)
            phases[name, size] = phases.get((name, size), 0) + int(ticks)
            totals[size] = int(at)
    if not totals:
        return None
    sizes = [s for s in SIZES if s in totals]
    # Small phases are one line: the table is to show where the instructions go.
    floor = max(totals.values()) // 200
    large = [n for n in order if max(phases.get((n, s), 0) for s in sizes) >= floor]
    body = [["`%s`" % n if n != "reset" else "reset to `start_kernel`"] + [thousands(phases.get((n, s), 0)) for s in sizes]
            for n in large]
    body.append(["the rest"] + [thousands(totals[s] - sum(phases.get((n, s), 0) for n in large)) for s in sizes])
    body.append(["**reset to buddy ready**"] + ["**%s**" % thousands(totals[s]) for s in sizes])
    body.append(["goal"] + [thousands(GOALS[s]) if s in GOALS else "" for s in sizes])
    body.append(["Linux, `rodata=full`"] + [thousands(LINUX_FULL[s]) if s in LINUX_FULL else "" for s in sizes])
    body.append(["Linux, `rodata=off`"] + [thousands(LINUX_OFF[s]) if s in LINUX_OFF else "" for s in sizes])
    return markdown(["phase"] + sizes, body)


# Linux 6.12's instructions for the same operation (lean, neoverse-n1), and the goal.
LINUX_OPS = {
    "alloc_pages o0 hot": 269, "free_pages o0 hot": 191, "alloc_pages o1 hot": 315, "free_pages o1 hot": 220,
    "alloc_pages o2 hot": 312, "free_pages o2 hot": 236, "alloc_pages o3 hot": 336, "free_pages o3 hot": 268,
    "alloc_pages o4 hot": 401, "free_pages o4 hot": 482, "alloc_pages o9 hot": 314, "free_pages o9 hot": 4295,
    "alloc_pages o10 hot": 337, "free_pages o10 hot": 8722, "alloc_pages o0 batch1024": 272,
    "free_pages o0 batch1024": 193, "alloc_pages o3 batch256": 471.2, "free_pages o3 batch256": 568.2,
    "alloc_pages_zero o0 hot": 553, "free_pages_zero o0 hot": 191, "alloc_pages_zero o1 hot": 865,
    "free_pages_zero o1 hot": 220, "alloc_pages_zero o2 hot": 1403, "free_pages_zero o2 hot": 236,
    "alloc_pages_zero o3 hot": 2479, "free_pages_zero o3 hot": 268, "alloc_pages_bulk n16": 97.5,
    "free after bulk n16": 193.3, "alloc_pages_bulk n64": 91.8, "free after bulk n64": 193,
    "alloc_pages_bulk n512": 90.2, "free after bulk n512": 193,
    "memblock_reserve_random_100": 673, "memblock_reserve_random_1000": 6319, "memblock_reserve_random_10000": 58748,
    "memblock_alloc64_after_100": 2606, "memblock_alloc64_after_1000": 20588, "memblock_alloc64_after_10000": 200710,
    "memblock_is_reserved_100": 85, "memblock_is_reserved_1000": 124, "memblock_is_reserved_10000": 164,
    "memblock_alloc_failing_scan_100": 11254, "memblock_alloc_failing_scan_1000": 109291,
    "memblock_alloc_failing_scan_10000": 1090990,
    "memblock_free_range_walk_100": 98, "memblock_free_range_walk_1000": 97, "memblock_free_range_walk_10000": 97,
    "memblock_free_random_100": 457, "memblock_free_random_1000": 3369, "memblock_free_random_10000": 32676,
    "memblock_add_random_100": 686, "memblock_add_random_1000": 6139, "memblock_add_random_10000": 58719,
    "memblock_add_ascending_100": 995, "memblock_add_ascending_1000": 10242, "memblock_add_ascending_10000": 100336,
}
GOAL_OPS = {
    "order-0 pair, hot": 120, "alloc_pages_bulk n512": 30, "memblock_reserve_random_10000": 3000,
    "memblock_alloc64_after_10000": 3000,
}


def ops_table(folder):
    lines = rows(os.path.join(folder, "ops.tsv"))
    if not lines:
        return None
    body = []
    each = {name: float(e) for name, _, _, e in lines}
    if "alloc_pages o0 hot" in each:
        pair = "order-0 pair, hot"
        LINUX_OPS[pair] = 460
        lines.insert(0, [pair, lines[0][1], "", each["alloc_pages o0 hot"] + each["free_pages o0 hot"]])
    for name, ops, _, each in lines:
        linux, goal = LINUX_OPS.get(name), GOAL_OPS.get(name)
        body.append(["`%s`" % name, thousands(ops), "{:,.1f}".format(float(each)),
                     "{:,}".format(linux) if linux else "", thousands(goal) if goal else ""])
    return markdown(["operation", "operations", "instructions each", "Linux", "goal"], body)


def host_table(folder):
    lines = rows(os.path.join(folder, "host.tsv"))
    if not lines:
        return None
    return markdown(["operation", "threads", "ns each", "million a second"],
                    [[name, threads, each, rate] for name, threads, each, rate in lines])


TABLES = {"boot": boot_table, "operations": ops_table, "host": host_table}


def main():
    folder, document = sys.argv[1:3]
    with open(document) as f:
        text = f.read()
    for name, make in TABLES.items():
        table = make(folder)
        if table is None:
            print("tables.py: nothing measured for %s" % name)
            continue
        pattern = r"(<!-- table: %s -->\n).*?(<!-- end -->)" % name
        if not re.search(pattern, text, re.S):
            sys.exit("tables.py: %s has no table %s" % (document, name))
        text = re.sub(pattern, lambda m: m[1] + table + "\n" + m[2], text, flags=re.S)
    with open(document, "w") as f:
        f.write(text)


if __name__ == "__main__":
    main()
