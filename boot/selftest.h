/* SPDX-License-Identifier: MIT */
/* What the files of the self-test share. A check is a function that returns NULL, or why it failed. */
#ifndef BOOT_SELFTEST_H
#define BOOT_SELFTEST_H

#include <quire/types.h>

/* The text of a failure; it lives until the next one. */
const char *selftest_fail(const char *fmt, ...) __printf(1, 2);

/* boot/selftest_cpus.c: with at least two CPUs online. */
const char *cpus_answer_calls(void);
const char *cpus_call_each_other(void);
const char *cpus_have_areas_of_their_own(void);
const char *cpus_see_unmapping(void);
const char *splitting_is_not_noticed(void);
const char *locks_exclude(void);
const char *locks_are_fair(void);
const char *cpus_allocate_at_once(void);
const char *interrupts_keep_registers(void);

#endif
