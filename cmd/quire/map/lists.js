// SPDX-License-Identifier: MIT
/*
 * What is not drawn along the axis: the figures on top, reservations by owner, nodes and zones, what lies at an address.
 */
"use strict";

function summary(app) {
	const { model } = app, doc = model.doc, held = totalOf(model.before.claims);
	const sum = (kind) => totalOf(model.before.claims.filter((c) => c.kind === kind));
	const tile = (value, name, part, c) => el("div", { class: "tile" }, el("b", {}, value), el("span", {}, name),
		part === undefined ? "" : el("div", { class: "meter" }, el("i", { style: `width:${Math.min(100, 100 * part)}%;--c:${c}` })));
	const line = doc.memory_line, tables = (doc.table_pages || []).reduce((a, b) => a + b, 0) * model.page, cma = model.known.filter((k) => k.kind === "cma").reduce((n, k) => n + k.end - k.base, 0);
	const tiles = [tile(human(model.total), `RAM in ${plural(model.banks.length, "bank")}`)];

	tiles.push(tile(human(held), `reserved, ${percent(held, model.total)}`, held / model.total, "var(--c-firmware)"));
	if (line)
		tiles.push(tile(human(line.available_k * 1024), "available to programs", line.available_k / line.total_k, "var(--accent)"));
	tiles.push(tile(human(sum("memmap")), `struct pages, ${percent(sum("memmap"), model.total)}`, sum("memmap") / model.total, colour("memmap")));
	if (tables)
		tiles.push(tile(human(tables), `in ${plural(tables / model.page, "page table")}`, tables / model.total, colour("tables")));
	if (cma)
		tiles.push(tile(human(cma), "CMA", cma / model.total, colour("cma")));
	document.getElementById("summary").replaceChildren(...tiles);
}

/* Reservations of one owner that touch are one; the hand-over's view, no-map among them. */
function owners(model) {
	const list = [];

	for (const c of model.before.claims) {
		const last = list[list.length - 1];

		if (last && last.end === c.base && last.who === c.who && last.kind === c.kind)
			list[list.length - 1] = { ...last, end: c.end, tick: Math.min(last.tick, c.tick) };
		else
			list.push(c);
	}
	const marks = new Map();

	model.ticks.forEach((t, i) => t.op === "mark" && t.ranges.forEach((r) => marks.has(r.base) || marks.set(r.base, i)));
	for (const k of model.known) {
		const c = k.kind === "nomap" ? model.before.claims[firstAbove(model.before.claims, k.base)] : null;

		if (k.kind === "nomap" && !(c && overlap(c, k) && c.who === k.who))
			list.push({ ...k, tick: marks.has(k.base) ? marks.get(k.base) : -1 });
	}
	return list;
}

const MAX_ROWS = 1000;

function reservations(app) {
	const { model } = app, all = owners(model), table = document.getElementById("claims");
	let by = "size", down = true, only = null;
	const keys = { who: (c) => c.who, base: (c) => c.base, size: (c) => c.end - c.base, when: (c) => c.tick };
	const sums = d3.nest().key((c) => c.kind).rollup((v) => ({ size: totalOf(v), n: v.length })).entries(all).sort((a, b) => b.value.size - a.value.size);
	const held = sums.reduce((n, s) => n + s.value.size, 0);

	document.getElementById("shares").replaceChildren(
		el("div", { class: "bar", role: "img", "aria-label": sums.map((s) => `${KINDS[s.key]} ${human(s.value.size)}`).join(", ") },
			sums.map((s) => el("i", { style: `flex:${s.value.size / held} 1 0;--c:${colour(s.key)}`, title: `${KINDS[s.key]}: ${human(s.value.size)}` }))));
	document.getElementById("kinds").replaceChildren(...sums.map((s) => el("button", {
		"aria-pressed": "false", "data-kind": s.key,
		onclick: (e) => { only = only === s.key ? null : s.key; for (const b of e.currentTarget.parentNode.children) b.setAttribute("aria-pressed", String(b.dataset.kind === only)); draw(); },
	}, swatch(s.key), `${KINDS[s.key]} `, el("span", { class: "mono" }, human(s.value.size)))));

	function draw() {
		const list = all.filter((c) => !only || c.kind === only).sort((a, b) => d3.ascending(keys[by](a), keys[by](b)) * (down ? -1 : 1));
		const th = (key, name, cls = "") => el("th", { class: cls, "aria-sort": by === key ? (down ? "descending" : "ascending") : null },
			el("button", { onclick: () => { down = by === key ? !down : key === "size"; by = key; draw(); }, tabindex: "0" }, name));

		table.replaceChildren(el("thead", {}, el("tr", {}, th("who", "Who"), th("base", "Where"), th("size", "Size", "num"), th("when", "When"), el("th", { class: "wide" }, "By"))),
			el("tbody", {}, list.slice(0, MAX_ROWS).map((c) => el("tr", { class: "pick", tabindex: "0", "data-base": c.base,
				onclick: () => { app.select({ base: c.base, end: c.end, item: c }); app.map.show(c.base, c.end, true, 4); },
				onkeydown: (e) => e.key === "Enter" && e.currentTarget.click() },
			el("td", {}, swatch(c.kind), c.who), el("td", { class: "mono" }, `${hexPa(c.base, model.digits)}\u2013${hexPa(c.end - 1, model.digits)}`),
			el("td", { class: "num" }, human(c.end - c.base)),
			el("td", {}, c.tick >= 0 ? el("button", { class: "link", onclick: (e) => { e.stopPropagation(); app.go(c.tick + 1); } }, `#${c.tick + 1} ${model.ticks[c.tick].step}`) : ""),
			el("td", { class: "mono wide" }, c.tick >= 0 ? c.by || model.ticks[c.tick].fn : "")))));
		if (list.length > MAX_ROWS)
			table.append(el("tfoot", {}, el("tr", {}, el("td", { colspan: "5" }, `and ${count(list.length - MAX_ROWS)} more: search finds them`))));
	}
	draw();
}

function nodesAndZones(app) {
	const { model } = app, root = document.getElementById("zones"), page = model.page;
	const ids = [...new Set(model.zones.map((z) => z.node))], most = d3.max(ids, (n) => d3.sum(model.zones.filter((z) => z.node === n), (z) => z.present)) || 1;

	for (const id of ids) {
		const zones = model.zones.filter((z) => z.node === id), node = model.nodes.find((n) => n.node === id) || {};
		const present = d3.sum(zones, (z) => z.present);

		root.append(el("div", { class: "node" },
			el("h3", {}, `Node ${id} \u00b7 ${human(present * page)}`, ids.length > 1 && node.fallback ? el("span", { style: "color:var(--soft);font-weight:400" }, `  tried after it: ${node.fallback.filter((n) => n !== id).join(", ")}`) : ""),
			el("div", { class: "bar", style: `width:${100 * present / most}%` }, zones.map((z) => el("i", { style: `flex:${z.present} 1 0;--c:var(--z-${z.name}, var(--z-Device))`, title: `${z.name}: ${human(z.present * page)}` }))),
			el("div", { style: "overflow-x:auto" }, el("table", {}, el("thead", {}, el("tr", {}, ["Zone", "Where", "Spanned", "Present", "Managed", "CMA", "min / low / high"].map((h, i) => el("th", { class: i > 1 ? "num" : "" }, h)))),
				el("tbody", {}, zones.map((z) => el("tr", { class: "pick", tabindex: "0", onclick: () => { app.select({ base: z.base, end: z.end, item: z, lane: "Zones" }); app.map.show(z.base, z.end, true, 1.1); }, onkeydown: (e) => e.key === "Enter" && e.currentTarget.click() },
					el("td", {}, el("i", { class: "swatch", style: `--c:var(--z-${z.name}, var(--z-Device))` }), z.name), el("td", { class: "mono" }, `${hexPa(z.base, model.digits)}\u2013${hexPa(z.end - 1, model.digits)}`),
					...[z.spanned, z.present, z.managed, z.cma].map((n) => el("td", { class: "num", title: plural(n, "page") }, n ? human(n * page) : "\u2013")),
					el("td", { class: "num", title: "pages" }, `${count(z.min)} / ${count(z.low)} / ${count(z.high)}`))))))));
	}
	if (model.nodes.length > 1 && model.nodes[0].distance) {
		const far = d3.max(model.nodes, (n) => d3.max(n.distance));

		root.append(el("h3", {}, "Distances"), el("div", { style: "overflow-x:auto" }, el("table", { class: "matrix" },
			el("thead", {}, el("tr", {}, el("th", {}, ""), model.nodes.map((n) => el("th", { class: "num" }, String(n.node))))),
			el("tbody", {}, model.nodes.map((n) => el("tr", {}, el("th", {}, `from ${n.node}`), n.distance.map((d) => el("td", { style: `background:color-mix(in srgb, var(--c-firmware) ${Math.round(60 * (d - 10) / Math.max(1, far - 10))}%, transparent)` }, String(d)))))))));
	}
	if (!ids.length)
		root.append(el("p", {}, "The boot did not come that far."));
}

/* ---- the inspector */

function inspect(app) {
	const { model } = app, s = app.selection, root = document.getElementById("details");

	if (!s) {
		root.replaceChildren(el("p", { style: "color:var(--soft)" }, "Click anything in the map, a row below, or search for an address or a name. Double-click zooms to it."));
		return;
	}
	const rows = [], add = (name, ...v) => rows.push(el("dt", {}, name), el("dd", {}, ...v)), mono = (t) => el("code", {}, t);
	const at = Math.floor(Math.min(Math.max(s.address === undefined ? s.base : s.address, s.base), s.end - 1)), state = app.state;
	const claim = findRange(state.claims, at), bank = findRange(state.memory, at), known = knownAt(model, at);
	const zone = model.zones.find((z) => at >= z.base && at < z.end && (!bank || bank.nid === undefined || bank.nid < 0 || model.nodes.length < 2 || z.node === (findRange(model.memory, at) || {}).nid)) ||
		model.zones.find((z) => at >= z.base && at < z.end);
	const free = findRange(state.free, at), lin = linearAt(model, at), mapped = lin && lin.tick < app.tick;
	const item = s.item || {}, kind = item.kind || (claim ? claim.kind : known && bank ? known.kind : free ? "free" : null);
	const what = s.title || item.who || (s.lane === "Zones" ? `zone ${item.name}` : null) || (claim && claim.who) || (known && bank && known.who) || (free ? "free" : bank ? "RAM that nobody has" : "not memory");

	add("Range", mono(`${hexPa(s.base, model.digits)} \u2013 ${hexPa(s.end - 1, model.digits)}`), `  ${human(s.end - s.base)}`);
	if (s.address !== undefined && s.end - s.base > model.page)
		add("Address", mono(hexPa(at, model.digits)));
	add("Page frame", mono(count(Math.floor(at / model.page))), s.end - s.base > model.page ? ` and ${count(Math.ceil(s.end / model.page) - Math.floor(s.base / model.page) - 1)} more` : "");
	if (bank) {
		const b = findRange(model.banks, at), home = findRange(model.memory, at);

		add("Memory", `${b ? b.name : "RAM"}${home && home.nid >= 0 && model.nodes.length > 1 ? `, node ${home.nid}` : ""}${bank.flags & NOMAP ? ", no-map" : ""}`);
		add("Section", `${Math.floor(at / model.section)}, ${human(at % model.section)} into it`);
	} else {
		add("Memory", app.tick < model.ticks.length ? "not memory at this moment" : "a hole: no memory node has it, or the kernel dropped it");
	}
	if (zone && bank)
		add("Zone", `${zone.name}${model.nodes.length > 1 ? ` of node ${zone.node}` : ""}`);
	if (claim)
		add("Reserved by", `${claim.who}, `, el("button", { class: "link", onclick: () => app.go(claim.tick + 1) }, `#${claim.tick + 1} ${claim.by || model.ticks[claim.tick].fn}`), ` in ${model.ticks[claim.tick].step}`);
	if (known && known.tree)
		add("Device tree", `/reserved-memory/${known.who}: ${[known.tree.compatible, known.tree.nomap && "no-map", known.tree.reusable && "reusable", known.tree.dynamic && "placed by the boot"].filter(Boolean).join(", ") || "reserved"}`);
	if (free) {
		const b = blocksOf(model, free).find((x) => at >= x.base && at < x.end), size = model.page * 2 ** (b ? b.order : 0);

		add("Free list", b ? `a block of order ${b.order}, ${human(size)}, at ${hexPa(b.base + Math.floor((at - b.base) / size) * size, model.digits)}` : "", free.cma ? ", CMA" : "");
	}
	if (mapped) {
		const va = lin.va + (at - lin.base);

		add("Linear map", mono(hexVa(va)), ` ${blockName(lin.block, lin.cont)}, ${lin.prot}`);
	} else if (bank && model.linear.length) {
		add("Linear map", app.tick < model.ticks.length ? "not mapped yet" : "not mapped");
	}
	const vmemmap = model.layout.find((a) => a.name === "vmemmap");

	if (bank && vmemmap && model.doc.section_size)
		add("struct page", mono(hexVa(app.structPageVa(at))));
	root.replaceChildren(el("div", { class: "what" }, kind ? swatch(kind) : "", what), el("dl", {}, rows), el("div", { class: "acts" },
		el("button", { onclick: () => app.map.show(s.base, s.end, true, 1.5) }, "Zoom to it"),
		el("button", { onclick: () => { const b = Math.floor(at / model.page) * model.page; app.map.show(b, b + model.page, true, 1); } }, "Its page"),
		mapped ? el("button", { onclick: () => app.tree.reveal(lin.va + (at - lin.base)) }, "Walk in the page tables") : ""));
}
