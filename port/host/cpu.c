// SPDX-License-Identifier: MIT
/*
 * CPU models by name: the ID registers that decide how memory is brought up. cortex-a35, -a53, -a57, -a72, -a76,
 * neoverse-n1, a64fx and max read as QEMU 7.2's models do at EL1; the others as their technical reference manuals
 * say (cortex-a55, neoverse-n2 and -v1: as later QEMU versions model them).
 */
#include <stdio.h>
#include <string.h>

#include "host.h"

const struct host_cpu_model host_cpu_models[] = {
	/* name, MIDR, MMFR0, MMFR1, MMFR2, PFR0, ISAR0, CTR */
	{"cortex-a35", 0x411fd040, 0x101122, 0, 0, 0x22, 0x11120, 0x84448004},
	{"cortex-a53", 0x410fd034, 0x1122, 0, 0, 0x22, 0x11120, 0x84448004},
	{"cortex-a55", 0x412fd050, 0x101122, 0x10212122, 0x1011, 0x10110022, 0x100010211120,
	 0x84448004},
	{"cortex-a57", 0x411fd070, 0x1124, 0, 0, 0x22, 0x11120, 0x8444c004},
	{"cortex-a72", 0x410fd083, 0x1124, 0, 0, 0x22, 0x11120, 0x8444c004},
	{"cortex-a73", 0x410fd092, 0x1122, 0, 0, 0x22, 0x11120, 0x84448004},
	{"cortex-a75", 0x413fd0a1, 0x101124, 0x10212122, 0x1011, 0x1100000010110022, 0x100010211120,
	 0x8444c004},
	{"cortex-a76", 0x414fd0b1, 0x101122, 0x10212122, 0x1011, 0x1100000010110012, 0x100010211120,
	 0x8444c004},
	{"cortex-a77", 0x411fd0d0, 0x101122, 0x10212122, 0x1011, 0x1100000010110012, 0x100010211120,
	 0x8444c004},
	{"cortex-a78", 0x411fd411, 0x101122, 0x10212122, 0x100001011, 0x1100000010110012,
	 0x100010211120, 0x9444c004},
	{"neoverse-n1", 0x414fd0c1, 0x101125, 0x10212122, 0x1011, 0x1100000010110012,
	 0x100010211120, 0x8444c004},
	{"neoverse-n2", 0x410fd493, 0x22200101125, 0x10212122, 0x1221011112101011,
	 0x1201111120110012, 0x1221111110212120, 0xb444c004},
	{"neoverse-v1", 0x411fd402, 0x101125, 0x10212122, 0x220011102101011, 0x1101110120110012,
	 0x1011111110212120, 0xb444c004},
	{"a64fx", 0x461f0010, 0x1122, 0x11212100, 0x1011, 0x101110011, 0x10211120, 0x86668006},
	{"max", 0xf0510, 0x32310201126, 0x11010211122, 0x1021011010011011, 0x1201001120110022,
	 0x1221111110212120, 0x8444c004},
	{NULL, 0, 0, 0, 0, 0, 0, 0},
};

static void set_field(uint64_t *reg, unsigned int shift, uint64_t value)
{
	*reg = (*reg & ~(0xfULL << shift)) | value << shift;
}

/* Properties of QEMU's CPUs that change what the core reads. Unlisted ones are refused. */
static bool set_property(struct host_cpu_model *m, const char *prop, size_t n)
{
	bool off = n > 4 && !memcmp(prop + n - 4, "=off", 4);
	bool on = n > 3 && !memcmp(prop + n - 3, "=on", 3);
	size_t len = n - (off ? 4 : 3);

	if (!off && !on)
		return false;
	if (len == 4 && !memcmp(prop, "lpa2", 4)) {
		/* TGRAN16: 1 or 2; TGRAN4: 0 or 1; and the stage 2 fields. */
		set_field(&m->mmfr0, 20, on ? 2 : 1);
		set_field(&m->mmfr0, 28, on ? 1 : 0);
		set_field(&m->mmfr0, 32, on ? 3 : 2);
		set_field(&m->mmfr0, 40, on ? 3 : 2);
		return true;
	}
	if (len == 3 && !memcmp(prop, "sve", 3)) {
		set_field(&m->pfr0, 32, on);
		return true;
	}
	/* In registers that decide nothing about memory. */
	return (len == 3 && !memcmp(prop, "sme", 3)) || (len == 5 && !memcmp(prop, "pauth", 5));
}

const char *host_cpu_find(const char *spec, struct host_cpu_model *model)
{
	static char message[160];
	size_t n = strcspn(spec, ",");
	const struct host_cpu_model *m;

	for (m = host_cpu_models; m->name; m++)
		if (strlen(m->name) == n && !memcmp(m->name, spec, n))
			break;
	if (!m->name) {
		snprintf(message, sizeof(message), "unknown CPU '%.*s'", (int)(n < 60 ? n : 60),
			 spec);
		return message;
	}
	*model = *m;
	while (spec[n] == ',') {
		spec += n + 1;
		n = strcspn(spec, ",");
		if (!set_property(model, spec, n)) {
			snprintf(message, sizeof(message), "unknown property '%.*s' of CPU %s",
				 (int)(n < 60 ? n : 60), spec, model->name);
			return message;
		}
	}
	return NULL;
}
