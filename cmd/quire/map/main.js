// SPDX-License-Identifier: MIT
/* The report comes to life: the state that its parts share, search, keys, theme. */
"use strict";

function searchIndex(app) {
	const { model } = app, out = [], place = (r, title) => () => { app.select({ ...r, title }); app.map.show(r.base, r.end, true, 3); };

	for (const k of model.known)
		out.push({ name: k.who, detail: hexPa(k.base, model.digits), kind: k.kind, go: place(k, k.who) });
	for (const b of model.banks)
		out.push({ name: b.name, detail: hexPa(b.base, model.digits), kind: "free", go: place(b, b.name) });
	for (const z of model.zones)
		out.push({ name: `zone ${z.name}${model.nodes.length > 1 ? ` of node ${z.node}` : ""}`, detail: hexPa(z.base, model.digits), go: place(z, `zone ${z.name}`) });
	for (const a of model.layout)
		out.push({ name: a.name, detail: hexVa(a.start), go: () => app.tree.reveal(a.name === "linear map" && model.linear.length ? model.linear[0].va : a.start) });
	for (const r of model.road)
		out.push({ name: `${r.name}()`, detail: `#${r.tick + 1}`, go: () => app.go(r.tick + 1) });
	const seen = new Set(), names = new Set(model.known.map((k) => k.who));

	model.ticks.forEach((t, i) => {
		const name = t.op === "step" ? null : t.fn;

		if (name && !seen.has(name)) {
			seen.add(name);
			out.push({ name, detail: `#${i + 1}`, go: () => app.go(i + 1) });
		}
	});
	for (const c of model.before.claims)
		if (!seen.has(c.who) && !names.has(c.who)) {
			seen.add(c.who);
			out.push({ name: c.who, detail: hexPa(c.base, model.digits), kind: c.kind, go: place(c, c.who) });
		}
	return out;
}

/* What a text that is a number may mean. */
function addressHits(app, text) {
	const { model } = app, clean = text.replace(/[_\s]/g, "");
	let v;

	if (!/^(0x[0-9a-f]+|[0-9]+|[0-9a-f]{8,16})$/i.test(clean))
		return [];
	try {
		v = BigInt(/^[0-9]+$/.test(clean) || /^0x/i.test(clean) ? clean : "0x" + clean);
	} catch (e) {
		return [];
	}
	if (v >= TOP / 2n && v < TOP) {
		const va = parseVa(v), m = mappingAt(model, va), hits = [];

		if (m) {
			const pa = m.pa + (va - m.va), b = Math.floor(pa / model.page) * model.page;

			hits.push({ name: `virtual ${hexVa(va)}`, detail: `\u2192 ${hexPa(pa, model.digits)}`, go: () => { app.select({ base: b, end: b + model.page, address: pa }); app.map.show(b, b + model.page, true, 8); app.tree.reveal(va); } });
		} else {
			const a = model.layout.find((x) => va >= x.start && va < x.end);

			hits.push({ name: `virtual ${hexVa(va)}`, detail: a ? `${a.name}, not mapped` : "not mapped", go: () => app.tree.reveal(va) });
		}
		return hits;
	}
	if (v > 2n ** 52n)
		return [];
	const hits = [], page = (pa, name) => {
		const b = Math.floor(pa / model.page) * model.page, claim = findRange(model.before.claims, pa), bank = findRange(model.memory, pa);

		hits.push({ name, detail: claim ? claim.who : bank ? "RAM" : "not memory", go: () => { app.select({ base: b, end: b + model.page, address: pa }); app.map.show(b, b + model.page, true, 16); } });
	};

	page(Number(v), `physical ${hexPa(Number(v), model.digits)}`);
	if (Number(v) * model.page < model.max && Number(v) * model.page >= model.min)
		page(Number(v) * model.page, `page frame ${Number(v)}`);
	return hits;
}

function search(app) {
	const box = document.getElementById("search"), list = document.getElementById("found"), index = searchIndex(app);
	let hits = [], at = 0;

	function choose(i) {
		const h = hits[i];

		if (!h)
			return;
		list.hidden = true;
		box.setAttribute("aria-expanded", "false");
		box.blur();
		h.go();
	}

	function draw() {
		list.replaceChildren(...(hits.length ? hits : [{ name: "Nothing has this name or address", detail: "" }]).map((h, i) => el("li", {
			role: "option", "aria-selected": String(hits.length > 0 && i === at), onmousedown: (e) => { e.preventDefault(); choose(i); } },
		el("span", {}, h.kind ? swatch(h.kind) : "", " ", h.name), el("small", {}, h.detail))));
		list.hidden = !box.value.trim();
		box.setAttribute("aria-expanded", String(!list.hidden));
	}

	box.addEventListener("input", () => {
		const q = box.value.trim().toLowerCase();

		hits = q ? addressHits(app, q).concat(index.filter((e) => e.name.toLowerCase().includes(q)).sort((a, b) => a.name.toLowerCase().indexOf(q) - b.name.toLowerCase().indexOf(q))).slice(0, 12) : [];
		at = 0;
		draw();
	});
	box.addEventListener("keydown", (e) => {
		if (e.key === "ArrowDown" || e.key === "ArrowUp") {
			at = (at + (e.key === "ArrowDown" ? 1 : hits.length - 1)) % Math.max(1, hits.length);
			draw();
			e.preventDefault();
		} else if (e.key === "Enter") {
			choose(at);
		} else if (e.key === "Escape") {
			list.hidden = true;
			box.blur();
		}
		e.stopPropagation();
	});
	box.addEventListener("blur", () => { list.hidden = true; });
	box.addEventListener("focus", () => box.value && draw());
}

const KEYS = [["/", "search by address (physical, virtual, page frame) or name"], ["Space", "play the boot, or pause"], ["\u2190 \u2192", "one operation back, on"], ["[ ]", "to the function before, after"],
	["Home End", "before the boot, after it"], ["+ \u2212", "zoom"], ["Shift \u2190 \u2192", "move along memory"], ["0", "all of memory"], ["p", "down to one page"], ["n N", "next bank, bank before"], ["t", "light, dark, as the system"], ["Esc", "let go of what is selected"], ["?", "these keys"]];

function keys(app) {
	const dialog = document.getElementById("keys");
	let bank = -1;

	dialog.replaceChildren(el("h2", {}, "Keys"), el("dl", {}, KEYS.flatMap(([k, what]) => [el("dt", {}, k.split(" ").map((x) => el("kbd", {}, x))), el("dd", {}, what)])),
		el("p", { style: "color:var(--soft);margin-bottom:12px" }, "The wheel zooms the map at the pointer, dragging moves it, a double click goes to what is there."), el("form", { method: "dialog" }, el("button", {}, "Close")));
	const page = () => { const v = app.view(), s = app.selection, at = Math.floor((s ? s.address ?? s.base : (v.base + v.end) / 2) / app.model.page) * app.model.page; app.map.show(at, at + app.model.page, true, 1); };
	const goBank = (d) => { const b = app.model.banks; bank = (bank + d + b.length) % b.length; app.map.show(b[bank].base, b[bank].end, true, 1.08); };
	const on = {
		"/": () => document.getElementById("search").focus(), " ": () => app.replay.toggle(), "[": () => app.replay.road(-1), "]": () => app.replay.road(1),
		Home: () => app.go(0), End: () => app.go(app.model.ticks.length), "+": () => app.map.by(2), "=": () => app.map.by(2), "-": () => app.map.by(0.5), "0": () => app.map.fit(), p: page,
		n: () => goBank(1), N: () => goBank(-1), t: () => app.nextTheme(), Escape: () => app.select(null), "?": () => dialog.showModal(),
		ArrowLeft: (e) => e.shiftKey ? app.map.pan(-0.25) : app.go(app.tick - 1), ArrowRight: (e) => e.shiftKey ? app.map.pan(0.25) : app.go(app.tick + 1),
	};

	document.addEventListener("keydown", (e) => {
		const typing = e.target.closest("input[type=search], dialog, [role=tree]") || e.target.tagName === "BUTTON" && (e.key === " " || e.key === "Enter");

		if (typing || e.ctrlKey || e.metaKey || e.altKey || !on[e.key])
			return;
		if (e.target.id === "slider" && /^(Arrow|Home|End)/.test(e.key) && !e.shiftKey)
			return;
		on[e.key](e);
		e.preventDefault();
	});
	document.getElementById("help").onclick = () => dialog.showModal();
	document.getElementById("zoom-in").onclick = () => app.map.by(2);
	document.getElementById("zoom-out").onclick = () => app.map.by(0.5);
	document.getElementById("zoom-fit").onclick = () => app.map.fit();
	document.getElementById("zoom-page").onclick = page;
}

/* auto, light, dark; kept where the browser keeps things for files. */
function theme(app) {
	const button = document.getElementById("theme"), names = ["auto", "light", "dark"], icons = { auto: "\u25D0", light: "\u2600\uFE0E", dark: "\u263E" };
	let now = "auto";

	try {
		now = localStorage.getItem("quire-theme") || "auto";
	} catch (e) {
		/* Not for files here. */
	}
	const apply = () => {
		if (now === "auto")
			delete document.documentElement.dataset.theme;
		else
			document.documentElement.dataset.theme = now;
		button.textContent = icons[now];
		button.setAttribute("aria-label", `Theme: ${now}`);
		app.forgetColours();
		if (app.map)
			app.map.draw();
	};

	app.nextTheme = () => {
		now = names[(names.indexOf(now) + 1) % 3];
		try {
			localStorage.setItem("quire-theme", now);
		} catch (e) {
			/* Then it lasts as long as the page. */
		}
		apply();
	};
	button.onclick = app.nextTheme;
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
	apply();
}

function legend(app) {
	const { model } = app, has = new Set(model.before.claims.map((c) => c.kind).concat(model.known.map((k) => k.kind)));
	const block = (size, cont) => el("span", {}, el("i", { class: "swatch", style: `--c:${blockColour(model, size, cont)}` }), blockName(size, cont));
	const sizes = new Map(model.linear.map((m) => [`${m.block}${m.cont}`, m]));

	document.getElementById("legend").replaceChildren(el("b", {}, "Reserved"), ...Object.keys(KINDS).filter((k) => has.has(k)).map((k) => el("span", {}, swatch(k), KINDS[k])),
		...(sizes.size ? [el("b", {}, "Linear map"), ...[...sizes.values()].sort((a, b) => a.block - b.block || Number(a.cont) - Number(b.cont)).map((m) => block(m.block, m.cont))] : []));
}

function main() {
	const model = buildModel(JSON.parse(document.getElementById("document").textContent));
	const tip = document.getElementById("tip"), colours = new Map();
	const app = {
		model, tick: model.ticks.length, state: null, selection: null, map: null,
		view: () => ({ base: model.min, end: model.max }),
		readout: (text) => { document.getElementById("readout").textContent = text; },
		tip: (e, title, line) => {
			tip.hidden = !e;
			if (!e)
				return;
			tip.replaceChildren(el("b", {}, title), line ? el("code", {}, line) : "");
			tip.style.left = Math.max(4, Math.min(e.clientX + 14, innerWidth - tip.offsetWidth - 8)) + "px";
			tip.style.top = (e.clientY + 18 + tip.offsetHeight > innerHeight ? e.clientY - tip.offsetHeight - 10 : e.clientY + 18) + "px";
		},
		go: (tick) => {
			app.tick = Math.max(0, Math.min(model.ticks.length, tick));
			app.state = stateAt(model, app.tick);
			app.map.draw();
			app.replay.draw();
			inspect(app);
		},
		select: (s) => {
			app.selection = s;
			app.map.draw();
			inspect(app);
		},
		isDark: () => document.documentElement.dataset.theme === "dark" || !document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches,
		cssColour: (name) => {
			if (!colours.has(name))
				colours.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
			return colours.get(name);
		},
		forgetColours: () => colours.clear(),
		structPageVa: (pa) => {
			/* vmemmap ends where the struct page of the highest address would be; the difference to pa's is what counts. */
			const m = model.vmemmap;

			return m ? m.va + (Math.floor(pa / model.page) - m.pfn) * model.structPage : 0;
		},
		nameOf: (pa, size) => {
			const all = model.known.filter((r) => r.base < pa + size && pa < r.end), whole = all.find((r) => r.base <= pa && pa + size <= r.end);
			const names = [...new Set(all.map((r) => r.who))];

			return whole ? whole.who : names.length ? `with ${names.slice(0, 2).join(", ")}${names.length > 2 ? ` and ${names.length - 2} more` : ""}` : "";
		},
	};

	/* Sections as runs, and what lane lists do not change with time. */
	const s = model.section;
	model.sectionRuns = joined(model.memory.map((r) => ({ base: Math.floor(r.base / s) * s, end: Math.ceil(r.end / s) * s, nid: 0 })), 0).map((r) => ({ ...r, n: (r.end - r.base) / s }));
	model.zonesByBase = model.zones.slice().sort((a, b) => a.base - b.base);
	model.banksByNode = model.nodes.length > 1 ? joined(model.memory, 0) : null;
	const area = model.layout.find((a) => a.name === "vmemmap"), first = model.memory[0];
	const lowest = area && model.mappings.filter((m) => m.va >= area.start && m.va < area.end).sort((a, b) => a.va - b.va)[0];
	if (lowest && first)
		model.vmemmap = { va: lowest.va, pfn: Math.floor(first.base / s) * s / model.page };

	document.title = `${model.title}: memory`;
	document.getElementById("title").textContent = model.title;
	document.getElementById("subtitle").textContent = [model.release ? `Linux ${model.release}` : "Quire", human(model.page) + " pages", model.vaBits ? `${model.vaBits}-bit addresses` : "", model.doc.cpus ? plural(model.doc.cpus, "CPU") : "", model.nodes.length > 1 ? `${model.nodes.length} nodes` : ""].filter(Boolean).join("  \u00b7  ");
	document.getElementById("foot").textContent = [model.profile && `Predicted by quire with the profile ${model.profile}.`, model.doc.command_line && `Command line: ${model.doc.command_line}`].filter(Boolean).join("  ");
	if (model.panic) {
		document.getElementById("panic").hidden = false;
		document.getElementById("panic").textContent = `Kernel panic - not syncing: ${model.panic}`;
	}
	document.getElementById("banks").replaceChildren(...model.banks.slice(0, 6).map((b) => el("button", { onclick: () => app.map.show(b.base, b.end, true, 1.08) }, `${human(b.end - b.base)} at ${hexPa(b.base, 1)}`)),
		...(model.banks.length > 6 ? [el("span", { style: "color:var(--soft);font-size:12px;align-self:center" }, `and ${plural(model.banks.length - 6, "bank")} more (n)`)] : []));
	app.state = stateAt(model, app.tick);
	theme(app);
	summary(app);
	legend(app);
	app.map = physicalMap(app, document.getElementById("strip"));
	app.replay = replay(app);
	app.tree = pageTables(app);
	reservations(app);
	nodesAndZones(app);
	linearBlocks(app);
	addressSpace(app);
	search(app);
	keys(app);
	app.go(app.tick);
	/* For tests and the console. */
	window.quire = app;
}

main();
