// SPDX-License-Identifier: MIT
/* links: report/slabinfo.c lib/out.c @slab mm/kmem/kvmalloc.c */
/* /proc/slabinfo while caches come and go: each that stays is a line, once. */
#include "slab_world.h"

#include <quire/report.h>

static char text[65536];
static size_t length;
/* Called with every piece that is written. */
static void (*meanwhile)(const char *s);

static int collect(struct out *out, const char *s, size_t n)
{
	char piece[512];

	assert_true(length + n < sizeof(text) && n < sizeof(piece));
	memcpy(text + length, s, n);
	length += n;
	text[length] = '\0';
	memcpy(piece, s, n);
	piece[n] = '\0';
	if (meanwhile)
		meanwhile(piece);
	return 0;
}

static void report(void (*and)(const char *s))
{
	struct out out = {.write = collect};

	length = 0;
	meanwhile = and;
	report_slabinfo(&out);
}

/* How many lines begin with the name and a blank. */
static unsigned int lines_of(const char *name)
{
	unsigned int n = 0;
	char line[80];
	const char *at;

	snprintf(line, sizeof(line), "\n%s ", name);
	for (at = text; (at = strstr(at, line)); at++)
		n++;
	return n;
}

static struct kmem_cache *cache(const char *name, unsigned int size)
{
	struct kmem_cache *s = kmem_cache_create(name, size, 0, SLAB_NO_MERGE, NULL);

	assert_non_null(s);
	return s;
}

static void every_cache_is_a_line_the_newest_first(void **state)
{
	struct kmem_cache *first = cache("first", 100), *second = cache("second", 200);
	void *p = kmem_cache_alloc(first, GFP_KERNEL);

	report(NULL);
	assert_int_equal(lines_of("first"), 1);
	assert_int_equal(lines_of("second"), 1);
	assert_true(strstr(text, "\nsecond ") < strstr(text, "\nfirst "));
	assert_true(strstr(text, "\nfirst ") < strstr(text, "\nkmalloc-"));
	kmem_cache_free(first, p);
	kmem_cache_destroy(first);
	kmem_cache_destroy(second);
	report(NULL);
	assert_int_equal(lines_of("first"), 0);
}

static struct kmem_cache *victim, *replaced;

/* The line of the cache has been written: it goes, and another one gets its memory. */
static void exchange(const char *s)
{
	if (victim && strncmp(s, "victim ", 7) == 0) {
		kmem_cache_destroy(victim);
		victim = NULL;
		replaced = cache("replaced", 300);
	}
}

static void a_cache_that_goes_under_the_reader_is_no_way_to_another(void **state)
{
	struct kmem_cache *older = cache("older", 100), *newer;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		victim = cache("victim", 200);
		newer = cache("newer", 400);
		report(exchange);
		assert_null(victim);
		assert_int_equal(lines_of("newer"), 1);
		assert_int_equal(lines_of("victim"), 1);
		assert_int_equal(lines_of("older"), 1);
		/* It came when its place in the list was behind the reader. */
		assert_int_equal(lines_of("replaced"), 0);
		assert_int_equal(lines_of("kmalloc-64"), 1);
		kmem_cache_destroy(replaced);
		kmem_cache_destroy(newer);
	}
	kmem_cache_destroy(older);
}

/* Who writes may have all caches drained, which takes the lock of the list. */
static void drain(const char *s)
{
	slab_drain_all();
}

static void nothing_is_locked_while_it_is_written(void **state)
{
	report(drain);
	assert_int_equal(lines_of("kmalloc-64"), 1);
}

static void a_long_name_is_cut(void **state)
{
	char name[200], want[70];
	struct kmem_cache *s;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	s = cache(name, 64);
	report(NULL);
	memset(want, 'n', 63);
	want[63] = '\0';
	assert_int_equal(lines_of(want), 1);
	kmem_cache_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_cache_is_a_line_the_newest_first),
		T(a_cache_that_goes_under_the_reader_is_no_way_to_another),
		T(nothing_is_locked_while_it_is_written),
		T(a_long_name_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
