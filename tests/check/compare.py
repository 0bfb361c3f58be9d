#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""quire compare: recorded logs agree with the prediction in all their figures, whatever a line begins with and without
memblock=debug; a constant that is planted into the profile is found and named with the value that the kernel has.
"""
import argparse
import glob
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# case, constant, wrong value: the log of the case is compared with a profile that has it.
PLANTED = [
    ("A-mem-1G", "page_size_of", 72),
    ("A-mem-1G", "cma_size_mbytes", 32),
    ("A-mem-1G", "percpu_static", 120000),
    ("A-mem-1G", "pglist_data", 15000),
    ("A-mem-1G", "property", 112),
    ("E-rsv-dyn-multi", "cma_size_mbytes", 128),
    ("E-rsv-dyn-multi", "reserved_mem", 56),
    ("C-numa-3-dist", "device_node", 216),
]


class Suite:
    def __init__(self, quire, work):
        self.quire, self.work = quire, work
        self.passed, self.failed = 0, 0

    def verdict(self, name, problem):
        self.passed, self.failed = self.passed + (not problem), self.failed + bool(problem)
        print("FAIL %s: %s" % (name, problem) if problem else "ok   %s" % name)

    def case(self, name):
        dtb, log = os.path.join(self.work, name + ".dtb"), os.path.join(self.work, name + ".log")
        with gzip.open(os.path.join(ROOT, "tests", "oracle", "cases", name + ".dtb.gz")) as z, open(dtb, "wb") as f:
            f.write(z.read())
        with gzip.open(os.path.join(ROOT, "tests", "check", "logs", name + ".log.gz")) as z, open(log, "wb") as f:
            f.write(z.read())
        return dtb, log

    def compare(self, *argv):
        p = subprocess.run([self.quire, "compare", *argv, "--json"], stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        return p.returncode, json.loads(p.stdout) if p.stdout else {"departures": p.stderr.decode()}

    def agrees(self, what, dtb, log, least):
        code, doc = self.compare(dtb, log)
        if code or doc["differ"]:
            return self.verdict(what, "exit %d: %s" % (code, str(doc["departures"])[:300]))
        self.verdict(what, doc["figures"] < least and "only %d figures" % doc["figures"])

    def rewritten(self, log, how):
        path = log + ".other"
        with open(log, errors="replace") as f, open(path, "w") as out:
            for line in f:
                line = how(line)
                if line is not None:
                    out.write(line)
        return path

    def planted(self, name, key, value):
        dtb, log = self.case(name)
        doc = self.compare(dtb, log)[1]
        good = subprocess.run([self.quire, "profile", "--show", doc["profile"]], capture_output=True, check=True).stdout.decode()
        old = re.search(r"^%s = (\S+)" % key, good, re.M)
        path = os.path.join(self.work, "planted.profile")
        with open(path, "w") as f:
            f.write(good.replace(old[0], "%s = %d" % (key, value)))
        code, doc = self.compare(dtb, log, "--build", path)
        what = "%s: %s = %d is found to be %s" % (name, key, value, old[1])
        if code != 1 or not doc["departures"]:
            return self.verdict(what, "exit %d, nothing differs" % code)
        steps = doc["explanations"]
        if len(steps) != 1 or steps[0]["after"]:
            return self.verdict(what, "not explained by one constant: %s" % steps)
        named = [(c["key"], c["value"]) for c in [steps[0]["change"]] + steps[0]["as_well"]]
        self.verdict(what, (key, int(old[1], 0)) not in named and "explained by %s" % named)


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--quire", default=os.path.join(ROOT, "build", "quire"))
    args = ap.parse_args()
    with tempfile.TemporaryDirectory() as work:
        s = Suite(os.path.abspath(args.quire), work)
        for path in sorted(glob.glob(os.path.join(ROOT, "tests", "check", "logs", "*.log.gz"))):
            name = os.path.basename(path)[:-7]
            dtb, log = s.case(name)
            s.agrees("%s agrees" % name, dtb, log, 40)
        dtb, log = s.case("A-mem-1G")
        s.agrees("without times", dtb, s.rewritten(log, lambda x: re.sub(r"^\[[ 0-9.]+\] ", "", x)), 40)
        s.agrees("with a journal's prefix", dtb, s.rewritten(log, lambda x: "Nov 25 10:00:00 board kernel: " + x), 40)
        s.agrees("with levels", dtb, s.rewritten(log, lambda x: "<6>" + x), 40)
        s.agrees("without memblock=debug", dtb, s.rewritten(log, lambda x: None if re.search(r"memblock_|\[0x[0-9a-f]+\]\t\[", x) else x), 25)
        for p in PLANTED:
            s.planted(*p)
    print("compare: %d passed, %d failed" % (s.passed, s.failed))
    sys.exit(s.failed != 0 or not s.passed)


if __name__ == "__main__":
    main()
