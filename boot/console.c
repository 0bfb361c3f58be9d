// SPDX-License-Identifier: MIT
/*
 * The early console: which device, and where, from earlycon= or from /chosen's stdout-path.
 *
 * The table names the devices in the words of Linux's earlycon; whether there is a driver is the
 * port's to say. One console is started; every later request is a success without effect.
 */
#include <quire/boot.h>
#include <quire/memblock.h>
#include <quire/params.h>
#include <quire/printk.h>
#include <quire/string.h>

#include "fdt_scan.h"

struct earlycon_id {
	const char *name, *compatible;
};

static const struct earlycon_id earlycons[] = {
	{"pl011", "arm,pl011"},
	{"pl011", "arm,sbsa-uart"},
	{"ns16550a", "ns16550a"},
	{"ns16550", "ns16550"},
	{"uart", "snps,dw-apb-uart"},
	{"uart8250", "ns16550a"},
	{"bcm2835aux", "brcm,bcm2835-aux-uart"},
	{"meson", "amlogic,meson-ao-uart"},
	{"cdns", "cdns,uart-r1p12"},
	{"msm_geni_serial", "qcom,geni-debug-uart"},
	{"imx", "fsl,imx8qxp-lpuart"},
	{"exynos4210", "samsung,exynos4210-uart"},
};

static bool started;

static int start(const char *name, const char *compatible, phys_addr_t base, unsigned int reg_shift,
		 unsigned int io_width, const char *options)
{
	size_t n = strlen(name), digits = n;
	const char *index;
	int err;

	/* Bytes written there would destroy somebody's data. */
	if (memblock_is_memory(base))
		return -EINVAL;
	err = port_console_init(compatible, base, reg_shift, io_width);
	if (err)
		return err;
	started = true;
	/* Linux takes a name apart into letters and a number: pl011 is pl and 11. */
	while (digits && name[digits - 1] >= '0' && name[digits - 1] <= '9')
		digits--;
	for (index = name + digits; *index == '0' && index[1]; index++)
		;
	pr_info("earlycon: %.*s%s at MMIO%s %pa (options '%.*s')\n", (int)digits, name,
		digits == n ? "0" : index, io_width == 4 && reg_shift == 2 ? "32" : "", &base,
		(int)strnlen(options, 16), options);
	pr_info("printk: legacy bootconsole [%.*s%s] enabled\n", (int)digits, name,
		digits == n ? "0" : index);
	console_start();
	return 0;
}

/* name,[mmio,|mmio32,]address[,options] */
int setup_earlycon(const char *val)
{
	unsigned int reg_shift = 0, io_width = 0, i;
	const char *name = val, *end, *p;
	bool over;
	u64 base;
	size_t n;

	if (started)
		return 0;
	if (!val || !*val) {
		console_from_stdout_path();
		return started ? 0 : -ENODEV;
	}
	p = strchr(val, ',');
	n = p ? (size_t)(p - val) : strlen(val);
	for (i = 0; i < ARRAY_SIZE(earlycons); i++)
		if (strlen(earlycons[i].name) == n && memcmp(earlycons[i].name, name, n) == 0)
			break;
	if (i == ARRAY_SIZE(earlycons) || !p)
		return -ENODEV;
	p++;
	if (strncmp(p, "mmio32,", 7) == 0) {
		p += 7;
		reg_shift = 2;
		io_width = 4;
	} else if (strncmp(p, "mmio,", 5) == 0) {
		p += 5;
	}
	base = parse_size(p, &end, &over);
	if (end == p || over)
		return -EINVAL;
	return start(earlycons[i].name, earlycons[i].compatible, base, reg_shift, io_width,
		     *end == ',' ? end + 1 : "");
}

void console_from_stdout_path(void)
{
	static struct fdt_level lv[FDT_MAX_DEPTH];
	const char *path = fdt_info.stdout_path, *options = "";
	struct fdt_props props;
	struct fdt_cursor c;
	unsigned int i;
	int depth, cells;
	size_t n;
	u64 base;

	if (started || !path)
		return;
	for (n = 0; path[n] && path[n] != ':'; n++)
		;
	if (path[n])
		options = path + n + 1;
	if (fdt_find_node(&fdt_info.tree, path, n, &c, &props, lv, &depth)) {
		pr_warn("earlycon: stdout-path %.*s not found\n", (int)n, path);
		return;
	}
	cells = depth ? lv[depth - 1].addr_cells : 0;
	if (!cells || !fdt_has(&props, FDT_P_REG) || props.len[FDT_P_REG] < (u32)cells * 4) {
		pr_warn("earlycon: stdout-path %.*s has no address\n", (int)n, path);
		return;
	}
	base = fdt_translate(lv, depth, fdt_number(props.val[FDT_P_REG], (unsigned int)cells),
			     false);
	if (base == FDT_BAD_ADDR) {
		pr_warn("earlycon: stdout-path %.*s is on a bus that passes no addresses on\n",
			(int)n, path);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(earlycons); i++)
		if (fdt_compatible(&props, earlycons[i].compatible) &&
		    start(earlycons[i].name, earlycons[i].compatible, base,
			  fdt_prop_u32(&props, FDT_P_REG_SHIFT, 0),
			  fdt_prop_u32(&props, FDT_P_REG_IO_WIDTH, 0), options) == 0)
			return;
}
