// SPDX-License-Identifier: MIT
/*
 * Reading a flattened device tree from front to back: tokens of the structure block, a node's
 * properties, its children.
 *
 * libfdt judges the header and finds paths; the pass over the whole tree is made here, because
 * libfdt steps from token to token with a bounds check for each byte of a name and finds a property
 * by walking all of its node again: some 600 instructions a node, where one pass that keeps what it
 * sees needs about 100. The rules are the same (Devicetree Specification 0.4, chapter 5), and every
 * bound is checked here too, once a token.
 *
 * Invariant: a cursor's p lies in [tree->start, tree->end], 4-byte aligned; names end inside the
 * block they lie in. Property names are compared once for each offset into the strings block and
 * then known by number.
 *
 * Linux unflattens the tree into objects first and asks those; before that it uses libfdt, a walk a
 * question.
 */
#include "fdt_cursor.h"

#include <libfdt.h>
#include <quire/string.h>

static const char *const prop_names[FDT_P_NR] = {
#define FDT_PROP_NAME(id, name) [FDT_P_##id] = name,
	FDT_PROPERTIES(FDT_PROP_NAME)
#undef FDT_PROP_NAME
};
BUILD_BUG_ON(FDT_P_NR > 64);

const char *fdt_tree_init(struct fdt_tree *tree, const void *fdt, u32 size)
{
	u32 off_struct, size_struct, off_strings;
	int err;

	memset(tree, 0, sizeof(*tree));
	if (size < sizeof(struct fdt_header))
		return "smaller than a header";
	err = fdt_check_header(fdt);
	if (err)
		return fdt_strerror(err);
	if (fdt_totalsize(fdt) > size)
		return "its size is more than the memory it lies in";
	if (fdt_version(fdt) < 16)
		return "its version is older than 16";
	size = fdt_totalsize(fdt);
	off_struct = fdt_off_dt_struct(fdt);
	off_strings = fdt_off_dt_strings(fdt);
	size_struct = fdt_version(fdt) >= 17 ? fdt_size_dt_struct(fdt) : size - off_struct;
	tree->strings_size = fdt_size_dt_strings(fdt);
	if (off_struct % 4 != 0)
		return "its structure block is not 4-byte aligned";
	if (off_struct > size || size_struct > size - off_struct || off_strings > size ||
	    tree->strings_size > size - off_strings)
		return "a block lies outside of it";

	tree->base = fdt;
	tree->size = size;
	tree->start = (const u32 *)(tree->base + off_struct);
	tree->end = tree->start + size_struct / 4;
	tree->strings = (const char *)tree->base + off_strings;
	while (tree->strings_size && tree->strings[tree->strings_size - 1])
		tree->strings_size--;
	return NULL;
}

void fdt_cursor_init(struct fdt_cursor *c, struct fdt_tree *tree)
{
	*c = (struct fdt_cursor){.tree = tree, .p = tree->start};
}

static enum fdt_prop_id prop_id(struct fdt_tree *tree, u32 nameoff)
{
	const char *name = tree->strings + nameoff;
	unsigned int id;

	if (nameoff < FDT_NAME_CACHE && tree->name_id[nameoff])
		return (enum fdt_prop_id)(tree->name_id[nameoff] - 1);
	for (id = FDT_P_NONE + 1; id < FDT_P_NR; id++)
		if (prop_names[id][0] == name[0] && strcmp(prop_names[id], name) == 0)
			break;
	if (id == FDT_P_NR)
		id = FDT_P_NONE;
	if (nameoff < FDT_NAME_CACHE)
		tree->name_id[nameoff] = (u8)(id + 1);
	return (enum fdt_prop_id)id;
}

static enum fdt_token bad(struct fdt_cursor *c, const u32 *at, const char *why)
{
	c->p = at;
	c->error = why;
	return FDT_T_BAD;
}

/* Some byte of w is zero. */
static bool has_nul(u32 w)
{
	return (w - 0x01010101U) & ~w & 0x80808080U;
}

enum fdt_token fdt_next_token(struct fdt_cursor *c)
{
	const u32 *p = c->p, *end = c->tree->end;
	const u32 *at;

	do {
		at = p;
		if (p >= end)
			return bad(c, at, "the structure block has no end");
	} while (fdt_cell(p++) == FDT_NOP);

	switch (fdt_cell(at)) {
	case FDT_BEGIN_NODE:
		c->name = (const char *)p;
		while (p < end && !has_nul(*p))
			p++;
		if (p == end)
			return bad(c, at, "a node's name has no end");
		c->p = p + 1;
		return FDT_T_NODE;
	case FDT_PROP: {
		u32 nameoff;

		if (end - p < 2)
			return bad(c, at, "a property is cut off");
		c->len = fdt_cell(p);
		nameoff = fdt_cell(p + 1);
		c->val = p += 2;
		if (c->len > (u64)(end - p) * 4)
			return bad(c, at, "a property is longer than the tree");
		if (nameoff >= c->tree->strings_size)
			return bad(c, at, "a property's name lies outside of the strings block");
		c->prop = prop_id(c->tree, nameoff);
		c->p = p + DIV_ROUND_UP(c->len, 4);
		return FDT_T_PROP;
	}
	case FDT_END_NODE:
		c->p = p;
		return FDT_T_NODE_END;
	case FDT_END:
		c->p = at;
		return FDT_T_END;
	default:
		return bad(c, at, "an unknown token");
	}
}

void fdt_read_props(struct fdt_cursor *c, struct fdt_props *props)
{
	const u32 *before;

	props->present = 0;
	for (before = c->p; fdt_next_token(c) == FDT_T_PROP; before = c->p) {
		enum fdt_prop_id id = c->prop;

		/* Of two properties with one name the first is the one that libfdt finds. */
		if (id == FDT_P_NONE || fdt_has(props, id))
			continue;
		props->present |= 1UL << id;
		props->val[id] = c->val;
		props->len[id] = c->len;
	}
	c->p = before;
}

bool fdt_skip_node(struct fdt_cursor *c)
{
	unsigned int depth = 1;

	while (depth) {
		switch (fdt_next_token(c)) {
		case FDT_T_NODE:
			depth++;
			break;
		case FDT_T_NODE_END:
			depth--;
			break;
		case FDT_T_PROP:
			break;
		default:
			return false;
		}
	}
	return true;
}

bool fdt_next_child(struct fdt_cursor *c, struct fdt_props *props)
{
	const char *name;

	if (fdt_next_token(c) != FDT_T_NODE)
		return false;
	name = c->name;
	fdt_read_props(c, props);
	c->name = name;
	return true;
}

u32 fdt_prop_u32(const struct fdt_props *p, enum fdt_prop_id id, u32 dflt)
{
	return fdt_has(p, id) && p->len[id] >= 4 ? fdt_cell(p->val[id]) : dflt;
}

const char *fdt_prop_string(const struct fdt_props *p, enum fdt_prop_id id)
{
	const char *s;

	if (!fdt_has(p, id) || !p->len[id])
		return NULL;
	s = (const char *)p->val[id];
	return memchr(s, 0, p->len[id]) ? s : NULL;
}

bool fdt_compatible(const struct fdt_props *p, const char *s)
{
	const char *q, *end;
	size_t n = strlen(s) + 1;

	if (!fdt_has(p, FDT_P_COMPATIBLE))
		return false;
	q = (const char *)p->val[FDT_P_COMPATIBLE];
	end = q + p->len[FDT_P_COMPATIBLE];
	while (q && q < end) {
		if ((size_t)(end - q) >= n && memcmp(q, s, n) == 0)
			return true;
		q = memchr(q, 0, (size_t)(end - q));
		if (q)
			q++;
	}
	return false;
}

bool fdt_available(const struct fdt_props *p)
{
	const char *s;

	if (!fdt_has(p, FDT_P_STATUS))
		return true;
	s = fdt_prop_string(p, FDT_P_STATUS);
	return s && (strcmp(s, "okay") == 0 || strcmp(s, "ok") == 0);
}

bool fdt_name_is(const char *node, const char *name, size_t n)
{
	if (strncmp(node, name, n) != 0)
		return false;
	return node[n] == '\0' || (node[n] == '@' && !memchr(name, '@', n));
}
