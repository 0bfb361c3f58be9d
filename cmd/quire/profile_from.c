// SPDX-License-Identifier: MIT
/*
 * Values of a profile from what a kernel comes with: its configuration, its image (BTF, header), its symbols, its log.
 *
 * What a file is shows in its first bytes or lines; any number of files can be given, and each sets what it knows. Every
 * offset and length in a binary is checked against the file before it is used.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile_from.h"
#include "quire.h"

static void set(struct gathered *g, const char *key, unsigned long v)
{
	size_t i = profile_key(key, strlen(key));

	if (i == nr_profile_keys)
		abort();
	*profile_value(&g->profile, i) = v;
	g->from[i] = g->file;
}

/* ------------------------------------------------------------------ kernel configuration */

static const struct {
	const char *option, *key;
} config_keys[] = {
	{"ARM64_VA_BITS", "va_bits"},
	{"ARM64_PA_BITS", "pa_bits"},
	{"NR_CPUS", "nr_cpus"},
	{"NODES_SHIFT", "nodes_shift"},
	{"ARCH_FORCE_MAX_ORDER", "max_page_order"},
	{"NUMA", "numa"},
	{"CPUMASK_OFFSTACK", "cpumask_offstack"},
	{"CMA_SIZE_MBYTES", "cma_size_mbytes"},
	{"CMA_ALIGNMENT", "cma_alignment"},
	{"LOG_BUF_SHIFT", "log_buf_shift"},
	{"LOG_CPU_MAX_BUF_SHIFT", "log_cpu_max_buf_shift"},
	{"KFENCE", "kfence"},
	{"KFENCE_SAMPLE_INTERVAL", "kfence_sample_interval"},
	{"KFENCE_NUM_OBJECTS", "kfence_num_objects"},
	{"RODATA_FULL_DEFAULT_ENABLED", "rodata_full"},
	{"DEBUG_PAGEALLOC", "debug_pagealloc"},
	{"CRASH_RESERVE", "crash_reserve"},
	{"HUGETLB_PAGE", "hugetlb"},
	{"DMA_BOUNCE_UNALIGNED_KMALLOC", "bounce_unaligned_kmalloc"},
	{"STACKDEPOT", "stackdepot"},
	{"PAGE_OWNER", "page_owner"},
	{"PAGE_EXTENSION", "page_extension"},
	{"DEFERRED_STRUCT_PAGE_INIT", "deferred_struct_pages"},
};

/* The value of CONFIG_<option>: a number, 1 for y; 0 when it is not set. False: the file does not name it. */
static bool config_value(const char *text, const char *option, unsigned long *v)
{
	size_t n = strlen(option);

	for (const char *p = text; (p = strstr(p, "CONFIG_")); p++) {
		const char *value = p + 7 + n;
		bool line = p == text || p[-1] == '\n';

		if (strncmp(p + 7, option, n) != 0)
			continue;
		if (line && *value == '=') {
			*v = value[1] == 'y' ? 1 : strtoul(value + 1, NULL, 0);
			return true;
		}
		if (!strncmp(value, " is not set", 11)) {
			*v = 0;
			return true;
		}
	}
	return false;
}

static void from_config(struct gathered *g, const char *text)
{
	unsigned long v, other;

	for (size_t i = 0; i < sizeof(config_keys) / sizeof(config_keys[0]); i++) {
		/* An option whose dependencies are missing is not in the file at all. */
		if (!config_value(text, config_keys[i].option, &v))
			v = 0;
		if (v || strcmp(config_keys[i].key, "cma_alignment") != 0)
			set(g, config_keys[i].key, v);
	}
	for (unsigned int shift = 12; shift <= 16; shift += 2) {
		static const char *const names[] = {"ARM64_4K_PAGES", "ARM64_16K_PAGES",
						    "ARM64_64K_PAGES"};

		if (config_value(text, names[(shift - 12) / 2], &v) && v) {
			set(g, "page_shift", shift);
			set(g, "section_size_bits", shift == 16 ? 29 : 27);
		}
	}
	if (config_value(text, "DEBUG_PAGEALLOC_ENABLE_DEFAULT", &v) && v)
		set(g, "debug_pagealloc", 2);
	if (!config_value(text, "CRASH_RESERVE", &v) && config_value(text, "KEXEC_CORE", &v))
		set(g, "crash_reserve", v);
	if (!config_value(text, "SLUB_DEBUG", &v) || !v)
		set(g, "stackdepot", 0);
	/* Up to 6.3 the option counted orders, not the largest one; then its name was FORCE_MAX_ZONEORDER. */
	if (g->profile.version < 0x604 && config_value(text, "ARCH_FORCE_MAX_ORDER", &v) && v)
		set(g, "max_page_order", v - 1);
	else if (!config_value(text, "ARCH_FORCE_MAX_ORDER", &v) || !v)
		set(g, "max_page_order",
		    config_value(text, "ARM64_64K_PAGES", &other) && other ? 13 : 10);
	if (!g->profile.numa)
		set(g, "nodes_shift", 0);
}

/* ------------------------------------------------------------------ BTF */

#define BTF_HEADER 24
#define BTF_MAGIC "\x9f\xeb\x01\x00\x18\x00\x00\x00\x00\x00\x00\x00"
#define BTF_MAGIC_SIZE 12

enum {
	BTF_INT = 1,
	BTF_ARRAY = 3,
	BTF_STRUCT,
	BTF_UNION,
	BTF_ENUM,
	BTF_FUNC_PROTO = 13,
	BTF_VAR,
	BTF_DATASEC,
	BTF_DECL_TAG = 17,
	BTF_ENUM64 = 19
};

static const struct {
	const char *name, *key;
} structs[] = {
	{"page", "page_size_of"},
	{"pglist_data", "pglist_data"},
	{"device_node", "device_node"},
	{"property", "property"},
	{"reserved_mem", "reserved_mem"},
	{"resource", "resource"},
	{"mem_section", "mem_section"},
	{"mem_section_usage", "mem_section_usage"},
	{"pcpu_alloc_info", "pcpu_alloc_info"},
	{"pcpu_group_info", "pcpu_group_info"},
	{"pcpu_chunk", "pcpu_chunk"},
	{"pcpu_block_md", "pcpu_block_md"},
	{"io_tlb_slot", "io_tlb_slot"},
	{"io_tlb_area", "io_tlb_area"},
	{"prb_desc", "prb_desc"},
	{"printk_info", "printk_info"},
	{"kfence_metadata", "kfence_metadata"},
};

static uint32_t le32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t le64(const unsigned char *p)
{
	return le32(p) | (uint64_t)le32(p + 4) << 32;
}

/* Bytes that follow the 12 of a type of this kind with n members; ~0: no such kind. */
static uint64_t btf_tail(unsigned int kind, uint32_t n)
{
	switch (kind) {
	case BTF_INT:
	case BTF_VAR:
	case BTF_DECL_TAG:
		return 4;
	case BTF_ARRAY:
		return 12;
	case BTF_STRUCT:
	case BTF_UNION:
	case BTF_DATASEC:
	case BTF_ENUM64:
		return 12ULL * n;
	case BTF_ENUM:
	case BTF_FUNC_PROTO:
		return 8ULL * n;
	default:
		return kind && kind < 20 ? 0 : ~0ULL;
	}
}

/* The first BTF in the file. False: there is none, or a broken one. */
static bool from_btf(struct gathered *g, const unsigned char *data, size_t size)
{
	const unsigned char *btf = data, *end = data + size, *types, *strings, *p;
	uint32_t type_len, str_off, str_len, name, info;
	unsigned int found = 0;

	for (;; btf++) {
		btf = memmem(btf, (size_t)(end - btf), BTF_MAGIC, BTF_MAGIC_SIZE);
		if (!btf || end - btf < BTF_HEADER)
			return false;
		type_len = le32(btf + 12);
		str_off = le32(btf + 16);
		str_len = le32(btf + 20);
		/* The same bytes stand in code that reads BTF. */
		if (str_off == type_len && str_len && type_len > 4096 &&
		    (uint64_t)str_off + str_len <= (uint64_t)(end - btf - BTF_HEADER))
			break;
	}
	types = btf + BTF_HEADER;
	strings = types + str_off;
	if (strings[str_len - 1]) {
		g->at = (size_t)(strings + str_len - 1 - data);
		return false;
	}
	for (p = types; types + type_len - p >= 12;) {
		unsigned int kind;
		uint64_t tail;

		name = le32(p);
		info = le32(p + 4);
		kind = info >> 24 & 31;
		tail = btf_tail(kind, info & 0xffff);
		if (name >= str_len || tail > (uint64_t)(types + type_len - p - 12)) {
			g->at = (size_t)(p - data);
			return false;
		}
		for (size_t i = 0; kind == BTF_STRUCT && i < sizeof(structs) / sizeof(structs[0]);
		     i++)
			if (!strcmp((const char *)strings + name, structs[i].name)) {
				set(g, structs[i].key, le32(p + 8));
				found++;
			}
		p += 12 + tail;
	}
	return found != 0;
}

/* ------------------------------------------------------------------ symbols */

static const struct {
	const char *symbol, *key;
} symbol_keys[] = {
	{"_stext", "stext"},
	{"_etext", "etext"},
	{"__end_rodata", "rodata_end"},
	{"__init_begin", "init_begin"},
	{"__init_end", "init_end"},
	{"_edata", "data_end"},
	{"__bss_start", "bss_start"},
	{"__bss_stop", "bss_end"},
	{"_end", "image_size"},
	{"__initdata_begin", "initdata_begin"},
	{"init_pg_dir", "init_pg_dir"},
};

struct symbols {
	uint64_t text, per_cpu_start, per_cpu_end;
	uint64_t value[sizeof(symbol_keys) / sizeof(symbol_keys[0])];
};

static void note_symbol(struct symbols *s, const char *name, size_t n, uint64_t value)
{
	if (n == 5 && !strncmp(name, "_text", 5))
		s->text = value;
	else if (n == 15 && !strncmp(name, "__per_cpu_start", 15))
		s->per_cpu_start = value;
	else if (n == 13 && !strncmp(name, "__per_cpu_end", 13))
		s->per_cpu_end = value;
	for (size_t i = 0; i < sizeof(symbol_keys) / sizeof(symbol_keys[0]); i++)
		if (strlen(symbol_keys[i].symbol) == n && !strncmp(name, symbol_keys[i].symbol, n))
			s->value[i] = value;
}

static bool set_symbols(struct gathered *g, const struct symbols *s)
{
	if (!s->text)
		return false;
	for (size_t i = 0; i < sizeof(symbol_keys) / sizeof(symbol_keys[0]); i++)
		if (s->value[i] > s->text)
			set(g, symbol_keys[i].key, s->value[i] - s->text);
	if (s->per_cpu_end > s->per_cpu_start)
		set(g, "percpu_static", s->per_cpu_end - s->per_cpu_start);
	return true;
}

/* "ffff800080000000 T _text" */
static bool from_map(struct gathered *g, const char *text)
{
	struct symbols s = {0};

	for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
		char *name;
		uint64_t value = strtoull(p, &name, 16);

		if (name - p < 8 || name[0] != ' ' || !name[1] || name[2] != ' ')
			continue;
		name += 3;
		note_symbol(&s, name, strcspn(name, " \t\r\n"), value);
	}
	return set_symbols(g, &s);
}

#define ELF_HEADER 64
#define ELF_SECTION 64
#define ELF_SYMBOL 24
#define SHT_SYMTAB 2

/* The bytes of section header `i` lie in the file: its offset and size. */
static bool elf_section(const unsigned char *d, size_t size, uint64_t table, unsigned int i,
			const unsigned char **header, uint64_t *offset, uint64_t *length)
{
	uint64_t at = table + (uint64_t)i * ELF_SECTION;

	if (at < table || at > size || size - at < ELF_SECTION)
		return false;
	*header = d + at;
	*offset = le64(*header + 24);
	*length = le64(*header + 32);
	return *offset <= size && *length <= size - *offset;
}

static bool from_elf(struct gathered *g, const unsigned char *d, size_t size)
{
	unsigned int sections = d[60] | d[61] << 8, i, link;
	uint64_t table = le64(d + 40), at, length, str_at, str_length;
	const unsigned char *header, *other, *p;
	struct symbols s = {0};

	for (i = 0; i < sections; i++) {
		if (!elf_section(d, size, table, i, &header, &at, &length) ||
		    le32(header + 4) != SHT_SYMTAB)
			continue;
		link = le32(header + 40);
		if (link >= sections ||
		    !elf_section(d, size, table, link, &other, &str_at, &str_length) ||
		    !str_length || d[str_at + str_length - 1]) {
			g->at = (size_t)at;
			return false;
		}
		for (p = d + at; (uint64_t)(d + at + length - p) >= ELF_SYMBOL; p += ELF_SYMBOL) {
			uint32_t name = le32(p);
			const char *text = (const char *)d + str_at + name;

			if (name && name < str_length)
				note_symbol(&s, text, strlen(text), le64(p + 8));
		}
	}
	return set_symbols(g, &s);
}

/* ------------------------------------------------------------------ DWARF */

/* NULL, or why it says nothing. */
static const char *from_dwarf(struct gathered *g, char *image, size_t size)
{
	struct wanted_struct want[sizeof(structs) / sizeof(structs[0])];
	const size_t nr = sizeof(structs) / sizeof(structs[0]);
	const char *wrong;

	for (size_t i = 0; i < nr; i++)
		want[i] = (struct wanted_struct){.name = structs[i].name};
	wrong = dwarf_sizes(image, size, want, nr);
	for (size_t i = 0; i < nr && !wrong; i++)
		if (want[i].size)
			set(g, structs[i].key, want[i].size);
	return wrong;
}

/* ------------------------------------------------------------------ the log */

/* Where the line with `what` goes on behind it; NULL: there is none. */
static const char *after(const char *text, const char *what)
{
	const char *p = strstr(text, what);

	return p ? p + strlen(what) : NULL;
}

static void set_release(struct gathered *g, const char *s, size_t size)
{
	unsigned long major, minor = 0;
	size_t n = 0;
	char *end;

	while (n < size && n + 1 < sizeof(g->profile.release) && isgraph((unsigned char)s[n]))
		n++;
	memcpy(g->profile.release, s, n);
	g->profile.release[n] = 0;
	major = strtoul(g->profile.release, &end, 10);
	if (*end == '.')
		minor = strtoul(end + 1, NULL, 10);
	if (major >= 5 && major < 8 && minor < 256)
		set(g, "version", major << 8 | minor);
}

static void from_log(struct gathered *g, const char *text)
{
	unsigned long first, last, pages, size;
	const char *p;

	p = after(text, "percpu: Embedded ");
	if (p && sscanf(p, "%lu pages/cpu s%lu", &pages, &size) == 2)
		set(g, "percpu_static", size);
	p = after(text, " alloc=");
	if (p && sscanf(p, "%lu*%lu", &pages, &size) == 2 && size >= 4096 && size <= 65536) {
		set(g, "page_shift", (unsigned long)__builtin_ctzl(size));
		set(g, "section_size_bits", size == 65536 ? 29 : 27);
	}
	p = after(text, "NODE_DATA(0) allocated [mem ");
	if (p && sscanf(p, "%lx-%lx]", &first, &last) == 2 && last > first)
		set(g, "pglist_data", last + 1 - first);
	/* The image is the last that arm64_memblock_init reserves. */
	for (p = text; (p = after(p, "memblock_reserve: ["));) {
		const char *who = strchr(p, ']');

		if (who && !strncmp(who, "] arm64_memblock_init", 21) &&
		    sscanf(p, "%lx-%lx]", &first, &last) == 2 && last > first)
			set(g, "image_size", last + 1 - first);
	}
	if (!strstr(text, " cma=") && (p = after(text, "cma: Reserved ")) &&
	    sscanf(p, "%lu MiB", &size) == 1)
		set(g, "cma_size_mbytes", size);
}

/* ------------------------------------------------------------------ which is which */

static bool is_config(const char *text)
{
	return strstr(text, "\nCONFIG_") && strstr(text, "CONFIG_ARM64");
}

const char *gather(struct gathered *g, const char *file, char *text, size_t size)
{
	const unsigned char *d = (const unsigned char *)text;
	const char *release, *wrong;
	bool good = false;

	g->file = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
	g->at = size < 64 ? size : 0;
	if (size < 64)
		return "too short for anything a kernel comes with";
	release = memmem(text, size, "Linux version ", 14);
	while (release && !isdigit((unsigned char)release[14]))
		release = memmem(release + 1, (size_t)(text + size - release - 1), "Linux version ",
				 14);
	if (release)
		set_release(g, release + 14, (size_t)(text + size - release - 14));
	if (!memcmp(d, "\177ELF\2\1", 6)) {
		good = from_elf(g, d, size);
		if (from_btf(g, d, size))
			return NULL;
		wrong = from_dwarf(g, text, size);
		if (good && wrong)
			fprintf(stderr, "quire: warning: %s: no sizes of structures: %s\n", file,
				wrong);
		return good ? NULL : wrong;
	}
	if (!memcmp(d + 56, "ARM\x64", 4)) {
		if (le64(d + 16))
			set(g, "image_size", le64(d + 16));
		return from_btf(g, d, size) ? NULL : "an Image without BTF that can be read";
	}
	if (memchr(text, 0, size))
		g->at = (size_t)((char *)memchr(text, 0, size) - text);
	if (memchr(text, 0, size))
		return "not an ELF file, not an arm64 Image, and not text";
	if (is_config(text)) {
		const char *title = after(text, "Linux/arm64 ");

		if (title && isdigit((unsigned char)*title) && !g->profile.release[0])
			set_release(g, title, strlen(title));
		from_config(g, text);
		return NULL;
	}
	if (from_map(g, text))
		return NULL;
	if (strstr(text, "The real System.map is in "))
		return "a placeholder for a System.map: Debian has the real one in the kernel's "
		       "-dbg package";
	if (!release)
		return "not a configuration, a System.map or a kernel's log";
	from_log(g, text);
	return NULL;
}
