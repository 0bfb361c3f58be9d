/* SPDX-License-Identifier: MIT */
/* Values of a profile gathered from a kernel's files (quire profile --from). */
#ifndef QUIRE_CMD_PROFILE_FROM_H
#define QUIRE_CMD_PROFILE_FROM_H

#include "profile.h"

struct gathered {
	struct build_profile profile;
	const char *from[96]; /* by key: the file that said it; NULL: none did */
	const char *file;     /* that is being read */
	size_t at;	      /* where it cannot be read */
};

/*
 * Set what `file` knows: a kernel configuration, a vmlinux (symbols, BTF), an arm64 Image (BTF), a System.map, a log.
 * text[size] must be a NUL. Returns NULL, or why the file is of no use.
 */
const char *gather(struct gathered *g, const char *file, char *text, size_t size);

/* A structure whose size is asked for; size 0: not found. */
struct wanted_struct {
	const char *name;
	unsigned long size;
};

/*
 * [profile_dwarf.c] Sizes of structures from the DWARF of an ELF file in memory. Returns NULL, or why none was found: also that
 * this program was built without libdw.
 */
const char *dwarf_sizes(char *image, size_t size, struct wanted_struct *want, size_t nr);

#endif
