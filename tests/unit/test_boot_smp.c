// SPDX-License-Identifier: MIT
/* links: boot/fdt_*.c boot/irqchip.c boot/smp.c mm/early/memblock*.c lib/vsprintf.c lib/string.c third_party/libfdt/fdt*.c */
/*
 * Bringing CPUs up: numbers, limits, interrupt controllers of the tree, CPUs that come, come late, or say why they cannot. The
 * port is a double that plays each CPU's part at once, in the place of its thread.
 */
#include "boot_fixture.h"

#include <quire/percpu.h>
#include <quire/smp.h>

#include "boot/irqchip.h"

phys_addr_t arm64_dma_phys_limit;
struct cma_cmdline cma_cmdline;
const pgprot_t PAGE_KERNEL = {1}, PAGE_KERNEL_RO = {2};
u64 node_online_mask = 1;

#define CPUS 4U

void *fixmap_remap_fdt(phys_addr_t dt_phys, u32 *size, pgprot_t prot)
{
	return NULL;
}

void port_set_psci(bool hvc, u32 cpu_on_function)
{
}

/* ---- the port: what each CPU does when it is started */
enum plan { COMES, COMES_LATE, IS_REFUSED, HAS_NO_INTERRUPTS, HANGS };
static enum plan plan[CPUS];
static int irq_init;
static u64 boot_hwid, hwid_of_caller;
static unsigned int starts, stopped, chips_seen;
static u64 online = 1, started_hwid[CPUS];
static u64 now;
static jmp_buf back;
static unsigned int running;
/* ID_AA64ISAR0_EL1.Atomic of each CPU; 2: FEAT_LSE, 3: FEAT_LSE128. */
static u64 atomics[CPUS];
/* ID_AA64MMFR1_EL1.PAN of each CPU, ID_AA64MMFR0_EL1.ASIDBits, and its physical addresses. */
static u64 pan[CPUS], asid_bits[CPUS];
static unsigned int pa_bits[CPUS];
static unsigned int lse_used, lse_places;
static bool held;

u64 port_read_reg(enum port_reg reg)
{
	if (reg == PORT_ID_AA64ISAR0_EL1)
		return atomics[running] << 20 | 0x1000000;
	if (reg == PORT_ID_AA64MMFR1_EL1)
		return pan[running] << 20 | 0x10;
	if (reg == PORT_ID_AA64MMFR0_EL1)
		return asid_bits[running] << 4 | 0x1102;
	return reg == PORT_MPIDR_EL1 ? 0x80000000 | hwid_of_caller : 0;
}

unsigned int port_pa_bits(void)
{
	return pa_bits[running];
}

unsigned long smp_hold_others(void)
{
	held = true;
	return 5;
}

void smp_release_others(unsigned long flags)
{
	assert_int_equal(flags, 5);
	held = false;
}

unsigned int port_use_lse(void)
{
	assert_true(held);
	lse_used++;
	return lse_places;
}

u64 port_time_ns(void)
{
	return now += 100000000;
}

bool cpu_online(unsigned int cpu)
{
	return cpu < 64 && online >> cpu & 1;
}

unsigned int num_online_cpus(void)
{
	return (unsigned int)__builtin_popcountll(online);
}

void smp_cpu_up(unsigned int cpu)
{
	online |= 1ULL << cpu;
}

void smp_idle(void)
{
	longjmp(back, 1);
}

void port_cpu_stop(void)
{
	stopped++;
	longjmp(back, 1);
}

int port_irq_init(const struct irqchip *chips, unsigned int nr)
{
	chips_seen = nr;
	return irq_init;
}

int port_irq_init_cpu(void)
{
	if (plan[running] == HANGS)
		longjmp(back, 1);
	return plan[running] == HAS_NO_INTERRUPTS ? -EIO : 0;
}

static void enter(unsigned int cpu)
{
	running = cpu;
	hwid_of_caller = cpu_descs[cpu].hwid;
	if (!setjmp(back))
		secondary_start_kernel(cpu);
	running = 0;
	hwid_of_caller = boot_hwid;
}

int port_cpu_start(unsigned int cpu, u64 hwid, const char *enable_method, phys_addr_t release_addr,
		   unsigned long percpu_offset)
{
	started_hwid[cpu] = hwid;
	starts++;
	if (plan[cpu] == IS_REFUSED)
		return -EINVAL;
	if (plan[cpu] != COMES_LATE)
		enter(cpu);
	return 0;
}

/* ---- a tree */
static void cpus_node(const u64 *hwid, unsigned int nr)
{
	char name[16];
	unsigned int i;

	node("cpus");
	prop_u32("#address-cells", 1);
	prop_u32("#size-cells", 0);
	for (i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "cpu@%llx", (unsigned long long)hwid[i]);
		node(name);
		prop_u32("reg", (u32)hwid[i]);
		prop_str("enable-method", "psci");
		end();
	}
	end();
}

static char areas[CPUS][4096] __attribute__((aligned(64)));
extern char __start_quire_percpu[], __stop_quire_percpu[];

static int machine(void **state)
{
	unsigned int cpu;

	reset_boot();
	memset(plan, 0, sizeof(plan));
	memset(started_hwid, 0, sizeof(started_hwid));
	irq_init = 0;
	boot_hwid = hwid_of_caller = 0;
	starts = stopped = chips_seen = lse_used = running = 0;
	memset(atomics, 0, sizeof(atomics));
	memset(pan, 0, sizeof(pan));
	for (cpu = 0; cpu < CPUS; cpu++) {
		asid_bits[cpu] = 2;
		pa_bits[cpu] = 40;
	}
	max_pfn = 0;
	lse_places = 7;
	held = false;
	setup_nolse = setup_nopan = 0;
	online = 1;
	setup_max_cpus = nr_cpus_limit = NR_CPUS;
	for (cpu = 0; cpu < CPUS; cpu++) {
		memcpy(areas[cpu], __start_quire_percpu,
		       (size_t)(__stop_quire_percpu - __start_quire_percpu));
		__per_cpu_offset[cpu] =
			(unsigned long)areas[cpu] - (unsigned long)__start_quire_percpu;
	}
	return 0;
}

static void four_cpus(void)
{
	tree_begin(2, 2);
	cpus_node((u64[]){0, 1, 0x100, 0x101}, 4);
	ok(scan_tree());
	smp_init_cpus();
}

static void all_come_and_say_so(void **state)
{
	four_cpus();
	smp_init();
	assert_int_equal(online, 0xf);
	assert_logged("smp: Bringing up secondary CPUs ...\n");
	assert_logged("CPU2: Booted secondary processor 0x0000000100 [0x00000000]\n");
	assert_logged("smp: Brought up 1 node, 4 CPUs\n");
}

static void the_boot_cpu_is_number_0(void **state)
{
	boot_hwid = hwid_of_caller = 0x100;
	four_cpus();
	assert_int_equal(cpu_descs[0].hwid, 0x100);
	assert_int_equal(cpu_descs[1].hwid, 0);
	assert_int_equal(cpu_descs[2].hwid, 1);
	assert_int_equal(cpu_descs[3].hwid, 0x101);
	smp_init();
	assert_int_equal(online, 0xf);
	assert_int_equal(started_hwid[1], 0);
	assert_int_equal(started_hwid[3], 0x101);
}

static void a_boot_cpu_that_is_not_listed_stays_alone(void **state)
{
	boot_hwid = hwid_of_caller = 7;
	four_cpus();
	smp_init();
	assert_int_equal(starts, 0);
	assert_int_equal(online, 1);
	assert_logged("3 secondary CPUs stay down: the boot CPU is not in the device tree");
	assert_logged("Brought up 1 node, 1 CPU\n");
}

static void limits_are_kept(void **state)
{
	nr_cpus_limit = 3;
	setup_max_cpus = 2;
	four_cpus();
	assert_int_equal(nr_cpus_possible, 3);
	assert_logged("Number of cores (4) exceeds configured maximum of 3 - clipping");
	smp_init();
	assert_int_equal(online, 3);
	setup_max_cpus = 0;
	online = 1;
	starts = 0;
	chips_seen = 99;
	smp_init();
	assert_int_equal(starts, 0);
	/* No interrupts are needed then. */
	assert_int_equal(chips_seen, 99);
}

static void without_interrupts_they_stay_down(void **state)
{
	irq_init = -ENODEV;
	four_cpus();
	smp_init();
	assert_int_equal(starts, 0);
	assert_logged("stay down: no interrupt controller is known");
	irq_init = -ENOMEM;
	smp_init();
	assert_int_equal(starts, 0);
	assert_logged("stay down: the interrupt controller could not be started");
}

static void one_that_fails_is_left_out_and_the_rest_come(void **state)
{
	plan[1] = IS_REFUSED;
	plan[2] = HAS_NO_INTERRUPTS;
	four_cpus();
	smp_init();
	assert_int_equal(online, 9);
	assert_logged("CPU1: failed to boot: -22\n");
	assert_logged("CPU2: cannot take interrupts: -5\n");
	assert_int_equal(stopped, 1);
	assert_logged("Brought up 1 node, 2 CPUs\n");
}

static void one_that_comes_late_is_stopped(void **state)
{
	plan[2] = COMES_LATE;
	four_cpus();
	smp_init();
	assert_int_equal(online, 0xb);
	assert_logged("CPU2: failed to come online\n");
	assert_int_equal(stopped, 0);
	clear_log();
	enter(2);
	assert_int_equal(stopped, 1);
	assert_int_equal(online, 0xb);
	assert_false(logged("Booted"));
	/* Nor does one that nobody has started. */
	enter(1);
	assert_int_equal(stopped, 2);
}

static void four_cpus_with(u64 a, u64 b, u64 c, u64 d)
{
	memcpy(atomics, (u64[]){a, b, c, d}, sizeof(atomics));
	four_cpus();
	clear_log();
	smp_init();
}

static void what_all_cpus_can_is_used_with_them_held(void **state)
{
	four_cpus_with(2, 2, 3, 2);
	assert_int_equal(online, 0xf);
	assert_int_equal(lse_used, 1);
	assert_false(held);
	assert_logged("CPU features: detected: LSE atomic instructions (in 7 places)\n");
}

static void what_one_cpu_cannot_is_not_used(void **state)
{
	unsigned int without;

	for (without = 0; without < CPUS; without++) {
		machine(state);
		four_cpus_with(without == 0 ? 0 : 2, without == 1 ? 0 : 2, without == 2 ? 0 : 2,
			       without == 3 ? 0 : 2);
		assert_int_equal(online, 0xf);
		assert_int_equal(lse_used, 0);
		assert_logged("CPU features: LSE atomic instructions are not used: 1 of 4 CPUs "
			      "have none\n");
	}
}

static void where_no_cpu_can_nothing_is_said(void **state)
{
	/* 1 is reserved: not LSE. */
	four_cpus_with(0, 1, 0, 0);
	assert_int_equal(lse_used, 0);
	assert_false(logged("LSE"));
}

static void a_cpu_that_failed_has_no_say(void **state)
{
	plan[1] = IS_REFUSED;
	plan[2] = HAS_NO_INTERRUPTS;
	plan[3] = COMES_LATE;
	four_cpus_with(2, 0, 0, 0);
	assert_int_equal(online, 1);
	assert_int_equal(lse_used, 1);
}

/* It may be anywhere in the program when the others are held. */
static void while_one_may_come_yet_it_is_not_used(void **state)
{
	plan[2] = HANGS;
	four_cpus_with(2, 2, 2, 2);
	assert_int_equal(online, 0xb);
	assert_logged("CPU2: is stuck in kernel\n");
	assert_int_equal(lse_used, 0);
	assert_logged("LSE atomic instructions are not used: 1 CPUs may come yet\n");
}

static void nolse_plays_cpus_without(void **state)
{
	setup_nolse = 1 << 2;
	four_cpus_with(2, 2, 2, 2);
	assert_int_equal(lse_used, 0);
	assert_logged("1 of 4 CPUs have none\n");
	machine(state);
	setup_nolse = ~0ULL;
	four_cpus_with(2, 2, 2, 2);
	assert_int_equal(lse_used, 0);
	assert_false(logged("LSE"));
}

static void a_port_with_one_way_only_is_not_mentioned(void **state)
{
	lse_places = 0;
	four_cpus_with(2, 2, 2, 2);
	assert_int_equal(lse_used, 1);
	assert_false(logged("LSE"));
}

static void interrupt_controllers_are_found_with_their_registers(void **state)
{
	static const char v3[] = "acme,gic\0arm,gic-v3";
	struct irqchip chips[4];

	tree_begin(2, 2);
	node("soc");
	prop_u32("#address-cells", 1);
	prop_u32("#size-cells", 1);
	prop_cells("ranges", 1, 0, (u64[]){0x7e000000, 0, 0x3f000000, 0x1000000}, 4);
	node("intc@7e001000");
	prop_str("compatible", "acme,intc");
	prop("interrupt-controller");
	prop_cells("reg", 1, 0, (u64[]){0x7e001000, 0x100, 0x7e002000, 0x80}, 4);
	end();
	node("off@7e003000");
	prop_str("compatible", "acme,intc");
	prop_str("status", "disabled");
	prop("interrupt-controller");
	end();
	end();
	node("gic@8000000");
	ok(fdt_property(tree_buf, "compatible", v3, sizeof(v3)));
	prop("interrupt-controller");
	prop_u32("#redistributor-regions", 2);
	prop_cells("redistributor-stride", 2, 0, (u64[]){0x40000}, 1);
	prop_cells("reg", 2, 0,
		   (u64[]){0x8000000, 0x10000, 0x80a0000, 0xf60000, 0x4000000000, 0x10000000}, 6);
	end();
	node("nameless");
	prop("interrupt-controller");
	end();
	ok(scan_tree());
	assert_int_equal(find_irqchips(chips, 4), 2);
	assert_string_equal(chips[0].compatible, "acme,intc");
	assert_int_equal(chips[0].nr_regs, 2);
	assert_int_equal(chips[0].reg[0].base, 0x3f001000);
	assert_int_equal(chips[0].reg[1].base, 0x3f002000);
	assert_int_equal(chips[0].reg[1].size, 0x80);
	assert_int_equal(chips[0].nr_redist_regions, 1);
	assert_int_equal(chips[1].compatible_len, sizeof(v3));
	assert_int_equal(chips[1].nr_regs, 3);
	assert_int_equal(chips[1].reg[2].base, 0x4000000000);
	assert_int_equal(chips[1].nr_redist_regions, 2);
	assert_int_equal(chips[1].redist_stride, 0x40000);
	assert_int_equal(find_irqchips(chips, 1), 1);
}

static void four_cpus_with_pan(u64 a, u64 b, u64 c, u64 d)
{
	memcpy(pan, (u64[]){a, b, c, d}, sizeof(pan));
	four_cpus();
	clear_log();
	smp_init();
	assert_int_equal(online, 0xf);
}

static void pan_is_on_where_all_cpus_have_it(void **state)
{
	unsigned int without;

	four_cpus_with_pan(1, 2, 3, 1);
	assert_true(system_has_pan);
	assert_logged("CPU features: detected: Privileged Access Never\n");
	for (without = 0; without < CPUS; without++) {
		machine(state);
		four_cpus_with_pan(without != 0, without != 1, without != 2, without != 3);
		assert_false(system_has_pan);
		assert_logged("Privileged Access Never is not used: 1 of 4 CPUs have none\n");
	}
	machine(state);
	four_cpus_with_pan(0, 0, 0, 0);
	assert_false(system_has_pan);
	assert_false(logged("Privileged"));
}

static void nopan_plays_cpus_without(void **state)
{
	setup_nopan = 1 << 3;
	four_cpus_with_pan(1, 1, 1, 1);
	assert_false(system_has_pan);
	assert_logged("1 of 4 CPUs have none\n");
	machine(state);
	setup_nopan = ~0ULL;
	four_cpus_with_pan(1, 1, 1, 1);
	assert_false(system_has_pan);
	assert_false(logged("Privileged"));
}

static void pan_is_off_while_one_may_come_without(void **state)
{
	plan[2] = HANGS;
	memcpy(pan, (u64[]){1, 1, 1, 1}, sizeof(pan));
	four_cpus();
	smp_init();
	assert_false(system_has_pan);
	assert_logged("Privileged Access Never is not used: 1 CPUs may come yet\n");
}

static void one_with_narrower_asids_stays_down(void **state)
{
	asid_bits[2] = 0;
	four_cpus();
	smp_init();
	assert_int_equal(online, 0xb);
	assert_int_equal(stopped, 1);
	assert_logged("CPU2: smaller ASID size (8) than boot CPU (16)\n");
	/* Where the boot CPU's are as narrow, all do. */
	machine(state);
	memset(asid_bits, 0, sizeof(asid_bits));
	asid_bits[1] = 2;
	four_cpus();
	smp_init();
	assert_int_equal(online, 0xf);
}

static void one_that_cannot_reach_all_memory_stays_down(void **state)
{
	pa_bits[1] = 36;
	max_pfn = PFN_DOWN((1ULL << 36) + PAGE_SIZE);
	four_cpus();
	smp_init();
	assert_int_equal(online, 0xd);
	assert_logged("CPU1: its 36-bit physical addresses do not reach all memory\n");
	machine(state);
	pa_bits[1] = 36;
	max_pfn = PFN_DOWN(1ULL << 36);
	four_cpus();
	smp_init();
	assert_int_equal(online, 0xf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(all_come_and_say_so, machine),
		cmocka_unit_test_setup(the_boot_cpu_is_number_0, machine),
		cmocka_unit_test_setup(a_boot_cpu_that_is_not_listed_stays_alone, machine),
		cmocka_unit_test_setup(limits_are_kept, machine),
		cmocka_unit_test_setup(without_interrupts_they_stay_down, machine),
		cmocka_unit_test_setup(one_that_fails_is_left_out_and_the_rest_come, machine),
		cmocka_unit_test_setup(one_that_comes_late_is_stopped, machine),
		cmocka_unit_test_setup(what_all_cpus_can_is_used_with_them_held, machine),
		cmocka_unit_test_setup(what_one_cpu_cannot_is_not_used, machine),
		cmocka_unit_test_setup(where_no_cpu_can_nothing_is_said, machine),
		cmocka_unit_test_setup(a_cpu_that_failed_has_no_say, machine),
		cmocka_unit_test_setup(while_one_may_come_yet_it_is_not_used, machine),
		cmocka_unit_test_setup(nolse_plays_cpus_without, machine),
		cmocka_unit_test_setup(pan_is_on_where_all_cpus_have_it, machine),
		cmocka_unit_test_setup(nopan_plays_cpus_without, machine),
		cmocka_unit_test_setup(pan_is_off_while_one_may_come_without, machine),
		cmocka_unit_test_setup(one_with_narrower_asids_stays_down, machine),
		cmocka_unit_test_setup(one_that_cannot_reach_all_memory_stays_down, machine),
		cmocka_unit_test_setup(a_port_with_one_way_only_is_not_mentioned, machine),
		cmocka_unit_test_setup(interrupt_controllers_are_found_with_their_registers,
				       machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
