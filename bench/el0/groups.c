// SPDX-License-Identifier: MIT
/*
 * groups.c - what groups of 64 KiB cost a program: pages in a row that one fault brings, with contiguous entries (Linux: mTHP, contpte).
 *
 * As el0bench.c, and PID 1 like it. It sets the size of 64 KiB to always and that of 2 MiB to never; of a kernel that has no such settings it says
 * n/a. group_second_touch tells whether one fault brought all of the group.
 */
#include "el0bench.h"

enum { NR_mount = 40 };

/* Of the child, by its first and second write. */
static u64 samples_cow[2][15];

#define GROUP (64 * KB)
#define SIZES "/sys/kernel/mm/transparent_hugepage/hugepages-"

/* Aligned as groups are. */
static u8 *area(u64 len)
{
	u8 *p = map(0, len + 2 * GROUP, PROT_RW, MAP_ANON | MAP_PRIVATE, -1);

	return (u8 *)(((u64)p + GROUP - 1) & ~(GROUP - 1));
}

static void touch_groups(u8 *p, u64 len)
{
	for (u64 o = 0; o < len; o += GROUP)
		wr(p + o);
}

static int choose(const char *file, const char *word, u64 n)
{
	s64 fd = sys3(NR_openat, AT_FDCWD, file, O_RDWR), done;

	if (is_err(fd))
		return 0;
	done = sys3(NR_write, fd, word, n);
	sys1(NR_close, fd);
	return done == (s64)n;
}

static int enable(void)
{
	sys5(NR_mount, "none", "/sys", "sysfs", 0, 0);
	return choose(SIZES "2048kB/enabled", "never", 5) &&
	       choose(SIZES "64kB/enabled", "always", 6);
}

static void m_faults(void)
{
	const u64 len = MB;
	u64 t;

	for (int r = 0; r < 9; r++) {
		u8 *p = area(len);

		/* The first one makes tables. */
		wr(p);
		for (u64 o = GROUP; o < len; o += GROUP) {
			t = now();
			wr(p + o);
			rec(&A, now() - t);
			t = now();
			wr(p + o + GROUP / 2);
			rec(&B, now() - t);
		}
		unmap(p, len);
	}
	report("group_write_fault", &A, 1);
	report("group_second_touch", &B, 1);
	for (int r = 0; r < 9; r++) {
		u8 *p = area(4 * MB);

		touch_groups(p, 4 * MB);
		t = now();
		unmap(p, 4 * MB);
		rec(&A, now() - t);
	}
	report("group_munmap", &A, 4 * MB / GROUP);
}

static void m_protect(void)
{
	u8 *p = area(MB);

	touch_groups(p, MB);
	for (int r = 0; r < 51; r++) {
		u64 t = now();

		sys3(NR_mprotect, p, MB, PROT_R);
		rec(&A, now() - t);
		t = now();
		sys3(NR_mprotect, p, MB, PROT_RW);
		rec(&B, now() - t);
	}
	report("group_mprotect_to_ro", &A, MB / GROUP);
	report("group_mprotect_to_rw", &B, MB / GROUP);
	unmap(p, MB);
}

static void m_fork(void)
{
	const u64 len = 64 * MB;
	u8 *p = area(len);
	u64 *shared = map(0, PAGE, PROT_RW, MAP_ANON | MAP_SHARED, -1);

	touch_groups(p, len);
	shared[0] = 0;
	for (int r = 0; r < 15; r++) {
		u64 t0 = now(), t1;
		s64 pid = fork_();

		if (!pid) {
			/* Its first write in a group, and its second. */
			t1 = now();
			wr(p + (u64)r * GROUP + PAGE);
			shared[0] = now() - t1;
			t1 = now();
			wr(p + (u64)r * GROUP + 2 * PAGE);
			shared[1] = now() - t1;
			quit(0);
		}
		t1 = now();
		if (is_err(pid))
			break;
		rec(&A, t1 - t0);
		sys4(NR_wait4, pid, 0, 0, 0);
		samples_cow[0][r] = shared[0];
		samples_cow[1][r] = shared[1];
	}
	report("group_fork_call", &A, len / GROUP);
	for (int k = 0; k < 2; k++) {
		for (int r = 0; r < 15; r++)
			rec(&A, samples_cow[k][r]);
		report(k ? "group_cow_second_page" : "group_cow_first_page", &A, 1);
	}
	unmap(p, len);
}

void bench_main(void)
{
	measure_window();
	if (enable()) {
		m_faults();
		m_protect();
		m_fork();
	} else {
		puts_("EB group n/a\n");
	}
	puts_("EB DONE\n");
	quit(0);
}
