/* SPDX-License-Identifier: MIT */
/* What the kernel/proc*.c share. */
#ifndef KERNEL_PROC_H
#define KERNEL_PROC_H

#include "pseudo.h"

/* The task that a ref is about, if it is still there. */
struct task *proc_task(const struct pseudo_ref *r);
/* Of which process a file is the directory in /proc. NULL: it has gone. False: the file is no such directory. */
bool proc_task_of_dir(const struct open_file *f, struct task **t);
/* A place as readlink shows it; takes over the reference. How long it is, cut off at size. */
long proc_put_path(struct dentry *d, char *buf, size_t size);
/* What an address space was executed from, with a reference. 0, -ENOENT. */
int proc_exe(const struct mm_struct *mm, struct dentry **to);

/* proc_maps.c */
int proc_show_maps(struct out *out, const struct pseudo_ref *r);
/* Texts that are put together by hand: those of areas are long, and read often. Each returns where it has ended. */
char *put_hex(char *to, u64 v, unsigned int least);
char *put_decimal(char *to, u64 v, unsigned int width);
/* An area's line. buf: PATH_MAX bytes. Names begin in that column. */
#define AREA_NAME_COLUMN 73
void put_area_header(struct out *out, const struct vm_area_struct *vma, char *buf);
/* As numa_maps shows a policy: "bind:0-1"; and nodes by bits: "0-2,5" (kernel/mempolicy.c). */
void mpol_show(struct out *out, const struct mempolicy *pol);
void nodes_show(struct out *out, u64 nodes);
int proc_show_numa_maps(struct out *out, const struct pseudo_ref *r);
extern const struct file_operations proc_pagemap_fop, proc_mem_fop;
/* PAGEMAP_SCAN (pagemap_scan.c). */
long proc_pagemap_ioctl(struct open_file *f, unsigned int cmd, unsigned long arg);
extern const struct pseudo_dir proc_map_files;

/* proc_smaps.c */
int proc_show_smaps(struct out *out, const struct pseudo_ref *r);
int proc_show_smaps_rollup(struct out *out, const struct pseudo_ref *r);

/* proc_pid.c: /proc's own entries that are asked for: processes. */
extern const struct pseudo_dir proc_pids;

/* proc_mounts.c */
int proc_show_mounts(struct out *out, const struct pseudo_ref *r);
int proc_show_mountinfo(struct out *out, const struct pseudo_ref *r);
int proc_show_mountstats(struct out *out, const struct pseudo_ref *r);

/* proc_stat.c */
int proc_show_uptime(struct out *out, const struct pseudo_ref *r);
int proc_show_loadavg(struct out *out, const struct pseudo_ref *r);
int proc_show_interrupts(struct out *out, const struct pseudo_ref *r);
int proc_show_cpu_stat(struct out *out, const struct pseudo_ref *r);

/* proc_sys.c: /proc/sys */
extern const struct pseudo_entry proc_sys[];

/* proc_page.c */
extern const struct file_operations kpagecount_fop, kpageflags_fop, kpagecgroup_fop;

#endif
