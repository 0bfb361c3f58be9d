/* SPDX-License-Identifier: MIT */
/*
 * Relocatable link of one granule's core: its variables in two sections whose names are C identifiers, so that the
 * final link gives __start_ and __stop_ of each (port/host/core.c). The compiler's own sections keep their names.
 */
SECTIONS
{
	QUIRE_DATA : {
		. = ALIGN(4096);
		__per_cpu_start = .;
		*(quire_percpu)
		. = ALIGN(4096);
		__per_cpu_end = .;
		*(.data .data.*)
	}
	QUIRE_BSS : { *(.bss .bss.*) }
}
