#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The judge of predictions can find one guilty: each comparison of score.py must fail when what quire says is changed.

usage: test_score.py QUIRE

This program stands in for quire (called with PERTURB set): it runs the real one and changes one thing in what that
prints. The score of the case must then name exactly the comparison that is meant to see it.
"""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def plus(item, key, n):
    item[key] = hex(int(item[key], 16) + n) if isinstance(item[key], str) else item[key] + n


CHANGES = {
    # name: (case, comparison, change of the document)
    "a caller": ("A-mem-256M", "events", lambda d: d["events"][5].update(caller="nobody")),
    "the order": ("A-mem-256M", "events", lambda d: d["events"].insert(3, d["events"].pop(5))),
    "an event less": ("A-mem-256M", "events", lambda d: d["events"].pop()),
    "an event more": ("A-mem-256M", "events", lambda d: d["events"].append(d["events"][0])),
    "a request's result": ("A-mem-256M", "events", lambda d: plus(next(e for e in d["events"] if "result" in e), "result", 4096)),
    "memory's node": ("A-mem-256M", "memory", lambda d: plus(d["memory"][0], "nid", 1)),
    "a reservation's end": ("A-mem-256M", "reserved", lambda d: plus(d["reserved"][3], "size", 1)),
    "a reservation's flags": ("A-mem-256M", "reserved", lambda d: plus(d["reserved"][3], "flags", 4)),
    "the last reservation": ("A-mem-256M", "final", lambda d: d["final_reserved"].pop()),
    "the node's data": ("A-mem-256M", "node_data", lambda d: plus(d["nodes"][0], "data", 64)),
    "the CMA area": ("A-mem-256M", "cma", lambda d: plus(d["cma"][0], "base", 1 << 21)),
    "the crash kernel": ("D-crash-256M", "crashkernel", lambda d: plus(d["crashkernel"], "base", 1 << 21)),
    "the per-CPU unit": ("A-mem-256M", "percpu", lambda d: plus(d["percpu"], "unit", 4096)),
    "all pages": ("A-mem-256M", "zonelists", lambda d: plus(d, "total_pages", 1)),
    "the order of nodes": ("C-numa-2x1G", "fallback", lambda d: d["nodes"][0]["fallback"].reverse()),
    "a distance": ("C-numa-2x1G", "distance", lambda d: d["nodes"][0].update(distance=[10, 21])),
    "bounce buffers": ("A-mem-256M", "swiotlb", lambda d: plus(d["swiotlb"], "base", 4096)),
    "a hash table": ("A-mem-256M", "hash", lambda d: plus(d["hash_tables"][0], "entries", 1)),
    "a zone's start": ("A-mem-256M", "zones", lambda d: plus(d["zones"][0], "start_pfn", 1)),
    "a zone's pages": ("A-mem-256M", "zones", lambda d: plus(d["zones"][0], "present", 1)),
    "managed pages": ("A-mem-256M", "managed", lambda d: plus(d["zones"][0], "managed", d["zones"][0]["managed"] // 900)),
    "kernel code": ("A-mem-256M", "memory_line", lambda d: plus(d["memory_line"], "kernel_code_k", 1)),
    "free memory": ("A-mem-256M", "memory_line", lambda d: plus(d["memory_line"], "available_k", 700)),
    "a watermark": ("A-mem-256M", "watermarks", lambda d: plus(d["zones"][0], "low", 1)),
    "a batch": ("A-mem-256M", "watermarks", lambda d: plus(d["zones"][0], "batch", 1)),
    "a panic": ("E-nomap-600", "panic", lambda d: d.update(panic="another")),
}


def stand_in(name):
    p = subprocess.run([os.environ["REAL_QUIRE"]] + sys.argv[1:], capture_output=True)
    doc = json.loads(p.stdout)
    # Watermarks are judged in runs of their own.
    if (CHANGES[name][1] == "watermarks") == any(a.startswith("--managed") for a in sys.argv):
        CHANGES[name][2](doc)
    json.dump(doc, sys.stdout)
    sys.exit(p.returncode)


def main():
    quire = os.path.abspath(sys.argv[1])
    passed = failed = 0
    for name, (case, kind, _) in CHANGES.items():
        env = dict(os.environ, PERTURB=name, REAL_QUIRE=quire)
        p = subprocess.run([sys.executable, os.path.join(HERE, "score.py"), "--quire", os.path.abspath(__file__), case],
                           capture_output=True, text=True, env=env)
        named = {line.split()[0] for line in p.stdout.splitlines() if line.startswith("        ")}
        if p.returncode == 1 and named == {kind}:
            passed += 1
        else:
            failed += 1
            print("FAIL %s changed in %s: exit code %d, named %s\n%s" % (name, case, p.returncode, named, p.stdout + p.stderr))
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as f:
        f.write("A-mem-256M: swiotlb # a disagreement that is none\n")
        f.flush()
        p = subprocess.run([sys.executable, os.path.join(HERE, "score.py"), "--quire", quire, "--known", f.name, "A-mem-256M"],
                           capture_output=True, text=True)
        if p.returncode == 1 and "names it" in p.stdout:
            passed += 1
        else:
            failed += 1
            print("FAIL a known disagreement that is gone: exit code %d\n%s" % (p.returncode, p.stdout))
    print("judge: %d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    if os.environ.get("PERTURB"):
        stand_in(os.environ["PERTURB"])
    main()
