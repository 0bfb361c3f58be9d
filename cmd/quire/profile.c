// SPDX-License-Identifier: MIT
/*
 * Reading and writing profiles of Linux builds.
 *
 * Every key has to be there, once, with a value that makes sense: a missing or mistyped constant would be a silent
 * error in what is predicted.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "profile.h"
#include "quire.h"

#define KEY(field, least, most, what)                                                              \
	{                                                                                          \
#field, what, offsetof(struct build_profile, field), least, most                   \
	}
#define MAX_IMAGE (1UL << 30)
#define MAX_STRUCT (1UL << 20)

const struct profile_key profile_keys[] = {
	KEY(version, 0x500, 0x7ff,
	    "mainline release whose behaviour is followed: major << 8 | minor"),
	KEY(page_shift, 12, 16, "CONFIG_ARM64_4K_PAGES, _16K_, _64K_"),
	KEY(va_bits, 36, 52, "CONFIG_ARM64_VA_BITS"),
	KEY(pa_bits, 48, 52, "CONFIG_ARM64_PA_BITS"),
	KEY(nr_cpus, 1, 8192, "CONFIG_NR_CPUS"),
	KEY(nodes_shift, 0, 6, "CONFIG_NODES_SHIFT"),
	KEY(max_page_order, 5, 15, "CONFIG_ARCH_FORCE_MAX_ORDER; one less before 6.4"),
	KEY(section_size_bits, 27, 30, "arch/arm64/include/asm/sparsemem.h"),
	KEY(numa, 0, 1, "CONFIG_NUMA"),
	KEY(cpumask_offstack, 0, 1, "CONFIG_CPUMASK_OFFSTACK"),
	KEY(cma_size_mbytes, 0, 1UL << 20, "CONFIG_CMA_SIZE_MBYTES"),
	KEY(cma_alignment, 0, 16, "CONFIG_CMA_ALIGNMENT"),
	KEY(log_buf_shift, 12, 25, "CONFIG_LOG_BUF_SHIFT"),
	KEY(log_cpu_max_buf_shift, 0, 21, "CONFIG_LOG_CPU_MAX_BUF_SHIFT"),
	KEY(kfence, 0, 1, "CONFIG_KFENCE"),
	KEY(kfence_sample_interval, 0, UINT_MAX, "CONFIG_KFENCE_SAMPLE_INTERVAL"),
	KEY(kfence_num_objects, 0, 65535, "CONFIG_KFENCE_NUM_OBJECTS"),
	KEY(rodata_full, 0, 1, "CONFIG_RODATA_FULL_DEFAULT_ENABLED"),
	KEY(debug_pagealloc, 0, 2, "CONFIG_DEBUG_PAGEALLOC; 2 when _ENABLE_DEFAULT too"),
	KEY(crash_reserve, 0, 1, "CONFIG_CRASH_RESERVE; CONFIG_KEXEC_CORE before 6.9"),
	KEY(hugetlb, 0, 1, "CONFIG_HUGETLB_PAGE"),
	KEY(bounce_unaligned_kmalloc, 0, 1, "CONFIG_DMA_BOUNCE_UNALIGNED_KMALLOC"),
	KEY(stackdepot, 0, 1, "CONFIG_STACKDEPOT and CONFIG_SLUB_DEBUG"),
	KEY(page_owner, 0, 1, "CONFIG_PAGE_OWNER"),
	KEY(page_extension, 0, 1, "CONFIG_PAGE_EXTENSION"),
	KEY(deferred_struct_pages, 0, 1, "CONFIG_DEFERRED_STRUCT_PAGE_INIT"),
	KEY(page_size_of, 32, 256, "sizeof(struct page)"),
	KEY(pglist_data, 8192, MAX_STRUCT, "sizeof(pg_data_t)"),
	KEY(device_node, 64, 1024, "sizeof(struct device_node)"),
	KEY(property, 16, 1024, "sizeof(struct property)"),
	KEY(reserved_mem, 16, 1024, "sizeof(struct reserved_mem)"),
	KEY(resource, 32, 1024, "sizeof(struct resource)"),
	KEY(mem_section, 8, 256, "sizeof(struct mem_section)"),
	KEY(mem_section_usage, 8, 1024, "sizeof(struct mem_section_usage)"),
	KEY(pcpu_alloc_info, 32, 1024, "sizeof(struct pcpu_alloc_info)"),
	KEY(pcpu_group_info, 8, 1024, "sizeof(struct pcpu_group_info)"),
	KEY(pcpu_chunk, 64, 4096, "sizeof(struct pcpu_chunk)"),
	KEY(pcpu_block_md, 8, 1024, "sizeof(struct pcpu_block_md)"),
	KEY(io_tlb_slot, 8, 256, "sizeof(struct io_tlb_slot)"),
	KEY(io_tlb_area, 8, 256, "sizeof(struct io_tlb_area)"),
	KEY(prb_desc, 8, 256, "sizeof(struct prb_desc)"),
	KEY(printk_info, 16, 1024, "sizeof(struct printk_info)"),
	KEY(kfence_metadata, 0, 8192, "sizeof(struct kfence_metadata); 0 without KFENCE"),
	KEY(image_size, 1UL << 20, MAX_IMAGE, "_end - _text"),
	KEY(stext, 0, MAX_IMAGE, "_stext - _text"),
	KEY(etext, 0, MAX_IMAGE, "_etext - _text"),
	KEY(rodata_end, 0, MAX_IMAGE, "__end_rodata - _text"),
	KEY(init_begin, 1, MAX_IMAGE, "__init_begin - _text"),
	KEY(initdata_begin, 0, MAX_IMAGE, "__initdata_begin - _text; 0: not needed, from 6.10 on"),
	KEY(init_end, 1, MAX_IMAGE, "__init_end - _text"),
	KEY(data_end, 1, MAX_IMAGE, "_edata - _text"),
	KEY(bss_start, 1, MAX_IMAGE, "__bss_start - _text"),
	KEY(bss_end, 1, MAX_IMAGE, "__bss_stop - _text"),
	KEY(init_pg_dir, 0, MAX_IMAGE, "init_pg_dir - _text; 0: not needed, from 6.10 on"),
	KEY(percpu_static, 64, 1UL << 24, "__per_cpu_end - __per_cpu_start"),
	KEY(map_rounds_inward, 0, 1, "map_mem maps whole pages of each bank only"),
	KEY(early_kib, 0, 1UL << 20, "KiB taken before the Memory: line on one CPU with 128 MiB"),
	KEY(early_kib_per_cpu, 0, 1UL << 16, "... for each further CPU"),
	KEY(early_kib_per_node, 0, 1UL << 16, "... for each further node"),
	KEY(early_kib_per_doubling, 0, 1UL << 16, "... each time memory doubles"),
};
const size_t nr_profile_keys = sizeof(profile_keys) / sizeof(profile_keys[0]);

size_t profile_key(const char *name, size_t n)
{
	size_t i = 0;

	while (i < nr_profile_keys &&
	       (strlen(profile_keys[i].name) != n || strncmp(profile_keys[i].name, name, n) != 0))
		i++;
	return i;
}

unsigned long *profile_value(struct build_profile *p, size_t key)
{
	return (unsigned long *)((char *)p + profile_keys[key].offset);
}

/* ------------------------------------------------------------------ reading */

struct reader {
	const char *name; /* of the file */
	unsigned int line;
	char *why;
	size_t why_size;
	bool seen[sizeof(profile_keys) / sizeof(profile_keys[0])];
};

static bool wrong(struct reader *r, const char *what, const char *word, size_t n)
{
	if (!r->why[0])
		snprintf(r->why, r->why_size, "%s:%u: %s '%.*s'", r->name, r->line, what,
			 (int)(n > 60 ? 60 : n), word);
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* [*s, *s + *n) without the blanks at its ends. */
static void trim(const char **s, size_t *n)
{
	while (*n && is_blank(**s)) {
		(*s)++;
		(*n)--;
	}
	while (*n && is_blank((*s)[*n - 1]))
		(*n)--;
}

static bool set_number(struct reader *r, struct build_profile *p, size_t key, const char *s,
		       size_t n)
{
	const struct profile_key *k = &profile_keys[key];
	char word[32];
	uint64_t v;

	if (n >= sizeof(word))
		return wrong(r, "not a number:", s, n);
	memcpy(word, s, n);
	word[n] = 0;
	if (!parse_size(word, &v))
		return wrong(r, "not a number:", s, n);
	if (v < k->least || v > k->most)
		return wrong(r, "out of range:", s, n);
	*profile_value(p, key) = v;
	return true;
}

static bool set_string(struct reader *r, char *to, size_t size, const char *s, size_t n)
{
	if (!n || n >= size)
		return wrong(r, "too long or empty:", s, n);
	for (size_t i = 0; i < n; i++)
		if (s[i] < 0x20 || s[i] > 0x7e)
			return wrong(r, "not printable:", s, 0);
	memcpy(to, s, n);
	to[n] = 0;
	return true;
}

static bool read_line(struct reader *r, struct build_profile *p, const char *s, size_t n)
{
	const char *comment = memchr(s, '#', n), *equals, *value;
	size_t key, key_size, value_size;

	if (comment)
		n = (size_t)(comment - s);
	trim(&s, &n);
	if (!n)
		return true;
	equals = memchr(s, '=', n);
	if (!equals)
		return wrong(r, "not 'key = value':", s, n);
	key_size = (size_t)(equals - s);
	value = equals + 1;
	value_size = n - key_size - 1;
	trim(&s, &key_size);
	trim(&value, &value_size);
	if (key_size == 7 && !strncmp(s, "release", 7))
		return set_string(r, p->release, sizeof(p->release), value, value_size);
	key = profile_key(s, key_size);
	if (key == nr_profile_keys)
		return wrong(r, "unknown key", s, key_size);
	if (r->seen[key])
		return wrong(r, "a second", s, key_size);
	r->seen[key] = true;
	return set_number(r, p, key, value, value_size);
}

/* What no single key can tell. */
static bool consistent(struct reader *r, const struct build_profile *p)
{
	static const unsigned int va[3][4] = {{39, 48, 52, 0}, {47, 48, 52, 0}, {42, 48, 52, 0}};
	unsigned int i = 0, g = (unsigned int)(p->page_shift - 12) / 2;
	const char *what = NULL;

	if (p->page_shift != 12 && p->page_shift != 14 && p->page_shift != 16)
		what = "page_shift is not 12, 14 or 16";
	else
		for (; va[g][i] && va[g][i] != p->va_bits; i++)
			;
	if (!what && !va[g][i])
		what = "this page size has no such va_bits";
	else if (!what && (p->mem_section & (p->mem_section - 1)))
		what = "mem_section is not a power of two";
	else if (!what && (p->stext > p->etext || p->etext > p->rodata_end ||
			   p->rodata_end > p->init_begin || p->init_begin > p->init_end ||
			   p->init_end > p->data_end || p->data_end > p->bss_start ||
			   p->bss_start > p->bss_end || p->bss_end > p->image_size))
		what = "the image's sections are not in order";
	else if (!what && p->version < 0x60a &&
		 (p->initdata_begin < p->init_begin || p->initdata_begin > p->init_end ||
		  p->init_pg_dir < p->init_end || p->init_pg_dir > p->image_size))
		what = "before 6.10 initdata_begin and init_pg_dir are needed, inside the image";
	if (what)
		snprintf(r->why, r->why_size, "%s: %s", r->name, what);
	return !what;
}

bool profile_parse(struct build_profile *p, const char *name, const char *text, size_t size,
		   char *why, size_t why_size)
{
	struct reader r = {.name = name, .why = why, .why_size = why_size};
	const char *end = text + size, *next;

	why[0] = 0;
	memset(p, 0, sizeof(*p));
	for (const char *s = text; s < end; s = next + 1) {
		r.line++;
		next = memchr(s, '\n', (size_t)(end - s));
		if (!next)
			next = end;
		if (!read_line(&r, p, s, (size_t)(next - s)))
			return false;
	}
	for (size_t i = 0; i < nr_profile_keys; i++) {
		if (r.seen[i])
			continue;
		snprintf(why, why_size, "%s: no value for '%s' (%s)", name, profile_keys[i].name,
			 profile_keys[i].what);
		return false;
	}
	if (!p->release[0]) {
		snprintf(why, why_size, "%s: no value for 'release' (uname -r)", name);
		return false;
	}
	return consistent(&r, p);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void profile_load(struct build_profile *p, const char *name)
{
	size_t n = strlen(name), size = 0;
	const char *text = NULL;
	char why[256], *file = NULL;

	for (size_t i = 0; embedded_profiles[i].name; i++)
		if (!strcmp(embedded_profiles[i].name, name))
			text = embedded_profiles[i].text;
	if (text) {
		size = strlen(text);
	} else if (strchr(name, '/') || (n > 8 && !strcmp(name + n - 8, ".profile"))) {
		file = read_file("--build ", name, &size);
		text = file;
	} else {
		die("--build: no profile '%s'; 'quire profile --list' names those there are", name);
	}
	if (!profile_parse(p, name, text, size, why, sizeof(why)))
		die("%s", why);
	free(file);
	snprintf(p->name, sizeof(p->name), "%.*s", (int)strcspn(base_name(name), "\n"),
		 base_name(name));
}

/* ------------------------------------------------------------------ writing */

void profile_write(FILE *out, const struct build_profile *p, const char *const *from)
{
	fprintf(out, "release = %s\n", p->release);
	for (size_t i = 0; i < nr_profile_keys; i++) {
		const struct profile_key *k = &profile_keys[i];
		unsigned long v = *profile_value((struct build_profile *)p, i);

		if (v > 0xffff || !strcmp(k->name, "version"))
			fprintf(out, "%s = %#lx", k->name, v);
		else
			fprintf(out, "%s = %lu", k->name, v);
		fprintf(out, "\t# %s%s%s\n", k->what, from && from[i] ? "; from " : "",
			from && from[i] ? from[i] : "");
	}
}
