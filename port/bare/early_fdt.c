// SPDX-License-Identifier: MIT
/*
 * What the board's first code needs of the device tree: /chosen before the kernel has chosen its address, and the
 * console and PSCI of a machine that cannot boot, also from a tree that is refused later.
 *
 * One forward pass over the structure block (Devicetree Specification 0.4, chapter 5) per question; nothing is
 * trusted: every offset is bounded by totalsize and every string by its block. No access is unaligned, so the tree may
 * be at any address and the MMU off. Linux uses libfdt here, which wants the tree aligned and the MMU on.
 */
#include "early.h"

#define FDT_MAGIC 0xd00dfeedU
#define FDT_BEGIN_NODE 1
#define FDT_END_NODE 2
#define FDT_PROP 3
#define FDT_NOP 4

#define MAX_DEPTH 16
#define MAX_PATH 128
#define MAX_ALIAS 32

static __early u32 be32(const u8 *p)
{
	/* volatile: or the compiler makes one sequence of bytes of both ways */
	if (!((unsigned long)p & 3))
		return __builtin_bswap32(*(const volatile u32 *)p);
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

static __early u64 be_cells(const u8 *p, unsigned int cells)
{
	u64 v = 0;

	for (; cells; cells--, p += 4)
		v = v << 32 | be32(p);
	return v;
}

static __early bool str_eq(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* The node name `name` (with unit address or not) is the path component [want, want + n). */
static __early bool node_is(const char *name, const char *want, unsigned int n)
{
	unsigned int i;
	bool unit = false;

	for (i = 0; i < n; i++) {
		if (name[i] != want[i])
			return false;
		unit |= want[i] == '@';
	}
	return !name[n] || (!unit && name[n] == '@');
}

__early bool early_fdt_open(struct early_fdt *t, u64 fdt)
{
	const u8 *p = (const u8 *)fdt;
	u32 size, off, len;

	t->base = p;
	if (!fdt || be32(p) != FDT_MAGIC)
		return false;
	size = be32(p + 4);
	if (size < 40)
		return false;
	/* Only what the boot protocol guarantees to be mapped; a larger tree is refused later. */
	t->size = size < MAX_FDT_SIZE ? size : MAX_FDT_SIZE;
	off = be32(p + 8);
	len = be32(p + 36);
	if (off >= t->size)
		return false;
	t->struct_off = off;
	t->struct_end = len < t->size - off ? off + len : t->size;
	off = be32(p + 12);
	len = be32(p + 32);
	if (off >= t->size)
		return false;
	t->strings_off = off;
	t->strings_end = len < t->size - off ? off + len : t->size;
	return true;
}

/* One token of the structure block. */
struct token {
	u32 tag;
	const char *name; /* of a node */
	u32 nameoff;	  /* of a property: prop_is() looks at it, most are passed by */
	const u8 *val;
	u32 len;
};

/* The property's name is `want`. */
static __early bool prop_is(const struct early_fdt *t, const struct token *k, const char *want)
{
	u32 o = t->strings_off + k->nameoff;

	for (; o < t->strings_end && t->base[o] == (u8)*want; o++, want++)
		if (!*want)
			return true;
	return false;
}

/* Read the token at *off and step over it. False at the end, and where the block is broken. */
static __early bool next_token(const struct early_fdt *t, u32 *off, struct token *k)
{
	/* locals: stores to *k might change *t, as far as the compiler knows */
	const u8 *base = t->base;
	const u32 start = t->struct_off, end = t->struct_end;
	u32 o = *off;

	do {
		if (o + 4 > end)
			return false;
		k->tag = be32(base + o);
		o += 4;
	} while (k->tag == FDT_NOP);

	switch (k->tag) {
	case FDT_PROP:
		if (o + 8 > end)
			return false;
		k->len = be32(base + o);
		k->nameoff = be32(base + o + 4);
		o += 8;
		if (k->len > end - o || k->nameoff >= t->strings_end - t->strings_off)
			return false;
		k->val = base + o;
		o += k->len;
		break;
	case FDT_BEGIN_NODE:
		k->name = (const char *)base + o;
		do {
			if (o >= end)
				return false;
		} while (base[o++]);
		break;
	case FDT_END_NODE:
		break;
	default:
		return false;
	}
	*off = ALIGN(o - start, 4U) + start;
	return true;
}

static __early bool terminated(const struct token *k)
{
	return k->len && !k->val[k->len - 1];
}

__early void early_fdt_chosen(const struct early_fdt *t, struct early_chosen *c)
{
	u32 off = t->struct_off;
	unsigned int depth = 0;
	bool in_chosen = false;
	struct token k;

	c->bootargs = NULL;
	c->kaslr_seed = NULL;
	c->stdout_path = NULL;
	while (next_token(t, &off, &k)) {
		if (k.tag == FDT_BEGIN_NODE) {
			depth++;
			in_chosen = depth == 2 && node_is(k.name, "chosen", 6);
		} else if (k.tag == FDT_END_NODE) {
			if (in_chosen && depth == 2)
				return;
			depth--;
		} else if (in_chosen && depth == 2) {
			if (prop_is(t, &k, "bootargs") && terminated(&k))
				c->bootargs = (const char *)k.val;
			else if (prop_is(t, &k, "kaslr-seed") && k.len == 8)
				c->kaslr_seed = (u8 *)k.val;
			else if (prop_is(t, &k, "stdout-path") && terminated(&k))
				c->stdout_path = (const char *)k.val;
		}
	}
}

__early enum early_psci early_fdt_psci(const struct early_fdt *t)
{
	u32 off = t->struct_off;
	unsigned int depth = 0;
	bool in_psci = false;
	struct token k;

	while (next_token(t, &off, &k)) {
		if (k.tag == FDT_BEGIN_NODE) {
			depth++;
			in_psci = depth <= 3 && node_is(k.name, "psci", 4);
		} else if (k.tag == FDT_END_NODE) {
			depth--;
			in_psci = false;
		} else if (in_psci && prop_is(t, &k, "method") && terminated(&k)) {
			return str_eq((const char *)k.val, "hvc") ? EARLY_PSCI_HVC : EARLY_PSCI_SMC;
		}
	}
	return EARLY_PSCI_NONE;
}

/* The property `alias` of /aliases, as a path. */
static __early const char *find_alias(const struct early_fdt *t, const char *alias, unsigned int n)
{
	u32 off = t->struct_off;
	unsigned int depth = 0;
	bool in_aliases = false;
	char name[MAX_ALIAS];
	struct token k;
	unsigned int i;

	if (n >= MAX_ALIAS)
		return NULL;
	for (i = 0; i < n; i++)
		name[i] = alias[i];
	name[n] = '\0';

	while (next_token(t, &off, &k)) {
		if (k.tag == FDT_BEGIN_NODE) {
			depth++;
			in_aliases = depth == 2 && node_is(k.name, "aliases", 7);
		} else if (k.tag == FDT_END_NODE) {
			depth--;
		} else if (in_aliases && depth == 2 && prop_is(t, &k, name) && terminated(&k)) {
			return (const char *)k.val;
		}
	}
	return NULL;
}

static __early bool uart_known(const char *c)
{
	return str_eq(c, "arm,pl011") || str_eq(c, "arm,sbsa-uart") || str_eq(c, "ns16550a") ||
	       str_eq(c, "ns16550") || str_eq(c, "snps,dw-apb-uart") ||
	       str_eq(c, "brcm,bcm2835-aux-uart") || str_eq(c, "amlogic,meson-ao-uart") ||
	       str_eq(c, "cdns,uart-r1p12") || str_eq(c, "xlnx,xuartps");
}

/* What the pass keeps of each open node: how its children's addresses are written, and its ranges. */
struct level {
	u32 ac, sc;
	const u8 *ranges;
	u32 ranges_len;
	bool has_ranges;
};

/* addr, an address on the bus of node `depth - 1`, as the CPU sees it. levels[d] describes the node at depth d. */
static __early bool translate(const struct level *levels, unsigned int depth, u64 *addr)
{
	unsigned int d;

	for (d = depth; d > 1; d--) {
		const struct level *bus = &levels[d - 1];
		u32 child = bus->ac, parent = d > 2 ? levels[d - 2].ac : 0, step, o;

		if (d == 2) /* the root's bus is the CPU's */
			break;
		if (!bus->has_ranges)
			return false;
		if (!bus->ranges_len) /* empty: identity */
			continue;
		step = (child + parent + bus->sc) * 4;
		for (o = 0; step && bus->ranges_len >= step && o <= bus->ranges_len - step;
		     o += step) {
			const u8 *r = bus->ranges + o;
			u64 from = be_cells(r, child);
			u64 to = be_cells(r + child * 4, parent);
			u64 size = be_cells(r + (child + parent) * 4, bus->sc);

			if (*addr >= from && *addr - from < size) {
				*addr = *addr - from + to;
				break;
			}
		}
		if (!step || bus->ranges_len < step || o > bus->ranges_len - step)
			return false;
	}
	return true;
}

/*
 * One pass: the node at `path` (up to `path_len` bytes), or without a path the first node with a known UART's
 * compatible string that is not disabled. Fills u from its properties.
 */
static __early bool find_uart(const struct early_fdt *t, const char *path, unsigned int path_len,
			      struct early_uart *u)
{
	/* Index: depth of the node; the root is 1. */
	struct level levels[MAX_DEPTH];
	unsigned int depth = 0, matched = 0, i;
	u32 off = t->struct_off;
	/* How much of the path the open nodes down to depth `matched` cover. */
	u32 pos[MAX_DEPTH];
	const u8 *reg = NULL;
	bool compatible = false, here = false, disabled = false;
	struct token k;

	while (next_token(t, &off, &k)) {
		if (k.tag == FDT_PROP) {
			struct level *l = &levels[depth];

			if (!depth || depth >= MAX_DEPTH)
				continue;
			if (prop_is(t, &k, "#address-cells") && k.len == 4)
				l->ac = be32(k.val) & 3;
			else if (prop_is(t, &k, "#size-cells") && k.len == 4)
				l->sc = be32(k.val) & 3;
			else if (prop_is(t, &k, "ranges"))
				l->ranges = k.val, l->ranges_len = k.len, l->has_ranges = true;
			if (!here)
				continue;
			if (prop_is(t, &k, "compatible") && terminated(&k)) {
				const char *c = (const char *)k.val;

				for (i = 0; i < k.len; i++)
					if ((!i || !c[i - 1]) && uart_known(c + i)) {
						u32 n = 0;

						for (; c[i + n] && n < sizeof(u->compatible) - 1;
						     n++)
							u->compatible[n] = c[i + n];
						u->compatible[n] = '\0';
						compatible = true;
						break;
					}
			} else if (prop_is(t, &k, "reg") && k.len >= levels[depth - 1].ac * 4) {
				reg = k.val;
			} else if (prop_is(t, &k, "status") && terminated(&k) && !path) {
				/* A device without a clock may stall the bus. */
				disabled = !str_eq((const char *)k.val, "okay") &&
					   !str_eq((const char *)k.val, "ok");
			} else if (prop_is(t, &k, "reg-shift") && k.len == 4) {
				u->reg_shift = be32(k.val);
			} else if (prop_is(t, &k, "reg-io-width") && k.len == 4) {
				u->io_width = be32(k.val);
			}
			continue;
		}
		/* A node begins or ends: the properties of the one before it are complete. */
		if (here && compatible && reg && !disabled) {
			u->base = be_cells(reg, levels[depth - 1].ac);
			return translate(levels, depth, &u->base);
		}
		here = compatible = disabled = false;
		reg = NULL;
		u->reg_shift = u->io_width = 0;
		if (k.tag == FDT_END_NODE) {
			if (matched == depth && matched)
				matched--;
			if (!depth)
				return false;
			depth--;
			continue;
		}
		depth++;
		if (depth >= MAX_DEPTH)
			continue;
		levels[depth].ac = 2;
		levels[depth].sc = 1;
		levels[depth].has_ranges = false;
		levels[depth].ranges_len = 0;
		if (!path) {
			here = depth > 1;
			continue;
		}
		if (depth == 1) {
			matched = 1;
			pos[1] = 0;
		} else if (matched == depth - 1) {
			u32 start = pos[depth - 1], n = 0;

			while (start < path_len && path[start] == '/')
				start++;
			while (start + n < path_len && path[start + n] != '/')
				n++;
			if (n && node_is(k.name, path + start, n)) {
				matched = depth;
				pos[depth] = start + n;
				here = start + n == path_len;
			}
		}
	}
	return false;
}

__early bool early_fdt_uart(const struct early_fdt *t, struct early_uart *u)
{
	struct early_chosen c;
	unsigned int n = 0;

	u->reg_shift = u->io_width = 0;
	early_fdt_chosen(t, &c);
	if (c.stdout_path) {
		const char *path = c.stdout_path;

		/* "path:options" or "alias:options" */
		while (path[n] && path[n] != ':' && n < MAX_PATH)
			n++;
		if (path[0] != '/') {
			path = find_alias(t, path, n);
			for (n = 0; path && path[n] && n < MAX_PATH; n++)
				;
		}
		if (path && find_uart(t, path, n, u))
			return true;
	}
	return find_uart(t, NULL, 0, u);
}

__early bool early_cmdline_has(const char *s, const char *word)
{
	for (;;) {
		const char *w = word;
		bool quoted = false;

		while (*s == ' ' || *s == '\t')
			s++;
		if (!*s || (s[0] == '-' && s[1] == '-' && (!s[2] || s[2] == ' ')))
			return false;
		while (*w && *s == *w)
			s++, w++;
		if (!*w && (!*s || *s == ' ' || *s == '\t'))
			return true;
		/* the rest of this parameter: a blank within quotes is part of it */
		for (; *s && (quoted || (*s != ' ' && *s != '\t')); s++)
			quoted ^= *s == '"';
	}
}
