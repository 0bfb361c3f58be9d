#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every `file:name` that the documentation mentions exists: the file is in the tree and defines or declares the name.

In docs/architecture.md so does every path and every `name` that could be one of C's; and its list of files names each source
file of each room that it lists.

A reader follows these references with an editor or a debugger, so a stale one is an error. Prints cmocka-like
totals; exit 1 when any reference is broken.
"""
import fnmatch
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
REF = re.compile(r"`([A-Za-z0-9_./-]+\.(?:c|h|S|lds|py|sh|mk)):([A-Za-z_][A-Za-z0-9_]*)`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
CODE = re.compile(r"`([^`\n]+)`")
IDENTIFIER = re.compile(r"(?:struct )?([A-Za-z_]\w*)(?:\(\))?")
PATH = re.compile(r"[\w*./-]+\.(?:c|h|S|def|js|mk|sh|py|pml)")
SOURCES = (".c", ".h", ".S", ".def", ".js", ".mk", ".sh", ".py", ".pml", ".lds")


def architecture():
    """How many of the names are good, and what is wrong with the others."""
    doc = ROOT / "docs/architecture.md"
    text = re.sub(r"^```.*?^```", "", doc.read_text(), flags=re.S | re.M)
    files = [
        f.relative_to(ROOT)
        for f in sorted(ROOT.glob("**/*"))
        if f.suffix in SOURCES and f.relative_to(ROOT).parts[0] not in ("build", ".git", "third_party")
    ]
    words = set()
    for f in files:
        words.update(re.findall(r"\w+", (ROOT / f).read_text(errors="replace")))
    good, bad = 0, []
    for name in sorted(set(CODE.findall(text))):
        identifier = IDENTIFIER.fullmatch(name)
        if identifier:
            ok = identifier.group(1) in words
        elif PATH.fullmatch(name):
            ok = any(fnmatch.fnmatch(str(f) if "/" in name else f.name, name) for f in files) or any(
                str(f).endswith("/" + name) for f in files)
        else:
            continue
        good += ok
        if not ok:
            bad.append(f"architecture.md: there is no {name}")
    rooms = text[text.index("## Which file holds what"):text.index("## Decisions")].split("\n### ")[1:]
    for room in rooms:
        folder, body = room.split("/\n", 1)
        named = CODE.findall(body)
        for f in files:
            if str(f.parent) != folder or f.suffix not in (".c", ".S", ".js") or f.name.endswith(".ld.S"):
                continue
            if any(fnmatch.fnmatch(f.name, n) for n in named):
                good += 1
            else:
                bad.append(f"architecture.md: {f} is not in the list of files")
        for n in named:
            if "/" not in n and PATH.fullmatch(n) and not any(
                    str(f.parent).startswith(folder) and fnmatch.fnmatch(f.name, n) for f in files):
                bad.append(f"architecture.md: {folder}/ has no {n}")
    return good, bad


def main():
    good, bad = architecture()
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
