// SPDX-License-Identifier: MIT
/*
 * The document (docs/predict.md, docs/json.md) as what the pictures need: ranges of Numbers, one list of moments, and who
 * has what.
 *
 * A moment is one event of the boot: a function entered, a memblock operation, a mapping made, pages handed over.
 * buildModel() never changes the document.
 */
"use strict";

/* What a function of the boot road does, in a line. */
const ROAD = {
	start_kernel: "The kernel's C code begins; the image, its tables and the device tree lie where the boot loader put them.",
	setup_arch: "arm64's own part of the boot.",
	setup_machine_fdt: "The device tree is mapped through the fixmap, reserved, and read for the first time.",
	early_init_dt_scan: "Memory nodes become memblock.memory.",
	parse_early_param: "The command line: mem=, cma=, crashkernel=, rodata= and others that decide memory.",
	arm64_memblock_init: "What this kernel cannot reach goes; image and initrd are reserved; the linear map's start is chosen.",
	early_init_fdt_scan_reserved_mem: "/memreserve/ and the nodes of /reserved-memory with a fixed place.",
	fdt_scan_reserved_mem: "Nodes of /reserved-memory, in the order of the tree.",
	fdt_scan_reserved_mem_reg_nodes: "The reserved nodes are noted, now that memory can be allocated.",
	"memory reservation block": "The entries of /memreserve/.",
	paging_init: "All memory gets its page tables: the linear map. Blocks where permissions allow, pages elsewhere.",
	unflatten_device_tree: "The device tree becomes a tree of structures.",
	bootmem_init: "Nodes, sections, zones and the big reservations.",
	arch_numa_init: "Which memory belongs to which node; NODE_DATA of each.",
	sparse_init: "struct pages for every section that has memory, mapped in vmemmap.",
	zone_sizes_init: "DMA, DMA32, Normal: where the zones begin and end.",
	dma_contiguous_reserve: "The default CMA area, and after it the crash kernel.",
	reserve_crashkernel: "Memory for the kernel that runs after a crash.",
	memblock_dump_all: "Linux prints its MEMBLOCK configuration.",
	request_standard_resources: "The entries of /proc/iomem.",
	setup_command_line: "Copies of the command line.",
	setup_per_cpu_areas: "Each CPU's own variables.",
	setup_log_buf: "A larger log buffer, if one is wanted.",
	vfs_caches_init_early: "Hash tables that are sized by memory.",
	kfence_alloc_pool_and_metadata: "KFENCE's notes on its guarded pages.",
	swiotlb_init: "Bounce buffers for devices that do not reach all memory.",
	memblock_free_all: "The hand-over: all that nobody reserved goes to the buddy allocator.",
	free_initrd_mem: "The initrd has been unpacked: its pages are free.",
	free_initmem: "Code and data that only the boot needed are free.",
};

const MAX_HANDOVER = 1500;

function range(r) {
	return { base: num(r.base), end: num(r.base) + num(r.size) };
}

/* memblock's regions and bits, in both documents. */
const FLAG_NAMES = ["HOTPLUG", "MIRROR", "NOMAP", "DRIVER_MANAGED", "RSRV_NOINIT"];

function flagBits(flags) {
	return typeof flags === "number" ? flags : (flags || []).reduce((bits, f) => bits | 1 << FLAG_NAMES.indexOf(f), 0);
}

const NOMAP = 4;

function regions(list) {
	return (list || []).map((r) => ({ ...range(r), nid: r.nid, flags: flagBits(r.flags) })).filter((r) => r.end > r.base);
}

/* Both documents' events as one list of {op, ...}, steps among them. */
function mergedEvents(doc) {
	const steps = doc.steps || [], out = [];
	let s = 0;

	(doc.events || []).forEach((e, i) => {
		for (; s < steps.length && steps[s].at <= i; s++)
			out.push(steps[s]);
		out.push(e);
	});
	return out.concat(steps.slice(s));
}

const REQUESTS = ["phys_alloc_range", "alloc_try_nid", "alloc_try_nid_raw", "alloc_exact_nid_raw", "alloc"];

/* ---- who has a reservation */

const BY_CALLER = [
	[/^(early_pgtable_alloc)$/, "tables", "page tables of the linear map"],
	[/^__earlyonly_bootmem_alloc$/, "memmap", "struct pages: tables and blocks"],
	[/^(memmap_alloc|sparse_init|sparse_index_alloc|sparse_init_nid|sparse_buffer_init)$/, "memmap", "memory map"],
	[/^pcpu_/, "percpu", "per-CPU memory"],
	[/^(setup_per_cpu_areas)$/, "percpu", "per-CPU memory"],
	[/swiotlb/, "dma", "bounce buffers (swiotlb)"],
	[/kfence/i, "boot", "KFENCE"],
	[/^reserve_crashkernel/, "crash", "crash kernel"],
	[/^cma_declare_contiguous|^dma_contiguous/, "cma", "CMA"],
	[/^(fdt_scan_reserved_mem|early_init_fdt_scan_reserved_mem|fdt_reserved_mem)/, "firmware", "reserved by the tree"],
	[/^early_init_dt_alloc_memory_arch$/, "boot", "unflattened device tree"],
	[/hugetlb|gigantic/, "boot", "gigantic pages"],
	[/^setup_log_buf$/, "boot", "log buffer"],
	[/^alloc_large_system_hash$/, "boot", "hash table"],
	[/stack_depot/, "boot", "stack depot"],
	[/^paging_init$/, "boot", "KFENCE pool"],
	[/^numa|^set_distance/, "boot", "NUMA distances"],
];

function overlap(a, b) {
	return a.base < b.end && b.base < a.end;
}

/* {kind, who} of a reservation: by what it is first, by who asked for it then. */
function attribute(model, r, caller, step) {
	const known = knownAt(model, r.base);

	if (known && !(caller && BY_CALLER.slice(0, 5).some(([re]) => re.test(caller))))
		return known;
	if (r.base === model.fdt)
		return { kind: "fdt", who: "device tree" };
	for (const [re, kind, who] of BY_CALLER)
		if (caller && re.test(caller))
			return { kind, who };
	if (step === "arch_numa_init" && !caller)
		return { kind: "boot", who: "NODE_DATA" };
	if (step === "early_init_fdt_scan_reserved_mem" || step === "memory reservation block")
		return { kind: "firmware", who: "/memreserve/" };
	return { kind: "boot", who: caller && caller !== "?" ? caller : step };
}

/* The first of model.known that holds the address. */
function knownAt(model, at) {
	const r = findRange(model.knownByBase, at);

	return r && r.of;
}

/* Where they overlap the first has it. */
function byBase(known) {
	const out = [];

	/* Most do not overlap: those are put in order at once. */
	const sorted = known.map((k) => ({ base: k.base, end: k.end, of: k })).sort((a, b) => a.base - b.base);

	if (sorted.every((r, i) => !i || sorted[i - 1].end <= r.base))
		return sorted;
	for (const k of known)
		fillRange(out, { base: k.base, end: k.end, of: k });
	return out;
}

function knownPlaces(doc) {
	const out = [], add = (kind, who, r, more = {}) => r.end > r.base && out.push({ kind, who, ...r, ...more });

	add("kernel", "kernel image", range(doc.kernel));
	for (const c of doc.cma || [])
		add("cma", `CMA area "${c.name}"`, range(c));
	for (const r of doc.reserved_mem || [])
		if (!r.refused)
			add(r.nomap ? "nomap" : "firmware", r.name, range(r), { tree: r });
	if (doc.initrd)
		add("initrd", "initrd", range(doc.initrd));
	const c = doc.crashkernel || {};
	if (c.size) {
		add("crash", "crash kernel", range(c));
		add("crash", "crash kernel, low", { base: num(c.low_base), end: num(c.low_base) + num(c.low_size) });
	}
	for (const n of doc.nodes || [])
		if (n.data)
			add("boot", `NODE_DATA(${n.node})`, { base: num(n.data), end: num(n.data) + num(n.data_size) });
	if (doc.swiotlb && num(doc.swiotlb.size))
		add("dma", "bounce buffers (swiotlb)", range(doc.swiotlb));
	return out;
}

/* ---- moments */

function pa16(v) {
	return "0x" + BigInt(v).toString(16).padStart(16, "0");
}

/* The line that Linux prints with memblock=debug. */
function logLine(e) {
	if (REQUESTS.includes(e.op)) {
		const from = e.from ?? e.min, max = e.max_addr ?? e.max;

		return `memblock_${e.op}: ${num(e.size)} bytes align=${e.align} ` +
			(e.nid === undefined ? "" : `nid=${e.nid} `) + `from=${pa16(from)} max_addr=${pa16(max)} ${e.caller || ""}`;
	}
	if (e.base === undefined)
		return "";
	const end = (BigInt(e.base) + BigInt(e.size) - 1n) & (TOP - 1n);

	return `memblock_${e.op === "free" ? "phys_free" : e.op}: [${pa16(e.base)}-${pa16("0x" + end.toString(16))}] ${e.caller || ""}`;
}

/* What a run of equal requests takes: one range where the steps are as long as what is taken, else one each. */
function spread(e, n, stride) {
	const r = range(e), out = [];

	if (n === 1)
		return [r];
	if (Math.abs(stride) === r.end - r.base || n > 20000) {
		const last = r.base + stride * (n - 1);

		return [{ base: Math.min(r.base, last), end: Math.max(r.base, last) + (r.end - r.base) }];
	}
	for (let i = 0; i < n; i++)
		out.push({ base: r.base + i * stride, end: r.end + i * stride });
	return out;
}

function ticksOf(model, doc) {
	const ticks = [], road = [];
	let fn = "start_kernel", asked = null, handed = false;
	const push = (t) => ticks.push({ step: fn, ranges: [], n: 1, ...t });
	const maps = model.mappings, inArea = (m, a) => a && m.va >= a.start && m.va < a.end;
	const area = (name) => model.layout.find((a) => a.name === name);
	const mapped = (list, who) => list.forEach((m) => push({
		op: "map", fn: who, ranges: [{ base: m.pa, end: m.pa + m.size }], map: m,
		line: `${hexVa(m.va)}-${hexVa(m.va + m.size - 1)} -> ${pa16(m.pa)}, ${plural(m.size / m.block, "entry", "entries")} of ` +
			`${human(m.block)}${m.cont ? ", contiguous" : ""}, ${m.prot}`,
	}));
	const finish = (step) => {
		if (step === "paging_init") {
			mapped(maps.filter((m) => inArea(m, area("kernel image"))), "map_kernel");
			mapped(maps.filter((m) => inArea(m, area("linear map"))), "map_mem");
		}
		if (step === "sparse_init")
			mapped(maps.filter((m) => inArea(m, area("vmemmap"))), "vmemmap_populate");
	};
	const reserve = (e, n, stride) => {
		const by = asked && asked.caller || e.caller;
		const caller = by === "memblock_alloc_range_nid" ? null : by;
		const ranges = spread(e, n, stride);

		push({ op: "reserve", fn: e.caller || fn, ranges, n, line: logLine(e), asker: caller, by: attribute(model, ranges[0], caller, fn) });
		asked = null;
	};
	const one = (e, n, stride) => {
		if (REQUESTS.includes(e.op)) {
			asked = e;
			push({ op: "alloc", fn: e.caller || fn, n, line: logLine(e),
				at: e.result ? spread({ base: e.result, size: e.size }, n, stride) : null });
			return;
		}
		if (e.op === "reserve") {
			reserve(e, n, stride);
			return;
		}
		asked = null;
		if (["add", "remove", "free", "phys_free", "mark", "clear", "limit"].includes(e.op))
			push({ op: e.op === "phys_free" ? "free" : e.op, fn: e.caller || fn, n, ranges: spread(e, n, stride),
				flags: flagBits(e.flags),
				line: e.op === "mark" || e.op === "clear" ?
					`memblock ${e.op}: ${FLAG_NAMES.filter((_, i) => flagBits(e.flags) >> i & 1).join(", ")} ` +
					`[${pa16(e.base)}, ${human(num(e.size) > 2 ** 53 ? 2 ** 53 : num(e.size))}]` : logLine(e) });
	};

	for (const e of mergedEvents(doc)) {
		if (e.op === "step") {
			finish(fn);
			fn = e.name;
			road.push({ name: fn, tick: ticks.length });
			push({ op: "step", fn, line: ROAD[fn] || "" });
			if (fn === "memblock_free_all") {
				push({ op: "handover", fn, line: "" });
				handed = true;
			}
			continue;
		}
		if (e.op === "repeat") {
			e.events.forEach((x) => one(x, e.count, num(e.stride)));
			continue;
		}
		one(e, 1, 0);
	}
	finish(fn);
	model.road = road;
	model.handed = handed;
	return ticks;
}

/* The one moment that stands for the hand-over becomes a moment for each range that is handed over. */
function expandHandover(model) {
	const at = model.ticks.findIndex((t) => t.op === "handover");

	if (at < 0)
		return;
	const state = stateAt(model, at);
	const held = state.claims.concat(state.memory.filter((r) => r.flags & NOMAP)).sort((a, b) => a.base - b.base);
	const free = [], page = model.page;

	for (const r of without(state.memory, merged(held)))
		for (const z of model.zones) {
			const base = Math.ceil(Math.max(r.base, z.base) / page) * page, end = Math.floor(Math.min(r.end, z.end) / page) * page;

			if (base < end && (r.nid < 0 || r.nid === undefined || r.nid === z.node || model.nodes.length < 2))
				free.push({ base, end, zone: z });
		}
	const make = (ranges, z) => ({
		op: "give", fn: "__free_pages_memory", step: "memblock_free_all", n: ranges.length, ranges, zone: z,
		line: ranges.length > 1 ? `node ${z.node} zone ${z.name}: ${plural(ranges.length, "range")}, ${human(totalOf(ranges))}` :
			`node ${z.node} zone ${z.name}: [${pa16(ranges[0].base)}-${pa16(ranges[0].end - 1)}], ` +
			`${plural((ranges[0].end - ranges[0].base) / page, "page")} in ${plural(blocksOf(model, ranges[0]).reduce((n, b) => n + b.count, 0), "block")}`,
	});
	const gives = free.length > MAX_HANDOVER ?
		model.zones.map((z) => make(free.filter((r) => r.zone === z), z)).filter((t) => t.n) : free.map((r) => make([r], r.zone));

	for (const c of model.known.filter((k) => k.kind === "cma"))
		gives.push({ op: "give", fn: "cma_init_reserved_areas", step: "memblock_free_all", n: 1, ranges: [c], cma: true,
			line: `${c.who}: ${human(c.end - c.base)} for movable pages until a driver wants it` });
	model.ticks.splice(at, 1, ...gives);
	for (const r of model.road)
		if (r.tick > at)
			r.tick += gives.length - 1;
}

function merged(list) {
	const out = [];

	for (const r of list) {
		const last = out[out.length - 1];

		if (last && r.base <= last.end)
			last.end = Math.max(last.end, r.end);
		else
			out.push({ base: r.base, end: r.end });
	}
	return out;
}

/* The buddy blocks of a range that was given as a whole: {base, order, count}, the largest as one entry. */
function blocksOf(model, r) {
	const out = [], page = model.page, top = model.maxOrder;
	let pfn = r.base / page;
	const end = Math.floor(r.end / page);

	while (pfn < end) {
		let order = 0;

		while (order < top && pfn % 2 ** (order + 1) === 0 && pfn + 2 ** (order + 1) <= end)
			order++;
		const n = order === top ? Math.floor((end - pfn) / 2 ** top) : 1;

		out.push({ base: pfn * page, end: (pfn + n * 2 ** order) * page, order, count: n });
		pfn += n * 2 ** order;
	}
	return out;
}

/* ---- the replay */

/* State is {memory, claims, free, mapped}; lists are shared between states and copied before they change. */
function applyTick(model, state, t, i) {
	for (const r of t.ranges) {
		switch (t.op) {
		case "add":
			fillRange(state.memory, { ...r, nid: -1, flags: 0 });
			break;
		case "remove":
			cutRange(state.memory, r.base, r.end);
			break;
		case "limit":
			cutRange(state.memory, 0, r.base);
			cutRange(state.memory, r.end, 2 ** 53);
			break;
		case "reserve":
			fillRange(state.claims, { ...r, tick: i, kind: t.by.kind, who: t.by.who, by: t.asker, n: t.n });
			break;
		case "free":
			cutRange(state.claims, r.base, r.end);
			if (model.handed && t.step !== "memblock_free_all" && i > model.handoverTick)
				fillRange(state.free, { base: Math.ceil(r.base / model.page) * model.page, end: Math.floor(r.end / model.page) * model.page });
			break;
		case "mark":
			mapRange(state.memory, r.base, r.end, (x) => ({ ...x, flags: x.flags | t.flags }));
			break;
		case "clear":
			mapRange(state.memory, r.base, r.end, (x) => ({ ...x, flags: x.flags & ~t.flags }));
			break;
		case "give":
			fillRange(state.free, { base: r.base, end: r.end, cma: t.cma });
			break;
		case "map":
			state.mapped++;
			break;
		}
	}
}

const copyState = (s) => ({ memory: s.memory.slice(), claims: s.claims.slice(), free: s.free.slice(), mapped: s.mapped });

/* How things are after moments 0 .. tick - 1. Going on from where one was is cheap, going back starts at a checkpoint. */
function stateAt(model, tick) {
	const every = Math.max(32, Math.ceil(model.ticks.length / 48));
	let { at, state } = model.cursor || { at: Infinity, state: null };

	if (at > tick) {
		const k = Math.floor(tick / every);

		at = model.checkpoints.length ? Math.min(k, model.checkpoints.length - 1) * every : 0;
		state = model.checkpoints.length ? copyState(model.checkpoints[at / every]) : { memory: [], claims: [], free: [], mapped: 0 };
	}
	for (; at < tick; at++) {
		if (at % every === 0 && model.checkpoints.length === at / every)
			model.checkpoints.push(copyState(state));
		applyTick(model, state, model.ticks[at], at);
	}
	model.cursor = { at, state };
	return state;
}

/* ---- the whole */

function buildModel(doc) {
	const page = doc.page_size || 4096;
	const model = {
		doc, page,
		section: num(doc.section_size || (page === 65536 ? 1 << 29 : 1 << 27)),
		structPage: doc.struct_page_size || 64,
		maxOrder: page === 4096 ? 10 : page === 16384 ? 11 : 13,
		title: doc.model || "Unnamed board",
		release: doc.release || "", profile: doc.profile || "",
		panic: doc.panic || null,
		vaBits: doc.va_bits, levels: doc.levels,
		memstart: parseVa(doc.memstart_addr || "0x0"),
		checkpoints: [], cursor: null,
		fdt: doc.fdt ? num(doc.fdt.base) : -1,
	};
	model.known = knownPlaces(doc);
	model.knownByBase = byBase(model.known);
	model.layout = (doc.virtual_layout || []).map((a) => ({ name: a.name, start: parseVa(a.start), end: parseVa(a.start) + num(a.size), size: num(a.size) }));
	model.mappings = (doc.mappings || []).map((m) => ({
		va: parseVa(m.va), size: num(m.size), pa: num(m.pa), block: num(m.block), prot: m.prot, cont: !!m.cont,
	}));
	model.tableRuns = (doc.tables || []).map((t) => ({
		level: t.level, va: parseVa(t.va), pa: num(t.pa), count: t.count || 1, vaStep: num(t.va_step || 0), paStep: num(t.pa_step || 0),
	}));
	model.zones = (doc.zones || []).filter((z) => z.spanned).map((z) => ({
		...z, name: z.zone || z.name, base: z.start_pfn * page, end: (z.start_pfn + z.spanned) * page,
	}));
	model.nodes = doc.nodes || [];
	model.ticks = ticksOf(model, doc);
	model.handoverTick = Infinity;
	expandHandover(model);
	model.cursor = null;
	model.checkpoints = [];
	const road = model.road.find((r) => r.name === "memblock_free_all");
	model.handoverTick = road ? road.tick : Infinity;

	model.ticks.forEach((t, i) => t.map && (t.map.tick = i));
	model.byVa = model.mappings.slice().sort((a, b) => a.va - b.va).map((m) => ({ ...m, base: m.va, end: m.va + m.size }));
	const linear = model.layout.find((a) => a.name === "linear map");
	model.linear = model.mappings.filter((m) => linear && m.va >= linear.start && m.va < linear.end)
		.map((m) => ({ ...m, base: m.pa, end: m.pa + m.size })).sort((a, b) => a.base - b.base);

	/* memblock.memory with its nodes, as Linux prints it; before that what the events built. */
	model.memory = regions(doc.final_memory || doc.memory_final || doc.memory);
	if (!model.memory.length)
		model.memory = stateAt(model, model.ticks.length).memory.slice();
	const ends = model.memory.concat(model.zones);
	model.min = Math.min(...ends.map((r) => r.base), Infinity);
	model.max = Math.max(...ends.map((r) => r.end), 0);
	if (!(model.max > model.min))
		[model.min, model.max] = [0, 2 ** 32];
	model.digits = Math.max(8, model.max.toString(16).length);
	model.banks = joined(model.memory, 0).map((r, i) => ({ ...r, name: `bank ${i}` }));
	model.total = totalOf(model.memory);
	model.final = copyState(stateAt(model, model.ticks.length));
	model.before = copyState(stateAt(model, Math.min(model.handoverTick, model.ticks.length)));
	return model;
}

/* Neighbours nearer than `gap` as one, whatever their flags. */
function joined(list, gap) {
	const out = [];

	for (const r of list) {
		const last = out[out.length - 1];

		if (last && r.base - last.end <= gap && last.nid === r.nid)
			last.end = r.end;
		else
			out.push({ base: r.base, end: r.end, nid: r.nid });
	}
	return out;
}
