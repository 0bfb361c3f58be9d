// SPDX-License-Identifier: MIT
/*
 * Predictions in processes of their own, so that one command can have many: of other boards, and of one board a little
 * different.
 *
 * The child writes the kernel's log, a NUL and the document of `quire predict --json` into a pipe; what ends it ends no
 * more than this prediction.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../check/forecast.h"
#include "quire.h"

static void log_to(void *ctx, const char *s, size_t n)
{
	fwrite(s, 1, n, ctx);
}

static int write_to(void *ctx, const char *s, size_t n)
{
	return fwrite(s, 1, n, ctx) == n ? 0 : -EIO;
}

static void child(const struct options *o, int fd)
{
	static struct host_machine m;
	FILE *to = fdopen(fd, "w");
	struct host_out out = {.write = write_to, .ctx = to};
	const char *why;

	if (!to)
		die("%s: %m", o->board);
	make_machine(o, &m);
	m.build = &o->profile;
	m.debug = false;
	m.no_events = !o->events;
	m.console = log_to;
	m.ctx = to;
	if (o->core->boot(&m, &why) < 0)
		die("%s: %s", o->board, why);
	putc(0, to);
	o->core->report(HOST_REPORT_PREDICT_JSON, &out);
	o->core->halt();
	_exit(fflush(to) ? 2 : 0);
}

/* All that comes out of fd, malloc'ed; NULL: no memory. */
static char *read_all(int fd, size_t *size)
{
	size_t room = 1 << 16;
	char *data = malloc(room + 1), *more;
	ssize_t n = 1;

	*size = 0;
	while (data && n) {
		n = read(fd, data + *size, room - *size);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			break;
		else
			*size += (size_t)n;
		if (*size == room) {
			more = realloc(data, room * 2 + 1);
			if (!more)
				free(data);
			data = more;
			room *= 2;
		}
	}
	if (data)
		data[*size] = 0;
	return data;
}

bool run_forecast(const struct options *o, struct forecast *f)
{
	int fds[2], status = -1;
	size_t size;
	char *data;
	pid_t pid;

	*f = (struct forecast){0};
	fflush(stdout);
	fflush(stderr);
	if (pipe(fds))
		die("%s: %m", o->board);
	pid = fork();
	if (pid < 0)
		die("%s: %m", o->board);
	if (!pid) {
		close(fds[0]);
		child(o, fds[1]);
	}
	close(fds[1]);
	data = read_all(fds[0], &size);
	close(fds[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!data)
		die("%s: no memory", o->board);
	if (WIFSIGNALED(status))
		fprintf(stderr, "quire: %s: the prediction ended by signal %d: please report it\n",
			o->board, WTERMSIG(status));
	if (status || !forecast_read(f, data, size)) {
		if (status)
			free(data);
		else
			forecast_free(f);
		return false;
	}
	return true;
}
