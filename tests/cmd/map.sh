#!/bin/bash
# SPDX-License-Identifier: MIT
# quire map: the terminal's map names owners and fits the terminal, --at and --range show what is there, the files are whole, wrong use
# is one line and exit 2. What the HTML does in a browser is tests/map.
. "$(dirname "$0")/common.sh.inc"
zcat tests/oracle/cases/G-rk3588-rock5b-8G.dtb.gz >"$work/rock.dtb"
zcat tests/oracle/cases/C-numa-2x1G.dtb.gz >"$work/numa.dtb"
board=$work/rock.dtb

run 0 "$quire" map --help
cp "$work/out" "$work/help"
sed 's/\\-/-/g' docs/man/quire.1 docs/man/quire-map.1 >"$work/man"
for option in $(grep -oE -- '^ +(-[a-z], )?--[a-z-]+' "$work/help" | grep -oE -- '--[a-z-]+'); do
	says man "$option"
done

# Places as the prediction has them.
run 0 "$quire" map "$board"
says out '^Radxa ROCK 5B'
says out '0x040400000-0x042f2ffff +43.1 MiB +K kernel image'
says out '0x04010f000-0x04010f0ff +256 B +X shmem@4010f000'
says out 'M memory map +memmap_alloc'
says out 'DMA +2\.8 GiB managed'
says out '^Linear map'
says_not out $'\033'
for columns in 40 60 80 100 132 200; do
	COLUMNS=$columns run 0 "$quire" map "$board"
	# The line about the whole is prose.
	wide=$(grep -vE 'when memblock hands over|one character is|contiguous|min/low' "$work/out" | awk -v w=$columns 'length($0) > (w < 64 ? 72 : w)' | head -n 1)
	[ -z "$wide" ] || fail "wider than $columns: $wide"
done

run 0 "$quire" map "$board" --at 0x4010f080
says out 'memory +none; the next begins 963 KiB higher'
run 0 "$quire" map "$board" --at 0x41000000
says out 'page frame 266240'
says out 'reserved +kernel image, by arm64_memblock_init'
says out 'linear map +0xffff000001000000, 2 MiB block, ro'
says out '^ +\^$'
run 0 "$quire" map "$board" --range 0x44400000+0x1000
says out 'D device tree'
says_not out 'K kernel image'
run 0 "$quire" map "$board" --range 0x44400000-0x44400fff
says out 'D device tree'
run 0 "$quire" map "$work/numa.dtb" --at 0x80000000
says out ', node 1'
run 0 "$quire" map "$board" --own
says out '^Quire, 4 KiB pages'
says out 'kernel image'

# A kept document shows the same.
"$quire" predict "$board" --json >"$work/board.json"
run 0 "$quire" map "$work/board.json"
cp "$work/out" "$work/kept"
run 0 "$quire" map "$board"
cmp -s "$work/out" "$work/kept" || fail "the map of a kept document differs"
run 0 bash -c '"$1" map <(cat "$2")' - "$quire" "$work/board.json"
cmp -s "$work/out" "$work/kept" || fail "the map of a document from a pipe differs"

# A kernel that panics is drawn as far as it came.
zcat tests/oracle/cases/E-nomap-600.dtb.gz >"$work/nomap.dtb"
run 1 "$quire" map "$work/nomap.dtb"
says out 'Kernel panic - not syncing: memblock: cannot resize memory array'

# The files: well-formed, whole, and nothing in them that is fetched.
run 0 "$quire" map "$board" -o "$work/map.svg"
[ ! -s "$work/out" ] || fail "-o prints too"
python3 - "$work/map.svg" <<'PY' || fail "the SVG is not what it should be"
import sys, xml.etree.ElementTree as T
texts = [t.text or "" for t in T.parse(sys.argv[1]).iter("{http://www.w3.org/2000/svg}text")]
assert "kernel image" in texts and any("ROCK 5B" in t for t in texts), texts
PY
run 0 "$quire" map "$board" -o "$work/map.html"
python3 - "$work/map.html" "$work/board.json" <<'PY' || fail "the HTML is not what it should be"
import json, re, sys
html = open(sys.argv[1]).read()
doc = re.search(r'<script id="document" type="application/json">\n(.*?)</script>', html, re.S)[1]
assert json.loads(doc) == json.load(open(sys.argv[2]))
assert html.rstrip().endswith("</html>") and "@" + "DOCUMENT@" not in html
assert "default-src 'none'" in html
for outside in (r'<script[^>]+src', r'<link', r'@import', r'url\(["\']?http', r'<img'):
    assert not re.search(outside, html), outside
PY
# A name that would end the script.
dtc -q -I dtb -O dts "$board" | sed 's|model = "[^"]*"|model = "</script><b>\&"|' | dtc -q -O dtb -o "$work/evil.dtb"
run 0 "$quire" map "$work/evil.dtb" -o "$work/evil.html"
! grep -q '</script><b>' "$work/evil.html" || fail "a name of the tree ends the script"
run 0 "$quire" map "$work/evil.dtb" -o "$work/evil.svg"
python3 -c 'import sys, xml.etree.ElementTree as T; T.parse(sys.argv[1])' "$work/evil.svg" || fail "a name of the tree breaks the SVG"

wrong() {
	run 2 "$quire" map "$@"
	one_line_error
}
wrong
wrong --banana
wrong "$board" --json
wrong "$board" --granule 4k
wrong "$board" --at
wrong "$board" --at banana
wrong "$board" --range 4
wrong "$board" --range 4-
wrong "$board" --range 8-4
wrong "$board" --range 0xffffffffffffffff+1
wrong "$board" --range 0-0x1000000000000000
wrong "$board" --at 0xffff000000000000
wrong "$board" --at 0xffffffffffffffff
wrong "$board" -o
wrong "$board" -o "$work/map.png"
wrong "$board" -o "$work/none/map.svg"
wrong "$work/none.dtb"
bad() { # text, pattern
	printf '%s' "$1" >"$work/bad.json"
	wrong "$work/bad.json"
	says err "bad\.json: $2"
}
bad '{' 'no JSON document: no key in an object at byte 1'
bad '{"a": }' 'no JSON document: no value at byte 6'
bad '{"a": "b' 'no JSON document: a string without an end'
bad '{"a": "\q"}' 'no JSON document: an escape that there is not'
bad '{} x' 'no JSON document: something after the document'
bad "{\"a\": $(printf '[%.0s' {1..100})" 'no JSON document: too deep'
bad '{}' 'not a document of quire boot --json'
bad '{"memory": [{"base": "0xffffffffffff0000", "size": "0xffff"}], "events": []}' 'memory beyond 56 bits'
bad '{"memory": [], "events": [], "page_size": 5}' 'page_size is not'
finish
