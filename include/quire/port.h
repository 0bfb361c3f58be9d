/* SPDX-License-Identifier: MIT */
/*
 * The port interface: everything that the core asks of the machine, and nothing else.
 *
 * mm/, arch/arm64/, boot/, report/ and lib/ contain no system register, no inline assembly and no
 * libc call; they reach hardware through this header. A port supplies <port_inline.h> (found by
 * include path: port/bare/include or port/host/include) with the functions marked [inline], and
 * ordinary definitions of the others.
 *
 * Who embeds libquire.a in a kernel of his own finds weak defaults of most of them in it (port/embed, examples/embed/README.md).
 *
 * Two spaces of addresses are kept apart:
 *   - a kernel virtual address (kva) is what VMSAv8-64 translates: 0xffff....;  type unsigned long
 *   - a pointer is what this program can dereference.
 * On the bare port they are the same number. On the host port pointers go into windows of the
 * process (one for the linear map, one for vmemmap, one for vmalloc), and the kva of a pointer is
 * an addition away. Core code dereferences pointers only, and gives kvas to page tables only.
 */
#ifndef QUIRE_PORT_H
#define QUIRE_PORT_H

#include <quire/types.h>

/* ------------------------------------------------------------------ linear map and windows */

/*
 * phys_to_virt(pa) = pa + physvirt_offset. Valid for all RAM from arm64_memblock_init on (host:
 * from the start). On the bare port memory may be touched through it only once paging_init has
 * mapped it; before that through the fixmap.
 */
extern s64 physvirt_offset;

static inline void *phys_to_virt(phys_addr_t pa)
{
	return (void *)(unsigned long)(pa + (u64)physvirt_offset);
}

/* Only for pointers that phys_to_virt gave: the linear map. */
static inline phys_addr_t virt_to_phys(const volatile void *p)
{
	return (phys_addr_t)((u64)(unsigned long)p - (u64)physvirt_offset);
}

#define __va(pa) phys_to_virt(pa)
#define __pa(p) virt_to_phys((const volatile void *)(p))

/*
 * The linear map is about to cover [start, end): called once by arm64_memblock_init when
 * memstart_addr and the linear region are known. Bare: sets physvirt_offset to
 * PAGE_OFFSET - memstart_addr. Host: checks that its window covers the range.
 * Returns 0, or -ERANGE when the port cannot hold that span.
 */
int port_linear_map_init(phys_addr_t memstart, phys_addr_t start, phys_addr_t end);

/*
 * [inline] void *port_kva_to_ptr(unsigned long kva): the pointer for an address of the linear map,
 * vmemmap or vmalloc area.  [inline] unsigned long port_ptr_to_kva(const void *p): the inverse.
 */

/*
 * The kernel page tables now map [kva, kva + size) to pa (vmemmap, vmalloc and fixmap areas only).
 * Bare: nothing to do [inline]. Host: the window is made to show those frames. size and kva are
 * multiples of PAGE_SIZE. Returns 0 or -ENOMEM. port_mirrors says which, for who would look for ranges first.
 *   bool port_mirrors(void);
 *   int  port_mirror_map(unsigned long kva, phys_addr_t pa, u64 size);
 *   void port_mirror_unmap(unsigned long kva, u64 size);
 *
 * The kernel page tables do not map [pa, pa + size) of the linear map any more, or map it again. Bare: nothing to do [inline].
 * Host: who touches it faults.
 *   void port_linear_hide(phys_addr_t pa, u64 size);
 *   void port_linear_show(phys_addr_t pa, u64 size);
 */

/* ------------------------------------------------------------------ the machine as booted */

enum kimage_prot { KIMAGE_RX, KIMAGE_RO, KIMAGE_RW, KIMAGE_INIT_RX, KIMAGE_INIT_RW };

struct kimage_segment {
	const char *name; /* "text", "rodata", "inittext", "initdata", "data" */
	u64 start, end;	  /* offsets from the image's first byte; multiples of 64 KiB */
	enum kimage_prot prot;
};

/* The kernel image in memory: [phys, phys + size) is _text.._end, bss included. */
struct kimage {
	phys_addr_t phys;
	u64 size;
	unsigned long kva; /* virtual address of _text, KASLR included */
	u64 kaslr_offset;  /* 0 when KASLR is off */
	const char *
		kaslr_status; /* why: "enabled", "disabled on command line", "disabled due to lack of seed" */
	u64 bss_start; /* offset of the first byte that the file does not hold; 0: not known */
	unsigned int nr_segments;
	struct kimage_segment segment[6];
};

struct boot_params {
	phys_addr_t fdt_phys;  /* x0 at entry */
	u64 x1, x2, x3;	       /* the boot protocol wants 0 */
	unsigned int entry_el; /* 1 or 2 */
	u16 memstart_seed;     /* 16 bits of the KASLR seed that move the linear map; 0: it stays */
	struct kimage image;
};

/* Filled by the port before start_kernel(). */
extern struct boot_params boot_params;

/* ID and control registers that the core decides by. */
enum port_reg {
	PORT_MIDR_EL1,
	PORT_MPIDR_EL1,
	PORT_ID_AA64MMFR0_EL1,
	PORT_ID_AA64MMFR1_EL1,
	PORT_ID_AA64MMFR2_EL1,
	PORT_ID_AA64PFR0_EL1,
	PORT_ID_AA64ISAR0_EL1,
	PORT_CTR_EL0,
	PORT_TCR_EL1,
	PORT_MAIR_EL1,
	PORT_TTBR1_EL1,
	PORT_TTBR0_EL1,
	PORT_NR_REGS,
};
u64 port_read_reg(enum port_reg reg);

/* Bits of virtual address that TTBR1 translates in this boot (39, 42, 47, 48, 52). */
extern unsigned int vabits_actual;
/* Bits of physical address of this CPU: ID_AA64MMFR0_EL1.PARange, capped by what the granule can express. */
unsigned int port_pa_bits(void);

/* ------------------------------------------------------------------ page tables and TLB */

/*
 * swapper_pg_dir and the tables that exist before any allocator, as physical addresses.
 * On the host they lie in simulated memory inside the image's bss.
 */
phys_addr_t port_swapper_pg_dir(void);
phys_addr_t port_init_pg_dir(u64 *size);
/*
 * A port-owned, zeroed page inside the image's bss, for the fixmap's tables: index 0..NR_BM_TABLES-1 (two tables of level 3,
 * then levels 2, 1, 0; which are needed depends on granule and VA size).
 */
#define NR_BM_TABLES 5
phys_addr_t port_bm_table(unsigned int index);

/*
 * [inline on bare] A pointer to a physical address inside the kernel image (its tables, bm pages), valid from entry on,
 * before the linear map is. Bare: pa - image.phys + image.kva; host: phys_to_virt.
 *   void *port_image_to_ptr(phys_addr_t pa);
 */

/*
 * [inline] void port_set_pte(u64 *entry, u64 val): one single-copy atomic 64-bit store.
 * [inline] u64  port_get_pte(const u64 *entry)
 * [inline] void port_get_ptes(const u64 *entry, u64 val[4]), port_set_ptes(u64 *entry, const u64 val[4]): four that follow one another,
 *      each single-copy atomic by itself, in no order.
 * [inline] void port_pte_barrier(void): DSB ISHST + ISB: stores to valid entries are seen by the walker. What other CPUs changed before,
 *      entries or instructions, this one finds changed from here on.
 */

/*
 * [inline on bare] Invalidate what the TLBs hold for kernel addresses [start, end) / everything, all CPUs, and wait
 * (DSB ISHST; TLBI VAAE1IS ..., all levels; DSB ISH; ISB). start: a multiple of PAGE_SIZE. Host: told to the TLB model.
 *   void port_flush_tlb_kernel_range(unsigned long start, unsigned long end);
 *   void port_flush_tlb_all(void);
 */

/*
 * [inline] bool port_cmpxchg_pte(u64 *entry, u64 *old, u64 val): atomically, if the entry is *old it becomes val; else *old is
 * what it is, and false. Acquire and release.
 *
 * A program's translations, of one address space by its ASID: a page, [start, end), all of them. All CPUs; waits, as the kernel's
 * do. tables: entries of tables as well, which walk caches hold.
 */
void port_flush_tlb_user_page(u64 asid, unsigned long addr);
void port_flush_tlb_user_range(u64 asid, unsigned long start, unsigned long end, bool tables);
void port_flush_tlb_asid(u64 asid);

/*
 * Load pgd into TTBR1_EL1 from the identity map with interrupts off: uninstall to reserved_pg_dir, TLBI VMALLE1,
 * DSB, install, ISB (Linux: cpu_replace_ttbr1). Host: the walker's base changes.
 */
void port_replace_ttbr1(phys_addr_t pgd);

/* Clean and invalidate [p, p + size) to the point of coherency. Host: nothing. */
void port_dcache_clean_inval_poc(const void *p, size_t size);

/*
 * Address translation by the hardware: AT S1E1R / S1E1W on kva, PAR_EL1 as the result (bit 0 set:
 * fault). Host: by the software MMU.
 */
u64 port_at_s1e1(unsigned long kva, bool write);

/*
 * Zero one page, aligned, in the linear map. A port that has a better way than memset defines it; mm/page/alloc.c has a
 * weak one.
 */
void clear_page(void *page);
/* One page to another, both aligned and in the linear map; a weak one is in mm/page/alloc.c. */
void copy_page(void *to, const void *from);

/* ------------------------------------------------------------------ CPUs, interrupts */

/*
 * [inline] unsigned long port_irq_save(void);  [inline] void port_irq_restore(unsigned long flags);
 * [inline] void port_irq_enable(void);  [inline, board] void port_irq_disable(void);  [inline] bool port_irqs_disabled(void);
 * [inline] unsigned int port_cpu(void): the logical number of this CPU, 0..NR_CPUS-1.
 * [inline] unsigned long port_percpu_offset(void): what to add to a per-CPU variable's address for this CPU's copy.
 * [inline] void port_set_cpu(unsigned int cpu, unsigned long percpu_offset): both; the offset is a multiple of 4 KiB.
 * [inline] void port_cpu_relax(void): in every turn of a loop that waits for another CPU.
 *
 * Atomic operations of hot paths, in as few instructions as the machine allows. Each returns what was there before.
 * [inline] u32 port_fetch_or_acquire(u32 *p, u32 bits)
 * [inline] s32 port_fetch_add_relaxed(s32 *p, s32 n)
 * [inline] s32 port_fetch_add_acq_rel(s32 *p, s32 n)
 * [inline] u64 port_fetch_add64_relaxed(u64 *p, u64 n)
 * [inline] u64 port_fetch_add64_acq_rel(u64 *p, u64 n)
 */

/*
 * Every CPU that runs in this kernel, or ever will, has FEAT_LSE, and all but this one are held (smp_hold_others): the operations above
 * may become instructions of it. Returns how many places of the program were changed; 0 where the port has only one way (host, and
 * who embeds the library, unless he defines it).
 */
unsigned int port_use_lse(void);

/* An interrupt controller as the tree describes it; strings point into the tree. */
#define IRQCHIP_MAX_REGS 8
struct irqchip {
	const char *compatible; /* the whole list, strings one after the other */
	u32 compatible_len;
	unsigned int nr_regs;
	struct {
		phys_addr_t base;
		u64 size;
	} reg[IRQCHIP_MAX_REGS];
	u32 nr_redist_regions; /* #redistributor-regions of a GICv3, at least 1 */
	u64 redist_stride;     /* redistributor-stride, 0: the architecture's */
};

/*
 * On the boot CPU, with page allocator, slab and ioremap up, interrupts off: make ready to send and take interrupts on
 * this CPU. chips: the enabled interrupt controllers of the tree in its order, of which the port takes what it has a driver for
 * (host: ignored). Returns 0 when port_send_ipi works from here on; -ENODEV when there is nothing that it knows, -ENOMEM.
 */
int port_irq_init(const struct irqchip *chips, unsigned int nr);
/* The same for a secondary, called on it with interrupts off by secondary_start_kernel. 0 or a negative errno. */
int port_irq_init_cpu(void);

/*
 * Start a CPU that is down: it takes the number `cpu` and percpu_offset (as by port_set_cpu), and calls
 * secondary_start_kernel(cpu) with a stack of its own, the kernel's page tables and interrupts off. hwid: its MPIDR_EL1 affinity.
 * enable_method: "psci", "spin-table" or what the tree says, NULL when it says nothing; release_addr: its cpu-release-addr, 0 without. Called
 * on the boot CPU, for one CPU at a time, with interrupts on. Returns 0 when it was asked to start: whether it comes is
 * the caller's to watch. -ENODEV: no way to start it that the port knows; -EINVAL: firmware knows no such CPU; -EIO:
 * firmware refused; -ENOMEM.
 */
int port_cpu_start(unsigned int cpu, u64 hwid, const char *enable_method, phys_addr_t release_addr,
		   unsigned long percpu_offset);

/* boot/smp.c: where a started CPU enters the core. A CPU that comes too late is stopped there. */
void secondary_start_kernel(unsigned int cpu) __noreturn;

/*
 * Make smp_handle_ipi() be called on another CPU, with interrupts off there, as soon as it has interrupts on. What this CPU
 * wrote before is visible to it. Several sent before it comes to it may be one. Any context.
 */
void port_send_ipi(unsigned int cpu);

/*
 * With interrupts off: wait until an interrupt (an IPI above all) is pending for this CPU. One that was sent before the call and
 * has not been taken ends it at once, so "off; look for work; port_cpu_idle; on" loses no wake-up. Returns with interrupts
 * still off, perhaps without a reason; the interrupt is taken when they are turned on.
 */
void port_cpu_idle(void);

/* This CPU does nothing any more: interrupts off for ever. On the host port its thread sleeps or ends. */
void port_cpu_stop(void) __noreturn;

/*
 * Make every CPU that runs in this kernel pass through a full memory barrier, by a means of the port's own that does not
 * interrupt. Returns false where there is none (board): the core does it by IPIs then. (Host: membarrier(2).)
 */
bool port_membarrier(void);

/*
 * Nanoseconds that really pass, from any start, for timeouts and measurements only: on the host port_clock_ns stands still, so that
 * reports repeat.
 */
u64 port_time_ns(void);

/* ------------------------------------------------------------------ console, symbols, end */

/*
 * Bytes to the console; lines end in '\n'. Before port_console_init succeeded the bytes are lost, but the
 * log buffer keeps them.
 */
void port_console_write(const char *s, size_t n);

/*
 * The same for a terminal's output, each byte as it is; and what has come from the console since, as far as the device has kept it:
 * returns how many bytes, perhaps 0. Image only.
 */
void port_console_put(const char *s, size_t n);
size_t port_console_read(char *s, size_t n);

/*
 * Start the console device. compatible: the node's compatible string or earlycon name ("arm,pl011", "pl011",
 * "ns16550a", "brcm,bcm2835-aux-uart", "uart8250", "snps,dw-apb-uart", ...); base: its physical address; reg_shift and io_width from the tree (0: the
 * device's default). Returns 0, -ENODEV for a device the port has no driver for and where none answers, -ENOMEM when it
 * cannot be mapped.
 */
int port_console_init(const char *compatible, phys_addr_t base, unsigned int reg_shift,
		      unsigned int io_width);

/*
 * The date, in seconds since 1970, of a clock with that compatible string of the tree ("arm,pl031") at this physical address. With ioremap
 * up. Returns 0, -ENODEV for a device the port cannot read and where none answers, -ENOMEM when it cannot be mapped.
 */
int port_rtc_read(const char *compatible, phys_addr_t base, u64 *seconds);

/* Name and offset of the function that holds addr. Returns NULL when unknown. */
const char *port_symbolize(unsigned long addr, unsigned long *offset, unsigned long *size);

/* Print the call chain of the caller by printk. */
void port_backtrace(void);

/*
 * Return addresses of the caller's chain into entries[], the nearest first, without the first `skip`. Returns how many. Any
 * context; ends where the chain cannot be followed.
 */
unsigned int port_stack_trace(unsigned long *entries, unsigned int max, unsigned int skip);

/* Nanoseconds since boot; 0 is allowed where there is no clock yet. */
u64 port_clock_ns(void);

/*
 * End: power the machine off, exit code `code` where there is a way to say it (semihosting, process exit).
 */
void port_poweroff(int code) __noreturn;

/*
 * Let the image use semihosting (port_poweroff's exit code, port_report_*): called when the command line has
 * `quire.semihosting`. Host: nothing.
 */
void port_enable_semihosting(void);

/*
 * The tree's /psci node says how firmware is called: HVC or SMC, and the number of CPU_ON (0: the standard's). Until then
 * port_poweroff looks for itself. Host: nothing.
 */
void port_set_psci(bool hvc, u32 cpu_on_function);

/*
 * Run op(arg), which may touch memory that faults. Returns false when op returned; true when it faulted at EL1, and then
 * *esr and *far say how. What op held (locks, partial writes) stays as it was. May be nested. Context: one CPU, boot.
 */
bool port_expect_fault(int (*op)(void *arg), void *arg, u64 *esr, u64 *far);

/* Give a file to whoever runs the image (semihosting on QEMU, a file in the process). Returns 0 or -ENODEV/-EIO. */
int port_report_open(const char *name);
int port_report_write(const char *s, size_t n);
void port_report_close(void);

#include <port_inline.h>

#endif
