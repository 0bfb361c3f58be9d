// SPDX-License-Identifier: MIT
/*
 * libFuzzer target: what quire check, compare and diff read themselves: device trees (that a sound one is walked safely, by the
 * checks too) and kernels' logs.
 *
 * An input that begins with a device tree's magic is one; every other is a log. What must hold: no report of a sanitizer; a
 * tree that is refused is refused with a line that begins with its name; every finding has a message, an effect and a fix; a
 * log that is refused says where. The prediction is a stand-in: the tree's banks, and one zone.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/check.h"
#include "check/log.h"
#include "cmd/quire/quire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void die(const char *fmt, ...)
{
	fprintf(stderr, "fuzz_check: die(%s)\n", fmt);
	abort();
}

static void fail(const char *what, const char *text)
{
	fprintf(stderr, "fuzz_check: %s: %s\n", what, text);
	abort();
}

static bool again(void *arg, const struct variant *v, struct forecast *f)
{
	*f = (struct forecast){0};
	return false;
}

static int by_base(const void *a, const void *b)
{
	const struct forecast_region *x = a, *y = b;

	return x->base < y->base ? -1 : x->base > y->base;
}

/* As memblock would have them: sorted, none over another. */
static void stand_in(struct check_context *c)
{
	struct forecast *f = &c->forecast;
	const struct board *b = &c->board;
	size_t n = 0;

	f->memory = calloc(b->nr_banks + 1, sizeof(*f->memory));
	f->zones = calloc(1, sizeof(*f->zones));
	if (!f->memory || !f->zones)
		return;
	for (size_t i = 0; i < b->nr_banks; i++)
		if (b->banks[i].size)
			f->memory[n++] =
				(struct forecast_region){b->banks[i].base, b->banks[i].size, -1, 0};
	qsort(f->memory, n, sizeof(*f->memory), by_base);
	for (size_t i = 0; i < n; i++) {
		struct forecast_region *r = &f->memory[i];
		struct forecast_region *last = f->nr_memory ? &f->memory[f->nr_memory - 1] : NULL;

		if (last && r->base < range_end(last->base, last->size))
			continue;
		if (range_end(r->base, r->size) == UINT64_MAX)
			continue;
		f->memory[f->nr_memory++] = *r;
	}
	f->zones[0] = (struct forecast_zone){.name = "DMA", .spanned = 1 << 20, .present = 1 << 20};
	f->nr_zones = 1;
	f->phys_bits = 48;
	f->linear_size = 1ULL << 47;
}

static void tree(const uint8_t *data, size_t size)
{
	static struct build_profile profile = {.name = "fuzz",
					       .release = "6.12",
					       .page_shift = 12,
					       .section_size_bits = 27,
					       .page_size_of = 64,
					       .max_page_order = 10,
					       .nodes_shift = 4,
					       .hugetlb = 1,
					       .numa = 1};
	struct check_context c = {.file = "input.dtb", .profile = &profile, .again = again};
	struct check_report r = {.boards = &c, .nr = 1, .version = "0"};
	struct tree t = {0};
	char why[512], *out = NULL;
	size_t n;
	FILE *f;

	if (!tree_take(&t, "input.dtb", (const char *)data, size, why, sizeof(why))) {
		if (strncmp(why, "input.dtb: ", 11) != 0)
			fail("no name", why);
		return;
	}
	if (!t.sound) {
		if (t.bad_at > t.size)
			fail("broken outside", "of itself");
		free(t.blob);
		return;
	}
	board_read(&c.board, t.blob, t.size);
	stand_in(&c);
	c.args = c.board.bootargs;
	c.image = (struct place){0x80200000, 0x2000000, size & 1};
	c.dtb = (struct place){0x88000000, t.size, size & 2};
	c.initrd = (struct place){c.board.initrd_base, c.board.initrd_size, true};
	c.image_fits = find_place(&c.board, c.image.size, 0, 0, &c.image.base);
	for (size_t i = 0; i < NR_CHECKS; i++)
		c.enabled[i] = true;
	check_run(&c);
	for (size_t i = 0; i < c.nr_findings; i++)
		if (!c.findings[i].message || !c.findings[i].effect || !c.findings[i].fix ||
		    !c.findings[i].path)
			fail("half a finding", checks[c.findings[i].check].name);
	f = open_memstream(&out, &n);
	if (f) {
		print_findings(f, &c, false);
		print_check_json(f, &r);
		print_sarif(f, &r);
		fclose(f);
	}
	free(out);
	check_context_free(&c);
	free(t.blob);
}

static void kernel_log(const uint8_t *data, size_t size)
{
	struct boot_log l;
	char *text = malloc(size + 1), buf[64];

	if (!text)
		return;
	memcpy(text, data, size);
	text[size] = 0;
	if (!log_read(&l, text, size)) {
		if (!l.why || l.bad_at > size)
			fail("refused without a place", l.why ? l.why : "?");
	} else {
		for (size_t i = 0; i < l.facts.nr; i++)
			if (!fact_agrees(&l.facts.fact[i], &l.facts.fact[i]) ||
			    !*fact_text(&l.facts.fact[i], buf, sizeof(buf)))
				fail("differs from itself", l.facts.fact[i].name);
	}
	log_free(&l);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size >= 4 && !memcmp(data, "\xd0\x0d\xfe\xed", 4))
		tree(data, size);
	else
		kernel_log(data, size);
	return 0;
}
