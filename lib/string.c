// SPDX-License-Identifier: MIT
/* String helpers that C does not have; the C ones are the port's. */
#include <quire/string.h>

size_t quire_strlcpy(char *dst, const char *src, size_t size)
{
	size_t n = strlen(src);

	if (size) {
		size_t fit = n < size - 1 ? n : size - 1;

		memcpy(dst, src, fit);
		dst[fit] = '\0';
	}
	return n;
}
