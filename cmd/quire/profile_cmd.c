// SPDX-License-Identifier: MIT
/* quire profile: list, show, check and make profiles of Linux builds. */
#include <stdlib.h>
#include <string.h>

#include "profile.h"
#include "profile_from.h"
#include "quire.h"

static const char help[] =
	"Usage: quire profile --list | --keys | --show PROFILE | --from FILE... [--base PROFILE]\n"
	"\n"
	"Descriptions of Linux builds for 'quire predict --build' (docs/predict.md).\n"
	"\n"
	"  --list                 the profiles that are part of this program\n"
	"  --keys                 every key of a profile, and where its value is found\n"
	"  --show PROFILE         check a profile and print it\n"
	"  --from FILE            make one of a kernel's files; again for more of them: its\n"
	"                         configuration, vmlinux (BTF or DWARF), Image (BTF), System.map, "
	"log\n"
	"  --base PROFILE         what no file says is taken from this one, and marked\n"
	"                         (default " DEFAULT_PROFILE ")\n"
	"\n"
	"PROFILE is a name of --list or a file. Exit status: 0 good, 2 wrong use or input.\n";

static int list(void)
{
	struct build_profile p;

	for (size_t i = 0; embedded_profiles[i].name; i++) {
		profile_load(&p, embedded_profiles[i].name);
		printf("%-30s %s, %luK pages, %lu-bit VA\n", embedded_profiles[i].name, p.release,
		       (1UL << p.page_shift) / 1024, p.va_bits);
	}
	return 0;
}

static int keys(void)
{
	printf("%-26s %s\n", "release", "uname -r");
	for (size_t i = 0; i < nr_profile_keys; i++)
		printf("%-26s %s\n", profile_keys[i].name, profile_keys[i].what);
	return 0;
}

static int show(const char *name)
{
	struct build_profile p;

	profile_load(&p, name);
	profile_write(stdout, &p, NULL);
	return 0;
}

/* The size of the image is known, its parts are not: the base's, in proportion. */
static void scale_sections(struct gathered *g, const struct build_profile *base)
{
	const size_t size = profile_key("image_size", 10), last = profile_key("bss_end", 7);

	if (!g->from[size] || g->from[profile_key("init_begin", 10)])
		return;
	for (size_t i = size + 1; i <= last; i++) {
		unsigned long *v = profile_value(&g->profile, i);

		*v = *v * g->profile.image_size / base->image_size & ~0xfffUL;
		g->from[i] = "the base, in proportion: no file says it";
	}
}

static int make(char **files, int nr, const char *base)
{
	static struct gathered g;
	static char marks[96][80];
	struct build_profile check;
	char why[256], *text = NULL;
	size_t size = 0, rodata, begin;
	FILE *f;

	profile_load(&g.profile, base);
	check = g.profile;
	g.profile.release[0] = 0;
	for (int i = 0; i < nr; i++) {
		char *data = read_file("--from ", files[i], &size);
		const char *wrong;

		data = realloc(data, size + 1);
		if (!data)
			die("--from %s: not enough memory", files[i]);
		data[size] = 0;
		wrong = gather(&g, files[i], data, size);
		if (wrong)
			die("--from %s: offset %#zx: %s", files[i], g.at, wrong);
		free(data);
	}
	if (!g.profile.release[0])
		strcpy(g.profile.release, "unknown");
	scale_sections(&g, &check);
	/* Nothing but notes and the exception table lies between them. */
	rodata = profile_key("rodata_end", 10);
	begin = profile_key("init_begin", 10);
	if (!g.from[rodata] && g.from[begin]) {
		g.profile.rodata_end = g.profile.init_begin;
		g.from[rodata] = "init_begin: no file says it";
	}
	for (size_t i = 0; i < nr_profile_keys; i++)
		if (!g.from[i]) {
			snprintf(marks[i], sizeof(marks[i]), "%s, no file says it", base);
			g.from[i] = marks[i];
		}
	f = open_memstream(&text, &size);
	if (!f)
		die("--from: not enough memory");
	profile_write(f, &g.profile, g.from);
	fclose(f);
	if (!profile_parse(&check, "--from", text, size, why, sizeof(why)))
		die("%s: the files do not say enough; a System.map or vmlinux gives the image's "
		    "parts",
		    why);
	fputs(text, stdout);
	free(text);
	return 0;
}

int cmd_profile(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : NULL, *base = DEFAULT_PROFILE;
	char **files = calloc((size_t)argc, sizeof(*files));
	int nr = 0;

	if (!what)
		die("profile: nothing to do; try 'quire profile --help'");
	if (!strcmp(what, "--help") || !strcmp(what, "-h")) {
		fputs(help, stdout);
		return 0;
	}
	if (!strcmp(what, "--list") && argc == 3)
		return list();
	if (!strcmp(what, "--keys") && argc == 3)
		return keys();
	if (!strcmp(what, "--show") && argc == 4)
		return show(argv[3]);
	for (int i = 2; files && i < argc; i++) {
		if (strcmp(argv[i], "--from") && strcmp(argv[i], "--base"))
			die("profile: unexpected '%s'; try 'quire profile --help'", argv[i]);
		if (i + 1 == argc)
			die("%s needs a value", argv[i]);
		if (!strcmp(argv[i], "--from"))
			files[nr++] = argv[++i];
		else
			base = argv[++i];
	}
	if (!nr)
		die("profile: --base needs --from");
	return make(files, nr, base);
}
