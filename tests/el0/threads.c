// SPDX-License-Identifier: MIT
/*
 * Threads, signals, time and waiting, as a program with glibc sees them. Each line is what Linux does: the same binary says the same there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static int failures;

/* Bytes of a page. */
#define PAGE ((long)getpagesize())

static void check(int ok, const char *what)
{
	printf("%s %s\n", ok ? "ok  " : "FAIL", what);
	fflush(stdout);
	failures += !ok;
}

/* ------------------------------------------------------------------ threads */

#define THREADS 8
#define ROUNDS 20000
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long counter, turns;
static __thread long own;

static void *count(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		own++;
		pthread_mutex_unlock(&mutex);
	}
	return (void *)own;
	(void)arg;
}

static void *take_turns(void *arg)
{
	long me = (long)arg;

	pthread_mutex_lock(&mutex);
	for (int i = 0; i < 100; i++) {
		while (turns % 2 != me)
			pthread_cond_wait(&cond, &mutex);
		turns++;
		pthread_cond_signal(&cond);
	}
	pthread_mutex_unlock(&mutex);
	return NULL;
}

/* SIMD registers are each thread's own, across switches. */
static void *keep_simd(void *arg)
{
	double seed = (double)(long)arg, sum = 0;
	struct timespec ts = {0, 100000};

	for (int i = 0; i < 50; i++) {
		sum += seed * i;
		if (i % 10 == 0)
			nanosleep(&ts, NULL);
		else
			sched_yield();
	}
	return (void *)(long)sum;
}

static void threads(void)
{
	pthread_t t[THREADS];
	void *ret;
	int ok = 1;

	for (long i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, count, NULL);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], &ret);
		ok &= (long)ret == ROUNDS;
	}
	check(counter == (long)THREADS * ROUNDS, "a mutex excludes");
	check(ok, "thread-local storage is local");
	for (long i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, take_turns, (void *)i);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	check(turns == 200, "condition variables wake who waits");
	ok = 1;
	for (long i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, keep_simd, (void *)(i + 1));
	for (long i = 0; i < THREADS; i++) {
		pthread_join(t[i], &ret);
		ok &= (long)ret == (i + 1) * 1225;
	}
	check(ok, "SIMD registers are a thread's own");
}

/* ------------------------------------------------------------------ signals */

static sigjmp_buf jump;
static volatile sig_atomic_t got, got_code, depth;
static void *volatile got_addr;
static volatile double fp_in_handler;

static void on_fault(int sig, siginfo_t *info, void *uc)
{
	got = sig;
	got_code = info->si_code;
	got_addr = info->si_addr;
	(void)uc;
	siglongjmp(jump, 1);
}

static int fault(volatile char *p, int write)
{
	got = 0;
	if (!sigsetjmp(jump, 1)) {
		if (write)
			*p = 1;
		else
			(void)*p;
	}
	return got;
}

static void on_usr1(int sig, siginfo_t *info, void *uc)
{
	double x = 3.5;

	got = sig;
	got_code = info->si_code;
	for (int i = 0; i < 10; i++)
		x *= 1.25;
	fp_in_handler = x;
	(void)uc;
}

static void step_over(int sig, siginfo_t *info, void *uc)
{
	got = sig;
	got_code = info->si_code;
	((ucontext_t *)uc)->uc_mcontext.pc += 4;
}

static char altstack[65536];
static void on_altstack(int sig)
{
	char here;

	got = sig;
	depth = &here >= altstack && &here < altstack + sizeof(altstack);
}

static void set_handler(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = {.sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags};

	sigaction(sig, &sa, NULL);
}

static void signals(void)
{
	char *p = mmap(NULL, 3 * (size_t)PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	stack_t ss = {.ss_sp = altstack, .ss_size = sizeof(altstack)}, old;
	struct sigaction sa = {.sa_handler = on_altstack, .sa_flags = SA_ONSTACK};
	volatile double before = 1.0 / 3;
	sigset_t set, pending;
	siginfo_t info;
	union sigval v = {.sival_int = 4711};
	struct timespec ts = {0, 20000000};
	int status, i;
	pid_t pid;

	set_handler(SIGSEGV, on_fault, 0);
	set_handler(SIGBUS, on_fault, 0);
	munmap(p + PAGE, (size_t)PAGE);
	mprotect(p, 4096, PROT_READ);
	check(fault(p + PAGE + 904, 0) == SIGSEGV && got_code == SEGV_MAPERR &&
		      got_addr == p + PAGE + 904,
	      "nothing mapped: SEGV_MAPERR at the address");
	check(fault(p + 7, 1) == SIGSEGV && got_code == SEGV_ACCERR && got_addr == p + 7,
	      "not writable: SEGV_ACCERR at the address");
	set_handler(SIGUSR1, on_usr1, 0);
	got = 0;
	raise(SIGUSR1);
	check(got == SIGUSR1 && got_code == SI_TKILL, "raise comes at once, by tgkill");
	check(before * 3 > 0.999 && fp_in_handler > 32, "floating point is kept from handlers");
	kill(getpid(), SIGUSR1);
	check(got_code == SI_USER, "kill says SI_USER");
	set_handler(SIGTRAP, step_over, 0);
	set_handler(SIGILL, step_over, 0);
	__asm__ volatile("brk #1");
	check(got == SIGTRAP && got_code == TRAP_BRKPT,
	      "a breakpoint is SIGTRAP, and the handler may go on");
	__asm__ volatile(".inst 0x00000001");
	check(got == SIGILL && got_code == ILL_ILLOPC, "no instruction: ILL_ILLOPC");

	sigaltstack(&ss, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	raise(SIGUSR2);
	check(got == SIGUSR2 && depth == 1, "a handler runs on the alternate stack");
	sigaltstack(NULL, &old);
	check(old.ss_sp == altstack && old.ss_flags == 0, "and it is not in use after");

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &set, NULL);
	got = 0;
	kill(getpid(), SIGUSR1);
	sigpending(&pending);
	check(!got && sigismember(&pending, SIGUSR1), "blocked: pending");
	check(sigtimedwait(&set, &info, &ts) == SIGUSR1 && info.si_pid == getpid(),
	      "sigtimedwait takes it");
	check(sigtimedwait(&set, &info, &ts) == -1 && errno == EAGAIN, "and then nothing in time");
	sigqueue(getpid(), SIGRTMIN + 3, v);
	v.sival_int++;
	sigqueue(getpid(), SIGRTMIN + 3, v);
	i = sigwaitinfo(&set, &info) == SIGRTMIN + 3 && info.si_value.sival_int == 4711 &&
	    info.si_code == SI_QUEUE;
	check(i && sigwaitinfo(&set, &info) > 0 && info.si_value.sival_int == 4712,
	      "real-time signals queue, in order");
	sigprocmask(SIG_UNBLOCK, &set, NULL);

	pid = fork();
	if (!pid) {
		signal(SIGTERM, SIG_DFL);
		for (;;)
			pause();
	}
	kill(pid, SIGSTOP);
	check(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) &&
		      WSTOPSIG(status) == SIGSTOP,
	      "a child stops");
	kill(pid, SIGCONT);
	check(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status), "goes on");
	kill(pid, SIGTERM);
	check(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM,
	      "and ends by a signal");
	pid = fork();
	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		*(volatile int *)8 = 1;
	}
	memset(&info, 0, sizeof(info));
	check(waitid(P_PID, (id_t)pid, &info, WEXITED) == 0 && info.si_code == CLD_KILLED &&
		      info.si_status == SIGSEGV && info.si_pid == pid,
	      "waitid tells CLD_KILLED");
	check(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD, "no child is ECHILD");
}

/* ------------------------------------------------------------------ time */

static volatile sig_atomic_t alarms;
static void on_alarm(int sig)
{
	alarms++;
	(void)sig;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* In a child: as many as RLIMIT_SIGPENDING says, of all processes; what ended, or became another program, has none. */
static int few_timers(void)
{
	const struct rlimit few = {3, 3};
	timer_t t[4];
	int status;
	pid_t pid;

	if (setresuid(1001, 1001, 1001) || setrlimit(RLIMIT_SIGPENDING, &few))
		return 1;
	for (int i = 0; i < 3; i++)
		if (timer_create(CLOCK_MONOTONIC, NULL, &t[i]))
			return 2;
	if (timer_create(CLOCK_MONOTONIC, NULL, &t[3]) != -1 || errno != EAGAIN)
		return 3;
	timer_delete(t[0]);
	pid = fork();
	if (!pid)
		_exit(timer_create(CLOCK_MONOTONIC, NULL, &t[0]) ||
		      timer_create(CLOCK_MONOTONIC, NULL, &t[3]) != -1 || errno != EAGAIN);
	if (waitpid(pid, &status, 0) != pid || status)
		return 4;
	return timer_create(CLOCK_MONOTONIC, NULL, &t[0]) ? 5 : 0;
}

static void timers_of_a_user(void)
{
	int status = -1;

	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(few_timers());
		waitpid(pid, &status, 0);
		check(!status, i ? "and had none when it ended" : "a user's timers are limited");
	}
}

static void times_and_timers(void)
{
	struct itimerval it = {{0, 5000}, {0, 5000}}, off = {{0, 0}, {0, 0}};
	struct timespec ts = {0, 30000000}, rem = {0, 0};
	struct sigaction sa = {.sa_handler = on_alarm};
	struct rusage ru;
	struct tms tms;
	timer_t timer;
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
	struct itimerspec its = {{0, 0}, {0, 3000000}};
	double t = now();
	volatile long spin = 0;

	nanosleep(&ts, NULL);
	check(now() - t >= 0.03 && now() - t < 2, "nanosleep sleeps");
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
	ts = (struct timespec){10, 0};
	check(nanosleep(&ts, &rem) == -1 && errno == EINTR && rem.tv_sec == 9,
	      "a handler interrupts nanosleep, which tells what is left");
	while (alarms < 4)
		spin++;
	check(alarms >= 4, "an interval timer comes again, while a program computes");
	setitimer(ITIMER_REAL, &off, NULL);
	alarms = 0;
	check(!timer_create(CLOCK_MONOTONIC, &ev, &timer) && !timer_settime(timer, 0, &its, NULL),
	      "timer_create");
	while (!alarms)
		pause();
	check(alarms == 1 && !timer_delete(timer), "a POSIX timer comes once");
	timers_of_a_user();
	getrusage(RUSAGE_SELF, &ru);
	check(ru.ru_utime.tv_sec * 1000000 + ru.ru_utime.tv_usec + ru.ru_stime.tv_usec > 0 &&
		      ru.ru_maxrss > 0,
	      "getrusage tells time and memory");
	check(times(&tms) != (clock_t)-1, "times");
}

/* ------------------------------------------------------------------ processes */

static int shared_value;
static int clone_fn(void *arg)
{
	shared_value = (int)(long)arg;
	return 7;
}

static void *exit_all(void *arg)
{
	(void)arg;
	exit(42);
}

static void *sleep_long(void *arg)
{
	(void)arg;
	sleep(1000);
	return NULL;
}

static void processes(char **argv)
{
	static char stack[65536] __attribute__((aligned(16)));
	char name[16];
	cpu_set_t cpus;
	int status, pid, *shared;
	pthread_t t;
	unsigned char a[16], b[16];

	pid = clone(clone_fn, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, (void *)99L);
	check(shared_value == 99, "CLONE_VM | CLONE_VFORK shares memory, and waits");
	check(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7, "the child's code");
	pid = fork();
	if (!pid) {
		pthread_create(&t, NULL, sleep_long, NULL);
		pthread_create(&t, NULL, exit_all, NULL);
		sleep(1000);
	}
	check(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 42,
	      "exit in one thread ends all");
	pid = fork();
	if (!pid) {
		pthread_create(&t, NULL, sleep_long, NULL);
		execl(argv[0], argv[0], "child", NULL);
		_exit(1);
	}
	check(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 23,
	      "exec of a process with threads");
	pid = vfork();
	if (!pid) {
		execl(argv[0], argv[0], "child", NULL);
		_exit(1);
	}
	check(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 23, "vfork and exec");
	prctl(PR_SET_NAME, "a name too long for it");
	prctl(PR_GET_NAME, name);
	check(!strcmp(name, "a name too long"), "a name is cut");
	check(getpgid(0) == getpgrp() && getsid(0) >= 0, "groups");
	pid = fork();
	if (!pid) {
		check(setsid() == getpid() && getpgrp() == getpid(), "a session of its own");
		check(setsid() == -1 && errno == EPERM, "but not twice");
		_exit(failures != 0);
	}
	waitpid(pid, &status, 0);
	failures += status != 0;
	check(getrandom(a, 16, 0) == 16 && getrandom(b, 16, 0) == 16 && memcmp(a, b, 16),
	      "random bytes differ");
	check(!sched_getaffinity(0, sizeof(cpus), &cpus) && CPU_COUNT(&cpus) >= 1, "affinity");
	for (int i = 0; i < CPU_SETSIZE; i++) {
		cpu_set_t one;

		if (!CPU_ISSET(i, &cpus))
			continue;
		CPU_ZERO(&one);
		CPU_SET(i, &one);
		if (sched_setaffinity(0, sizeof(one), &one) || sched_getcpu() != i)
			check(0, "a program runs where it has to");
	}
	sched_setaffinity(0, sizeof(cpus), &cpus);

	/* A futex in memory that two programs share by different mappings. */
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork();
	if (!pid) {
		while (!__atomic_load_n(shared, __ATOMIC_ACQUIRE))
			syscall(SYS_futex, shared, FUTEX_WAIT, 0, NULL, NULL, 0);
		_exit(5);
	}
	usleep(2000);
	__atomic_store_n(shared, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, shared, FUTEX_WAKE, 1, NULL, NULL, 0);
	check(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 5, "a shared futex wakes");

	/* More address spaces than an 8-bit ASID can tell apart, each with its own value. */
	for (int i = 0; i < 600; i++) {
		shared_value = i;
		pid = fork();
		if (!pid)
			_exit(shared_value != i);
		shared_value = -1;
		waitpid(pid, &status, 0);
		if (status) {
			check(0, "a child sees the value of its time");
			break;
		}
	}
	/* All at once, on all CPUs. */
	int n = 0, bad = 0;

	for (int i = 0; i < 40; i++) {
		pid = fork();
		if (!pid) {
			volatile int mine = i;

			for (int k = 0; k < 2000; k++) {
				if (k % 200 == 0)
					sched_yield();
				if (mine != i)
					_exit(1);
			}
			_exit(0);
		}
		n += pid > 0;
	}
	while (wait(&status) > 0) {
		n--;
		bad |= status;
	}
	check(!n && !bad, "forty children at once");
}

/* ------------------------------------------------------------------ futexes under stress */

#define WORDS 4
static struct {
	int word;
	char pad[124];
} words[WORDS];
static int moved_to, waiting, came;

static long futex(int *word, int op, int val)
{
	return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, val, NULL, NULL, 0);
}

/* Whoever is not woken waits for ever: each word is only changed by the other one. */
static void *ping_pong(void *arg)
{
	int *word = &words[(long)arg / 2].word, me = (long)arg % 2;

	for (int i = 0; i < 4 * ROUNDS / WORDS; i++) {
		while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != me)
			futex(word, FUTEX_WAIT, !me);
		__atomic_store_n(word, !me, __ATOMIC_RELEASE);
		futex(word, FUTEX_WAKE, 1);
	}
	return NULL;
}

static void take_word(int *word, int as)
{
	int was = 0;

	if (as == 1 &&
	    __atomic_compare_exchange_n(word, &was, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	while (__atomic_exchange_n(word, 2, __ATOMIC_ACQUIRE))
		futex(word, FUTEX_WAIT, 2);
}

static void give_word(int *word)
{
	if (__atomic_exchange_n(word, 0, __ATOMIC_RELEASE) == 2)
		futex(word, FUTEX_WAKE, 1);
}

/* A condition whose waiters are moved to the lock; moved_to is the lock, words[0] the condition. */
#define MOVES 2000
static void *is_moved(void *arg)
{
	for (int i = 0; i < MOVES; i++) {
		int seen;

		take_word(&moved_to, 1);
		waiting++;
		seen = __atomic_load_n(&words[0].word, __ATOMIC_RELAXED);
		give_word(&moved_to);
		while (__atomic_load_n(&words[0].word, __ATOMIC_RELAXED) == seen)
			futex(&words[0].word, FUTEX_WAIT, seen);
		take_word(&moved_to, 2);
		came++;
		give_word(&moved_to);
	}
	return arg;
}

static void *moves(void *arg)
{
	for (int i = 0; i < MOVES;) {
		take_word(&moved_to, 1);
		if (waiting == 3) {
			waiting = 0;
			syscall(SYS_futex, &words[0].word, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG,
				1, 100L, &moved_to,
				__atomic_fetch_add(&words[0].word, 1, __ATOMIC_RELAXED) + 1);
			/* Its unlocking wakes the first of those that were moved. */
			__atomic_store_n(&moved_to, 2, __ATOMIC_RELAXED);
			i++;
		}
		give_word(&moved_to);
	}
	return arg;
}

/* All end, or it hangs: half a minute is a hundred times what it takes. */
static int all_end(pthread_t *t, int n)
{
	struct timespec until;
	int ok = 1;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 30;
	for (int i = 0; i < n; i++)
		ok &= !pthread_timedjoin_np(t[i], NULL, &until);
	return ok;
}

static void futexes(void)
{
	pthread_t t[2 * WORDS];

	for (long i = 0; i < 2 * WORDS; i++)
		pthread_create(&t[i], NULL, ping_pong, (void *)i);
	check(all_end(t, 2 * WORDS), "no wake is lost between pairs that wake each other");
	words[0].word = 0;
	for (long i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, i ? is_moved : moves, NULL);
	check(all_end(t, 4) && came == 3 * MOVES, "nor by those that were moved to another word");
	check(futex(&words[1].word, FUTEX_WAKE, 1) == 0, "nobody waits: nobody is woken");
	check(futex(&words[1].word, FUTEX_WAIT, words[1].word + 1) == -1 && errno == EAGAIN,
	      "the word is another one: EAGAIN");
	check(futex((int *)4096, FUTEX_WAIT, 0) == -1 && errno == EFAULT, "there is none: EFAULT");
	check(futex((int *)((char *)words + 1), FUTEX_WAKE, 1) == -1 && errno == EINVAL,
	      "it is not aligned: EINVAL");
	check(syscall(SYS_futex, words, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0) == -1 &&
		      errno == EINVAL,
	      "no bit is asked for: EINVAL");
}

static long futex_pi(int *word, int op, long val2, int *word2)
{
	return syscall(SYS_futex, word, op, 0, val2, word2, 0);
}

/* The kernel may write a lock's word by its page, so it asks at once whether the program may. */
static void locks_that_are_only_read(void)
{
	pid_t child = fork();
	int fd = (int)syscall(SYS_memfd_create, "lock", 0), word = 0, *read_only, *private, *both;

	if (!child) {
		pause();
		_exit(0);
	}
	ftruncate(fd, 4096);
	both = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	read_only = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	private = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	*both = child;
	check(futex_pi(both, FUTEX_TRYLOCK_PI, 0, NULL) == -1 && errno == EAGAIN,
	      "another one has the lock: EAGAIN");
	check(futex_pi(read_only, FUTEX_TRYLOCK_PI, 0, NULL) == -1 && errno == EFAULT,
	      "it may only be read: EFAULT");
	check(futex_pi(private, FUTEX_TRYLOCK_PI, 0, NULL) == -1 && errno == EFAULT,
	      "so may a private one: EFAULT");
	check(futex_pi(read_only, FUTEX_UNLOCK_PI, 0, NULL) == -1 && errno == EPERM,
	      "whose it is comes first: EPERM");
	check(syscall(SYS_futex, &word, FUTEX_WAIT_REQUEUE_PI, 1, NULL, read_only, 0) == -1 &&
		      errno == EFAULT,
	      "nor may one be moved there: EFAULT");
	check(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE_PI, 1, 1L, read_only, 1) == -1 &&
		      errno == EFAULT,
	      "by whoever: EFAULT");
	check((*both & FUTEX_TID_MASK) == child && futex_pi(read_only, FUTEX_WAKE, 0, NULL) == 0,
	      "who waits for such a word, or wakes, may go on");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	munmap(both, 4096);
	munmap(read_only, 4096);
	munmap(private, 4096);
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return 23;
	setvbuf(stdout, NULL, _IOLBF, 0);
	threads();
	futexes();
	locks_that_are_only_read();
	signals();
	times_and_timers();
	processes(argv);
	printf("threads: %s\n", failures ? "failed" : "done");
	if (getpid() == 1)
		reboot(RB_POWER_OFF);
	return failures != 0;
}
