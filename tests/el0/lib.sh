# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Programs at EL0 on QEMU, for the scripts that run them: each is /init of an initramfs of its own. In the root of the tree, with
# B, the build's folder, set; IMAGE is what is booted, $dir what is built. Counted in $passed and $failed.
dir=$B/tests/el0
cross=${CROSS:-aarch64-linux-gnu-}
mkdir -p "$dir"
passed=0 failed=0 skipped=0
IMAGE=$B/arm64/quire.img
MORE=
WORDS= # of the command line

boot() { # CPU, initrd, words of the command line
	timeout 120 qemu-system-aarch64 -M virt -cpu "$1" -m "${MEM:-512M}" -nographic -no-reboot -nodefaults -serial stdio $MORE \
		-semihosting-config enable=on,target=native -kernel "$IMAGE" -initrd "$2" \
		-append "earlycon=pl011,0x9000000 quire.semihosting quire.init quire.summary=0 $3" </dev/null 2>&1 | tr -d '\r'
	return "${PIPESTATUS[0]}"
}

fail() {
	failed=$((failed + 1))
	echo "FAIL $1"
}

build() { # program
	mkdir -p "$dir/$1.root"
	"${cross}gcc" -O1 -g -static -nostdlib -nostartfiles -ffreestanding -fno-stack-protector -fno-pie -no-pie -Wall -Wextra \
		-Werror -fno-optimize-sibling-calls -o "$dir/$1.root/init" "tests/el0/$1.c" || return 1
	head -c 20000 tests/el0/memory.c >"$dir/$1.root/data.bin"
	[ -p "$dir/$1.root/pipe" ] || mkfifo "$dir/$1.root/pipe"
	(cd "$dir/$1.root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc) >"$dir/$1.cpio"
}

# Programs with the C library.
glibc() { # program, flags
	"${cross}gcc" -O1 -g -Wall -Wextra -Werror "${@:2}"
}
pack() { # name
	(cd "$dir/$1.root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc) >"$dir/$1.cpio"
}
# What it has printed is in $log.
run_glibc() { # name, CPU, more for QEMU
	log=$dir/$1-$2.log
	local more=$MORE
	MORE=$3 boot "$2" "$dir/$1.cpio" "$WORDS" >"$log"
	code=$?
	MORE=$more
	ok=$(grep -c '^ok ' "$log")
	bad=$(grep -c '^FAIL ' "$log")
	passed=$((passed + ok)) failed=$((failed + bad))
	grep '^FAIL ' "$log" | sed "s/^/$1 on $2: /"
	if [ $code = 0 ] && grep -q "^$1: done" "$log" && ! grep -q 'BUG' "$log"; then
		passed=$((passed + 1))
	else
		fail "$1 on $2 $3: it ended with $code"
		tail -n 20 "$log"
	fi
}
