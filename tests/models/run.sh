#!/bin/bash
# SPDX-License-Identifier: MIT
# Checks every model of this folder with spin, exhaustively, and every mutation that a model names: those it must find wrong.
#   tests/models/run.sh DIR [MODEL...]
cd "$(dirname "$0")/../.." || exit 1
dir=$(realpath -m "${1:-build/tests/models}")
shift
passed=0 failed=0
if ! command -v spin >/dev/null; then
	echo "models: 0 passed, 0 failed, 1 skipped: spin is not installed"
	exit 0
fi

# One verification: prints the number of errors, the states stored and whether the search was complete.
verify() { # model, mutation or ''
	local reduce='' model=$1 d

	d=$dir/$(basename "$1" .pml)${2:+-$2}
	rm -rf "$d" && mkdir -p "$d" || return 1
	(
		cd "$d" || exit 1
		# An option of the preprocessor, in one word.
		spin -a ${2:+"-D$2"} "$model" >spin.log 2>&1 || exit 1
		# Processes that stand still for another (provided) do not go together with partial order reduction.
		grep -q 'provided (' "$model" && reduce=-DNOREDUCE
		${CC:-gcc} -O1 -w -DSAFETY -DCOLLAPSE ${reduce:+"$reduce"} -o pan pan.c >cc.log 2>&1 || exit 1
		timeout 120 ./pan -m1000000 -w22 >pan.log 2>&1 || exit 1
	) || { tail -n 5 "$d"/*.log && return 1; }
	sed -n 's/.*errors: \([0-9]*\).*/\1/p' "$d/pan.log" | tr '\n' ' '
	sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' "$d/pan.log" | tr '\n' ' '
	grep -q 'max search depth too small\|Search not completed' "$d/pan.log" && echo partly || echo whole
}

report() { # good?, text
	if [ "$1" = 0 ]; then
		passed=$((passed + 1))
		echo "$2"
	else
		failed=$((failed + 1))
		echo "FAILED: $2"
	fi
}

[ $# = 0 ] && set -- tests/models/*.pml
for model in "$@"; do
	model=$(realpath "$model")
	name=$(basename "$model" .pml)
	read -r errors states extent < <(verify "$model" '')
	[ "$errors" = 0 ] && [ "$extent" = whole ]
	report $? "$name: ${errors:-?} errors in ${states:-?} states, searched ${extent:-not at all}"
	read -ra mutations < <(sed -n 's|^/\* mutations: \(.*\) \*/|\1|p' "$model")
	for mutation in "${mutations[@]}"; do
		read -r errors states extent < <(verify "$model" "$mutation")
		[ "${errors:-0}" -gt 0 ] 2>/dev/null
		report $? "$name -D$mutation: ${errors:-?} errors found, as there must be"
	done
done
echo "models: $passed passed, $failed failed"
[ $failed = 0 ] && [ $passed != 0 ]
