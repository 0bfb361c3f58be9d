// SPDX-License-Identifier: MIT
/*
 * One granule's core as a table of functions: boot a machine in this process, and ask it for reports.
 *
 * Objects of one granule are linked into one relocatable object, and every symbol but the table is made local, so
 * that three of them fit into one program. The link script (host.ld.S) gathers the variables of the object into two
 * sections; before a second boot they are put back to what they were when the program started, which makes a boot as
 * repeatable as starting a process. Built without the script (a plain link of one granule), only one boot is possible.
 */
#include <quire/boot.h>
#include <quire/buddy.h>
#include <quire/dma.h>
#include <quire/event.h>
#include <quire/memblock.h>
#include <quire/memory_hotplug.h>
#include <quire/mm_debug.h>
#include <quire/mm_init.h>
#include <quire/params.h>
#include <quire/pgtable.h>
#include <quire/printk.h>
#include <quire/report.h>
#include <quire/report_pgtable.h>
#include <quire/slab.h>
#include <quire/percpu.h>
#include <quire/smp.h>
#include <quire/stress.h>
#include <quire/string.h>
#include <quire/vmalloc.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>

#include "host.h"
#include "machine.h"
#include "mmu.h"
#include "../../predict/predict.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#if PAGE_SHIFT == 12
#define GRANULE _4k
#elif PAGE_SHIFT == 14
#define GRANULE _16k
#else
#define GRANULE _64k
#endif
#define DATA_START PASTE(__start_quire_data, GRANULE)
#define DATA_STOP PASTE(__stop_quire_data, GRANULE)
#define BSS_START PASTE(__start_quire_bss, GRANULE)
#define BSS_STOP PASTE(__stop_quire_bss, GRANULE)
#define HIDDEN_WEAK __attribute__((weak, visibility("hidden")))

extern char DATA_START[] HIDDEN_WEAK, DATA_STOP[] HIDDEN_WEAK;
extern char BSS_START[] HIDDEN_WEAK, BSS_STOP[] HIDDEN_WEAK;

/* Outside the two sections: survives the reset. */
#define KEPT __attribute__((section("quire_kept")))
static char *first_data KEPT = NULL;
static bool booted_before KEPT = false;

/* Sanitizers guard the gaps between variables; these copies go over them. */
#if defined(__clang__)
#define RAW __attribute__((no_sanitize("address", "undefined")))
#else
#define RAW                                                                                        \
	__attribute__((no_sanitize_address, no_sanitize_undefined,                                 \
		       optimize("no-tree-loop-distribute-patterns")))
#endif

RAW static void copy_raw(volatile char *dst, const volatile char *src, size_t n)
{
	for (size_t i = 0; i < n; i++)
		dst[i] = src[i];
}

RAW static void clear_raw(volatile u64 *dst, size_t n)
{
	for (size_t i = 0; i < n / 8; i++)
		dst[i] = 0;
}

/* Variables as at the program's start. Returns false when that cannot be. */
static bool reset_variables(void)
{
	size_t n = (size_t)(DATA_STOP - DATA_START);

	if (!booted_before) {
		booted_before = true;
		if (DATA_START)
			first_data = malloc(n);
		if (first_data)
			copy_raw(first_data, DATA_START, n);
		return true;
	}
	if (!first_data)
		return false;
	host_cpus_stop();
	host_memory_exit();
	free(event_log.events);
	copy_raw(DATA_START, first_data, n);
	clear_raw((volatile u64 *)BSS_START, (size_t)(BSS_STOP - BSS_START));
	return true;
}

/* ------------------------------------------------------------------ faults */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* EC 0x25, IL, level 3 translation fault (Arm ARM D24.2.40): what is not mapped in a window is not mapped at all. */
#define ESR_DABT_CURRENT_EL (0x25ULL << 26 | 1ULL << 25 | 0x7)

/* Page-fault error code, bit 1: a write. What other processors say is not asked. */
static bool fault_is_write(const void *context)
{
#ifdef __x86_64__
	return ((const ucontext_t *)context)->uc_mcontext.gregs[REG_ERR] & 2;
#else
	(void)context;
	return false;
#endif
}

static unsigned long fault_pc(const void *context)
{
	const ucontext_t *uc = context;

#if defined(__x86_64__)
	return (unsigned long)uc->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	return uc->uc_mcontext.pc;
#else
	(void)uc;
	return 0;
#endif
}

/* The core touched an address that its page tables do not map: what a board's fault handler says. */
static void on_fault(int sig, siginfo_t *info, void *context)
{
	unsigned long kva;

	if (!host_machine || !host_ptr_to_kva(info->si_addr, &kva)) {
		/* Not the machine's doing: let it end the program. */
		signal(sig, SIG_DFL);
		return;
	}
	if (host_fault) {
		host_fault->esr = ESR_DABT_CURRENT_EL;
		host_fault->far = kva;
		siglongjmp(host_fault->back, 1);
	}
	if (mm_explain_fault)
		mm_explain_fault(kva, fault_is_write(context), fault_pc(context));
	panic("Unable to handle kernel %s at virtual address 0x%016lx",
	      sig == SIGBUS ? "access" : "paging request", kva);
}

static void catch_faults(void)
{
	static char stack[HOST_FAULT_STACK];
	const stack_t alt = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction sa = {.sa_sigaction = on_fault,
			       .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};

	if (SANITIZED)
		return;
	sigaltstack(&alt, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

/* ------------------------------------------------------------------ the machine */

static bool va_bits_valid(unsigned int va_bits)
{
	switch (PAGE_SHIFT) {
	case 12:
		return va_bits == 39 || va_bits == 48 || va_bits == 52;
	case 14:
		return va_bits == 47 || va_bits == 48 || va_bits == 52;
	default:
		return va_bits == 42 || va_bits == 48 || va_bits == 52;
	}
}

/* FEAT_LVA with 64K pages (MMFR2.VARange), FEAT_LPA2 with the others (MMFR0.TGran4, TGran16). */
static bool cpu_has_va52(const struct host_cpu_model *cpu)
{
	if (PAGE_SHIFT == 16)
		return (cpu->mmfr2 >> 16 & 0xf) >= 1;
	if (PAGE_SHIFT == 14)
		return (cpu->mmfr0 >> 20 & 0xf) == 2;
	return (cpu->mmfr0 >> 28 & 0xf) == 1;
}

/*
 * Linux does not tell its sections in the Image header; the shares are those of Debian's arm64 kernel, rounded to
 * 64 KiB as its linker script does.
 */
static void segment_image(struct kimage *image)
{
	static const struct {
		const char *name;
		enum kimage_prot prot;
		unsigned int share; /* of 547 */
	} parts[] = {
		{"text", KIMAGE_RX, 222},	  {"rodata", KIMAGE_RO, 169},
		{"inittext", KIMAGE_INIT_RX, 10}, {"initdata", KIMAGE_INIT_RW, 87},
		{"data", KIMAGE_RW, 59},
	};
	u64 at = 0;

	image->nr_segments = ARRAY_SIZE(parts);
	for (unsigned int i = 0; i < ARRAY_SIZE(parts); i++) {
		u64 size =
			max_t(u64, ALIGN_DOWN(image->size / 547 * parts[i].share, SZ_64K), SZ_64K);
		u64 end = i == ARRAY_SIZE(parts) - 1 ? image->size : at + size;

		image->segment[i] = (struct kimage_segment){parts[i].name, at, end, parts[i].prot};
		at = end;
	}
}

/* `word` is one of the words of args, which blanks separate. */
static bool has_word(const char *args, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = args; (p = strstr(p, word)); p += n)
		if ((p == args || p[-1] == ' ') && (!p[n] || p[n] == ' '))
			return true;
	return false;
}

/* As head.S and Linux's kaslr_early_init decide: the offset within half of the vmalloc area. */
static void place_image(struct kimage *image, const struct host_machine *m)
{
	const char *args = m->cmdline_probe ? m->cmdline_probe : "";
	u64 offset = 0;

	if (has_word(args, "nokaslr")) {
		image->kaslr_status = "disabled on command line";
	} else if (!m->kaslr_seed) {
		image->kaslr_status = "disabled due to lack of seed";
	} else {
		/* Above page_end the areas are those of 48 bits or less, whatever the CPU translates. */
		unsigned int bits = (unsigned int)ilog2(-va_layout.page_end) - 2;

		image->kaslr_status = "enabled";
		offset = (1ULL << bits) + (m->kaslr_seed & GENMASK(bits - 1, 21));
	}
	image->kaslr_offset = offset;
	image->kva = va_layout.kimage_vaddr + offset + (image->phys & (SZ_2M - 1));
}

/* The smallest image that has room for its five segments and the port's tables. */
#define IMAGE_MIN (SZ_64K * 4 + max(SZ_64K, PAGE_SIZE * (NR_BM_TABLES + 3)))

static int load(const struct host_machine *m, const char **why)
{
	if (m->image_size < IMAGE_MIN) {
		*why = "the kernel image is too small (less than 1 MiB)";
		return -EINVAL;
	}
	if ((m->image_at + m->image_size - 1) >> port_pa_bits()) {
		*why = "the kernel image lies beyond the CPU's physical addresses";
		return -EINVAL;
	}
	if (!host_memory_holds(m->image_at, m->image_size) ||
	    !host_memory_holds(m->fdt_at, max(m->fdt_size, MAX_FDT_SIZE)) ||
	    (m->initrd && !host_memory_holds(m->initrd_at, m->initrd_bytes))) {
		*why = "image, device tree and initrd are further apart than this process can hold";
		return -ERANGE;
	}
	if (m->image)
		memcpy(phys_to_virt(m->image_at), m->image, min(m->image_bytes, m->image_size));
	if (m->initrd)
		memcpy(phys_to_virt(m->initrd_at), m->initrd, m->initrd_bytes);
	memcpy(phys_to_virt(m->fdt_at), m->fdt, m->fdt_size);
	return 0;
}

static int override_managed(const struct host_machine *m)
{
	static const char *const names[] = {"DMA", "DMA32", "Normal", "Movable", "Device"};

	for (unsigned int i = 0; i < m->nr_managed; i++) {
		enum zone_type type = 0;

		while (type < MAX_NR_ZONES && strcmp(names[type], m->managed[i].zone))
			type++;
		if (type == MAX_NR_ZONES ||
		    zone_override_managed(m->managed[i].node, type, m->managed[i].pages))
			return -EINVAL;
	}
	if (m->nr_managed)
		init_per_zone_wmark_min();
	return 0;
}

/* start_kernel and what follows it, so that a panic in either comes back by longjmp. Returns an exit code. */
static int run(void)
{
	int failures = 0;

	if (host_machine->build) {
		predict_start_kernel(host_machine->build, !host_machine->no_events);
		return 0;
	}
	start_kernel();
	if (quire_options.selftest)
		failures = quire_selftest();
	failures += (int)mm_debug_shutdown();
	return failures ? 1 : 0;
}

static int boot(const struct host_machine *m, const char **why)
{
	const unsigned int fallback = PAGE_SHIFT == 14 ? 47 : 48;
	unsigned int va_bits;
	int err;

	*why = NULL;
	if (!reset_variables()) {
		*why = "this program can boot one machine only";
		return -EBUSY;
	}
	host_machine = m;
	va_bits = m->va_bits ? m->va_bits : DEFAULT_VA_BITS;
	vabits_actual = va_bits == 52 && !cpu_has_va52(&m->cpu) ? fallback : va_bits;
	if (!va_bits_valid(va_bits) || va_layout_init(va_bits)) {
		*why = "this granule has no such number of virtual address bits";
		return -EINVAL;
	}
	host_boot_cpu();
	err = host_memory_init(m->lowest, m->highest, why);
	if (!err)
		err = load(m, why);
	if (err)
		return err;
	boot_params.fdt_phys = m->fdt_at;
	boot_params.entry_el = 1;
	boot_params.image.phys = m->image_at;
	boot_params.image.size = m->image_size;
	boot_params.image.bss_start = min_t(u64, m->image_bytes, m->image_size);
	segment_image(&boot_params.image);
	place_image(&boot_params.image, m);
	memblock_set_debug(m->debug);
	if (m->fail) {
		fail_page_alloc.probability = failslab.probability = m->fail;
		fail_page_alloc.times = failslab.times = -1;
	}
	if (m->max_cpus)
		setup_max_cpus = m->max_cpus;
	if (m->hotplug)
		hotplug_reserve = 1UL << SECTION_SIZE_BITS;
	catch_faults();
	if (setjmp(host_power))
		return host_exit_code;
	console_start();
	err = run();
	if (!err && override_managed(m)) {
		*why = "--managed names a zone that this machine does not have";
		return -EINVAL;
	}
	return err;
}

static const char *panic_text(void)
{
	return host_panic_text[0] ? host_panic_text : NULL;
}

/* ------------------------------------------------------------------ reports */

static int write_out(struct out *out, const char *s, size_t n)
{
	const struct host_out *to = out->ctx;

	return to->write(to->ctx, s, n);
}

static struct out to_out(const struct host_out *to)
{
	return (struct out){
		.write = write_out,
		.ctx = (void *)to,
		.colour = to->colour,
		.unicode = to->unicode,
		.columns = to->columns,
	};
}

static int report(enum host_report what, const struct host_out *to)
{
	struct out out = to_out(to);

	if (setjmp(host_power))
		return -EIO;
	switch (what) {
	case HOST_REPORT_JSON:
		report_json(&out, panic_text());
		break;
	case HOST_REPORT_SUMMARY:
		report_summary(&out);
		break;
	case HOST_REPORT_ZONEINFO:
		report_zoneinfo(&out);
		break;
	case HOST_REPORT_BUDDYINFO:
		report_buddyinfo(&out);
		break;
	case HOST_REPORT_LAYOUT:
		report_layout(&out);
		break;
	case HOST_REPORT_PTDUMP:
		report_ptdump(&out);
		break;
	case HOST_REPORT_PREDICT_JSON:
		predict_report_json(&out, panic_text());
		break;
	case HOST_REPORT_PREDICT:
		predict_report_text(&out, panic_text());
		break;
	}
	return out.error;
}

static int proc(const char *name, const struct host_out *to)
{
	struct out out = to_out(to);

	if (setjmp(host_power))
		return -EIO;
	return report_proc(&out, name, strlen(name));
}

static int walk(uint64_t address, bool phys, const struct host_out *to)
{
	struct out out = to_out(to);

	if (setjmp(host_power))
		return 1;
	return (phys ? report_walk_phys(&out, address) : report_walk(&out, address)) ? 1 : 0;
}

static int check(void)
{
	struct zone *zone;
	int bad;

	if (setjmp(host_power))
		return 1;
	bad = kernel_pgtable_check() + memblock_check() + zone_check() + (int)mmu_errors() +
	      slab_check() + vmalloc_check() + pcpu_check() + dma_check() + mm_debug_check();
	for_each_zone(zone) bad += buddy_check(zone) + pageset_check(zone);
	return bad;
}

/* ------------------------------------------------------------------ stress */

static u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec;
}

static bool has_expired(void *arg)
{
	return now_ns() >= *(const u64 *)arg;
}

static void halt(void)
{
	host_cpus_stop();
}

static int stress(const struct host_stress *s)
{
	u64 end = now_ns() + s->seconds * 1000000000ULL;
	const struct stress_options options = {
		.seed = s->seed,
		.phases = s->phases,
		.operations = s->operations,
		.expired = has_expired,
		.arg = &end,
		.hotplug = true,
		.verbose = s->verbose,
	};
	int bad;

	if (setjmp(host_power))
		return 1;
	bad = quire_stress(&options);
	if (mmu_errors())
		pr_err("stress: FAILED: the software MMU found %u errors\n", mmu_errors());
	return bad || mmu_errors() ? 1 : 0;
}

extern const struct host_core PASTE(quire_core, GRANULE);
const struct host_core PASTE(quire_core, GRANULE) = {
	.page_shift = PAGE_SHIFT,
	.default_va_bits = DEFAULT_VA_BITS,
	.va_bits_valid = va_bits_valid,
	.boot = boot,
	.panic_text = panic_text,
	.report = report,
	.proc = proc,
	.walk = walk,
	.check = check,
	.stress = stress,
	.halt = halt,
};
