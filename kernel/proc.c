// SPDX-License-Identifier: MIT
/*
 * /proc: the machine's texts, and the root (Linux: fs/proc/root.c, stat.c, cpuinfo.c ...). What memory is like comes from report/.
 * Locking: kernel_lock.
 */
#include <quire/boot.h>
#include <quire/memblock.h>
#include <quire/mm_init.h>
#include <quire/printk.h>
#include <quire/report.h>
#include <quire/smp.h>
#include <quire/string.h>

#include "ipc.h"
#include "kmsg.h"
#include "pid.h"
#include "proc.h"

/* ------------------------------------------------------------------ texts of report/ */

static int show_report(struct out *out, const struct pseudo_ref *r)
{
	((void (*)(struct out *))r->e->data)(out);
	return 0;
}

#define REPORT(n, m, f)                                                                            \
	{                                                                                          \
		.name = (n), .mode = S_IFREG | (m), .show = show_report, .data = (void *)(f)       \
	}

#define REPORT_UNSPLICED(n, m, f)                                                                  \
	{                                                                                          \
		.name = (n), .mode = S_IFREG | (m), .show = show_report, .data = (void *)(f),      \
		.splice = -1                                                                       \
	}

/* ------------------------------------------------------------------ the machine */

static int show_cmdline(struct out *out, const struct pseudo_ref *r)
{
	(void)r;
	out_printf(out, "%s\n", boot_command_line);
	return 0;
}

/* By the bits of AT_HWCAP (Linux: Documentation/arch/arm64/elf_hwcaps.rst). */
static const char *const hwcap_names[] = {
	"fp",	   "asimd", "evtstrm", "aes",	"pmull",    "sha1",   "sha2", "crc32",
	"atomics", "fphp",  "asimdhp", "cpuid", "asimdrdm", "jscvt",  "fcma", "lrcpc",
	"dcpop",   "sha3",  "sm3",     "sm4",	"asimddp",  "sha512", "sve",  "asimdfhm",
	"dit",	   "uscat", "ilrcpc",  "flagm", "ssbs",	    "sb",     "paca", "pacg",
};

static int show_cpuinfo(struct out *out, const struct pseudo_ref *r)
{
	u64 midr = port_read_reg(PORT_MIDR_EL1), hwcap = port_user_hwcap();

	(void)r;
	for (unsigned int cpu = 0; cpu < nr_cpus_possible; cpu++) {
		if (!cpu_online(cpu))
			continue;
		out_printf(out, "processor\t: %u\nBogoMIPS\t: 125.00\nFeatures\t:", cpu);
		for (unsigned int i = 0; i < ARRAY_SIZE(hwcap_names); i++)
			if (hwcap >> i & 1)
				out_printf(out, " %s", hwcap_names[i]);
		out_printf(out,
			   "\nCPU implementer\t: 0x%02llx\nCPU architecture: 8\nCPU variant\t: "
			   "0x%llx\n"
			   "CPU part\t: 0x%03llx\nCPU revision\t: %llu\n\n",
			   (unsigned long long)(midr >> 24 & 0xff),
			   (unsigned long long)(midr >> 20 & 15),
			   (unsigned long long)(midr >> 4 & 0xfff),
			   (unsigned long long)(midr & 15));
	}
	return 0;
}

static int show_filesystems(struct out *out, const struct pseudo_ref *r)
{
	const struct fs_type *type;

	(void)r;
	for (unsigned int i = 0; (type = fs_nth(i)); i++)
		out_printf(out, "%s\t%s\n", type->nodev ? "nodev" : "", type->name);
	return 0;
}

/* No disks: not even a head line. */
static int show_nothing(struct out *out, const struct pseudo_ref *r)
{
	(void)out;
	(void)r;
	return 0;
}

/* Memory by bank, with the kernel in it. */
static int show_iomem(struct out *out, const struct pseudo_ref *r)
{
	const struct kimage *image = &boot_params.image;
	phys_addr_t start, end;
	u64 i;

	(void)r;
	for_each_mem_range(i, &start, &end)
	{
		out_printf(out, "%08llx-%08llx : System RAM\n", (unsigned long long)start,
			   (unsigned long long)end - 1);
		if (image->phys >= start && image->phys < end)
			out_printf(out, "  %08llx-%08llx : Kernel code\n",
				   (unsigned long long)image->phys,
				   (unsigned long long)(image->phys + image->size) - 1);
	}
	return 0;
}

/* ------------------------------------------------------------------ self */

/* A link's text, which does not end in a 0. */
static long put_text(char *buf, size_t size, const char *text)
{
	size_t n = 0;

	for (; text[n] && n < size; n++)
		buf[n] = text[n];
	return (long)n;
}

static long read_self(const struct pseudo_ref *r, char *buf, size_t size)
{
	char text[24];
	int tgid;

	tgid = current ? pid_nr_in(current->tgid, r->ns) : 0;
	if (!tgid)
		return -ENOENT;
	quire_snprintf(text, sizeof(text), "%d", tgid);
	return put_text(buf, size, text);
}

static long read_thread_self(const struct pseudo_ref *r, char *buf, size_t size)
{
	char text[40];
	int tgid;

	tgid = current ? pid_nr_in(current->tgid, r->ns) : 0;
	if (!tgid)
		return -ENOENT;
	quire_snprintf(text, sizeof(text), "%d/task/%d", tgid, pid_nr_in(current->pid, r->ns));
	return put_text(buf, size, text);
}

static long read_link_text(const struct pseudo_ref *r, char *buf, size_t size)
{
	return put_text(buf, size, r->e->data);
}

static int show_locks(struct out *out, const struct pseudo_ref *r)
{
	locks_report(out, r->ns);
	return 0;
}

/* ------------------------------------------------------------------ the root */

#define FIXED(n, m, text)                                                                          \
	{                                                                                          \
		.name = (n), .mode = S_IFREG | (m), .show = pseudo_show_text, .data = (text)       \
	}
#define LINK(n, f)                                                                                 \
	{                                                                                          \
		.name = (n), .mode = S_IFLNK | 0777, .readlink = (f)                               \
	}

static const struct pseudo_entry nothing[] = {{0}};

static const struct pseudo_entry sysvipc[] = {
	REPORT_UNSPLICED("msg", 0444, msg_report),
	REPORT_UNSPLICED("sem", 0444, sem_report),
	REPORT_UNSPLICED("shm", 0444, shm_report),
	{0},
};

static const struct pseudo_entry root_entries[] = {
	LINK("self", read_self),
	LINK("thread-self", read_thread_self),
	REPORT("buddyinfo", 0444, report_buddyinfo),
	PSEUDO_TEXT("cmdline", 0444, show_cmdline),
	PSEUDO_TEXT("cpuinfo", 0444, show_cpuinfo),
	FIXED("devices", 0444,
	      "Character devices:\n  1 mem\n  4 ttyS\n  5 /dev/tty\n  5 /dev/console\n  5 "
	      "/dev/ptmx\n 10 "
	      "misc\n136 pts\n\nBlock devices:"),
	PSEUDO_DIR("driver", 0555, nothing),
	PSEUDO_TEXT("filesystems", 0444, show_filesystems),
	PSEUDO_DIR("fs", 0555, nothing),
	PSEUDO_TEXT("interrupts", 0444, proc_show_interrupts),
	PSEUDO_TEXT("iomem", 0444, show_iomem),
	{.name = "kmsg", .mode = S_IFREG | 0400, .fop = &proc_kmsg_fop},
	{.name = "kpagecgroup", .mode = S_IFREG | 0400, .fop = &kpagecgroup_fop},
	{.name = "kpagecount", .mode = S_IFREG | 0400, .fop = &kpagecount_fop},
	{.name = "kpageflags", .mode = S_IFREG | 0400, .fop = &kpageflags_fop},
	PSEUDO_TEXT("loadavg", 0444, proc_show_loadavg),
	PSEUDO_TEXT("locks", 0444, show_locks),
	REPORT("meminfo", 0444, report_meminfo),
	{.name = "mounts",
	 .mode = S_IFLNK | 0777,
	 .readlink = read_link_text,
	 .data = "self/mounts"},
	{.name = "net", .mode = S_IFLNK | 0777, .readlink = read_link_text, .data = "self/net"},
	REPORT("pagetypeinfo", 0400, report_pagetypeinfo),
	PSEUDO_TEXT("partitions", 0444, show_nothing),
	REPORT_UNSPLICED("slabinfo", 0400, report_slabinfo),
	PSEUDO_TEXT("stat", 0444, proc_show_cpu_stat),
	{.name = "swaps",
	 .mode = S_IFREG | 0444,
	 .show = pseudo_show_text,
	 .data = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority",
	 .splice = -1},
	PSEUDO_DIR("sys", 0555, proc_sys),
	PSEUDO_DIR("sysvipc", 0555, sysvipc),
	PSEUDO_DIR("tty", 0555, nothing),
	PSEUDO_TEXT("uptime", 0444, proc_show_uptime),
	FIXED("version", 0444, "Linux version 6.12.0 (quire) #1 SMP Quire"),
	REPORT("vmallocinfo", 0400, report_vmallocinfo),
	REPORT("vmstat", 0444, report_vmstat),
	REPORT("zoneinfo", 0444, report_zoneinfo),
	{0},
};

static const struct pseudo_entry root_dir = {
	.name = "", .mode = S_IFDIR | 0555, .sub = root_entries, .dir = &proc_pids};
/* subset=pid: processes, and the links to oneself. */
static const struct pseudo_entry subset_entries[] = {
	LINK("self", read_self), LINK("thread-self", read_thread_self), {0}};
static const struct pseudo_entry subset_dir = {
	.name = "", .mode = S_IFDIR | 0555, .sub = subset_entries, .dir = &proc_pids};

static int proc_option(const char *key, const char *value)
{
	static const char *const hidepid[] = {"0",   "1",	 "2",	      "4",
					      "off", "noaccess", "invisible", "ptraceable"};
	long n;

	if (!value)
		return -EINVAL;
	if (!strcmp(key, "gid"))
		return parse_long(value, &n) || n < 0 ? -EINVAL : 0;
	if (!strcmp(key, "subset"))
		return strcmp(value, "pid") ? -EINVAL : 0;
	for (unsigned int i = 0; !strcmp(key, "hidepid") && i < ARRAY_SIZE(hidepid); i++)
		if (!strcmp(value, hidepid[i]))
			return 0;
	return -EINVAL;
}

/* Options: hidepid= and gid= are taken and hide nothing, all programs being root; subset=pid. */
static int proc_fill(struct super *sb, const char *options)
{
	bool subset = false;

	while (options && *options) {
		const char *end = strchr(options, ',');
		size_t n = end ? (size_t)(end - options) : strlen(options);

		if (n == 10 && !memcmp(options, "subset=pid", n))
			subset = true;
		else if (n && strncmp(options, "hidepid=", 8) != 0 &&
			 strncmp(options, "gid=", 4) != 0)
			return -EINVAL;
		options += n + (end != NULL);
	}
	return pseudo_fill_pids(sb, subset ? &subset_dir : &root_dir,
				current ? task_pid_ns(current) : &init_pid_ns);
}

const struct fs_type proc_type = {
	.name = "proc",
	.magic = PROC_MAGIC,
	.nodev = true,
	.fill = proc_fill,
	.option = proc_option,
};
