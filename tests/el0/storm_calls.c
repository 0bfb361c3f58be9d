// SPDX-License-Identifier: MIT
/*
 * What a worker of the storm does: any call, with what storm_args.c draws for it; touching memory, having children of any kind, becoming another
 * program, holding others by ptrace between. Raw system calls only, once it has begun: its memory is not safe from itself.
 */
#define _GNU_SOURCE
#include "storm.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

/* Holds one of the others for a while. */
static void trace(struct gust *g)
{
	uint64_t who = pid(g);

	if (sys(SYS_ptrace, below(g, 2) ? 16 : 0x4206, who, 0,
		below(g, 2) ? 0 : roll(g) & 0x3000ff) < 0)
		return;
	for (int i = below(g, 12); i > 0; i--) {
		sys(SYS_wait4, who, 0, 0x40000001, 0);
		sys(SYS_ptrace,
		    below(g, 3)	  ? 7
		    : below(g, 2) ? 24
				  : command(g, SYS_ptrace),
		    who, arena(g), below(g, 4) ? 0 : below(g, 64));
		if (below(g, 4) == 0)
			sys(SYS_sched_yield);
	}
	if (below(g, 3))
		sys(SYS_ptrace, 17, who, 0, 0);
}

/* Reads and writes here and there, as programs do. */
static void touch(struct gust *g)
{
	uint64_t at = arena(g);
	unsigned int n = 1 + below(g, 24), how = below(g, 3);

	for (unsigned int i = 0; i < n; i++, at += PAGE) {
		if (at >= ARENA + ARENA_PAGES * PAGE)
			break;
		if (how == 0)
			(void)*(volatile uint64_t *)(at + 8);
		else if (how == 1)
			*(volatile uint64_t *)(at + 16) = at;
		else
			__asm__ volatile(
				"ldr x1, [%0]\n\tadd x1, x1, #1\n\tstr x1, [%0]" ::"r"(at + 24)
				: "x1", "memory");
	}
}

static void blow(struct gust *g);

static _Thread_local int unused_tls;

/* A child of any sort: with its own memory or not, a thread, one that stops its parent. */
static void have_child(struct gust *g)
{
	static const unsigned int kinds[] = {
		SIGCHLD,
		SIGCHLD,
		SIGCHLD | CLONE_FILES,
		SIGCHLD | CLONE_FS | CLONE_FILES,
		SIGCHLD | CLONE_VM,
		SIGCHLD | CLONE_VM | CLONE_VFORK,
		CLONE_VFORK | SIGCHLD,
		CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
		CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
		CLONE_VM | CLONE_SIGHAND | CLONE_THREAD,
		CLONE_NEWPID | SIGCHLD,
		CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | SIGCHLD,
		CLONE_NEWIPC | CLONE_NEWUTS | SIGCHLD,
		CLONE_PARENT | SIGCHLD,
		CLONE_PTRACE | SIGCHLD,
		CLONE_UNTRACED,
		CLONE_VM | SIGUSR1,
		CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | CLONE_PARENT_SETTID | SIGCHLD,
		CLONE_PIDFD | SIGCHLD,
		CLONE_VM | CLONE_SIGHAND | SIGCHLD,
	};
	unsigned int flags = ONE_OF(g, kinds);
	struct gust own = {.state = g->state * 7 + 1,
			   .slot = g->slot,
			   .depth = g->depth + 1,
			   .left = g->left / 3,
			   .thread = flags & CLONE_VM};
	unsigned long live = shared->forks - shared->reaped;
	uint64_t stack = 0, at = (flags & CLONE_PIDFD) ? BUFFERS : buffer(g);
	long child;

	if (live > MAX_LIVE || g->depth > 3)
		return;
	if (!below(g, 20))
		flags ^= 1U << below(g, 32);
	if (flags & CLONE_VM) {
		/* One of its own, for ever. */
		stack = (uint64_t)sys(SYS_mmap, 0, 65536, 3, MAP_PRIVATE | MAP_ANONYMOUS,
				      (uint64_t)-1, 0);
		if (stack > -4096UL)
			return;
		stack += 65536 - 256;
		*(struct gust *)stack = own;
	}
	__atomic_fetch_add(&shared->forks, 1, __ATOMIC_RELAXED);
	if (flags & CLONE_VM) {
		register uint64_t x0 __asm__("x0") = flags;
		register uint64_t x1 __asm__("x1") = stack;
		register uint64_t x2 __asm__("x2") = at;
		register uint64_t x3 __asm__("x3") = 0;
		register uint64_t x4 __asm__("x4") = at;
		register uint64_t x8 __asm__("x8") = SYS_clone;

		__asm__ volatile("svc 0\n\tcbnz x0, 1f\n\tmov x0, sp\n\tmov x29, #0\n\tmov x30, "
				 "#0\n\tbr %6\n1:"
				 : "+r"(x0)
				 : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x8), "r"(blow)
				 : "memory", "cc");
		child = (long)x0;
	} else {
		child = sys(SYS_clone, flags, 0, at, 0, at);
		if (!child)
			blow(&own);
	}
	if (child < 0)
		__atomic_fetch_add(&shared->reaped, 1, __ATOMIC_RELAXED);
}

static void become(struct gust *g)
{
	char *text = (char *)(BUFFERS + 4096);
	uint64_t *argv = (uint64_t *)(BUFFERS + 8192);
	uint64_t n = g->state % 100000007;
	static const char *const names[] = {"/proc/self/exe", "/h/prog", "script",
					    "/h/script",      "a",	 "/h/bad"};

	text[20] = 0;
	for (int i = 19; i >= 8; i--, n /= 10)
		text[i] = (char)('0' + n % 10);
	text[0] = (char)('0' + g->slot / 10);
	text[1] = (char)('0' + g->slot % 10);
	text[2] = 0;
	argv[0] = U("storm-worker");
	argv[1] = U(text);
	argv[2] = U(text + 8);
	argv[3] = below(g, 8) ? 0 : buffer(g);
	argv[4] = 0;
	if (below(g, 3))
		sys(SYS_execve, U(ONE_OF(g, names)), U(argv), below(g, 3) ? 0 : buffer(g));
	else
		sys(SYS_execveat, 3 + below(g, NR_FDS), U(""), U(argv), 0, AT_EMPTY_PATH);
}

static void write_text(struct gust *g)
{
	const char *path = pick_path(g), *text = pick_text(g);
	long fd;

	if (path[0] != '/')
		path = "/proc/self/oom_score_adj";
	fd = sys(SYS_openat, (uint64_t)AT_FDCWD, U(path), O_WRONLY | O_NONBLOCK);
	if (fd < 0)
		return;
	sys(SYS_write, (uint64_t)fd, U(text), strlen(text));
	sys(SYS_close, (uint64_t)fd);
}

static void place(long fd, int at)
{
	if (fd < 0 || fd == at)
		return;
	sys(SYS_dup3, (uint64_t)fd, (uint64_t)at, 0);
	sys(SYS_close, (uint64_t)fd);
}

static void place_pair(long err, const int *fds, int at)
{
	if (err)
		return;
	place(fds[0], at);
	place(fds[1], at + 1);
}

static void open_all(struct gust *g)
{
	static const char *const spaces[] = {
		"/proc/self/ns/mnt", "/proc/self/ns/pid", "/proc/self/ns/user", "/proc/self/ns/ipc",
		"/proc/self/ns/uts", "/proc/1/ns/mnt",	  "/proc/1/ns/ipc"};
	uint64_t set = ~0ULL;
	int two[2];

	for (int i = 0; i < 12; i++)
		sys(SYS_openat, (uint64_t)AT_FDCWD, U(pick_path(g)),
		    (below(g, 2) ? O_RDWR : O_RDONLY) | O_NONBLOCK);
	place(sys(SYS_openat, (uint64_t)AT_FDCWD, U("big"), O_RDWR | O_CREAT, 0666), FD_BIG);
	place(sys(SYS_openat, (uint64_t)AT_FDCWD, U("a"), O_RDWR | O_CREAT, 0666), FD_TEXT);
	place(sys(SYS_openat, (uint64_t)AT_FDCWD, U("/proc/self/mem"), O_RDWR), FD_MEM);
	place(sys(SYS_openat, (uint64_t)AT_FDCWD, U("."), O_RDONLY | O_DIRECTORY), FD_DIR);
	place_pair(sys(SYS_pipe2, U(two), O_NONBLOCK), two, FD_PIPE);
	place_pair(sys(SYS_pipe2, U(two), below(g, 2) ? O_NONBLOCK : O_DIRECT), two, FD_PACKETS);
	place_pair(sys(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, U(two)), two,
		   FD_STREAM);
	place_pair(sys(SYS_socketpair, AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, U(two)), two,
		   FD_DGRAM);
	place_pair(sys(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET, 0, U(two)), two, FD_SEQPACKET);
	place(sys(SYS_epoll_create1, 0), FD_EPOLL);
	place(sys(SYS_eventfd2, below(g, 3), O_NONBLOCK), FD_EVENT);
	place(sys(SYS_timerfd_create, below(g, 2), O_NONBLOCK), FD_TIMER);
	place(sys(SYS_signalfd4, (uint64_t)-1, U(&set), 8, O_NONBLOCK), FD_SIGNAL);
	place(sys(SYS_inotify_init1, O_NONBLOCK), FD_INOTIFY);
	place(sys(SYS_memfd_create, U("m"), below(g, 4)), FD_MEMFD);
	place(sys(SYS_pidfd_open, pid(g), 0), FD_PARENT);
	place(sys(SYS_pidfd_open, (uint64_t)sys(SYS_getpid), 0), FD_SELF);
	place(sys(447 /* memfd_secret */, 0), FD_SECRET);
	place(sys(SYS_mq_open, U("q1"), O_RDWR | O_CREAT | O_NONBLOCK, 0666, 0), FD_QUEUE);
	place(sys(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), FD_LISTENER);
	sys(SYS_bind, FD_LISTENER, record(g, 'K'), 7);
	sys(SYS_listen, FD_LISTENER, 4);
	place(sys(SYS_openat, (uint64_t)AT_FDCWD, U(spaces[below(g, 7)]), 0), FD_NS);
	place(sys(SYS_openat, (uint64_t)AT_FDCWD, U(spaces[below(g, 7)]), 0), FD_NS_TOO);
	place(sys(SYS_openat, (uint64_t)AT_FDCWD, U("/proc/self/pagemap"), O_RDONLY), FD_PAGEMAP);
	sys(SYS_ftruncate, FD_MEMFD, below(g, 600) * PAGE);
	sys(SYS_ftruncate, FD_SECRET, 8 * PAGE);
}

static void blow(struct gust *g)
{
	struct gust own = *g; /* where nobody else writes */

	g = &own;
	__atomic_store_n(&shared->pids[below(g, 32)], (int)sys(SYS_gettid), __ATOMIC_RELAXED);
	while (g->left-- > 0) {
		unsigned int entry;
		long nr;
		uint64_t a[6] = {0};
		const char *kind;

		__atomic_fetch_add(&shared->calls[g->slot], 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&shared->total, 1, __ATOMIC_RELAXED);
		switch (below(g, 96)) {
		case 0:
		case 1:
			have_child(g);
			continue;
		case 2:
			if (!below(g, 6))
				become(g);
			continue;
		case 3:
			write_text(g);
			continue;
		case 5:
			trace(g);
			continue;
		case 4:
			if (!below(g, 8))
				sys(below(g, 4) ? SYS_exit : SYS_exit_group, 0);
			if (sys(SYS_wait4, (uint64_t)-1, 0, 0x40000001, 0) > 0)
				__atomic_fetch_add(&shared->reaped, 1, __ATOMIC_RELAXED);
			continue;
		default:
			if (below(g, 4) == 0) {
				touch(g);
				continue;
			}
		}
		entry = pick_call(g);
		nr = call_nr(entry);
		kind = call_kinds(entry);
		for (int j = 0; kind[j]; j++)
			a[j] = argument(g, kind[j], nr);
		/* What would take away its own ground is no test of the kernel, but the end of it. */
		if ((nr == SYS_mmap || nr == SYS_mremap || nr == SYS_munmap ||
		     nr == SYS_mprotect) &&
		    a[0] < ARENA + ARENA_PAGES * PAGE && a[0] >= ARENA &&
		    a[1] > ARENA_PAGES * PAGE && a[1] < 1ULL << 46)
			a[1] %= ARENA_PAGES * PAGE;
		__atomic_fetch_add(&shared->tried[nr], 1, __ATOMIC_RELAXED);
		if ((unsigned long)sys6(nr, a) < -4095UL)
			__atomic_fetch_add(&shared->worked[nr], 1, __ATOMIC_RELAXED);
	}
	for (;;)
		sys(SYS_exit, 0);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	ucontext_t *c = context;
	static unsigned int faults;

	/* An instruction that cannot be: the next one, so long as there is hope. */
	if (info->si_code > 0 &&
	    (sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGTRAP || sig == SIGFPE)) {
		c->uc_mcontext.pc += 4;
		if (__atomic_add_fetch(&faults, 1, __ATOMIC_RELAXED) > 20000)
			sys(SYS_exit_group, 1);
	}
}

static void settle(struct gust *g)
{
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NODEFER};
	struct itimerval often = {{0, 40000}, {0, 40000}};
	uint64_t *words;
	uint64_t at = ARENA;

	for (int sig = 1; sig < 65; sig++)
		if (sig != SIGCHLD && sig != SIGTERM)
			sigaction(sig, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	mmap((void *)BUFFERS, BUFFER_PAGES * PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
	     0);
	words = (uint64_t *)BUFFERS;
	for (unsigned int i = 0; i < BUFFER_PAGES * PAGE / 8; i++) {
		/* What any structure may hold. */
		switch (below(g, 6)) {
		case 0:
			words[i] = buffer(g);
			break;
		case 1:
			words[i] = odd(g);
			break;
		case 2:
			words[i] = bits(g) | (uint64_t)below(g, 64) << 32;
			break;
		default:
			words[i] = below(g, 64);
		}
	}
	open_all(g);
	while (at < ARENA + 200 * PAGE) {
		uint64_t n = 1 + below(g, 24);

		sys(SYS_mmap, at, n * PAGE, below(g, 4) ? 3 : 1,
		    MAP_FIXED | (below(g, 3) ? MAP_PRIVATE : MAP_SHARED) |
			    (below(g, 3) ? MAP_ANONYMOUS : 0),
		    below(g, 2) ? FD_BIG : FD_MEMFD, 0);
		at += n * PAGE;
	}
	sys(SYS_mmap, ARENA + 512 * PAGE, 4 << 20, 3, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS,
	    (uint64_t)-1, 0);
	sys(SYS_madvise, ARENA + 512 * PAGE, 4 << 20, MADV_HUGEPAGE);
}

static void begin(struct gust *g)
{
	roll(g);
	roll(g);
	settle(g);
	blow(g);
}

void storm_worker(int slot, unsigned long long seed)
{
	struct gust g = {.state = (seed + 1) * 0x9e3779b97f4a7c15ULL, .slot = slot, .left = CALLS};

	unused_tls = 1;
	roll(&g);
	roll(&g);
	if (!below(&g, 3))
		unshare(CLONE_NEWNS | (below(&g, 2) ? CLONE_NEWIPC : 0));
	if (!below(&g, 4))
		unshare(CLONE_NEWUSER);
	if (!below(&g, 6) && setresuid(1000, 1000, 1000))
		_exit(1);
	if (chdir("/h"))
		_exit(1);
	begin(&g);
	_exit(0);
}

void storm_again(unsigned long slot, unsigned long long seed)
{
	struct gust g = {.state = (seed + 1) * 0x9e3779b97f4a7c15ULL,
			 .slot = (int)(slot % MAX_WORKERS),
			 .depth = 2,
			 .left = CALLS / 4};

	shared = mmap((void *)SHARED_AT, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	begin(&g);
	_exit(0);
}

static void put(const char *name, const char *text, int mode)
{
	int fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0666);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		(void)errno;
	fchmod(fd, (mode_t)mode);
	close(fd);
}

void storm_prepare(unsigned long long seed)
{
	(void)seed;
	/* What a storm does not unmount is seen by nobody else, and what it writes to /h is its own. */
	mount("proc", "/proc", "proc", 0, NULL);
	mount("h", "/h", "tmpfs", 0, "size=8m");
	if (chdir("/h"))
		return;
	mkdir("d", 0777);
	mkdir("m", 0777);
	mkdir("mnt", 0777);
	put("a", "some text\n", 0666);
	put("b", "more\n", 0666);
	put("bad", "\177ELF\2\1\1 and nothing else, which is no program", 0777);
	put("script", "#!/proc/self/exe x\n", 0777);
	put("big", "", 0666);
	if (truncate("big", 4 << 20) || symlink("a", "l") || symlink("loop", "loop") ||
	    symlink("/init", "prog") || mkfifo("fifo", 0666))
		return;
}
