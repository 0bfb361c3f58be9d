// SPDX-License-Identifier: MIT
/* Findings as text and as one JSON document; the list of checks. */
#include "check.h"

typedef unsigned long long ull;

void print_checks(FILE *out)
{
	for (size_t i = 0; i < NR_CHECKS; i++)
		fprintf(out, "%-26s %-8s %s\n", checks[i].name, severity_name(checks[i].severity),
			checks[i].what);
}

void print_checks_json(FILE *out)
{
	fputs("{\n  \"checks\": [", out);
	for (size_t i = 0; i < NR_CHECKS; i++) {
		fprintf(out, "%s\n    {\"check\": \"%s\", \"severity\": \"%s\", \"what\": ",
			i ? "," : "", checks[i].name, severity_name(checks[i].severity));
		put_json_text(out, checks[i].what);
		fputs("}", out);
	}
	fputs("\n  ]\n}\n", out);
}

static const char *colour_of(enum severity s)
{
	static const char *const colours[] = {"\033[36m", "\033[33m", "\033[31m"};

	return colours[s];
}

/*
 * board.dtb: error: /reserved-memory/x@80000000: reg: ... [reserved-overlap]
 *     effect: ...
 *     fix: ...
 */
void print_findings(FILE *out, const struct check_context *c, bool colour)
{
	const char *bold = colour ? "\033[1m" : "", *off = colour ? "\033[0m" : "";

	if (c->assumed)
		fprintf(out,
			"%s: the tree leaves memory to the boot loader; checked with %s at 0x%llx, "
			"and nothing is said of amounts (--mem SIZE gives the real one)\n",
			c->file, size_text(c->assumed_size), (ull)c->assumed_base);
	for (size_t i = 0; i < c->nr_findings; i++) {
		const struct finding *f = &c->findings[i];
		const struct check *k = &checks[f->check];

		fprintf(out, "%s%s:%s %s%s:%s %s: ", bold, c->file, off,
			colour ? colour_of(k->severity) : "", severity_name(k->severity), off,
			f->path);
		if (f->property)
			fprintf(out, "%s: ", f->property);
		fprintf(out, "%s [%s]\n", f->message, k->name);
		if (f->effect)
			fprintf(out, "    effect: %s\n", f->effect);
		if (f->fix)
			fprintf(out, "    fix: %s\n", f->fix);
	}
}

/* ------------------------------------------------------------------ JSON */

void put_json_text(FILE *out, const char *s)
{
	if (!s) {
		fputs("null", out);
		return;
	}
	putc('"', out);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			putc(c, out);
	}
	putc('"', out);
}

static void put(FILE *out, const char *key, const char *value)
{
	fprintf(out, ", \"%s\": ", key);
	put_json_text(out, value);
}

static void put_place(FILE *out, const char *name, const struct place *p)
{
	fprintf(out, ", \"%s\": {\"base\": \"0x%llx\", \"size\": \"0x%llx\", \"given\": %s}", name,
		(ull)p->base, (ull)p->size, p->told ? "true" : "false");
}

static void put_board(FILE *out, const struct check_context *c)
{
	fputs("    {\"file\": ", out);
	put_json_text(out, c->file);
	put(out, "profile", c->profile->name);
	put_place(out, "image", &c->image);
	put_place(out, "dtb", &c->dtb);
	if (c->initrd.size)
		put_place(out, "initrd", &c->initrd);
	if (c->assumed)
		fprintf(out, ", \"assumed_memory\": {\"base\": \"0x%llx\", \"size\": \"0x%llx\"}",
			(ull)c->assumed_base, (ull)c->assumed_size);
	fputs(", \"findings\": [", out);
	for (size_t i = 0; i < c->nr_findings; i++) {
		const struct finding *f = &c->findings[i];

		fprintf(out, "%s\n      {\"check\": \"%s\", \"severity\": \"%s\"", i ? "," : "",
			checks[f->check].name, severity_name(checks[f->check].severity));
		put(out, "path", f->path);
		put(out, "property", f->property);
		put(out, "message", f->message);
		put(out, "effect", f->effect);
		put(out, "fix", f->fix);
		fputs("}", out);
	}
	fprintf(out, "%s]}", c->nr_findings ? "\n    " : "");
}

void print_check_json(FILE *out, const struct check_report *r)
{
	fprintf(out, "{\n  \"quire\": \"%s\",\n  \"boards\": [", r->version);
	for (size_t i = 0; i < r->nr; i++) {
		fputs(i ? ",\n" : "\n", out);
		put_board(out, &r->boards[i]);
	}
	fputs("\n  ]\n}\n", out);
}
