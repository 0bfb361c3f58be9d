// SPDX-License-Identifier: MIT
/*
 * Random sequences of the mmap family, the same on every system: what they return, what memory holds and what /proc/self/maps says is
 * hashed, a line for each sequence, and compared with what Linux 6.12 gave (tests/el0/differ.sh).
 *
 * /seeds in the initramfs says "FIRST COUNT VERBOSE": sequences FIRST to FIRST + COUNT - 1, each in a child of its own; VERBOSE 1 prints
 * every step. Addresses that the kernel chose are printed relative to an anchor, the first mapping of all.
 */
#include "sys.h"

/* The record is of 4 KiB pages. */
#undef PAGE
#define PAGE 4096L

typedef unsigned long ulong;
typedef unsigned char uchar;

enum {
	NR_ftruncate = 46,
	NR_pread = 67,
	NR_pwrite = 68,
	NR_reboot = 142,
	NR_prctl = 167,
	NR_mremap = 216,
	NR_msync = 227,
	NR_mlock = 228,
	NR_munlock = 229,
	NR_mincore = 232,
	NR_memfd_create = 279,
	NR_mlock2 = 284,
	NR_mseal = 462,
};

#define W 0x100000000UL /* a few pages, again and again */
#define W_PAGES 48UL
#define W2 0x13fff0000UL /* across the end of a table */
#define W3 0x180000000UL /* whole tables */
#define MEG2 0x200000UL
#define FILE_PAGES 12L

int failures;

static int verbose;
static ulong rng, digest;
static long anchor, brk_start;
static int file_rw, file_ro, file_b, bytes, scratch;

static ulong rnd(ulong n)
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return (rng * 0x2545F4914F6CDD1DUL >> 16) % n;
}

/* ------------------------------------------------------------------ lines */

static char line[400];
static unsigned int at;

static void put(const char *s)
{
	while (*s && at < sizeof(line) - 1)
		line[at++] = *s++;
}

static void put_hex(ulong v)
{
	int shift = 60;

	while (shift && !(v >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4) {
		char c[2] = {"0123456789abcdef"[v >> shift & 15], 0};

		put(c);
	}
}

static void put_long(long v)
{
	if (v < 0) {
		put("-");
		v = -v;
	}
	put_hex((ulong)v);
}

static void arg(const char *name, ulong v)
{
	put(" ");
	put(name);
	put("=");
	put_long((long)v);
}

/* An address, or an error. */
static void arg_address(const char *name, ulong v)
{
	put(" ");
	put(name);
	put("=");
	if (v - (ulong)anchor + 0x40000000UL < 0x50000000UL) {
		put("a");
		put_long((long)(v - (ulong)anchor));
	} else if (v - (ulong)brk_start < 0x1000000UL) {
		put("b");
		put_hex(v - (ulong)brk_start);
	} else {
		put_long((long)v);
	}
}

static void end_line(void)
{
	line[at++] = '\n';
	for (unsigned int i = 0; i < at; i++)
		digest = (digest ^ (uchar)line[i]) * 0x100000001b3UL;
	if (verbose)
		sys3(NR_write, 1, line, at);
	at = 0;
}

/* ------------------------------------------------------------------ memory */

/* One byte, by the kernel first, which says no instead of a signal. -1: it cannot be read. */
static int peek(ulong addr)
{
	if (sys4(NR_pwrite, scratch, addr, 1, 0) != 1)
		return -1;
	return *(volatile uchar *)addr;
}

static int poke(ulong addr, uchar v)
{
	if (sys4(NR_pread, bytes, addr, 1, v) != 1)
		return 0;
	if (*(volatile uchar *)addr != v)
		return -1;
	*(volatile uchar *)addr = v;
	return 1;
}

/* ------------------------------------------------------------------ places */

#define PLACES 6
static struct place {
	ulong addr, pages;
} places[PLACES];

static void remember(long addr, ulong len)
{
	if (addr < 0 && addr > -4096)
		return;
	places[rnd(PLACES)] = (struct place){(ulong)addr, (len + PAGE - 1) / PAGE};
}

static void pick(ulong *addr, ulong *len)
{
	ulong r = rnd(100);

	*len = (1 + rnd(rnd(4) ? 4 : 14)) * PAGE;
	if (r < 64) {
		*addr = W + rnd(W_PAGES) * PAGE;
	} else if (r < 74) {
		*addr = W2 + rnd(28) * PAGE;
	} else if (r < 80) {
		*addr = W3 + rnd(6) * MEG2 + (rnd(3) ? 0 : rnd(512) * PAGE);
		*len = (1 + rnd(2)) * MEG2 + (rnd(3) ? 0 : rnd(16) * PAGE);
	} else if (r < 97) {
		const struct place *p = &places[rnd(PLACES)];

		*addr = p->addr + rnd(2) * rnd(p->pages + 2) * PAGE;
		*len = rnd(2) ? p->pages * PAGE : *len;
	} else if (r < 98) {
		*addr = W + rnd(W_PAGES * PAGE);
	} else {
		static const ulong odd[] = {0,	  1,	      0xfff,	 0x1001,
					    ~0UL, ~0UL << 12, 1UL << 48, 1UL << 62};

		*addr = W + rnd(W_PAGES) * PAGE;
		*len = odd[rnd(8)];
	}
	/* What lies above the anchor is the kernel's, and each kernel has something else there. */
	if (*addr < (ulong)anchor + 0x10000000UL && *addr + *len > (ulong)anchor)
		*addr = W + rnd(W_PAGES) * PAGE;
}

static ulong pick_prot(void)
{
	static const uchar prots[] = {3, 3, 3, 3, 1, 1, 0, 2, 5, 7, 4};

	return rnd(300) ? prots[rnd(sizeof(prots))] : rnd(256);
}

/* ------------------------------------------------------------------ steps */

static void step_mmap(void)
{
	static const uchar types[] = {2, 2, 2, 2, 2, 2, 1, 1, 3, 0, 8};
	ulong addr, len, prot = pick_prot(), flags = types[rnd(rnd(8) ? 8 : sizeof(types))],
			 off = 0;
	int fd = -1;
	long ret;

	pick(&addr, &len);
	switch (rnd(10)) {
	case 0 ... 5:
		flags |= 0x10; /* FIXED */
		break;
	case 6:
		flags |= 0x100000; /* FIXED_NOREPLACE */
		break;
	case 7:
		break;
	default:
		addr = 0;
		if (!rnd(12))
			len = (1 + rnd(2)) * MEG2 + (rnd(2) ? PAGE : 0);
	}
	if (rnd(3)) {
		flags |= 0x20; /* ANONYMOUS */
	} else {
		fd = rnd(30) ? (int[]){file_rw, file_rw, file_b, file_ro}[rnd(4)] : 99;
		off = rnd(FILE_PAGES + 3) * PAGE + (rnd(60) ? 0 : 12);
	}
	if (!rnd(12))
		flags |= (ulong[]){0x100,   0x4000,  0x8000,  0x2000, 0x20000,
				   0x10000, 0x40000, 0x80000, 0x8000}[rnd(9)];
	ret = sys6(NR_mmap, (long)addr, (long)len, (long)prot, (long)flags, fd, (long)off);
	remember(ret, len);
	put("mmap");
	arg_address("addr", addr);
	arg("len", len);
	arg("prot", prot);
	arg("flags", flags);
	arg("fd", fd == file_rw ? 1 : fd == file_b ? 2 : fd == file_ro ? 3 : 0);
	arg("off", off);
	arg_address("->", (ulong)ret);
}

static void show2(const char *name, ulong addr, ulong len, ulong third, long ret)
{
	put(name);
	arg_address("addr", addr);
	arg("len", len);
	arg("x", third);
	arg_address("->", (ulong)ret);
}

static void step_mremap(void)
{
	static const uchar kinds[] = {0, 1, 1, 1, 3, 3, 3, 5, 5, 7, 2, 4, 8};
	ulong addr, len, to, new_len, flags = kinds[rnd(rnd(6) ? 10 : sizeof(kinds))];
	long ret;

	pick(&addr, &len);
	pick(&to, &new_len);
	if (flags & 4 && rnd(8))
		new_len = len;
	if (!rnd(25))
		len = 0;
	ret = sys6(NR_mremap, (long)addr, (long)len, (long)new_len, (long)flags, (long)to, 0);
	remember(ret, new_len);
	put("mremap");
	arg_address("addr", addr);
	arg("len", len);
	arg("new", new_len);
	arg("flags", flags);
	arg_address("to", to);
	arg_address("->", (ulong)ret);
}

static void step_madvise(void)
{
	static const uchar advices[] = {0,  1,	2,  3,	4,  4,	4,  8,	9,  10, 11, 12, 13, 14,
					15, 16, 17, 18, 19, 20, 22, 23, 23, 24, 5,  26, 99};
	ulong addr, len, advice = advices[rnd(sizeof(advices))];

	pick(&addr, &len);
	/* What is beyond the windows is to stay as it is, and Linux has special areas there. */
	if (len > 1UL << 40 && len < 1UL << 63)
		len = PAGE;
	show2("madvise", addr, len, advice, sys3(NR_madvise, addr, len, advice));
}

static void step_mincore(void)
{
	uchar vec[32];
	ulong addr, len;
	long ret;

	pick(&addr, &len);
	if (len > 32 * PAGE)
		len = 32 * PAGE;
	for (int i = 0; i < 32; i++)
		vec[i] = 0xee;
	ret = sys3(NR_mincore, addr, len, vec);
	show2("mincore", addr, len, 0, ret);
	put(" ");
	for (ulong i = 0; i < (len + PAGE - 1) / PAGE; i++)
		put(vec[i] == 0xee ? "?" : vec[i] & 1 ? "1" : "0");
}

static void step_touch(void)
{
	ulong addr, len;
	uchar v = (uchar)rnd(256);

	pick(&addr, &len);
	addr += rnd(PAGE);
	if (rnd(2)) {
		put("write");
		arg_address("addr", addr);
		arg("v", v);
		arg("->", (ulong)poke(addr, v));
	} else {
		put("read");
		arg_address("addr", addr);
		arg("->", (ulong)peek(addr));
	}
}

static void step_lock(void)
{
	ulong addr, len, flags = rnd(20) ? rnd(2) : 2;

	pick(&addr, &len);
	switch (rnd(4)) {
	case 0:
		show2("mlock", addr, len, 0, sys2(NR_mlock, addr, len));
		break;
	case 1:
		show2("mlock2", addr, len, flags, sys3(NR_mlock2, addr, len, flags));
		break;
	default:
		show2("munlock", addr, len, 0, sys2(NR_munlock, addr, len));
	}
}

static void step_brk(void)
{
	ulong to = (ulong)brk_start + (rnd(10) ? rnd(24) * PAGE : rnd(24 * PAGE));

	if (!rnd(20))
		to = rnd(2) ? (ulong)brk_start - PAGE : ~0UL >> rnd(20);
	put("brk");
	arg_address("to", to);
	arg_address("->", (ulong)sys1(NR_brk, to));
}

static void step_file(void)
{
	int fd = rnd(2) ? file_rw : file_b;
	uchar v[2] = {(uchar)rnd(256), 1};
	long off = (long)rnd(FILE_PAGES * PAGE);

	if (rnd(3)) {
		put("pwrite");
		arg("off", (ulong)off);
		arg("->", (ulong)sys4(NR_pwrite, fd, v, 2, off));
	} else {
		put("pread");
		arg("off", (ulong)off);
		v[0] = v[1] = 0;
		arg("->", (ulong)sys4(NR_pread, fd, v, 2, off));
		arg("v", v[0] * 256UL + v[1]);
	}
}

static void one_step(int depth);

/* A child touches and changes what it has from here; its end says what it saw. */
static void step_fork(int depth)
{
	ulong own = rng;
	int status = -1;
	long pid;

	if (depth > 1)
		return;
	put("fork");
	end_line();
	pid = fork_();
	if (!pid) {
		rng = own * 3 | 1;
		for (ulong n = 3 + rnd(8); n; n--)
			one_step(depth + 1);
		quit((int)(digest & 0x7f));
	}
	if (pid < 0 || sys4(NR_wait4, pid, &status, 0, 0) != pid)
		status = -1;
	put("child");
	arg("->", (ulong)status);
}

static void one_step(int depth)
{
	ulong addr, len, x;

	switch (rnd(100)) {
	case 0 ... 17:
		step_mmap();
		break;
	case 18 ... 25:
		pick(&addr, &len);
		show2("munmap", addr, len, 0, sys2(NR_munmap, addr, len));
		break;
	case 26 ... 37:
		pick(&addr, &len);
		x = pick_prot() | (rnd(60) ? 0 : 0x01000000UL << rnd(2));
		show2("mprotect", addr, len, x, sys3(NR_mprotect, addr, len, x));
		break;
	case 38 ... 49:
		step_mremap();
		break;
	case 50 ... 59:
		step_madvise();
		break;
	case 60 ... 63:
		step_lock();
		break;
	case 64 ... 66:
		step_mincore();
		break;
	case 67 ... 68:
		pick(&addr, &len);
		x = rnd(8);
		show2("msync", addr, len, x, sys3(NR_msync, addr, len, x));
		break;
	case 69 ... 70:
		step_brk();
		break;
	case 71 ... 72:
		step_file();
		break;
	case 73 ... 74:
		step_fork(depth);
		break;
	case 75:
		if (rnd(4))
			return;
		pick(&addr, &len);
		show2("mseal", addr, len, 0, sys3(NR_mseal, addr, len, 0));
		break;
	default:
		step_touch();
	}
	end_line();
}

/* ------------------------------------------------------------------ the end of a sequence */

static void show_pages(ulong addr, ulong pages)
{
	for (; pages; pages--, addr += PAGE) {
		uchar vec = 0;
		long in = sys3(NR_mincore, addr, PAGE, &vec);
		int v = peek(addr);

		if (in < 0 && v < 0)
			continue;
		put("page");
		arg_address("addr", addr);
		arg("in", in < 0 ? (ulong)in : vec & 1);
		arg("v", (ulong)v);
		arg("w", (ulong)(v < 0 ? 0 : poke(addr, (uchar)v)));
		end_line();
	}
}

static char maps[1 << 16];

static ulong hex(const char **p)
{
	ulong v = 0;

	for (;; (*p)++) {
		char c = **p;

		if (c >= '0' && c <= '9')
			v = v * 16 + (ulong)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v * 16 + (ulong)(c - 'a' + 10);
		else
			return v;
	}
}

static const char *skip(const char *p, char c)
{
	while (*p == c)
		p++;
	return p;
}

/* One line of maps, without device and inode, if it is of ours. */
static const char *show_area(const char *p)
{
	ulong start = hex(&p), end = (p++, hex(&p));
	char perms[5] = {0};
	ulong off;
	int ours = start - W < 0x100000000UL || start - (ulong)brk_start < 0x1000000UL ||
		   (ulong)anchor - start - 1 < 0x40000000UL;

	p++;
	for (int i = 0; i < 4; i++)
		perms[i] = *p++;
	p++;
	off = hex(&p);
	p = skip(p, ' ');
	while (*p != ' ')
		p++;
	p = skip(p, ' ');
	while (*p != ' ' && *p != '\n')
		p++;
	p = skip(p, ' ');
	if (ours) {
		put("area");
		arg_address("from", start);
		arg("len", end - start);
		put(" ");
		put(perms);
		arg("off", off);
		put(" ");
		while (*p != '\n' && at < sizeof(line) - 2)
			line[at++] = *p++;
		end_line();
	}
	while (*p != '\n')
		p++;
	return p + 1;
}

static void show_maps(void)
{
	long fd = sys4(NR_openat, -100, "/proc/self/maps", 0, 0), n, len = 0;
	const char *p = maps;

	if (fd < 0)
		return;
	while ((n = sys3(NR_read, fd, maps + len, sizeof(maps) - 1 - (ulong)len)) > 0)
		len += n;
	maps[len] = 0;
	while (*p)
		p = show_area(p);
}

/* Sizes of /proc/self/status that do not depend on when pages come. */
static const char *const keys[] = {"VmSize:", "VmLck:", "VmData:", "VmStk:"};
static ulong sizes[4];

static int begins(const char *p, const char *key)
{
	while (*key)
		if (*p++ != *key++)
			return 0;
	return 1;
}

/* As they differ from those before. */
static void show_sizes(int show)
{
	long fd = sys4(NR_openat, -100, "/proc/self/status", 0, 0), n, len = 0;
	const char *p = maps;

	if (fd < 0)
		return;
	while ((n = sys3(NR_read, fd, maps + len, sizeof(maps) - 1 - (ulong)len)) > 0)
		len += n;
	sys1(NR_close, fd);
	maps[len] = 0;
	for (; *p; p++) {
		for (int i = 0; i < 4; i++) {
			const char *q = p + 7;
			ulong v = 0;

			if (!begins(p, keys[i]))
				continue;
			while (*q < '0' || *q > '9')
				q++;
			while (*q >= '0' && *q <= '9')
				v = v * 10 + (ulong)(*q++ - '0');
			if (show) {
				put(keys[i]);
				arg("kb", v - sizes[i]);
				end_line();
			} else {
				sizes[i] = v;
			}
		}
		while (*p != '\n')
			p++;
	}
}

static void sequence(ulong seed)
{
	ulong first, n;

	at = 0;
	rng = seed * 0x9E3779B97F4A7C15UL + 1;
	digest = 0xcbf29ce484222325UL;
	for (n = 0; n < 4; n++)
		rnd(2);
	for (n = 0; n < PLACES; n++)
		places[n] = (struct place){W + n * 7 * PAGE, 4};
	for (n = 12 + rnd(50); n; n--)
		one_step(0);
	show_pages(W, W_PAGES + 14);
	show_pages(W2, 42);
	for (n = 0; n < PLACES; n++)
		show_pages(places[n].addr, places[n].pages < 20 ? places[n].pages : 20);
	first = digest;
	show_maps();
	show_sizes(1);
	at = 0;
	put("seq ");
	put_hex(seed);
	put(" ");
	put_hex(first >> 32);
	put(" ");
	put_hex(digest >> 32);
	line[at++] = '\n';
	sys3(NR_write, 1, line, at);
}

static int open_files(void)
{
	uchar all[256];

	for (int i = 0; i < 256; i++)
		all[i] = (uchar)i;
	file_rw = (int)sys2(NR_memfd_create, "rw", 0);
	file_b = (int)sys2(NR_memfd_create, "b", 0);
	bytes = (int)sys2(NR_memfd_create, "bytes", 0);
	scratch = (int)sys2(NR_memfd_create, "scratch", 0);
	file_ro = (int)sys4(NR_openat, -100, "/data.bin", 0, 0);
	if (file_rw < 0 || file_b < 0 || bytes < 0 || scratch < 0 || file_ro < 0)
		return 0;
	sys4(NR_pwrite, bytes, all, 256, 0);
	return 1;
}

/* What a sequence finds in the files does not depend on those before it. */
static void reset_files(void)
{
	sys2(NR_ftruncate, file_rw, 0);
	sys2(NR_ftruncate, file_b, 0);
	sys2(NR_ftruncate, file_rw, FILE_PAGES * PAGE);
	sys2(NR_ftruncate, file_b, FILE_PAGES * PAGE - 100);
	for (long i = 0; i < FILE_PAGES; i += 3) {
		uchar v = (uchar)(i * 16 + 1);

		sys4(NR_pwrite, file_rw, &v, 1, i * PAGE + 7);
		sys4(NR_pwrite, file_b, &v, 1, i * PAGE + 8);
	}
}

static ulong number(const char **p)
{
	ulong v = 0;

	while (**p == ' ')
		(*p)++;
	while (**p >= '0' && **p <= '9')
		v = v * 10 + (ulong)(*(*p)++ - '0');
	return v;
}

int main(void)
{
	char text[64] = {0};
	const char *p = text;
	long fd = sys4(NR_openat, -100, "/seeds", 0, 0);
	ulong seed, count;

	/* mount -t proc proc /proc; PR_SET_THP_DISABLE: huge pages come when they like. */
	sys6(40, (long)"proc", (long)"/proc", (long)"proc", 0, 0, 0);
	sys6(NR_prctl, 41, 1, 0, 0, 0, 0);
	sys3(NR_read, fd, text, sizeof(text) - 1);
	seed = number(&p);
	count = number(&p);
	verbose = (int)number(&p);
	brk_start = sys1(NR_brk, 0);
	/* At a multiple of what a huge page needs: then the places above and below are, or are not, on both. */
	anchor = map(0, PAGE, 0, PRIVATE | ANON, -1, 0);
	sys2(NR_munmap, anchor, PAGE);
	anchor = map(0, (anchor & (long)(MEG2 - 1)) + PAGE, 0, SHARED | ANON, -1, 0);
	if (!open_files()) {
		say("differ: no files\n");
		return 1;
	}
	show_sizes(0);
	for (; count; count--, seed++) {
		int status = -1;
		long pid;

		reset_files();
		pid = fork_();
		if (!pid) {
			sequence(seed);
			quit(0);
		}
		if (pid < 0 || sys4(NR_wait4, pid, &status, 0, 0) != pid || status) {
			at = 0;
			put("seq ");
			put_hex(seed);
			put(" ended with ");
			put_hex((ulong)status);
			line[at++] = '\n';
			sys3(NR_write, 1, line, at);
		}
	}
	say("differ: done\n");
	return 0;
}

void _start(void)
{
	int code = main();

	/* RB_POWER_OFF; where that is no call, init's end is the machine's. */
	sys4(NR_reboot, 0xfee1dead, 672274793, 0x4321fedc, 0);
	quit(code);
}
