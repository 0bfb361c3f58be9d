// SPDX-License-Identifier: MIT
/*
 * Numbers as people read them, and the colours of things.
 *
 * Physical addresses and sizes are Numbers: 52 bits are exact. Kernel virtual addresses are Numbers less 2^64, so that they
 * are exact too: -2^52 .. -1. parseVa and hexVa are the only two that know.
 */
"use strict";

const TOP = 1n << 64n;

/* Number() knows no sign before hexadecimal digits. */
function num(text) {
	return typeof text === "string" && text[0] === "-" ? -Number(text.slice(1)) : Number(text);
}

function parseVa(text) {
	const v = BigInt(text);
	return Number(v >= TOP / 2n ? v - TOP : v);
}

function hexVa(va) {
	return "0x" + (BigInt(va) + (va < 0 ? TOP : 0n)).toString(16).padStart(16, "0");
}

function hexPa(pa, digits = 8) {
	return "0x" + pa.toString(16).padStart(digits, "0");
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/* "512 MiB", "1.5 GiB": four digits at most. */
function human(bytes) {
	let u = 0, v = bytes;

	while (v >= 1024 && u < UNITS.length - 1) {
		v /= 1024;
		u++;
	}
	return (v >= 100 || Number.isInteger(v) ? Math.floor(v) : Math.floor(v * 10) / 10) + " " + UNITS[u];
}

function count(n) {
	return n.toLocaleString("en-US");
}

function plural(n, one, many = one + "s") {
	return `${count(n)} ${n === 1 ? one : many}`;
}

function percent(part, whole) {
	return whole ? (100 * part / whole).toFixed(part * 100 < whole * 10 ? 1 : 0) + " %" : "";
}

/* What memory is used for: name in words; the colours are --c-KIND in report.css. */
const KINDS = {
	kernel: "kernel image",
	fdt: "device tree",
	initrd: "initrd",
	nomap: "no-map",
	firmware: "reserved by the tree",
	cma: "CMA",
	crash: "crash kernel",
	tables: "page tables",
	memmap: "struct pages",
	percpu: "per-CPU memory",
	dma: "bounce buffers",
	boot: "boot allocations",
	free: "free",
};

function colour(kind) {
	return `var(--c-${kind})`;
}

/* Block sizes, from single pages (they cost most) to the largest. */
function blockColour(model, block, cont) {
	const page = model.page, large = page << (Math.log2(page) - 3);

	if (block === page)
		return cont ? "var(--b-cont)" : "var(--b-page)";
	if (block === large)
		return cont ? "var(--b-largecont)" : "var(--b-large)";
	return "var(--b-huge)";
}

function blockName(block, cont) {
	return human(block) + (block < (1 << 20) ? " pages" : " blocks") + (cont ? ", contiguous" : "");
}

/* A node of the document, with its attributes and children. */
function el(tag, attributes = {}, ...children) {
	const e = document.createElement(tag);

	for (const [k, v] of Object.entries(attributes)) {
		if (k.startsWith("on"))
			e.addEventListener(k.slice(2), v);
		else if (v !== null && v !== undefined && v !== false)
			e.setAttribute(k, v === true ? "" : v);
	}
	e.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
	return e;
}

function swatch(kind, more = "") {
	return el("i", { class: "swatch " + more, style: `--c:${colour(kind)}`, "data-kind": kind });
}
