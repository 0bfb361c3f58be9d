/* SPDX-License-Identifier: MIT */
/*
 * VMSAv8-64 translation table descriptors, stage 1, for the granule of this build (Arm ARM D8.3).
 *
 * Levels are numbered as in the Arm ARM: 3 maps pages, -1 is the extra level of 52-bit addresses with 4 KiB pages.
 * Everything here is a constant expression or a few shifts: no state.
 *
 *   leaf   63..59  58..55    54   53   52    51   50  49..PAGE_SHIFT  11  10  9..8  7   6    4..2      1     0
 *          -       software  UXN  PXN  Cont  DBM  GP  address         nG  AF  SH    RO  EL0  AttrIndx  page  valid
 *   table  63       62..61   60       59       58..51   49..PAGE_SHIFT  11..2  1  0
 *          NSTable  APTable  UXNTable PXNTable ignored  address         -      1  valid
 *
 * Addresses beyond 48 bits: with 64 KiB pages bits 51..48 of the address lie in bits 15..12 (FEAT_LPA); with 4 and
 * 16 KiB pages and TCR_EL1.DS bits 49..48 stay in place and 51..50 lie in bits 9..8 (FEAT_LPA2), where SH is otherwise.
 */
#ifndef ARM64_DESCRIPTOR_H
#define ARM64_DESCRIPTOR_H

#include <quire/types.h>

#define DESC_VALID BIT(0)
#define DESC_TABLE BIT(1) /* levels below 3: a table, not a block; level 3: must be set */
#define DESC_ATTRINDX_SHIFT 2
#define DESC_ATTRINDX_MASK GENMASK(4, 2)
#define DESC_ATTRINDX(t) ((u64)(t) << DESC_ATTRINDX_SHIFT)
#define DESC_USER BIT(6)   /* AP[1]: EL0 may access */
#define DESC_RDONLY BIT(7) /* AP[2] */
#define DESC_SH_MASK GENMASK(9, 8)
#define DESC_SH_INNER GENMASK(9, 8)
#define DESC_AF BIT(10)
#define DESC_NG BIT(11)
#define DESC_GP BIT(50)
#define DESC_WRITE BIT(51) /* DBM; in Linux the software's "writable" */
#define DESC_CONT BIT(52)
#define DESC_PXN BIT(53)
#define DESC_UXN BIT(54)
#define DESC_DIRTY BIT(55) /* software */
#define DESC_SW_MASK (GENMASK(58, 55) | BIT(63))

#define DESC_NSTABLE BIT(63)
#define DESC_APTABLE_RO BIT(62)
#define DESC_APTABLE_NOEL0 BIT(61)
#define DESC_UXNTABLE BIT(60)
#define DESC_PXNTABLE BIT(59)
#define DESC_TABLE_ATTRS GENMASK(63, 59)

/* MAIR_EL1 indices, Linux 6.12's, and the register's value. */
enum memory_type {
	MT_NORMAL,
	MT_NORMAL_TAGGED,
	MT_NORMAL_NC,
	MT_DEVICE_nGnRnE,
	MT_DEVICE_nGnRE,
};
#define MAIR_ATTR_NORMAL_WB 0xffUL
#define MAIR_ATTR_NORMAL_TAGGED 0xf0UL
#define MAIR_ATTR(mair, index) (((mair) >> (8 * (index))) & 0xff)

/* Bits of VA that one table resolves. */
#define TABLE_BITS (PAGE_SHIFT - 3)
#define TABLE_ENTRIES (1UL << TABLE_BITS)
#define MIN_LEVEL (-1)
#define MAX_LEVEL 3

static inline unsigned int level_shift(int level)
{
	return (unsigned int)(PAGE_SHIFT + (MAX_LEVEL - level) * TABLE_BITS);
}

/* Bytes that one entry of the level maps. */
static inline u64 level_size(int level)
{
	return 1UL << level_shift(level);
}

/* Level of the root's entries for a VA size. */
static inline int root_level(unsigned int va_bits)
{
	return MAX_LEVEL + 1 - (int)DIV_ROUND_UP(va_bits - PAGE_SHIFT, TABLE_BITS);
}

/*
 * The level can hold a block or page (Arm ARM D8.3.1; AArch64.BlockDescSupported). pa52: 52-bit output addresses are in
 * force (TCR_EL1.DS with 4 and 16 KiB, a 52-bit PA range with 64 KiB).
 */
static inline bool level_has_leaf(int level, bool pa52)
{
	int largest = PAGE_SHIFT == 12 ? 1 : 2;

	return level >= largest - (pa52 ? 1 : 0) && level <= MAX_LEVEL;
}

/* Entries in a run with the contiguous bit (Arm ARM D8.7.1), 1 where the level has no such runs. */
static inline unsigned int contiguous_entries(int level)
{
	if (PAGE_SHIFT == 12)
		return level >= 1 && level <= 3 ? 16 : 1;
	if (PAGE_SHIFT == 14)
		return level == 3 ? 128 : level == 2 ? 32 : 1;
	return level == 3 || level == 2 ? 32 : 1;
}

/* Type bits of a leaf. */
static inline u64 leaf_type(int level)
{
	return level == MAX_LEVEL ? DESC_VALID | DESC_TABLE : DESC_VALID;
}

static inline bool desc_is_table(u64 desc, int level)
{
	return level < MAX_LEVEL && (desc & (DESC_VALID | DESC_TABLE)) == (DESC_VALID | DESC_TABLE);
}

/* Address bits of a descriptor. pa must be below 2^48 where 52-bit addresses are not in force. */
static inline u64 desc_from_pa(phys_addr_t pa)
{
	if (PAGE_SHIFT == 16)
		return (pa & GENMASK(47, 16)) | ((pa >> 48) & 0xf) << 12;
	return (pa & GENMASK(49, PAGE_SHIFT)) | ((pa >> 50) & 3) << 8;
}

/* The bits of a descriptor that are address. */
static inline u64 desc_pa_mask(bool pa52)
{
	if (PAGE_SHIFT == 16)
		return GENMASK(47, 16) | GENMASK(15, 12);
	return pa52 ? GENMASK(49, PAGE_SHIFT) | GENMASK(9, 8) : GENMASK(47, PAGE_SHIFT);
}

static inline phys_addr_t desc_to_pa(u64 desc, bool pa52)
{
	if (PAGE_SHIFT == 16)
		return (desc & GENMASK(47, 16)) | (desc & GENMASK(15, 12)) << 36;
	if (pa52)
		return (desc & GENMASK(49, PAGE_SHIFT)) | (desc & GENMASK(9, 8)) << 42;
	return desc & GENMASK(47, PAGE_SHIFT);
}

#endif
