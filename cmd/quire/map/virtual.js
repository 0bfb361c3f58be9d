// SPDX-License-Identifier: MIT
/* The kernel's side: the linear map by block size, the address space in areas, and the page tables as a tree that opens level by level. */
"use strict";

const AREA_COLOURS = { "linear map": "--c-free", modules: "--c-percpu", vmalloc: "--c-tables", "kernel image": "--c-kernel", vmemmap: "--c-memmap", "PCI I/O": "--c-dma", fixmap: "--c-fdt" };

function linearBlocks(app) {
	const { model } = app, root = document.getElementById("blocks"), sums = new Map();

	for (const m of model.linear) {
		const key = `${m.block}/${m.cont}`, s = sums.get(key) || { block: m.block, cont: m.cont, size: 0 };

		s.size += m.size;
		sums.set(key, s);
	}
	const list = [...sums.values()].sort((a, b) => b.block - a.block || Number(b.cont) - Number(a.cont)), all = d3.sum(list, (s) => s.size);

	if (!list.length) {
		const own = Object.entries(model.doc.linear_map || {}).filter(([k, n]) => k.startsWith("0x") && n);

		root.append(own.length ? el("div", { class: "rows" }, own.reverse().flatMap(([k, n]) => [el("span", {}, `${count(n)} \u00d7 ${human(num(k))}`), el("div", {}, ""), el("span", { class: "num" }, human(n * num(k)))])) :
			el("p", {}, "Nothing is mapped."));
		return;
	}
	root.append(el("div", { class: "bar" }, list.map((s) => el("i", { style: `flex:${s.size} 1 0;--c:${blockColour(model, s.block, s.cont)}`, title: `${blockName(s.block, s.cont)}: ${human(s.size)}` }))),
		el("div", { class: "rows" }, list.flatMap((s) => [
			el("span", {}, el("i", { class: "swatch", style: `--c:${blockColour(model, s.block, s.cont)}` }), `${count(s.size / s.block)} \u00d7 ${blockName(s.block, s.cont).replace(/ (pages|blocks)/, "")}`),
			el("div", { class: "bar" }, el("i", { style: `width:${100 * s.size / all}%;--c:${blockColour(model, s.block, s.cont)}` })),
			el("span", { class: "num" }, `${human(s.size)}  ${percent(s.size, all)}`)])));
	const pages = model.doc.table_pages || [];

	root.append(el("p", { style: "color:var(--soft);margin-top:10px;font-size:12.5px" }, `Page tables from memblock: ${pages.map((n, l) => n ? `${count(n)} ${levelName(model, l)}` : "").filter(Boolean).join(", ") || "none"}. ` +
		"Single pages cost a table for every " + human(model.page * 2 ** (Math.log2(model.page) - 3)) + " and more TLB misses; rodata=full and no-map holes bring them."));
}

function addressSpace(app) {
	const { model } = app, root = document.getElementById("areas");
	const list = model.layout.slice().sort((a, b) => b.start - a.start);
	let above = 0;

	for (const a of list) {
		if (above - a.end > 0 && above !== 0)
			root.append(el("div", { class: "gap" }, `${human(above - a.end)} unused`));
		root.append(el("button", { class: "area", "data-area": a.name, onclick: () => app.tree.reveal(a.name === "linear map" && model.linear.length ? model.linear[0].va : a.name === "vmemmap" ? (model.byVa.find((m) => m.va >= a.start) || a).va ?? a.start : a.start) },
			el("i", { style: `--c:var(${AREA_COLOURS[a.name] || "--c-boot"})` }), el("b", {}, a.name), el("span", { class: "mono" }, human(a.size)), el("code", {}, `${hexVa(a.start)} \u2013 ${hexVa(a.end - 1)}`)));
		above = above === 0 ? a.start : Math.min(above, a.start);
	}
	if (!list.length)
		root.append(el("p", {}, "Not known."));
}

/* ---- the tree */

const FIRST_TABLES = 16;

function pageTables(app) {
	const { model } = app, root = document.getElementById("tree");
	let cursor = null;

	if (!model.mappings.length || !model.levels) {
		root.append(el("p", {}, "This document does not say what is mapped: quire ptdump prints it."));
		return { reveal: () => {} };
	}

	function cells(table, runs) {
		const g = el("canvas", { class: "cells", width: "520", height: "12", role: "img", "aria-label": `${table.entries} entries` }), c = g.getContext("2d");

		for (const r of runs) {
			if (r.kind === "none")
				continue;
			const f = r.kind === "table" ? "var(--c-tables)" : blockColour(model, entrySize(model, table.level), r.map.cont);

			c.fillStyle = app.cssColour(/--[\w-]+/.exec(f)[0]);
			c.fillRect(520 * r.first / table.entries, 0, Math.max(1.5, 520 * (r.last - r.first + 1) / table.entries), 12);
		}
		return g;
	}

	function item(line, children) {
		const li = el("li", { role: "treeitem", tabindex: "-1", "aria-expanded": children ? "false" : null }, line);

		line.className = "line" + (children ? " opens" : "");
		line.prepend(el("span", { class: "twist", "aria-hidden": "true" }, children ? "\u25B8" : ""));
		if (children) {
			li.open = () => {
				if (li.getAttribute("aria-expanded") === "true")
					return;
				li.setAttribute("aria-expanded", "true");
				if (!li.querySelector(":scope > ul"))
					li.append(el("ul", { role: "group" }, children()));
				li.querySelector(":scope > ul").hidden = false;
			};
			li.close = () => {
				li.setAttribute("aria-expanded", "false");
				const ul = li.querySelector(":scope > ul");
				if (ul)
					ul.hidden = true;
			};
			line.addEventListener("click", () => { focus(li, false); if (li.getAttribute("aria-expanded") === "true") li.close(); else li.open(); });
		}
		return li;
	}

	function tableItem(table, index) {
		const runs = entryRuns(model, table), used = d3.sum(runs, (r) => r.kind === "none" ? 0 : r.last - r.first + 1);
		const line = el("div", {}, index === null ? "" : el("code", {}, `[${index}]`), el("span", { class: "tag", style: "--c:var(--c-tables)" }, `${levelName(model, table.level)} table`),
			el("code", {}, hexVa(table.va)), el("span", { class: "soft" }, `level ${lookupLevel(table.level)}, ${count(used)} of ${count(table.entries)} entries${table.root ? ", swapper_pg_dir" : table.pa !== null ? `, at ${hexPa(table.pa, model.digits)}` : ", in the image"}`), cells(table, runs));
		const li = item(line, () => entryItems(table, runs));

		li.table = table;
		return li;
	}

	function entryItems(table, runs) {
		const size = entrySize(model, table.level), out = [];

		for (const r of runs) {
			const n = r.last - r.first + 1, va = table.va + r.first * size, where = n > 1 ? `[${r.first}\u2013${r.last}]` : `[${r.first}]`;

			if (r.kind === "none") {
				out.push(item(el("div", {}, el("code", {}, where), el("span", { class: "soft" }, `nothing, ${human(n * size)}`))));
			} else if (r.kind === "block") {
				const pa = r.map.pa + (va - r.map.va), name = (app.nameOf(pa, n * size) || "");
				const li = item(el("div", {}, el("code", {}, where), el("i", { class: "swatch", style: `--c:${blockColour(model, size, r.map.cont)}` }), `${count(n)} \u00d7 ${blockName(size, r.map.cont)}`,
					el("code", {}, hexVa(va)), "\u2192", el("button", { class: "link mono", onclick: (e) => { e.stopPropagation(); app.select({ base: pa, end: pa + n * size }); app.map.show(pa, pa + n * size, true, 1.5); } }, hexPa(pa, model.digits)), el("span", { class: "tag soft" }, r.map.prot), el("span", { class: "soft" }, name)));

				out.push(li);
			} else {
				out.push(...someTables(table, r.first, r.last));
			}
		}
		return out;
	}

	/* Many tables in a row come a few at a time. */
	function someTables(table, first, last) {
		const stop = last - first < FIRST_TABLES + 2 ? last : first + FIRST_TABLES - 1, out = [];

		for (let i = first; i <= stop; i++)
			out.push(tableItem(childTable(model, table, i), i));
		if (stop < last) {
			const li = item(el("div", {}, el("code", {}, `[${stop + 1}\u2013${last}]`), el("button", { class: "link" }, `${count(last - stop)} more tables`)));

			li.more = (to = stop + FIRST_TABLES) => li.replaceWith(...someTables(table, stop + 1, Math.max(stop + 1, Math.min(to, last))), ...(to < last ? someTables(table, Math.max(stop + 1, to) + 1, last) : []));
			li.from = stop + 1;
			li.to = last;
			li.querySelector("button").onclick = () => li.replaceWith(...someTables(table, stop + 1, last));
			out.push(li);
		}
		return out;
	}

	const top = tableItem(rootTable(model), null), ul = el("ul", { class: "tree", role: "tree", "aria-label": "Kernel page tables" }, top);

	function focus(li, move = true) {
		if (cursor)
			cursor.tabIndex = -1;
		cursor = li;
		li.tabIndex = 0;
		if (move)
			li.focus();
	}

	ul.addEventListener("keydown", (e) => {
		const li = e.target.closest("[role=treeitem]"), all = [...ul.querySelectorAll("[role=treeitem]")].filter((x) => x.offsetParent), i = all.indexOf(li);
		const to = { ArrowDown: all[i + 1], ArrowUp: all[i - 1], Home: all[0], End: all[all.length - 1] }[e.key];
		const open = li.getAttribute("aria-expanded") === "true";

		if (to)
			focus(to);
		else if (e.key === "ArrowRight" && li.open)
			open ? focus(li.querySelector("[role=treeitem]")) : li.open();
		else if (e.key === "ArrowLeft")
			open ? li.close() : li.parentNode.closest("[role=treeitem]") && focus(li.parentNode.closest("[role=treeitem]"));
		else if (e.key === "Enter" || e.key === " ")
			li.open ? (open ? li.close() : li.open()) : (li.querySelector("button") || li).click();
		else
			return;
		e.preventDefault();
		e.stopPropagation();
	});
	root.replaceChildren(ul);
	focus(top, false);
	top.open();

	/* Open every table on the way to va and show the entry that ends it. */
	function reveal(va) {
		const steps = walk(model, va);
		let li = top;

		ul.querySelectorAll(".hit").forEach((x) => x.classList.remove("hit"));
		for (const s of steps) {
			li.open();
			const below = [...li.querySelector(":scope > ul").children], label = (x) => /^\[(\d+)(?:\u2013(\d+))?\]/.exec(x.querySelector("code").textContent);
			let next = below.find((x) => { const m = label(x); return m && s.index >= Number(m[1]) && s.index <= Number(m[2] || m[1]); });

			if (next && next.more) {
				next.replaceWith(...[tableItem(childTable(model, s.table, s.index), s.index), next.cloneNode(true)].slice(0, 1));
				next = [...li.querySelector(":scope > ul").children].find((x) => x.table && x.table.va === childTable(model, s.table, s.index).va);
			}
			if (!next)
				break;
			li = next;
			li.classList.add("hit");
			if (!li.open)
				break;
		}
		focus(li);
		li.scrollIntoView({ block: "center" });
		return steps;
	}

	return { reveal };
}
