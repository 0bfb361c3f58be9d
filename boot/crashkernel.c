// SPDX-License-Identifier: MIT
/*
 * crashkernel=: room for the kernel that is started when this one dies.
 *
 * The forms are size, size@offset, range:size[,range:size...][@offset], size,high and size,low. As
 * in Linux the command line is searched for the last one, words with ,high and ,low apart from the
 * others, and without regard to quotes.
 *
 * Placed after CMA: below the DMA limit when nothing else is said, else above it with a low part
 * for devices that cannot reach further; aligned to 2 MiB, which the boot protocol wants of an
 * image.
 */
#include <quire/boot.h>
#include <quire/build_profile.h>
#include <quire/event.h>
#include <quire/memblock.h>
#include <quire/params.h>
#include <quire/printk.h>
#include <quire/string.h>

#include "fdt_scan.h"

#define CRASH_ALIGN SZ_2M
#define DEFAULT_LOW_SIZE SZ_128M
#define CRASH_ADDR_HIGH_MAX (1ULL << 48)

struct crash_res crash_res;

struct crash_request {
	u64 size, base, low_size;
	bool high;
};

/* What is at s, and moves s behind it. */
static int number(const char **s, u64 *v)
{
	const char *end;
	bool over;

	*v = parse_size(*s, &end, &over);
	if (end == *s || over) {
		pr_warn("crashkernel: Memory value expected\n");
		return -EINVAL;
	}
	*s = end;
	return 0;
}

/* size[@offset] */
static int parse_simple(const char *s, struct crash_request *r)
{
	if (number(&s, &r->size))
		return -EINVAL;
	if (*s == '@') {
		s++;
		if (number(&s, &r->base))
			return -EINVAL;
	}
	if (*s != ' ' && *s != '\0') {
		pr_warn("crashkernel: unrecognized char: %c\n", *s);
		return -EINVAL;
	}
	return 0;
}

/* start-[end]:size[,...][@offset], the first range that holds the amount of RAM decides. */
static int parse_ranges(const char *s, u64 ram, struct crash_request *r)
{
	u64 start, end, size;

	/* Firmware keeps some memory for itself: count it back to what was bought. */
	ram = ALIGN(ram, SZ_128M);
	do {
		end = ~(u64)0;
		if (number(&s, &start))
			return -EINVAL;
		if (*s++ != '-') {
			pr_warn("crashkernel: '-' expected\n");
			return -EINVAL;
		}
		if (*s != ':') {
			if (number(&s, &end))
				return -EINVAL;
			if (end <= start) {
				pr_warn("crashkernel: end <= start\n");
				return -EINVAL;
			}
		}
		if (*s++ != ':') {
			pr_warn("crashkernel: ':' expected\n");
			return -EINVAL;
		}
		if (number(&s, &size))
			return -EINVAL;
		if (size >= ram) {
			pr_warn("crashkernel: invalid size\n");
			return -EINVAL;
		}
		if (ram >= start && ram < end) {
			r->size = size;
			break;
		}
	} while (*s++ == ',');

	if (!r->size) {
		pr_info("crashkernel size resulted in zero bytes\n");
		return 0;
	}
	while (*s && *s != ' ' && *s != '@')
		s++;
	if (*s == '@') {
		s++;
		return number(&s, &r->base);
	}
	return 0;
}

/* size,high or size,low */
static int parse_suffix(const char *s, const char *suffix, u64 *size)
{
	size_t n = strlen(suffix);

	if (number(&s, size))
		return -EINVAL;
	if (strncmp(s, suffix, n) != 0 || (s[n] != ' ' && s[n] != '\0')) {
		pr_warn("crashkernel: unrecognized char: %c\n", *s);
		return -EINVAL;
	}
	return 0;
}

static bool word_ends_with(const char *word, const char *end, const char *suffix)
{
	size_t n = strlen(suffix);

	return (size_t)(end - word) >= n && strncmp(end - n, suffix, n) == 0;
}

/*
 * The value of the last crashkernel= with this suffix; NULL for `suffix` finds those without any.
 */
static const char *find_last(const char *cmdline, const char *suffix)
{
	static const char name[] = "crashkernel=";
	const char *p, *end, *found = NULL;

	for (p = strstr(cmdline, name); p; p = strstr(p + 1, name)) {
		end = strchr(p, ' ');
		if (!end)
			end = p + strlen(p);
		if (suffix ? word_ends_with(p, end, suffix)
			   : !word_ends_with(p, end, ",high") && !word_ends_with(p, end, ",low"))
			found = p + sizeof(name) - 1;
	}
	return found;
}

static int parse_crashkernel(const char *cmdline, u64 ram, struct crash_request *r)
{
	const char *s, *colon, *space;
	int err;

	*r = (struct crash_request){0};
	s = find_last(cmdline, NULL);
	if (s) {
		colon = strchr(s, ':');
		space = strchr(s, ' ');
		err = colon && (!space || colon < space) ? parse_ranges(s, ram, r)
							 : parse_simple(s, r);
	} else {
		s = find_last(cmdline, ",high");
		if (!s)
			return -ENOENT;
		err = parse_suffix(s, ",high", &r->size);
		if (err)
			return err;
		s = find_last(cmdline, ",low");
		r->low_size =
			build_profile && build_profile->version < 0x606 ? 0 : DEFAULT_LOW_SIZE;
		if (s)
			err = parse_suffix(s, ",low", &r->low_size);
		r->high = true;
	}
	if (err)
		return err;
	if (!r->size)
		return -EINVAL;
	if (r->size >= ram) {
		pr_warn("crashkernel: 0x%llx is not less than all memory, ignoring it\n",
			(unsigned long long)r->size);
		return -EINVAL;
	}
	return 0;
}

static int reserve_low(u64 size)
{
	phys_addr_t base;

	base = memblock_phys_alloc_range(size, CRASH_ALIGN, 0, arm64_dma_phys_limit);
	if (!base) {
		pr_err("cannot allocate crashkernel low memory (size:0x%llx).\n",
		       (unsigned long long)size);
		return -ENOMEM;
	}
	pr_info("crashkernel low memory reserved: 0x%08llx - 0x%08llx (%llu MB)\n",
		(unsigned long long)base, (unsigned long long)(base + size),
		(unsigned long long)(size >> 20));
	crash_res.low_base = base;
	crash_res.low_size = size;
	return 0;
}

static phys_addr_t search(u64 size, phys_addr_t start, phys_addr_t end)
{
	return start < end ? memblock_phys_alloc_range(size, CRASH_ALIGN, start, end) : 0;
}

void reserve_crashkernel(void)
{
	phys_addr_t low_max = arm64_dma_phys_limit, base;
	struct crash_request r;

	crash_res = (struct crash_res){0};
	if (!strstr(boot_command_line, "crashkernel="))
		return;
	event_step("reserve_crashkernel");
	if (parse_crashkernel(boot_command_line, memblock_phys_mem_size(), &r))
		return;

	if (build_profile && build_profile->version < 0x606) {
		/* No second try elsewhere yet. */
		base = search(r.size, r.base,
			      r.base   ? r.base + r.size
			      : r.high ? CRASH_ADDR_HIGH_MAX
				       : low_max);
	} else if (r.base) {
		base = r.size > PHYS_ADDR_MAX - r.base ? 0
						       : search(r.size, r.base, r.base + r.size);
		if (!base) {
			pr_warn("crashkernel reservation failed - memory is in use.\n");
			return;
		}
	} else if (r.high) {
		base = search(r.size, low_max, CRASH_ADDR_HIGH_MAX);
		if (!base)
			base = search(r.size, 0, low_max);
	} else {
		base = search(r.size, 0, low_max);
		if (!base) {
			r.low_size = DEFAULT_LOW_SIZE;
			base = search(r.size, low_max, CRASH_ADDR_HIGH_MAX);
		}
	}
	if (!base) {
		pr_warn("cannot allocate crashkernel (size:0x%llx)\n", (unsigned long long)r.size);
		return;
	}
	if (base >= low_max && r.low_size && reserve_low(r.low_size)) {
		memblock_phys_free(base, r.size);
		return;
	}
	pr_info("crashkernel reserved: 0x%016llx - 0x%016llx (%llu MB)\n", (unsigned long long)base,
		(unsigned long long)(base + r.size), (unsigned long long)(r.size >> 20));
	crash_res.base = base;
	crash_res.size = r.size;
}
