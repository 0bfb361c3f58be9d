#!/bin/bash
# SPDX-License-Identifier: MIT
# ./run: its options make the QEMU command they promise, and wrong ones are one line and exit 2. Starts no machine.
. "$(dirname "$0")/common.sh.inc"

run 0 ./run --help
for option in -m -smp -cpu -machine -dtb -initrd --append --selftest --gdb --dry-run --shell; do
	says out "(^| )$option( |,|$)"
done
run 0 ./run --dry-run
says out '-m 1G '
says out 'quire\.color=off\\ quire\.unicode=off\\ quire\.columns=0'
LANG=C.UTF-8 run 0 ./run -n -m 512 -smp 4 -cpu max -machine gic-version=3 --append 'mem=256M rodata=off' --selftest
says out '-M virt.*,gic-version=3 '
says out '-m 512M '
says out 'size=512M'
says out '-smp 4 '
says out '-cpu max '
says out ' mem=256M\\ rodata=off\\ quire\.selftest'
run 0 ./run -n -dtb 'a board.dtb'
says out '-dtb a\\ board\.dtb'
# Busybox comes by itself, and goes when there is another RAM disk.
run 0 ./run -n
says out '-initrd build/initramfs\.cpio'
says out 'quire\.init'
run 0 ./run -n --shell
says out '-serial mon:stdio'
says out 'quire\.shell\\ quire\.init'
run 0 ./run -n -initrd mine.cpio
says out '-initrd mine\.cpio'
says_not out 'quire\.init|initramfs'
for wrong in --banana -m '-smp 2 banana' '--shell -initrd x'; do
	# shellcheck disable=SC2086
	run 2 ./run $wrong
	[ "$(wc -l <"$work/err")" = 1 ] || fail "./run $wrong: not one line of error"
done
# In a terminal with UTF-8: colours and blocks; NO_COLOR and TERM=dumb are obeyed.
if ! script -qec true /dev/null >/dev/null 2>&1; then
	echo "skip the terminal's half: no pseudo-terminal to be had here"
else
	in_terminal() {
		run 0 env -u NO_COLOR -u LC_ALL -u LC_CTYPE LANG=C.UTF-8 TERM=xterm "$@" script -qec './run -n' /dev/null
	}
	in_terminal
	says out 'quire\.color=on\\ quire\.unicode=on'
	in_terminal NO_COLOR=1
	says out 'quire\.color=off\\ quire\.unicode=on'
	in_terminal TERM=dumb LANG=C
	says out 'quire\.color=off\\ quire\.unicode=off'
fi
finish
