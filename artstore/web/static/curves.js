// Curves under a pointer: the values at a step, and a range of steps that is dragged becomes the address of the page.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const LISTED = 12;

function scale(chart) {
  const [left, right, top, bottom] = chart.dataset.frame.split(" ").map(Number);
  const [first, last] = chart.dataset.steps.split(" ").map(Number);
  const [low, high] = chart.dataset.values.split(" ").map(Number);
  const step = (x) => first + ((x - left) / (right - left)) * (last - first);
  const value = (y) => {
    const part = (bottom - y) / (bottom - top);
    return "log" in chart.dataset ? low * (high / low) ** part : low + part * (high - low);
  };
  return { left, right, top, bottom, step, value };
}

// The curve that is drawn strongest of each run, as points of the drawing.
function lines(chart) {
  chart.lines ??= [...chart.querySelectorAll(".curve:not(.raw)")].map((path) => ({
    path,
    name: path.textContent,
    points: path.getAttribute("d").slice(1).split("L").map((point) => point.split(" ").map(Number)),
  }));
  return chart.lines;
}

function nearest(points, x) {
  let low = 0;
  let high = points.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < x) low = middle;
    else high = middle;
  }
  return x - points[low][0] < points[high][0] - x ? points[low] : points[high];
}

function short(number) {
  const size = Math.abs(number);
  return size && (size >= 1e6 || size < 1e-3) ? number.toExponential(2) : String(Number(number.toPrecision(4)));
}

function place(chart, event) {
  const box = chart.getBoundingClientRect();
  const { left, right } = scale(chart);
  const x = ((event.clientX - box.left) / box.width) * chart.viewBox.baseVal.width;
  return Math.min(Math.max(x, left), right);
}

function guide(chart, x) {
  const { top, bottom } = scale(chart);
  let line = chart.querySelector(".guide");
  if (!line) {
    line = document.createElementNS(SVG, "line");
    line.setAttribute("class", "guide");
    chart.append(line);
  }
  for (const [name, value] of [["x1", x], ["x2", x], ["y1", top], ["y2", bottom]]) line.setAttribute(name, value);
}

function readOut(chart, event) {
  const x = place(chart, event);
  const { step, value } = scale(chart);
  const found = lines(chart).map((line) => ({ ...line, at: nearest(line.points, x) })).sort((a, b) => a.at[1] - b.at[1]);
  if (!found.length) return;
  guide(chart, x);
  const card = chart.parentElement;
  let out = card.querySelector(".readout");
  if (!out) {
    out = document.createElement("div");
    out.className = "readout";
    out.setAttribute("aria-hidden", "true");
    card.append(out);
  }
  const head = document.createElement("b");
  head.textContent = `step ${Math.round(step(x)).toLocaleString("en")}`;
  out.replaceChildren(head, ...found.slice(0, LISTED).map((line) => {
    const row = document.createElement("div");
    const mark = document.createElementNS(SVG, "svg");
    mark.setAttribute("width", "16");
    mark.setAttribute("height", "8");
    const stroke = document.createElementNS(SVG, "path");
    stroke.setAttribute("class", line.path.getAttribute("class"));
    stroke.setAttribute("d", "M0 4h16");
    mark.append(stroke);
    const [name, number] = [document.createElement("span"), document.createElement("span")];
    name.textContent = line.name;
    number.textContent = short(value(line.at[1]));
    row.append(mark, name, number);
    return row;
  }));
  const [box, around] = [chart.getBoundingClientRect(), card.getBoundingClientRect()];
  const right = event.clientX - box.left > box.width / 2;
  out.style.left = right ? "" : `${event.clientX - around.left + 14}px`;
  out.style.right = right ? `${around.right - event.clientX + 14}px` : "";
  out.style.top = `${box.top - around.top + 8}px`;
}

function leave(chart) {
  chart.querySelectorAll(".guide, .chosen").forEach((one) => one.remove());
  chart.parentElement.querySelector(".readout")?.remove();
}

function choose(chart, begin, end) {
  const { top, bottom } = scale(chart);
  let box = chart.querySelector(".chosen");
  if (!box) {
    box = document.createElementNS(SVG, "rect");
    box.setAttribute("class", "chosen");
    chart.append(box);
  }
  const sides = [["x", Math.min(begin, end)], ["width", Math.abs(end - begin)], ["y", top], ["height", bottom - top]];
  for (const [name, value] of sides) box.setAttribute(name, value);
}

function zoom(chart, begin, end) {
  const { step } = scale(chart);
  const address = new URL(location.href);
  address.searchParams.set("from", Math.max(0, Math.floor(step(Math.min(begin, end)))));
  address.searchParams.set("to", Math.max(0, Math.ceil(step(Math.max(begin, end)))));
  location.href = address.href;
}

let dragged = null;
document.addEventListener("pointermove", (event) => {
  const chart = event.target.closest?.("svg.curves:not(.still)");
  if (dragged) choose(dragged.chart, dragged.from, place(dragged.chart, event));
  else if (chart) readOut(chart, event);
});
document.addEventListener("pointerout", (event) => {
  const chart = event.target.closest?.("svg.curves:not(.still)");
  if (chart && !chart.contains(event.relatedTarget) && !dragged) leave(chart);
});
document.addEventListener("pointerdown", (event) => {
  const chart = event.target.closest?.("svg.curves:not(.still)");
  if (!chart || event.button !== 0 || event.pointerType !== "mouse") return;
  event.preventDefault();
  dragged = { chart, from: place(chart, event) };
});
document.addEventListener("pointerup", (event) => {
  if (!dragged) return;
  const { chart, from } = dragged;
  const to = place(chart, event);
  dragged = null;
  leave(chart);
  if (Math.abs(to - from) > 8) zoom(chart, from, to);
});
