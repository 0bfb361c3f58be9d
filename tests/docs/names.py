#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every `file:name` that the documentation mentions exists: the file is in the tree and defines or declares the name.

A reader follows these references with an editor or a debugger, so a stale one is an error. Prints cmocka-like
totals; exit 1 when any reference is broken.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
REF = re.compile(r"`([A-Za-z0-9_./-]+\.(?:c|h|S|lds|py|sh|mk)):([A-Za-z_][A-Za-z0-9_]*)`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def main():
    good, bad = 0, []
    for doc in [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]:
        text = doc.read_text()
        for path, name in REF.findall(text):
            source = ROOT / path
            if not source.is_file():
                bad.append(f"{doc.relative_to(ROOT)}: no file {path}")
            elif not re.search(rf"\b{re.escape(name)}\b", source.read_text()):
                bad.append(f"{doc.relative_to(ROOT)}: {path} has no {name}")
            else:
                good += 1
        for target in LINK.findall(text):
            if (doc.parent / target).exists():
                good += 1
            else:
                bad.append(f"{doc.relative_to(ROOT)}: broken link {target}")
    for line in bad:
        print(line, file=sys.stderr)
    print(f"docs: {good} references good, {len(bad)} broken")
    if not good:
        print("docs: no reference found: the check itself is broken", file=sys.stderr)
    return 1 if bad or not good else 0


sys.exit(main())
