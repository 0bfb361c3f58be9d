#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The pictures of docs/map: quire map's report in headless Chromium, and its terminal map and SVG.

usage: tools/screenshots.py [BUILD]

Wants chromium-driver and python3-selenium; the boards are recorded ones of tests/oracle.
"""
import gzip
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
try:
    import selenium  # noqa: F401
except ImportError:
    if sys.executable != "/usr/bin/python3":
        os.execv("/usr/bin/python3", ["/usr/bin/python3"] + sys.argv)
    sys.exit("no python3-selenium here")
sys.path.insert(0, os.path.join(ROOT, "tests", "map"))
from browser import Browser  # noqa: E402

quire = os.path.join(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build"), "quire")
out = os.path.join(ROOT, "docs", "map")
os.makedirs(out, exist_ok=True)


def report(work, case, name, *options):
    dtb = os.path.join(work, case + ".dtb")
    with gzip.open(os.path.join(ROOT, "tests", "oracle", "cases", case + ".dtb.gz")) as z, open(dtb, "wb") as f:
        f.write(z.read())
    subprocess.run([quire, "map", dtb, "-o", os.path.join(work, name)] + list(options), check=True)
    return os.path.join(work, name)


with tempfile.TemporaryDirectory() as work:
    rock = report(work, "G-rk3588-rock5b-8G", "rock.html")
    numa = report(work, "C-numa-2x3G-dma32", "numa.html")
    report(work, "G-rk3588-rock5b-8G", os.path.join(out, "rock5b.svg"))
    b = Browser()
    try:
        b.open(rock)
        b.js("quire.select({...quire.model.known.find((k) => k.kind === 'kernel')})")
        b.shot(os.path.join(out, "report-light.png"))
        b.media(True)
        b.open(rock)
        b.driver.execute_script("""const m = quire.model; quire.go(m.ticks.findIndex((t) => t.fn === 'memmap_alloc') + 2);
            quire.map.show(0x236000000, 0x240000000, false, 1.06)""")
        b.shot(os.path.join(out, "replay-dark.png"))
        b.open(numa)
        b.driver.execute_script("quire.tree.reveal(quire.model.linear[2].va)")
        b.shot(os.path.join(out, "tables-dark.png"))
        b.media(False)
        b.size(390, 800, 2)
        b.open(numa)
        b.shot(os.path.join(out, "narrow-light.png"))
    finally:
        b.close()
