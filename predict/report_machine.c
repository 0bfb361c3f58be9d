// SPDX-License-Identifier: MIT
/*
 * The JSON document's keys of what the kernel found and of its address space (docs/predict.md).
 *
 * The areas are those of the build's VA size, by the formulas of arch/arm64/include/asm/memory.h and pgtable.h of the
 * release; the linear map in use begins higher on a CPU that has fewer bits than the build.
 */
#include <quire/boot.h>
#include <quire/mmzone.h>
#include <quire/pgtable.h>
#include <quire/string.h>

#include "predict.h"

typedef unsigned long long ull;

void predict_put_text(struct out *o, const char *s)
{
	out_puts(o, "\"");
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			out_printf(o, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			out_printf(o, "\\u%04x", c);
		else
			out_write(o, s, 1);
	}
	out_puts(o, "\"");
}

void predict_put_machine(struct out *o)
{
	const struct build_profile *p = build_profile;

	out_printf(
		o,
		"  \"page_size\": %lu, \"section_size\": \"0x%llx\", \"struct_page_size\": %lu,\n",
		PAGE_SIZE, 1ULL << p->section_size_bits, p->page_size_of);
	out_puts(o, "  \"model\": ");
	predict_put_text(o, machine_model ? machine_model : "");
	out_puts(o, ",\n  \"command_line\": ");
	predict_put_text(o, boot_command_line);
	out_printf(o, ",\n  \"cpus\": %u,\n", nr_cpus_possible);
	out_printf(o,
		   "  \"kernel\": {\"base\": \"0x%llx\", \"size\": \"0x%llx\", \"kva\": "
		   "\"0x%llx\"},\n",
		   (ull)boot_params.image.phys, (ull)p->image_size, (ull)linux_tables.image);
	out_printf(o, "  \"fdt\": {\"base\": \"0x%llx\"},\n", (ull)boot_params.fdt_phys);
	out_printf(o, "  \"initrd\": {\"base\": \"0x%llx\", \"size\": \"0x%llx\"},\n",
		   (ull)phys_initrd_start, (ull)phys_initrd_size);
}

static void put_area(struct out *o, const char *name, u64 start, u64 end)
{
	static const char *comma;

	if (name)
		out_printf(o,
			   "%s\n    {\"name\": \"%s\", \"start\": \"0x%llx\", \"end\": \"0x%llx\", "
			   "\"size\": \"0x%llx\"}",
			   comma, name, (ull)start, (ull)end, (ull)(end - start));
	comma = name ? "," : "";
}

void predict_put_layout(struct out *o)
{
	unsigned int bits = (unsigned int)build_profile->va_bits, least = bits;
	u64 page_end, modules, vmemmap = linux_vmemmap_start(), image = linux_tables.image;
	u64 vmemmap_end = 0ULL - SZ_1G, unused;

	if (bits == 52)
		least = PAGE_SHIFT == 14 ? 47 : 48;
	page_end = 0ULL - (1ULL << (least - 1));
	modules = page_end + SZ_2G;
	/* For what of the linear map this CPU does not reach. */
	unused = (linux_page_offset(vabits_actual) - linux_page_offset(bits)) >> PAGE_SHIFT;
	vmemmap += unused * build_profile->page_size_of;
	out_puts(o, "  \"virtual_layout\": [");
	put_area(o, NULL, 0, 0);
	put_area(o, "linear map", linux_page_offset(vabits_actual), page_end);
	put_area(o, "modules", page_end, modules);
	put_area(o, "vmalloc", modules, vmemmap - SZ_8M);
	put_area(o, "kernel image", image, image + build_profile->image_size);
	put_area(o, "vmemmap", vmemmap, vmemmap_end);
	put_area(o, "PCI I/O", vmemmap_end + SZ_8M, vmemmap_end + SZ_8M + SZ_16M);
	put_area(o, "fixmap", 0ULL - 2 * SZ_8M, 0ULL - SZ_8M);
	out_puts(o, "\n  ],\n");
}
