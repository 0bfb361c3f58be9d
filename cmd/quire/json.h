/* SPDX-License-Identifier: MIT */
/* JSON documents read into a tree of values. */
#ifndef QUIRE_CMD_JSON_H
#define QUIRE_CMD_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
	enum json_type type;
	const char *key;    /* in an object */
	const char *string; /* a string's bytes, a number's digits; ends with NUL */
	bool truth;
	struct json *first, *next;
};

/*
 * Read text[size] (text[size] is a NUL), which is changed and must stay for as long as the tree is used. NULL when it is
 * no document: *why says what, *offset where. json_free() gives the tree back.
 */
struct json *json_read(char *text, size_t size, const char **why, size_t *offset);
void json_free(struct json *root);

/* The member of that name; NULL when there is none or j is no object. j may be NULL. */
const struct json *json_get(const struct json *j, const char *key);
/* A number, or a string that is one ("0x40000000", "-0x1000" modulo 2^64); `none` when it is neither. */
uint64_t json_number(const struct json *j, uint64_t none);
/* A string; `none` when it is none. */
const char *json_text(const struct json *j, const char *none);
/* json_number(json_get(j, key), 0) */
uint64_t json_num(const struct json *j, const char *key);
/* json_text(json_get(j, key), "") */
const char *json_str(const struct json *j, const char *key);

#define json_each(e, array) for (e = (array) ? (array)->first : NULL; e; e = e->next)

#endif
