/* SPDX-License-Identifier: MIT */
/* The ways to draw a map_model. */
#ifndef QUIRE_CMD_MAP_DRAW_H
#define QUIRE_CMD_MAP_DRAW_H

#include <stdio.h>

#include "map_model.h"
#include "quire.h"

struct map_view {
	uint64_t base, end; /* what is shown; both 0: everything */
	uint64_t at;	    /* an address to say everything about; NO_ADDRESS: none */
};

/* [map_term.c] As text, at most out->columns wide (80 if 0). */
void map_draw_text(FILE *f, const struct map_model *m, const struct map_view *v,
		   const struct host_out *out);
/* [map_svg.c] As a picture. */
void map_draw_svg(FILE *f, const struct map_model *m, const struct map_view *v);
/* [map_html.c] The report with the document in it: text[size] is JSON. */
void map_draw_html(FILE *f, const char *text, size_t size);

#endif
