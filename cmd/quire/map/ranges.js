// SPDX-License-Identifier: MIT
/*
 * Sorted lists of ranges that do not overlap: memblock's arrays as the replay keeps them. A range is {base, end, ...};
 * whatever else it has is copied when it is cut, and never changed in place: lists share their ranges.
 */
"use strict";

/* Index of the first range that ends above `at`. */
function firstAbove(list, at) {
	let low = 0, high = list.length;

	while (low < high) {
		const mid = (low + high) >> 1;

		if (list[mid].end > at)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

function findRange(list, at) {
	const r = list[firstAbove(list, at)];

	return r && r.base <= at ? r : null;
}

/* What is in [base, end) goes. */
function cutRange(list, base, end) {
	const i = firstAbove(list, base), rest = [];
	let j = i;

	for (; j < list.length && list[j].base < end; j++) {
		const r = list[j];

		if (r.base < base)
			rest.push({ ...r, end: base });
		if (r.end > end)
			rest.push({ ...r, base: end });
	}
	list.splice(i, j - i, ...rest);
}

/* [range.base, range.end) where nothing was yet. */
function fillRange(list, range) {
	let i = firstAbove(list, range.base), at = range.base;
	const put = [];
	const first = i;

	for (; i < list.length && list[i].base < range.end; i++) {
		if (list[i].base > at)
			put.push({ ...range, base: at, end: list[i].base });
		put.push(list[i]);
		at = Math.max(at, list[i].end);
	}
	if (at < range.end)
		put.push({ ...range, base: at });
	list.splice(first, i - first, ...put);
}

/* change(range) in place of every part of [base, end). */
function mapRange(list, base, end, change) {
	const i = firstAbove(list, base), put = [];
	let j = i;

	for (; j < list.length && list[j].base < end; j++) {
		const r = list[j];

		if (r.base < base)
			put.push({ ...r, end: base });
		put.push({ ...change(r), base: Math.max(r.base, base), end: Math.min(r.end, end) });
		if (r.end > end)
			put.push({ ...r, base: end });
	}
	list.splice(i, j - i, ...put);
}

/* The parts of `list` that `holes` does not cover. */
function without(list, holes) {
	const out = [];

	for (const r of list) {
		let at = r.base;

		for (let i = firstAbove(holes, r.base); i < holes.length && holes[i].base < r.end; i++) {
			if (holes[i].base > at)
				out.push({ ...r, base: at, end: holes[i].base });
			at = Math.max(at, holes[i].end);
		}
		if (at < r.end)
			out.push({ ...r, base: at });
	}
	return out;
}

function totalOf(list) {
	return list.reduce((sum, r) => sum + r.end - r.base, 0);
}
