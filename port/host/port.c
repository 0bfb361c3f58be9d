// SPDX-License-Identifier: MIT
/*
 * The port interface in a process: registers of the chosen CPU, the image's own page tables, console, symbols, end.
 *
 * The clock stands still: a boot's log and reports are the same every time.
 */
#include <quire/event.h>
#include <quire/pgtable.h>
#include <quire/port.h>
#include <quire/printk.h>
#include <quire/string.h>

#include <execinfo.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "host.h"
#include "machine.h"

struct boot_params boot_params;
unsigned int vabits_actual;
struct event_log event_log;
__thread unsigned int host_cpu;
__thread unsigned long host_percpu_offset;
const struct host_machine *host_machine;
jmp_buf host_power;
int host_exit_code;
char host_panic_text[512];
__thread struct host_fault *host_fault;

/* ------------------------------------------------------------------ registers */

static unsigned int id_field(u64 reg, unsigned int shift)
{
	return (reg >> shift) & 0xf;
}

unsigned int port_pa_bits(void)
{
	static const u8 bits[] = {32, 36, 40, 42, 44, 48, 52, 56};
	unsigned int range = id_field(host_machine->cpu.mmfr0, 0);
	unsigned int pa = range < ARRAY_SIZE(bits) ? bits[range] : 48;
	/* 52 bits: always with 64K pages (FEAT_LPA); with the others only when TCR_EL1.DS is set for 52-bit VA. */
	unsigned int limit = PAGE_SHIFT == 16 || vabits_actual > 48 ? 52 : 48;

	return min(pa, limit);
}

#define TCR_IRGN_ORGN_WBWA ((1ULL << 8) | (1ULL << 10) | (1ULL << 24) | (1ULL << 26))
#define TCR_SH_INNER ((3ULL << 12) | (3ULL << 28))
#define TCR_A1 (1ULL << 22)
#define TCR_ASID16 (1ULL << 36)
#define TCR_TBI0 (1ULL << 37)
#define TCR_HA (1ULL << 39)
#define TCR_HD (1ULL << 40)
#define TCR_DS (1ULL << 59)

static u64 tcr(void)
{
	u64 t = TCR_IRGN_ORGN_WBWA | TCR_SH_INNER | TCR_A1 | TCR_ASID16 | TCR_TBI0;
	unsigned int pa = port_pa_bits();
	u64 ips = pa >= 52   ? 6
		  : pa >= 48 ? 5
		  : pa >= 44 ? 4
		  : pa >= 42 ? 3
		  : pa >= 40 ? 2
			     : pa >= 36;
	u64 tg0 = PAGE_SHIFT == 12 ? 0 : PAGE_SHIFT == 14 ? 2 : 1;
	u64 tg1 = PAGE_SHIFT == 12 ? 2 : PAGE_SHIFT == 14 ? 1 : 3;

	t |= (64 - vabits_actual) | (u64)(64 - vabits_actual) << 16;
	t |= tg0 << 14 | tg1 << 30 | ips << 32;
	if (id_field(host_machine->cpu.mmfr1, 0))
		t |= TCR_HA;
	if (id_field(host_machine->cpu.mmfr1, 0) >= 2)
		t |= TCR_HD;
	if (PAGE_SHIFT != 16 && vabits_actual > 48)
		t |= TCR_DS;
	return t;
}

/* AttrIndx 0: normal, 1: normal tagged (as normal), 2: non-cacheable, 3: nGnRnE, 4: nGnRE. */
#define MAIR 0x000000040044ffffULL

u64 port_read_reg(enum port_reg reg)
{
	const struct host_cpu_model *cpu = &host_machine->cpu;

	switch (reg) {
	case PORT_MIDR_EL1:
		return cpu->midr;
	case PORT_MPIDR_EL1:
		return 0x80000000 | host_cpu_hwid();
	case PORT_ID_AA64MMFR0_EL1:
		return cpu->mmfr0;
	case PORT_ID_AA64MMFR1_EL1:
		return cpu->mmfr1;
	case PORT_ID_AA64MMFR2_EL1:
		return cpu->mmfr2;
	case PORT_ID_AA64PFR0_EL1:
		return cpu->pfr0;
	case PORT_ID_AA64ISAR0_EL1:
		return cpu->isar0;
	case PORT_CTR_EL0:
		return cpu->ctr;
	case PORT_TCR_EL1:
		return tcr();
	case PORT_MAIR_EL1:
		return MAIR;
	case PORT_TTBR1_EL1:
		return port_swapper_pg_dir();
	default:
		return 0;
	}
}

/* ------------------------------------------------------------------ tables inside the image */

/* The last pages of the image's bss: init_pg_dir, swapper_pg_dir, the tables of the fixmap. */
static phys_addr_t image_page(unsigned int from_end)
{
	return ALIGN_DOWN(boot_params.image.phys + boot_params.image.size, PAGE_SIZE) -
	       from_end * PAGE_SIZE;
}

phys_addr_t port_swapper_pg_dir(void)
{
	return image_page(2);
}

/*
 * Nothing is given back: Linux 6.12 keeps its first tables inside the image's reservation until init memory is
 * freed, and what the image takes agrees with it region for region.
 */
phys_addr_t port_init_pg_dir(u64 *size)
{
	*size = 0;
	return image_page(1);
}

phys_addr_t port_bm_table(unsigned int index)
{
	return image_page(3 + index);
}

void port_dcache_clean_inval_poc(const void *p, size_t size)
{
}

/* ------------------------------------------------------------------ console, symbols, end */

#define PANIC_PREFIX "Kernel panic - not syncing: "

/* Keep the first panic's text: it is the one line that must reach the user even when the log is not shown. */
static void note_panic(const char *s, size_t n)
{
	const size_t prefix = sizeof(PANIC_PREFIX) - 1;

	if (host_panic_text[0] || n <= prefix || memcmp(s, PANIC_PREFIX, prefix))
		return;
	s += prefix;
	n = min(n - prefix, sizeof(host_panic_text));
	if (n && s[n - 1] == '\n')
		n--;
	memcpy(host_panic_text, s, min(n, sizeof(host_panic_text) - 1));
}

void port_console_write(const char *s, size_t n)
{
	note_panic(s, n);
	if (host_machine && host_machine->console)
		host_machine->console(host_machine->ctx, s, n);
}

int port_console_init(const char *compatible, phys_addr_t base, unsigned int reg_shift,
		      unsigned int io_width)
{
	return 0;
}

int port_rtc_read(const char *compatible, phys_addr_t base, u64 *seconds)
{
	return -ENODEV;
}

const char *port_symbolize(unsigned long addr, unsigned long *offset, unsigned long *size)
{
	return host_symbolize(addr, offset, size);
}

void port_backtrace(void)
{
	void *frame[48];
	int n = backtrace(frame, ARRAY_SIZE(frame));
	unsigned long offset, size;
	bool ours = false;

	pr_emerg("Call trace:\n");
	for (int i = 1; i < n; i++) {
		/* Below main() there is only what started the program. */
		bool named = port_symbolize((unsigned long)frame[i], &offset, &size);

		if (ours && !named)
			break;
		ours = named;
		pr_emerg(" %pS\n", frame[i]);
	}
}

u64 port_clock_ns(void)
{
	return 0;
}

void port_enable_semihosting(void)
{
}

void port_set_psci(bool hvc, u32 cpu_on_function)
{
}

bool port_expect_fault(int (*op)(void *arg), void *arg, u64 *esr, u64 *far)
{
	struct host_fault *outer = host_fault, mine = {0};
	bool faulted = true;

	host_fault = &mine;
	if (!sigsetjmp(mine.back, 1)) {
		op(arg);
		faulted = false;
	}
	host_fault = outer;
	*esr = mine.esr;
	*far = mine.far;
	return faulted;
}

int port_event_grow(struct event_log *log)
{
	u32 max = log->max ? log->max * 2 : 1024;
	struct event *more;

	if (max < log->max)
		return -ENOMEM;
	more = realloc(log->events, (size_t)max * sizeof(*more));
	if (!more)
		return -ENOMEM;
	log->events = more;
	log->max = max;
	return 0;
}

static int report_fd = -1;

int port_report_open(const char *name)
{
	report_fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	return report_fd < 0 ? -EIO : 0;
}

int port_report_write(const char *s, size_t n)
{
	while (n) {
		ssize_t done = write(report_fd, s, n);

		if (done <= 0)
			return -EIO;
		s += done;
		n -= (size_t)done;
	}
	return 0;
}

void port_report_close(void)
{
	if (report_fd >= 0)
		close(report_fd);
	report_fd = -1;
}
