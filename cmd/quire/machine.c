// SPDX-License-Identifier: MIT
/*
 * A machine from options: files read, and image, initrd and device tree placed as QEMU's arm_load_kernel() places them
 * for `-kernel` (hw/arm/boot.c): the image at the start of RAM plus text_offset, 2 MiB more where that is 0; the initrd
 * after half of RAM or 128 MiB, whichever is less, but above the image; the tree at the next 2 MiB after it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quire.h"

#define MIB (1024 * 1024ULL)
#define ALIGN_UP(x, a) (((x) + (a)-1) & ~((a)-1))
/* Room that QEMU's own boot loader takes at the start of RAM. */
#define LOADER_ROOM 4096

/* What stands for the kernel when none is named: the size of Debian's arm64 cloud kernel in memory. */
#define STAND_IN_SIZE 0x2230000ULL

/* Image header, little-endian (Documentation/arch/arm64/booting.rst). */
#define HEADER_SIZE 64
#define HEADER_TEXT_OFFSET 8
#define HEADER_IMAGE_SIZE 16
#define HEADER_FLAGS 24
#define HEADER_MAGIC 56

static uint64_t le64(const char *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

static void load_image(const struct options *o, struct host_machine *m, uint64_t *text_offset)
{
	static const unsigned int granule[] = {0, 12, 14, 16};
	unsigned int flag;
	char *image;

	image = read_file("--kernel ", o->kernel, &m->image_bytes);
	m->image = image;
	if (m->image_bytes < HEADER_SIZE || memcmp(image + HEADER_MAGIC, "ARM\x64", 4))
		die("%s: not an arm64 Image", o->kernel);
	m->image_size = le64(image + HEADER_IMAGE_SIZE);
	*text_offset = le64(image + HEADER_TEXT_OFFSET);
	/* Before Linux 3.17 the size was not told: QEMU assumes text_offset 0x80000 and the file's size. */
	if (!m->image_size) {
		m->image_size = ALIGN_UP(m->image_bytes, 65536ULL);
		*text_offset = 0x80000;
	}
	if (m->image_size < m->image_bytes)
		die("%s: the header says %#llx bytes, the file has %#zx", o->kernel,
		    (unsigned long long)m->image_size, m->image_bytes);
	flag = (unsigned int)(le64(image + HEADER_FLAGS) >> 1) & 3;
	if (granule[flag] && granule[flag] != o->core->page_shift)
		die("%s: a kernel for %uk pages; say --granule %uk", o->kernel,
		    1U << (granule[flag] - 10), 1U << (granule[flag] - 10));
}

static void choose_cpu(const struct options *o, const struct tree *t, struct host_machine *m)
{
	const char *compatible = tree_cpu(t), *wrong;

	if (o->cpu) {
		wrong = host_cpu_find(o->cpu, &m->cpu);
		if (wrong)
			die("--cpu: %s", wrong);
		return;
	}
	if (!strncmp(compatible, "arm,", 4) && !host_cpu_find(compatible + 4, &m->cpu))
		return;
	host_cpu_find("cortex-a72", &m->cpu);
}

static void cover(struct host_machine *m, uint64_t base, uint64_t size)
{
	if (base < m->lowest)
		m->lowest = base;
	if (base + size > m->highest)
		m->highest = base + size;
}

/* Places of what has none, in QEMU's order. False when the tree names no memory. */
static bool place(const struct options *o, const struct tree *t, struct host_machine *m,
		  uint64_t text_offset)
{
	uint64_t base, size, room, end;
	bool any = tree_first_bank(t, &base, &size);

	if (!any) {
		/* No RAM at all: the kernel will say so. */
		base = 0x40000000;
		size = 1024 * MIB;
	}
	m->image_at = o->kernel_at;
	if (m->image_at == NO_ADDRESS) {
		if (text_offset < LOADER_ROOM)
			text_offset += 2 * MIB;
		m->image_at = ALIGN_UP(base, 2 * MIB) + text_offset;
	}
	end = m->image_at + m->image_size;
	room = size / 2 < 128 * MIB ? size / 2 : 128 * MIB;
	m->initrd_at = o->initrd_at;
	if (m->initrd_at == NO_ADDRESS) {
		m->initrd_at = base + room;
		if (m->initrd_at < end)
			m->initrd_at = end;
		m->initrd_at = ALIGN_UP(m->initrd_at, 4096ULL);
	}
	m->fdt_at = o->dtb_at;
	if (m->fdt_at == NO_ADDRESS) {
		uint64_t told = m->initrd ? 0 : tree_initrd_end(t);

		/* An initrd that the tree alone names lies there too, if that is above the image and in the first bank. */
		if (told < end || told - base > size)
			told = m->initrd_at + m->initrd_bytes;
		m->fdt_at = ALIGN_UP(told, 2 * MIB);
	}
	return any;
}

static void check_range(const char *what, uint64_t base, uint64_t size)
{
	uint64_t end;

	if (__builtin_add_overflow(base, size, &end) || end > 1ULL << 52)
		die("%s at %#llx is outside the 52-bit physical address space", what,
		    (unsigned long long)base);
}

/* One more word on the kernel's command line, after those that it has. */
static void add_bootargs(struct tree *t, const char *word)
{
	const char *have = tree_bootargs(t);
	char *all = malloc((have ? strlen(have) + 1 : 0) + strlen(word) + 1);

	if (!all)
		die("no memory");
	sprintf(all, "%s%s%s", have ? have : "", have ? " " : "", word);
	tree_set_bootargs(t, all);
	free(all);
}

void make_tree(const struct options *o, struct tree *t)
{
	if (o->board) {
		tree_load(t, o->board);
		if (o->mem)
			tree_set_memory(t, o->mem);
		if (o->cpus)
			tree_set_cpus(t, o->cpus);
	} else {
		tree_virt(t, o->mem ? o->mem : 1024 * MIB, o->cpus ? o->cpus : 1,
			  o->cpu ? o->cpu : "cortex-a72");
	}
	if (o->append)
		tree_set_bootargs(t, o->append);
	if (o->edit)
		o->edit(t, o->edit_arg);
}

bool make_machine(const struct options *o, struct host_machine *m)
{
	uint64_t text_offset = 0;
	struct tree t = {0};
	bool has_memory;

	*m = (struct host_machine){
		.va_bits = o->va_bits,
		.debug = o->verbose,
		.hotplug = o->hotplug,
		.fail = o->fail,
		.managed = o->managed,
		.nr_managed = o->nr_managed,
		.lowest = UINT64_MAX,
	};
	make_tree(o, &t);
	/* Quire's own boot says itself what is wrong with a tree; what Linux would read of a damaged one is anybody's guess. */
	if (o->profile.release[0] && !t.sound)
		die("%s: damaged device tree at offset %#zx", t.name, t.bad_at);
	choose_cpu(o, &t, m);
	m->image_size = o->kernel_size ? o->kernel_size : STAND_IN_SIZE;
	if (o->kernel)
		load_image(o, m, &text_offset);
	if (o->initrd)
		m->initrd = read_file("--initrd ", o->initrd, &m->initrd_bytes);
	has_memory = place(o, &t, m, text_offset);
	if (o->kernel_at != NO_ADDRESS && (o->kernel_at - text_offset) % (2 * MIB))
		die("%s: the image must lie at a multiple of 2 MiB, %#llx does not",
		    o->kernel ? "--kernel" : "--kernel-at", (unsigned long long)o->kernel_at);
	check_range("the kernel image", m->image_at, m->image_size);
	check_range("the initrd", m->initrd_at, m->initrd_bytes);
	check_range("the device tree", m->fdt_at, 4 * MIB);
	if (!strcmp(o->name, "page_owner"))
		add_bootargs(&t, "page_owner=on");
	if (m->initrd) {
		tree_set_initrd(&t, m->initrd_at, m->initrd_at + m->initrd_bytes);
		cover(m, m->initrd_at, m->initrd_bytes);
	}
	tree_finish(&t);
	m->fdt = t.blob;
	m->fdt_size = t.size;
	/* The image clears its bss over it before anybody reads it; the board refuses that too. */
	if (m->fdt_at < m->image_at + m->image_size && m->image_at < m->fdt_at + m->fdt_size)
		die("the device tree at %#llx lies inside the kernel image [%#llx-%#llx)",
		    (unsigned long long)m->fdt_at, (unsigned long long)m->image_at,
		    (unsigned long long)(m->image_at + m->image_size));
	m->cmdline_probe = tree_bootargs(&t);
	m->kaslr_seed = tree_kaslr_seed(&t);
	cover(m, m->image_at, m->image_size);
	cover(m, m->fdt_at, m->fdt_size > 4 * MIB ? m->fdt_size : 4 * MIB);
	tree_extent(&t, &m->lowest, &m->highest);
	return has_memory;
}
