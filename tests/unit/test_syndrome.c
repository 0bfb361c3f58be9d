// SPDX-License-Identifier: MIT
/* ESR_EL1 in words, against values that CPUs report (Arm ARM D24.2.40). */
/* links: arch/arm64/syndrome.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <quire/pgtable.h>

static void says(u64 esr, const char *expected)
{
	char buf[256];
	int n = syndrome_describe(esr, buf, sizeof(buf));

	assert_string_equal(buf, expected);
	assert_int_equal(n, strlen(expected));
}

static void data_aborts(void **state)
{
	says(0x96000045, "DABT (current EL), level 1 translation fault, write");
	says(0x96000006, "DABT (current EL), level 2 translation fault, read");
	says(0x96000004, "DABT (current EL), level 0 translation fault, read");
	says(0x9600004f, "DABT (current EL), level 3 permission fault, write");
	says(0x9600000b, "DABT (current EL), level 3 access flag fault, read");
	says(0x96000061, "DABT (current EL), alignment fault, write");
	says(0x96000003, "DABT (current EL), level 3 address size fault, read");
	says(0x96000010, "DABT (current EL), synchronous external abort, read");
	says(0x96000410, "DABT (current EL), synchronous external abort, read, FAR not valid");
	says(0x96000210, "DABT (current EL), synchronous external abort, read, external (EA)");
	says(0x96000011, "DABT (current EL), synchronous tag check fault, read");
	says(0x92000046, "DABT (lower EL), level 2 translation fault, write");
	says(0x9600002b, "DABT (current EL), level -1 translation fault, read");
	says(0x96000029, "DABT (current EL), level -1 address size fault, read");
	says(0x96000030, "DABT (current EL), TLB conflict");
	says(0x96000147,
	     "DABT (current EL), level 3 translation fault, cache maintenance or address "
	     "translation instruction");
	says(0x96000013, "DABT (current EL), level -1 external abort on table walk, read");
	says(0x96000016, "DABT (current EL), level 2 external abort on table walk, read");
	says(0x9600003f, "DABT (current EL), reserved fault status 0x3f, read");
}

static void instruction_aborts(void **state)
{
	says(0x8600000f, "IABT (current EL), level 3 permission fault");
	says(0x82000006, "IABT (lower EL), level 2 translation fault");
	says(0x86000004, "IABT (current EL), level 0 translation fault");
}

static void other_classes(void **state)
{
	says(0x02000000, "unknown reason");
	says(0x56000080, "SVC (AArch64), immediate 0x0080");
	says(0xf2000800, "BRK (AArch64), immediate 0x0800");
	says(0x8a000000, "PC alignment");
	says(0x9a000000, "SP alignment");
	says(0xbe000000, "SError, uncategorised");
	says(0xbe000011, "SError, asynchronous, uncontainable");
	says(0xbf000002, "SError, implementation defined syndrome");
	says(0x36000001, "branch target exception, BTYPE 1");
	says(0x3a000000, "illegal execution state");
	/* mrs x3, S3_0_C1_C0_0: op0 3, op2 0, op1 0, CRn 1, Rt 3, CRm 0, read */
	says(0x62300461,
	     "trapped MSR, MRS or system instruction, read of S3_0_C1_C0_0, register 3");
	says(0x0a000000, "reserved exception class 0x02");
	says(0x1e00000a, "trapped SVE, SIMD or floating point, ISS 0x000000a");
}

static void every_class_and_status_has_words(void **state)
{
	char buf[256];

	for (u64 ec = 0; ec < 64; ec++)
		for (u64 iss = 0; iss < 0x2000; iss++)
			assert_in_range(
				syndrome_describe(ec << 26 | 1 << 25 | iss, buf, sizeof(buf)), 4,
				sizeof(buf) - 1);
}

static void a_small_buffer_is_terminated_and_the_length_is_the_whole(void **state)
{
	const char *full = "DABT (current EL), level 1 translation fault, write";
	char buf[64];

	for (size_t size = 0; size < sizeof(buf); size++) {
		memset(buf, '#', sizeof(buf));
		assert_int_equal(syndrome_describe(0x96000045, buf, size), strlen(full));
		if (size)
			assert_int_equal(strlen(buf),
					 size - 1 < strlen(full) ? size - 1 : strlen(full));
		if (size)
			assert_memory_equal(buf, full, strlen(buf));
		assert_int_equal(buf[sizeof(buf) - 1], '#');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_aborts),
		cmocka_unit_test(instruction_aborts),
		cmocka_unit_test(other_classes),
		cmocka_unit_test(every_class_and_status_has_words),
		cmocka_unit_test(a_small_buffer_is_terminated_and_the_length_is_the_whole),
	};

	return cmocka_run_group_tests_name("syndrome", tests, NULL, NULL);
}
