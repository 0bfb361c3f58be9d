// SPDX-License-Identifier: MIT
/*
 * /proc/sys: what Linux lets be read and set, as far as it means something here or programs ask for it, with the defaults of Linux 6.12
 * on a machine with 4 KiB pages (Documentation/admin-guide/sysctl).
 *
 * A value that only Linux heeds is kept and shown again, no more; those that Quire heeds point at the variable that it heeds. Locking:
 * kernel_lock.
 */
#include <quire/compaction.h>
#include <quire/mm.h>
#include <quire/mm_init.h>
#include <quire/printk.h>
#include <quire/string.h>
#include <quire/vmstat.h>

#include "exec.h"
#include "lease.h"
#include "inotify.h"
#include "ipc.h"
#include "kmsg.h"
#include "mqueue.h"
#include "namespace.h"
#include "poll.h"
#include "proc.h"
#include "userns.h"

#define TEXT(n, text)                                                                              \
	{                                                                                          \
		.name = (n), .mode = S_IFREG | 0444, .show = pseudo_show_text, .data = (text)      \
	}
#define INT_WITHIN(n, var, lo, hi)                                                                 \
	{                                                                                          \
		.name = (n), .mode = S_IFREG | 0644, .show = pseudo_show_int,                      \
		.store = pseudo_store_int, .data = &(var), .min = (lo), .max = (hi)                \
	}
#define INT(n, var) INT_WITHIN(n, var, 0, 0)
#define LONG_WITHIN(n, var, lo, hi)                                                                \
	{                                                                                          \
		.name = (n), .mode = S_IFREG | 0644, .show = pseudo_show_long,                     \
		.store = pseudo_store_long, .data = &(var), .min = (lo), .max = (hi)               \
	}
/* Kept for who asks: a variable of its own. */
#define KEPT(n, value, lo, hi) INT_WITHIN(n, *(int[]){value}, lo, hi)
#define KEPT_LONG(n, value) LONG_WITHIN(n, *(long[]){value}, 0, 0)

/* ------------------------------------------------------------------ vm */

static int store_compact(const struct pseudo_ref *r, char *text, size_t n)
{
	long value;
	int err = parse_long(text, &value);

	(void)r;
	(void)n;
	if (err)
		return err;
	if (value != 1)
		return -EINVAL;
	compact_nodes();
	return 0;
}

/* There is no cache that could be dropped: pages of files are the files. */
static int store_drop_caches(const struct pseudo_ref *r, char *text, size_t n)
{
	long value;
	int err = parse_long(text, &value);

	(void)r;
	(void)n;
	return err ? err : value < 1 || value > 4 ? -EINVAL : 0;
}

static int store_stat_refresh(const struct pseudo_ref *r, char *text, size_t n)
{
	(void)r;
	(void)text;
	(void)n;
	vmstat_refresh();
	return 0;
}

static int show_min_free(struct out *out, const struct pseudo_ref *r)
{
	(void)r;
	out_printf(out, "%d\n", min_free_kbytes);
	return 0;
}

static int store_min_free(const struct pseudo_ref *r, char *text, size_t n)
{
	long value;
	int err = parse_long(text, &value);

	(void)r;
	(void)n;
	if (err)
		return err;
	if (value < 0 || value > INT_MAX)
		return -EINVAL;
	min_free_kbytes = user_min_free_kbytes = (int)value;
	setup_per_zone_wmarks();
	return 0;
}

static int show_lowmem(struct out *out, const struct pseudo_ref *r)
{
	(void)r;
	for (unsigned int i = 0; i < MAX_NR_ZONES; i++)
		out_printf(out, i ? "\t%d" : "%d", sysctl_lowmem_reserve_ratio[i]);
	out_puts(out, "\n");
	return 0;
}

/* Programs that run have the new limit, too. */
static int store_max_map_count(const struct pseudo_ref *r, char *text, size_t n)
{
	int err = pseudo_store_int(r, text, n);

	for_each_process(p) for_each_thread(t, p) if (!err && t->mm) t->mm->max_map_count =
		sysctl_max_map_count;
	return err;
}

/* The ratio and the bytes exclude each other. */
static int store_overcommit_ratio(const struct pseudo_ref *r, char *text, size_t n)
{
	int err = pseudo_store_int(r, text, n);

	if (!err)
		sysctl_overcommit_kbytes = 0;
	return err;
}

static int store_overcommit_kbytes(const struct pseudo_ref *r, char *text, size_t n)
{
	int err = pseudo_store_long(r, text, n);

	if (!err)
		sysctl_overcommit_ratio = 0;
	return err;
}

static const struct pseudo_entry vm_entries[] = {
	LONG_WITHIN("admin_reserve_kbytes", sysctl_admin_reserve_kbytes, 0, 0),
	{.name = "compact_memory", .mode = S_IFREG | 0200, .store = store_compact},
	KEPT("compact_unevictable_allowed", 1, 0, 1),
	KEPT("compaction_proactiveness", 20, 0, 100),
	KEPT("dirty_background_bytes", 0, 0, 0),
	KEPT("dirty_background_ratio", 10, 0, 100),
	KEPT("dirty_bytes", 0, 0, 0),
	KEPT("dirty_expire_centisecs", 3000, 0, 0),
	KEPT("dirty_ratio", 20, 0, 100),
	KEPT("dirty_writeback_centisecs", 500, 0, 0),
	KEPT("dirtytime_expire_seconds", 43200, 0, 0),
	{.name = "drop_caches", .mode = S_IFREG | 0200, .store = store_drop_caches},
	KEPT("enable_soft_offline", 1, 0, 1),
	KEPT("extfrag_threshold", 500, 0, 1000),
	KEPT("laptop_mode", 0, 0, 0),
	KEPT("legacy_va_layout", 0, 0, 1),
	PSEUDO_TEXT("lowmem_reserve_ratio", 0644, show_lowmem),
	{.name = "max_map_count",
	 .mode = S_IFREG | 0644,
	 .show = pseudo_show_int,
	 .store = store_max_map_count,
	 .data = &sysctl_max_map_count,
	 .max = INT_MAX},
	INT_WITHIN("memfd_noexec", sysctl_memfd_noexec, 0, 2),
	KEPT("memory_failure_early_kill", 0, 0, 1),
	KEPT("memory_failure_recovery", 1, 0, 1),
	{.name = "min_free_kbytes",
	 .mode = S_IFREG | 0644,
	 .show = show_min_free,
	 .store = store_min_free},
	KEPT_LONG("mmap_min_addr", DAC_MMAP_MIN_ADDR),
	KEPT("mmap_rnd_bits", MMAP_RANDOM_BITS, MMAP_RANDOM_BITS, 45 - PAGE_SHIFT),
	KEPT("oom_dump_tasks", 1, 0, 1),
	KEPT("oom_kill_allocating_task", 0, 0, 1),
	{.name = "overcommit_kbytes",
	 .mode = S_IFREG | 0644,
	 .show = pseudo_show_long,
	 .store = store_overcommit_kbytes,
	 .data = &sysctl_overcommit_kbytes},
	INT_WITHIN("overcommit_memory", sysctl_overcommit_memory, 0, 2),
	{.name = "overcommit_ratio",
	 .mode = S_IFREG | 0644,
	 .show = pseudo_show_int,
	 .store = store_overcommit_ratio,
	 .data = &sysctl_overcommit_ratio},
	KEPT("page-cluster", 3, 0, 31),
	KEPT("page_lock_unfairness", 5, 0, INT_MAX),
	KEPT("panic_on_oom", 0, 0, 2),
	KEPT("percpu_pagelist_high_fraction", 0, 0, 0),
	KEPT("stat_interval", 1, 0, 0),
	{.name = "stat_refresh", .mode = S_IFREG | 0600, .store = store_stat_refresh},
	KEPT("swappiness", 60, 0, 200),
	KEPT("unprivileged_userfaultfd", 0, 0, 1),
	LONG_WITHIN("user_reserve_kbytes", sysctl_user_reserve_kbytes, 0, 0),
	KEPT("vfs_cache_pressure", 100, 0, INT_MAX),
	KEPT("watermark_boost_factor", 15000, 0, INT_MAX),
	INT_WITHIN("watermark_scale_factor", watermark_scale_factor, 1, 3000),
	KEPT("zone_reclaim_mode", 0, 0, 0),
	{0},
};

/* ------------------------------------------------------------------ kernel */

static int show_u64(struct out *out, const struct pseudo_ref *r)
{
	out_printf(out, "%llu\n", (unsigned long long)*(const u64 *)pseudo_data(r));
	return 0;
}

static int store_u64(const struct pseudo_ref *r, char *text, size_t n)
{
	u64 value = 0;

	(void)n;
	while (*text == ' ' || *text == '\t')
		text++;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (value > (~0ULL - (u64)(*text - '0')) / 10)
			return -EINVAL;
		value = value * 10 + (u64)(*text - '0');
	}
	if (*text && *text != '\n' && *text != ' ')
		return -EINVAL;
	*(u64 *)pseudo_data(r) = value;
	return 0;
}

/* Of the running program's IPC namespace. */
#define IPC_INT(n, var, lo, hi)                                                                    \
	{                                                                                          \
		.name = (n), .mode = S_IFREG | 0644, .show = pseudo_show_int,                      \
		.store = pseudo_store_int, .data = &init_ipc_ns.var, .place = ipc_own_place,       \
		.min = (lo), .max = (hi)                                                           \
	}
#define IPC_U64(n, var)                                                                            \
	{                                                                                          \
		.name = (n), .mode = S_IFREG | 0644, .show = show_u64, .store = store_u64,         \
		.data = &init_ipc_ns.var, .place = ipc_own_place                                   \
	}

char sysctl_core_pattern[128] = "core";
int sysctl_core_uses_pid;

static int store_text(const struct pseudo_ref *r, char *text, size_t n)
{
	char *end = strchr(text, '\n');

	(void)n;
	if (end)
		*end = '\0';
	quire_strlcpy(r->e->data, text, (size_t)r->e->max);
	return 0;
}

static void put_uuid(struct out *out, const u8 b[16])
{
	for (unsigned int i = 0; i < 16; i++)
		out_printf(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
			   i == 6   ? (b[i] & 15) | 0x40
			   : i == 8 ? (b[i] & 0x3f) | 0x80
				    : b[i]);
	out_puts(out, "\n");
}

static int show_uuid(struct out *out, const struct pseudo_ref *r)
{
	u8 bytes[16];

	(void)r;
	get_random_bytes(bytes, sizeof(bytes));
	put_uuid(out, bytes);
	return 0;
}

static int show_boot_id(struct out *out, const struct pseudo_ref *r)
{
	static u8 bytes[16];
	static bool made;

	(void)r;
	if (!made)
		get_random_bytes(bytes, sizeof(bytes));
	made = true;
	put_uuid(out, bytes);
	return 0;
}

static int show_threads_max(struct out *out, const struct pseudo_ref *r)
{
	(void)r;
	out_printf(out, "%u\n", max_tasks);
	return 0;
}

static int show_sem(struct out *out, const struct pseudo_ref *r)
{
	const int *most = ipc_own()->sem_most;

	(void)r;
	out_printf(out, "%d\t%d\t%d\t%d\n", most[0], most[1], most[2], most[3]);
	return 0;
}

/* As many of the four as there are. Those before a wrong one are taken. */
static int store_sem(const struct pseudo_ref *r, char *text, size_t n)
{
	(void)r;
	(void)n;
	for (unsigned int i = 0; i < ARRAY_SIZE(ipc_own()->sem_most); i++) {
		long value;
		int got = parse_next(&text, &value);

		if (got <= 0)
			return got || i ? got : -EINVAL;
		if (value != (int)value)
			return -EINVAL;
		if (i == 3 && (value < 0 || value > (long)IPC_MAX))
			return -ERANGE;
		ipc_own()->sem_most[i] = (int)value;
	}
	return 0;
}

static const struct pseudo_entry random_entries[] = {
	PSEUDO_TEXT("boot_id", 0444, show_boot_id),
	TEXT("entropy_avail", "256"),
	TEXT("poolsize", "256"),
	PSEUDO_TEXT("uuid", 0444, show_uuid),
	{0},
};

static const struct pseudo_entry kernel_entries[] = {
	KEPT("auto_msgmni", 0, 0, 1),
	TEXT("cap_last_cap", "40"),
	{.name = "core_pattern",
	 .mode = S_IFREG | 0644,
	 .show = pseudo_show_text,
	 .store = store_text,
	 .data = sysctl_core_pattern,
	 .max = sizeof(sysctl_core_pattern)},
	KEPT("core_pipe_limit", 0, 0, 0),
	INT_WITHIN("core_uses_pid", sysctl_core_uses_pid, 0, INT_MAX),
	{.name = "dmesg_restrict",
	 .mode = S_IFREG | 0644,
	 .show = pseudo_show_int,
	 .store = proc_store_dmesg_restrict,
	 .data = &sysctl_dmesg_restrict,
	 .min = 0,
	 .max = 1},
	{.name = "domainname", .mode = S_IFREG | 0644, .show = show_uts, .store = store_uts},
	{.name = "hostname", .mode = S_IFREG | 0644, .show = show_uts, .store = store_uts},
	KEPT("io_uring_disabled", 0, 0, 2),
	KEPT("kptr_restrict", 0, 0, 2),
	IPC_INT("msg_next_id", msg_next_id, 0, INT_MAX),
	IPC_INT("msgmax", msgmax, 0, INT_MAX),
	IPC_INT("msgmnb", msgmnb, 0, INT_MAX),
	IPC_INT("msgmni", msgmni, 0, 32768),
	TEXT("ngroups_max", "65536"),
	KEPT("numa_balancing", 0, 0, 2),
	TEXT("osrelease", "6.12.0"),
	TEXT("ostype", "Linux"),
	KEPT("overflowgid", 65534, 0, 65535),
	KEPT("overflowuid", 65534, 0, 65535),
	KEPT("panic", 0, 0, 0),
	KEPT("panic_on_oops", 0, 0, 1),
	KEPT("panic_on_warn", 0, 0, 1),
	KEPT("perf_event_paranoid", 3, -1, 4),
	KEPT("pid_max", PID_MAX, 301, 4194304),
	KEPT("print-fatal-signals", 0, 0, 1),
	{.name = "printk",
	 .mode = S_IFREG | 0644,
	 .show = proc_show_printk,
	 .store = proc_store_printk},
	KEPT("printk_delay", 0, 0, 10000),
	TEXT("printk_devkmsg", "on"),
	KEPT("printk_ratelimit", 5, 0, 0),
	KEPT("printk_ratelimit_burst", 10, 0, 0),
	PSEUDO_DIR("random", 0555, random_entries),
	INT_WITHIN("randomize_va_space", sysctl_randomize_va_space, 0, 2),
	KEPT("sched_autogroup_enabled", 1, 0, 1),
	KEPT("sched_rr_timeslice_ms", 100, 0, 0),
	KEPT("sched_rt_period_us", 1000000, 1, INT_MAX),
	KEPT("sched_rt_runtime_us", 950000, -1, INT_MAX),
	{.name = "sem", .mode = S_IFREG | 0644, .show = show_sem, .store = store_sem},
	IPC_INT("sem_next_id", sem_next_id, 0, INT_MAX),
	IPC_INT("shm_next_id", shm_next_id, 0, INT_MAX),
	KEPT("shm_rmid_forced", 0, 0, 1),
	IPC_U64("shmall", shmall),
	IPC_U64("shmmax", shmmax),
	IPC_INT("shmmni", shmmni, 0, 32768),
	KEPT("sysrq", 438, 0, 0),
	KEPT("tainted", 0, 0, 0),
	PSEUDO_TEXT("threads-max", 0644, show_threads_max),
	KEPT("timer_migration", 1, 0, 1),
	KEPT("unprivileged_bpf_disabled", 2, 0, 2),
	TEXT("version", "#1 SMP Quire"),
	{0},
};

/* ------------------------------------------------------------------ fs, net, user */

static const struct pseudo_entry mqueue_entries[] = {
	IPC_INT("msg_default", mq_msg_default, 1, 65536),
	IPC_INT("msg_max", mq_msg_max, 1, 65536),
	IPC_INT("msgsize_default", mq_msgsize_default, 128, 16777216),
	IPC_INT("msgsize_max", mq_msgsize_max, 128, 16777216),
	IPC_INT("queues_max", mq_queues_max, 0, 0),
	{0},
};
static const struct pseudo_entry epoll_entries[] = {
	LONG_WITHIN("max_user_watches", sysctl_epoll_max_watches, 0, LONG_MAX),
	{0},
};
static const struct pseudo_entry inotify_entries[] = {
	INT_WITHIN("max_queued_events", sysctl_inotify_max_events, 0, INT_MAX),
	LONG_WITHIN("max_user_instances", sysctl_inotify_max_instances, 0, INT_MAX),
	LONG_WITHIN("max_user_watches", sysctl_inotify_max_watches, 0, INT_MAX),
	{0},
};

static const struct pseudo_entry fs_entries[] = {
	KEPT_LONG("aio-max-nr", 65536),
	KEPT_LONG("aio-nr", 0),
	TEXT("dentry-state", "1000\t0\t45\t0\t0\t0"),
	PSEUDO_DIR("epoll", 0555, epoll_entries),
	KEPT_LONG("file-max", LONG_MAX),
	TEXT("file-nr", "64\t0\t9223372036854775807"),
	TEXT("inode-nr", "1000\t0"),
	TEXT("inode-state", "1000\t0\t0\t0\t0\t0\t0"),
	PSEUDO_DIR("inotify", 0555, inotify_entries),
	INT("lease-break-time", sysctl_lease_break_time),
	INT_WITHIN("leases-enable", sysctl_leases_enable, 0, 1),
	INT_WITHIN("mount-max", sysctl_mount_max, 1, INT_MAX),
	PSEUDO_DIR("mqueue", 0555, mqueue_entries),
	INT_WITHIN("nr_open", sysctl_nr_open, 64, 1073741760),
	KEPT("overflowgid", 65534, 0, 65535),
	KEPT("overflowuid", 65534, 0, 65535),
	KEPT("pipe-max-size", 1048576, PAGE_SIZE, INT_MAX),
	KEPT("pipe-user-pages-hard", 0, 0, 0),
	KEPT("pipe-user-pages-soft", 16384, 0, 0),
	KEPT("protected_fifos", 0, 0, 2),
	INT_WITHIN("protected_hardlinks", sysctl_protected_hardlinks, 0, 1),
	KEPT("protected_regular", 0, 0, 2),
	INT_WITHIN("protected_symlinks", sysctl_protected_symlinks, 0, 1),
	KEPT("suid_dumpable", 0, 0, 2),
	{0},
};

static const struct pseudo_entry core_entries[] = {KEPT("rmem_max", 212992, 2304, INT_MAX),
						   KEPT("somaxconn", 4096, 0, INT_MAX),
						   KEPT("wmem_max", 212992, 4608, INT_MAX),
						   {0}};
static const struct pseudo_entry unix_entries[] = {KEPT("max_dgram_qlen", 512, 0, INT_MAX), {0}};
static const struct pseudo_entry net_entries[] = {
	PSEUDO_DIR("core", 0555, core_entries), PSEUDO_DIR("unix", 0555, unix_entries), {0}};
static const struct pseudo_entry nothing[] = {{0}};

#define MAX_NAMESPACES(n)                                                                          \
	{                                                                                          \
		.name = "max_" n "_namespaces", .mode = S_IFREG | 0644,                            \
		.show = show_max_namespaces, .store = store_max_namespaces                         \
	}
static const struct pseudo_entry user_entries[] = {
	MAX_NAMESPACES("cgroup"), MAX_NAMESPACES("ipc"), MAX_NAMESPACES("mnt"),
	MAX_NAMESPACES("net"),	  MAX_NAMESPACES("pid"), MAX_NAMESPACES("time"),
	MAX_NAMESPACES("user"),	  MAX_NAMESPACES("uts"), {0},
};

const struct pseudo_entry proc_sys[] = {
	PSEUDO_DIR("debug", 0555, nothing),
	PSEUDO_DIR("fs", 0555, fs_entries),
	PSEUDO_DIR("kernel", 0555, kernel_entries),
	PSEUDO_DIR("net", 0555, net_entries),
	PSEUDO_DIR("user", 0555, user_entries),
	PSEUDO_DIR("vm", 0555, vm_entries),
	{0},
};
