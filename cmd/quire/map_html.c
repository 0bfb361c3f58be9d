// SPDX-License-Identifier: MIT
/*
 * The HTML report: the template that the build embeds (tools/embed_report.sh), with the document in its place. '<' only
 * ever stands in strings of the document, and is escaped there: a name of the tree cannot end the script element.
 */
#include <string.h>

#include "map_draw.h"

extern const char report_template[], report_template_end[];

void map_draw_html(FILE *f, const char *text, size_t size)
{
	static const char mark[] = "@DOCUMENT@";
	const char *at = memmem(report_template, (size_t)(report_template_end - report_template),
				mark, sizeof(mark) - 1);
	const char *end = text + size;

	fwrite(report_template, 1, (size_t)(at - report_template), f);
	while (text < end) {
		const char *less = memchr(text, '<', (size_t)(end - text));
		size_t n = (size_t)((less ? less : end) - text);

		fwrite(text, 1, n, f);
		text += n;
		if (less) {
			fputs("\\u003c", f);
			text++;
		}
	}
	at += sizeof(mark) - 1;
	fwrite(at, 1, (size_t)(report_template_end - at), f);
}
