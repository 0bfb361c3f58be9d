// SPDX-License-Identifier: MIT
/* quire boot, walk, ptdump, stress, and the texts of /proc: boot the machine, then show what was asked for. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "quire.h"

static int write_stdout(void *ctx, const char *s, size_t n)
{
	return fwrite(s, 1, n, stdout) == n ? 0 : -EIO;
}

static bool says_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *v = getenv(names[i]);

		if (v && *v)
			return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
	}
	return false;
}

struct host_out stdout_out(void)
{
	const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
	const char *columns = getenv("COLUMNS");
	bool terminal = isatty(STDOUT_FILENO);
	struct host_out out = {.write = write_stdout};
	struct winsize size;

	out.colour = terminal && !(no_colour && *no_colour) && term && strcmp(term, "dumb");
	out.unicode = terminal && says_utf8();
	if (terminal && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		out.columns = size.ws_col;
	else if (columns)
		out.columns = (unsigned int)strtoul(columns, NULL, 10);
	if (out.columns > 1000)
		out.columns = 1000;
	return out;
}

static void log_to(void *ctx, const char *s, size_t n)
{
	fwrite(s, 1, n, ctx);
}

/* Reports still look at it after the boot. */
static struct host_machine machine;

int boot_machine(const struct options *o, FILE *log)
{
	struct host_machine *m = &machine;
	const char *why;
	int code, broken;
	bool has_memory;

	/* A log on the way shows progress itself. */
	if (!log)
		progress_begin(o->profile.release[0] ? "predicting" : "booting", o->board);
	has_memory = make_machine(o, m);
	if (o->profile.release[0]) {
		m->build = &o->profile;
		m->no_events = !o->json;
		if (o->kernel && m->image_size != o->profile.image_size)
			fprintf(stderr,
				"quire: warning: %s takes %#llx bytes, the kernel of the profile "
				"%#lx: is it another one?\n",
				o->kernel, (unsigned long long)m->image_size,
				o->profile.image_size);
	}
	if (log) {
		m->console = log_to;
		m->ctx = log;
	}
	code = o->core->boot(m, &why);
	progress_end();
	if (code < 0)
		die("%s", why);
	/* An override makes the zones claim what they do not have; without one, nothing may be broken. */
	if (!code && !o->nr_managed && !m->build && (broken = o->core->check())) {
		fprintf(stderr,
			"quire: %d invariants of the booted machine are broken (-v shows each): "
			"please report it\n",
			broken);
		code = 1;
	}
	if (code && !log && o->core->panic_text())
		fprintf(stderr, "quire: the boot panicked: %s%s\n", o->core->panic_text(),
			has_memory ? "" : "; --mem SIZE stands for what the boot loader fills in");
	else if (code && !has_memory)
		fputs("quire: this tree leaves memory to the boot loader: --mem SIZE stands for "
		      "it\n",
		      stderr);
	return code;
}

int cmd_boot(const struct options *o)
{
	struct host_out out = stdout_out();
	int code;

	code = boot_machine(o, !o->json ? stdout : o->verbose ? stderr : NULL);
	if (o->json)
		o->core->report(HOST_REPORT_JSON, &out);
	else if (!o->core->panic_text())
		o->core->report(HOST_REPORT_SUMMARY, &out);
	return code;
}

int cmd_predict(const struct options *o)
{
	struct host_out out = stdout_out();
	int code = boot_machine(o, o->verbose ? stderr : NULL);

	o->core->report(o->json ? HOST_REPORT_PREDICT_JSON : HOST_REPORT_PREDICT, &out);
	return code;
}

int cmd_walk(const struct options *o)
{
	struct host_out out = stdout_out();
	uint64_t address;
	int code;

	if (!parse_size(o->address, &address))
		die("walk: '%s' is not an address", o->address);
	code = boot_machine(o, o->verbose ? stderr : NULL);
	return code ? code : o->core->walk(address, o->phys, &out);
}

int cmd_ptdump(const struct options *o)
{
	struct host_out out = stdout_out();
	int code;

	code = boot_machine(o, o->verbose ? stderr : NULL);
	return code ? code : o->core->report(HOST_REPORT_PTDUMP, &out) != 0;
}

int cmd_proc(const struct options *o)
{
	struct host_out out = stdout_out();
	int code;

	code = boot_machine(o, o->verbose ? stderr : NULL);
	return code ? code : o->core->proc(o->name, &out) != 0;
}

int cmd_stress(const struct options *o)
{
	struct host_stress s = {
		.seed = o->seed,
		.seconds = o->seconds ? o->seconds : 5,
		.phases = o->rounds,
		.verbose = o->verbose,
	};
	struct timespec t;
	int code;

	if (!o->has_seed) {
		clock_gettime(CLOCK_REALTIME, &t);
		s.seed = (uint64_t)t.tv_sec << 20 ^ (uint64_t)t.tv_nsec;
	}
	code = boot_machine(o, o->verbose ? stdout : NULL);
	if (code)
		return code;
	machine.console = log_to;
	machine.ctx = stdout;
	return o->core->stress(&s);
}
