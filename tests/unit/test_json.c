// SPDX-License-Identifier: MIT
/* links: cmd/quire/json.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../cmd/quire/json.h"

/* Its own copy of exactly that size, so that AddressSanitizer sees a step too far. */
static char *copy(const char *text)
{
	char *c = malloc(strlen(text) + 1);

	assert_non_null(c);
	return strcpy(c, text);
}

static void refuses(const char *text, const char *why_wanted, size_t offset_wanted)
{
	char *c = copy(text);
	const char *why = NULL;
	size_t offset = 0;

	assert_null(json_read(c, strlen(c), &why, &offset));
	assert_string_equal(why, why_wanted);
	assert_int_equal(offset, offset_wanted);
	free(c);
}

static void values_are_what_the_text_says(void **state)
{
	char *c = copy(" {\"a\": [1, \"0x20\", true, null, {\"b\": false}], \"c\": {}, \"d\": [], "
		       "\"e\": \"x\"}\n");
	const struct json *e;
	struct json *doc;
	const char *why;
	size_t offset;

	doc = json_read(c, strlen(c), &why, &offset);
	assert_non_null(doc);
	e = json_get(doc, "a");
	assert_int_equal(e->type, JSON_ARRAY);
	e = e->first;
	assert_int_equal(json_number(e, 0), 1);
	e = e->next;
	assert_int_equal(json_number(e, 0), 0x20);
	assert_string_equal(json_text(e, ""), "0x20");
	e = e->next;
	assert_true(e->type == JSON_BOOL && e->truth);
	e = e->next;
	assert_int_equal(e->type, JSON_NULL);
	e = e->next;
	assert_false(json_get(e, "b")->truth);
	assert_null(e->next);
	assert_null(json_get(doc, "c")->first);
	assert_null(json_get(doc, "d")->first);
	assert_string_equal(json_str(doc, "e"), "x");
	json_free(doc);
	free(c);
}

static void what_is_not_there_is_the_given_value(void **state)
{
	char *c = copy("{\"s\": \"banana\", \"n\": 5}");
	struct json *doc;
	const char *why;
	size_t offset;

	doc = json_read(c, strlen(c), &why, &offset);
	assert_null(json_get(doc, "z"));
	assert_null(json_get(NULL, "z"));
	assert_null(json_get(json_get(doc, "n"), "z"));
	assert_int_equal(json_num(doc, "z"), 0);
	assert_string_equal(json_str(doc, "z"), "");
	assert_int_equal(json_number(json_get(doc, "s"), 7), 7);
	assert_string_equal(json_text(json_get(doc, "n"), "none"), "none");
	json_free(doc);
	free(c);
}

static void numbers_keep_64_bits_and_their_sign(void **state)
{
	char *c = copy("[\"0xffffffffffffffff\", \"-0x1000\", -8, 18446744073709551615, "
		       "\"0x1ffffffffffffffff\", \"\", \"-\"]");
	const struct json *e;
	struct json *doc;
	const char *why;
	size_t offset;

	doc = json_read(c, strlen(c), &why, &offset);
	assert_non_null(doc);
	e = doc->first->first;
	assert_true(json_number(e, 0) == UINT64_MAX);
	e = e->next;
	assert_true(json_number(e, 0) == (uint64_t)-0x1000);
	e = e->next;
	assert_true(json_number(e, 0) == (uint64_t)-8);
	e = e->next;
	assert_true(json_number(e, 0) == UINT64_MAX);
	e = e->next;
	assert_int_equal(json_number(e, 3), 3);
	e = e->next;
	assert_int_equal(json_number(e, 3), 3);
	e = e->next;
	assert_int_equal(json_number(e, 3), 3);
	json_free(doc);
	free(c);
}

static void escapes_become_their_bytes(void **state)
{
	char *c = copy("[\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20ac\\u0000z\"]");
	struct json *doc;
	const char *why;
	size_t offset;

	doc = json_read(c, strlen(c), &why, &offset);
	assert_non_null(doc);
	assert_string_equal(json_text(doc->first->first, ""),
			    "a\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac?z");
	json_free(doc);
	free(c);
}

static void what_is_wrong_is_named_with_its_place(void **state)
{
	refuses("", "no value", 0);
	refuses("banana", "no value", 0);
	refuses("{", "no key in an object", 1);
	refuses("{\"a\"}", "no colon after a key", 4);
	refuses("{\"a\": 1", "an object without an end", 7);
	refuses("[1", "an array without an end", 2);
	refuses("[1 2]", "an array without an end", 3);
	refuses("[1,]", "no value", 3);
	refuses("\"a", "a string without an end", 2);
	refuses("\"a\\", "an escape that there is not", 3);
	refuses("\"\\x\"", "an escape that there is not", 3);
	refuses("\"\\u12", "an escape that there is not", 3);
	refuses("\"\\u12g4\"", "an escape that there is not", 6);
	refuses("\"a\nb\"", "a control character in a string", 3);
	refuses("{} []", "something after the document", 3);
	refuses("tru", "no value", 0);
}

static void depth_is_bounded(void **state)
{
	char text[160];

	memset(text, '[', 64);
	memset(text + 64, ']', 64);
	text[128] = 0;
	{
		char *c = copy(text);
		const char *why;
		size_t offset;
		struct json *doc = json_read(c, strlen(c), &why, &offset);

		assert_non_null(doc);
		json_free(doc);
		free(c);
	}
	memset(text, '[', 100);
	text[100] = 0;
	refuses(text, "too deep", 64);
}

static void a_document_cut_anywhere_is_refused(void **state)
{
	static const char whole[] =
		"{\"k\": [1, -2, \"x\\u0041\", {\"t\": true, \"n\": null}], \"e\": {}}";

	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		char *c = malloc(n + 1);
		const char *why = NULL;
		size_t offset = 0;

		memcpy(c, whole, n);
		c[n] = 0;
		assert_null(json_read(c, n, &why, &offset));
		assert_non_null(why);
		assert_true(offset <= n);
		free(c);
	}
}

static void many_values_do_not_fit_one_block(void **state)
{
	size_t n = 10000, size = 2 * n + 2;
	char *c = malloc(size + 1);
	const struct json *e;
	struct json *doc;
	const char *why;
	size_t offset, got = 0;

	c[0] = '[';
	for (size_t i = 0; i < n; i++)
		memcpy(c + 1 + 2 * i, "7,", 2);
	c[2 * n] = ']';
	c[2 * n + 1] = 0;
	doc = json_read(c, 2 * n + 1, &why, &offset);
	assert_non_null(doc);
	json_each(e, doc->first) got += json_number(e, 0);
	assert_int_equal(got, 7 * n);
	json_free(doc);
	free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_what_the_text_says),
		cmocka_unit_test(what_is_not_there_is_the_given_value),
		cmocka_unit_test(numbers_keep_64_bits_and_their_sign),
		cmocka_unit_test(escapes_become_their_bytes),
		cmocka_unit_test(what_is_wrong_is_named_with_its_place),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(a_document_cut_anywhere_is_refused),
		cmocka_unit_test(many_values_do_not_fit_one_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
