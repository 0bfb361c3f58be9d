#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the fuzzers side by side, SECONDS each (default 30): tests/fuzz/run.sh BINDIR [SECONDS]
# An input that breaks something is kept in BINDIR/found; give it to the fuzzer as argument to see it again.
bin=$1 seconds=${2:-30}
here=$(dirname "$0")
mkdir -p "$bin/found"
python3 "$here/corpus.py" "$bin/seeds-dtb" "$bin/seeds-profile" || exit 1
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1

one() { # name, seconds for one input, largest input, seeds
	local name=$1
	mkdir -p "$bin/new-$name"
	: >"$bin/$name.log"
	# Inputs that broke something before come first: they must not again.
	local old=("$here/regressions/$name"/*)
	if [ -e "${old[0]}" ]; then
		"$bin/$name" -timeout="$2" "${old[@]}" >>"$bin/$name.log" 2>&1 || return 1
	fi
	timeout -k 5 $((seconds + 90)) "$bin/$name" -max_total_time="$seconds" -timeout="$2" -max_len="$3" -rss_limit_mb=4096 \
		-print_final_stats=1 -artifact_prefix="$bin/found/$name-" "$bin/new-$name" ${4:+"$4"} >>"$bin/$name.log" 2>&1
}

one fuzz_dtb 10 65536 "$bin/seeds-dtb" &
dtb=$!
one fuzz_memblock 10 4096 &
memblock=$!
one fuzz_profile 10 65536 "$bin/seeds-profile" &
profile=$!
# Sequences long enough to do something, to begin with.
mkdir -p "$bin/seeds-vm"
python3 -c 'import random, sys
for i in range(8):
    random.seed(i)
    open(f"{sys.argv[1]}/{i}", "wb").write(random.randbytes(4000))' "$bin/seeds-vm"
one fuzz_vm 10 4096 "$bin/seeds-vm" &
vm=$!
one fuzz_huge 10 4096 "$bin/seeds-vm" &
huge=$!
mkdir -p "$bin/seeds-check"
# Without the four bytes that choose fuzz_dtb's machine.
for seed in "$bin/seeds-dtb"/*; do
	tail -c +5 "$seed" >"$bin/seeds-check/${seed##*/}"
done
zcat "$here/../check/logs/A-mem-1G.log.gz" | grep -v 'memblock_\(phys\|alloc\)' | head -c 30000 >"$bin/seeds-check/log"
zcat "$here/../check/logs/E-rsv-dyn-multi.log.gz" | grep -v 'memblock_\(phys\|alloc\)' | head -c 30000 >"$bin/seeds-check/log2"
one fuzz_check 10 65536 "$bin/seeds-check" &
check=$!
passed=0 failed=0
report() { # name, exit code
	if [ "$2" = 0 ]; then
		passed=$((passed + 1))
		echo "ok   $1: $(grep -oE 'number_of_executed_units: *[0-9]+' "$bin/$1.log" | grep -oE '[0-9]+') inputs in $seconds s," \
			"$(grep -oE 'cov: [0-9]+' "$bin/$1.log" | tail -n 1 | cut -d' ' -f2) edges"
	else
		failed=$((failed + 1))
		echo "FAIL $1"
		grep -vE '^#[0-9]+|NEW|REDUCE|pulse' "$bin/$1.log" | tail -n 60
	fi
}
wait $dtb
report fuzz_dtb $?
wait $memblock
report fuzz_memblock $?
wait $vm
report fuzz_vm $?
wait $huge
report fuzz_huge $?
wait $profile
report fuzz_profile $?
wait $check
report fuzz_check $?
echo "fuzz: $passed passed, $failed failed"
[ $failed = 0 ]
