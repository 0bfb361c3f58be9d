// SPDX-License-Identifier: MIT
/*
 * Words of the command line that decide how much memory parts of Linux take which Quire has not: KFENCE, the log buffer,
 * hash tables, swiotlb, huge pages. Read once; a value that cannot be read counts as 0, as simple_strtoul has it.
 */
#include <quire/boot.h>
#include <quire/params.h>
#include <quire/string.h>

#include "predict.h"

struct linux_params linux_params;

static const char *number(const char *s, unsigned long *v)
{
	const char *end;

	*v = (unsigned long)parse_size(s, &end, NULL);
	return end;
}

/* swiotlb=[SLABS][,AREAS][,force|noforce] */
static void swiotlb_param(const char *s)
{
	struct linux_params *p = &linux_params;
	unsigned long areas;

	if (*s >= '0' && *s <= '9')
		s = number(s, &p->swiotlb_slabs);
	if (*s == ',')
		s++;
	if (*s >= '0' && *s <= '9') {
		s = number(s, &areas);
		p->swiotlb_areas = (unsigned int)areas;
	}
	if (*s == ',')
		s++;
	if (!strcmp(s, "force"))
		p->swiotlb_force = true;
	else if (!strcmp(s, "noforce"))
		p->swiotlb_off = true;
}

static void log_buf_len_param(const char *s)
{
	unsigned long size;

	number(s, &size);
	if (size > SZ_2G)
		size = SZ_2G;
	if (size)
		size = roundup_pow_of_two(size);
	/* Not smaller than the one in the image. */
	if (size > 1UL << build_profile->log_buf_shift)
		linux_params.log_buf_len = size;
}

/* slab_debug=FLAGS[,CACHES][;...]: U keeps callers, and no flags at all are all of them. */
static bool keeps_callers(const char *s)
{
	if (!*s || *s == ',')
		return true;
	for (; *s && *s != ','; s++)
		if (*s == 'u' || *s == 'U')
			return true;
	return false;
}

void linux_parse_params(void)
{
	static char copy[COMMAND_LINE_SIZE];
	struct linux_params *p = &linux_params;
	char *args = copy, *param, *val;
	unsigned long v;

	*p = (struct linux_params){
		.kfence_sample_interval = build_profile->kfence_sample_interval,
		/* CONFIG_NUMA on 64 bits: on, until there is but one node with memory. */
		.spread_hash = build_profile->numa,
	};
	quire_strlcpy(copy, boot_command_line, sizeof(copy));
	while (*args == ' ')
		args++;
	while (*args) {
		args = next_arg(args, &param, &val);
		if (!val)
			continue;
		if (parameq(param, "kfence.sample_interval"))
			number(val, &p->kfence_sample_interval);
		else if (parameq(param, "log_buf_len"))
			log_buf_len_param(val);
		else if (parameq(param, "dhash_entries"))
			number(val, &p->dhash_entries);
		else if (parameq(param, "ihash_entries"))
			number(val, &p->ihash_entries);
		else if (parameq(param, "swiotlb"))
			swiotlb_param(val);
		else if (parameq(param, "slub_debug") || parameq(param, "slab_debug"))
			p->stack_depot = build_profile->stackdepot && keeps_callers(val);
		else if (parameq(param, "percpu_alloc"))
			p->percpu_page = !strcmp(val, "page");
		else if (parameq(param, "hashdist")) {
			number(val, &v);
			p->spread_hash = v != 0;
		}
	}
}
