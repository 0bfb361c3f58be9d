// SPDX-License-Identifier: MIT
/*
 * The page that signal handlers return to when sa_restorer says nothing else, as always on arm64. Unwinders know the two instructions
 * (mov x8, #139; svc #0), and want one before them that belongs to the same function.
 *
 * Against Linux: there it is an ELF image with clock functions, too, and AT_SYSINFO_EHDR tells where. Here programs ask the kernel for the time.
 */
#include <quire/filemap.h>

#include "vdso.h"

static struct file *vdso_file;

int vdso_init(void)
{
	static const u32 code[] = {
		0xd4200000 | 0x7d00, /* brk: nobody comes here */
		0xd503201f,	     0xd503201f,
		0xd503201f, /* nop: the instruction before a return address is looked at */
		0xd2801168, /* mov x8, #139 */
		0xd4000001, /* svc #0 */
	};
	struct address_space *mapping = mapping_alloc(false);

	if (!mapping)
		return -ENOMEM;
	vdso_file = mapping_file(mapping, FMODE_READ);
	if (!vdso_file)
		return -ENOMEM;
	return mapping_write(mapping, 0, code, sizeof(code)) == sizeof(code) ? 0 : -ENOMEM;
}

int vdso_map(struct mm_struct *mm)
{
	unsigned long at =
		vm_mmap_pgoff(mm, vdso_file, 0, PAGE_SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0);

	if (IS_ERR_VALUE(at))
		return (int)(long)at;
	mm->vdso = at;
	return 0;
}
