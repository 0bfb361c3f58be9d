// SPDX-License-Identifier: MIT
/*
 * The boot as time: a ribbon of its functions, a slider, the log beside it. The log shows only the rows in sight, so that it may
 * have any number of them.
 */
"use strict";

const ROW = 22;

function replay(app) {
	const { model } = app, $ = (id) => document.getElementById(id);
	const slider = $("slider"), lines = $("lines"), n = model.ticks.length;
	const inner = el("div", { style: `height:${n * ROW}px;position:relative` });
	let timer = null;

	slider.max = n;
	lines.append(inner);
	model.road.forEach((r, i) => {
		const next = model.road[i + 1] ? model.road[i + 1].tick : n;

		$("ribbon").append(el("button", {
			tabindex: "-1", style: `flex:${Math.max(next - r.tick, n / 160)} 1 0`, "data-name": r.name, "data-from": r.tick, "data-to": next,
			onclick: () => app.go(r.tick + 1),
			onmousemove: (e) => app.tip(e, r.name, ROAD[r.name] || ""), onmouseleave: () => app.tip(null),
		}, r.name));
	});
	/* A name that does not fit says nothing. */
	new ResizeObserver(() => {
		for (const b of $("ribbon").children)
			b.textContent = b.clientWidth > b.dataset.name.length * 5.5 + 4 ? b.dataset.name : "";
	}).observe($("ribbon"));

	let drawn = "";

	function rows() {
		const first = Math.max(0, Math.floor(lines.scrollTop / ROW) - 6), last = Math.min(n, first + Math.ceil(lines.clientHeight / ROW) + 14);

		/* Rows stay what they are as long as nothing about them changes: somebody may be clicking one. */
		if (drawn === `${first} ${last} ${app.tick}`)
			return;
		drawn = `${first} ${last} ${app.tick}`;
		inner.replaceChildren(...d3.range(first, last).map((i) => {
			const t = model.ticks[i];

			return el("div", {
				class: `row ${t.op === "step" ? "step" : ""} ${i === app.tick - 1 ? "on" : ""} ${i >= app.tick ? "future" : ""}`, style: `top:${i * ROW}px`,
				role: "option", "aria-selected": i === app.tick - 1 ? "true" : "false", "data-tick": i, title: t.line,
				onclick: () => { app.go(i + 1); if (t.ranges.length) app.select({ ...hull(t.ranges), moment: i }); },
			}, el("i", {}, String(i + 1)), el("span", {}, t.op === "step" ? `${t.fn}()` : (t.n > 1 && t.op !== "give" ? `${count(t.n)} \u00d7  ` : "") + shortLine(t)));
		}));
	}

	/* Zeros of addresses say little on a narrow line. */
	function shortLine(t) {
		return (t.op === "give" || t.op === "map" ? t.fn + ": " : "") + t.line.replace(/0x0{16}/g, "0x0").replace(/0x0{4,11}(?=[0-9a-f]{4})/g, "0x");
	}

	function draw() {
		const t = app.tick ? model.ticks[app.tick - 1] : null;

		slider.value = app.tick;
		slider.setAttribute("aria-valuetext", t ? `${app.tick} of ${n}: ${t.fn}` : "before the boot");
		$("moment").textContent = `${count(app.tick)} / ${count(n)}`;
		for (const b of $("ribbon").children)
			b.classList.toggle("on", app.tick > Number(b.dataset.from) && app.tick <= Number(b.dataset.to));
		const top = (app.tick - 1) * ROW;

		if (top < lines.scrollTop || top > lines.scrollTop + lines.clientHeight - 2 * ROW)
			lines.scrollTop = Math.max(0, top - lines.clientHeight / 2);
		rows();
		$("now").replaceChildren(...(t ? [
			el("div", { class: "fn" }, t.op === "step" ? `${t.fn}()` : t.asker || t.fn),
			el("div", { class: "line" }, t.op === "step" ? ROAD[t.fn] || "" : (t.n > 1 && t.op !== "give" ? `${count(t.n)} \u00d7  ` : "") + t.line),
			t.op === "step" ? "" : el("div", { class: "in" }, `in ${t.step}`),
			t.op === "step" ? "" : el("div", { class: "why" }, [t.by ? `${t.by.who}, ${human(totalOf(t.ranges))}. ` : "", ROAD[t.step] || ""].join("")),
		] : [el("div", { class: "fn" }, "head.S"), el("div", { class: "line" }, "Before the first operation: memblock is empty.")]));
	}

	function icon(d) {
		$("play").querySelector("path").setAttribute("d", d);
	}

	function stop() {
		clearInterval(timer);
		timer = null;
		icon("M4 2.5v11l9-5.5z");
		$("play").setAttribute("aria-label", "Play");
	}

	function toggle() {
		if (timer) {
			stop();
			return;
		}
		if (app.tick >= n)
			app.go(0);
		icon("M4 3h3v10H4zM9 3h3v10H9z");
		$("play").setAttribute("aria-label", "Pause");
		timer = setInterval(() => {
			if (app.tick >= n)
				stop();
			else
				app.go(app.tick + Math.max(1, Math.round(n / 400)));
		}, 120);
	}

	slider.addEventListener("input", () => app.go(Number(slider.value)));
	lines.addEventListener("scroll", rows);
	$("first").onclick = () => app.go(0);
	$("back").onclick = () => app.go(app.tick - 1);
	$("next").onclick = () => app.go(app.tick + 1);
	$("last").onclick = () => app.go(n);
	$("play").onclick = toggle;
	return {
		draw, toggle, stop,
		/* To the function before or after this one. */
		road: (d) => {
			const starts = model.road.map((r) => r.tick + 1);
			const to = d > 0 ? starts.find((s) => s > app.tick) : starts.filter((s) => s < app.tick).pop();

			app.go(to === undefined ? (d > 0 ? n : 0) : to);
		},
	};
}

function hull(ranges) {
	return { base: Math.min(...ranges.map((r) => r.base)), end: Math.max(...ranges.map((r) => r.end)) };
}
