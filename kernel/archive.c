// SPDX-License-Identifier: MIT
/*
 * The bytes of an initial RAM disk, plain and out of gzip streams alike (kernel/initramfs.h). Plain ones are handed out where they
 * are; a stream passes through a window of 64 KiB, so that what it unpacks to needs memory once, as files. zlib's inflate does the
 * work and verifies length and checksum (third_party/zlib).
 *
 * Linux takes the other kinds that compression_of names as well; here they are refused by name.
 *
 * Locking: none; an archive has one reader.
 */
#include <quire/slab.h>
#include <quire/string.h>
#include <zlib.h>

#include "initramfs.h"

#define GZIP_MAGIC "\x1f\x8b"
#define WINDOW SZ_64K
/* zlib counts by unsigned int. */
#define MAX_FEED SZ_1G
/* A gzip header, not a zlib one; the longest distance. */
#define WINDOW_BITS (16 + 15)

struct gunzip {
	z_stream z;
	u8 *out;	  /* WINDOW bytes */
	size_t next, end; /* of those, not handed out yet */
	u64 before;	  /* bytes that came before them */
	bool ended;
};

static void *inflate_alloc(void *opaque, unsigned int items, unsigned int size)
{
	return kvmalloc((size_t)items * size, GFP_KERNEL);
}

static void inflate_free(void *opaque, void *p)
{
	kvfree(p);
}

const char *compression_of(const u8 *p)
{
	static const struct {
		const char *name, *magic;
		unsigned int bytes;
	} kinds[] = {
		{"gzip", GZIP_MAGIC, 2},
		{"bzip2", "BZh", 3},
		{"lzma", "\x5d\0\0", 3},
		{"xz",
		 "\xfd"
		 "7zXZ",
		 6},
		{"lzop", "\x89LZO", 4},
		{"lz4", "\x02\x21\x4c\x18", 4},
		{"zstd", "\x28\xb5\x2f\xfd", 4},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!memcmp(p, kinds[i].magic, kinds[i].bytes))
			return kinds[i].name;
	return NULL;
}

static void gunzip_end(struct archive *a)
{
	struct gunzip *g = a->gunzip;

	if (!g)
		return;
	(void)inflateEnd(&g->z);
	kvfree(g->out);
	kfree(g);
	a->gunzip = NULL;
}

static bool gunzip_begin(struct archive *a)
{
	struct gunzip *g = kzalloc(sizeof(*g), GFP_KERNEL);

	if (g) {
		g->z.zalloc = inflate_alloc;
		g->z.zfree = inflate_free;
		g->out = kvmalloc(WINDOW, GFP_KERNEL);
		if (g->out && inflateInit2(&g->z, WINDOW_BITS) == Z_OK) {
			a->gunzip = g;
			return true;
		}
		kvfree(g->out);
		kfree(g);
	}
	a->problem = "no memory to unpack it";
	return false;
}

/* The window is used up: the next part of the stream. */
static void gunzip_fill(struct archive *a)
{
	struct gunzip *g = a->gunzip;
	unsigned int feed = (unsigned int)min(a->size - a->at, (size_t)MAX_FEED);
	int code;

	g->before += g->end;
	g->z.next_out = g->out;
	g->z.avail_out = WINDOW;
	g->z.next_in = a->image + a->at;
	g->z.avail_in = feed;
	code = inflate(&g->z, Z_NO_FLUSH);
	a->at += feed - g->z.avail_in;
	g->next = 0;
	g->end = WINDOW - g->z.avail_out;
	if (code == Z_STREAM_END) {
		g->ended = true;
	} else if (code == Z_BUF_ERROR) {
		a->problem = "it is cut";
	} else if (code != Z_OK) {
		a->problem = code == Z_MEM_ERROR ? "no memory to unpack it"
			     : g->z.msg		 ? g->z.msg
						 : "it is damaged";
		/* What a damaged part gave is not used. */
		g->end = 0;
	}
}

void archive_open(struct archive *a, const void *image, size_t size)
{
	*a = (struct archive){.image = image, .size = size};
}

void archive_close(struct archive *a)
{
	gunzip_end(a);
}

const u8 *archive_take(struct archive *a, size_t want, size_t *got)
{
	struct gunzip *g = a->gunzip;
	const u8 *p;

	if (g) {
		while (g->next == g->end && !g->ended && !a->problem)
			gunzip_fill(a);
		*got = min(want, g->end - g->next);
		p = g->out + g->next;
		g->next += *got;
	} else {
		*got = min(want, a->size - a->at);
		p = a->image + a->at;
		a->at += *got;
	}
	return p;
}

bool archive_read(struct archive *a, void *to, u64 n)
{
	u8 *dst = to;

	while (n) {
		size_t got;
		const u8 *p = archive_take(a, n, &got);

		if (!got)
			return false;
		if (dst) {
			memcpy(dst, p, got);
			dst += got;
		}
		n -= got;
	}
	return true;
}

bool archive_next(struct archive *a)
{
	for (;;) {
		size_t got;
		const u8 *p;

		/* The first byte that is not 0 stays. */
		do {
			p = archive_take(a, 1, &got);
		} while (got && !*p);
		if (a->problem)
			return false;
		if (got && a->gunzip) {
			a->gunzip->next--;
			return true;
		}
		if (!got) {
			if (!a->gunzip)
				return false;
			gunzip_end(a);
			continue;
		}
		a->at--;
		if (a->size - a->at < 2 || memcmp(a->image + a->at, GZIP_MAGIC, 2) != 0)
			return true;
		if (!gunzip_begin(a))
			return false;
	}
}

u64 archive_position(const struct archive *a)
{
	return a->gunzip ? a->gunzip->before + a->gunzip->next : a->at;
}

const char *archive_place(const struct archive *a)
{
	return a->gunzip ? " of a gzip stream" : "";
}
