// SPDX-License-Identifier: MIT
/*
 * Fuzzer of blocks: three address spaces map, unmap, protect, advise, collapse, move and fork a window of some blocks as the input says, against
 * the model of test_huge_random.c, which knows a few pages of each. Every access is by a TLB that forgets nothing by itself and must not hold a page
 * and its block at once; mm_check derives counts, rmap, areas and tables again. The first byte says how often memory is short, and whether
 * blocks come by themselves.
 *
 * Each random choice of test_huge_random.c is the next byte, or two, of the input; when there are none left they are 0.
 */
#define UNIT_TEST "tests/unit/test_huge_random.c"
#include "choices.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static unsigned long runs;

	if (!size)
		return 0;
	choose_from(data + 1, data + size);
	/* The machine stays; what an input leaves is looked for now and then. */
	if (!runs++)
		(void)begin(NULL);
	memset(cache, 0, sizeof(cache));
	thp_enabled = data[0] & 4 ? THP_MADVISE : THP_ALWAYS;
	if (data[0] % 4 == 3) {
		page_debug = &injected;
		fail_share = data[0];
	}
	/* A step takes about eight choices; what goes beyond the input is all zeros, and the same. */
	run_random(0, (unsigned int)min(size / 8, (size_t)1000));
	page_debug = NULL;
	assert_int_equal(mm_check(mm), 0);
	mmput(mm);
	if (runs % 64 == 0)
		world_end();
	mm = mm_alloc();
	assert_non_null(mm);
	return 0;
}
