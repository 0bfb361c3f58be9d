// SPDX-License-Identifier: MIT
/*
 * The kernel's page tables, made again from what they map: an entry is a block, a table where something smaller is mapped
 * below it, or nothing. Levels count from the leaves: 0 holds pages.
 */
"use strict";

const LEVEL_NAMES = { 3: ["PTE", "PMD", "PGD"], 4: ["PTE", "PMD", "PUD", "PGD"], 5: ["PTE", "PMD", "PUD", "P4D", "PGD"], 2: ["PTE", "PGD"] };

function levelName(model, level) {
	return (LEVEL_NAMES[model.levels] || LEVEL_NAMES[4])[level] || "?";
}

/* The Arm ARM's number of the level. */
function lookupLevel(level) {
	return 3 - level;
}

function step(model) {
	return Math.log2(model.page) - 3;
}

/* Bytes that an entry of a table of that level maps. */
function entrySize(model, level) {
	return model.page * 2 ** (level * step(model));
}

function rootTable(model) {
	const level = model.levels - 1, va = -(2 ** model.vaBits);

	return { level, va, entries: Math.min(2 ** step(model), 2 ** model.vaBits / entrySize(model, level)), pa: null, root: true };
}

/* Where the table of that level for va lies; null: not from memblock. */
function tablePa(model, level, va) {
	for (const r of model.tableRuns) {
		if (r.level !== level)
			continue;
		if (va === r.va)
			return r.pa;
		const k = r.vaStep ? (va - r.va) / r.vaStep : 0;

		if (r.count > 1 && k > 0 && k < r.count && Number.isInteger(k))
			return r.pa + k * r.paStep;
	}
	return null;
}

/*
 * The table's entries as runs of equals: {first, last, kind: "none"|"block"|"table", map}. Blocks that go on where the one
 * before ends, with the same permissions, are one run.
 */
function entryRuns(model, table) {
	const size = entrySize(model, table.level), end = table.va + table.entries * size, runs = [];
	const put = (first, last, kind, map) => {
		const before = runs[runs.length - 1];

		if (before && before.kind === kind && kind !== "block" && first <= before.last + 1)
			before.last = Math.max(before.last, last);
		else if (first <= last)
			runs.push({ first, last, kind, map });
	};
	let next = 0;

	for (let i = firstAbove(model.byVa, table.va); i < model.byVa.length && model.byVa[i].base < end; i++) {
		const m = model.byVa[i];
		const first = Math.max(0, Math.floor((m.base - table.va) / size));
		const last = Math.min(table.entries, Math.ceil((m.end - table.va) / size)) - 1;

		if (first > next)
			put(next, first - 1, "none", null);
		put(first, last, m.block < size ? "table" : "block", m);
		next = Math.max(next, last + 1);
	}
	if (next < table.entries)
		put(next, table.entries - 1, "none", null);
	return runs;
}

/* The table below an entry. */
function childTable(model, table, index) {
	const va = table.va + index * entrySize(model, table.level), level = table.level - 1;

	return { level, va, entries: 2 ** step(model), pa: tablePa(model, level, va) };
}

/* The mapping of a kernel virtual address, or of a physical one in the linear map. */
function mappingAt(model, va) {
	return findRange(model.byVa, va);
}

function linearAt(model, pa) {
	return findRange(model.linear, pa);
}

/* The walk to va: [{table, index, kind}], from the root to the entry that ends it. */
function walk(model, va) {
	const out = [];

	if (!model.levels || !model.mappings.length)
		return out;
	for (let t = rootTable(model); t;) {
		const index = Math.floor((va - t.va) / entrySize(model, t.level));
		const run = entryRuns(model, t).find((r) => r.first <= index && index <= r.last);

		out.push({ table: t, index, kind: run ? run.kind : "none", map: run && run.map });
		t = run && run.kind === "table" ? childTable(model, t, index) : null;
	}
	return out;
}
