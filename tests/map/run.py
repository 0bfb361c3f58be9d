#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The HTML report of `quire map` in headless Chromium: somebody clicks and types through it.

usage: run.py BUILD

What is expected comes from the JSON document of the prediction, not from the page.
"""
import base64
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def skip(why):
    print("map: 0 passed, 0 failed, 1 skipped: " + why)
    sys.exit(0)


try:
    import selenium  # noqa: F401
except ImportError:
    # Debian's package is for Debian's python.
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3"] + sys.argv)
    skip("no python3-selenium here")
if not os.path.exists("/usr/bin/chromedriver"):
    skip("no chromium-driver here")

sys.path.insert(0, HERE)
from browser import Browser  # noqa: E402

quire = os.path.join(sys.argv[1] if len(sys.argv) > 1 else "build", "quire")


class Board:
    def __init__(self, work, name, *options):
        self.dtb, self.html = os.path.join(work, name + ".dtb"), os.path.join(work, name + ".html")
        if not os.path.exists(self.dtb):
            with gzip.open(os.path.join(ROOT, "tests", "oracle", "cases", name + ".dtb.gz")) as z, open(self.dtb, "wb") as f:
                f.write(z.read())
        p = subprocess.run([quire, "predict", self.dtb, "--json"] + list(options), capture_output=True)
        self.doc = json.loads(p.stdout)
        p = subprocess.run([quire, "map", self.dtb, "-o", self.html] + list(options))
        assert p.returncode == (1 if self.doc["panic"] else 0), p


def num(text):
    return int(text, 0)


def view(b):
    v = b.js("quire.view()")
    return v["base"], v["end"]


def near(a, b, off):
    return abs(a - b) <= off


# ---- tests: each gets a browser with the report of ROCK 5B open

def shows_the_board(b, rock):
    assert b.text("#title") == rock.doc["model"]
    assert rock.doc["release"] in b.text("#subtitle")
    assert "7.7 GiB" in b.text("#summary") and b.js("document.querySelectorAll('.tile').length") >= 5
    for name in ("Memory", "Reserved", "Linear map", "Zones", "Sections", "Free lists"):
        assert name in b.text("#strip"), name


def asks_for_nothing(b, rock):
    asked = b.requests()
    assert asked == [], asked


def zooms_from_all_to_a_page(b, rock):
    b.click("#zoom-fit")
    lo, hi = view(b)
    first, last = num(rock.doc["memory"][0]["base"]), rock.doc["memory"][-1]
    assert lo <= first and hi >= num(last["base"]) + num(last["size"])
    b.keys("+", "+", "+")
    a, z = view(b)
    assert near((hi - lo) / (z - a), 8, 0.01)
    b.click("#zoom-page")
    a, z = view(b)
    assert near(z - a, rock.doc["page_size"], 1), (a, z)
    # Addresses are exact at that scale.
    assert near(a / 4096, round(a / 4096), 1e-3), a
    assert "4 KiB" in b.text("#readout")
    b.keys("0")
    assert near(view(b)[0], lo, 4096)


def wheel_and_drag_move_the_map(b, rock):
    b.keys("0")
    lo, hi = view(b)
    b.driver.execute_script("""const s = document.querySelector('#strip .surface'), r = s.getBoundingClientRect();
        s.dispatchEvent(new WheelEvent('wheel', {deltaY: -400, clientX: r.left + r.width / 4, clientY: r.top + 50, bubbles: true, cancelable: true}));""")
    a, z = view(b)
    assert z - a < (hi - lo) * 0.9
    # What is under the pointer stays there.
    assert near(a + (z - a) / 4, lo + (hi - lo) / 4, (hi - lo) / 500)
    from selenium.webdriver.common.action_chains import ActionChains
    ActionChains(b.driver).drag_and_drop_by_offset(b.find("#strip .surface"), -200, 0).perform()
    assert view(b)[0] > a
    b.keys("0")


def a_click_says_who_has_it(b, rock):
    k = rock.doc["kernel"]
    base, size = num(k["base"]), num(k["size"])
    # Before its init code is freed.
    b.driver.execute_script("quire.go(quire.model.handoverTick)")
    b.driver.execute_script("quire.map.show(arguments[0], arguments[1], false, 2)", base, base + size)
    b.driver.execute_script("""const s = document.querySelector('#strip [data-lane=Reserved][data-base="' + arguments[0] + '"]').getBoundingClientRect();
        const u = document.querySelector('#strip .surface');
        u.dispatchEvent(new MouseEvent('click', {clientX: s.left + s.width / 2, clientY: s.top + 8, bubbles: true, view: window}));""", base)
    text = b.text("#details")
    assert "kernel image" in text and "arm64_memblock_init" in text and "zone" not in text.split("\n")[0], text
    assert "0x%09x" % base in text and "0x%09x" % (base + size - 1) in text, text
    assert "DMA" in text and "Section" in text
    # Its address in the linear map is that of the mappings.
    at = num(re.search(r"Address\n(0x[0-9a-f]+)", text)[1])
    m = next(m for m in rock.doc["mappings"] if m["va"].startswith("0xffff0000") and num(m["pa"]) <= at < num(m["pa"]) + num(m["size"]))
    assert "0x%016x" % (num(m["va"]) + at - num(m["pa"])) in text, text
    b.keys("escape")
    assert "Click anything" in b.text("#details")
    b.keys("end")


def hover_tells(b, rock):
    b.keys("0")
    from selenium.webdriver.common.action_chains import ActionChains
    ActionChains(b.driver).move_to_element(b.find("#strip .surface")).perform()
    b.until("!document.getElementById('tip').hidden")
    assert "0x" in b.text("#tip")


def slider_replays_memblock(b, rock):
    n = b.js("quire.model.ticks.length")
    b.keys("home")
    assert b.js("quire.tick") == 0 and b.js("quire.state.memory.length") == 0 and b.js("quire.state.claims.length") == 0
    assert b.js("document.querySelectorAll('#strip [data-lane=Memory]').length") == 0
    # As far as the first memblock_add: one bank.
    first = next(i for i in range(n) if b.js("quire.model.ticks[arguments[0]].op", i) == "add")
    b.driver.execute_script("const s = document.getElementById('slider'); s.value = arguments[0]; s.dispatchEvent(new Event('input'))", first + 1)
    want = next(e for e in rock.doc["events"] if e["op"] == "add")
    got = b.js("quire.state.memory[0]")
    assert (got["base"], got["end"]) == (num(want["base"]), num(want["base"]) + num(want["size"])), got
    assert "memblock_add: [0x%016x-" % num(want["base"]) in b.text("#now") and want["caller"] in b.text("#now")
    b.keys("right")
    assert b.js("quire.tick") == first + 2
    b.keys("left", "left")
    assert b.js("quire.tick") == first and b.js("quire.state.memory.length") == 0
    # At the hand-over memblock is what Linux's configuration dump says, less what came after the dump.
    dump = next(r["tick"] for r in b.js("quire.model.road") if r["name"] == "memblock_dump_all")
    b.driver.execute_script("quire.go(arguments[0])", dump)
    want = sum(num(r["size"]) for r in rock.doc["reserved"])
    assert b.js("totalOf(quire.state.claims)") == want
    want = sum(num(r["size"]) for r in rock.doc["memory"])
    assert b.js("totalOf(quire.state.memory)") == want
    b.keys("end")
    assert b.js("quire.tick") == n


def going_back_is_the_same_as_going_on(b, rock):
    n = b.js("quire.model.ticks.length")
    state = "JSON.stringify([quire.state.memory, quire.state.claims, quire.state.free, quire.state.mapped])"
    there = []
    for i in range(0, n + 1, 7):
        b.driver.execute_script("quire.go(arguments[0])", i)
        there.append(b.js(state))
    for k, i in reversed(list(enumerate(range(0, n + 1, 7)))):
        b.driver.execute_script("quire.go(arguments[0])", i)
        assert b.js(state) == there[k], i
    b.keys("end")


def hand_over_gives_what_nobody_has(b, rock):
    b.keys("end")
    last = b.js("quire.model.handoverTick")
    b.driver.execute_script("quire.go(arguments[0])", last)
    assert b.js("totalOf(quire.state.free)") == 0
    b.keys("end")
    free = b.js("totalOf(quire.state.free)") // 4096
    managed = sum(z["managed"] for z in rock.doc["zones"])
    assert near(free, managed, managed / 1000), (free, managed)
    assert b.js("""quire.model.final.free.every((r) => blocksOf(quire.model, r).every((x) => x.base / 4096 % 2 ** x.order === 0)
        && blocksOf(quire.model, r).reduce((n, x) => n + x.end - x.base, 0) === r.end - r.base)""")


def play_plays_and_stops(b, rock):
    b.keys("home")
    b.click("#play")
    b.until("quire.tick > 3")
    assert b.js("document.getElementById('play').getAttribute('aria-label')") == "Pause"
    b.keys("space")
    at = b.js("quire.tick")
    b.driver.execute_async_script("const done = arguments[0]; setTimeout(done, 300)")
    assert b.js("quire.tick") == at
    b.keys("end")


def functions_are_steps(b, rock):
    b.keys("home")
    seen = []
    for _ in range(6):
        b.keys("]")
        seen.append(b.text("#now .fn"))
    want = [s["name"] + "()" for s in rock.doc["steps"] if s["op"] == "step"][:6]
    assert seen == want, seen
    b.keys("[")
    assert b.text("#now .fn") == want[4]
    b.keys("end")


def log_and_slider_go_together(b, rock):
    b.keys("home")
    b.find("#lines .row:nth-child(9)").click()
    tick = b.js("quire.tick")
    assert tick == 9 and b.js("document.getElementById('slider').value") == "9"
    assert b.js("document.querySelector('#lines .row.on').dataset.tick") == "8"
    b.driver.execute_script("quire.go(quire.model.ticks.length)")
    b.until("document.querySelector('#lines .row.on') !== null")
    # Only what is in sight is there.
    assert b.js("document.querySelectorAll('#lines .row').length") < 60


def type_search(b, text):
    b.driver.execute_script("document.getElementById('search').value = ''")
    b.keys("/")
    assert b.js("document.activeElement.id") == "search"
    b.find("#search").send_keys(text)
    return [e.text for e in b.all("#found li")]


def search_by_address(b, rock):
    k = num(rock.doc["kernel"]["base"])
    hits = type_search(b, "0x%x" % (k + 0x1234))
    assert "kernel image" in hits[0], hits
    b.keys("enter", on="#search")
    s = b.js("quire.selection")
    assert s["base"] == (k + 0x1000) and s["end"] == k + 0x2000, s
    a, z = view(b)
    assert a < s["base"] and z > s["end"] and z - a < 1 << 20
    # Virtual: to the physical page that is mapped there, and the tree opens.
    m = next(m for m in rock.doc["mappings"] if m["prot"] == "rx")
    type_search(b, m["va"])
    b.keys("enter", on="#search")
    assert b.js("quire.selection.base") == num(m["pa"])
    assert b.js("document.querySelectorAll('#tree .hit').length") >= 3
    # A page frame.
    hits = type_search(b, str(k // 4096))
    assert any("page frame" in h for h in hits), hits
    b.keys("escape", on="#search")
    assert "Nothing has this" in type_search(b, "banana")[0]
    b.keys("escape", on="#search")


def search_by_name(b, rock):
    for text, base in (("initrd", num(rock.doc["initrd"]["base"])), ("shmem", num(rock.doc["reserved_mem"][0]["base"])),
                       ("cma", num(rock.doc["cma"][0]["base"]))):
        type_search(b, text)
        b.keys("enter", on="#search")
        assert b.js("quire.selection.base") == base, text
    type_search(b, "paging_init")
    b.keys("enter", on="#search")
    assert b.text("#now .fn") == "paging_init()"
    b.keys("end", "0")


def tree_opens_level_by_level(b, rock):
    b.driver.refresh()
    b.until("window.quire !== undefined")
    count = "document.querySelectorAll('#tree [role=treeitem]').length"
    before = b.js(count)
    assert "PGD table" in b.text("#tree") and "PMD table" not in b.text("#tree")
    b.click("#tree ul ul > li > .line.opens")
    assert b.js(count) > before and "PMD table" in b.text("#tree")
    # A table lies where memblock gave it.
    t = next(t for t in rock.doc["tables"] if t["level"] == 2)
    assert "at 0x%09x" % num(t["pa"]) in b.text("#tree")
    # Blocks lead to where they map.
    b.click("#tree ul ul ul .link.mono")
    s = b.js("quire.selection")
    assert any(num(m["pa"]) <= s["base"] < num(m["pa"]) + num(m["size"]) for m in rock.doc["mappings"])
    # The keyboard opens and closes too.
    b.driver.execute_script("document.querySelector('#tree [role=treeitem]').focus()")
    item = "document.activeElement"
    b.driver.switch_to.active_element.send_keys("\ue014\ue014")
    assert b.js(item + ".getAttribute('role')") == "treeitem"
    b.driver.switch_to.active_element.send_keys("\ue012\ue012\ue012")
    b.driver.switch_to.active_element.send_keys("\ue012")
    assert b.js("document.querySelector('#tree [role=treeitem]').getAttribute('aria-expanded')") == "false"


def tree_holds_every_mapping(b, rock):
    """Every entry of every table, walked from the root: bytes by block size are those of the document."""
    got = b.js("""(() => { const m = quire.model, sum = {};
        const go = (t) => { for (const r of entryRuns(m, t)) { const size = entrySize(m, t.level);
            if (r.kind === 'block') sum[size] = (sum[size] || 0) + (r.last - r.first + 1) * size;
            if (r.kind === 'table') for (let i = r.first; i <= r.last; i++) go(childTable(m, t, i)); } };
        go(rootTable(m)); return sum; })()""")
    want = {}
    for m in rock.doc["mappings"]:
        want[str(num(m["block"]))] = want.get(str(num(m["block"])), 0) + num(m["size"])
    assert got == want, (got, want)


def reservations_lead_to_their_place_and_moment(b, rock):
    rows = b.all("#claims tbody tr")
    assert len(rows) > 10
    sizes = [r.find_elements("css selector", "td")[2].text for r in rows[:2]]
    assert sizes[0] == "124 MiB", sizes
    b.click("#claims tbody tr:nth-child(4)")
    assert b.js("quire.selection.base") == num(rock.doc["kernel"]["base"])
    b.click("#claims tbody tr:nth-child(4) .link")
    assert "memblock_reserve" in b.text("#now") and "arm64_memblock_init" in b.text("#now")
    b.click("#claims th:nth-child(2) button")
    first = b.text("#claims tbody tr:first-child")
    assert "shmem@" in first, first
    b.click("#kinds button[data-kind=cma]")
    assert len(b.all("#claims tbody tr")) == 1
    b.click("#kinds button[data-kind=cma]")
    b.keys("end")


def theme_follows_the_system_and_the_toggle(b, rock):
    ground = "getComputedStyle(document.body).backgroundColor"
    light = b.js(ground)
    b.media(True)
    dark = b.js(ground)
    assert light != dark
    b.click("#theme")
    assert b.js(ground) == light and b.js("document.documentElement.dataset.theme") == "light"
    b.keys("t")
    assert b.js(ground) == dark
    b.media(False)
    assert b.js(ground) == dark
    b.keys("t")
    assert b.js(ground) == light


def keys_are_listed(b, rock):
    b.keys("?")
    assert "search by address" in b.text("#keys")
    b.find("#keys button").click()
    assert not b.js("document.getElementById('keys').open")
    a = view(b)
    b.keys("n")
    z = view(b)
    bank = b.js("quire.model.banks[0]")
    assert a != z and z[0] < bank["base"] and z[1] > bank["end"]
    b.keys("0")


def narrow_screens_show_everything(b, rock):
    try:
        for width in (320, 390, 768, 1024):
            b.size(width, 800)
            b.until("Math.abs(document.querySelector('#strip svg').getBoundingClientRect().width - document.getElementById('strip').clientWidth) < 2")
            wide = b.js("document.documentElement.scrollWidth")
            assert wide <= width, (width, wide, b.js(
                "[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('svg, .scroll, [style*=overflow], #lines')).slice(0, 4).map((e) => e.outerHTML.slice(0, 90))"))
    finally:
        b.size(1280, 800)


def prints(b, rock):
    pdf = base64.b64decode(b.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"])
    assert pdf.startswith(b"%PDF") and len(pdf) > 20000
    if shutil.which("pdftotext"):
        text = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True).stdout.decode()
        for words in (rock.doc["model"], "Who has reserved what", "kernel image", "Nodes and zones", "Page tables"):
            assert words in text, words
        assert "Address or name" not in text
        assert 1 <= text.count("\f") <= 8, text.count("\f")


def a_numa_board(b, rock):
    numa = Board(work, "C-numa-2x3G-dma32")
    b.open(numa.html)
    assert "2 nodes" in b.text("#subtitle") and "Nodes" in b.text("#strip")
    text = b.text("#zones")
    assert "Node 0" in text and "Node 1" in text and "Distances" in text
    assert [c.text for c in b.all("#zones .matrix td")] == [str(d) for n in numa.doc["nodes"] for d in n["distance"]]
    z = next(z for z in numa.doc["zones"] if z["node"] == 1 and z["spanned"])
    type_search(b, "0x%x" % (z["start_pfn"] * 4096))
    b.keys("enter", on="#search")
    assert "node 1" in b.text("#details"), b.text("#details")
    assert "NODE_DATA(1)" in b.text("#claims")


def a_large_board(b, rock):
    """4 TiB of single pages: two million tables."""
    dtb = os.path.join(work, "large.dtb")
    with open(dtb, "wb") as f:
        subprocess.run([sys.executable, os.path.join(ROOT, "tests", "big", "boards.py"), "nodes64"], stdout=f, check=True)
    large = Board(work, "large")
    b.open(large.html)
    assert "4 TiB" in b.text("#summary")
    b.click("#zoom-page")
    a, z = view(b)
    assert near(z - a, 4096, 1)
    m = next(m for m in large.doc["mappings"] if num(m["size"]) > 1 << 40)
    va = num(m["va"]) + num(m["size"]) - 4096
    type_search(b, hex(va))
    b.keys("enter", on="#search")
    assert "PTE table" in b.text("#tree")
    assert b.js("quire.selection.base") == num(m["pa"]) + num(m["size"]) - 4096


def ten_thousand_regions(b, rock):
    """A picture costs what it is wide, not what the board has: drawn at once, and no more than a rectangle a pixel."""
    dtb, html = os.path.join(work, "regions.dtb"), os.path.join(work, "regions.html")
    with open(dtb, "wb") as f:
        subprocess.run([sys.executable, os.path.join(ROOT, "tests", "big", "boards.py"), "regions", "10000"], stdout=f, check=True)
    subprocess.run([quire, "map", dtb, "--own", "-o", html], check=True)
    b.open(html)
    assert b.js("quire.model.known.filter((k) => k.kind === 'nomap').length") == 5000
    b.keys("0")
    for lane in ("Reserved", "Free lists"):
        assert b.js("document.querySelectorAll('#strip [data-lane=\"%s\"]').length" % lane) <= 1300, lane
    # Generous: 150 ms measured.
    ms = b.js("(() => { const t = performance.now(); quire.map.draw(); return performance.now() - t; })()")
    assert ms < 3000, ms
    type_search(b, "r@100000000")
    b.keys("enter", on="#search")
    assert b.js("quire.selection.base") == 0x100000000 and b.js("quire.selection.end") == 0x100010000


def a_panic_is_shown(b, rock):
    nomap = Board(work, "E-nomap-600")
    b.open(nomap.html)
    assert nomap.doc["panic"] in b.text("#panic")
    assert "The boot did not come that far" in b.text("#zones")


def pages_of_16k(b, rock):
    board = Board(work, "H-16k-cma-crash", "--build", "linux-6.12.117-debian-16k")
    b.open(board.html)
    assert "16 KiB pages" in b.text("#subtitle")
    tree_holds_every_mapping(b, board)
    b.click("#zoom-page")
    a, z = view(b)
    assert near(z - a, 16384, 1)


def quires_own_boot(b, rock):
    html = os.path.join(work, "own.html")
    subprocess.run([quire, "map", rock.dtb, "--own", "-o", html], check=True)
    b.open(html)
    assert b.text("#subtitle").startswith("Quire")
    assert "kernel image" in b.text("#claims")
    b.keys("home", "]", "]")
    assert b.js("quire.tick") > 0


TESTS = [shows_the_board, asks_for_nothing, zooms_from_all_to_a_page, wheel_and_drag_move_the_map, a_click_says_who_has_it, hover_tells,
         slider_replays_memblock, going_back_is_the_same_as_going_on, hand_over_gives_what_nobody_has, play_plays_and_stops,
         functions_are_steps, log_and_slider_go_together, search_by_address, search_by_name, tree_opens_level_by_level,
         tree_holds_every_mapping, reservations_lead_to_their_place_and_moment, theme_follows_the_system_and_the_toggle, keys_are_listed,
         narrow_screens_show_everything, prints, a_numa_board, a_large_board, ten_thousand_regions, a_panic_is_shown, pages_of_16k, quires_own_boot]

only = sys.argv[2:]
passed = failed = 0
with tempfile.TemporaryDirectory() as work:
    rock = Board(work, "G-rk3588-rock5b-8G")
    b = Browser()
    try:
        b.open(rock.html)
        for test in TESTS:
            if only and test.__name__ not in only:
                continue
            try:
                test(b, rock)
                wrong = b.errors()
                assert not wrong, wrong
                passed += 1
                print("ok   " + test.__name__.replace("_", " "))
            except Exception as e:
                failed += 1
                print("FAIL " + test.__name__.replace("_", " "))
                lines = [t.lineno for t in traceback.extract_tb(e.__traceback__) if t.filename.endswith("run.py")]
                print("     line %s: %s: %s" % (", ".join(map(str, lines[1:] or lines)), type(e).__name__, str(e)[:600]))
                b.errors()
    finally:
        b.close()
print("map: %d passed, %d failed" % (passed, failed))
sys.exit(1 if failed or not passed else 0)
