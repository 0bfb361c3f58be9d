/* SPDX-License-Identifier: MIT */
/*
 * The C memory and string functions that the core and libfdt use, with C's meaning.
 * The bare port supplies them (port/bare/string.c, memops.S); the host port links libc's.
 */
#ifndef QUIRE_STRING_H
#define QUIRE_STRING_H

#include <quire/types.h>

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t n);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *haystack, const char *needle);

/* Copy at most size-1 bytes and always terminate. Returns the length of src, as BSD's strlcpy. */
size_t quire_strlcpy(char *dst, const char *src, size_t size);

#endif
