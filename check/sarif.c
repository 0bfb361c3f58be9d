// SPDX-License-Identifier: MIT
/*
 * Findings as SARIF 2.1.0 (OASIS), which code hosts show beside the sources.
 *
 * A blob has no lines: a finding's place is the file, with the byte that the node begins at, and the node's path as a
 * logical location.
 */
#include <ctype.h>
#include <string.h>

#include <libfdt.h>

#include "check.h"

#define SCHEMA                                                                                     \
	"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"                      \
	"sarif-schema-2.1.0.json"

/* A relative or file: reference: what is not allowed in one is escaped (RFC 3986). */
static void put_uri(FILE *out, const char *file)
{
	fputs(*file == '/' ? "\"file://" : "\"", out);
	for (; *file; file++) {
		unsigned char ch = (unsigned char)*file;

		if (isalnum(ch) || strchr("/-._~", ch))
			putc(ch, out);
		else
			fprintf(out, "%%%02X", ch);
	}
	putc('"', out);
}

static void put_rules(FILE *out)
{
	for (size_t i = 0; i < NR_CHECKS; i++) {
		fprintf(out, "%s\n          {\"id\": \"%s\", \"shortDescription\": {\"text\": ",
			i ? "," : "", checks[i].name);
		put_json_text(out, checks[i].what);
		fprintf(out,
			"}, \"help\": {\"text\": \"docs/checks.md#%s\"}, \"defaultConfiguration\": "
			"{\"level\": \"%s\"}}",
			checks[i].name, severity_name(checks[i].severity));
	}
}

static void put_result(FILE *out, const struct check_context *c, const struct finding *f)
{
	const struct check *k = &checks[f->check];
	char *whole =
		text("%s%s%s%s%s", f->message, f->effect ? ". Effect: " : "",
		     f->effect ? f->effect : "", f->fix ? ". Fix: " : "", f->fix ? f->fix : "");
	char *name = f->property ? text("%s:%s", f->path, f->property) : text("%s", f->path);

	fprintf(out,
		"\n        {\"ruleId\": \"%s\", \"ruleIndex\": %d, \"level\": \"%s\", "
		"\"message\": {\"text\": ",
		k->name, (int)f->check, severity_name(k->severity));
	put_json_text(out, whole);
	fputs("},\n         \"locations\": [{\"physicalLocation\": {\"artifactLocation\": "
	      "{\"uri\": ",
	      out);
	put_uri(out, c->file);
	fputs("}", out);
	if (f->offset >= 0)
		fprintf(out, ", \"region\": {\"byteOffset\": %u, \"byteLength\": 4}",
			fdt_off_dt_struct(c->board.fdt) + (unsigned int)f->offset);
	fputs("}, \"logicalLocations\": [{\"fullyQualifiedName\": ", out);
	put_json_text(out, name);
	fputs("}]}]}", out);
}

void print_sarif(FILE *out, const struct check_report *r)
{
	const char *comma = "";

	fprintf(out,
		"{\n  \"$schema\": \"" SCHEMA "\",\n  \"version\": \"2.1.0\",\n  \"runs\": [\n    "
		"{\"tool\": {\"driver\": {\"name\": \"quire check\", \"version\": \"%s\", "
		"\"rules\": [",
		r->version);
	put_rules(out);
	fputs("\n        ]}},\n      \"columnKind\": \"utf16CodeUnits\",\n      \"results\": [",
	      out);
	for (size_t i = 0; i < r->nr; i++)
		for (size_t j = 0; j < r->boards[i].nr_findings; j++) {
			fputs(comma, out);
			put_result(out, &r->boards[i], &r->boards[i].findings[j]);
			comma = ",";
		}
	fputs("\n      ]}\n  ]\n}\n", out);
}
