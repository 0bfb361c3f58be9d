/* SPDX-License-Identifier: MIT */
/*
 * What Linux's memblock tests expect behind <linux/memblock.h> and the headers that it brings along, made of
 * Quire's headers and the C library's. The other files of this directory only lead here.
 */
#ifndef LINUX_MEMBLOCK_COMPAT_H
#define LINUX_MEMBLOCK_COMPAT_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value that Linux's userspace build has; arm64 asks the DMA zone. */
#define ARCH_LOW_ADDRESS_LIMIT 0xffffffffUL
#include <quire/memblock.h>

/* The tests' own messages go to stdout as they are. */
#include <quire/printk.h>

#define SZ_1 0x1UL
#define SZ_2 0x2UL
#define SZ_4 0x4UL
#define SZ_8 0x8UL
#define SZ_16 0x10UL
#define SZ_32 0x20UL
#define SZ_64 0x40UL
#define SZ_128 0x80UL
#define SZ_256 0x100UL
#define SZ_512 0x200UL
#define SZ_2K 0x800UL
#define SZ_8K 0x2000UL
#define SZ_32K 0x8000UL
#define SZ_128K 0x20000UL
#define SZ_256K 0x40000UL
#define SZ_512K 0x80000UL
#define SZ_512M 0x20000000UL

#define PAGE_ALIGN_DOWN(addr) ALIGN_DOWN(addr, PAGE_SIZE)
#define __stringify(x) #x

#endif
