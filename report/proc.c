// SPDX-License-Identifier: MIT
/*
 * The texts of /proc by name: what `quire NAME` and quire.show=NAME,... print.
 */
#include <quire/report.h>
#include <quire/string.h>

static const struct {
	const char *name;
	void (*show)(struct out *out);
} proc_reports[] = {
	{"meminfo", report_meminfo},	   {"zoneinfo", report_zoneinfo},
	{"buddyinfo", report_buddyinfo},   {"pagetypeinfo", report_pagetypeinfo},
	{"slabinfo", report_slabinfo},	   {"vmallocinfo", report_vmallocinfo},
	{"page_owner", report_page_owner}, {"vmstat", report_vmstat},
};

int report_proc(struct out *out, const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(proc_reports); i++)
		if (strlen(proc_reports[i].name) == n && !memcmp(proc_reports[i].name, name, n)) {
			proc_reports[i].show(out);
			return out->error;
		}
	return -ENOENT;
}

unsigned int report_proc_list(struct out *out, const char *names)
{
	unsigned int unknown = 0;

	while (*names) {
		const char *end = strchr(names, ',');
		size_t n = end ? (size_t)(end - names) : strlen(names);

		if (n && report_proc(out, names, n) == -ENOENT) {
			out_printf(out, "quire.show: no report ");
			out_write(out, names, n);
			out_puts(out, "\n");
			unknown++;
		}
		names += n + (end != NULL);
	}
	return unknown;
}
