// SPDX-License-Identifier: MIT
/*
 * kthreadd: the kernel's thread that programs find at PID 2 (Linux: kernel/kthread.c).
 *
 * What the kernel does by itself here has no threads: this one never runs and has no stack. It is there because programs look for it: a
 * task without memory and files, whose parent is nobody, which takes no signal and stays until the machine ends.
 *
 * Locking: kernel_lock.
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "pid.h"
#include "poll.h"
#include "task.h"
#include "userns.h"

static struct task *kthreadd;

void kthreadd_start(const struct rlimit *limits)
{
	struct task *t;

	if (task_alloc(&init_nsproxy, NULL, 0, &t))
		return;
	/* It needs none. */
	stack_free(t->stack);
	t->stack = NULL;
	t->regs = NULL;
	t->sighand = sighand_alloc();
	t->signal = signal_alloc();
	t->fs = fs_init();
	if (!t->sighand || !t->signal || !t->fs) {
		if (t->sighand)
			sighand_put(t->sighand);
		if (t->fs)
			fs_put(t->fs);
		kfree(t->signal);
		task_free(t);
		return;
	}
	for (unsigned int i = 0; i < NSIG; i++)
		t->sighand->action[i].handler = SIG_IGN;
	memcpy(t->signal->rlim, limits, sizeof(t->signal->rlim));
	t->signal->leader = t;
	t->signal->nr_threads = t->signal->live = 1;
	t->tgid = t->own_tgid = t->pid;
	t->kthread = true;
	t->user_ns = &init_user_ns;
	ns_get(&init_user_ns.ns);
	t->cred.cap_permitted = t->cred.cap_effective = t->cred.cap_bset = ALL_CAPS;
	t->altstack.flags = SS_DISABLE;
	t->timer_slack = 50000;
	t->start_time = port_time_ns();
	memset(&t->allowed, 0xff, sizeof(t->allowed));
	quire_strlcpy(t->comm, "kthreadd", sizeof(t->comm));
	link_add_before(&t->thread, &t->signal->threads);
	link_add_before(&t->signal->process, &all_processes);
	task_hash(t);
	nr_tasks++;
	kthreadd = t;
}

void kthreadd_end(void)
{
	struct task *t = kthreadd;

	if (!t)
		return;
	kthreadd = NULL;
	nr_tasks--;
	link_remove(&t->signal->process);
	wait_queue_end(&t->signal->wait_exit);
	sighand_put(t->sighand);
	fs_put(t->fs);
	signal_free(t->signal);
	task_free(t);
}
