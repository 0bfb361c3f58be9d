#!/bin/bash
# SPDX-License-Identifier: MIT
# quire stress: it says its seed and its result, one CPU repeats itself, every granule and number of CPUs passes.
. "$(dirname "$0")/common.sh.inc"

run 0 "$quire" stress --rounds 2 --seed 0x123
says out 'stress: seed 0x123, CPUs: 1$'
says out 'stress: passed: all memory is back, seed 0x123$'
says_not out 'BUG|WARNING'
[ ! -s "$work/err" ] || fail "a good run writes to stderr"
cp "$work/out" "$work/first"
run 0 "$quire" stress --rounds 2 --seed 0x123
cmp -s "$work/first" "$work/out" || fail "the same seed on one CPU gave another run"
run 0 "$quire" stress --rounds 2 --seed 0x124
! cmp -s "$work/first" "$work/out" || fail "another seed gave the same run"

run 0 "$quire" stress --rounds 1 -v
says out 'smp: Brought up 1 node, 1 CPU$'
says out 'stress: movable +[1-9][0-9]* got'
run 0 "$quire" stress --seconds 1 --cpus 3 --granule 16k
says out 'CPUs: 3$'
run 0 "$quire" stress --rounds 2 --cpus 2 --granule 64k --mem 2G
says out 'stress: passed'
# A machine that does not boot is not put under stress.
run 1 "$quire" stress --append mem=1M
finish
