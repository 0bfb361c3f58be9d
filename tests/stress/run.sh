#!/bin/bash
# SPDX-License-Identifier: MIT
# quire stress for a bounded time: plain on 1, 2, 4 and 8 CPUs, then under AddressSanitizer with UndefinedBehaviorSanitizer and
# under ThreadSanitizer on 4; small memory and large pages among them.
#   tests/stress/run.sh BUILD [SECONDS]      seconds of one run (default 4)
# A run that fails names its seed: the command to repeat it is printed.
B=${1:-build} seconds=${2:-4}
logs=$B/tests/stress
mkdir -p "$logs"
passed=0 failed=0 skipped=0
# ThreadSanitizer's shadow memory has fixed places, which a kernel that randomises addresses widely may have taken.
fixed=()
setarch "$(uname -m)" -R true 2>/dev/null && fixed=(setarch "$(uname -m)" -R)
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
# A race ends the run: what comes after it is no proof.
export TSAN_OPTIONS=halt_on_error=1:exitcode=66:history_size=4

# stress NAME PROGRAM SECONDS OPTION...
stress() {
	local name=$1 program=$2 time=$3 log=$logs/${1//[ ,]/-}.log code seed
	shift 3
	local run=("$program" stress --seconds "$time" "$@")
	[[ $program = */tsan/* ]] && run=("${fixed[@]}" "${run[@]}")
	timeout $((time * 10 + 60)) "${run[@]}" >"$log" 2>&1 </dev/null
	code=$?
	if [ $code != 0 ] && grep -q 'FATAL: ThreadSanitizer: unexpected memory mapping' "$log"; then
		echo "skip $name: ThreadSanitizer does not run here"
		skipped=$((skipped + 1))
		return
	fi
	# Failures that were asked for have to come.
	local came='stress: [1-9][0-9]* operations'
	[[ $* = *fail_page_alloc* ]] && came='stress: [1-9][0-9]* blocks and 0 objects refused on purpose'
	[[ $* = *--fail* ]] && came='stress: [1-9][0-9]* blocks and [1-9][0-9]* objects refused on purpose'
	# What an allocator complains of is a failure, whatever the contents were.
	if [ $code = 0 ] && ! grep -qE 'BUG|WARNING' "$log" && grep -q 'stress: passed: all memory is back' "$log" &&
		grep -q 'stress: [1-9][0-9]* operations' "$log" && grep -q "$came" "$log"; then
		echo "ok   $name: $(sed -n 's/.*stress: \([0-9]* operations.*\)/\1/p' "$log")"
		passed=$((passed + 1))
		return
	fi
	seed=$(sed -n 's/.*stress: seed \(0x[0-9a-f]*\),.*/\1/p' "$log")
	echo "---- $name failed (exit code $code): $program stress --seconds $time --seed ${seed:-?} $*"
	head -n 80 "$log"
	failed=$((failed + 1))
}

plain=$B/quire
for cpus in 1 2 4 8; do
	stress "plain, $cpus CPUs" "$plain" "$seconds" --cpus $cpus
done
stress "plain, 4 CPUs, 96 MiB" "$plain" "$seconds" --cpus 4 --mem 96M
stress "plain, 4 CPUs, 64 KiB pages" "$plain" "$seconds" --cpus 4 --granule 64k --mem 2G
stress "plain, 4 CPUs, failures" "$plain" "$seconds" --cpus 4 --fail 10
# Without those of objects the CPUs keep their stacks of objects.
stress "plain, 4 CPUs, failures of pages" "$plain" "$seconds" --cpus 4 --append 'fail_page_alloc=1,20,0,-1'
stress "plain, 4 CPUs, debugging" "$plain" "$seconds" --cpus 4 --append 'slab_debug=FZPU page_poison=1 page_owner=on'
stress "AddressSanitizer, 4 CPUs" "$B/asan/quire" $((seconds * 2)) --cpus 4
stress "ThreadSanitizer, 4 CPUs" "$B/tsan/quire" $((seconds * 3)) --cpus 4
stress "AddressSanitizer, 4 CPUs, failures" "$B/asan/quire" "$seconds" --cpus 4 --fail 10
stress "ThreadSanitizer, 4 CPUs, 96 MiB" "$B/tsan/quire" "$seconds" --cpus 4 --mem 96M
stress "ThreadSanitizer, 4 CPUs, failures" "$B/tsan/quire" "$seconds" --cpus 4 --fail 5

# ---- no memory at any single point: fail_walk lets every request of a workload fail in turn, fail_boot those of the boot

# walk NAME OPTION...: under AddressSanitizer. The walk says how many requests failed, and that nothing was lost.
walk() {
	local name=$1 log=$logs/walk-${1//[ ,]/-}.log
	shift
	if timeout 600 "$B/asan/quire" boot "$@" >"$log" 2>&1 </dev/null &&
		grep -q 'requests failed one at a time, .*nothing was lost or broken' "$log" && ! grep -qE 'BUG|WARNING' "$log"; then
		echo "ok   walk, $name: $(sed -n 's/.*fail_walk: \([0-9]* requests.*\);.*/\1/p' "$log")"
		passed=$((passed + 1))
	else
		echo "---- walk, $name failed:"
		grep -E 'fail_walk|stress:|BUG|WARNING|ERROR|panic' -A 8 "$log" | grep -v through | head -n 60
		failed=$((failed + 1))
	fi
}
walk 'pages and objects' -m 256M --append 'fail_walk quire.hotplug=128M'
walk 'pages alone' -m 256M --append 'fail_walk=pages quire.hotplug=128M'
walk 'pages alone, 64 KiB pages' -m 2G --granule 64k --append 'fail_walk=pages quire.hotplug=512M'
# Everybody who asks for memory was in a call chain whose request failed.
if python3 "$(dirname "$0")/../fail_sites.py" "$B/asan/host/4k" "$logs"/walk-pages-{and-objects,alone}.log; then
	echo "ok   walk: no function that asks for memory was left out"
	passed=$((passed + 1))
else
	failed=$((failed + 1))
fi

# Each request of the boot: it goes on without, and all checks pass, or it ends with a word.
boot_walk() {
	local n=1 went=0 ended=0 log=$logs/walk-boot.log code
	while [ $n -lt 1000 ]; do
		timeout 60 "$B/asan/quire" boot -m 256M --append "fail_boot=$n" >"$log" 2>&1 </dev/null
		code=$?
		if [ $code = 0 ] && grep -q 'fail_boot: the boot makes only' "$log"; then
			echo "ok   walk, boot: of $((n - 1)) requests the boot goes on without $went, and panics without $ended"
			passed=$((passed + 1))
			return
		elif [ $code = 0 ] && grep -q "fail_boot: request $n failed, and the boot went on" "$log"; then
			went=$((went + 1))
		elif [ $code = 1 ] && grep -q 'Kernel panic - not syncing: .*\(o memory\|cannot make\)' "$log"; then
			ended=$((ended + 1))
		else
			break
		fi
		n=$((n + 1))
	done
	echo "---- walk, boot failed: request $n, exit code $code"
	tail -n 20 "$log"
	failed=$((failed + 1))
}
boot_walk
echo "stress: $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
