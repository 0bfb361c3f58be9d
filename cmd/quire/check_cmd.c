// SPDX-License-Identifier: MIT
/* quire check: options, places, the prediction of each board and of its variants; what is found is check/'s. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../check/check.h"
#include "quire.h"

#define GIB (1ULL << 30)
#define DTB_ROOM (4ULL << 20) /* what a kernel maps for it */
/* A board that leaves memory to its boot loader: so much at least, and up to the last fixed reservation. */
#define ASSUMED_LEAST (4 * GIB)
#define ASSUMED_MOST (64 * GIB)

/* One board's run: its options, and what is changed of its tree. */
struct run {
	struct options o;
	struct check_context *c;
	const struct variant *variant;
	uint64_t
		lost_dtb; /* the tree was told to lie there, in the image; NO_ADDRESS: it was not */
};

static void drop_nomap(struct tree *t, const struct board *b)
{
	for (size_t i = 0; i < b->nr_rsv; i++)
		if (b->rsv[i].nomap && !b->rsv[i].index)
			tree_drop_property(t, b->rsv[i].node, "no-map");
}

static void edit(struct tree *t, void *arg)
{
	const struct run *r = arg;
	const struct variant *v = r->variant;

	if (r->c->assumed)
		tree_set_memory_at(t, r->c->assumed_base, r->c->assumed_size);
	if (v && v->drop_nomap)
		drop_nomap(t, &r->c->board);
	if (v && v->grow_node)
		tree_set_cells(t, v->grow_node, "size", v->grow_size);
}

static bool again(void *arg, const struct variant *v, struct forecast *f)
{
	struct run *r = arg;
	struct build_profile profile = r->o.profile;
	bool good;

	r->variant = v;
	if (v->blocks)
		r->o.profile.rodata_full = r->o.profile.kfence = r->o.profile.debug_pagealloc = 0;
	good = run_forecast(&r->o, f);
	r->o.profile = profile;
	r->variant = NULL;
	return good;
}

/* The tree names no memory: what could be there, around what it reserves. */
static void assume_memory(struct check_context *c)
{
	const struct board *b = &c->board;
	uint64_t base = UINT64_MAX, end = 0, lowest = UINT64_MAX;

	for (size_t i = 0; i < b->nr_banks; i++) {
		if (b->banks[i].size)
			return;
		if (b->banks[i].base < base)
			base = b->banks[i].base;
	}
	/* What cannot be read is a finding, not a gap to fill. */
	for (size_t i = 0; i < b->nr_memory; i++)
		if (b->memory[i].reg_len > 0 && b->memory[i].typed && !b->memory[i].nr_banks)
			return;
	if (b->bad_cells)
		return;
	for (size_t i = 0; i < b->nr_rsv; i++) {
		const struct rsv *r = &b->rsv[i];

		if (r->kind == RSV_DYNAMIC || !r->size)
			continue;
		if (r->base < lowest)
			lowest = r->base;
		if (range_end(r->base, r->size) > end && range_end(r->base, r->size) < ASSUMED_MOST)
			end = range_end(r->base, r->size);
	}
	c->base_known = base != UINT64_MAX;
	if (!c->base_known)
		base = lowest != UINT64_MAX && lowest < ASSUMED_MOST ? lowest & ~(GIB - 1) : GIB;
	c->assumed = true;
	c->assumed_base = base;
	c->assumed_size = ASSUMED_LEAST;
	while (base + c->assumed_size < end)
		c->assumed_size += GIB;
	if (b->ac == 1)
		c->assumed_size = (1ULL << 32) - base - GIB / 8;
}

/* Image and tree where a careful loader would put them, unless the user says where they are. */
static void choose_places(struct run *r)
{
	const struct board *b = &r->c->board;
	uint64_t size = r->o.kernel_size, base;

	r->c->image.told = r->o.kernel_at != NO_ADDRESS || r->o.kernel;
	r->c->dtb.told = r->o.dtb_at != NO_ADDRESS;
	r->c->image.size = size;
	r->c->image_fits = true;
	if (!r->c->image.told) {
		r->c->image_fits = find_place(b, size, 0, 0, &base);
		if (r->c->image_fits)
			r->o.kernel_at = base;
	}
	/* Nothing boots then: predicted is the rest, with the tree elsewhere. */
	r->lost_dtb = NO_ADDRESS;
	if (r->c->dtb.told && r->o.kernel_at != NO_ADDRESS &&
	    ranges_overlap(r->o.dtb_at, b->fdt_size, r->o.kernel_at, size)) {
		r->lost_dtb = r->o.dtb_at;
		r->o.dtb_at = NO_ADDRESS;
	}
	if (r->o.dtb_at == NO_ADDRESS && r->o.kernel_at != NO_ADDRESS &&
	    find_place(b, DTB_ROOM, r->o.kernel_at, size, &base))
		r->o.dtb_at = base;
}

/* Where the prediction had them in the end. */
static void note_places(const struct run *r)
{
	struct check_context *c = r->c;
	const struct json *root = c->forecast.root, *v = json_get(root, "kernel");

	c->image.base = json_num(v, "base");
	c->image.size = json_num(v, "size");
	c->dtb.base =
		r->lost_dtb != NO_ADDRESS ? r->lost_dtb : json_num(json_get(root, "fdt"), "base");
	c->dtb.size = c->board.fdt_size;
	v = json_get(root, "initrd");
	c->initrd = (struct place){json_num(v, "base"), json_num(v, "size"), true};
	/* Linux forgets one that it cannot reach. */
	if (!c->initrd.size) {
		c->initrd.base = c->board.initrd_base;
		c->initrd.size = c->board.initrd_size;
	}
}

static void choose_checks(const struct options *o, struct check_context *c)
{
	const char *lists[] = {o->only, o->disable};

	if (o->only && !*o->only)
		die("check: --only: no check is named");
	for (size_t i = 0; i < NR_CHECKS; i++)
		c->enabled[i] = !o->only;
	for (size_t l = 0; l < 2; l++)
		for (const char *p = lists[l]; p && *p;
		     p += p[strcspn(p, ",")] ? strcspn(p, ",") + 1 : strcspn(p, ",")) {
			size_t n = strcspn(p, ",");
			enum check_id id = check_find(p, n);

			if (id == NR_CHECKS)
				die("check: there is no check '%.*s'; 'quire check --list' names "
				    "them",
				    (int)n, p);
			c->enabled[id] = !l;
		}
	for (c->least = SEVERITY_NOTE; o->severity; c->least++) {
		if (c->least > SEVERITY_ERROR)
			die("--severity: '%s' is not note, warning or error", o->severity);
		if (!strcmp(o->severity, severity_name(c->least)))
			break;
	}
}

struct made {
	const struct options *o;
	struct tree *t;
};

static void make_one(void *arg)
{
	struct made *m = arg;

	make_tree(m->o, m->t);
}

/* With the options' changes. False: this tree cannot have them, and the reason was printed. */
static bool make_checked(const struct options *o, struct tree *t)
{
	struct made m = {o, t};

	free(t->blob);
	*t = (struct tree){0};
	return survives(make_one, &m);
}

/* False: the board cannot be checked, and the reason was printed. */
static bool check_board(struct run *r, struct tree *t)
{
	struct check_context *c = r->c;
	char why[512];
	size_t bytes;
	char *file;

	/* Read apart first: a file that is no tree must not end the whole run. */
	file = try_read_file(r->o.board, &bytes, why, sizeof(why));
	if (!file || !tree_take(t, r->o.board, file, bytes, why, sizeof(why))) {
		fprintf(stderr, "quire: %s\n", why);
		free(file);
		return false;
	}
	free(file);
	if (!t->sound) {
		fprintf(stderr, "quire: %s: damaged device tree at offset %#zx\n", r->o.board,
			t->bad_at);
		return false;
	}
	if (!make_checked(&r->o, t) || !board_read(&c->board, t->blob, t->size))
		return false;
	assume_memory(c);
	if (c->assumed) {
		board_free(&c->board);
		r->o.edit = edit;
		r->o.edit_arg = r;
		if (!make_checked(&r->o, t))
			return false;
		board_read(&c->board, t->blob, t->size);
	}
	r->o.edit = edit;
	r->o.edit_arg = r;
	c->args = c->board.bootargs;
	choose_places(r);
	if (!run_forecast(&r->o, &c->forecast)) {
		fprintf(stderr, "quire: %s: cannot be predicted\n", r->o.board);
		return false;
	}
	if (r->o.verbose)
		fputs(c->forecast.log, stderr);
	note_places(r);
	c->again = again;
	c->arg = r;
	check_run(c);
	return true;
}

int cmd_check(const struct options *o)
{
	struct check_context *all = calloc(o->nr_boards + 1, sizeof(*all));
	struct check_report report = {.boards = all, .version = QUIRE_VERSION};
	bool documents = o->json || o->sarif, bad = false;
	struct host_out out = stdout_out();
	size_t found = 0;

	if (!all)
		die("no memory");
	if (o->json && o->sarif)
		die("--json and --sarif exclude each other");
	choose_checks(o, all);
	if (o->list) {
		if (o->nr_boards)
			die("check: --list has no operands");
		if (o->sarif)
			die("check: --list has no SARIF");
		if (o->json)
			print_checks_json(stdout);
		else
			print_checks(stdout);
		return 0;
	}
	/* Where the findings go to a terminal themselves, they are the progress. */
	if (documents || !isatty(STDOUT_FILENO)) {
		char boards[32];

		snprintf(boards, sizeof(boards), "%u boards", o->nr_boards);
		progress_begin("checking", o->nr_boards == 1 ? o->boards[0] : boards);
	}
	for (unsigned int i = 0; i < o->nr_boards; i++) {
		struct check_context *c = &all[report.nr];
		struct run r = {.o = *o, .c = c};
		struct tree t = {0};

		*c = (struct check_context){.file = o->boards[i], .profile = &o->profile};
		choose_checks(o, c);
		r.o.board = o->boards[i];
		if (!check_board(&r, &t)) {
			bad = true;
			check_context_free(c);
			free(t.blob);
			continue;
		}
		found += c->nr_findings;
		if (!documents) {
			print_findings(stdout, c, out.colour);
			check_context_free(c);
			free(t.blob);
			continue;
		}
		/* SARIF reads the tree's header. */
		report.nr++;
	}
	progress_end();
	if (o->json)
		print_check_json(stdout, &report);
	else if (o->sarif)
		print_sarif(stdout, &report);
	else if (found && o->nr_boards > 1)
		printf("%zu finding%s on %u boards\n", found, found > 1 ? "s" : "", o->nr_boards);
	for (size_t i = 0; i < report.nr; i++)
		check_context_free(&all[i]);
	free(all);
	return bad ? 2 : found ? 1 : 0;
}
