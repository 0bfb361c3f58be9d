/* SPDX-License-Identifier: MIT */
/*
 * Device registers. A device's accesses are in order among themselves (Device-nGnRE); what has to be seen by others before or
 * after one says so by a barrier of its own.
 */
#ifndef QUIRE_BARE_MMIO_H
#define QUIRE_BARE_MMIO_H

#include <quire/types.h>

static inline u32 mmio_read32(const volatile void *p)
{
	u32 v;

	__asm__ volatile("ldr %w0, %1" : "=r"(v) : "Q"(*(const volatile u32 *)p) : "memory");
	return v;
}

static inline u64 mmio_read64(const volatile void *p)
{
	u64 v;

	__asm__ volatile("ldr %0, %1" : "=r"(v) : "Q"(*(const volatile u64 *)p) : "memory");
	return v;
}

static inline void mmio_write32(volatile void *p, u32 v)
{
	__asm__ volatile("str %w1, %0" : "=Q"(*(volatile u32 *)p) : "rZ"(v) : "memory");
}

/* What this CPU wrote to memory is seen by whoever sees its next store to a device, or the interrupt that it causes. */
static inline void mmio_publish(void)
{
	__asm__ volatile("dsb ishst" ::: "memory");
}

#endif
