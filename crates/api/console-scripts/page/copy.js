// `<button type="button" data-copy="#snippet" hidden>Copy</button>`: shows itself, and copies the text of an element, a field or a table.

import { announce } from "./announce.js";
import { valueOf } from "./cells.js";
import { within } from "./within.js";

const SHOWN = 2000;

const textOf = element => {
  if (element instanceof HTMLTableElement) {
    // As spreadsheets take it.
    const cells = row => [...row.cells].map(cell => valueOf(cell).trim().replace(/[\t\r\n]+/g, " "));
    return [...element.rows].map(row => cells(row).join("\t")).join("\n");
  }
  return "value" in element ? element.value : element.textContent;
};

const copy = async text => {
  // Browsers have a clipboard only where the connection is safe, and may forbid it.
  try {
    await navigator.clipboard.writeText(text);
    return;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "heard";
    const before = document.activeElement;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    before?.focus();
    if (!done) throw new Error("the browser has no clipboard");
  }
};

export function offerCopies(part) {
  for (const button of within(part, "button[data-copy]")) {
    const label = button.textContent;
    let back;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.querySelector(button.dataset.copy);
      let said = "Copied";
      try {
        await copy(textOf(source));
      } catch {
        said = "Not copied: the browser does not allow it";
      }
      button.textContent = said;
      announce(said);
      clearTimeout(back);
      back = setTimeout(() => (button.textContent = label), SHOWN);
    });
  }
}
