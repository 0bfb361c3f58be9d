/* SPDX-License-Identifier: MIT */
/* Between the files of the host port that are compiled once a granule: memory.c, port.c, smp.c, core.c, mmu.c. */
#ifndef HOST_MACHINE_H
#define HOST_MACHINE_H

#include <quire/port.h>

#include <setjmp.h>

struct host_machine;

/* The machine that boots or has booted; NULL before. */
extern const struct host_machine *host_machine;

/* ---- memory.c: simulated physical memory and the windows of the address space */

/*
 * Make physical memory for [lowest, highest) appear. Returns 0, or -ENOMEM and *why when the process cannot. Memory
 * above what a process can hold is left out: port_linear_map_init() refuses a machine that needs it.
 */
int host_memory_init(u64 lowest, u64 highest, const char **why);
void host_memory_exit(void);
/* [pa, pa + size) can be dereferenced. */
bool host_memory_holds(phys_addr_t pa, u64 size);
/* The kernel virtual address of a pointer into any window, for messages. False: it is in none. */
bool host_ptr_to_kva(const void *p, unsigned long *kva);

/* ---- port.c */

/* Where port_poweroff goes: the code is stored, then longjmp with 1. */
extern jmp_buf host_power;
extern int host_exit_code;
/* Text of the panic, from the log; "" when there was none. */
extern char host_panic_text[512];

/* Where a fault goes that port_expect_fault waits for; NULL: it ends the boot. */
struct host_fault {
	sigjmp_buf back;
	u64 esr, far;
};
extern __thread struct host_fault *host_fault;

/* ---- smp.c */

/* Bytes of the stack on which a CPU takes faults. */
#define HOST_FAULT_STACK (64 * 1024)
/* This thread becomes the boot CPU of a machine that starts: interrupts off, template of per-CPU variables. */
void host_boot_cpu(void);
/* MPIDR_EL1's affinity of this CPU, unless it is the boot CPU. */
u64 host_cpu_hwid(void);
/* Every secondary leaves its thread, wherever it is. On the boot CPU; none is left when it returns. */
void host_cpus_stop(void);

#endif
