// SPDX-License-Identifier: MIT
/*
 * Starting the other CPUs: by firmware (PSCI CPU_ON) or by the word that they spin on (spin-table, Devicetree Specification 3.8).
 *
 * Every CPU that is asked to start has a block of its own in a list, which it searches for its affinity with the MMU off
 * (head.S): so a CPU that comes long after it has been given up finds its own stack, and one that was let loose together with
 * another waits for its turn. Blocks are written, then linked, and cleaned to the point of coherency at each step; they are
 * never freed or changed. Locking: the boot CPU alone.
 *
 * Against Linux: there one structure serves all CPUs in turn, and one that comes too late would take another's stack.
 */
#include <quire/memblock.h>
#include <quire/io.h>
#include <quire/percpu.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/smp.h>
#include <quire/string.h>
#include <quire/vmalloc.h>

#include "bare.h"

/* The offsets are in asm.h. */
struct secondary_boot {
	u64 hwid;
	u64 next;  /* physical address, 0: the last */
	u64 stack; /* kernel addresses: where the stack begins, below which it grows */
	u64 tpidr;
	u64 ttbr1, ttbr0, tcr;
	u64 entry; /* secondary_switched */
};
BUILD_BUG_ON(offsetof(struct secondary_boot, hwid) != SECONDARY_HWID);
BUILD_BUG_ON(offsetof(struct secondary_boot, next) != SECONDARY_NEXT);
BUILD_BUG_ON(offsetof(struct secondary_boot, stack) != SECONDARY_STACK);
BUILD_BUG_ON(offsetof(struct secondary_boot, tpidr) != SECONDARY_TPIDR);
BUILD_BUG_ON(offsetof(struct secondary_boot, ttbr1) != SECONDARY_TTBR1);
BUILD_BUG_ON(offsetof(struct secondary_boot, ttbr0) != SECONDARY_TTBR0);
BUILD_BUG_ON(offsetof(struct secondary_boot, tcr) != SECONDARY_TCR);
BUILD_BUG_ON(offsetof(struct secondary_boot, entry) != SECONDARY_ENTRY);
BUILD_BUG_ON(sizeof(struct secondary_boot) != SECONDARY_SIZE);
BUILD_BUG_ON(sizeof(struct cpu_stacks) != 1 << CPU_STACKS_SHIFT);
BUILD_BUG_ON(NR_CPUS > 1 << TPIDR_CPU_BITS);

/* Physical address of the first block; read with the MMU off, and not written then. */
u64 secondary_list;
/* head.S */
void secondary_switched(void);

static struct secondary_boot *add_block(unsigned int cpu, u64 hwid, unsigned long percpu_offset)
{
	struct secondary_boot *b = kmalloc(sizeof(*b), GFP_KERNEL);
	char *stack = vmalloc(KERNEL_STACK_SIZE), *exception = vmalloc(EXCEPTION_STACK_SIZE);

	if (!b || !stack || !exception) {
		kfree(b);
		vfree(stack);
		vfree(exception);
		return NULL;
	}
	cpu_stacks[cpu] = (struct cpu_stacks){exception + EXCEPTION_STACK_SIZE, stack};
	*b = (struct secondary_boot){
		.hwid = hwid,
		.next = secondary_list,
		.stack = (u64)stack + KERNEL_STACK_SIZE,
		.tpidr = percpu_offset | cpu,
		.ttbr1 = port_swapper_pg_dir(),
		.ttbr0 = image_pa(reserved_pg_dir),
		.tcr = port_read_reg(PORT_TCR_EL1),
		.entry = (u64)secondary_switched,
	};
	port_dcache_clean_inval_poc(b, sizeof(*b));
	secondary_list = virt_to_phys(b);
	port_dcache_clean_inval_poc(&secondary_list, sizeof(secondary_list));
	return b;
}

static int start_by_psci(u64 hwid)
{
	s64 result;

	if (psci_call(psci_cpu_on_function(), hwid, image_pa((const void *)secondary_entry), 0,
		      &result))
		return -ENODEV;
	switch (result) {
	case 0:
		return 0;
	case -1: /* NOT_SUPPORTED */
		return -EOPNOTSUPP;
	case -2: /* INVALID_PARAMETERS: no such CPU */
	case -9: /* INVALID_ADDRESS */
		return -EINVAL;
	case -3: /* DENIED */
		return -EPERM;
	default:
		return -EIO;
	}
}

static int start_by_spin_table(phys_addr_t release_addr)
{
	void *mapped = NULL;
	u64 *word;

	if (!release_addr || release_addr % sizeof(*word))
		return -EINVAL;
	if (memblock_is_map_memory(release_addr))
		word = phys_to_virt(release_addr);
	else
		word = mapped = ioremap_wc(release_addr, sizeof(*word));
	if (!word)
		return -ENOMEM;
	WRITE_ONCE(*word, image_pa((const void *)secondary_entry));
	if (mapped)
		__asm__ volatile("dsb sy" ::: "memory");
	else
		port_dcache_clean_inval_poc(word, sizeof(*word));
	__asm__ volatile("sev" ::: "memory");
	iounmap(mapped);
	return 0;
}

int port_cpu_start(unsigned int cpu, u64 hwid, const char *enable_method, phys_addr_t release_addr,
		   unsigned long percpu_offset)
{
	bool psci = enable_method && strcmp(enable_method, "psci") == 0;

	if (!psci && (!enable_method || strcmp(enable_method, "spin-table") != 0))
		return -ENODEV;
	if (!add_block(cpu, hwid, percpu_offset))
		return -ENOMEM;
	return psci ? start_by_psci(hwid) : start_by_spin_table(release_addr);
}

void secondary_start(void)
{
	__asm__ volatile("msr daifclr, #4" ::: "memory");
	secondary_start_kernel(port_cpu());
}

bool port_membarrier(void)
{
	return false;
}

u64 port_time_ns(void)
{
	return port_clock_ns();
}
