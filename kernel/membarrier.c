// SPDX-License-Identifier: MIT
/*
 * membarrier(2): one thread of a program makes the others pass a barrier, synchronise their instructions, or begin their restartable
 * sequences again (Linux: kernel/sched/membarrier.c).
 *
 * Registrations are the address space's: a fork has its parent's, exec has none. Under kernel_lock.
 *
 * Against Linux: a barrier goes to all CPUs, whatever they run.
 */
#include <quire/mm.h>
#include <quire/smp.h>

#include "syscall.h"
#include "task.h"

enum {
	QUERY = 0,
	GLOBAL = 1,
	GLOBAL_EXPEDITED = 2,
	REGISTER_GLOBAL_EXPEDITED = 4,
	PRIVATE_EXPEDITED = 8,
	REGISTER_PRIVATE_EXPEDITED = 16,
	PRIVATE_EXPEDITED_SYNC_CORE = 32,
	REGISTER_PRIVATE_EXPEDITED_SYNC_CORE = 64,
	PRIVATE_EXPEDITED_RSEQ = 128,
	REGISTER_PRIVATE_EXPEDITED_RSEQ = 256,
	GET_REGISTRATIONS = 512,
	ALL_COMMANDS = 2 * GET_REGISTRATIONS - 1,
};

#define FLAG_CPU 1U

/* Whose sequences begin again. */
struct restart {
	const struct mm_struct *mm;
	const struct task *but;
};

/* In interrupt context; a task that is switched to later looks at its sequence anyway. */
static void restart_sequence(void *arg)
{
	const struct restart *r = arg;
	struct task *t = current;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (t && t->mm == r->mm && t != r->but && t->regs && t->rseq)
		user_work_set(t, USER_WORK_RSEQ);
}

/* cpu -1: wherever its threads run, but for the caller, who is in none. */
static void restart_sequences(int cpu)
{
	struct restart r = {.mm = current->mm, .but = cpu < 0 ? current : NULL};

	if (cpu < 0)
		on_each_cpu(restart_sequence, &r, true);
	else if (cpu < NR_CPUS)
		smp_call_function_single((unsigned int)cpu, restart_sequence, &r, true);
}

static long register_for(struct mm_struct *mm, u32 command)
{
	if (mm->membarrier & command)
		return 0;
	mm->membarrier |= command;
	/* Linux shows whoever wants more as one who wants barriers too, which he may not have for that. */
	mm->membarrier_shown |=
		command |
		(command == REGISTER_GLOBAL_EXPEDITED ? 0U : (u32)REGISTER_PRIVATE_EXPEDITED);
	return 0;
}

long call_membarrier(const struct syscall_args *r)
{
	const int command = (int)r->a[0];
	const unsigned int flags = (unsigned int)r->a[1];
	const int cpu = flags & FLAG_CPU ? (int)r->a[2] : -1;
	struct mm_struct *mm = current->mm;
	const bool alone =
		__atomic_load_n(&mm->mm_users, __ATOMIC_RELAXED) == 1 || num_online_cpus() == 1;

	if (flags && (command != PRIVATE_EXPEDITED_RSEQ || flags != FLAG_CPU))
		return -EINVAL;
	switch (command) {
	case QUERY:
		return ALL_COMMANDS;
	case REGISTER_GLOBAL_EXPEDITED:
	case REGISTER_PRIVATE_EXPEDITED:
	case REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
	case REGISTER_PRIVATE_EXPEDITED_RSEQ:
		return register_for(mm, (u32)command);
	case GET_REGISTRATIONS:
		return mm->membarrier_shown;
	case PRIVATE_EXPEDITED:
	case PRIVATE_EXPEDITED_SYNC_CORE:
	case PRIVATE_EXPEDITED_RSEQ:
		/* Each has its registration in the bit above. */
		if (!(mm->membarrier & (u32)command << 1))
			return -EPERM;
		break;
	case GLOBAL:
	case GLOBAL_EXPEDITED:
		break;
	default:
		return -EINVAL;
	}
	if (command != PRIVATE_EXPEDITED_RSEQ)
		/* An exception return synchronises the core, and an IPI has one. */
		smp_membarrier();
	else if (!alone)
		restart_sequences(cpu);
	return 0;
}
