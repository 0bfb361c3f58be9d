#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which functions that ask for memory did the walk over failures not enter?

    tests/fail_sites.py OBJECT_DIR LOG...

OBJECT_DIR holds the core's objects (build/asan/host/4k): every function of mm/ and arch/ that calls an allocating function, by its
relocations. LOG is the output of `quire boot --append fail_walk` of a program made of the same objects: every function of a call chain
whose request failed. Prints one line for those that no chain has, and one with the counts; functions that are only for the boot are
counted apart: fail_boot lets each of their requests fail. Exit code 1: there is one that no chain has and that ELSEWHERE does not know;
or ELSEWHERE names one that is entered, or that there is not.
"""
import pathlib
import re
import subprocess
import sys

ASK = re.compile(r"(__)?alloc_(pages|any)(_exact|_bulk|_node|_exact_nid)?|__get_free_pages|get_zeroed_page|"
                 r"(__)?kmalloc(_node|_cache|_cache_gfp|_large)?|kmem_cache_alloc(_node|_bulk)?|slab_alloc_slow|slab_kmalloc_slow|"
                 r"slab_take|kvmalloc_node|alloc_contig_range|alloc_contig_pages|cma_alloc|__vmalloc_node|__alloc_percpu(_gfp)?|"
                 r"krealloc|kmemdup|alloc_pages_bulk|page_should_fail|slab_should_fail")
# Those that the walk cannot enter, and where their failure is seen instead. Empty: there are none.
ELSEWHERE = {}
FLOORS = ("mm/page", "mm/kmem", "arch/arm64")


def callers(folder):
    """{function: file} of all that call one of them."""
    found = {}
    for obj in sorted(folder.rglob("*.o")):
        source = str(obj.relative_to(folder))[:-2]
        if not source.startswith(FLOORS):
            continue
        text = subprocess.run(["objdump", "-dr", "--no-show-raw-insn", obj], capture_output=True, text=True,
                              check=True).stdout
        function = near = None
        for line in text.splitlines() + [""]:
            far = re.search(r"R_X86_64_(?:PLT32|PC32)\s+([\w.]+)|R_AARCH64_(?:CALL26|JUMP26)\s+([\w.]+)", line)
            # A call within the file has no relocation. One with a relocation stands in the line before it, with any name.
            name = (far[1] or far[2]) if far else near
            target = name and name.split(".")[0]
            if target and target != function and ASK.fullmatch(target):
                found[function] = source
            m = re.search(r"\b(?:call|jmp|bl|b)\s+[0-9a-f]+ <([\w.]+)(?:\+0x[0-9a-f]+)?>", line)
            near = m[1] if m else None
            m = re.match(r"[0-9a-f]+ <([^>]+)>:", line)
            if m:
                function = m[1].split(".")[0]
    return found


def main():
    asked = callers(pathlib.Path(sys.argv[1]))
    entered = set()
    for log in sys.argv[2:]:
        entered.update(re.findall(r"fail_walk: through ([\w.]+)\+", open(log, errors="replace").read()))
    entered = {name.split(".")[0] for name in entered}
    boot = {name for name in asked if re.search(r"_init$|^setup_|^alloc_large_system_hash$", name)}
    missing = sorted(set(asked) - entered - boot)
    unknown = [name for name in missing if name not in ELSEWHERE]
    stale = sorted(set(ELSEWHERE) - set(missing))
    for name in missing:
        print(f"not entered: {name} ({asked[name]}.c)" + (f": {ELSEWHERE[name]}" if name in ELSEWHERE else ""))
    for name in stale:
        print(f"named in ELSEWHERE: {name}, which is entered or asks for nothing")
    print(f"fail sites: {len(set(asked) & entered)} functions entered, {len(missing)} not, {len(boot - entered)} of the boot only")
    if not asked or not entered:
        print("fail sites: no objects, or no call chains")
        return 1
    return 1 if unknown or stale else 0


sys.exit(main())
