/* SPDX-License-Identifier: MIT */
/*
 * The initial RAM disk as it is read: archives one after the other, each plain or in a gzip stream (kernel/archive.c), for who
 * unpacks them (kernel/initramfs.c). Linux: init/initramfs.c, Documentation/driver-api/early-userspace/buffer-format.rst.
 */
#ifndef KERNEL_INITRAMFS_H
#define KERNEL_INITRAMFS_H

#include <quire/types.h>

struct gunzip;

struct archive {
	const u8 *image;       /* as the boot loader left it */
	size_t size, at;       /* in bytes; read so far */
	struct gunzip *gunzip; /* the stream that is being read, NULL: none */
	const char *problem;   /* why reading ended before its time, NULL: it has not */
};

void archive_open(struct archive *a, const void *image, size_t size);
void archive_close(struct archive *a);
/* Before an entry: zeros are left behind, a stream that has ended, too, and one that begins is opened. False: the end, or a problem. */
bool archive_next(struct archive *a);
/* Up to `want` bytes, not 0, that lie together, until the next call; *got says how many, 0: there are no more. */
const u8 *archive_take(struct archive *a, size_t want, size_t *got);
/* Just n bytes to `to`, which may be NULL: they are passed over. False: there are not so many. */
bool archive_read(struct archive *a, void *to, u64 n);
/* Bytes taken of the stream that is read, else of the image. */
u64 archive_position(const struct archive *a);
/* " of a gzip stream", or nothing: for messages, behind a position. */
const char *archive_place(const struct archive *a);
/* The kind of compression that begins so, of those that Linux knows; NULL: none. Wants 6 bytes. */
const char *compression_of(const u8 *p);

#endif
