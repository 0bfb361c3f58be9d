// SPDX-License-Identifier: MIT
/* links: lib/vsprintf.c */
/* Formatted output must equal C's for every conversion that both have; libc is the judge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <quire/port.h>
#include <quire/printk.h>

const char *port_symbolize(unsigned long addr, unsigned long *offset, unsigned long *size)
{
	if (addr < 0x1000 || addr >= 0x1100)
		return NULL;
	*offset = addr - 0x1000;
	*size = 0x100;
	return "func";
}

#define SAME(...)                                                                                  \
	do {                                                                                       \
		char a[256], b[256];                                                               \
		int na = snprintf(a, sizeof(a), __VA_ARGS__);                                      \
		int nb = quire_snprintf(b, sizeof(b), __VA_ARGS__);                                \
		assert_string_equal(b, a);                                                         \
		assert_int_equal(nb, na);                                                          \
		for (size_t cut = 0; cut <= (size_t)na + 1; cut++) {                               \
			memset(a, '#', sizeof(a));                                                 \
			memset(b, '#', sizeof(b));                                                 \
			assert_int_equal(snprintf(a, cut, __VA_ARGS__), na);                       \
			assert_int_equal(quire_snprintf(b, cut, __VA_ARGS__), na);                 \
			assert_memory_equal(a, b, sizeof(a));                                      \
		}                                                                                  \
	} while (0)

#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-truncation"
#pragma GCC diagnostic ignored "-Wformat-zero-length"

static void agrees_with_libc(void **state)
{
	static const long values[] = {0,
				      1,
				      -1,
				      7,
				      8,
				      9,
				      10,
				      255,
				      4096,
				      -4096,
				      0x7fffffff,
				      (long)0x8000000000000000ul,
				      0x7fffffffffffffff};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		long v = values[i];

		SAME("%d %u %x %o", (int)v, (unsigned int)v, (unsigned int)v, (unsigned int)v);
		SAME("%ld|%lu|%lx|%lX|%lo", v, v, v, v, v);
		SAME("%5ld|%-5ld|%05ld|%+ld|% ld", v, v, v, v, v);
		SAME("%.3ld|%8.3ld|%-8.3ld|%08.3ld|%.0ld", v, v, v, v, v);
		if (v)
			SAME("%#lx|%#018lx|%#-20lx|%#20lx|%#lo", v, v, v, v, v);
		SAME("%hhd %hd %hhu %hu %hhx", (char)v, (short)v, (unsigned char)v,
		     (unsigned short)v, (unsigned char)v);
		SAME("%lld %zu %zd", (long long)v, (size_t)v, (ssize_t)v);
		SAME("%*ld|%-*ld|%.*ld", 12, v, 12, v, 6, v);
	}
	SAME("%s|%10s|%-10s|%.2s|%10.2s", "abc", "abc", "abc", "abc", "abc");
	SAME("%c|%3c|%-3c|%%", 'x', 'y', 'z');
	SAME("");
	SAME("no conversions at all");
	SAME("%*d", -6, 42);
}

static void linux_extensions(void **state)
{
	char b[64];
	phys_addr_t pa = 0x40000000, zero = 0;
	char *volatile no_string = NULL;

	quire_snprintf(b, sizeof(b), "%pa", (void *)&pa);
	assert_string_equal(b, "0x0000000040000000");
	quire_snprintf(b, sizeof(b), "%pa", (void *)&zero);
	assert_string_equal(b, "0x0000000000000000");
	quire_snprintf(b, sizeof(b), "%#x %#010x", 0, 0);
	assert_string_equal(b, "0x0 0x00000000");
	quire_snprintf(b, sizeof(b), "%pS", (void *)0x1024);
	assert_string_equal(b, "func+0x24/0x100");
	quire_snprintf(b, sizeof(b), "%pS", (void *)0x1000);
	assert_string_equal(b, "func+0x0/0x100");
	quire_snprintf(b, sizeof(b), "%ps.", (void *)0x1024);
	assert_string_equal(b, "func.");
	quire_snprintf(b, sizeof(b), "%pS", (void *)0x2000);
	assert_string_equal(b, "0x2000");
	quire_snprintf(b, sizeof(b), "%s", no_string);
	assert_string_equal(b, "(null)");
	quire_snprintf(b, sizeof(b), "%y");
	assert_string_equal(b, "%y");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_libc),
		cmocka_unit_test(linux_extensions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
