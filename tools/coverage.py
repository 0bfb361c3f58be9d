#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lines of mm/ that no unit test enters: tools/coverage.py [--lines] [--dir DIR] [TEST...]

Builds the tests once more with gcc --coverage, without sanitizers, runs them, and adds up what gcov says of each: a table of files, and
with --lines every line that was never run. Tests are names such as test_cma; all that link a file of mm/ without one.
"""
import argparse
import collections
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FLAGS = ("-std=gnu11 -O1 -fno-inline --coverage -fno-common -fno-strict-aliasing -w -Iinclude -Ithird_party/libfdt "
         "-Iport/host/include -I.").split()


def header(test, key):
    """The value of that line at the file's top, as in mk/test.mk."""
    top = (ROOT / "tests/unit" / (test + ".c")).read_text().split("\n")[:20]
    values = [m[1] for m in (re.match(r"/\* *%s: *(.*?) *\*/" % key, line) for line in top) if m]
    return values[0].split() if values else []


def sources_of(test):
    files = ["tests/unit/%s.c" % test, "tests/unit/doubles.c"]
    for pattern in header(test, "links"):
        files += sorted(str(p.relative_to(ROOT)) for p in ROOT.glob(pattern))
    return files


def run(test, folder):
    """Builds and runs one test; gcov's text of every object, or None when it failed."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.gc*"):
        old.unlink()
    objects = []
    for source in sources_of(test):
        objects.append(folder / (source.replace("/", "_") + ".o"))
        subprocess.run(["gcc", *FLAGS, *header(test, "cflags"), "-c", source, "-o", objects[-1]], cwd=ROOT, check=True)
    program = folder / test
    subprocess.run(["gcc", "--coverage", "-o", program, *objects, "-lcmocka", "-lpthread"], check=True)
    with open(folder / "log", "w") as log:
        code = subprocess.run([program], cwd=ROOT, stdout=log, stderr=log, timeout=600).returncode
    if code:
        return None
    return "".join(subprocess.run(["gcov", "-t", o.with_suffix(".gcda")], cwd=ROOT, capture_output=True, text=True,
                                  errors="replace").stdout for o in objects if o.with_suffix(".gcda").exists())


def add(text, counts, lines):
    source = None
    for line in text.split("\n"):
        m = re.match(r" *(-|#####|=====|\d+\*?): *(\d+):(.*)", line)
        if not m:
            continue
        count, number, rest = m[1], int(m[2]), m[3]
        if number == 0:
            source = rest[7:] if rest.startswith("Source:") else source
        elif source and source.startswith("mm/") and count != "-":
            n = 0 if count[0] in "#=" else int(count.rstrip("*"))
            counts[source][number] = max(n, counts[source].get(number, 0))
            lines[source, number] = rest


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", action="store_true")
    parser.add_argument("--dir", type=pathlib.Path, default=ROOT / "build/coverage")
    parser.add_argument("tests", nargs="*")
    args = parser.parse_args()
    tests = args.tests or [p.stem for p in sorted((ROOT / "tests/unit").glob("test_*.c"))
                           if any(s.startswith("mm/") for s in header(p.stem, "links"))]
    counts, lines, failed = collections.defaultdict(dict), {}, []
    for test in tests:
        text = run(test, args.dir.resolve() / test)
        if text is None:
            failed.append(test)
        else:
            add(text, counts, lines)
    for source in sorted(counts):
        hit, total = sum(1 for n in counts[source].values() if n), len(counts[source])
        print("%-30s %5d of %5d lines, %5.1f %%" % (source, hit, total, 100 * hit / total))
    if args.lines:
        for source in sorted(counts):
            for number in sorted(n for n, c in counts[source].items() if not c):
                print("%s:%d:%s" % (source, number, lines[source, number]))
    for test in failed:
        print("failed: %s, see %s" % (test, args.dir / test / "log"), file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
