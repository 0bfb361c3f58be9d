// SPDX-License-Identifier: MIT
/*
 * quire compare: a kernel's log beside the prediction, and the constants of the profile that would explain what differs.
 *
 * What explains is found by trying: a candidate value is put into the profile, the boot predicted again, and the figures that
 * still differ are counted. The candidate that leaves fewest is kept, and the search goes on from there, as long as it
 * helps. So an explanation is a profile with which the log comes out, not a guess.
 */
#include <stdlib.h>
#include <string.h>

#include "../../check/check.h"
#include "../../check/log.h"
#include "profile.h"
#include "quire.h"

#define MAX_STEPS 6
#define MAX_TIES 4

struct candidate {
	const char *key;
	unsigned long value;
};

struct explanation {
	struct candidate best;
	struct candidate ties[MAX_TIES];
	unsigned int nr_ties;
	size_t before, after; /* figures that differ */
};

struct comparison {
	struct options o;
	struct boot_log log;
	struct facts predicted;
	char *panic;
	struct explanation steps[MAX_STEPS];
	unsigned int nr_steps;
	size_t departs;
};

/* ------------------------------------------------------------------ what the log says of the machine */

/* The embedded profile of that release; NULL: there is none. */
static const char *profile_of(const char *release)
{
	struct build_profile p;

	/* "arm64-cloud" and "arm64" say the same release: the first that has it, unless the name tells them apart. */
	for (size_t i = 0; release && embedded_profiles[i].name; i++) {
		bool cloud = strstr(embedded_profiles[i].name, "cloud") != NULL;

		profile_load(&p, embedded_profiles[i].name);
		if (cloud != (strstr(release, "cloud") != NULL))
			continue;
		if (!strcmp(p.release, release) ||
		    (cloud && !strncmp(p.release, release, strcspn(release, "+"))))
			return embedded_profiles[i].name;
	}
	return NULL;
}

static const char *cpu_of(uint64_t midr)
{
	/* Implementer and part number. */
	for (const struct host_cpu_model *m = host_cpu_models; m->name; m++)
		if ((m->midr & 0xff00fff0) == (midr & 0xff00fff0))
			return m->name;
	return NULL;
}

static void take_machine(struct comparison *c)
{
	const struct boot_log *l = &c->log;
	const char *name = c->o.build ? c->o.build : profile_of(l->release);
	struct tree t = {0};

	if (!c->o.build && name) {
		if (!c->o.kernel)
			c->o.kernel_size = c->o.kernel_at == NO_ADDRESS ? 0 : c->o.kernel_size;
		use_profile(&c->o, name);
	}
	if (!c->o.cpu && l->midr)
		c->o.cpu = cpu_of(l->midr);
	if (c->o.kernel_at == NO_ADDRESS && !c->o.kernel && l->image_size)
		c->o.kernel_at = l->image;
	if (c->o.dtb_at == NO_ADDRESS && l->dtb != NO_FACT)
		c->o.dtb_at = l->dtb;
	make_tree(&c->o, &t);
	if (!t.sound)
		die("%s: damaged device tree at offset %#zx", c->o.board, t.bad_at);
	if (!c->o.append && l->args && strcmp(l->args, tree_bootargs(&t)) != 0)
		c->o.append = l->args;
	free(t.blob);
}

/* ------------------------------------------------------------------ predictions and what differs */

static size_t departures(const struct comparison *c, const struct facts *predicted)
{
	size_t n = 0;

	for (size_t i = 0; i < c->log.facts.nr; i++) {
		const struct fact *f = &c->log.facts.fact[i];

		n += !fact_agrees(f, fact_find(predicted, f->name));
	}
	return n;
}

/* SIZE_MAX: that build does not boot here, or is none. */
static size_t try(const struct comparison *c, const struct build_profile *profile,
		  struct facts *facts, char **panic)
{
	struct options o = c->o;
	struct forecast f;
	size_t n;

	o.profile = *profile;
	if (!o.kernel)
		o.kernel_size = profile->image_size;
	if (!run_forecast(&o, &f))
		return SIZE_MAX;
	facts_of(facts, &f);
	n = departures(c, facts);
	if (panic)
		*panic = f.panic ? strdup(f.panic) : NULL;
	forecast_free(&f);
	return n;
}

/* ------------------------------------------------------------------ candidates */

#define MAX_CANDIDATES 400

struct candidates {
	struct candidate list[MAX_CANDIDATES];
	unsigned int nr;
};

static void add(struct candidates *all, const struct build_profile *p, const char *key,
		unsigned long value)
{
	size_t i = profile_key(key, strlen(key));

	if (i == nr_profile_keys || all->nr == MAX_CANDIDATES)
		return;
	if (value < profile_keys[i].least || value > profile_keys[i].most ||
	    *profile_value((struct build_profile *)p, i) == value)
		return;
	all->list[all->nr++] = (struct candidate){profile_keys[i].name, value};
}

static unsigned long logged(const struct comparison *c, const char *name, unsigned long otherwise)
{
	const struct fact *f = fact_find(&c->log.facts, name);

	return f ? (unsigned long)f->value : otherwise;
}

/* What the log says itself first; then what other builds have. */
static void gather_candidates(const struct comparison *c, const struct build_profile *p,
			      struct candidates *all)
{
	static const char *const switches[] = {"rodata_full",
					       "kfence",
					       "numa",
					       "hugetlb",
					       "crash_reserve",
					       "bounce_unaligned_kmalloc",
					       "stackdepot",
					       "page_owner",
					       "page_extension",
					       "deferred_struct_pages",
					       "cpumask_offstack",
					       "map_rounds_inward"};
	static const char *const sizes[] = {
		"device_node",	     "property",	"reserved_mem",	   "resource",
		"mem_section_usage", "pcpu_alloc_info", "pcpu_group_info", "pcpu_chunk",
		"pcpu_block_md",     "io_tlb_slot",	"io_tlb_area",	   "prb_desc",
		"printk_info",	     "kfence_metadata", "page_size_of"};
	static const unsigned long cma[] = {0, 4, 8, 16, 32, 64, 128, 256, 512, 1024};

	all->nr = 0;
	add(all, p, "percpu_static", logged(c, "percpu static", 0));
	/* Rounded to a cache line, which 64 bytes are. */
	add(all, p, "pglist_data", logged(c, "NODE_DATA(0) size", 0));
	add(all, p, "cma_size_mbytes", logged(c, "CMA size", 0) >> 20);
	if (c->log.image_size)
		add(all, p, "image_size", (unsigned long)c->log.image_size);
	for (size_t i = 0; i < sizeof(cma) / sizeof(cma[0]); i++)
		add(all, p, "cma_size_mbytes", cma[i]);
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		size_t k = profile_key(switches[i], strlen(switches[i]));

		add(all, p, switches[i], !*profile_value((struct build_profile *)p, k));
	}
	add(all, p, "debug_pagealloc", p->debug_pagealloc == 2 ? 0 : 2);
	add(all, p, "kfence_sample_interval", p->kfence_sample_interval ? 0 : 100);
	for (unsigned long s = 12; s <= 21; s++) {
		add(all, p, "log_buf_shift", s);
		add(all, p, "log_cpu_max_buf_shift", s);
	}
	for (unsigned long n = 64; n <= 8192; n *= 2)
		add(all, p, "nr_cpus", n);
	for (unsigned long s = 1; s <= 10; s++)
		add(all, p, "nodes_shift", s);
	add(all, p, "mem_section", p->mem_section == 16 ? 32 : 16);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned long now = *profile_value((struct build_profile *)p,
						   profile_key(sizes[i], strlen(sizes[i])));

		for (unsigned long d = 8; d <= 64; d += 8) {
			add(all, p, sizes[i], now + d);
			if (now > d)
				add(all, p, sizes[i], now - d);
		}
	}
}

static bool better(size_t n, size_t best)
{
	return n < best;
}

/* The candidate that leaves fewest; false: none helps. */
static bool step(struct comparison *c, struct build_profile *p, size_t now)
{
	struct explanation *x = &c->steps[c->nr_steps];
	static struct candidates all;

	gather_candidates(c, p, &all);
	*x = (struct explanation){.before = now, .after = now};
	for (unsigned int i = 0; i < all.nr; i++) {
		struct build_profile other = *p;
		struct facts facts = {0};
		size_t n;

		*profile_value(&other, profile_key(all.list[i].key, strlen(all.list[i].key))) =
			all.list[i].value;
		n = try(c, &other, &facts, NULL);
		facts_free(&facts);
		if (better(n, x->after)) {
			x->best = all.list[i];
			x->after = n;
			x->nr_ties = 0;
		} else if (x->after < now && n == x->after && x->nr_ties < MAX_TIES) {
			x->ties[x->nr_ties++] = all.list[i];
		}
		if (!x->after)
			break;
	}
	if (x->after == now)
		return false;
	*profile_value(p, profile_key(x->best.key, strlen(x->best.key))) = x->best.value;
	c->nr_steps++;
	return true;
}

static void explain(struct comparison *c)
{
	struct build_profile p = c->o.profile;
	size_t now = c->departs;

	while (now && c->nr_steps < MAX_STEPS && step(c, &p, now))
		now = c->steps[c->nr_steps - 1].after;
}

/* ------------------------------------------------------------------ output */

static const char *value_text(const struct candidate *v, char *buf, size_t size)
{
	/* As profiles write them. */
	if (v->value >= 65536)
		snprintf(buf, size, "%s = 0x%lx", v->key, v->value);
	else
		snprintf(buf, size, "%s = %lu", v->key, v->value);
	return buf;
}

static void print_text(const struct comparison *c)
{
	const struct facts *l = &c->log.facts;
	char a[64], b[64];
	bool head = false;

	printf("%s, %s: %zu of %zu figures agree\n", c->o.board, c->o.profile.name,
	       l->nr - c->departs, l->nr);
	if (c->panic)
		printf("predicted: Kernel panic - not syncing: %s\n", c->panic);
	for (size_t i = 0; i < l->nr; i++) {
		const struct fact *f = &l->fact[i], *p = fact_find(&c->predicted, f->name);
		bool agrees = fact_agrees(f, p);

		if (agrees && !c->o.verbose)
			continue;
		if (!head)
			printf("%-28s %20s %20s\n", "", "predicted", "log");
		head = true;
		printf("%-28s %20s %20s%s\n", f->name, fact_text(p, a, sizeof(a)),
		       fact_text(f, b, sizeof(b)), agrees ? "" : "  <");
	}
	for (unsigned int i = 0; i < c->nr_steps; i++) {
		const struct explanation *x = &c->steps[i];

		printf("%s in the profile: %zu figure%s differ%s instead of %zu",
		       value_text(&x->best, a, sizeof(a)), x->after, x->after == 1 ? "" : "s",
		       x->after == 1 ? "s" : "", x->before);
		for (unsigned int j = 0; j < x->nr_ties; j++)
			printf("%s%s",
			       j ? ", " : "; as well: ", value_text(&x->ties[j], a, sizeof(a)));
		putchar('\n');
	}
	if (c->departs && (!c->nr_steps || c->steps[c->nr_steps - 1].after))
		printf("%s: the tree, the places or a constant that was not tried differ\n",
		       c->nr_steps ? "not explained by constants"
				   : "no constant of the profile explains it");
}

static void put_candidate(const struct candidate *v)
{
	printf("{\"key\": \"%s\", \"value\": %lu}", v->key, v->value);
}

static void put_value(const char *key, const struct fact *f)
{
	if (!f)
		printf(", \"%s\": null", key);
	else if (f->unit == FACT_ADDRESS)
		printf(", \"%s\": \"0x%llx\"", key, (unsigned long long)f->value);
	else
		printf(", \"%s\": %llu", key, (unsigned long long)f->value);
}

static void print_json(const struct comparison *c)
{
	static const char *const units[] = {"address", "bytes", "count", "KiB"};
	const struct facts *l = &c->log.facts;

	printf("{\n  \"board\": ");
	put_json_text(stdout, c->o.board);
	printf(",\n  \"profile\": \"%s\",\n  \"panic\": ", c->o.profile.name);
	put_json_text(stdout, c->panic);
	printf(",\n  \"figures\": %zu, \"differ\": %zu,\n  \"departures\": [", l->nr, c->departs);
	for (size_t i = 0, n = 0; i < l->nr; i++) {
		const struct fact *p = fact_find(&c->predicted, l->fact[i].name);

		if (fact_agrees(&l->fact[i], p))
			continue;
		printf("%s\n    {\"name\": ", n++ ? "," : "");
		put_json_text(stdout, l->fact[i].name);
		printf(", \"unit\": \"%s\"", units[l->fact[i].unit]);
		put_value("predicted", p);
		put_value("log", &l->fact[i]);
		putchar('}');
	}
	printf("\n  ],\n  \"explanations\": [");
	for (unsigned int i = 0; i < c->nr_steps; i++) {
		const struct explanation *x = &c->steps[i];

		printf("%s\n    {\"change\": ", i ? "," : "");
		put_candidate(&x->best);
		printf(", \"before\": %zu, \"after\": %zu, \"as_well\": [", x->before, x->after);
		for (unsigned int j = 0; j < x->nr_ties; j++) {
			if (j)
				printf(", ");
			put_candidate(&x->ties[j]);
		}
		printf("]}");
	}
	printf("\n  ]\n}\n");
}

int cmd_compare(const struct options *o)
{
	static struct comparison c;
	size_t size;
	char *text = read_file("", o->boards[1], &size), *more = realloc(text, size + 1);

	if (!more)
		die("no memory");
	more[size] = 0;
	if (!log_read(&c.log, more, size))
		die("%s: offset %zu: %s", o->boards[1], c.log.bad_at, c.log.why);
	c.o = *o;
	c.o.board = o->boards[0];
	progress_begin("comparing", c.o.board);
	take_machine(&c);
	c.departs = try(&c, &c.o.profile, &c.predicted, &c.panic);
	if (c.departs == SIZE_MAX)
		die("%s: cannot be predicted", c.o.board);
	if (c.departs)
		explain(&c);
	progress_end();
	if (o->json)
		print_json(&c);
	else
		print_text(&c);
	free(more);
	facts_free(&c.predicted);
	log_free(&c.log);
	return c.departs ? 1 : 0;
}
