// SPDX-License-Identifier: MIT
/*
 * One line on a terminal's stderr when something takes longer than a second: what, of which board, for how long. It is
 * taken away again when the work is done. A timer's signal writes it; nothing but write() is called in there.
 *
 * Owns SIGALRM and ITIMER_REAL while it runs. Where stderr is no terminal nothing happens at all.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "quire.h"

static struct {
	char text[160];
	size_t length;
	volatile sig_atomic_t shown, running;
	struct timespec start;
} progress;

static void show(int sig)
{
	struct timespec now;
	char line[200];
	unsigned long seconds;
	size_t n = progress.length, digits;

	(void)sig;
	if (!progress.running || clock_gettime(CLOCK_MONOTONIC, &now))
		return;
	seconds = (unsigned long)(now.tv_sec - progress.start.tv_sec -
				  (now.tv_nsec < progress.start.tv_nsec));
	memcpy(line, progress.text, n);
	for (digits = 1; digits < 9 && seconds >= 10; digits++) {
		line[n + 10 - digits] = (char)('0' + seconds % 10);
		seconds /= 10;
	}
	line[n + 10 - digits] = (char)('0' + seconds % 10);
	memmove(&line[n], &line[n + 10 - digits], digits);
	n += digits;
	memcpy(&line[n], " s\033[K\r", 6);
	progress.shown = 1;
	/* A line less is no harm. */
	if (write(STDERR_FILENO, line, n + 6) < 0)
		return;
}

void progress_begin(const char *what, const char *of)
{
	const struct itimerval every = {{0, 250000}, {1, 0}};
	struct sigaction sa = {.sa_handler = show, .sa_flags = SA_RESTART};
	char *p;

	if (!isatty(STDERR_FILENO))
		return;
	progress.length =
		(size_t)snprintf(progress.text, sizeof(progress.text), "quire: %s %.100s ... ",
				 what, of ? of : "QEMU's virt machine");
	/* A file's name may hold anything, a terminal obeys some of it. */
	for (p = progress.text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	clock_gettime(CLOCK_MONOTONIC, &progress.start);
	progress.running = 1;
	if (sigaction(SIGALRM, &sa, NULL) || setitimer(ITIMER_REAL, &every, NULL))
		progress.running = 0;
}

void progress_end(void)
{
	const struct itimerval never = {0};

	if (!progress.running)
		return;
	progress.running = 0;
	setitimer(ITIMER_REAL, &never, NULL);
	signal(SIGALRM, SIG_IGN);
	if (progress.shown && write(STDERR_FILENO, "\033[K", 3) < 0)
		return;
	progress.shown = 0;
}
