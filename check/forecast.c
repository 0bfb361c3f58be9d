// SPDX-License-Identifier: MIT
/* A prediction's document as plain structures, see forecast.h. A key that is missing (after a panic) is an empty list. */
#include <stdlib.h>
#include <string.h>

#include "forecast.h"

static bool truth(const struct json *object, const char *key)
{
	const struct json *v = json_get(object, key);

	return v && v->type == JSON_BOOL && v->truth;
}

static size_t count(const struct json *array)
{
	const struct json *v;
	size_t n = 0;

	if (array && array->type == JSON_ARRAY)
		json_each(v, array) n++;
	return n;
}

/* The list under a key, and room for its entries. */
static const struct json *list(const struct forecast *f, const char *key, size_t entry, void *room,
			       size_t *nr)
{
	const struct json *array = json_get(f->root, key);
	void *made;

	*nr = count(array);
	made = calloc(*nr + 1, entry);
	if (!made)
		*nr = 0;
	memcpy(room, &made, sizeof(made));
	return *nr ? array->first : NULL;
}

static void regions(struct forecast *f, const char *key, struct forecast_region **to, size_t *nr)
{
	const struct json *v = list(f, key, sizeof(**to), to, nr);

	for (size_t i = 0; v; v = v->next, i++)
		(*to)[i] = (struct forecast_region){
			json_num(v, "base"),
			json_num(v, "size"),
			(int)json_num(v, "nid"),
			(unsigned int)json_num(v, "flags"),
		};
}

static void read_lists(struct forecast *f)
{
	const struct json *v;
	size_t i = 0;

	regions(f, "memory", &f->memory, &f->nr_memory);
	regions(f, "reserved", &f->reserved, &f->nr_reserved);
	regions(f, "final_reserved", &f->final_reserved, &f->nr_final_reserved);
	v = list(f, "reserved_mem", sizeof(*f->rsv), &f->rsv, &f->nr_rsv);
	for (i = 0; v; v = v->next, i++)
		f->rsv[i] = (struct forecast_rsv){
			json_str(v, "name"), json_num(v, "base"),  json_num(v, "size"),
			truth(v, "nomap"),   truth(v, "reusable"), truth(v, "refused"),
		};
	v = list(f, "cma", sizeof(*f->cma), &f->cma, &f->nr_cma);
	for (i = 0; v; v = v->next, i++)
		f->cma[i] = (struct forecast_cma){json_str(v, "name"), json_num(v, "base"),
						  json_num(v, "size")};
	v = list(f, "zones", sizeof(*f->zones), &f->zones, &f->nr_zones);
	for (i = 0; v; v = v->next, i++)
		f->zones[i] = (struct forecast_zone){
			.node = (int)json_num(v, "node"),
			.name = json_str(v, "zone"),
			.start = json_num(v, "start_pfn"),
			.spanned = json_num(v, "spanned"),
			.present = json_num(v, "present"),
			.managed = json_num(v, "managed"),
			.cma = json_num(v, "cma"),
			.min = json_num(v, "min"),
			.low = json_num(v, "low"),
			.high = json_num(v, "high"),
		};
	v = list(f, "nodes", sizeof(*f->nodes), &f->nodes, &f->nr_nodes);
	for (i = 0; v; v = v->next, i++)
		f->nodes[i] = (struct forecast_node){
			(int)json_num(v, "node"), json_get(v, "fallback"), json_get(v, "distance")};
}

bool forecast_read(struct forecast *f, char *data, size_t size)
{
	char *end = memchr(data, 0, size);
	const struct json *v;
	const char *why;
	size_t at, i = 0;

	*f = (struct forecast){.log = data};
	if (!end)
		return false;
	f->text = end + 1;
	f->root = json_read(f->text, size - (size_t)(f->text - data), &why, &at);
	if (!f->root)
		return false;
	v = json_get(f->root, "panic");
	f->panic = v && v->type == JSON_STRING ? v->string : NULL;
	f->memstart = json_num(f->root, "memstart_addr");
	f->linear_size = json_num(f->root, "linear_size");
	f->va_bits = (unsigned int)json_num(f->root, "va_bits");
	f->phys_bits = (unsigned int)json_num(f->root, "phys_bits");
	read_lists(f);
	v = json_get(f->root, "crashkernel");
	f->crash = (struct forecast_region){json_num(v, "base"), json_num(v, "size"), -1, 0};
	f->crash_low =
		(struct forecast_region){json_num(v, "low_base"), json_num(v, "low_size"), -1, 0};
	v = json_get(f->root, "table_pages");
	for (v = v ? v->first : NULL; v && i < 5; v = v->next)
		f->tables[i++] = json_number(v, 0);
	return true;
}

void forecast_free(struct forecast *f)
{
	json_free(f->root);
	free(f->memory);
	free(f->reserved);
	free(f->final_reserved);
	free(f->rsv);
	free(f->cma);
	free(f->zones);
	free(f->nodes);
	free(f->log);
	*f = (struct forecast){0};
}

char *forecast_line(const struct forecast *f, const char *what)
{
	const char *p = f->log ? strstr(f->log, what) : NULL, *start = p;

	if (!p)
		return NULL;
	while (start > f->log && start[-1] != '\n')
		start--;
	if (*start == '[' && strchr(start, ']') && strchr(start, ']') < p)
		start = strchr(start, ']') + 2;
	return strndup(start, strcspn(start, "\n"));
}

uint64_t forecast_table_pages(const struct forecast *f)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < 5; i++)
		sum += f->tables[i];
	return sum;
}
