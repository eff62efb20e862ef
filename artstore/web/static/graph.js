// The drawing of a lineage: dragging moves it, Ctrl and the wheel zoom it, arrow keys go from box to box.
"use strict";

const STEP = 1.25;
const graph = document.querySelector(".graph");
const drawing = graph?.querySelector("svg");
const full = drawing && { width: drawing.viewBox.baseVal.width, height: drawing.viewBox.baseVal.height };
let size = 1;

function show(next, keep = true) {
  const middle = [graph.scrollLeft + graph.clientWidth / 2, graph.scrollTop + graph.clientHeight / 2].map((at) => at / size);
  size = Math.min(4, Math.max(0.1, next));
  drawing.setAttribute("width", full.width * size);
  drawing.setAttribute("height", full.height * size);
  graph.scrollTo(middle[0] * size - graph.clientWidth / 2, middle[1] * size - graph.clientHeight / 2);
  if (!keep) return;
  const address = new URL(location.href);
  if (size === 1) address.searchParams.delete("zoom");
  else address.searchParams.set("zoom", size.toFixed(2));
  history.replaceState(null, "", address);
}

function fit() {
  show(Math.min(1, (graph.clientWidth - 20) / full.width, (innerHeight * 0.7) / full.height));
}

const ZOOMS = { in: () => show(size * STEP), out: () => show(size / STEP), fit };

// The nearest box in the direction of an arrow: what lies aside counts three times.
function neighbour(from, key) {
  const middle = (box) => { const at = box.getBoundingClientRect(); return [at.x + at.width / 2, at.y + at.height / 2]; };
  const [x, y] = middle(from);
  const [right, down] = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[key];
  let best = null;
  let least = Infinity;
  for (const box of drawing.querySelectorAll("a")) {
    const [across, along] = middle(box).map((at, index) => at - [x, y][index]);
    const ahead = across * right + along * down;
    const aside = Math.abs(across * down) + Math.abs(along * right);
    if (box !== from && ahead > 1 && ahead + 3 * aside < least) [best, least] = [box, ahead + 3 * aside];
  }
  return best;
}

function move(down) {
  if (down.target.closest("a") || down.pointerType !== "mouse") return;
  const from = [graph.scrollLeft + down.clientX, graph.scrollTop + down.clientY];
  const drag = (event) => graph.scrollTo(from[0] - event.clientX, from[1] - event.clientY);
  graph.classList.add("moving");
  window.addEventListener("pointermove", drag);
  window.addEventListener("pointerup", () => {
    graph.classList.remove("moving");
    window.removeEventListener("pointermove", drag);
  }, { once: true });
}

if (drawing) {
  document.querySelector(".zoom").hidden = false;
  const asked = Number(new URL(location.href).searchParams.get("zoom"));
  if (asked > 0) show(asked, false);
  const chosen = new URL(location.href).searchParams.get("at");
  const box = chosen && [...drawing.querySelectorAll("a")].find((one) => one.dataset.id === chosen);
  box?.classList.add("chosen");
  (box || graph.querySelector(".start"))?.scrollIntoView({ block: "nearest", inline: "center" });
  graph.addEventListener("pointerdown", move);
  graph.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    show(event.deltaY < 0 ? size * STEP : size / STEP);
  }, { passive: false });
  graph.addEventListener("keydown", (event) => {
    const box = event.target.closest("a");
    if (event.key === "+" || event.key === "-") ZOOMS[event.key === "+" ? "in" : "out"]();
    else if (event.key === "0") fit();
    else if (box && event.key.startsWith("Arrow")) {
      event.preventDefault();
      neighbour(box, event.key)?.focus();
    }
  });
  document.querySelector(".zoom").addEventListener("click", (event) => ZOOMS[event.target.dataset.zoom]?.());
}
