#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write the measured tables into docs/performance.md: tables.py DIR DOCUMENT

DIR holds what bench/run_bench.sh left. A table stands between the lines `<!-- table: NAME -->` and `<!-- end -->`;
one whose figures are not there is left as it is.

tables.py --check DIR says what of DIR/ops.tsv, DIR/boot-check.tsv and DIR/el0.tsv is beyond its goal.
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


# Linux 6.12's instructions for the same operation (lean build, neoverse-n1): bench/linux-6.12-ops.tsv, and memblock here.
LINUX_MEMBLOCK = {
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
    "alloc_pages_bulk n512": 30, "memblock_reserve_random_10000": 3000, "memblock_alloc64_after_10000": 3000,
    "cma_alloc 1 pages": 2000, "cma_alloc 256 pages": 20000,
}
# Pairs with a goal of their own: name, the two rows, Linux's sum where it was given so, goal.
PAIRS = [
    ("order-0 pair, hot", "alloc_pages o0 hot", "free_pages o0 hot", 120),
    ("order-3 pair, hot", "alloc_pages o3 hot", "free_pages o3 hot", 200),
] + [("kmalloc + kfree %d, hot" % n, "kmalloc %d hot" % n, "kfree %d hot" % n, 60) for n in (16, 64, 256, 1024, 4096, 8192)] + [
    ("kmalloc + kfree %d, batch" % n, "kmalloc %d batch1000" % n, "kfree %d batch1000" % n, 80) for n in (16, 64, 256, 1024, 4096)] + [
    ("kmem_cache 192 bulk, a pair", "kmem_cache_alloc_bulk 192 x64", "kmem_cache_free_bulk 192 x64", 40),
    ("vmalloc + vfree, 16 pages", "vmalloc 16 pages", "vfree 16 pages", 2500),
    ("alloc_percpu + free_percpu 8, hot", "alloc_percpu 8 hot", "free_percpu 8 hot", 200),
    ("alloc_percpu + free_percpu 64, hot", "alloc_percpu 64 hot", "free_percpu 64 hot", 200),
]
# Rows that are beyond half of Linux's, and pairs beyond their goal: how far they may be. Why: docs/performance.md.
BEYOND = {
    "local_flush_tlb_all": 4,
}
GROUPS = [
    ("pages", r"alloc_pages|free_pages|free after bulk"),
    ("kernel objects", r"k(z|m)alloc|kfree|kmem_cache"),
    ("virtual areas", r"v(m)?alloc|vfree|vmap|vunmap|vm_"),
    ("per-CPU memory", r"(alloc|free)_percpu"),
    ("contiguous memory", r"cma_"),
    ("memblock", r"memblock_"),
    ("the machine", r""),
]


def linux_ops():
    """A row with two figures, the fast and the slow way, counts by the smaller: the stricter."""
    each = {}
    for name, value in rows(os.path.join(os.path.dirname(__file__), "linux-6.12-ops.tsv"))[1:]:
        each[name] = min(float(v) for v in value.split("/"))
    each.update(LINUX_MEMBLOCK)
    return each


def number(n):
    return "{:,.1f}".format(n).removesuffix(".0")


def row_goal(name, linux):
    """The most instructions that a row may take; None: there is no goal."""
    theirs = linux.get(name)
    return GOAL_OPS.get(name, theirs / 2 if theirs and not name.startswith("memblock_") else None)


def check(folder):
    """The goals, each as passed or failed; the last line counts. A goal of which nothing was measured failed."""
    each = {line[0]: float(line[3]) for line in rows(os.path.join(folder, "ops.tsv"))}
    linux, goals, passed, failed = linux_ops(), [], 0, 0
    for name, one, two, goal in PAIRS:
        goals.append((name, each[one] + each[two] if one in each and two in each else None, goal))
    for name in sorted(set(linux) | set(GOAL_OPS)):
        if row_goal(name, linux):
            goals.append((name, each.get(name), row_goal(name, linux)))
    boot = rows(os.path.join(folder, "boot-check.tsv"))
    goals.append(("boot, 1 GiB, to buddy ready", int(boot[-1][2]) if boot else None, GOALS["1G"]))
    goals = [(name, ours, max(goal, BEYOND.get(name, 0))) for name, ours, goal in goals] + list(el0_goals(folder))
    for name, ours, limit in goals:
        if ours is not None and ours <= limit:
            passed += 1
            continue
        failed += 1
        print("FAIL %s: %s instructions, at most %s allowed" %
              (name, "no" if ours is None else number(ours), number(limit)))
    print("%d passed, %d failed" % (passed, failed))
    return failed == 0


def pairs_table(folder):
    each = {line[0]: float(line[3]) for line in rows(os.path.join(folder, "ops.tsv"))}
    linux, body = linux_ops(), []
    for name, one, two, goal in PAIRS:
        if one in each and two in each:
            ours, theirs = each[one] + each[two], linux[one] + linux[two]
            body.append([name, number(ours), number(theirs), "{:.2f}".format(ours / theirs), number(goal),
                         "" if ours <= goal else "**no**"])
    return markdown(["pair", "Quire", "Linux", "ratio", "goal", "reached"], body) if body else None


def ops_table(folder):
    lines = rows(os.path.join(folder, "ops.tsv"))
    if not lines:
        return None
    linux, left, out = linux_ops(), lines, []
    for title, pattern in GROUPS:
        mine = [line for line in left if re.match(pattern, line[0])]
        left = [line for line in left if line not in mine]
        body = []
        for name, _, _, value in mine:
            ours, theirs = float(value), linux.get(name)
            goal = row_goal(name, linux)
            body.append(["`%s`" % name, number(ours), number(theirs) if theirs else "",
                         "{:.2f}".format(ours / theirs) if theirs else "", number(goal) if goal else "",
                         "**no**" if goal and ours > goal else ""])
        if body:
            out.append("**%s**\n\n" % (title[0].upper() + title[1:]) +
                       markdown(["operation", "Quire", "Linux", "ratio", "goal", "reached"], body))
    missing = sorted(set(linux) - {line[0] for line in lines})
    if missing:
        out.append("Not measured here: " + ", ".join("`%s`" % m for m in missing) + ".")
    return "\n\n".join(out)


def least_and_median(samples):
    """Of several runs: the least of the least, the median of the medians."""
    return min(s[0] for s in samples), sorted(s[1] for s in samples)[len(samples) // 2]


def host_rows(folder):
    """{operation: {threads: (least, median)}}, pages and Quire's kmalloc."""
    samples, lines = {}, rows(os.path.join(folder, "host.tsv"))
    lines += [["kmalloc " + line[1]] + line[2:] for line in rows(os.path.join(folder, "host_slab.tsv")) if line[0] == "quire"]
    for what, threads, least, median in lines:
        samples.setdefault(what, {}).setdefault(threads, []).append((float(least), float(median)))
    return {what: {t: least_and_median(s) for t, s in by.items()} for what, by in samples.items()}


def host_table(folder):
    body = []
    for what, by in host_rows(folder).items():
        if "1" in by and "2" in by:
            times = 2 * by["1"][0] / by["2"][0]
            body.append([what, "%.2f (%.1f)" % by["1"], "%.2f (%.1f)" % by["2"], "%.2f" % times, "" if times >= 1.9 else "**no**"])
    return markdown(["ns each, least (median)", "one thread", "two threads", "times as many a second", "1.9 reached"],
                    body) if body else None


def host_slab_table(folder):
    """A row an operation, a column an allocator."""
    names, samples = [], {}
    for name, what, threads, least, median in rows(os.path.join(folder, "host_slab.tsv")):
        if name not in names:
            names.append(name)
        samples.setdefault((what, threads), {}).setdefault(name, []).append((float(least), float(median)))
    if not samples:
        return None
    body = []
    for (what, threads), by in samples.items():
        cells = {n: least_and_median(s) for n, s in by.items()}
        best = min(c[0] for n, c in cells.items() if n != "quire") if len(cells) > 1 else None
        body.append([what, threads] + ["%.2f (%.1f)" % cells[n] if n in cells else "" for n in names] +
                    ["**no**" if best is not None and cells["quire"][0] > best else ""])
    return markdown(["ns a pair, least (median)", "threads"] + names + ["reached"], body)


# Goals of their own of what a program sees; the others are half of Linux's.
GOAL_EL0 = {"getpid": 120, "anon_write_fault": 600, "anon_read_fault_zeropage": 350, "cow_fault_copy": 900, "cow_fault_reuse": 400,
            "munmap_populated_4M_per_page": 100}
# What rows add up to, or come to for each page: name, what it is of the rows, goal.
GOAL_EL0_SUMS = [
    ("munmap of populated memory, a page", lambda r: r("munmap_populated_4M_per_page"), 100),
    ("mprotect of 1 MiB to read-only, an entry", lambda r: r("mprotect_1M_populated_to_ro") / 256, 15),
    ("mprotect of 1 MiB to writable, an entry", lambda r: r("mprotect_1M_populated_to_rw") / 256, 15),
    ("fork, exit, wait, a resident page of 1 MiB", lambda r: (r("fork_exit_wait_1M") - r("fork_exit_wait_0M")) / 256, 40),
    ("fork, exit, wait, a resident page of 64 MiB", lambda r: (r("fork_exit_wait_64M") - r("fork_exit_wait_0M")) / 16384, 40),
    ("mremap of 16 MiB unaligned, an entry", lambda r: r("mremap_16M_populated_unaligned") / 4096, 25),
    ("mmap and munmap of a page", lambda r: r("mmap_1page") + r("munmap_1page"), 1600),
    ("a page mapped, touched, unmapped among 16,000 areas, as often as alone",
     lambda r: r("mmap_touch_munmap_16000vmas") / r("mmap_touch_munmap_1page"), 1.25),
]
# Rows that are beyond their goal: how far they may be. Why: docs/performance.md.
BEYOND_EL0 = {"file_read_fault_stride4K": 4, "thp_2M_second_touch": 2}


def el0_rows(folder):
    """(Quire's rows, Linux's)."""
    each = {line[0]: float(line[1]) for line in rows(os.path.join(folder, "el0.tsv"))}
    linux = {name: min(float(v) for v in value.split("/"))
             for name, value in rows(os.path.join(os.path.dirname(__file__), "linux-6.12-el0.tsv"))[1:]}
    # Where the second half of a huge page faults too, there was none.
    if each.get("thp_2M_second_touch", 0) > 100:
        del each["thp_2M_write_fault"], each["thp_2M_second_touch"]
    return each, linux


def groups_table(folder):
    """None: not measured."""
    ours = {line[0]: float(line[1]) for line in rows(os.path.join(folder, "groups.tsv"))}
    linux = [(name, float(value)) for name, value in rows(os.path.join(os.path.dirname(__file__), "linux-6.12-groups.tsv"))[1:]]
    body = [["`%s`" % name, number(ours[name]), number(theirs), "{:.2f}".format(ours[name] / theirs), number(theirs / 2),
             "" if ours[name] <= theirs / 2 else "**no**"] for name, theirs in linux if name in ours]
    return markdown(["operation", "Quire", "Linux", "ratio", "goal", "reached"], body) if body else None


def el0_sum(compute, each):
    """None where a row was not measured."""
    try:
        return compute(lambda name: each[name])
    except KeyError:
        return None


def el0_table(folder):
    each, linux = el0_rows(folder)
    body = []
    for name, theirs in linux.items():
        if name == "touch_populated_page" or name not in each:
            continue
        goal = GOAL_EL0.get(name, theirs / 2)
        body.append(["`%s`" % name, number(each[name]), number(theirs), "{:.2f}".format(each[name] / theirs), number(goal),
                     "" if each[name] <= goal else "**no**"])
    missing = [name for name in linux if name not in each]
    if not body:
        return None
    return markdown(["operation", "Quire", "Linux", "ratio", "goal", "reached"], body) + (
        "\n\nNot there yet: " + ", ".join("`%s`" % m for m in missing) + "." if missing else "")


def small(n):
    return "{:,.2f}".format(n).rstrip("0").rstrip(".")


def el0_sums_table(folder):
    each, linux = el0_rows(folder)
    body = []
    for name, compute, goal in GOAL_EL0_SUMS:
        ours, theirs = el0_sum(compute, each), el0_sum(compute, linux)
        if ours is not None:
            body.append([name, small(ours), small(theirs), small(goal), "" if ours <= goal else "**no**"])
    return markdown(["what", "Quire", "Linux", "goal", "reached"], body) if body else None


def el0_goals(folder):
    """(name, ours or None, limit) of every row and sum."""
    each, linux = el0_rows(folder)
    for name, theirs in linux.items():
        if name != "touch_populated_page":
            yield name, each.get(name), max(GOAL_EL0.get(name, theirs / 2), BEYOND_EL0.get(name, 0))
    for name, compute, goal in GOAL_EL0_SUMS:
        yield name, el0_sum(compute, each), max(goal, BEYOND_EL0.get(name, 0))


TABLES = {"boot": boot_table, "el0": el0_table, "groups": groups_table, "el0-sums": el0_sums_table, "pairs": pairs_table, "operations": ops_table, "host": host_table, "host-slab": host_slab_table}


def main():
    if sys.argv[1] == "--check":
        sys.exit(0 if check(sys.argv[2]) else 1)
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
