// SPDX-License-Identifier: MIT
/*
 * /sys: CPUs, memory nodes, the clock, and the switches of transparent huge pages (Linux: drivers/base/cpu.c, node.c, mm/huge_memory.c).
 * Locking: kernel_lock.
 */
#include <quire/mempolicy.h>
#include <quire/mm.h>
#include <quire/mm_init.h>
#include <quire/printk.h>
#include <quire/smp.h>
#include <quire/string.h>
#include <quire/vmstat.h>

#include "proc.h"

#define SYSFS_MAGIC 0x62656572U

#define TEXT(n, text)                                                                              \
	{                                                                                          \
		.name = (n), .mode = S_IFREG | 0444, .show = pseudo_show_text, .data = (text)      \
	}
#define KEPT(n, value)                                                                             \
	{                                                                                          \
		.name = (n), .mode = S_IFREG | 0644, .show = pseudo_show_int,                      \
		.store = pseudo_store_int, .data = (int[]){value}, .min = 0, .max = INT_MAX        \
	}

static const struct pseudo_entry nothing[] = {{0}};

/* ------------------------------------------------------------------ one of several words */

/* The words, apart by blanks, follow the number of the one that holds. */
struct choice {
	int *chosen;
	const char *words;
	void (*changed)(void); /* may be NULL */
};

static size_t word_len(const char *s)
{
	size_t n = 0;

	while (s[n] && s[n] != ' ' && s[n] != '\n')
		n++;
	return n;
}

static int show_choice(struct out *out, const struct pseudo_ref *r)
{
	const struct choice *c = r->e->data;
	int i = 0;

	for (const char *s = c->words; *s; i++) {
		size_t n = word_len(s);

		out_puts(out, i ? " " : "");
		out_puts(out, i == *c->chosen ? "[" : "");
		out_write(out, s, n);
		out_puts(out, i == *c->chosen ? "]" : "");
		s += n;
		s += *s == ' ';
	}
	out_puts(out, "\n");
	return 0;
}

static int store_choice(const struct pseudo_ref *r, char *text, size_t n)
{
	const struct choice *c = r->e->data;
	int i = 0;

	n = word_len(text);
	for (const char *s = c->words; *s; i++) {
		size_t len = word_len(s);

		if (len == n && !memcmp(s, text, n)) {
			__atomic_store_n(c->chosen, i, __ATOMIC_RELAXED);
			if (c->changed)
				c->changed();
			return 0;
		}
		s += len;
		s += *s == ' ';
	}
	return -EINVAL;
}

#define CHOICE_TELLS(n, var, w, f)                                                                 \
	{                                                                                          \
		.name = (n), .mode = S_IFREG | 0644, .show = show_choice, .store = store_choice,   \
		.data = &(struct choice)                                                           \
		{                                                                                  \
			&(var), w, f                                                               \
		}                                                                                  \
	}
#define CHOICE(n, var, w) CHOICE_TELLS(n, var, w, NULL)
#define CHOICE_KEPT(n, value, w) CHOICE(n, *(int[]){value}, w)

/* ------------------------------------------------------------------ transparent huge pages */

/* Pages of the largest size. */
#define HUGE_NR (1 << PMD_BLOCK_ORDER)
#define KEPT_TO(n, value, lo, hi)                                                                  \
	{                                                                                          \
		.name = (n), .mode = S_IFREG | 0644, .show = pseudo_show_int,                      \
		.store = pseudo_store_int, .data = (int[]){value}, .min = (lo), .max = (hi)        \
	}

static const struct pseudo_entry khugepaged_entries[] = {
	KEPT("alloc_sleep_millisecs", 60000),
	KEPT("defrag", 1),
	TEXT("full_scans", "0"),
	KEPT_TO("max_ptes_none", HUGE_NR - 1, 0, HUGE_NR - 1),
	KEPT_TO("max_ptes_shared", HUGE_NR / 2, 0, HUGE_NR - 1),
	KEPT_TO("max_ptes_swap", HUGE_NR / 8, 0, HUGE_NR - 1),
	TEXT("pages_collapsed", "0"),
	KEPT_TO("pages_to_scan", 8 * HUGE_NR, 1, INT_MAX),
	KEPT("scan_sleep_millisecs", 10000),
	{0}};

#define SIZE_WORDS "always inherit madvise never"
#define SHMEM_SIZE_WORDS "always inherit within_size advise never"

static int show_mthp_stat(struct out *out, const struct pseudo_ref *r)
{
	const unsigned int *of = r->e->data;

	out_printf(out, "%ld\n", mthp_stat(of[0], of[1]));
	return 0;
}

#define MTHP_STAT(n, order, item)                                                                  \
	{                                                                                          \
		.name = (n), .mode = S_IFREG | 0444, .show = show_mthp_stat,                       \
		.data = (unsigned int[])                                                           \
		{                                                                                  \
			order, item                                                                \
		}                                                                                  \
	}
/* There is no swap, no accounting of groups of processes, and files have no large pages. */
#define FILE_SIZE_STATS                                                                            \
	TEXT("shmem_alloc", "0"), TEXT("shmem_fallback", "0"), TEXT("shmem_fallback_charge", "0"), \
		TEXT("split", "0"), TEXT("split_failed", "0"), TEXT("swpout", "0"),                \
		TEXT("swpout_fallback", "0")
/* A group that is there in part has no state of its own, and nothing to be split later (mm/vm/group.c). */
#define ANON_SIZE_STATS(order)                                                                     \
	MTHP_STAT("anon_fault_alloc", order, MTHP_ANON_FAULT_ALLOC),                               \
		MTHP_STAT("anon_fault_fallback", order, MTHP_ANON_FAULT_FALLBACK),                 \
		TEXT("anon_fault_fallback_charge", "0"),                                           \
		MTHP_STAT("nr_anon", order, MTHP_NR_ANON), TEXT("nr_anon_partially_mapped", "0"),  \
		TEXT("split_deferred", "0")
#define SIZE_DIR(size, order, shmem)                                                               \
	PSEUDO_DIR("hugepages-" size "kB", 0755,                                                   \
		   ((const struct pseudo_entry[]){                                                 \
			   CHOICE_TELLS("enabled", thp_size_enabled[order], SIZE_WORDS,            \
					thp_sizes_changed),                                        \
			   CHOICE_KEPT("shmem_enabled", shmem, SHMEM_SIZE_WORDS),                  \
			   PSEUDO_DIR("stats", 0755,                                               \
				      ((const struct pseudo_entry[]){                              \
					      ANON_SIZE_STATS(order), FILE_SIZE_STATS, {0}})),     \
			   {0}}))
/* Two pages: of files only. */
#define FILE_SIZE_DIR(size)                                                                        \
	PSEUDO_DIR("hugepages-" size "kB", 0755,                                                   \
		   ((const struct pseudo_entry[]){                                                 \
			   CHOICE_KEPT("shmem_enabled", 4, SHMEM_SIZE_WORDS),                      \
			   PSEUDO_DIR("stats", 0755,                                               \
				      ((const struct pseudo_entry[]){FILE_SIZE_STATS, {0}})),      \
			   {0}}))

static const struct pseudo_entry thp_entries[] = {
	CHOICE("defrag", thp_defrag, "always defer defer+madvise madvise never"),
	CHOICE("enabled", thp_enabled, "always madvise never"),
#if PAGE_SHIFT == 12
	TEXT("hpage_pmd_size", "2097152"),
	FILE_SIZE_DIR("8"),
	SIZE_DIR("16", 2, 4),
	SIZE_DIR("32", 3, 4),
	SIZE_DIR("64", 4, 4),
	SIZE_DIR("128", 5, 4),
	SIZE_DIR("256", 6, 4),
	SIZE_DIR("512", 7, 4),
	SIZE_DIR("1024", 8, 4),
	SIZE_DIR("2048", 9, 1),
#elif PAGE_SHIFT == 14
	TEXT("hpage_pmd_size", "33554432"),
	FILE_SIZE_DIR("32"),
	SIZE_DIR("64", 2, 4),
	SIZE_DIR("128", 3, 4),
	SIZE_DIR("256", 4, 4),
	SIZE_DIR("512", 5, 4),
	SIZE_DIR("1024", 6, 4),
	SIZE_DIR("2048", 7, 4),
	SIZE_DIR("4096", 8, 4),
	SIZE_DIR("8192", 9, 4),
	SIZE_DIR("16384", 10, 4),
	SIZE_DIR("32768", 11, 1),
#else
	TEXT("hpage_pmd_size", "536870912"),
	FILE_SIZE_DIR("128"),
	SIZE_DIR("256", 2, 4),
	SIZE_DIR("512", 3, 4),
	SIZE_DIR("1024", 4, 4),
	SIZE_DIR("2048", 5, 4),
	SIZE_DIR("4096", 6, 4),
	SIZE_DIR("8192", 7, 4),
	SIZE_DIR("16384", 8, 4),
	SIZE_DIR("32768", 9, 4),
	SIZE_DIR("65536", 10, 4),
	SIZE_DIR("131072", 11, 4),
	SIZE_DIR("262144", 12, 4),
	SIZE_DIR("524288", 13, 1),
#endif
	PSEUDO_DIR("khugepaged", 0755, khugepaged_entries),
	CHOICE_KEPT("shmem_enabled", 3, "always within_size advise never deny force"),
	KEPT("shrink_underused", 1),
	{.name = "use_zero_page",
	 .mode = S_IFREG | 0644,
	 .show = pseudo_show_int,
	 .store = pseudo_store_int,
	 .data = &thp_use_zero_page,
	 .min = 0,
	 .max = 1},
	{0},
};

static const struct pseudo_entry mm_entries[] = {
	{.name = "cma", .mode = S_IFDIR | 0755, .dir = &each_cma_area},
	PSEUDO_DIR("transparent_hugepage", 0755, thp_entries),
	{0},
};
static const struct pseudo_entry kernel_entries[] = {
	PSEUDO_DIR("debug", 0700, nothing), PSEUDO_DIR("mm", 0755, mm_entries), {0}};

/* ------------------------------------------------------------------ CPUs */

#define CPU_WORDS DIV_ROUND_UP(NR_CPUS, 64)

static void cpus(u64 m[CPU_WORDS], bool online)
{
	unsigned int cpu;

	memset(m, 0, CPU_WORDS * sizeof(*m));
	for_each_possible_cpu(cpu) if (!online || cpu_online(cpu)) m[cpu / 64] |= BIT(cpu % 64);
}

static int show_online(struct out *out, const struct pseudo_ref *r)
{
	u64 m[CPU_WORDS];

	(void)r;
	cpus(m, true);
	put_cpus(out, m, true);
	out_puts(out, "\n");
	return 0;
}

static int show_possible(struct out *out, const struct pseudo_ref *r)
{
	u64 m[CPU_WORDS];

	(void)r;
	cpus(m, false);
	put_cpus(out, m, true);
	out_puts(out, "\n");
	return 0;
}

static int show_mask(struct out *out, const struct pseudo_ref *r)
{
	u64 m[CPU_WORDS];

	(void)r;
	cpus(m, true);
	put_cpus(out, m, false);
	out_puts(out, "\n");
	return 0;
}

static int show_number(struct out *out, const struct pseudo_ref *r)
{
	out_printf(out, "%llu\n", (unsigned long long)r->key);
	return 0;
}

static int show_this_mask(struct out *out, const struct pseudo_ref *r)
{
	u64 m[CPU_WORDS] = {0};

	m[r->key / 64] = BIT(r->key % 64);
	put_cpus(out, m, false);
	out_puts(out, "\n");
	return 0;
}

static const struct pseudo_entry topology_entries[] = {
	PSEUDO_TEXT("core_id", 0444, show_number),
	PSEUDO_TEXT("core_siblings", 0444, show_mask),
	PSEUDO_TEXT("core_siblings_list", 0444, show_online),
	TEXT("physical_package_id", "0"),
	PSEUDO_TEXT("thread_siblings", 0444, show_this_mask),
	PSEUDO_TEXT("thread_siblings_list", 0444, show_number),
	{0},
};
static const struct pseudo_entry one_cpu_entries[] = {
	TEXT("online", "1"), PSEUDO_DIR("topology", 0755, topology_entries), {0}};
static const struct pseudo_entry one_cpu = PSEUDO_DIR("", 0755, one_cpu_entries);

static int cpu_lookup(const struct pseudo_ref *dir, const char *name, size_t len,
		      struct pseudo_ref *found)
{
	unsigned int cpu = 0;

	(void)dir;
	if (len < 4 || len > 7 || memcmp(name, "cpu", 3) != 0 || (name[3] == '0' && len > 4))
		return -ENOENT;
	for (size_t i = 3; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return -ENOENT;
		cpu = cpu * 10 + (unsigned int)(name[i] - '0');
	}
	if (cpu >= nr_cpus_possible || !cpu_online(cpu))
		return -ENOENT;
	found->e = &one_cpu;
	found->key = cpu;
	return 0;
}

static bool cpu_next(const struct pseudo_ref *dir, u64 *pos, char name[64],
		     struct pseudo_ref *found)
{
	(void)dir;
	while (*pos < nr_cpus_possible && !cpu_online((unsigned int)*pos))
		++*pos;
	if (*pos >= nr_cpus_possible)
		return false;
	quire_snprintf(name, 64, "cpu%u", (unsigned int)*pos);
	found->e = &one_cpu;
	found->key = *pos;
	return true;
}

static const struct pseudo_dir each_cpu = {cpu_lookup, cpu_next};

static const struct pseudo_entry cpu_entries[] = {
	TEXT("isolated", ""),
	TEXT("kernel_max", "511"),
	TEXT("offline", ""),
	PSEUDO_TEXT("online", 0444, show_online),
	PSEUDO_TEXT("possible", 0444, show_possible),
	PSEUDO_TEXT("present", 0444, show_possible),
	{0},
};

/* ------------------------------------------------------------------ nodes */

static int show_nodes(struct out *out, const struct pseudo_ref *r)
{
	(void)r;
	nodes_show(out, node_online_mask);
	out_puts(out, "\n");
	return 0;
}

static int show_memory_nodes(struct out *out, const struct pseudo_ref *r)
{
	(void)r;
	nodes_show(out, nodes_with_memory());
	out_puts(out, "\n");
	return 0;
}

static int show_node_meminfo(struct out *out, const struct pseudo_ref *r)
{
	const struct pglist_data *node = node_data[r->key];
	unsigned long total = 0, free = 0, kb = PAGE_SIZE >> 10;
	const int n = (int)r->key;

	for (unsigned int i = 0; i < MAX_NR_ZONES; i++) {
		total += node->node_zones[i].managed_pages;
		free += zone_page_state(&node->node_zones[i], NR_FREE_PAGES);
	}
	vmstat_refresh();
#define LINE(name, pages) out_printf(out, "Node %d %-16s%8lu kB\n", n, name, (pages)*kb)
#define STATE(item) node_page_state(node, item)
	LINE("MemTotal:", total);
	LINE("MemFree:", free);
	LINE("MemUsed:", total - free);
	LINE("SwapCached:", 0UL);
	LINE("Active:", STATE(NR_ACTIVE_ANON) + STATE(NR_ACTIVE_FILE));
	LINE("Inactive:", STATE(NR_INACTIVE_ANON) + STATE(NR_INACTIVE_FILE));
	LINE("Active(anon):", STATE(NR_ACTIVE_ANON));
	LINE("Inactive(anon):", STATE(NR_INACTIVE_ANON));
	LINE("Active(file):", STATE(NR_ACTIVE_FILE));
	LINE("Inactive(file):", STATE(NR_INACTIVE_FILE));
	LINE("Unevictable:", STATE(NR_UNEVICTABLE));
	LINE("Mlocked:", 0UL);
	LINE("Dirty:", STATE(NR_FILE_DIRTY));
	LINE("Writeback:", STATE(NR_WRITEBACK));
	LINE("FilePages:", STATE(NR_FILE_PAGES));
	LINE("Mapped:", STATE(NR_FILE_MAPPED));
	LINE("AnonPages:", STATE(NR_ANON_MAPPED));
	LINE("Shmem:", STATE(NR_SHMEM));
	LINE("PageTables:", STATE(NR_PAGETABLE));
	LINE("Slab:", STATE(NR_SLAB_RECLAIMABLE_B) + STATE(NR_SLAB_UNRECLAIMABLE_B));
	LINE("SReclaimable:", STATE(NR_SLAB_RECLAIMABLE_B));
	LINE("SUnreclaim:", STATE(NR_SLAB_UNRECLAIMABLE_B));
#undef STATE
#undef LINE
	out_printf(out,
		   "Node %d HugePages_Total: %5u\nNode %d HugePages_Free:  %5u\nNode %d "
		   "HugePages_Surp:  %5u\n",
		   n, 0U, n, 0U, n, 0U);
	return 0;
}

static int show_distance(struct out *out, const struct pseudo_ref *r)
{
	bool any = false;

	for (unsigned int n = 0; n < MAX_NUMNODES; n++) {
		if (!(node_online_mask >> n & 1))
			continue;
		out_printf(out, any ? " %d" : "%d", n == r->key ? 10 : 20);
		any = true;
	}
	out_puts(out, "\n");
	return 0;
}

static const struct pseudo_entry one_node_entries[] = {
	PSEUDO_TEXT("cpulist", 0444, show_online),
	PSEUDO_TEXT("cpumap", 0444, show_mask),
	PSEUDO_TEXT("distance", 0444, show_distance),
	PSEUDO_TEXT("meminfo", 0444, show_node_meminfo),
	TEXT("numastat", "numa_hit 0\nnuma_miss 0\nnuma_foreign 0\ninterleave_hit 0\nlocal_node "
			 "0\nother_node 0"),
	{0},
};
static const struct pseudo_entry one_node = PSEUDO_DIR("", 0755, one_node_entries);

static int node_lookup(const struct pseudo_ref *dir, const char *name, size_t len,
		       struct pseudo_ref *found)
{
	unsigned int n = 0;

	(void)dir;
	if (len < 5 || len > 6 || memcmp(name, "node", 4) != 0 || (name[4] == '0' && len > 5))
		return -ENOENT;
	for (size_t i = 4; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return -ENOENT;
		n = n * 10 + (unsigned int)(name[i] - '0');
	}
	if (n >= MAX_NUMNODES || !(node_online_mask >> n & 1))
		return -ENOENT;
	found->e = &one_node;
	found->key = n;
	return 0;
}

static bool node_next(const struct pseudo_ref *dir, u64 *pos, char name[64],
		      struct pseudo_ref *found)
{
	(void)dir;
	while (*pos < MAX_NUMNODES && !(node_online_mask >> *pos & 1))
		++*pos;
	if (*pos >= MAX_NUMNODES)
		return false;
	quire_snprintf(name, 64, "node%u", (unsigned int)*pos);
	found->e = &one_node;
	found->key = *pos;
	return true;
}

static const struct pseudo_dir each_node = {node_lookup, node_next};

static const struct pseudo_entry node_entries[] = {
	PSEUDO_TEXT("has_cpu", 0444, show_nodes),
	PSEUDO_TEXT("has_memory", 0444, show_memory_nodes),
	PSEUDO_TEXT("has_normal_memory", 0444, show_memory_nodes),
	PSEUDO_TEXT("online", 0444, show_nodes),
	PSEUDO_TEXT("possible", 0444, show_nodes),
	{0},
};

/* ------------------------------------------------------------------ the root */

static const struct pseudo_entry clocksource0_entries[] = {
	TEXT("available_clocksource", "arch_sys_counter "),
	{.name = "current_clocksource",
	 .mode = S_IFREG | 0644,
	 .show = pseudo_show_text,
	 .store = pseudo_store_nothing,
	 .data = "arch_sys_counter"},
	{0},
};
static const struct pseudo_entry clocksource_entries[] = {
	PSEUDO_DIR("clocksource0", 0755, clocksource0_entries), {0}};
static const struct pseudo_entry system_entries[] = {
	PSEUDO_DIR("clocksource", 0755, clocksource_entries),
	{.name = "cpu", .mode = S_IFDIR | 0755, .sub = cpu_entries, .dir = &each_cpu},
	{.name = "node", .mode = S_IFDIR | 0755, .sub = node_entries, .dir = &each_node},
	{0},
};
static const struct pseudo_entry devices_entries[] = {PSEUDO_DIR("system", 0755, system_entries),
						      {0}};
static const struct pseudo_entry fs_entries[] = {PSEUDO_DIR("cgroup", 0755, nothing), {0}};
static const struct pseudo_entry root_entries[] = {
	PSEUDO_DIR("block", 0755, nothing),  PSEUDO_DIR("bus", 0755, nothing),
	PSEUDO_DIR("class", 0755, nothing),  PSEUDO_DIR("devices", 0755, devices_entries),
	PSEUDO_DIR("fs", 0755, fs_entries),  PSEUDO_DIR("kernel", 0755, kernel_entries),
	PSEUDO_DIR("module", 0755, nothing), {0},
};
static const struct pseudo_entry root_dir = PSEUDO_DIR("", 0555, root_entries);

static int sysfs_fill(struct super *sb, const char *options)
{
	(void)options;
	return pseudo_fill(sb, &root_dir);
}

const struct fs_type sysfs_type = {
	.name = "sysfs",
	.magic = SYSFS_MAGIC,
	.nodev = true,
	.fill = sysfs_fill,
};
