#!/bin/bash
# SPDX-License-Identifier: MIT
# Help is complete, version prints, and every kind of wrong use is one line on stderr and exit 2.
. "$(dirname "$0")/common.sh.inc"

run 0 "$quire" --version
says out '^quire [0-9]+\.[0-9]+'
run 0 "$quire" --help
for command in boot walk ptdump stress; do
	says out "quire $command"
done
for command in boot walk ptdump stress; do
	run 0 "$quire" $command --help
	cp "$work/out" "$work/$command.help"
	for option in --mem --cpus --cpu --granule --va-bits --kernel --kernel-at --initrd --dtb-at --append --verbose; do
		says out "(^| )$option( |,|=|$)"
	done
	[ ! -s "$work/err" ] || fail "$command --help writes to stderr"
done
says boot.help '--json'
says boot.help '--managed'
says walk.help '--phys'
says_not ptdump.help '--json'
for option in --seconds --rounds --seed --fail; do
	says stress.help "$option"
	sed 's/\\-/-/g' "$(dirname "$0")/../../docs/man/quire-stress.1" | grep -qF -- "$option" || fail "quire-stress.1 has no $option"
done

# Every option that the help of boot names is in the man pages, and none is there that it does not name.
here=$(dirname "$0")/../../docs/man
sed 's/\\-/-/g' "$here/quire.1" "$here/quire-boot.1" >"$work/man"
for option in $(grep -oE -- '^ +(-[a-z], )?--[a-z-]+' "$work/boot.help" | grep -oE -- '--[a-z-]+'); do
	says man "$option"
done

wrong() {
	run 2 "$quire" "$@"
	one_line_error
}
wrong
wrong banana
wrong --banana
wrong boot --banana
wrong boot --phys
wrong boot a.dtb b.dtb
wrong boot --mem
wrong boot --mem 1X
wrong boot --mem 0
wrong boot --mem 99999999999999999999
wrong boot --mem 17000000T
wrong boot --mem -1
wrong boot --cpus 0
wrong boot --cpus 257
wrong boot --cpu z80
wrong boot --cpu cortex-a72,banana=on
wrong boot --granule 8k
wrong boot --va-bits 49
wrong boot --va-bits 39 --granule 64k
wrong boot --kernel-at 0x40200000
wrong boot --kernel-at 0x40200000+0
wrong boot --kernel-at 0x40200001+0x1000000
wrong boot --kernel-at 0x40200000+0x1000000 --kernel x
wrong boot --kernel-at 0xfffffffffffe00000+0x1000000
wrong boot --kernel-at 0xffffffffffe00000+0x10000000
wrong boot --kernel-at 0x40200000+0x2230000 --dtb-at 0x41000000
wrong boot --managed 0:DMA
wrong boot --managed 0:Banana=1
wrong boot --managed 0:ThisNameIsLongerThanAnyZone=1
wrong boot /nonexistent.dtb
wrong boot /
wrong boot "$0"
wrong boot --initrd /nonexistent
wrong boot --kernel /nonexistent
wrong boot --kernel "$0"
wrong walk
wrong walk banana
wrong ptdump --json
wrong boot --seconds 1
wrong stress --seconds 0
wrong stress --seconds 1 --rounds 1
wrong stress --seed x
wrong stress --fail 51
wrong stress --rounds
wrong stress a.dtb b.dtb
if [ -e /dev/full ]; then
	timeout 60 "$quire" boot >/dev/full 2>"$work/err"
	[ $? = 2 ] || fail "a full disk goes unnoticed"
fi

# Streams that are closed: what is printed must not go into a file that took the number, the machine's memory for one.
"$quire" boot >&- 2>"$work/err"
[ $? = 2 ] || fail "a closed standard output goes unnoticed"
"$quire" boot <&- 2>&- >"$work/out" || fail "closed standard input and error end a good boot"
says out '^Free$'
finish
