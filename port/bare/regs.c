// SPDX-License-Identifier: MIT
/*
 * The CPU's registers, its TLB and caches, its clock. Part of libquire.a: nothing here is bound to how the image boots.
 *
 * TLB maintenance is of the inner-shareable domain, which all CPUs are in: hardware passes it on, no IPI is needed.
 */
#include <quire/port.h>

/* cache.S */
void dcache_clean_inval_poc_range(unsigned long start, unsigned long end);

#define read_sysreg(name)                                                                          \
	({                                                                                         \
		u64 _v;                                                                            \
		__asm__ volatile("mrs %0, " #name : "=r"(_v));                                     \
		_v;                                                                                \
	})

u64 port_read_reg(enum port_reg reg)
{
	switch (reg) {
	case PORT_MIDR_EL1:
		return read_sysreg(midr_el1);
	case PORT_MPIDR_EL1:
		return read_sysreg(mpidr_el1);
	case PORT_ID_AA64MMFR0_EL1:
		return read_sysreg(id_aa64mmfr0_el1);
	case PORT_ID_AA64MMFR1_EL1:
		return read_sysreg(id_aa64mmfr1_el1);
	case PORT_ID_AA64MMFR2_EL1:
		return read_sysreg(s3_0_c0_c7_2);
	case PORT_ID_AA64PFR0_EL1:
		return read_sysreg(id_aa64pfr0_el1);
	case PORT_ID_AA64ISAR0_EL1:
		return read_sysreg(id_aa64isar0_el1);
	case PORT_CTR_EL0:
		return read_sysreg(ctr_el0);
	case PORT_TCR_EL1:
		return read_sysreg(tcr_el1);
	case PORT_MAIR_EL1:
		return read_sysreg(mair_el1);
	case PORT_TTBR1_EL1:
		return read_sysreg(ttbr1_el1);
	case PORT_TTBR0_EL1:
		return read_sysreg(ttbr0_el1);
	case PORT_NR_REGS:
		break;
	}
	return 0;
}

unsigned int port_pa_bits(void)
{
	static const u8 bits[] = {32, 36, 40, 42, 44, 48};
	unsigned int range = read_sysreg(id_aa64mmfr0_el1) & 15;

	/* 52 and more need LPA2 with 4K pages, which this image does not turn on. */
	return range < ARRAY_SIZE(bits) ? bits[range] : 48;
}

/* As Linux's MAX_DVM_OPS: above this many pages one TLBI for everything is cheaper, and bounded. */
#define MAX_TLBI_PAGES 512

void flush_tlb_pages(unsigned long start, unsigned long end)
{
	unsigned long va;

	start = ALIGN_DOWN(start, PAGE_SIZE);
	if (end - start > MAX_TLBI_PAGES * PAGE_SIZE) {
		port_flush_tlb_all();
		return;
	}
	__asm__ volatile("dsb ishst" ::: "memory");
	for (va = start; va < end; va += PAGE_SIZE)
		__asm__ volatile("tlbi vaae1is, %0" ::"r"((va >> 12) & GENMASK(43, 0)) : "memory");
	__asm__ volatile("dsb ish\n\tisb" ::: "memory");
}

void port_dcache_clean_inval_poc(const void *p, size_t size)
{
	dcache_clean_inval_poc_range((unsigned long)p, (unsigned long)p + size);
}

u64 port_at_s1e1(unsigned long kva, bool write)
{
	u64 par;

	if (write)
		__asm__ volatile("at s1e1w, %0\n\tisb" ::"r"(kva) : "memory");
	else
		__asm__ volatile("at s1e1r, %0\n\tisb" ::"r"(kva) : "memory");
	__asm__ volatile("mrs %0, par_el1" : "=r"(par)::"memory");
	return par;
}

u64 port_clock_ns(void)
{
	u64 freq = read_sysreg(cntfrq_el0), count;

	if (!freq)
		return 0;
	count = read_sysreg(cntvct_el0);
	return count / freq * 1000000000 + count % freq * 1000000000 / freq;
}
