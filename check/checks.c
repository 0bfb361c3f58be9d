// SPDX-License-Identifier: MIT
/* The table of checks, findings, and what the checks share. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

const struct check checks[NR_CHECKS] = {
#define X(id, name, severity, what) [CHECK_##id] = {name, SEVERITY_##severity, what},
	FOR_EACH_CHECK(X)
#undef X
};

enum check_id check_find(const char *name, size_t n)
{
	enum check_id id = 0;

	while (id < NR_CHECKS &&
	       (strlen(checks[id].name) != n || memcmp(checks[id].name, name, n) != 0))
		id++;
	return id;
}

const char *severity_name(enum severity s)
{
	static const char *const names[] = {"note", "warning", "error"};

	return names[s];
}

char *text(const char *fmt, ...)
{
	va_list args;
	char *s;

	va_start(args, fmt);
	if (vasprintf(&s, fmt, args) < 0)
		s = NULL;
	va_end(args);
	return s;
}

char *size_text(uint64_t bytes)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	unsigned int u = 0;

	/* Exact where three digits before the comma do. */
	while (u + 1 < sizeof(units) / sizeof(units[0]) && bytes && bytes % 1024 == 0) {
		bytes /= 1024;
		u++;
	}
	if (bytes >= 10240 && u + 1 < sizeof(units) / sizeof(units[0])) {
		double d = (double)bytes;

		while (d >= 1024 && u + 1 < sizeof(units) / sizeof(units[0])) {
			d /= 1024;
			u++;
		}
		return text("%.1f %s", d, units[u]);
	}
	return text("%llu %s", (unsigned long long)bytes, bytes == 1 && !u ? "byte" : units[u]);
}

char *range_text(uint64_t base, uint64_t size)
{
	uint64_t end = range_end(base, size);

	if (!size)
		return text("[0x%llx, no bytes]", (unsigned long long)base);
	return text("[0x%llx-0x%llx]", (unsigned long long)base, (unsigned long long)(end - 1));
}

uint64_t page_size(const struct check_context *c)
{
	return 1ULL << c->profile->page_shift;
}

uint64_t range_end(uint64_t base, uint64_t size)
{
	uint64_t end;

	return __builtin_add_overflow(base, size, &end) ? UINT64_MAX : end;
}

bool ranges_overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a_size && b_size && a < range_end(b, b_size) && b < range_end(a, a_size);
}

uint64_t memory_covers(const struct check_context *c, uint64_t base, uint64_t size)
{
	const struct forecast *f = &c->forecast;
	uint64_t end = range_end(base, size), sum = 0;
	size_t low = 0, high = f->nr_memory, mid;

	/* The first region that ends above base: they are sorted and do not overlap. */
	while (low < high) {
		mid = (low + high) / 2;
		if (range_end(f->memory[mid].base, f->memory[mid].size) <= base)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < f->nr_memory && f->memory[low].base < end; low++) {
		uint64_t from = f->memory[low].base, to = range_end(from, f->memory[low].size);

		sum += (to < end ? to : end) - (from > base ? from : base);
	}
	return sum;
}

const struct forecast_rsv *forecast_of(const struct forecast *f, const struct rsv *r)
{
	for (size_t i = 0; i < f->nr_rsv; i++)
		if (!strcmp(f->rsv[i].name, r->name) &&
		    (r->kind == RSV_DYNAMIC || f->rsv[i].base == r->base))
			return &f->rsv[i];
	return NULL;
}

uint64_t cma_alignment(const struct check_context *c)
{
	const struct build_profile *p = c->profile;
	/* A block of the last level but one, where huge pages are; and not more than the allocator's largest order. */
	unsigned long order = p->page_shift - 3;

	if (!p->hugetlb || order > p->max_page_order)
		order = p->max_page_order;
	return 1ULL << (p->page_shift + order);
}

char *argument(const struct check_context *c, const char *name)
{
	size_t n = strlen(name);
	const char *found = NULL;

	for (const char *p = c->args; (p = strstr(p, name)); p += n)
		if ((p == c->args || p[-1] == ' ') && p[n] == '=')
			found = p + n + 1;
	return found ? strndup(found, strcspn(found, " ")) : NULL;
}

void report(struct check_context *c, enum check_id id, const char *path, int node,
	    const char *property, const char *message, const char *effect, const char *fix)
{
	struct finding *more;

	more = realloc(c->findings, (c->nr_findings + 1) * sizeof(*more));
	if (!more)
		return;
	c->findings = more;
	c->findings[c->nr_findings++] = (struct finding){
		.check = id,
		.path = path,
		.property = property,
		.offset = node,
		.message = message,
		.effect = effect,
		.fix = fix,
	};
}

/* The worst first; then as the tree has them. */
static int by_severity(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	int order = (int)checks[y->check].severity - (int)checks[x->check].severity;

	if (!order)
		order = (int)x->check - (int)y->check;
	if (!order)
		order = x->offset - y->offset;
	return order ? order : strcmp(x->message ? x->message : "", y->message ? y->message : "");
}

/* Only now: one check may be silent because another has spoken, also where that one is not wanted. */
static void drop_unwanted(struct check_context *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->nr_findings; i++) {
		enum check_id id = c->findings[i].check;

		if (c->enabled[id] && checks[id].severity >= c->least)
			c->findings[n++] = c->findings[i];
	}
	c->nr_findings = n;
}

void check_run(struct check_context *c)
{
	check_memory(c);
	check_reserved(c);
	check_dynamic(c);
	check_limits(c);
	check_numa(c);
	check_cost(c);
	check_placement(c);
	drop_unwanted(c);
	if (c->nr_findings)
		qsort(c->findings, c->nr_findings, sizeof(*c->findings), by_severity);
}

void check_context_free(struct check_context *c)
{
	board_free(&c->board);
	forecast_free(&c->forecast);
	free(c->findings);
	c->findings = NULL;
	c->nr_findings = 0;
}
