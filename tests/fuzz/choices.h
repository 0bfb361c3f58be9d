/* SPDX-License-Identifier: MIT */
/* Makes a fuzzer of the unit test UNIT_TEST: each of its random choices is the next byte, or two, of the input; 0 when there are none left. */
#ifndef FUZZ_CHOICES_H
#define FUZZ_CHOICES_H

#include <stdlib.h>

static long next_choice(void);
#define random next_choice
#define srandom(seed) ((void)(seed))
#define main unit_tests
#include UNIT_TEST
#undef main

static const u8 *input, *input_end;

static long next_choice(void)
{
	long v = 0;

	for (unsigned int i = 0; i < 2 && input < input_end; i++)
		v = v << 8 | *input++;
	return v;
}

static void choose_from(const u8 *start, const u8 *end)
{
	input = start;
	input_end = end;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#endif
