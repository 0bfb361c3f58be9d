// SPDX-License-Identifier: MIT
/*
 * el0bench.c - memory-management costs as seen from AArch64 EL0.
 *
 * Freestanding: no libc, no start files, no dynamic linking; runs as PID 1.
 * Time source: CNTVCT_EL0 / CNTFRQ_EL0.  Under QEMU "-icount shift=0" one
 * virtual nanosecond is one guest instruction, so with the counter at 1 GHz
 * (-cpu ...,cntfrq=1000000000) every figure below is an exact instruction
 * count; at other counter frequencies it is scaled to ns (== instructions)
 * and single-shot figures are quantised to one tick.
 *
 * System calls used (arm64 numbers), nothing else:
 *   openat 56, close 57, write 64, exit 93, getpid 172, brk 214, munmap 215,
 *   mremap 216, clone(SIGCHLD) 220, mmap 222, mprotect 226, madvise 233,
 *   wait4 260.
 * A failing optional call (madvise, openat, mremap...) prints "n/a".
 *
 * Output, one line per metric:
 *   EB <name> med <x.y> min <x.y> mean <x.y> p99 <x.y> n <samples> per <ops>
 * all in counter-ns per operation, with the cost of reading the counter
 * already subtracted.
 *
 * Build: aarch64-linux-gnu-gcc -O2 -static -nostdlib -nostartfiles
 *        -ffreestanding -fno-stack-protector -fno-pie -no-pie
 *        -mgeneral-regs-only -fno-tree-loop-distribute-patterns el0bench.c
 */

#include "el0bench.h"

/* anonymous mapping with huge pages refused where the kernel has them */
static u8 *anon(u64 len, int flags)
{
	void *p = map(0, len, PROT_RW, MAP_ANON | flags, -1);

	if (is_err((s64)p)) {
		puts_("EB FATAL mmap failed\n");
		quit(1);
	}
	sys3(NR_madvise, p, len, MADV_NOHUGEPAGE);
	return p;
}

/* ---- metrics ----------------------------------------------------------- */

static void m_floor(void)
{
	u8 *p = anon(MB, MAP_PRIVATE);
	u64 t;

	for (int i = 0; i < 101; i++) {
		t = now();
		for (int k = 0; k < 1000; k++)
			sys0(NR_getpid);
		rec(&A, now() - t);
	}
	report("getpid", &A, 1000);
	populate(p, MB);
	for (int i = 0; i < 101; i++) {
		t = now();
		populate(p, MB);
		rec(&A, now() - t);
	}
	report("touch_populated_page", &A, MB / PAGE);
	unmap(p, MB);
}

/* every page of a fresh 4 MiB region, each fault timed on its own */
static void m_anon(void)
{
	const u64 len = 4 * MB;

	for (int r = 0; r < 4; r++) {
		u8 *p = anon(len, MAP_PRIVATE);

		for (u64 o = 0; o < len; o += PAGE) {
			u64 t = now();

			wr(p + o);
			rec(&A, now() - t);
		}
		unmap(p, len);
	}
	report("anon_write_fault", &A, 1);
	for (int r = 0; r < 8; r++) {
		u8 *p = anon(len, MAP_PRIVATE);
		u64 t = now();

		populate(p, len);
		rec(&A, now() - t);
		t = now();
		unmap(p, len);
		rec(&B, now() - t);
	}
	report("anon_write_fault_4M_per_page", &A, len / PAGE);
	report("munmap_populated_4M_per_page", &B, len / PAGE);
	for (int r = 0; r < 4; r++) {
		u8 *p = anon(len, MAP_PRIVATE);

		for (u64 o = 0; o < len; o += PAGE) {
			u64 t = now();

			rd(p + o);
			rec(&A, now() - t);
		}
		for (u64 o = 0; o < len; o += PAGE) {
			u64 t = now();

			wr(p + o);
			rec(&B, now() - t);
		}
		unmap(p, len);
	}
	report("anon_read_fault_zeropage", &A, 1);
	report("zeropage_to_write_fault", &B, 1);
	for (int r = 0; r < 16; r++) {
		u64 t = now();
		u8 *p = map(0, MB, PROT_RW, MAP_ANON | MAP_PRIVATE | MAP_POPULATE, -1);

		rec(&A, now() - t);
		if (is_err((s64)p)) {
			A.n = 0;
			break;
		}
		unmap(p, MB);
	}
	report("mmap_populate_1M_per_page", &A, MB / PAGE);
}

/* 2 MiB huge-page fault, where offered; tells itself apart by the 2nd touch */
static void m_thp(void)
{
	for (int r = 0; r < 9; r++) {
		u8 *p = map(0, 8 * MB, PROT_RW, MAP_ANON | MAP_PRIVATE, -1);
		u8 *q = (u8 *)(((u64)p + 2 * MB - 1) & ~(2 * MB - 1));
		u64 t;

		if (is_err(sys3(NR_madvise, p, 8 * MB, MADV_HUGEPAGE))) {
			unmap(p, 8 * MB);
			break;
		}
		t = now();
		wr(q);
		rec(&A, now() - t);
		t = now();
		wr(q + MB);
		rec(&B, now() - t);
		unmap(p, 8 * MB);
	}
	report("thp_2M_write_fault", &A, 1);
	report("thp_2M_second_touch", &B, 1);
}

/* the child writes pages its parent populated; times come back in `res` */
static void m_cow(void)
{
	const u64 len = MB, n = len / PAGE;
	u8 *p = anon(len, MAP_PRIVATE);
	u64 *res = (u64 *)anon(n * 8, MAP_SHARED);
	s64 pid;

	populate((u8 *)res, n * 8);
	for (int r = 0; r < 8; r++) {
		populate(p, len);
		pid = fork_();
		if (pid == 0) {
			populate((u8 *)res, n * 8);
			for (u64 i = 0; i < n; i++) {
				u64 t = now();

				wr(p + i * PAGE);
				res[i] = now() - t;
			}
			quit(0);
		}
		if (is_err(pid))
			break;
		sys4(NR_wait4, pid, 0, 0, 0);
		for (u64 i = 0; i < n; i++)
			rec(&A, res[i]);
		for (u64 i = 0; i < n; i++) {
			u64 t = now();

			wr(p + i * PAGE);
			rec(&B, now() - t);
		}
	}
	report("cow_fault_copy", &A, 1);
	report("cow_fault_reuse", &B, 1);
	unmap(p, len);
	unmap(res, n * 8);
}

static void m_shared(void)
{
	const u64 len = MB, n = len / PAGE;
	u64 *res = (u64 *)anon(n * 8, MAP_SHARED);
	s64 pid;

	for (int r = 0; r < 8; r++) {
		u8 *p = anon(len, MAP_SHARED);

		for (u64 i = 0; i < n; i++) {
			u64 t = now();

			wr(p + i * PAGE);
			rec(&A, now() - t);
		}
		pid = fork_();
		if (pid == 0) {
			populate((u8 *)res, n * 8);
			for (u64 i = 0; i < n; i++) {
				u64 t = now();

				wr(p + i * PAGE);
				res[i] = now() - t;
			}
			quit(0);
		}
		if (!is_err(pid)) {
			sys4(NR_wait4, pid, 0, 0, 0);
			for (u64 i = 0; i < n; i++)
				rec(&B, res[i]);
		}
		unmap(p, len);
	}
	report("shared_anon_fault_new", &A, 1);
	report("shared_anon_fault_present_child", &B, 1);
	unmap(res, n * 8);
}

/* private read (each page; 1 in 16), private write, shared write */
static void m_file(void)
{
	static const char *name[] = {
		"file_read_fault_stride4K",
		"file_read_fault_stride64K",
		"file_private_write_fault",
		"file_shared_write_fault",
	};
	s64 fd = sys4(NR_openat, AT_FDCWD, DATA_FILE, O_RDWR, 0);

	for (int k = 0; k < 4; k++) {
		u64 step = k == 1 ? 64 * KB : PAGE;

		for (int r = 0; !is_err(fd) && r < 4; r++) {
			u8 *p = map(0, DATA_SIZE, k >= 2 ? PROT_RW : PROT_R,
				    k == 3 ? MAP_SHARED : MAP_PRIVATE, (int)fd);
			u64 all;

			if (is_err((s64)p))
				break;
			all = now();
			for (u64 o = 0; o < DATA_SIZE; o += step) {
				u64 t = now();

				if (k >= 2)
					wr(p + o);
				else
					rd(p + o);
				rec(&A, now() - t);
			}
			rec(&B, now() - all);
			unmap(p, DATA_SIZE);
		}
		report(name[k], &A, 1);
		if (k == 0)
			report("file_read_fault_4M_per_page", &B, DATA_SIZE / PAGE);
		B.n = 0;
	}
	if (!is_err(fd))
		sys1(NR_close, fd);
}

static void m_mmap(void)
{
	static const u64 len[] = {PAGE, 64 * MB};
	static const char *nm[] = {"mmap_1page", "mmap_64M"};
	static const char *nu[] = {"munmap_1page", "munmap_64M"};
	u64 t, t1;

	for (int k = 0; k < 2; k++) {
		for (int i = 0; i < 1001; i++) {
			u8 *p;

			t = now();
			p = map(0, len[k], PROT_RW, MAP_ANON | MAP_PRIVATE, -1);
			t1 = now();
			rec(&A, t1 - t);
			t = now();
			unmap(p, len[k]);
			rec(&B, now() - t);
		}
		report(nm[k], &A, 1);
		report(nu[k], &B, 1);
	}
	for (int i = 0; i < 501; i++) {
		t = now();
		u8 *p = map(0, PAGE, PROT_RW, MAP_ANON | MAP_PRIVATE, -1);

		wr(p);
		unmap(p, PAGE);
		rec(&A, now() - t);
	}
	report("mmap_touch_munmap_1page", &A, 1);
	for (int i = 0; i < 9; i++) {
		u8 *p = anon(64 * MB, MAP_PRIVATE);

		t = now();
		populate(p, 64 * MB);
		rec(&B, now() - t);
		t = now();
		unmap(p, 64 * MB);
		rec(&A, now() - t);
	}
	report("munmap_populated_64M", &A, 1);
	report("populate_64M", &B, 1);
}

/* cost of mmap+munmap+fault in a process that already has many areas */
static void m_many(void)
{
	static const u64 count[] = {1000, 16000};
	static const char *nm[] = {"mmap_touch_munmap_1000vmas", "mmap_touch_munmap_16000vmas"};
	static const char *ns[] = {"vma_create_1000_per_call", "vma_create_16000_per_call"};

	for (int k = 0; k < 2; k++) {
		u64 len = count[k] * PAGE;
		u8 *p = map(0, len, PROT_NONE, MAP_ANON | MAP_PRIVATE | MAP_NORESERVE, -1);
		u64 t;

		if (is_err((s64)p))
			continue;
		t = now();
		for (u64 o = 0; o < len; o += 2 * PAGE)
			if (is_err(sys3(NR_mprotect, p + o, PAGE, PROT_RW)))
				break;
		rec(&B, now() - t);
		for (int i = 0; i < 501; i++) {
			u8 *q;

			t = now();
			q = map(0, PAGE, PROT_RW, MAP_ANON | MAP_PRIVATE, -1);
			wr(q);
			unmap(q, PAGE);
			rec(&A, now() - t);
		}
		report(ns[k], &B, count[k] / 2);
		report(nm[k], &A, 1);
		t = now();
		unmap(p, len);
		rec(&A, now() - t);
		report("munmap_all_vmas_per_vma", &A, count[k]);
	}
}

static void m_mprotect(void)
{
	u8 *p = anon(3 * PAGE, MAP_PRIVATE), *q = anon(MB, MAP_PRIVATE);
	u64 t;

	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < 501; i++) {
			t = now();
			sys3(NR_mprotect, p + PAGE, PAGE, PROT_R);
			rec(&A, now() - t);
			t = now();
			sys3(NR_mprotect, p + PAGE, PAGE, PROT_RW);
			rec(&B, now() - t);
		}
		report(pass ? "mprotect_split_populated" : "mprotect_split_untouched", &A, 1);
		report(pass ? "mprotect_merge_populated" : "mprotect_merge_untouched", &B, 1);
		populate(p, 3 * PAGE);
	}
	populate(q, MB);
	for (int i = 0; i < 51; i++) {
		t = now();
		sys3(NR_mprotect, q, MB, PROT_R);
		rec(&A, now() - t);
		t = now();
		sys3(NR_mprotect, q, MB, PROT_RW);
		rec(&B, now() - t);
		populate(q, MB);
	}
	report("mprotect_1M_populated_to_ro", &A, 1);
	report("mprotect_1M_populated_to_rw", &B, 1);
	unmap(p, 3 * PAGE);
	unmap(q, MB);
}

/* both ways between two reserved windows; offset 0: 2 MiB aligned */
static void m_mremap(void)
{
	static const char *nm[] = {"mremap_16M_populated_aligned",
				   "mremap_16M_populated_unaligned"};
	const u64 len = 16 * MB, win = 20 * MB;
	u64 t;

	for (int k = 0; k < 2; k++) {
		u8 *a = map(0, win, PROT_NONE, MAP_ANON | MAP_PRIVATE | MAP_NORESERVE, -1);
		u8 *b = map(0, win, PROT_NONE, MAP_ANON | MAP_PRIVATE | MAP_NORESERVE, -1);
		u8 *s = (u8 *)(((u64)a + 2 * MB - 1) & ~(2 * MB - 1));
		u8 *d = (u8 *)(((u64)b + 2 * MB - 1) & ~(2 * MB - 1)) + (k ? PAGE : 0);

		map(s, len, PROT_RW, MAP_ANON | MAP_PRIVATE | MAP_FIXED, -1);
		sys3(NR_madvise, s, len, MADV_NOHUGEPAGE);
		populate(s, len);
		for (int i = 0; i < 20; i++) {
			u8 *x;

			t = now();
			if (is_err(sys5(NR_mremap, s, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, d)))
				break;
			rec(&A, now() - t);
			x = s;
			s = d;
			d = x;
			rd(s);
		}
		report(nm[k], &A, 1);
		unmap(a, win);
		unmap(b, win);
		unmap(s, len);
	}
	for (int i = 0; i < 201; i++) {
		u8 *p = anon(4 * PAGE, MAP_PRIVATE);
		s64 r;

		populate(p, 4 * PAGE);
		unmap(p + 2 * PAGE, 2 * PAGE);
		t = now();
		r = sys5(NR_mremap, p, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE, 0);
		if (!is_err(r))
			rec(&A, now() - t);
		unmap(is_err(r) ? p : (u8 *)r, 4 * PAGE);
	}
	report("mremap_grow_2_to_4_pages", &A, 1);
}

static void m_fork(void)
{
	static const u64 res[] = {0, MB, 64 * MB};
	static const char *nf[] = {"fork_call_0M", "fork_call_1M", "fork_call_64M"};
	static const char *nt[] = {"fork_exit_wait_0M", "fork_exit_wait_1M", "fork_exit_wait_64M"};

	for (int k = 0; k < 3; k++) {
		u8 *p = res[k] ? anon(res[k], MAP_PRIVATE) : 0;
		int n = k == 2 ? 15 : 51;

		if (p)
			populate(p, res[k]);
		for (int i = 0; i < n; i++) {
			u64 t0 = now(), t1;
			s64 pid = fork_();

			if (pid == 0)
				quit(0);
			t1 = now();
			if (is_err(pid))
				break;
			sys4(NR_wait4, pid, 0, 0, 0);
			rec(&B, now() - t0);
			rec(&A, t1 - t0);
		}
		report(nf[k], &A, 1);
		report(nt[k], &B, 1);
		if (p)
			unmap(p, res[k]);
	}
}

static void m_brk(void)
{
	u64 base = (u64)sys1(NR_brk, 0), t;

	base = (base + PAGE - 1) & ~(PAGE - 1);
	sys1(NR_brk, base + PAGE);
	for (int i = 0; i < 501; i++) {
		t = now();
		sys1(NR_brk, base + 2 * PAGE);
		rec(&A, now() - t);
		t = now();
		sys1(NR_brk, base + PAGE);
		rec(&B, now() - t);
	}
	report("brk_grow_1page", &A, 1);
	report("brk_shrink_1page_untouched", &B, 1);
	for (int i = 0; i < 501; i++) {
		t = now();
		sys1(NR_brk, base + 2 * PAGE);
		wr((void *)(base + PAGE));
		rec(&A, now() - t);
		t = now();
		sys1(NR_brk, base + PAGE);
		rec(&B, now() - t);
	}
	report("brk_grow_touch_1page", &A, 1);
	report("brk_shrink_1page_touched", &B, 1);
}

static void m_madvise(void)
{
	u8 *p = anon(MB, MAP_PRIVATE);
	u64 t;

	for (int i = 0; i < 51; i++) {
		t = now();
		populate(p, MB);
		rec(&B, now() - t);
		t = now();
		if (is_err(sys3(NR_madvise, p, MB, MADV_DONTNEED)))
			break;
		rec(&A, now() - t);
	}
	report("madvise_dontneed_1M_populated", &A, 1);
	report("refault_1M_after_dontneed", &B, 1);
	for (int i = 0; i < 501; i++) {
		wr(p);
		t = now();
		if (is_err(sys3(NR_madvise, p, PAGE, MADV_DONTNEED)))
			break;
		rec(&A, now() - t);
	}
	report("madvise_dontneed_1page", &A, 1);
	unmap(p, MB);
}

/* ---- entry ------------------------------------------------------------- */

void bench_main(void)
{
	measure_window();
	m_floor();
	m_anon();
	m_cow();
	m_shared();
	m_file();
	m_mmap();
	m_mprotect();
	m_mremap();
	m_fork();
	m_brk();
	m_madvise();
	m_many();
	m_thp();
	puts_("EB DONE\n");
	quit(0);
}
