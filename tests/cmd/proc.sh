#!/bin/bash
# SPDX-License-Identifier: MIT
# quire meminfo, zoneinfo, buddyinfo, pagetypeinfo, slabinfo, vmallocinfo, vmstat: Linux's formats, parsed back by procfs.py, which takes the
# texts of real Linux too (linux-proc); figures that are in two texts are the same in both.
. "$(dirname "$0")/common.sh.inc"

texts='meminfo zoneinfo buddyinfo pagetypeinfo slabinfo vmallocinfo'
for machine in '' '-m 4G --cpus 4' '--granule 16k -m 2G' '--granule 64k -m 8G' '-m 512M --append numa=fake=2' '-m 2G --append cma=0'; do
	for text in $texts; do
		# shellcheck disable=SC2086
		run 0 "$quire" "$text" $machine
		[ ! -s "$work/err" ] || fail "$text $machine writes to stderr"
		cp "$work/out" "$work/$text"
	done
	# shellcheck disable=SC2086
	run 0 "$quire" vmstat $machine
	cp "$work/out" "$work/vmstat"
	case $machine in *16k*) page=16 ;; *64k*) page=64 ;; *) page=4 ;; esac
	python3 "$(dirname "$0")/procfs.py" "$work" $page >"$work/words" 2>&1 || fail "the texts of '$machine': $(cat "$work/words")"
	# vmstat: a name and a number a line, each name once, and what meminfo has, too, is the same, in pages.
	awk -v page=$page '
		FILENAME ~ /meminfo$/ { kb[$1] = $2; next }
		NF != 2 || $1 !~ /^[a-z0-9_]+$/ || $2 !~ /^[0-9]+$/ || $1 in n { print "vmstat:", $0 }
		{ n[$1] = $2 }
		function same(counter, line) {
			if (!(counter in n) || n[counter] * page != kb[line ":"])
				print counter, n[counter], "pages;", line, kb[line ":"], "kB"
		}
		END {
			same("nr_free_pages", "MemFree"); same("nr_free_cma", "CmaFree")
			same("nr_slab_reclaimable", "SReclaimable"); same("nr_slab_unreclaimable", "SUnreclaim")
			if (!n["pgalloc_dma"] && !n["pgalloc_normal"]) print "no page was ever allocated"
		}' "$work/meminfo" "$work/vmstat" >"$work/words"
	[ ! -s "$work/words" ] || fail "vmstat of '$machine': $(cat "$work/words")"
done

# The same parser takes what real Linux printed.
for recorded in A-mem-1G:4 C-numa-2x1G:4 H-16k-1G:16; do
	python3 "$(dirname "$0")/procfs.py" "$(dirname "$0")/linux-proc/${recorded%:*}" "${recorded#*:}" --linux >"$work/words" 2>&1 ||
		fail "Linux's texts: $(cat "$work/words")"
done

run 0 "$quire" slabinfo --help
says out '^Usage: quire slabinfo '
run 0 "$quire" --help
for text in $texts vmstat; do
	says out "(^|[ |])$text([ |]|$)"
done
run 2 "$quire" slabinfo --json
one_line_error
run 2 "$quire" slabinfo a b
one_line_error
run 2 "$quire" slabinf
one_line_error
finish
