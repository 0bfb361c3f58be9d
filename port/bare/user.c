// SPDX-License-Identifier: MIT
/*
 * What programs need of the CPU: EL0's view of counter and instructions, its translation tables, its TLB entries.
 *
 * TCR_EL1.A1 is set: the ASID is TTBR1_EL1's, and the kernel's own mappings are global.
 */
#include <quire/pgtable.h>
#include <quire/printk.h>
#include <quire/user.h>

#include "bare.h"

BUILD_BUG_ON(offsetof(struct user_regs, pc) != UREGS_PC);
BUILD_BUG_ON(offsetof(struct exception_frame, pc) != UREGS_PC); /* el0_irq */
BUILD_BUG_ON(offsetof(struct user_regs, orig_x0) != UREGS_ORIG_X0);
BUILD_BUG_ON(offsetof(struct user_regs, work) != UREGS_WORK);
BUILD_BUG_ON(sizeof(struct user_regs) != UREGS_SIZE);
BUILD_BUG_ON(offsetof(struct user_fpsimd, fpsr) != FPSIMD_STATUS);
BUILD_BUG_ON(offsetof(struct user_fpsimd, tls) != FPSIMD_STATUS + 8);
BUILD_BUG_ON(offsetof(struct task_context, fp) != 80);
BUILD_BUG_ON(offsetof(struct task_context, sp) != 96);

#define TTBR_ASID_SHIFT 48
#define CNTKCTL_EL0VCTEN BIT(1)

#define PSTATE_I BIT(7)

/* el0.S */
void task_begin(void);

/* ------------------------------------------------------------------ the program's memory */

/* uaccess.S */
struct user_fixup {
	s32 insn, fixup; /* from the field itself */
};
extern const struct user_fixup user_fixups[], user_fixups_end[];
void user_access_exception(struct exception_frame *f);
/* Every CPU has FEAT_PAN, and it is set. Read by uaccess.S; 0 lets accesses through as long as PAN is not on. */
u64 user_has_pan;

static unsigned long field_address(const s32 *field)
{
	return (unsigned long)field + (unsigned long)(s64)*field;
}

/* The table is in the order of the code (user_fixups_check). NULL: that instruction may not fault. */
static const struct user_fixup *find_fixup(unsigned long pc)
{
	const struct user_fixup *low = user_fixups, *high = user_fixups_end;

	while (low < high) {
		const struct user_fixup *mid = low + (high - low) / 2;

		if (field_address(&mid->insn) < pc)
			low = mid + 1;
		else
			high = mid;
	}
	return low < user_fixups_end && field_address(&low->insn) == pc ? low : NULL;
}

static void user_fixups_check(void)
{
	for (const struct user_fixup *f = user_fixups; f + 1 < user_fixups_end; f++)
		BUG_ON(field_address(&f[0].insn) >= field_address(&f[1].insn));
}

/* vectors.S: an exception within uaccess.S, interrupts off. */
void user_access_exception(struct exception_frame *f)
{
	const struct user_fixup *fixup = find_fixup(f->pc);
	bool again;

	/* A data abort of EL1; anything else is no fault of the program's memory. */
	if (f->esr >> 26 != 0x25 || !fixup || f->far & BIT(55)) {
		exception_handler(f);
		exception_hopeless();
	}
	if (!(f->pstate & PSTATE_I))
		__asm__ volatile("msr daifclr, #2" ::: "memory");
	again = user_access_fault(f->esr, f->far);
	__asm__ volatile("msr daifset, #2" ::: "memory");
	if (!again)
		f->pc = field_address(&fixup->fixup);
}

/* ------------------------------------------------------------------ the CPU */

/* Off here, and after exceptions: this CPU has it, and another has not. */
static void turn_pan_off(void)
{
	u64 sctlr;

	__asm__ volatile("mrs %0, sctlr_el1" : "=r"(sctlr));
	__asm__ volatile("msr sctlr_el1, %0\n\tisb\n\t.inst 0xd500409f" /* msr pan, #0 */
			 ::"r"(sctlr | SCTLR_SPAN)
			 : "memory");
}

void port_user_init(bool pan)
{
	u64 debug, features;

	if (!port_cpu())
		user_fixups_check();
	WRITE_ONCE(user_has_pan, pan);
	if (!pan && port_read_reg(PORT_ID_AA64MMFR1_EL1) >> 20 & 15)
		turn_pan_off();
	/* LDTR and STTR have EL0's rights, as FEAT_UAO could have it otherwise. */
	if (port_read_reg(PORT_ID_AA64MMFR2_EL1) >> 4 & 15)
		__asm__ volatile(".inst 0xd500407f" ::: "memory"); /* msr uao, #0 */
	__asm__ volatile("mrs %0, id_aa64dfr0_el1" : "=r"(debug));
	__asm__ volatile("mrs %0, id_aa64pfr0_el1" : "=r"(features));
	/* The counters of events and activity are not EL0's; a reset leaves unknown who may use them (PMUSERENR_EL0, AMUSERENR_EL0). */
	if ((debug >> 8 & 15) && (debug >> 8 & 15) != 15)
		__asm__ volatile("msr pmuserenr_el0, xzr");
	if (features >> 44 & 15)
		__asm__ volatile("msr s3_3_c13_c2_3, xzr");
	/* EL0 may read the virtual counter (CNTVCT_EL0), and touch no timer. */
	__asm__ volatile("msr cntkctl_el1, %0\n\tisb" ::"r"(CNTKCTL_EL0VCTEN) : "memory");
}

#define MDSCR_SS BIT(0)
#define MDSCR_MDE BIT(15)
#define DBGCR_EL0 (2U << 1) /* PAC, PMC: of EL0 only */

unsigned int port_hw_debug_slots(bool watch)
{
	u64 features;

	__asm__ volatile("mrs %0, id_aa64dfr0_el1" : "=r"(features));
	return min((unsigned int)(features >> (watch ? 20 : 12) & 15) + 1, HW_DEBUG_SLOTS);
}

static u64 debug_control(const struct hw_debug *d, unsigned int i)
{
	return d && d->ctrl[i] & 1 ? d->ctrl[i] | DBGCR_EL0 : 0;
}

#define SET_DEBUG(reg, d, i)                                                                       \
	do {                                                                                       \
		if ((i) >= slots)                                                                  \
			break;                                                                     \
		__asm__ volatile("msr dbg" reg "vr" #i "_el1, %0\n\tmsr dbg" reg "cr" #i           \
				 "_el1, %1" ::"r"((d) ? (d)->addr[i] : 0),                         \
				 "r"(debug_control(d, i)));                                        \
	} while (0)

void port_debug_user(bool step, const struct hw_debug *breaks, const struct hw_debug *watches)
{
	unsigned int slots = port_hw_debug_slots(false);
	u64 mdscr;

	/* A debugger's lock, on after a reset, keeps all of these from working. */
	__asm__ volatile("msr oslar_el1, xzr\n\tisb" ::: "memory");
	SET_DEBUG("b", breaks, 0);
	SET_DEBUG("b", breaks, 1);
	SET_DEBUG("b", breaks, 2);
	SET_DEBUG("b", breaks, 3);
	slots = port_hw_debug_slots(true);
	SET_DEBUG("w", watches, 0);
	SET_DEBUG("w", watches, 1);
	SET_DEBUG("w", watches, 2);
	SET_DEBUG("w", watches, 3);
	__asm__ volatile("mrs %0, mdscr_el1" : "=r"(mdscr));
	mdscr &= ~(MDSCR_SS | MDSCR_MDE);
	if (step)
		mdscr |= MDSCR_SS;
	if (breaks || watches)
		mdscr |= MDSCR_MDE;
	__asm__ volatile("msr mdscr_el1, %0\n\tisb" ::"r"(mdscr) : "memory");
}

u64 port_user_hwcap(void)
{
	/* ID_AA64ISAR0_EL1: the field's place, its smallest value, Linux's bit. */
	static const u8 isar0[][3] = {
		{4, 1, 3}, {4, 2, 4}, {8, 1, 5}, {12, 1, 6}, {16, 1, 7}, {20, 2, 8},
	};
	u64 isar = port_read_reg(PORT_ID_AA64ISAR0_EL1),
	    caps = BIT(0) | BIT(1); /* FP, ASIMD: head.S wants them */

	for (unsigned int i = 0; i < ARRAY_SIZE(isar0); i++)
		if ((isar >> isar0[i][0] & 15) >= isar0[i][1])
			caps |= BIT(isar0[i][2]);
	return caps;
}

void port_task_start(struct task_context *ctx, void (*fn)(void *arg), void *arg, void *sp)
{
	*ctx = (struct task_context){
		.x19_x28 = {(u64)(unsigned long)fn, (u64)(unsigned long)arg},
		.pc = (u64)(unsigned long)task_begin,
		.sp = (u64)(unsigned long)sp,
	};
}

u64 port_user_tls(void)
{
	u64 tls;

	__asm__ volatile("mrs %0, tpidr_el0" : "=r"(tls));
	return tls;
}

void port_set_kernel_stack(void *base)
{
	cpu_stacks[port_cpu()].kernel = base;
}

bool port_random_word(u64 *word)
{
	u64 isar0 = port_read_reg(PORT_ID_AA64ISAR0_EL1), ok;

	/* FEAT_RNG: RNDR sets Z when it has nothing. */
	if (!(isar0 >> 60))
		return false;
	__asm__ volatile("mrs %0, s3_3_c2_c4_0\n\tcset %1, ne" : "=r"(*word), "=r"(ok)::"cc");
	return ok;
}

u64 port_cycles(void)
{
	u64 count;

	__asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(count)::"memory");
	return count;
}

void port_switch_mm(phys_addr_t pgd, u64 asid)
{
	u64 ttbr1;

	/* Never one program's tables under another one's ASID. */
	__asm__ volatile("msr ttbr0_el1, %0\n\tisb" ::"r"(image_pa(reserved_pg_dir)) : "memory");
	if (!pgd)
		return;
	__asm__ volatile("mrs %0, ttbr1_el1" : "=r"(ttbr1));
	ttbr1 = (ttbr1 & GENMASK(TTBR_ASID_SHIFT - 1, 0)) | asid << TTBR_ASID_SHIFT;
	__asm__ volatile("msr ttbr1_el1, %0\n\tisb\n\tmsr ttbr0_el1, %1\n\tisb" ::"r"(ttbr1),
			 "r"(pgd)
			 : "memory");
}

/*
 * Above this one TLBI for the whole address space is cheaper. Each one by a page goes to every CPU and is waited for there, as long as a
 * walk takes that finds its table in a cache; by the address space it costs as many walks as entries are still wanted, some hundreds in
 * a second-level TLB of 1,000 to 1,500.
 */
#define MAX_TLBI_PAGES 128

void port_flush_tlb_user_page(u64 asid, unsigned long addr)
{
	u64 arg = asid << TTBR_ASID_SHIFT | (addr >> 12 & GENMASK(43, 0));

	__asm__ volatile("dsb ishst\n\ttlbi vale1is, %0\n\tdsb ish" ::"r"(arg) : "memory");
}

void port_flush_tlb_asid(u64 asid)
{
	__asm__ volatile("dsb ishst\n\ttlbi aside1is, %0\n\tdsb ish" ::"r"(asid << TTBR_ASID_SHIFT)
			 : "memory");
}

void port_flush_tlb_user_range(u64 asid, unsigned long start, unsigned long end, bool tables)
{
	u64 arg = asid << TTBR_ASID_SHIFT | (start >> 12 & GENMASK(43, 0));
	unsigned long pages = start < end ? (end - start) >> PAGE_SHIFT : 0;

	if (pages > MAX_TLBI_PAGES || !pages) {
		port_flush_tlb_asid(asid);
		return;
	}
	__asm__ volatile("dsb ishst" ::: "memory");
	if (tables) {
#pragma GCC unroll 8
		for (; pages; pages--, arg += PAGE_SIZE >> 12)
			__asm__ volatile("tlbi vae1is, %0" ::"r"(arg) : "memory");
	} else {
#pragma GCC unroll 8
		for (; pages; pages--, arg += PAGE_SIZE >> 12)
			__asm__ volatile("tlbi vale1is, %0" ::"r"(arg) : "memory");
	}
	__asm__ volatile("dsb ish" ::: "memory");
}

void port_sync_icache(const void *p, size_t size)
{
	u64 ctr = port_read_reg(PORT_CTR_EL0), line = 4UL << (ctr >> 16 & 15);
	unsigned long a = (unsigned long)p, end = a + size;

	/* CTR_EL0.IDC, DIC: what need not be done (Arm ARM D24.2.34). */
	if (!(ctr & BIT(28)))
		for (; a < end; a += line)
			__asm__ volatile("dc cvau, %0" ::"r"(a) : "memory");
	__asm__ volatile("dsb ish" ::: "memory");
	if (!(ctr & BIT(29)))
		__asm__ volatile("ic ialluis\n\tdsb ish" ::: "memory");
	__asm__ volatile("isb" ::: "memory");
}
