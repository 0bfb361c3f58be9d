// SPDX-License-Identifier: MIT
/* links: lib/printk.c lib/vsprintf.c lib/out.c lib/string.c */
/* The log reaches the console whole, in order, filtered by level, whether the console starts early or late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <quire/out.h>
#include <quire/port.h>
#include <quire/printk.h>
#include <quire/string.h>

static char shown[1 << 20];
static size_t shown_len;
static jmp_buf off;
static int off_code;

void port_console_write(const char *s, size_t n)
{
	memcpy(shown + shown_len, s, n);
	shown_len += n;
	shown[shown_len] = '\0';
}

u64 port_clock_ns(void)
{
	return 1234567000;
}

void port_backtrace(void)
{
}

void port_poweroff(int code)
{
	off_code = code;
	longjmp(off, 1);
}

const char *port_symbolize(unsigned long addr, unsigned long *offset, unsigned long *size)
{
	return NULL;
}

static void clear(void)
{
	shown_len = 0;
	shown[0] = '\0';
}

#define T "[    1.234567] "

/* One test, because the log is one for the program: the order of its parts is part of what is tested. */
static void log_and_console(void **state)
{
	char long_line[3000], *p;
	int code;

	pr_info("before the console\n");
	pr_debug("too detailed\n");
	pr_err("open ");
	assert_int_equal(shown_len, 0);
	console_start();
	assert_true(console_active());
	assert_string_equal(shown, T "before the console\n" T "open ");
	pr_cont("and closed\n");
	assert_string_equal(shown, T "before the console\n" T "open and closed\n");
	console_start();
	assert_string_equal(shown, T "before the console\n" T "open and closed\n");

	clear();
	pr_err("left open");
	pr_info("a line of its own\n");
	assert_string_equal(shown, T "left open\n" T "a line of its own\n");

	clear();
	printk("two\nlines\n");
	printk("default level is shown\n");
	assert_string_equal(shown, T "two\n" T "lines\n" T "default level is shown\n");

	clear();
	console_loglevel = 4;
	pr_warn("hidden\n");
	pr_err("seen\n");
	assert_string_equal(shown, T "seen\n");
	console_loglevel = 7;

	/* A line longer than the buffer is cut and still ends. */
	clear();
	memset(long_line, 'x', sizeof(long_line));
	long_line[sizeof(long_line) - 1] = '\0';
	pr_info("%s", long_line);
	assert_true(shown_len > 1000 && shown_len < 1100);
	assert_string_equal(shown + shown_len - 5, "x...\n");

	/* More than the log holds goes to the console all the same. */
	clear();
	for (int i = 0; i < 10000; i++)
		pr_info("line %d\n", i);
	p = shown;
	for (int i = 0; i < 10000; i++) {
		char want[64];
		size_t n = (size_t)snprintf(want, sizeof(want), T "line %d\n", i);

		assert_memory_equal(p, want, n);
		p += n;
	}
	assert_ptr_equal(p, shown + shown_len);

	/* Who reads by number meets each record once; numbers of what has gone lead to the first that is there. */
	{
		struct log_record r;
		u64 first = log_first_seq(), seq = 0, n = 0;

		assert_true(first > 5000 && log_next_seq() > first);
		for (; log_read(seq, &r); seq = r.seq + 1, n++) {
			char want[64];

			assert_true(r.seq == first + n && r.level == 6 && r.facility == 0);
			snprintf(want, sizeof(want), T "line %d",
				 (int)(10000 - (log_next_seq() - r.seq)));
			assert_true(r.len == strlen(want));
			assert_memory_equal(r.text, want, r.len);
		}
		assert_true(first + n == log_next_seq());
		log_write(3, 4, "mine", 4, false);
		assert_false(log_read(seq, &r));
		log_write(2, 5, "", 0, true);
		assert_true(log_read(seq, &r) && r.level == 3 && r.facility == 4 &&
			    r.len == strlen(T "mine"));
		assert_true(log_read(seq + 1, &r) && r.seq == seq + 1 && r.level == 2 &&
			    r.facility == 5 && r.len == strlen(T));
		assert_false(log_read(seq + 2, &r));
		/* Back again. */
		assert_true(log_read(first + 1, &r) && r.seq == first + 1);
		pr_err("open");
		assert_false(log_read(seq + 2, &r));
		pr_cont(" no more\n");
		assert_true(log_read(seq + 2, &r) && r.len == strlen(T "open no more"));
	}

	clear();
	code = setjmp(off);
	if (!code)
		panic("no %s", "memory");
	assert_int_equal(off_code, 1);
	assert_non_null(strstr(shown, "Kernel panic - not syncing: no memory\n"));
}

static int fail_after_ten(struct out *o, const char *s, size_t n)
{
	size_t *left = o->ctx;

	if (n > *left)
		return -EIO;
	*left -= n;
	return 0;
}

static void out_keeps_its_first_error(void **state)
{
	size_t left = 10;
	struct out o = {.write = fail_after_ten, .ctx = &left};

	out_puts(&o, "12345678");
	assert_int_equal(o.error, 0);
	out_printf(&o, "%d", 123);
	assert_int_equal(o.error, -EIO);
	out_puts(&o, "9");
	assert_int_equal(left, 2);
}

static void strlcpy_terminates(void **state)
{
	char b[4] = "###";

	assert_int_equal(quire_strlcpy(b, "abcdef", sizeof(b)), 6);
	assert_string_equal(b, "abc");
	assert_int_equal(quire_strlcpy(b, "z", sizeof(b)), 1);
	assert_string_equal(b, "z");
	assert_int_equal(quire_strlcpy(b, "z", 0), 1);
	assert_string_equal(b, "z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(log_and_console),
		cmocka_unit_test(out_keeps_its_first_error),
		cmocka_unit_test(strlcpy_terminates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
