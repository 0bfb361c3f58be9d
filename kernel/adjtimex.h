/* SPDX-License-Identifier: MIT */
/* What keeps CLOCK_REALTIME right (kernel/adjtimex.c). */
#ifndef KERNEL_ADJTIMEX_H
#define KERNEL_ADJTIMEX_H

/* Somebody is about to set that clock: what was known of its error is not true any more, and it may come to a leap second elsewhere. */
void ntp_clock_set(void);
/* ... and has done it. */
void ntp_clock_is_set(void);

#endif
