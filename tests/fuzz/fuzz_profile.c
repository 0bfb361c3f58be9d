// SPDX-License-Identifier: MIT
/*
 * libFuzzer target: profiles, and the files that profiles are made of (quire profile --from).
 *
 * The first byte says how the rest is read: as a profile, or as a kernel's file (configuration, ELF, Image, System.map,
 * log). What must hold: no report of a sanitizer; a profile that is accepted is accepted again when it has been written;
 * one that is refused is refused with one line that begins with its name.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/quire/profile.h"
#include "cmd/quire/profile_from.h"
#include "cmd/quire/quire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const struct embedded_profile embedded_profiles[] = {{NULL, NULL}};

void die(const char *fmt, ...)
{
	fprintf(stderr, "fuzz_profile: die(%s)\n", fmt);
	abort();
}

char *read_file(const char *what, const char *name, size_t *size)
{
	abort();
}

/* As options.c has it, without suffixes. */
bool parse_size(const char *text, uint64_t *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*value = strtoull(text, &end, 0);
	return !*end;
}

static void fail(const char *what, const char *text)
{
	fprintf(stderr, "fuzz_profile: %s: %s\n", what, text);
	abort();
}

static void profile(const char *text, size_t size)
{
	struct build_profile p, again;
	char why[256], *out = NULL;
	size_t n = 0;
	FILE *f;

	if (!profile_parse(&p, "input", text, size, why, sizeof(why))) {
		if (strncmp(why, "input", 5) != 0 || strchr(why, '\n'))
			fail("not one line with the name", why);
		return;
	}
	f = open_memstream(&out, &n);
	if (!f)
		return;
	profile_write(f, &p, NULL);
	fclose(f);
	if (!profile_parse(&again, "input", out, n, why, sizeof(why)))
		fail("accepted, written, refused", why);
	if (memcmp(&p, &again, sizeof(p)))
		fail("another profile", out);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gathered g;
	char *copy;

	if (!size)
		return 0;
	copy = malloc(size);
	if (!copy)
		return 0;
	/* Behind the last byte there is a NUL, as behind what read_file gives. */
	memcpy(copy, data + 1, size - 1);
	copy[size - 1] = 0;
	if (data[0] & 1) {
		memset(&g, 0, sizeof(g));
		gather(&g, "input", copy, size - 1);
	} else {
		profile(copy, size - 1);
	}
	free(copy);
	return 0;
}
