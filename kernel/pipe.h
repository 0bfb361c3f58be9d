/* SPDX-License-Identifier: MIT */
/* Pipes and FIFOs (kernel/pipe.c). */
#ifndef KERNEL_PIPE_H
#define KERNEL_PIPE_H

#include "vfs.h"

struct pipe;

/* Both ends: [0] to read. 0, -ENOMEM. */
int pipe_open(unsigned int flags, struct open_file *ends[2]);
extern const struct file_operations pipe_fop, fifo_fop;
/* The file's pipe, or NULL: it is none. */
struct pipe *file_pipe(const struct open_file *f);
/* fcntl's F_GETPIPE_SZ and F_SETPIPE_SZ, bytes. */
long pipe_size(const struct pipe *p);
long pipe_resize(struct pipe *p, unsigned long size);
/* Bytes to be read: tee. Copied from the start on, and not taken. */
size_t pipe_peek(const struct pipe *p, void *buf, size_t n);
/* The first n bytes go. */
void pipe_drop(struct pipe *p, size_t n);
/* Of a write end: waits until there is room for something, then writes what fits. Bytes, or an error. */
long pipe_write_some(struct open_file *f, struct iter *from);
size_t pipe_used(const struct pipe *p);
size_t pipe_room(const struct pipe *p);
/* Until something is there: 0 and the end, when nobody writes. -EAGAIN, -ERESTARTSYS. */
long pipe_wait_readable(struct pipe *p, bool nonblock);
/* Until there is room: -EPIPE, -EAGAIN, -ERESTARTSYS. */
long pipe_wait_writable(struct pipe *p, bool nonblock);

#endif
