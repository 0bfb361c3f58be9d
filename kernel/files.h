/* SPDX-License-Identifier: MIT */
/*
 * What a task has of files (kernel/file.c): its table of descriptors, and its place in the tree. Both are shared by the tasks that
 * clone shared them with (CLONE_FILES, CLONE_FS), and counted. Locking: kernel_lock.
 */
#ifndef KERNEL_FILES_H
#define KERNEL_FILES_H

#include <quire/types.h>

struct files_struct;
struct fs_struct;
struct inode;

/* A table with the console as standard input, output and error; NULL: no memory. */
struct files_struct *files_init(void);
/* A copy for a child that does not share it; NULL: no memory. */
struct files_struct *files_dup(struct files_struct *files);
struct files_struct *files_get(struct files_struct *files);
/* One user less: with the last one all descriptors are closed. */
void files_put(struct files_struct *files);
/*
 * exec, past the point of no return: the table is the task's own (the caller has seen to that), and descriptors with FD_CLOEXEC are
 * closed.
 */
void files_exec(struct files_struct *files);
/* Shared with another task? exec copies it then. */
bool files_shared(const struct files_struct *files);

/* The same of root directory, current directory and umask. */
struct fs_struct *fs_init(void);
struct fs_struct *fs_dup(struct fs_struct *fs);
struct fs_struct *fs_get(struct fs_struct *fs);
void fs_put(struct fs_struct *fs);

#endif
