// SPDX-License-Identifier: MIT
/*
 * Sizes of a kernel's structures from the DWARF of its vmlinux, by libdw: for kernels without BTF (quire profile --from).
 *
 * libdw is optional: a program that was built without it says so. The first complete definition of a name counts; the walk ends
 * when all that were asked for are found.
 */
#include "profile_from.h"

#ifdef QUIRE_LIBDW
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <string.h>

/* A structure that is wanted and not yet found gets its size. Returns how many were. */
static unsigned int take(Dwarf_Die *die, struct wanted_struct *want, size_t nr)
{
	const char *name = dwarf_diename(die);
	int size = dwarf_bytesize(die);

	if (!name || size <= 0 || dwarf_hasattr(die, DW_AT_declaration))
		return 0;
	for (size_t i = 0; i < nr; i++)
		if (!want[i].size && !strcmp(name, want[i].name)) {
			want[i].size = (unsigned long)size;
			return 1;
		}
	return 0;
}

const char *dwarf_sizes(char *image, size_t size, struct wanted_struct *want, size_t nr)
{
	Dwarf_Off at = 0, next;
	unsigned int found = 0;
	size_t header;
	Dwarf *dwarf = NULL;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_memory(image, size);
	if (elf)
		dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	if (!dwarf) {
		elf_end(elf);
		return "no DWARF that can be read";
	}
	for (; found < nr && !dwarf_nextcu(dwarf, at, &next, &header, NULL, NULL, NULL);
	     at = next) {
		Dwarf_Die unit, die;

		if (!dwarf_offdie(dwarf, at + header, &unit) || dwarf_child(&unit, &die))
			continue;
		do {
			if (dwarf_tag(&die) == DW_TAG_structure_type)
				found += take(&die, want, nr);
		} while (found < nr && !dwarf_siblingof(&die, &die));
	}
	dwarf_end(dwarf);
	elf_end(elf);
	return found ? NULL : "none of the kernel's structures in the DWARF";
}
#else
const char *dwarf_sizes(char *image, size_t size, struct wanted_struct *want, size_t nr)
{
	(void)image, (void)size, (void)want, (void)nr;
	return "no BTF, and this program was built without libdw, which reads DWARF";
}
#endif
