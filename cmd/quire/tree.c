// SPDX-License-Identifier: MIT
/*
 * The board's device tree: read from a file, changed where options ask for it, measured.
 *
 * A tree that no option changes goes to the machine byte for byte, damaged as it may be inside: what the kernel says to
 * it is what the user wants to see. Only what is not a tree file at all, or an overlay, is refused here.
 */
#include <libfdt.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "quire.h"

#define GROWTH (64 * 1024)
/* What has no size of its own (a pipe, a device) is read up to here. */
#define MOST_STREAM (1LL << 30)

/*
 * What came from something that can be read once only. Commands read a board again for each prediction, also in children,
 * which have this list from their parent.
 */
static struct kept {
	struct kept *next;
	const char *name;
	size_t size;
	char data[];
} * kept;

static void keep(const char *name, const char *data, size_t size)
{
	struct kept *k = malloc(sizeof(*k) + size);

	if (!k)
		die("%s: no memory for %zu bytes", name, size);
	k->next = kept;
	k->name = name;
	k->size = size;
	memcpy(k->data, data, size);
	kept = k;
}

static char *read_kept(const char *name, size_t *size)
{
	const struct kept *k = kept;
	char *data;

	while (k && strcmp(k->name, name))
		k = k->next;
	data = k ? malloc(k->size + 1) : NULL;
	if (!data)
		return NULL;
	*size = k->size;
	return memcpy(data, k->data, k->size);
}

char *try_read_file(const char *name, size_t *size, char *why, size_t room)
{
	char *data = read_kept(name, size), *more;
	struct stat st;
	bool once;
	FILE *f;

	if (data)
		return data;
	f = fopen(name, "rb");
	if (f && !fstat(fileno(f), &st) && S_ISDIR(st.st_mode))
		errno = EISDIR;
	if (!f || fstat(fileno(f), &st) || S_ISDIR(st.st_mode)) {
		snprintf(why, room, "%s: %s", name, strerror(errno));
		if (f)
			fclose(f);
		return NULL;
	}
	*size = 0;
	once = !S_ISREG(st.st_mode);
	data = malloc((size_t)st.st_size + 1);
	while (data) {
		size_t left = (size_t)st.st_size + 1 - *size;
		size_t n = fread(data + *size, 1, left, f);

		*size += n;
		if (n < left)
			break;
		/* Longer than stat said (a pipe). */
		if (st.st_size > MOST_STREAM) {
			snprintf(why, room, "%s: no end after %zu bytes", name, *size);
			free(data);
			fclose(f);
			return NULL;
		}
		st.st_size = st.st_size * 2 + 65536;
		more = realloc(data, (size_t)st.st_size + 1);
		if (!more)
			free(data);
		data = more;
	}
	if (!data || ferror(f)) {
		snprintf(why, room, "%s: %s", name, strerror(errno));
		free(data);
		data = NULL;
	}
	fclose(f);
	if (data && once)
		keep(name, data, *size);
	return data;
}

char *read_file(const char *what, const char *name, size_t *size)
{
	char why[512], *data = try_read_file(name, size, why, sizeof(why));

	if (!data)
		die("%s%s", what, why);
	return data;
}

static uint32_t be32(const char *p)
{
	fdt32_t v;

	memcpy(&v, p, sizeof(v));
	return fdt32_to_cpu(v);
}

/*
 * Header, structure and names lie where they say and end where they must, so that libfdt, which trusts lengths, may walk
 * the tree. *at is where in the blob it is not so.
 */
static bool is_sound(const char *blob, size_t *at)
{
	const char *p, *end, *strings;
	uint32_t nr_strings, depth = 0;

	*at = 0;
	if (fdt_check_header(blob) || fdt_off_dt_struct(blob) % 4)
		return false;
	p = blob + fdt_off_dt_struct(blob);
	end = p + fdt_size_dt_struct(blob);
	strings = blob + fdt_off_dt_strings(blob);
	nr_strings = fdt_size_dt_strings(blob);
	while (end - p >= 4) {
		size_t room = (size_t)(end - p) - 4, n = 0;
		uint32_t tag = be32(p);

		*at = (size_t)(p - blob);
		p += 4;
		switch (tag) {
		case FDT_BEGIN_NODE:
			n = strnlen(p, room) + 1;
			depth++;
			break;
		case FDT_PROP:
			if (room < 8 || !depth || be32(p) > room - 8 || be32(p + 4) >= nr_strings ||
			    !memchr(strings + be32(p + 4), 0, nr_strings - be32(p + 4)))
				return false;
			n = 8 + be32(p);
			break;
		case FDT_END_NODE:
			if (!depth--)
				return false;
			break;
		case FDT_NOP:
			break;
		case FDT_END:
			return !depth && fdt_path_offset(blob, "/") == 0;
		default:
			return false;
		}
		n = (n + 3) & ~(size_t)3;
		if (n > room)
			return false;
		p += n;
	}
	return false;
}

/* What /plugin/ makes: fragments of a tree that is another file. */
static bool is_overlay(const char *blob)
{
	int node;

	fdt_for_each_subnode(node, blob, 0)
	{
		if (fdt_subnode_offset(blob, node, "__overlay__") >= 0)
			return true;
	}
	return false;
}

bool tree_take(struct tree *t, const char *name, const char *file, size_t bytes, char *why,
	       size_t room)
{
	if (bytes < sizeof(struct fdt_header)) {
		snprintf(why, room, "%s: not a device tree blob: %zu bytes", name, bytes);
		return false;
	}
	if (fdt_magic(file) != FDT_MAGIC) {
		snprintf(why, room, "%s: not a device tree blob: magic %#x", name, fdt_magic(file));
		return false;
	}
	t->size = fdt_totalsize(file);
	if (t->size > bytes) {
		snprintf(why, room, "%s: truncated: %zu bytes of %zu", name, bytes, t->size);
		return false;
	}
	if (t->size < sizeof(struct fdt_header)) {
		snprintf(why, room, "%s: not a device tree blob: total size %zu", name, t->size);
		return false;
	}
	t->blob = malloc(t->size + GROWTH);
	if (!t->blob) {
		snprintf(why, room, "%s: no memory for %zu bytes", name, t->size);
		return false;
	}
	memcpy(t->blob, file, t->size);
	t->name = name;
	t->original = t->size;
	t->sound = is_sound(t->blob, &t->bad_at);
	if (t->sound && is_overlay(t->blob)) {
		snprintf(why, room, "%s: an overlay, not a board: fdtoverlay applies it to one",
			 name);
		free(t->blob);
		t->blob = NULL;
		return false;
	}
	return true;
}

void tree_load(struct tree *t, const char *name)
{
	char why[512];
	size_t bytes;
	char *file = read_file("", name, &bytes);

	if (!tree_take(t, name, file, bytes, why, sizeof(why)))
		die("%s", why);
	free(file);
}

static void write_cells(fdt32_t **p, int n, uint64_t v);

/* Before the first change: room to grow. */
static void open_tree(struct tree *t)
{
	int err;

	if (!t->sound)
		die("%s: damaged device tree, cannot be changed", t->name);
	if (fdt_totalsize(t->blob) >= t->original + GROWTH)
		return;
	err = fdt_open_into(t->blob, t->blob, (int)(t->original + GROWTH));
	if (err)
		die("%s: %s", t->name, fdt_strerror(err));
	t->size = t->original + GROWTH;
}

static void check(const struct tree *t, int err)
{
	if (err < 0)
		die("%s: %s", t->name, fdt_strerror(err));
}

void tree_drop_property(struct tree *t, int node, const char *name)
{
	open_tree(t);
	check(t, fdt_nop_property(t->blob, node, name));
}

void tree_set_cells(struct tree *t, int node, const char *name, uint64_t value)
{
	fdt32_t cells[4], *p = cells;
	int len;

	open_tree(t);
	if (!fdt_getprop(t->blob, node, name, &len) || len < 4 || len > 16)
		die("%s: %s has no cells to change", t->name, name);
	write_cells(&p, len / 4, value);
	check(t, fdt_setprop_inplace(t->blob, node, name, cells, len));
}

void tree_finish(struct tree *t)
{
	if (!t->blob || fdt_totalsize(t->blob) == t->original)
		return;
	check(t, fdt_pack(t->blob));
	t->size = fdt_totalsize(t->blob);
	if (t->size < t->original) {
		memset(t->blob + t->size, 0, t->original - t->size);
		t->size = t->original;
		fdt_set_totalsize(t->blob, (uint32_t)t->size);
	}
}

/* ------------------------------------------------------------------ cells */

static int root_cells(const struct tree *t, const char *name, int otherwise)
{
	int len;
	const fdt32_t *p = fdt_getprop(t->blob, 0, name, &len);
	uint32_t n = p && len == 4 ? fdt32_to_cpu(*p) : (uint32_t)otherwise;

	return n <= 4 ? (int)n : 0;
}

static uint64_t read_cells(const fdt32_t *p, int n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 32 | fdt32_to_cpu(*p++);
	return v;
}

static void write_cells(fdt32_t **p, int n, uint64_t v)
{
	for (int i = n - 1; i >= 0; i--)
		*(*p)++ = cpu_to_fdt32(i >= 2 ? 0 : (uint32_t)(v >> (32 * i)));
}

/* ------------------------------------------------------------------ memory */

static bool is_memory(const struct tree *t, int node)
{
	int len;
	const char *type = fdt_getprop(t->blob, node, "device_type", &len);

	return type && len == 7 && !memcmp(type, "memory", 7);
}

/* fn for every bank of every memory node at the root, also those of size 0. */
static void for_each_bank(const struct tree *t, void (*fn)(uint64_t base, uint64_t size, void *arg),
			  void *arg)
{
	int ac, sc, node;

	if (!t->sound)
		return;
	ac = root_cells(t, "#address-cells", 1);
	sc = root_cells(t, "#size-cells", 1);
	fdt_for_each_subnode(node, t->blob, 0)
	{
		int len;
		const fdt32_t *reg = fdt_getprop(t->blob, node, "reg", &len);

		if (!is_memory(t, node) || !reg || !ac || !sc)
			continue;
		for (; len >= 4 * (ac + sc); len -= 4 * (ac + sc), reg += ac + sc) {
			fn(read_cells(reg, ac), read_cells(reg + ac, sc), arg);
		}
	}
}

struct bank {
	bool found;
	uint64_t base, size;
};

/* A bank of size 0 is one that the boot loader fills in: it says where, and counts when there is no other. */
static void take_lowest(uint64_t base, uint64_t size, void *arg)
{
	struct bank *b = arg;

	if (!b->found || !!size > !!b->size || (!!size == !!b->size && base < b->base))
		*b = (struct bank){true, base, size};
}

bool tree_first_bank(const struct tree *t, uint64_t *base, uint64_t *size)
{
	struct bank b = {false, 0x40000000, 0};

	for_each_bank(t, take_lowest, &b);
	*base = b.base;
	*size = b.size;
	return b.size != 0;
}

struct extent {
	uint64_t *lowest, *highest;
};

static void widen(uint64_t base, uint64_t size, void *arg)
{
	struct extent *x = arg;
	uint64_t end;

	if (!size)
		return;
	if (__builtin_add_overflow(base, size, &end))
		end = UINT64_MAX;
	if (base < *x->lowest)
		*x->lowest = base;
	if (end > *x->highest)
		*x->highest = end;
}

static uint64_t chosen_number(const struct tree *t, const char *name)
{
	int len, node = t->sound ? fdt_path_offset(t->blob, "/chosen") : -1;
	const fdt32_t *p = node >= 0 ? fdt_getprop(t->blob, node, name, &len) : NULL;

	return p && (len == 4 || len == 8) ? read_cells(p, len / 4) : 0;
}

void tree_extent(const struct tree *t, uint64_t *lowest, uint64_t *highest)
{
	struct extent x = {lowest, highest};
	uint64_t start = chosen_number(t, "linux,initrd-start");
	uint64_t end = chosen_number(t, "linux,initrd-end");

	for_each_bank(t, widen, &x);
	if (end > start)
		widen(start, end - start, &x);
}

uint64_t tree_initrd_end(const struct tree *t)
{
	return chosen_number(t, "linux,initrd-end");
}

#define MAX_BANKS 64

void tree_set_memory(struct tree *t, uint64_t size)
{
	uint64_t base, old;

	open_tree(t);
	tree_first_bank(t, &base, &old);
	tree_set_memory_at(t, base, size);
}

void tree_set_memory_at(struct tree *t, uint64_t base, uint64_t size)
{
	uint64_t step = size;
	int ac, sc, node, first = -1;
	fdt32_t reg[5 * MAX_BANKS], *p = reg;
	bool again = true;

	open_tree(t);
	ac = root_cells(t, "#address-cells", 1);
	sc = root_cells(t, "#size-cells", 1);
	/* A size of one cell ends below 4 GiB: more is several banks in a row, as such boards' boot loaders write it. */
	if (sc == 1 && size >> 32)
		step = 2ULL << 30;
	if (!ac || !sc || (size - 1) / step >= MAX_BANKS || (ac == 1 && (base + size - 1) >> 32))
		die("--mem: %s: #address-cells of %d and #size-cells of %d cannot hold this memory",
		    t->name, ac, sc);
	/* All but the first memory node go; deleting one moves the others. */
	while (again) {
		again = false;
		first = -1;
		fdt_for_each_subnode(node, t->blob, 0)
		{
			if (!is_memory(t, node))
				continue;
			if (first >= 0) {
				check(t, fdt_del_node(t->blob, node));
				again = true;
				break;
			}
			first = node;
		}
	}
	if (first < 0) {
		first = fdt_add_subnode(t->blob, 0, "memory");
		/* One that Linux does not see, because it has no type. */
		if (first == -FDT_ERR_EXISTS)
			first = fdt_add_subnode(t->blob, 0, "ram");
		check(t, first);
		check(t, fdt_setprop_string(t->blob, first, "device_type", "memory"));
	}
	for (; size; base += step, size -= step) {
		step = step < size ? step : size;
		write_cells(&p, ac, base);
		write_cells(&p, sc, step);
	}
	check(t, fdt_setprop(t->blob, first, "reg", reg, (int)((p - reg) * 4)));
}

/* ------------------------------------------------------------------ CPUs */

static bool is_cpu(const struct tree *t, int node)
{
	int len;
	const char *type = fdt_getprop(t->blob, node, "device_type", &len);

	return type && len == 4 && !memcmp(type, "cpu", 4);
}

static int next_cpu(const struct tree *t, int cpus, int after)
{
	int node = after < 0 ? fdt_first_subnode(t->blob, cpus) : fdt_next_subnode(t->blob, after);

	while (node >= 0 && !is_cpu(t, node))
		node = fdt_next_subnode(t->blob, node);
	return node;
}

/* A node like `model` but for reg, and without phandle. */
static void add_cpu(struct tree *t, uint64_t reg)
{
	int cpus = fdt_path_offset(t->blob, "/cpus"), model, prop, node;
	char name[40], compatible[256] = "", method[32] = "";
	int compatible_len = 0, method_len = 0, cells, len;
	fdt32_t cell[4], *end = cell;

	model = next_cpu(t, cpus, -1);
	if (model < 0)
		die("--cpus: %s has no CPU to copy", t->name);
	fdt_for_each_property_offset(prop, t->blob, model)
	{
		const char *prop_name;
		const void *value = fdt_getprop_by_offset(t->blob, prop, &prop_name, &len);

		if (value && !strcmp(prop_name, "compatible") && len <= (int)sizeof(compatible))
			memcpy(compatible, value, (size_t)(compatible_len = len));
		if (value && !strcmp(prop_name, "enable-method") && len <= (int)sizeof(method))
			memcpy(method, value, (size_t)(method_len = len));
	}
	fdt_getprop(t->blob, model, "reg", &len);
	cells = len == 8 ? 2 : 1;
	write_cells(&end, cells, reg);
	snprintf(name, sizeof(name), "cpu@%llx", (unsigned long long)reg);
	node = fdt_add_subnode(t->blob, cpus, name);
	check(t, node);
	check(t, fdt_setprop(t->blob, node, "reg", cell, cells * 4));
	check(t, fdt_setprop(t->blob, node, "enable-method", method, method_len));
	check(t, fdt_setprop(t->blob, node, "compatible", compatible, compatible_len));
	check(t, fdt_setprop_string(t->blob, node, "device_type", "cpu"));
}

void tree_set_cpus(struct tree *t, unsigned int want)
{
	unsigned int have = 0;
	uint64_t highest = 0;
	int cpus, node;

	open_tree(t);
	cpus = fdt_path_offset(t->blob, "/cpus");
	if (cpus < 0)
		die("--cpus: %s has no /cpus", t->name);
	for (node = next_cpu(t, cpus, -1); node >= 0;) {
		int len;
		const fdt32_t *reg = fdt_getprop(t->blob, node, "reg", &len);
		uint64_t number = reg && (len == 4 || len == 8) ? read_cells(reg, len / 4) : 0;

		if (have == want) {
			/* Its place is taken by what follows: look from the start again. */
			check(t, fdt_del_node(t->blob, node));
			have = 0;
			node = next_cpu(t, cpus, -1);
			continue;
		}
		have++;
		if (number > highest)
			highest = number;
		node = next_cpu(t, cpus, node);
	}
	while (have++ < want)
		add_cpu(t, ++highest);
}

const char *tree_cpu(const struct tree *t)
{
	int cpus = t->sound ? fdt_path_offset(t->blob, "/cpus") : -1, node, len;
	const char *compatible;

	if (cpus < 0)
		return "";
	node = next_cpu(t, cpus, -1);
	compatible = node >= 0 ? fdt_getprop(t->blob, node, "compatible", &len) : NULL;
	return compatible && len > 0 && memchr(compatible, 0, (size_t)len) ? compatible : "";
}

/* ------------------------------------------------------------------ /chosen */

static int chosen(struct tree *t)
{
	int node;

	open_tree(t);
	node = fdt_path_offset(t->blob, "/chosen");
	if (node == -FDT_ERR_NOTFOUND)
		node = fdt_add_subnode(t->blob, 0, "chosen");
	check(t, node);
	return node;
}

void tree_set_bootargs(struct tree *t, const char *args)
{
	if (strlen(args) >= 32768)
		die("--append: the command line is too long");
	check(t, fdt_setprop_string(t->blob, chosen(t), "bootargs", args));
}

void tree_set_initrd(struct tree *t, uint64_t start, uint64_t end)
{
	check(t, fdt_setprop_u64(t->blob, chosen(t), "linux,initrd-start", start));
	check(t, fdt_setprop_u64(t->blob, chosen(t), "linux,initrd-end", end));
}

const char *tree_bootargs(const struct tree *t)
{
	int len, node = t->sound ? fdt_path_offset(t->blob, "/chosen") : -1;
	const char *args = node >= 0 ? fdt_getprop(t->blob, node, "bootargs", &len) : NULL;

	return args && len > 0 && memchr(args, 0, (size_t)len) ? args : "";
}

uint64_t tree_kaslr_seed(const struct tree *t)
{
	return chosen_number(t, "kaslr-seed");
}
