#!/bin/bash
# SPDX-License-Identifier: MIT
# quire walk and ptdump: exit codes, and that a walk ends where the linear map must lead.
. "$(dirname "$0")/common.sh.inc"

# PAGE_OFFSET stands for the start of RAM rounded down to 1 GiB: 0xffff000000000000 is 0x40000000.
run 0 "$quire" walk 0xffff000010000000
says out '0x0*50000000'
[ ! -s "$work/err" ] || fail "a good walk writes to stderr"
run 0 "$quire" walk 0x50000000 --phys
says out 'ffff000010000000'
run 1 "$quire" walk 0xffff000040000000
run 1 "$quire" walk 0x80000000 --phys
run 1 "$quire" walk 0x1000
run 0 "$quire" walk 0xffff800080010000
run 0 "$quire" walk 0xffff000010000000 -v
says err 'Machine model'
run 2 "$quire" walk banana
one_line_error

run 0 "$quire" ptdump
says out '^---\[ Linear Mapping start \]---$'
says out '^0xffff000000000000'
says_not out '^\[ '
for granule in 16k 64k; do
	run 0 "$quire" ptdump --granule $granule
	says out 'Linear Mapping start'
done
finish
