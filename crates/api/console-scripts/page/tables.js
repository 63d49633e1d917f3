// `<table data-sortable>`: rows are sorted by a column, and columns are made wider or narrower.

import { announce } from "./announce.js";
import { sortByHeads } from "./sorting.js";
import { within } from "./within.js";

const NARROWEST = 48;
const STEP = 16;

export function makeSortable(part) {
  for (const table of within(part, "table[data-sortable]")) {
    table.removeAttribute("data-sortable");
    const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
    const body = table.tBodies[0];
    if (!body || heads.length === 0) continue;
    sortByHeads(heads, body, announce);
    heads.forEach(head => resizing(table, heads, head));
  }
}

function resizing(table, heads, head) {
  const handle = document.createElement("span");
  handle.className = "width";
  handle.tabIndex = 0;
  handle.setAttribute("role", "separator");
  handle.setAttribute("aria-orientation", "vertical");
  handle.setAttribute("aria-label", `Width of ${head.textContent.trim() || "the column"}`);
  const width = () => Math.round(head.getBoundingClientRect().width);
  const tell = () => handle.setAttribute("aria-valuenow", String(width()));
  const set = wanted => {
    if (!table.classList.contains("sized")) {
      // From now on columns are as wide as they are told, and the table as wide as its columns.
      heads.map(one => [one, one.getBoundingClientRect().width]).forEach(([one, wide]) => (one.style.width = `${wide}px`));
      table.classList.add("sized");
    }
    head.style.width = `${Math.max(NARROWEST, wanted)}px`;
    table.style.width = `${heads.reduce((sum, one) => sum + parseFloat(one.style.width), 0)}px`;
    tell();
  };
  handle.setAttribute("aria-valuemin", String(NARROWEST));
  handle.addEventListener("focus", tell);
  handle.addEventListener("keydown", event => {
    const way = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
    if (way === undefined) return;
    event.preventDefault();
    set(width() + way);
  });
  handle.addEventListener("pointerdown", event => {
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
    const from = event.clientX, before = width();
    const move = moved => set(before + moved.clientX - from);
    handle.addEventListener("pointermove", move);
    handle.addEventListener("lostpointercapture", () => handle.removeEventListener("pointermove", move), { once: true });
  });
  head.append(handle);
  tell();
}
