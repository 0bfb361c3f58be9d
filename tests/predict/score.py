#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Judge `quire predict` against recorded boots of Linux, strictly: the score of every case.

usage: score.py [--quire PROGRAM] [--known FILE] [--table FILE] [--document FILE] [CASE...]

For each case of tests/predict/cases the tree of tests/oracle/cases is predicted with the profile of the recorded kernel,
and with the machine of the recorder (image, tree, CPU). Nothing may differ but where a tolerance is named:

  events     every memblock call that Linux prints, in order: function, range or request, result, caller
  memory     memblock.memory in the MEMBLOCK configuration dump: ranges, nodes, flags
  reserved   memblock.reserved there
  final      both at the end of the boot (debugfs)
  node_data, cma, crashkernel, percpu, zonelists, fallback, distance, swiotlb, hash    the lines of the log
  zones      start, spanned, present of every zone
  managed    within 0.1 %
  memory_line  total, code, rwdata, rodata, init, bss, cma exact; available and reserved within 0.1 % of total
  watermarks   min, low, high, protection, batch, given Linux's managed pages

Where Linux stopped before it printed something, that is not compared; where it panicked in memblock, quire must say that.
--known names the disagreements that are known (tests/predict/known.txt): only others count as failures, and one that is
gone has to leave the list.
"""
import argparse
import collections
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CASES = os.path.join(HERE, "cases")
ORACLE = os.path.join(ROOT, "tests", "oracle", "cases")
TIMEOUT = 120
PROFILES = {"6.12.115+deb12-cloud-arm64": "linux-6.12.115-debian-cloud", "6.12.115+deb12-arm64": "linux-6.12.115-debian",
            "6.12.117+deb12-arm64-16k": "linux-6.12.117-debian-16k", "6.1.0-56-arm64": "linux-6.1-debian"}
KINDS = ["events", "memory", "reserved", "final", "node_data", "cma", "crashkernel", "percpu", "zonelists", "fallback",
         "distance", "swiotlb", "hash", "zones", "managed", "memory_line", "watermarks", "panic"]


def num(x):
    return int(x, 0) if isinstance(x, str) else x


def hexes(r):
    return "%#x+%#x node %s flags %s" % tuple(r)


def event(e):
    """The form of tests/predict/import.py."""
    op = e["op"]
    if op.startswith("alloc") or op == "phys_alloc_range":
        numbers = [num(e["size"]), num(e["align"]), e.get("nid", "-"), num(e["from"]), num(e["max_addr"]), num(e.get("result", 0))]
    else:
        numbers = [num(e["base"]), num(e["size"])]
    return " ".join([op] + ["%#x" % n if isinstance(n, int) and n >= 0 else str(n) for n in numbers] + [e["caller"]])


def moved(e, by):
    """An event of a run, one repetition further."""
    e = dict(e)
    for key in ("base", "result"):
        if key in e:
            e[key] = num(e[key]) + by
    return e


def expanded(events):
    """Each event, the runs of equal requests written out."""
    for e in events:
        if e["op"] != "repeat":
            yield e
            continue
        for i in range(e["count"]):
            for one in e["events"]:
                yield moved(one, i * num(e["stride"]))


class Case:
    def __init__(self, quire, name, work):
        self.quire, self.name = quire, name
        with gzip.open(os.path.join(CASES, name + ".json.gz")) as f:
            self.want = json.load(f)
        # Cases made of a console log (import_log.py) have their tree and machine beside them.
        own = os.path.join(CASES, name + ".run.json")
        with open(own if os.path.exists(own) else os.path.join(ORACLE, name + ".json")) as f:
            self.oracle = json.load(f)
        if os.path.exists(own):
            self.oracle = {"run": self.oracle, "cma": {"pools": []}, "zones": []}
        self.dtb = os.path.join(work, name + ".dtb")
        with gzip.open(os.path.join(CASES if os.path.exists(own) else ORACLE, name + ".dtb.gz")) as z, open(self.dtb, "wb") as f:
            f.write(z.read())
        run = self.oracle["run"]
        self.options = ["--build", PROFILES[self.want["kernel"]], "--kernel-at", run["kernel_at"], "--cpu", run["cpu"]]
        if run.get("dtb_at"):
            self.options += ["--dtb-at", run["dtb_at"]]
        self.results = []

    def check(self, what, ok, words=""):
        self.results.append((what, bool(ok), words))

    def same(self, what, got, want):
        self.check(what, got == want, "Linux %s, quire %s" % (want, got))

    def document(self, *more):
        argv = [self.quire, "predict", self.dtb, "--json"] + self.options + list(more)
        try:
            p = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT)
            return p.returncode, json.loads(p.stdout.decode())
        except subprocess.TimeoutExpired:
            self.check("runs", False, "no end after %d s: %s" % (TIMEOUT, " ".join(argv)))
        except ValueError as e:
            self.check("runs", False, "exit code %d, not a JSON document: %s: %s (%s)" % (
                p.returncode, e, p.stderr.decode(errors="replace").strip()[-200:], " ".join(argv)))
        return 1, None

    def regions(self, what, got, want):
        got = [(num(r["base"]), num(r["size"]), None if r["nid"] < 0 else r["nid"], r["flags"]) for r in got]
        want = [tuple(r) for r in want]
        self.check(what, got == want, "only Linux: %s; only quire: %s" % (
            ", ".join(hexes(r) for r in want if r not in got)[:300], ", ".join(hexes(r) for r in got if r not in want)[:300]))

    def compare_events(self, doc):
        got, want = [event(e) for e in expanded(doc["events"])], self.want["events"]
        if not want or self.want.get("from_log_buffer"):
            return
        if self.want.get("from_parse"):
            # Only from where memblock=debug was parsed on.
            got = got[next((i for i, e in enumerate(got) if e == want[0]), 0):]
        if self.name == "B-kaslr-on":
            # Recorded without the events of the device-tree scan.
            first = next((i for i, e in enumerate(want)), 0)
            got = got[next((i for i, e in enumerate(got) if e == want[first]), 0):]
            # The address that the linear map begins with follows from a seed that is not in the record.
            got, want = ([re.sub(r"0xfff[0-9a-f]{13} ", "memstart ", e) for e in x] for x in (got, want))
        for i, (g, w) in enumerate(zip(got, want)):
            if g != w:
                return self.check("events", False, "number %d of %d: Linux '%s', quire '%s'" % (i, len(want), w, g))
        if len(got) < len(want) or (len(got) > len(want) and self.want.get("complete")):
            extra = (got + want)[min(len(got), len(want))]
            return self.check("events", False, "Linux has %d, quire %d; then '%s'" % (len(want), len(got), extra))
        self.check("events", True)

    def compare_log(self, doc):
        want = self.want
        if want.get("node_data"):
            self.same("node_data", [(n["node"], num(n["data"]), num(n["data"]) + num(n["data_size"]) - 1) for n in doc["nodes"]],
                      [(n["node"], n["base"], n["last"]) for n in want["node_data"]])
        areas = [re.match(r"cma: Reserved (\d+) MiB at (0x[0-9a-f]+)", x) for x in want.get("cma_lines", [])]
        areas = {(num(m[2]), int(m[1]) << 20) for m in areas if m}
        got = {(num(c["base"]), num(c["size"])) for c in doc["cma"]}
        if "config" in want:
            self.check("cma", areas <= got and len(got) == len(areas) + len(self.oracle["cma"]["pools"]),
                       "Linux %s and %s, quire %s" % (areas, self.oracle["cma"]["pools"], got))
        res = [re.search(r"crashkernel (low memory )?reserved: (0x[0-9a-f]+) - (0x[0-9a-f]+)", x) for x in want.get("crashkernel_lines", [])]
        res = {("low" if m[1] else "main"): (num(m[2]), num(m[3]) - num(m[2])) for m in res if m}
        c = doc["crashkernel"]
        got = {}
        if num(c["size"]):
            got["main"] = (num(c["base"]), num(c["size"]))
        if num(c["low_size"]):
            got["low"] = (num(c["low_base"]), num(c["low_size"]))
        if "config" in want:
            self.same("crashkernel", got, res)
        if doc["panic"]:
            return
        if want.get("percpu"):
            p, w = doc["percpu"], want["percpu"]
            keys = [k for k in ("pages", "static", "reserved", "dyn", "unit") if w.get(k) is not None]
            self.same("percpu", [p[k] for k in keys], [w[k] for k in keys])
        if want.get("zonelists"):
            z = want["zonelists"][0]
            self.same("zonelists", [len(doc["nodes"]), doc["mobility"], doc["total_pages"]], [z["zonelists"], z["mobility"], z["total_pages"]])
        if want.get("fallback_order"):
            self.same("fallback", [[n["node"], n["fallback"]] for n in doc["nodes"]], [[n["node"], n["order"]] for n in want["fallback_order"]])
        if want.get("numa_distance"):
            self.same("distance", {str(n["node"]): n["distance"] for n in doc["nodes"]}, want["numa_distance"])
        lines = want.get("swiotlb_lines", [])
        mapped = [re.search(r"mapped \[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\]", x) for x in lines]
        mapped = [(num(m[1]), num(m[2]) - num(m[1])) for m in mapped if m]
        if want.get("memory_line"):
            s = doc["swiotlb"]
            self.same("swiotlb", [(num(s["base"]), num(s["size"]))] if num(s["size"]) else [], mapped)
        if want.get("hash_tables"):
            keys = ("name", "entries", "order", "bytes")
            self.same("hash", [[h[k] for k in keys] + [h["kind"].split()[0]] for h in doc["hash_tables"]],
                      [[h[k] for k in keys] + [h["kind"].split()[0]] for h in want["hash_tables"]])
        if want.get("memory_line"):
            m, w = doc["memory_line"], want["memory_line"]
            bad = [k for k in w if k not in ("available_k", "reserved_k") and m[k] != w[k]]
            bad += [k for k in ("available_k", "reserved_k") if abs(m[k] - w[k]) * 1000 > w["total_k"]]
            self.check("memory_line", not bad, "; ".join("%s Linux %d, quire %d" % (k, w[k], m[k]) for k in bad))

    def compare_zones(self, doc):
        got = {(z["node"], z["zone"]): z for z in doc["zones"]}
        bad, off = [], []
        for w in self.want["zones"]:
            g = got.get((w["node"], w["zone"]))
            if g is None:
                bad.append("no zone %d:%s" % (w["node"], w["zone"]))
                continue
            bad += ["%d:%s %s Linux %d, quire %d" % (w["node"], w["zone"], k, w[k], g[k])
                    for k in ("start_pfn", "spanned", "present") if w.get(k) is not None and g[k] != w[k]]
            if abs(g["managed"] - w["managed"]) * 1000 > w["managed"]:
                off.append("%d:%s Linux %d, quire %d (%+d)" % (w["node"], w["zone"], w["managed"], g["managed"], g["managed"] - w["managed"]))
        if self.want["zones"]:
            self.check("zones", not bad, "; ".join(bad))
            self.check("managed", not off, "; ".join(off))

    def compare_watermarks(self):
        zones = self.oracle["zones"]
        if not zones:
            return
        docs = []
        for key in ("managed_then", "managed"):
            docs.append(self.document("--managed=" + ",".join("%d:%s=%d" % (z["node"], z["name"], z[key]) for z in zones))[1])
        if not all(docs):
            return
        then, at_end = ({(z["node"], z["zone"]): z for z in d["zones"]} for d in docs)
        bad = []
        if docs[0]["min_free_kbytes"] != self.oracle["min_free_kbytes"]:
            bad.append("min_free_kbytes Linux %s, quire %s" % (self.oracle["min_free_kbytes"], docs[0]["min_free_kbytes"]))
        for w in zones:
            g, e = then[w["node"], w["name"]], at_end[w["node"], w["name"]]
            pairs = [(k, g[k], w[k]) for k in ("min", "low", "high")] + [("protection", e["protection"], w["protection"])]
            if w["batch"] is not None:
                pairs.append(("batch", g["batch"], w["batch"]))
            bad += ["%d:%s %s Linux %s, quire %s" % (w["node"], w["name"], k, b, a) for k, a, b in pairs if a != b]
        self.check("watermarks", not bad, "; ".join(bad))

    def judge(self):
        code, doc = self.document()
        if doc is None:
            return
        m = re.search(r"panicked: (memblock: cannot resize memory array)", self.want["verdict"])
        if m or doc["panic"]:
            self.same("panic", doc["panic"], m and m[1])
        steps = [(self.compare_events, doc), (self.compare_log, doc)]
        if "config" in self.want:
            steps += [(self.regions, "memory", doc["memory"], self.want["config"]["memory"]),
                      (self.regions, "reserved", doc["reserved"], self.want["config"]["reserved"])]
        if not doc["panic"]:
            if self.want.get("memblock_final_reserved"):
                steps.append((self.regions, "final", doc["final_memory"] + doc["final_reserved"],
                              self.want["memblock_final_memory"] + self.want["memblock_final_reserved"]))
            steps += [(self.compare_zones, doc), (self.compare_watermarks,)]
        for step in steps:
            try:
                step[0](*step[1:])
            except (KeyError, TypeError, IndexError, ValueError, AttributeError) as e:
                self.check(step[0].__name__, False, "not in the expected form: %r" % e)


def read_known(path):
    """case: kind, with a reason behind '#'."""
    known = set()
    if path:
        with open(path) as f:
            for line in f:
                words = line.split("#")[0].split()
                known.update((words[0].rstrip(":"), k) for k in words[1:])
    return known


def table(cases):
    """The table of docs/predict.md."""
    heads = [k.replace("_", " ") for k in KINDS]
    out = ["| case | " + " | ".join(heads) + " |", "|---|" + "---|" * len(KINDS)]
    for c in cases:
        cells = []
        for kind in KINDS:
            r = [x[1] for x in c.results if x[0] == kind]
            cells.append("" if not r else "=" if all(r) else "**no**")
        out.append("| %s | %s |" % (c.name, " | ".join(cells)))
    return "\n".join(out) + "\n"


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--quire", default=os.path.join(ROOT, "build", "quire"))
    ap.add_argument("--known", help="disagreements that are known")
    ap.add_argument("--table", help="write the table case by case to this file")
    ap.add_argument("--document", help="a file that must hold that table")
    ap.add_argument("cases", nargs="*")
    args = ap.parse_args()
    names = args.cases or sorted(f[:-8] for f in os.listdir(CASES) if f.endswith(".json.gz"))
    known, failed, kinds, cases = read_known(args.known), 0, collections.Counter(), []
    exact = 0
    with tempfile.TemporaryDirectory() as work, ThreadPoolExecutor(2) as pool:
        def run(name):
            case = Case(args.quire, name, work)
            case.judge()
            return case
        for case in pool.map(run, names):
            cases.append(case)
            bad = {r[0]: r[2] for r in case.results if not r[1]}
            exact += not bad
            kinds.update(bad.keys())
            new = [k for k in bad if (case.name, k) not in known]
            gone = [k for n, k in known if n == case.name and k not in bad]
            failed += bool(new or gone)
            good = sum(r[1] for r in case.results)
            stopped = "" if case.want.get("complete") else "  (Linux: %s)" % case.want["verdict"][:50]
            print("%-5s %-34s %2d/%-2d%s" % ("ok" if not bad else "FAIL" if new or gone else "known", case.name, good,
                                           len(case.results), stopped), flush=True)
            for k, words in bad.items():
                print("        %-12s %s" % (k, words[:600]))
            for k in gone:
                print("        %-12s agrees, but the list of known disagreements names it" % k)
    if args.table:
        with open(args.table, "w") as f:
            f.write(table(cases))
    if args.document:
        with open(args.document) as f:
            if table(cases) not in f.read():
                print("FAIL  the table in %s is not what came out (--table FILE writes it)" % args.document)
                failed += 1
    if kinds:
        print("disagreements by kind: " + ", ".join("%s %d" % x for x in kinds.most_common()))
    print("%d of %d cases agree with Linux in everything that it printed" % (exact, len(names)))
    print("predict: %d passed, %d failed" % (max(len(names) - failed, 0), failed))
    sys.exit(1 if failed or not names else 0)


if __name__ == "__main__":
    main()
