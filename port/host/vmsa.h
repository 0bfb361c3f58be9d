/* SPDX-License-Identifier: MIT */
/*
 * VMSAv8-64, stage 1, as a CPU takes it: from the page size and TCR_EL1 alone. For judges of the core, the software MMU and tests that have a
 * TLB of their own; nothing here comes from arch/arm64.
 *
 * The contiguous bit (Arm ARM D8.7.1): entries of one table, aligned to their number, that may be one entry of a TLB. All of a group must be
 * valid leaves with the bit, of consecutive addresses from one that is aligned to the whole, and of the same attributes; apart from what a
 * CPU that manages it (TCR_EL1.HA, HD) may write into any entry of the group, for all of them: the access flag, and the dirty state, which
 * is AP[2] where DBM is set; and from what no CPU looks at.
 */
#ifndef HOST_VMSA_H
#define HOST_VMSA_H

#include <quire/port.h>
#include <quire/types.h>

#define CPU_VALID 1ULL
#define CPU_TYPE 2ULL
#define CPU_AP2 (1ULL << 7)
#define CPU_AF (1ULL << 10)
#define CPU_DBM (1ULL << 51)
#define CPU_CONT (1ULL << 52)
#define CPU_IGNORED (0xfULL << 55 | 1ULL << 63)

/* Bits of an address that one table resolves. */
#define CPU_BITS (PAGE_SHIFT - 3)

/* Of the upper half of the addresses. */
static inline unsigned int cpu_va_bits(void)
{
	return 64 - ((port_read_reg(PORT_TCR_EL1) >> 16) & 63);
}

/* 52-bit addresses in descriptors: TCR_EL1.DS; with 64 KiB pages always. */
static inline bool cpu_wide(void)
{
	return PAGE_SHIFT == 16 || ((port_read_reg(PORT_TCR_EL1) >> 59) & 1);
}

static inline int cpu_top_level(void)
{
	int level = 3;

	for (unsigned int bits = PAGE_SHIFT + CPU_BITS; bits < cpu_va_bits(); bits += CPU_BITS)
		level--;
	return level;
}

static inline unsigned int cpu_shift(int level)
{
	return PAGE_SHIFT + (unsigned int)(3 - level) * CPU_BITS;
}

static inline u64 cpu_index(unsigned long va, int level)
{
	unsigned int bits = level == cpu_top_level() ? cpu_va_bits() - cpu_shift(level) : CPU_BITS;

	return (va >> cpu_shift(level)) & ((1UL << bits) - 1);
}

static inline bool cpu_block_allowed(int level)
{
	bool pa52 = PAGE_SHIFT == 16 ? port_pa_bits() == 52 : cpu_wide();

	switch (PAGE_SHIFT) {
	case 12:
		return level == 2 || level == 1 || (level == 0 && pa52);
	default:
		return level == 2 || (level == 1 && pa52);
	}
}

static inline bool cpu_is_table(u64 desc, int level)
{
	return level < 3 && (desc & (CPU_VALID | CPU_TYPE)) == (CPU_VALID | CPU_TYPE);
}

/* kind: 0 address size, 4 translation, 8 access flag, 12 permission; level -1 has codes of its own. */
static inline unsigned int cpu_fault_code(unsigned int kind, int level)
{
	if (level < 0)
		return kind == 0 ? 0x29 : 0x2b;
	return kind + (unsigned int)level;
}

/* Entries of a group; 1: the level has no groups. */
static inline unsigned int contiguous_group(int level)
{
	switch (PAGE_SHIFT) {
	case 12:
		return level >= 1 ? 16 : 1;
	case 14:
		return level == 3 ? 128 : level == 2 ? 32 : 1;
	default:
		return level >= 2 ? 32 : 1;
	}
}

/* wide: 52-bit addresses in descriptors with 4 and 16 KiB pages (TCR_EL1.DS). */
static inline u64 cpu_address_mask(bool wide)
{
	u64 low = ((1ULL << 48) - 1) & PAGE_MASK;

	if (PAGE_SHIFT == 16)
		return low | 0xfULL << 12;
	return wide ? low | 3ULL << 48 | 3ULL << 8 : low;
}

static inline phys_addr_t cpu_address(u64 desc, bool wide)
{
	u64 low = desc & (((1ULL << 48) - 1) & PAGE_MASK);

	if (PAGE_SHIFT == 16)
		return low | ((desc >> 12) & 0xf) << 48;
	if (wide)
		return low | (desc & (3ULL << 48)) | ((desc >> 8) & 3) << 50;
	return low;
}

/* The attributes that two entries of one group must share differ. */
static inline u64 contiguous_difference(u64 a, u64 b, bool wide)
{
	u64 mask = cpu_address_mask(wide) | CPU_AF | CPU_IGNORED | (a & b & CPU_DBM ? CPU_AP2 : 0);

	return (a ^ b) & ~mask;
}

/* Why two valid entries of one group cannot be in it, n entries apart; size: of an entry. NULL: they can. */
static inline const char *contiguous_neighbours(u64 a, u64 b, long n, u64 size, bool wide)
{
	if ((a ^ b) & CPU_CONT)
		return "some have the bit, some have not";
	if (cpu_address(b, wide) - cpu_address(a, wide) != (u64)n * size)
		return "addresses are not contiguous";
	return contiguous_difference(a, b, wide) ? "attributes differ" : NULL;
}

/* What is wrong with a group, one of whose entries is a leaf with the bit; `size`: of an entry. NULL: nothing. */
static inline const char *contiguous_fault(const u64 *group, unsigned int n, u64 size, bool wide)
{
	u64 first = __atomic_load_n(group, __ATOMIC_ACQUIRE);
	const char *why;

	for (unsigned int i = 0; i < n; i++) {
		u64 desc = __atomic_load_n(group + i, __ATOMIC_ACQUIRE);

		if (!(first & desc & CPU_VALID))
			return "not all are valid";
		why = contiguous_neighbours(first, desc, (long)i, size, wide);
		if (why)
			return why;
	}
	return cpu_address(first, wide) & (n * size - 1) ? "their address is not aligned" : NULL;
}

#endif
