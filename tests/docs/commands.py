#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check the documents: commands shown in them run, files they name exist.

A block of ```sh that follows a line `<!-- test -->` is run by bash in the project's root and must exit 0 (with
`<!-- test: exit 2 -->`, that code). Links to files of the project, and file names in `code` that have a folder and an
ending, must exist.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ENDINGS = r"\.(?:c|h|S|py|sh|mk|md|ld|dts|dtb|json|1)"


def documents():
    yield "README.md"
    for folder, _, files in os.walk(os.path.join(ROOT, "docs")):
        for name in sorted(files):
            if name.endswith(".md"):
                yield os.path.relpath(os.path.join(folder, name), ROOT)


def blocks(text):
    """(line number, expected code, commands) of each block that is to be run."""
    pattern = r"<!-- test(?:: exit (\d+))? -->\s*\n```sh\n(.*?)```"
    for m in re.finditer(pattern, text, re.S):
        yield text[:m.start()].count("\n") + 1, int(m[1] or 0), m[2]


def names(text):
    """File names that the text says exist."""
    for m in re.finditer(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        yield m[1], True
    for m in re.finditer(r"`([\w.-]+(?:/[\w.-]+)+%s)`" % ENDINGS, text):
        if not m[1].startswith("build/"):
            yield m[1], False


def main():
    passed = failed = 0
    for doc in documents():
        path = os.path.join(ROOT, doc)
        if not os.path.exists(path):
            print("FAIL %s: not there" % doc)
            failed += 1
            continue
        text = open(path).read()
        for line, code, commands in blocks(text):
            try:
                p = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", commands], cwd=ROOT, timeout=120,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                ok, words = p.returncode == code, p.stdout.decode(errors="replace")
            except subprocess.TimeoutExpired:
                ok, words = False, "no end after 120 s"
            passed, failed = passed + ok, failed + (not ok)
            print("%-4s %s:%d: %s" % ("ok" if ok else "FAIL", doc, line, commands.strip().splitlines()[0]))
            if not ok:
                print("\n".join(words.splitlines()[-15:]))
        missing = []
        for name, relative in names(text):
            base = os.path.dirname(path) if relative else ROOT
            places = [os.path.join(base, name), os.path.join(ROOT, name)]
            # A reader of the Linux sources is told Linux's names too; those are not ours to have.
            if not any(os.path.exists(x) for x in places) and (relative or ours(name)):
                missing.append(name)
        ok = not missing
        passed, failed = passed + ok, failed + (not ok)
        print("%-4s %s: every file it names is there%s" % ("ok" if ok else "FAIL", doc,
                                                           "" if ok else ": not " + ", ".join(sorted(set(missing)))))
    print("docs: %d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed else 0)


def ours(name):
    """Whether a name's folder is one of this project's (so that a missing file is a mistake)."""
    folder = os.path.dirname(name)
    return os.path.isdir(os.path.join(ROOT, folder)) and folder != "mm"


if __name__ == "__main__":
    main()
