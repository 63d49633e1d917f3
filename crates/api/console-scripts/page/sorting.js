// A table's rows are sorted by the column whose head is clicked: ascending, descending, and in their own order again. `<th data-kind="number">` says what a
// column holds, and `<td data-value="1234.5">1,234.50</td>` what is compared.

import { valueOf } from "./cells.js";

const NEXT = { none: "ascending", ascending: "descending", descending: "none" };
const texts = new Intl.Collator("en", { numeric: true });

// `tell` takes a sentence about the order, each time that it changes.
export function sortByHeads(heads, body, tell) {
  const asServed = [...body.rows];
  heads.forEach((head, at) => {
    if (head.dataset.kind === "none" || head.textContent.trim() === "") return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const next = NEXT[head.getAttribute("aria-sort")];
      heads.filter(other => other.hasAttribute("aria-sort")).forEach(other => other.setAttribute("aria-sort", other === head ? next : "none"));
      body.append(...(next === "none" ? asServed : sorted(asServed, at, next === "ascending" ? 1 : -1, head.dataset.kind === "number")));
      tell(next === "none" ? "In the order of the answer" : `Sorted by ${button.textContent.trim()}, ${next}`);
    });
  });
}

function sorted(rows, at, sign, isNumber) {
  const value = row => valueOf(row.cells[at]);
  const keys = new Map(rows.map(row => [row, isNumber && value(row) !== "" ? Number(value(row)) : value(row)]));
  const missing = row => keys.get(row) === "" || Number.isNaN(keys.get(row));
  return [...rows].sort((one, other) => {
    // What is not there comes last, whichever way.
    if (missing(one) || missing(other)) return missing(one) - missing(other);
    const [a, b] = [keys.get(one), keys.get(other)];
    return sign * (isNumber ? a - b : texts.compare(a, b));
  });
}
