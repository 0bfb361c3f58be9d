// SPDX-License-Identifier: MIT
/* From a booted machine to its first program: the root, the initrd's files, and /init (Linux: init/main.c, kernel_init). */
#include <quire/boot.h>
#include <quire/mm.h>
#include <quire/mm_init.h>
#include <quire/params.h>
#include <quire/printk.h>
#include <quire/string.h>

#include "device.h"
#include "task.h"
#include "timer.h"
#include "vdso.h"
#include "vfs.h"

/* File systems that are there before a program mounts one: /dev with its devices. */
static void mount_dev(void)
{
	struct dentry *dev;
	int err = kern_path("/dev", WALK_FOLLOW | WALK_DIRECTORY, &dev);

	if (err == -ENOENT)
		err = vfs_create(vfs_root(), "dev", 3, S_IFDIR | 0755, 0, &dev);
	if (!err) {
		err = do_mount(&devtmpfs_type, "devtmpfs", dev, 0, NULL);
		dput(dev);
	}
	if (err)
		panic("/dev cannot be made (%d)", err);
}

/* Before the first file gets its times. Without a clock it is 1970. */
static void set_clock(void)
{
	u64 seconds;

	if (rtc_read_date(&seconds))
		realtime_offset = (s64)(seconds * 1000000000 - port_time_ns());
}

/* Its files are in memory of their own now (Linux: free_initrd_mem). What is somebody else's, too, stays. */
static void free_initrd(void)
{
	phys_addr_t base = phys_initrd_start & PAGE_MASK;
	phys_addr_t size = PAGE_ALIGN(phys_initrd_start + phys_initrd_size) - base;

	if (quire_options.retain_initrd || !initrd_lies_alone(base, size))
		return;
	pr_info("Freeing initrd memory: %luK\n", free_reserved_range(base, size)
							 << (PAGE_SHIFT - 10));
	phys_initrd_size = 0;
}

int kernel_run_init(void)
{
	static struct init_words words;
	long files;
	int code;

	if (!phys_initrd_size) {
		pr_err("quire.init: no initrd, so no program to run\n");
		return 1;
	}
	vm_init();
	thp_init();
	vm_migration_init();
	vm_reclaim_init();
	vm_fatal_signal = fatal_signal_pending;
	oom_init();
	mempolicy_init();
	random_init();
	if (vdso_init())
		panic("No memory for the page that signals return to");
	set_clock();
	sched_timer_is(find_timer_interrupt());
	vfs_init();
	files = initramfs_unpack(phys_to_virt(phys_initrd_start), phys_initrd_size);
	if (files < 0)
		return 1;
	mount_dev();
	pr_info("Unpacked initramfs: %ld files\n", files);
	free_initrd();
	init_words(&words);
	pr_info("Run %s as init process\n", words.argv[0]);
	if (strstr(boot_command_line, "norandmaps"))
		sysctl_randomize_va_space = 0;
	code = run_init(words.argv, words.envp);
	if (code < 0) {
		pr_err("%s cannot be run (%d)\n", words.argv[0], code);
		return 1;
	}
	report_unknown_syscalls();
	pr_info("init ended: exit code %d, signal %d\n", code >> 8, code & 0x7f);
	return vfs_check() || code;
}
