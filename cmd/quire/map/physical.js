// SPDX-License-Identifier: MIT
/*
 * The strip: physical memory to scale, in lanes that share one axis, from all of it down to a page.
 *
 * Above it the whole of memory with a window on what is shown. Only what is in sight is drawn, and what is narrower than a
 * pixel once a pixel, so that the cost of a picture is bound by its width: see squash().
 */
"use strict";

/* Most special first: which of several things in one pixel gives it its colour. */
const RANK = ["nomap", "kernel", "crash", "fdt", "initrd", "cma", "firmware", "percpu", "dma", "tables", "memmap", "boot", "free"];

/* Items of a sorted list that are in sight, at most one a pixel: {px, pw, item, more}. */
function squash(list, x, width) {
	const out = [], left = x.invert(0), right = x.invert(width);

	for (let i = firstAbove(list, left); i < list.length && list[i].base < right;) {
		const item = list[i], a = Math.max(x(item.base), -2), b = Math.min(x(item.end), width + 2);

		if (b - a >= 1.5) {
			out.push({ px: a, pw: Math.max(b - a, 1.5), item, more: 0 });
			i++;
			continue;
		}
		/* All that begins in this pixel. */
		const j = Math.max(firstAbove(list, x.invert(a + 1.5)), i + 1);
		let best = item;

		for (let k = i; k < Math.min(j, i + 64); k++)
			if ((list[k].rank ?? 99) < (best.rank ?? 99))
				best = list[k];
		out.push({ px: a, pw: 1.5, item: best, more: j - i - 1 });
		i = j;
	}
	return out;
}

/* Steps of a power of two that are at least `px` pixels apart. */
function axisTicks(x, width, px, least) {
	const per = (x.invert(width) - x.invert(0)) / width;
	const step = 2 ** Math.max(Math.ceil(Math.log2(per * px)), Math.log2(least)), out = [];

	for (let v = Math.ceil(x.invert(0) / step) * step; v <= x.invert(width) && out.length < 60; v += step)
		out.push(v);
	return out;
}

function physicalMap(app, root) {
	const { model } = app, total = model.max - model.min;
	const svg = d3.select(root).append("svg").attr("role", "presentation");
	const defs = svg.append("defs");
	const hatch = defs.append("pattern").attr("id", "hatch").attr("width", 6).attr("height", 6)
		.attr("patternUnits", "userSpaceOnUse").attr("patternTransform", "rotate(45)");
	hatch.append("rect").attr("width", 2.4).attr("height", 6).attr("style", "fill:var(--c-nomap)");
	const clip = defs.append("clipPath").attr("id", "sight").append("rect");
	const overview = svg.append("g").attr("class", "overview");
	const axis = svg.append("g").attr("class", "axis");
	const names = svg.append("g");
	const body = svg.append("g").attr("clip-path", "url(#sight)");
	const surface = svg.append("rect").attr("class", "surface");
	const pins = svg.append("g");
	let width = 0, gutter = 0, x0 = d3.scaleLinear(), x = x0, transform = d3.zoomIdentity, lanes = [], brushing = false, waiting = 0;
	const zoom = d3.zoom().on("zoom", () => {
		transform = d3.event.transform;
		x = transform.rescaleX(x0);
		/* A hand makes more events than there are pictures. */
		if (!d3.event.sourceEvent)
			draw();
		else if (!waiting)
			waiting = requestAnimationFrame(draw);
	});
	const brush = d3.brushX().handleSize(6).on("brush end", () => {
		const s = d3.event.selection, by = d3.event.sourceEvent;

		if (brushing || !by || by.type === "zoom" || !s)
			return;
		show(overviewX().invert(s[0]), overviewX().invert(s[1]), false);
	});

	function overviewX() {
		return d3.scaleLinear([model.min, model.max], [0, width]);
	}

	/* ---- what the lanes hold at this moment */

	/* The same at each picture of a moment. */
	let items = null, itemsAt = -1;

	function claimItems(state) {
		if (itemsAt === app.tick)
			return items;
		const list = state.claims.map((c) => ({ ...c, rank: RANK.indexOf(c.kind) }));
		const nomap = state.memory.filter((r) => r.flags & NOMAP).map((r) => {
			const k = knownAt(model, r.base);

			return { ...r, kind: "nomap", rank: 0, who: k && k.kind === "nomap" ? k.who : "no-map", known: k && k.kind === "nomap", tick: null };
		});

		/* paging_init marks what it maps otherwise, for a moment: that is no reservation. */
		items = list.concat(without(nomap.filter((n) => n.known || app.tick >= model.handoverTick), list)).sort((a, b) => a.base - b.base);
		itemsAt = app.tick;
		return items;
	}

	function freeItems(state) {
		const out = [], left = x.invert(0), right = x.invert(width), px = (right - left) / width;

		for (let i = firstAbove(state.free, left); i < state.free.length && state.free[i].base < right; i++) {
			const r = state.free[i];

			if ((r.end - r.base) / px < 4) {
				out.push({ ...r, order: null });
				i = Math.max(i, firstAbove(state.free, r.end + px) - 1);
				continue;
			}
			for (const b of blocksOf(model, r)) {
				const size = (b.end - b.base) / b.count;

				if (b.end < left || b.base > right)
					continue;
				if (b.count === 1 || size / px < 10) {
					out.push({ ...b, cma: r.cma });
					continue;
				}
				const first = Math.max(0, Math.floor((left - b.base) / size)), last = Math.min(b.count, Math.ceil((right - b.base) / size));

				for (let k = first; k < last; k++)
					out.push({ base: b.base + k * size, end: b.base + (k + 1) * size, order: b.order, count: 1, cma: r.cma });
			}
		}
		return out;
	}

	function sectionItems() {
		const s = model.section, out = [], px = (x.invert(width) - x.invert(0)) / width;

		if (s / px < 3)
			return model.sectionRuns;
		for (let at = Math.floor(x.invert(0) / s) * s; at < x.invert(width); at += s) {
			const has = covered(model.memory, at, at + s);

			if (has)
				out.push({ base: at, end: at + s, nr: at / s, has });
		}
		return out;
	}

	const orderColour = (o) => d3.interpolateYlGnBu(0.22 + 0.6 * o / model.maxOrder);

	function makeLanes() {
		const state = app.state, after = (name) => app.tick > (model.road.find((r) => r.name === name) || { tick: -1 }).tick;
		const list = [];

		if (model.banksByNode)
			list.push({ name: "Nodes", items: after("arch_numa_init") ? model.banksByNode : [], label: (i) => `node ${i.nid}`, fill: (i) => `var(--n-${i.nid % 4})`, gap: true });
		list.push({ name: "Memory", items: state.memory.length ? joined(state.memory.map((r) => ({ ...r, nid: 0 })), 0).map((r, k) => ({ ...r, k })) : [],
			label: (i) => human(i.end - i.base), fill: (i) => i.k % 2 ? "var(--c-ram2)" : "var(--c-ram)", what: "RAM" });
		list.push({ name: "Reserved", items: claimItems(state), label: (i) => i.who, fill: (i) => colour(i.kind), cls: (i) => i.kind === "nomap" ? "hatch" : "", tall: true });
		if (model.linear.length)
			list.push({ name: "Linear map", items: app.tick >= model.ticks.length ? model.linear : model.linear.filter((m) => m.tick < app.tick),
				label: (i) => blockName(i.block, i.cont), fill: (i) => blockColour(model, i.block, i.cont) });
		list.push({ name: "Zones", items: after("zone_sizes_init") ? model.zonesByBase : [], label: (i) => model.nodes.length > 1 ? `${i.name} (${i.node})` : i.name,
			fill: (i) => `var(--z-${i.name}, var(--z-Device))`, gap: true });
		list.push({ name: "Sections", items: after("sparse_init") ? sectionItems() : [], label: (i) => i.nr !== undefined ? String(i.nr) : `${count(i.n)} sections`,
			fill: (i) => i.has === undefined || i.has === model.section ? "color-mix(in srgb, var(--c-memmap) 45%, var(--lane))" : "color-mix(in srgb, var(--c-memmap) 22%, var(--lane))", gap: true });
		if (model.handoverTick < Infinity)
			list.push({ name: "Free lists", items: freeItems(state), label: (i) => i.order === null ? "" : (i.count > 1 ? `${count(i.count)} \u00d7 ` : "") + human(model.page * 2 ** i.order),
				fill: (i) => i.cma ? colour("cma") : i.order === null ? orderColour(model.maxOrder / 2) : orderColour(i.order), gap: true });
		return list;
	}

	/* ---- drawing */

	const darkText = new Set(["--c-crash", "--c-ram", "--c-ram2"]);

	function inkOn(fill) {
		if (/^rgb/.test(fill))
			return d3.lab(fill).l > 62 ? "dark" : "";
		const name = /var\((--[\w-]+)/.exec(fill);

		if (!name)
			return app.isDark() ? "" : "dark";
		const c = d3.color(app.cssColour(name[1]));

		return c && d3.lab(c).l > 60 || darkText.has(name[1]) && !app.isDark() ? "dark" : "";
	}

	function drawLane(g, lane, y, h) {
		const bits = squash(lane.items, x, width);

		g.append("rect").attr("class", "lane").attr("x", 0).attr("y", y).attr("width", width).attr("height", h).attr("rx", 3);
		for (const b of bits) {
			const fill = lane.fill(b.item), cls = lane.cls ? lane.cls(b.item) : "";
			const gap = lane.gap && b.pw > 5 ? 1 : 0;

			g.append("rect").attr("class", "item " + cls).attr("x", b.px).attr("y", y + (cls ? 0.5 : 0)).attr("width", b.pw - gap)
				.attr("height", h - (cls ? 1 : 0)).attr("style", cls ? null : `fill:${fill}`).attr("data-lane", lane.name).attr("data-base", b.item.base);
			if (b.pw > 34) {
				const text = lane.label(b.item), from = Math.max(b.px, 0), room = Math.min(b.px + b.pw, width) - from - 10;
				const fits = Math.floor(room / 5.9);

				if (text && fits >= Math.min(text.length, 4))
					g.append("text").attr("class", "inside " + (cls ? "dark" : inkOn(fill))).attr("x", from + 5).attr("y", y + h / 2 + 3.8)
						.attr("style", cls ? "fill:var(--ink);paint-order:stroke;stroke:var(--card);stroke-width:3px" : null)
						.text(text.length > fits ? text.slice(0, fits - 1) + "\u2026" : text);
			}
		}
	}

	function drawOverview() {
		const ox = overviewX(), list = claimItems(app.state);

		overview.selectAll(".was").remove();
		const g = overview.insert("g", ":first-child").attr("class", "was");

		g.append("rect").attr("class", "lane").attr("width", width).attr("height", 16).attr("rx", 3);
		for (const b of squash(app.state.memory, ox, width))
			g.append("rect").attr("class", "item").attr("x", b.px).attr("width", b.pw).attr("height", 16).attr("style", "fill:var(--c-ram)");
		for (const b of squash(list, ox, width))
			g.append("rect").attr("class", "item").attr("x", b.px).attr("width", b.pw).attr("y", 3).attr("height", 10).attr("style", `fill:${colour(b.item.kind)}`);
		brushing = true;
		const a = Math.max(0, ox(x.invert(0))), z = Math.min(width, ox(x.invert(width)));
		overview.select(".brush").call(brush.move, [a, Math.max(z, a + 2)]);
		brushing = false;
	}

	function mark(g, r, cls, top, height) {
		const a = x(r.base), b = x(r.end);

		if (b < -1 || a > width + 1) {
			const at = a > width ? width - 1 : 1, d = a > width ? -1 : 1;

			g.append("path").attr("class", "pin " + (cls === "cursor" ? "sel" : "")).attr("d", `M${at} ${top - 9}l${8 * d} -4v8z`);
			return;
		}
		const from = Math.max(a, -3), to = Math.min(b, width + 3);

		g.append("rect").attr("class", cls).attr("x", from).attr("y", top - 2).attr("width", Math.max(to - from, 1.5)).attr("height", height + 4).attr("rx", 2);
		g.append("path").attr("class", "pin " + (cls === "cursor" ? "sel" : "")).attr("d", `M${Math.min(Math.max((from + to) / 2, 0), width)} ${top - 3}l-4.5 -7h9z`);
	}

	function draw() {
		cancelAnimationFrame(waiting);
		waiting = 0;
		lanes = makeLanes();
		const narrow = gutter === 0, top = 58, pitch = narrow ? 40 : 31, high = narrow ? 22 : 25;
		let y = top;

		body.selectAll("*").remove();
		names.selectAll("*").remove();
		pins.selectAll("*").remove();
		for (const lane of lanes) {
			const h = lane.tall ? high + 9 : high;

			if (narrow) {
				names.append("text").attr("class", "name").attr("x", 0).attr("y", y + 10).text(lane.name);
				y += 14;
			} else {
				names.append("text").attr("class", "name").attr("x", 0).attr("y", y + h / 2 + 4).text(lane.name);
			}
			drawLane(body, lane, y, h);
			lane.y = y;
			lane.h = h;
			y += h + (narrow ? pitch - 14 - high : pitch - high);
		}
		const height = y - top, px = (x.invert(width) - x.invert(0)) / width;

		/* Pages as a grid, when they can be told apart. */
		if (model.page / px > 26)
			for (const v of axisTicks(x, width, 26, model.page))
				body.append("line").attr("class", "grid").attr("x1", x(v)).attr("x2", x(v)).attr("y1", top).attr("y2", y);
		axis.selectAll("*").remove();
		for (const v of axisTicks(x, width, narrow ? 84 : 118, model.page)) {
			axis.append("line").attr("x1", x(v)).attr("x2", x(v)).attr("y1", 42).attr("y2", y - 4);
			/* A label that would go over the edge is left out. */
			if (x(v) + 3 + (model.digits + 2) * 6.4 < width + 8)
				axis.append("text").attr("x", x(v) + 3).attr("y", 50).text(hexPa(v, model.digits));
		}
		const t = app.tick ? model.ticks[app.tick - 1] : null;

		if (t && app.tick < model.ticks.length)
			for (const r of (t.ranges.length ? t.ranges : t.at || []).slice(0, 40))
				mark(pins, r, "op", top, height - 6);
		if (app.selection)
			mark(pins, app.selection, "cursor", top, height - 6);
		clip.attr("width", width).attr("height", y + 10);
		surface.attr("width", width).attr("height", y - top).attr("y", top);
		svg.attr("viewBox", `0 0 ${width + gutter} ${y + 2}`).attr("height", y + 2);
		drawOverview();
		const view = app.view(), unit = 2 ** Math.max(0, Math.floor(Math.log2(px)));
		app.readout(`${hexPa(Math.max(0, Math.floor(view.base / unit) * unit), model.digits)} \u2013 ${hexPa(Math.ceil(view.end / unit) * unit, model.digits)}  \u00b7  ${human(Math.max(1, Math.round(view.end - view.base)))}` +
			(model.page / px > 26 ? `  \u00b7  pfn ${count(Math.floor(view.base / model.page))}` : ""));
	}

	function resize() {
		const all = root.clientWidth || 1000, view = width ? app.view() : null;

		gutter = all < 640 ? 0 : 88;
		width = Math.max(200, all - gutter);
		x0 = d3.scaleLinear([model.min, model.max], [0, width]);
		zoom.extent([[0, 0], [width, 200]]).translateExtent([[-width * 0.02, 0], [width * 1.02, 200]]).scaleExtent([0.96, Math.max(1, total / model.page)]);
		for (const g of [overview, axis, body, pins])
			g.attr("transform", `translate(${gutter},0)`);
		surface.attr("transform", `translate(${gutter},0)`);
		brush.extent([[0, 0], [width, 16]]);
		overview.selectAll(".brush").remove();
		overview.append("g").attr("class", "brush").call(brush);
		x = transform.rescaleX(x0);
		if (view)
			show(view.base, view.end, false, 1);
		else
			fit(false);
	}

	/* [base, end) in the middle; around: how much more is in sight. */
	function show(base, end, fly = true, around = 1) {
		const size = Math.max((end - base) * around, model.page), k = Math.min(Math.max(total / size, 0.96), Math.max(1, total / model.page));
		const t = d3.zoomIdentity.translate(width / 2 - x0((base + end) / 2) * k, 0).scale(k);

		if (fly && !matchMedia("(prefers-reduced-motion: reduce)").matches)
			surface.transition().duration(650).call(zoom.transform, t);
		else
			surface.interrupt().call(zoom.transform, t);
	}

	function fit(fly = true) {
		show(model.min, model.max, fly, 1.02);
	}

	/* ---- under the pointer */

	function at(event) {
		const box = surface.node().getBoundingClientRect(), scale = box.width / width || 1;
		const px = (event.clientX - box.left) / scale, py = (event.clientY - box.top) / scale + 58;
		const lane = lanes.find((l) => py >= l.y - 3 && py <= l.y + l.h + 3), address = x.invert(px);
		const bit = lane && squash(lane.items, x, width).find((b) => px >= b.px - 1.5 && px <= b.px + b.pw + 1.5);

		return { address: Math.max(0, address), lane, item: bit && bit.item, more: bit ? bit.more : 0 };
	}

	surface.call(zoom).on("dblclick.zoom", null);
	surface.on("mousemove", () => {
		const e = d3.event, h = at(e);

		if (!h.item) {
			app.tip(null);
			return;
		}
		app.tip(e, [h.lane.what && h.lane.what + " " || "", h.lane.label(h.item) || h.lane.name, h.more ? ` and ${h.more} more` : ""].join(""),
			`${hexPa(h.item.base, model.digits)}\u2013${hexPa(h.item.end - 1, model.digits)}  ${human(h.item.end - h.item.base)}`);
	}).on("mouseleave", () => app.tip(null)).on("click", () => {
		const h = at(d3.event);

		if (h.item)
			app.select({ base: h.item.base, end: h.item.end, item: h.item, lane: h.lane.name, address: h.address });
		else
			app.select({ base: Math.floor(h.address / model.page) * model.page, end: Math.floor(h.address / model.page) * model.page + model.page, address: h.address });
	}).on("dblclick", () => {
		const h = at(d3.event);

		if (h.item)
			show(h.item.base, h.item.end, true, 1.25);
	});

	app.view = () => ({ base: x.invert(0), end: x.invert(width) });
	new ResizeObserver(() => Math.abs((root.clientWidth || 0) - width - gutter) > 1 && resize()).observe(root);
	resize();
	return {
		draw, show, fit,
		by: (factor) => {
			const v = app.view(), c = app.selection && app.selection.base < v.end && app.selection.end > v.base && factor > 1 ?
				(Math.max(app.selection.base, v.base) + Math.min(app.selection.end, v.end)) / 2 : (v.base + v.end) / 2, half = (v.end - v.base) / factor / 2;

			show(c - half, c + half, false);
		},
		pan: (part) => {
			const v = app.view(), d = (v.end - v.base) * part;

			show(v.base + d, v.end + d, false);
		},
	};
}

/* Bytes of [base, end) that the list covers. */
function covered(list, base, end) {
	let sum = 0;

	for (let i = firstAbove(list, base); i < list.length && list[i].base < end; i++)
		sum += Math.min(list[i].end, end) - Math.max(list[i].base, base);
	return sum;
}
