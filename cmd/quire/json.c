// SPDX-License-Identifier: MIT
/*
 * JSON (RFC 8259) into a tree: one pass, values in blocks of one list, strings unescaped where they stand.
 *
 * Numbers stay text: what Quire writes has addresses as strings, which a double could not hold.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

#define BLOCK_VALUES 1024
#define MAX_DEPTH 64

/* The first value of the first block is the root. */
struct block {
	struct json value[BLOCK_VALUES];
	struct block *next;
	size_t used;
};

struct reader {
	char *at, *start, *end;
	const char *why;
	struct block *first, *last;
	unsigned int depth;
};

static struct json *new_value(struct reader *r, enum json_type type)
{
	struct json *j;

	if (!r->last || r->last->used == BLOCK_VALUES) {
		struct block *b = calloc(1, sizeof(*b));

		if (!b) {
			r->why = "no memory";
			return NULL;
		}
		if (r->last)
			r->last->next = b;
		else
			r->first = b;
		r->last = b;
	}
	j = &r->last->value[r->last->used++];
	j->type = type;
	return j;
}

static void skip_space(struct reader *r)
{
	while (r->at < r->end &&
	       (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r'))
		r->at++;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \uXXXX as UTF-8 (a surrogate stands for itself: three bytes); false when it is none. */
static bool read_unicode(struct reader *r, char **to)
{
	unsigned int v = 0;

	if (r->end - r->at < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		int d = hex_digit(*r->at++);

		if (d < 0)
			return false;
		v = v << 4 | (unsigned int)d;
	}
	/* A NUL would end the string. */
	if (!v)
		v = '?';
	if (v < 0x80) {
		*(*to)++ = (char)v;
	} else if (v < 0x800) {
		*(*to)++ = (char)(0xc0 | v >> 6);
		*(*to)++ = (char)(0x80 | (v & 0x3f));
	} else {
		*(*to)++ = (char)(0xe0 | v >> 12);
		*(*to)++ = (char)(0x80 | (v >> 6 & 0x3f));
		*(*to)++ = (char)(0x80 | (v & 0x3f));
	}
	return true;
}

/* After the opening quote; what is read never grows. */
static const char *read_string(struct reader *r)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char *start = r->at, *out = r->at;

	while (r->at < r->end && *r->at != '"') {
		char c = *r->at++;
		const char *known;

		if ((unsigned char)c < 0x20) {
			r->why = "a control character in a string";
			return NULL;
		}
		if (c != '\\') {
			*out++ = c;
			continue;
		}
		c = r->at < r->end ? *r->at++ : 0;
		known = c ? strchr(from, c) : NULL;
		if (known) {
			*out++ = to[known - from];
		} else if (c != 'u' || !read_unicode(r, &out)) {
			r->why = "an escape that there is not";
			return NULL;
		}
	}
	if (r->at == r->end) {
		r->why = "a string without an end";
		return NULL;
	}
	r->at++;
	*out = 0;
	return start;
}

static struct json *read_value(struct reader *r);

static struct json *read_members(struct reader *r, enum json_type type)
{
	const char closing = type == JSON_OBJECT ? '}' : ']';
	struct json *j = new_value(r, type), *last = NULL;

	if (!j)
		return NULL;
	skip_space(r);
	if (r->at < r->end && *r->at == closing) {
		r->at++;
		return j;
	}
	for (;;) {
		const char *key = NULL;
		struct json *value;

		skip_space(r);
		if (type == JSON_OBJECT) {
			if (r->at == r->end || *r->at != '"') {
				r->why = "no key in an object";
				return NULL;
			}
			r->at++;
			key = read_string(r);
			if (!key)
				return NULL;
			skip_space(r);
			if (r->at == r->end || *r->at != ':') {
				r->why = "no colon after a key";
				return NULL;
			}
			r->at++;
		}
		value = read_value(r);
		if (!value)
			return NULL;
		value->key = key;
		if (last)
			last->next = value;
		else
			j->first = value;
		last = value;
		skip_space(r);
		if (r->at < r->end && *r->at == ',') {
			r->at++;
			continue;
		}
		if (r->at < r->end && *r->at == closing) {
			r->at++;
			return j;
		}
		r->why = type == JSON_OBJECT ? "an object without an end"
					     : "an array without an end";
		return NULL;
	}
}

static struct json *read_word(struct reader *r)
{
	static const struct {
		const char *word;
		enum json_type type;
		bool truth;
	} words[] = {
		{"null", JSON_NULL, false}, {"true", JSON_BOOL, true}, {"false", JSON_BOOL, false}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i].word);
		struct json *j;

		if ((size_t)(r->end - r->at) < n || memcmp(r->at, words[i].word, n) != 0)
			continue;
		r->at += n;
		j = new_value(r, words[i].type);
		if (j)
			j->truth = words[i].truth;
		return j;
	}
	r->why = "no value";
	return NULL;
}

/* Its digits are not ended by a NUL of their own: json_number() stops where they do. */
static struct json *read_number(struct reader *r)
{
	struct json *j = new_value(r, JSON_NUMBER);

	if (!j)
		return NULL;
	j->string = r->at;
	while (r->at < r->end && (strchr("+-.eE", *r->at) || (*r->at >= '0' && *r->at <= '9')) &&
	       *r->at)
		r->at++;
	return j;
}

static struct json *read_value(struct reader *r)
{
	struct json *j = NULL;
	char c;

	skip_space(r);
	c = r->at < r->end ? *r->at : 0;
	if (c == '{' || c == '[') {
		if (r->depth == MAX_DEPTH) {
			r->why = "too deep";
			return NULL;
		}
		r->depth++;
		r->at++;
		j = read_members(r, c == '{' ? JSON_OBJECT : JSON_ARRAY);
		r->depth--;
	} else if (c == '"') {
		const char *s;

		r->at++;
		s = read_string(r);
		j = s ? new_value(r, JSON_STRING) : NULL;
		if (j)
			j->string = s;
	} else if (c == '-' || (c >= '0' && c <= '9')) {
		j = read_number(r);
	} else {
		j = read_word(r);
	}
	return j;
}

static void free_blocks(struct block *b)
{
	while (b) {
		struct block *next = b->next;

		free(b);
		b = next;
	}
}

struct json *json_read(char *text, size_t size, const char **why, size_t *offset)
{
	struct reader r = {.at = text, .start = text, .end = text + size};
	struct json *root;

	/* A value before the root, so that the root leads to its block whatever was read first. */
	struct json *anchor = new_value(&r, JSON_NULL);

	root = anchor ? read_value(&r) : NULL;
	if (root) {
		skip_space(&r);
		if (r.at != r.end) {
			r.why = "something after the document";
			root = NULL;
		}
	}
	if (!root) {
		free_blocks(r.first);
		*why = r.why;
		*offset = (size_t)(r.at - r.start);
		return NULL;
	}
	anchor->first = root;
	return anchor;
}

void json_free(struct json *root)
{
	free_blocks((struct block *)root);
}

const struct json *json_get(const struct json *j, const char *key)
{
	const struct json *e;

	if (j && j->type == JSON_NULL)
		j = j->first;
	if (!j || j->type != JSON_OBJECT)
		return NULL;
	json_each(e, j) if (!strcmp(e->key, key)) return e;
	return NULL;
}

uint64_t json_number(const struct json *j, uint64_t none)
{
	const char *s = j && (j->type == JSON_NUMBER || j->type == JSON_STRING) ? j->string : NULL;
	bool minus = s && *s == '-';
	uint64_t v;
	char *end;

	if (!s || s[minus] < '0' || s[minus] > '9')
		return none;
	errno = 0;
	v = strtoull(s + minus, &end, s[minus] == '0' && (s[minus + 1] | 0x20) == 'x' ? 16 : 10);
	if (errno || end == s + minus)
		return none;
	return minus ? -v : v;
}

const char *json_text(const struct json *j, const char *none)
{
	return j && j->type == JSON_STRING ? j->string : none;
}

uint64_t json_num(const struct json *j, const char *key)
{
	return json_number(json_get(j, key), 0);
}

const char *json_str(const struct json *j, const char *key)
{
	return json_text(json_get(j, key), "");
}
