// SPDX-License-Identifier: MIT
/*
 * The machine when no board is given: the device tree that QEMU 7.2's `-M virt,gic-version=3` makes, node by node,
 * without its random seeds, so that a boot is the same every time. 1 MiB in size, as QEMU's.
 */
#include <libfdt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quire.h"

#define TREE_SIZE (1 << 20)
#define RAM_BASE 0x40000000ULL

enum {
	PHANDLE_CLOCK = 0x8000,
	PHANDLE_GIC = 0x8001,
	PHANDLE_ITS = 0x8002,
	PHANDLE_GPIO = 0x8003,
	PHANDLE_CPU = 0x8010
};

struct writer {
	void *fdt;
	int err;
};

static void keep(struct writer *w, int err)
{
	if (!w->err)
		w->err = err;
}

static void begin(struct writer *w, const char *name)
{
	keep(w, fdt_begin_node(w->fdt, name));
}

static void end(struct writer *w)
{
	keep(w, fdt_end_node(w->fdt));
}

static void text(struct writer *w, const char *name, const char *value)
{
	keep(w, fdt_property_string(w->fdt, name, value));
}

/* Several strings: value holds them with their zeros, but for the last one. */
#define TEXTS(w, name, value) keep(w, fdt_property((w)->fdt, name, value, sizeof(value)))

static void empty(struct writer *w, const char *name)
{
	keep(w, fdt_property(w->fdt, name, "", 0));
}

static void cell(struct writer *w, const char *name, uint32_t value)
{
	keep(w, fdt_property_u32(w->fdt, name, value));
}

static void put_cells(struct writer *w, const char *name, const uint32_t *v, size_t n)
{
	void *place;

	keep(w, fdt_property_placeholder(w->fdt, name, (int)(n * 4), &place));
	for (size_t i = 0; !w->err && i < n; i++) {
		fdt32_t big = cpu_to_fdt32(v[i]);

		memcpy((char *)place + i * 4, &big, 4);
	}
}

#define CELLS(w, name, ...)                                                                        \
	do {                                                                                       \
		const uint32_t v_[] = {__VA_ARGS__};                                               \
		put_cells(w, name, v_, sizeof(v_) / sizeof(v_[0]));                                \
	} while (0)
#define HI(x) (uint32_t)((uint64_t)(x) >> 32)
#define LO(x) (uint32_t)(x)

static void psci_and_memory(struct writer *w, uint64_t mem)
{
	begin(w, "psci");
	cell(w, "migrate", 0xc4000005);
	cell(w, "cpu_on", 0xc4000003);
	cell(w, "cpu_off", 0x84000002);
	cell(w, "cpu_suspend", 0xc4000001);
	text(w, "method", "hvc");
	TEXTS(w, "compatible", "arm,psci-1.0\0arm,psci-0.2\0arm,psci");
	end(w);
	begin(w, "memory@40000000");
	CELLS(w, "reg", HI(RAM_BASE), LO(RAM_BASE), HI(mem), LO(mem));
	text(w, "device_type", "memory");
	end(w);
}

static void buses(struct writer *w)
{
	char name[40];

	begin(w, "platform-bus@c000000");
	cell(w, "interrupt-parent", PHANDLE_GIC);
	CELLS(w, "ranges", 0, 0, 0xc000000, 0x2000000);
	cell(w, "#address-cells", 1);
	cell(w, "#size-cells", 1);
	TEXTS(w, "compatible", "qemu,platform\0simple-bus");
	end(w);
	begin(w, "fw-cfg@9020000");
	empty(w, "dma-coherent");
	CELLS(w, "reg", 0, 0x9020000, 0, 0x18);
	text(w, "compatible", "qemu,fw-cfg-mmio");
	end(w);
	for (uint32_t i = 0; i < 32; i++) {
		snprintf(name, sizeof(name), "virtio_mmio@%x", 0xa000000 + i * 0x200);
		begin(w, name);
		empty(w, "dma-coherent");
		CELLS(w, "interrupts", 0, 0x10 + i, 1);
		CELLS(w, "reg", 0, 0xa000000 + i * 0x200, 0, 0x200);
		text(w, "compatible", "virtio,mmio");
		end(w);
	}
}

static void gpio(struct writer *w)
{
	begin(w, "gpio-keys");
	text(w, "compatible", "gpio-keys");
	begin(w, "poweroff");
	CELLS(w, "gpios", PHANDLE_GPIO, 3, 0);
	cell(w, "linux,code", 0x74);
	text(w, "label", "GPIO Key Poweroff");
	end(w);
	end(w);
	begin(w, "pl061@9030000");
	cell(w, "phandle", PHANDLE_GPIO);
	text(w, "clock-names", "apb_pclk");
	cell(w, "clocks", PHANDLE_CLOCK);
	CELLS(w, "interrupts", 0, 7, 4);
	empty(w, "gpio-controller");
	cell(w, "#gpio-cells", 2);
	TEXTS(w, "compatible", "arm,pl061\0arm,primecell");
	CELLS(w, "reg", 0, 0x9030000, 0, 0x1000);
	end(w);
}

/* Legacy interrupts: slot s, pin p goes to SPI 3 + (s + p) % 4. */
static void pcie(struct writer *w)
{
	uint32_t map[4 * 4 * 10], *m = map;

	for (uint32_t slot = 0; slot < 4; slot++) {
		for (uint32_t pin = 0; pin < 4; pin++) {
			const uint32_t entry[] = {slot << 11,		0, 0, pin + 1,
						  PHANDLE_GIC,		0, 0, 0,
						  3 + (slot + pin) % 4, 4};

			memcpy(m, entry, sizeof(entry));
			m += 10;
		}
	}
	begin(w, "pcie@10000000");
	CELLS(w, "interrupt-map-mask", 0x1800, 0, 0, 7);
	put_cells(w, "interrupt-map", map, 160);
	cell(w, "#interrupt-cells", 1);
	CELLS(w, "ranges", 0x1000000, 0, 0, 0, 0x3eff0000, 0, 0x10000, 0x2000000, 0, 0x10000000, 0,
	      0x10000000, 0, 0x2eff0000, 0x3000000, 0x80, 0, 0x80, 0, 0x80, 0);
	CELLS(w, "reg", 0x40, 0x10000000, 0, 0x10000000);
	CELLS(w, "msi-map", 0, PHANDLE_ITS, 0, 0x10000);
	empty(w, "dma-coherent");
	CELLS(w, "bus-range", 0, 0xff);
	cell(w, "linux,pci-domain", 0);
	cell(w, "#size-cells", 2);
	cell(w, "#address-cells", 3);
	text(w, "device_type", "pci");
	text(w, "compatible", "pci-host-ecam-generic");
	end(w);
}

static void primecells(struct writer *w)
{
	begin(w, "pl031@9010000");
	text(w, "clock-names", "apb_pclk");
	cell(w, "clocks", PHANDLE_CLOCK);
	CELLS(w, "interrupts", 0, 2, 4);
	CELLS(w, "reg", 0, 0x9010000, 0, 0x1000);
	TEXTS(w, "compatible", "arm,pl031\0arm,primecell");
	end(w);
	begin(w, "pl011@9000000");
	TEXTS(w, "clock-names", "uartclk\0apb_pclk");
	CELLS(w, "clocks", PHANDLE_CLOCK, PHANDLE_CLOCK);
	CELLS(w, "interrupts", 0, 1, 4);
	CELLS(w, "reg", 0, 0x9000000, 0, 0x1000);
	TEXTS(w, "compatible", "arm,pl011\0arm,primecell");
	end(w);
	begin(w, "pmu");
	CELLS(w, "interrupts", 1, 7, 4);
	text(w, "compatible", "arm,armv8-pmuv3");
	end(w);
}

static void gic_and_flash(struct writer *w)
{
	begin(w, "intc@8000000");
	cell(w, "phandle", PHANDLE_GIC);
	CELLS(w, "reg", 0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0xf60000);
	cell(w, "#redistributor-regions", 1);
	text(w, "compatible", "arm,gic-v3");
	empty(w, "ranges");
	cell(w, "#size-cells", 2);
	cell(w, "#address-cells", 2);
	empty(w, "interrupt-controller");
	cell(w, "#interrupt-cells", 3);
	begin(w, "its@8080000");
	cell(w, "phandle", PHANDLE_ITS);
	CELLS(w, "reg", 0, 0x8080000, 0, 0x20000);
	cell(w, "#msi-cells", 1);
	empty(w, "msi-controller");
	text(w, "compatible", "arm,gic-v3-its");
	end(w);
	end(w);
	begin(w, "flash@0");
	cell(w, "bank-width", 4);
	CELLS(w, "reg", 0, 0, 0, 0x4000000, 0, 0x4000000, 0, 0x4000000);
	text(w, "compatible", "cfi-flash");
	end(w);
}

static void cpus(struct writer *w, unsigned int n, const char *cpu)
{
	char name[80];

	begin(w, "cpus");
	cell(w, "#size-cells", 0);
	cell(w, "#address-cells", 1);
	begin(w, "cpu-map");
	begin(w, "socket0");
	begin(w, "cluster0");
	for (unsigned int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "core%u", i);
		begin(w, name);
		cell(w, "cpu", PHANDLE_CPU + i);
		end(w);
	}
	end(w);
	end(w);
	end(w);
	for (unsigned int i = 0; i < n; i++) {
		/* Affinity: 16 CPUs a cluster with GICv3. */
		uint32_t mpidr = (i / 16) << 8 | i % 16;

		snprintf(name, sizeof(name), "cpu@%x", mpidr);
		begin(w, name);
		cell(w, "phandle", PHANDLE_CPU + i);
		cell(w, "reg", mpidr);
		if (n > 1)
			text(w, "enable-method", "psci");
		snprintf(name, sizeof(name), "arm,%.*s", (int)strcspn(cpu, ","), cpu);
		text(w, "compatible", name);
		text(w, "device_type", "cpu");
		end(w);
	}
	end(w);
}

static void clocks_and_chosen(struct writer *w)
{
	begin(w, "timer");
	CELLS(w, "interrupts", 1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4);
	empty(w, "always-on");
	TEXTS(w, "compatible", "arm,armv8-timer\0arm,armv7-timer");
	end(w);
	begin(w, "apb-pclk");
	cell(w, "phandle", PHANDLE_CLOCK);
	text(w, "clock-output-names", "clk24mhz");
	cell(w, "clock-frequency", 24000000);
	cell(w, "#clock-cells", 0);
	text(w, "compatible", "fixed-clock");
	end(w);
	begin(w, "chosen");
	text(w, "stdout-path", "/pl011@9000000");
	end(w);
}

void tree_virt(struct tree *t, uint64_t mem, unsigned int nr_cpus, const char *cpu)
{
	struct writer w = {.fdt = calloc(1, TREE_SIZE * 2)};

	if (!w.fdt)
		die("no memory for a device tree");
	keep(&w, fdt_create(w.fdt, TREE_SIZE));
	keep(&w, fdt_finish_reservemap(w.fdt));
	begin(&w, "");
	cell(&w, "interrupt-parent", PHANDLE_GIC);
	text(&w, "model", "linux,dummy-virt");
	cell(&w, "#size-cells", 2);
	cell(&w, "#address-cells", 2);
	text(&w, "compatible", "linux,dummy-virt");
	psci_and_memory(&w, mem);
	buses(&w);
	gpio(&w);
	pcie(&w);
	primecells(&w);
	gic_and_flash(&w);
	cpus(&w, nr_cpus, cpu);
	clocks_and_chosen(&w);
	end(&w);
	keep(&w, fdt_finish(w.fdt));
	if (!w.err)
		w.err = fdt_open_into(w.fdt, w.fdt, TREE_SIZE);
	if (w.err)
		die("built-in tree: %s", fdt_strerror(w.err));
	*t = (struct tree){
		.blob = w.fdt,
		.size = TREE_SIZE,
		.original = TREE_SIZE,
		.sound = true,
		.name = "built-in tree",
	};
}
