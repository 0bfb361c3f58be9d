#!/bin/bash
# SPDX-License-Identifier: MIT
# debug.sh DIR GDB APPEND QEMU-OPTIONS...: QEMU waiting for gdb on port 1234 with DIR/quire.img; gdb too where it can talk.
set -u
dir=$1 gdb=$2 append=$3
shift 3
console=$dir/debug-console.txt
qemu=(qemu-system-aarch64 "$@" -net none -display none -semihosting -kernel "$dir/quire.img"
	-append "nokaslr quire.semihosting $append" -s -S)
if [ -n "$gdb" ] && [ -t 0 ] && command -v "$gdb" >/dev/null; then
	: >"$console"
	"${qemu[@]}" -serial "file:$console" </dev/null &
	pid=$!
	trap 'kill $pid 2>/dev/null' EXIT
	echo "QEMU waits (process $pid); its console goes to $console"
	"$gdb" -x tools/gdb/quire.gdb "$dir/quire.elf"
else
	echo "QEMU waits on port 1234. In another terminal:"
	echo "  gdb-multiarch -x tools/gdb/quire.gdb $dir/quire.elf"
	exec "${qemu[@]}" -serial stdio
fi
