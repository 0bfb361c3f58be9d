// SPDX-License-Identifier: MIT
/*
 * quire map: the picture of a board's memory. It is drawn from the JSON document of a prediction (or of Quire's own boot,
 * or one that was kept), so that what is seen is what --json says.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "map_draw.h"

static int write_stream(void *ctx, const char *s, size_t n)
{
	return fwrite(s, 1, n, ctx) == n ? 0 : -EIO;
}

/* A document that is given instead of a tree. */
static bool is_document(const char *name)
{
	struct stat st;
	FILE *f;
	int c;

	if (!name || stat(name, &st) || S_ISDIR(st.st_mode))
		return false;
	/* What comes through a pipe is kept when it has been read. */
	if (!S_ISREG(st.st_mode)) {
		size_t size;
		char *text = read_file("", name, &size);

		c = size ? *text : EOF;
		free(text);
		return c == '{';
	}
	f = fopen(name, "r");
	c = f ? fgetc(f) : EOF;

	if (f)
		fclose(f);
	return c == '{';
}

static char *make_document(const struct options *o, size_t *size, int *code)
{
	struct host_out out = {.write = write_stream};
	char *text = NULL;
	FILE *f;

	if (is_document(o->board)) {
		*code = 0;
		return read_file("", o->board, size);
	}
	f = open_memstream(&text, size);
	if (!f)
		die("no memory");
	*code = boot_machine(o, o->verbose ? stderr : NULL);
	out.ctx = f;
	o->core->report(o->own ? HOST_REPORT_JSON : HOST_REPORT_PREDICT_JSON, &out);
	if (fclose(f) || !text)
		die("no memory");
	return text;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

/* How much is shown around an address: so that its neighbours are seen. */
#define AROUND_PAGES 4096

static struct map_view choose_view(const struct options *o, const struct map_model *m)
{
	struct map_view v = {.at = o->at};

	if (o->at != NO_ADDRESS && o->at >= MAP_ADDRESS_MAX)
		die("--at: %#llx is no physical address", (unsigned long long)o->at);
	if (o->range_end > MAP_ADDRESS_MAX)
		die("--range: %#llx is no physical address", (unsigned long long)o->range_end - 1);
	if (o->range_end > o->range_base) {
		v.base = o->range_base;
		v.end = o->range_end;
	} else if (o->at != NO_ADDRESS) {
		uint64_t half = m->page * AROUND_PAGES / 2;

		v.base = o->at > half ? (o->at - half) & ~(m->page - 1) : 0;
		v.end = v.base + 2 * half;
	}
	return v;
}

int cmd_map(const struct options *o)
{
	struct host_out out = stdout_out();
	struct map_model m;
	struct map_view v;
	struct json *doc;
	const char *why;
	char *text, *html = NULL;
	size_t size, offset;
	FILE *f = stdout;
	int code;

	if (o->output && !ends_with(o->output, ".html") && !ends_with(o->output, ".svg"))
		die("-o: '%s' ends neither in .html nor in .svg", o->output);
	text = make_document(o, &size, &code);
	/* Reading changes the text. */
	if (o->output && ends_with(o->output, ".html")) {
		html = malloc(size);
		if (!html)
			die("no memory");
		memcpy(html, text, size);
	}
	progress_begin("drawing", o->board);
	doc = json_read(text, size, &why, &offset);
	if (!doc)
		die("%s: no JSON document: %s at byte %zu", o->board ? o->board : "the boot", why,
		    offset);
	why = map_model_init(&m, doc);
	if (why)
		die("%s: %s", o->board ? o->board : "the boot", why);
	v = choose_view(o, &m);
	if (o->output) {
		f = fopen(o->output, "w");
		if (!f)
			die("%s: %s", o->output, strerror(errno));
	}
	if (html)
		map_draw_html(f, html, size);
	else if (o->output)
		map_draw_svg(f, &m, &v);
	else
		map_draw_text(f, &m, &v, &out);
	progress_end();
	if (o->output && (ferror(f) | fclose(f)))
		die("%s: cannot be written", o->output);
	map_model_free(&m);
	json_free(doc);
	free(html);
	free(text);
	return code;
}
