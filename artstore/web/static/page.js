// Everything works without this: it adds the keyboard, copying, and the pages of running runs.
"use strict";

const rows = () => [...document.querySelectorAll("[data-row]")];
let current = -1;

function go(step) {
  const all = rows();
  if (!all.length) return;
  all[current]?.classList.remove("current");
  current = Math.min(Math.max(current + step, 0), all.length - 1);
  all[current].classList.add("current");
  all[current].scrollIntoView({ block: "nearest" });
  all[current].querySelector("a[href]")?.focus({ preventScroll: true });
}

function picked(form) {
  return [...form.querySelectorAll("input[type=checkbox]:checked")];
}

function showPicked(form) {
  const count = picked(form).length;
  const button = form.querySelector("[data-compare]");
  const most = Number(form.dataset.select || 12);
  button.disabled = count < 2 || count > most;
  button.title = most === 2 ? "Select two versions" : `Select 2 to ${most} runs`;
}

function compare(form) {
  const names = picked(form).map((box) => box.value);
  if (form.dataset.select === "2" && names.length === 2) {
    // The table shows the newest first.
    location.href = `/compare/versions?${new URLSearchParams({ old: names[1], new: names[0] })}`;
  } else if (names.length > 1) {
    location.href = `/compare/runs?${new URLSearchParams(names.map((name) => ["run", name]))}`;
  }
}

function prepare() {
  for (const form of document.querySelectorAll("form[data-select]")) {
    showPicked(form);
    form.addEventListener("change", () => showPicked(form));
    form.addEventListener("submit", (event) => {
      if (event.submitter && !event.submitter.hasAttribute("data-compare")) return;
      event.preventDefault();
      compare(form);
    });
  }
  for (const input of document.querySelectorAll("form.controls:not([method=post]) :is(select, input[type=range], input[type=checkbox])")) {
    input.addEventListener("change", () => input.form.requestSubmit());
  }
}

let after = "";
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]), select, textarea");
  if (event.key === "Escape" && typing) typing.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const before = after;
  after = event.key;
  if (before === "g") {
    document.querySelector(`[data-go="${CSS.escape(event.key)}"]`)?.click();
  } else if (event.key === "/") {
    event.preventDefault();
    document.querySelector(".search input").focus();
  } else if (event.key === "j" || event.key === "k") {
    go(event.key === "j" ? 1 : -1);
  } else if (event.key === "x") {
    rows()[current]?.querySelector("input[type=checkbox]")?.click();
  } else if (event.key === "c") {
    const form = document.querySelector("form[data-select]");
    if (form) compare(form);
  } else if (event.key === "?") {
    document.getElementById("keys").showModal();
  }
});

document.addEventListener("click", async (event) => {
  if (event.target.closest("[data-help]")) document.getElementById("keys").showModal();
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const code = button.parentElement.querySelector("code");
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  } catch {
    // A page that is not served as localhost may not use the clipboard.
    getSelection().selectAllChildren(code);
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
});

// A page with running runs reads itself again when the store has changed, while it is looked at and nothing is chosen on it.
const REST = 3000;
let changes = null;
let planned = false;
let read = 0;

function isLive() {
  return Boolean(document.querySelector("main[data-live]"));
}

// A browser keeps few connections to one server open: a page that is not seen has none.
function listen() {
  if (document.hidden || !isLive()) {
    changes?.close();
    changes = null;
  } else if (!changes) {
    changes = new EventSource("/changes");
    changes.addEventListener("message", plan);
    plan();
  }
}

function plan() {
  if (planned) return;
  planned = true;
  setTimeout(async () => {
    planned = false;
    read = Date.now();
    if (!document.hidden) await readAgain();
    listen();
  }, Math.max(0, read + REST - Date.now()));
}

async function readAgain() {
  const main = document.querySelector("main");
  const busy = main.contains(document.activeElement) && document.activeElement !== main;
  if (busy || main.querySelector("input:checked[name=run], .readout")) return plan();
  const answer = await fetch(location.href, { headers: { "X-Follows": "1" } }).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const places = [...main.querySelectorAll(".scroll, .legend")].map((one) => [one.scrollLeft, one.scrollTop]);
  const fresh = page.querySelector("main");
  main.replaceChildren(...fresh.childNodes);
  main.toggleAttribute("data-live", fresh.hasAttribute("data-live"));
  main.querySelectorAll(".scroll, .legend").forEach((one, index) => places[index] && one.scrollTo(...places[index]));
  current = -1;
  prepare();
}

prepare();
listen();
document.addEventListener("visibilitychange", listen);
