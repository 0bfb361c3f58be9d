// SPDX-License-Identifier: MIT
/*
 * The board port's own test image: linked in place of the benches and run by `quire.bench` (tests/boot/boot_matrix.sh). What can
 * only be tested on the target: the assembly of memops.S and the word-wise string functions against byte loops, atomic operations, fault
 * recovery, address translation, symbols.
 */
#include <libfdt.h>
#include <quire/bench.h>
#include <quire/port.h>
#include <quire/printk.h>
#include <quire/string.h>

#define AREA 1024
static unsigned char a[AREA] __aligned(64), b[AREA] __aligned(64), want[AREA];
static unsigned char big1[70000] __aligned(64), big2[70000] __aligned(64);
static unsigned int passed, failed;

static void check(const char *what, bool ok)
{
	ok ? passed++ : failed++;
	if (!ok)
		pr_err("port test: %s: FAILED\n", what);
}

static void fill(unsigned char *p, size_t n, unsigned int seed)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = (unsigned char)(seed + i * 7 + (i >> 8));
}

static bool same(const unsigned char *p, const unsigned char *q, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (p[i] != q[i])
			return false;
	return true;
}

static bool copies(void)
{
	size_t n, from, to, i;

	for (n = 0; n <= 300; n++)
		for (from = 0; from < 17; from += 4 + (from == 0))
			for (to = 0; to < 17; to += 3) {
				fill(a, AREA, 1);
				fill(b, AREA, 101);
				fill(want, AREA, 101);
				for (i = 0; i < n; i++)
					want[64 + to + i] = a[64 + from + i];
				if (memcpy(b + 64 + to, a + 64 + from, n) != b + 64 + to ||
				    !same(b, want, AREA))
					return false;
			}
	return true;
}

static bool moves(void)
{
	static const int distance[] = {-300, -130, -128, -64, -17, -1,	0,
				       1,    8,	   63,	 64,  127, 128, 200};
	unsigned int d;
	size_t n, i;

	for (n = 0; n <= 400; n += 1 + n / 16)
		for (d = 0; d < ARRAY_SIZE(distance); d++) {
			size_t from = 320, to = (size_t)(320 + distance[d]);

			fill(a, AREA, 3);
			fill(want, AREA, 3);
			fill(b, AREA, 3);
			for (i = 0; i < n; i++)
				want[to + i] = b[from + i];
			memmove(a + to, a + from, n);
			if (!same(a, want, AREA))
				return false;
		}
	return true;
}

static bool large(void)
{
	size_t n;

	for (n = 30000; n < 30260; n += 37) {
		fill(big1, sizeof(big1), 5);
		fill(big2, sizeof(big2), 5);
		memmove(big1 + 24, big1 + 3, n);
		if (!same(big1 + 24, big2 + 3, n) || !same(big1, big2, 24) ||
		    !same(big1 + 24 + n, big2 + 24 + n, 100))
			return false;
		fill(big1, sizeof(big1), 5);
		memmove(big1 + 3, big1 + 24, n);
		if (!same(big1 + 3, big2 + 24, n) || !same(big1 + 3 + n, big2 + 3 + n, 100))
			return false;
	}
	return true;
}

static bool sets(int c)
{
	size_t n, to, i;

	for (n = 0; n <= 900; n += 1 + n / 100)
		for (to = 0; to < 70; to += 1 + to / 8) {
			fill(b, AREA, 9);
			fill(want, AREA, 9);
			for (i = 0; i < n; i++)
				want[to + i] = (unsigned char)c;
			if (memset(b + to, c, n) != b + to || !same(b, want, AREA))
				return false;
		}
	return true;
}

static bool strings(void)
{
	char s[64], t[64];
	size_t at, n;

	for (at = 0; at < 16; at++)
		for (n = 0; n < 24; n++) {
			memset(s, 0x80, sizeof(s)); /* a byte that word tricks may take for zero */
			memset(t, 0x80, sizeof(t));
			s[at + n] = '\0';
			t[3 + n] = '\0';
			if (strlen(s + at) != n || strnlen(s + at, 5) != min(n, (size_t)5) ||
			    strcmp(s + at, t + 3) || memcmp(s + at, t + 3, n))
				return false;
			if (memchr(s + at, 0, n) || memchr(s + at, 0, n + 1) != s + at + n)
				return false;
			if (!n)
				continue;
			t[3 + n - 1] = 0x7f; /* smaller as unsigned char */
			if (memcmp(s + at, t + 3, n) <= 0 || memcmp(t + 3, s + at, n) >= 0 ||
			    strcmp(s + at, t + 3) <= 0 || strncmp(s + at, t + 3, n - 1))
				return false;
			if (strchr(t + 3, 0x7f) != t + 3 + n - 1 || memchr(t + 3, 0x7f, n - 1) ||
			    strchr(s + at, '\0') != s + at + n)
				return false;
		}
	return strrchr("a/b/c", '/')[1] == 'c' && !strrchr("abc", '/') && strstr("abcabd", "abd") &&
	       !strstr("abcabc", "abd") && *strstr("abc", "") == 'a' && memcmp("", "", 0) == 0;
}

static int store(void *p)
{
	*(volatile int *)p = 1;
	return 0;
}

static int nested(void *p)
{
	u64 esr, far;

	if (!port_expect_fault(store, p, &esr, &far))
		return 0;
	store((char *)p + 8); /* the outer one sees this fault */
	return 0;
}

static void faults(void)
{
	u64 esr = 0, far = 0;
	unsigned long bad = 0xffff123456789000UL;
	int word;

	check("a store to nowhere faults", port_expect_fault(store, (void *)bad, &esr, &far));
	check("its syndrome is a data abort", esr >> 26 == 0x25 && far == bad);
	check("a store to the stack does not", !port_expect_fault(store, &word, &esr, &far));
	check("nested faults",
	      port_expect_fault(nested, (void *)bad, &esr, &far) && far == bad + 8);
	check("recovery can be repeated", port_expect_fault(store, (void *)bad, &esr, &far));
	check("NULL is not mapped", port_expect_fault(store, NULL, &esr, &far) && far == 0);
}

static void translation(void)
{
	phys_addr_t pa = (unsigned long)a - boot_params.image.kva + boot_params.image.phys;
	u64 par = port_at_s1e1((unsigned long)a, true);

	check("AT S1E1W of data", !(par & 1) && (par & GENMASK(47, 12)) == (pa & PAGE_MASK));
	check("AT S1E1W of text faults", port_at_s1e1((unsigned long)memcpy, true) & 1);
	check("AT S1E1R of text", !(port_at_s1e1((unsigned long)memcpy, false) & 1));
}

static void symbols(void)
{
	unsigned long offset = 99, size = 0;
	const char *name = port_symbolize((unsigned long)quire_bench + 4, &offset, &size);

	check("port_symbolize", name && !strcmp(name, "quire_bench") && offset == 4 && size > 4);
	check("no name for rodata", !port_symbolize((unsigned long)"rodata", NULL, NULL));
	check("no name for data", !port_symbolize((unsigned long)a, NULL, NULL));
	check("no name for user space", !port_symbolize(0x1000, NULL, NULL));
}

static void clock(void)
{
	u64 t = port_clock_ns(), last = t;
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		u64 now = port_clock_ns();

		if (now < last)
			break;
		last = now;
	}
	check("the clock does not go back", i == 1000);
}

/* QEMU gives a kaslr-seed; nobody may read it after the image has used it. */
static void seed(void)
{
	const void *fdt = phys_to_virt(boot_params.fdt_phys);
	int len = 0;
	const u64 *seed = fdt_getprop(fdt, fdt_path_offset(fdt, "/chosen"), "kaslr-seed", &len);

	check("the tree has a seed", seed && len == 8);
	check("the seed is wiped", seed && *seed == 0);
	check("it was used", boot_params.image.kaslr_offset != 0);
	check("the linear map has its share", boot_params.memstart_seed != 0);
}

struct alternative {
	s32 site;
	u32 insn;
};
extern const struct alternative __alternatives_start[], __alternatives_end[];

/* Both ways do the same; and each place of the table holds the one that this CPU has. */
static void atomics(void)
{
	bool lse = (port_read_reg(PORT_ID_AA64ISAR0_EL1) >> 20 & 0xf) >= 2;
	const struct alternative *a;
	unsigned int instructions = 0, branches = 0, others = 0;
	u32 word = 0xf0000001U, old = port_fetch_or_acquire(&word, 0x0000100eU);
	u64 wide = 0xffffffffULL, old64;
	s32 count = 41, before = port_fetch_add_relaxed(&count, 1);

	check("or", old == 0xf0000001U && word == 0xf000100fU);
	check("add", before == 41 && count == 42);
	before = port_fetch_add_acq_rel(&count, -43);
	check("subtract", before == 42 && count == -1);
	old64 = port_fetch_add64_relaxed(&wide, 0x100000001ULL);
	check("add 64 bits", old64 == 0xffffffffULL && wide == 0x200000000ULL);
	old64 = port_fetch_add64_acq_rel(&wide, -0x200000001ULL);
	check("subtract 64 bits", old64 == 0x200000000ULL && wide == ~0ULL);
	wide = 7;
	old64 = 8;
	check("an exchange of something else",
	      !port_cmpxchg_pte(&wide, &old64, 9) && wide == 7 && old64 == 7);
	check("an exchange", port_cmpxchg_pte(&wide, &old64, 9) && wide == 9 && old64 == 7);
	for (a = __alternatives_start; a < __alternatives_end; a++) {
		u32 insn = *(const u32 *)((unsigned long)&a->site + (unsigned long)(s64)a->site);

		if (insn == a->insn)
			instructions++;
		else if (insn >> 26 == 5) /* B */
			branches++;
		else
			others++;
	}
	check("the table has places", __alternatives_end - __alternatives_start > 100);
	check("no place is anything else", !others);
	check("instructions where the CPU has them", lse ? !branches : !instructions);
}

void quire_bench(void)
{
	check("memcpy", copies());
	check("memmove", moves());
	check("memmove, large", large());
	check("memset to zero", sets(0));
	check("memset", sets(0xa5));
	check("strings", strings());
	atomics();
	faults();
	translation();
	symbols();
	clock();
	seed();
	pr_info("port test: %u passed, %u failed\n", passed, failed);
	if (failed)
		port_poweroff(1);
}
