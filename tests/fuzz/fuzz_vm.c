// SPDX-License-Identifier: MIT
/* links: @vm */
/*
 * Fuzzer of address spaces: up to four of them map, unmap, protect, drop, touch and fork as the input says, against the model of
 * test_vm_random.c, a byte and a protection for each page of a window. Every access is by a TLB that forgets nothing by itself, and every eighth
 * step mm_check derives mapcounts, rss, rmap, areas and tables again. The first byte says how often memory is short.
 *
 * Each random choice of test_vm_random.c is the next byte, or two, of the input; when there are none left they are 0.
 */
#define UNIT_TEST "tests/unit/test_vm_random.c"
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
	memset(spaces, 0, sizeof(spaces));
	memset(tlb, 0, sizeof(tlb));
	nr_commons = 0;
	if (data[0] % 4 == 3) {
		page_debug = &injected;
		fail_share = data[0];
	}
	/* A step takes about eight choices; what goes beyond the input is all zeros, and the same. */
	random_run((unsigned int)min(size / 8, (size_t)1000));
	for (unsigned int i = 0; i < SPACES; i++)
		assert_int_equal(spaces[i].mm ? mm_check(spaces[i].mm) : 0, 0);
	fail_share = 0;
	page_debug = NULL;
	for (unsigned int i = 0; i < SPACES; i++)
		if (spaces[i].mm)
			mmput(spaces[i].mm);
	if (runs % 64 == 0)
		world_end();
	return 0;
}
