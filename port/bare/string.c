// SPDX-License-Identifier: MIT
/*
 * The C string functions for the board; memcpy, memmove and memset are in memops.S. Lengths and comparisons go by words where
 * that is safe: an aligned word never crosses a page. Compiled without loop-to-call transformations (image.mk).
 */
#include <quire/string.h>

#define ONES 0x0101010101010101UL
#define HIGHS 0x8080808080808080UL
/* Nonzero when a byte of w is zero; the lowest set bit is in the first such byte (little-endian). */
#define HAS_ZERO(w) (((w)-ONES) & ~(w)&HIGHS)

typedef unsigned long __attribute__((may_alias, aligned(1))) word_t;
typedef unsigned long __attribute__((may_alias)) aligned_word_t;

size_t strlen(const char *s)
{
	const unsigned int skip = (unsigned long)s & 7;
	const aligned_word_t *p = (const aligned_word_t *)(s - skip);
	/* The bytes before s count as not zero. */
	unsigned long w = *p | (skip ? ~0UL >> (64 - 8 * skip) : 0);

	while (!HAS_ZERO(w))
		w = *++p;
	return (size_t)((const char *)p + (__builtin_ctzl(HAS_ZERO(w)) >> 3) - s);
}

size_t strnlen(const char *s, size_t n)
{
	const char *p = memchr(s, 0, n);

	return p ? (size_t)(p - s) : n;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *p = a, *q = b;

	for (; n >= 8; n -= 8, p += 8, q += 8) {
		unsigned long v = *(const word_t *)p, w = *(const word_t *)q;

		if (v != w) {
			v = __builtin_bswap64(v);
			w = __builtin_bswap64(w);
			return v < w ? -1 : 1;
		}
	}
	for (; n; n--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

void *memchr(const void *s, int c, size_t n)
{
	const unsigned long pattern = ONES * (unsigned char)c;
	const unsigned char *p = s;

	for (; n && (unsigned long)p & 7; n--, p++)
		if (*p == (unsigned char)c)
			return (void *)p;
	for (; n >= 8; n -= 8, p += 8) {
		unsigned long w = *(const aligned_word_t *)p ^ pattern;

		if (HAS_ZERO(w))
			return (void *)(p + (__builtin_ctzl(HAS_ZERO(w)) >> 3));
	}
	for (; n; n--, p++)
		if (*p == (unsigned char)c)
			return (void *)p;
	return NULL;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n && *a && *a == *b; n--)
		a++, b++;
	return n ? (unsigned char)*a - (unsigned char)*b : 0;
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++)
		if (!*s)
			return NULL;
	return (char *)s;
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;

	do {
		if (*s == (char)c)
			last = s;
	} while (*s++);
	return (char *)last;
}

char *strstr(const char *haystack, const char *needle)
{
	size_t n = strlen(needle);

	for (; *haystack || !n; haystack++)
		if (!strncmp(haystack, needle, n))
			return (char *)haystack;
	return NULL;
}
