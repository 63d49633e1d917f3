// What a table has to draw: the columns by which its rows are grouped, and its columns of numbers.
//
// `<th data-group>` says that rows are grouped by a column; where none says so, it is the first. `<th data-kind="number">` and `<td data-value="1234.5">`
// are those of tables that are sorted.

import { valueOf } from "../page/cells.js";

const MONTH = /^\d{4}-\d{2}$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}/;

// Seconds since 1970; a time without a zone is in UTC.
const seconds = text => {
  const whole = MONTH.test(text) ? `${text}-01T00:00:00Z` : DAY.test(text) ? `${text}T00:00:00Z` : TIME.test(text) ? text.replace(" ", "T") : "";
  const zoned = whole && !/(Z|[+-]\d{2}:\d{2})$/.test(whole) ? `${whole}Z` : whole;
  const found = Date.parse(zoned) / 1000;
  return Number.isFinite(found) ? found : null;
};

const shown = cell => (cell?.querySelector("time") ?? cell)?.textContent.trim() ?? "";
const number = text => (text !== "" && Number.isFinite(Number(text)) ? Number(text) : null);
// Without what scripts have put into it.
const nameOf = head => (head.querySelector(".sort") ?? head).textContent.trim();

// `{groups: [{name, keys, labels, times}], metrics: [{name, values}]}`, each with one entry for every row. `times` is there if all of them are.
export function read(table) {
  const heads = [...(table.tHead?.rows[0]?.cells ?? [])], rows = [...(table.tBodies[0]?.rows ?? [])];
  const named = heads.map((head, at) => at).filter(at => "group" in heads[at].dataset), grouping = named.length ? named : [0];
  const groups = grouping.filter(at => at in heads).map(at => {
    const keys = rows.map(row => valueOf(row.cells[at])), times = keys.map(seconds);
    const labels = rows.map(row => shown(row.cells[at]) || "(none)");
    return { name: nameOf(heads[at]), keys, labels, times: times.every(time => time !== null) ? times : undefined };
  });
  const metrics = heads.flatMap((head, at) => {
    if (grouping.includes(at)) return [];
    const texts = rows.map(row => valueOf(row.cells[at])), values = texts.map(number);
    const isNumber = head.dataset.kind ? head.dataset.kind === "number" : texts.every((text, row) => text === "" || values[row] !== null);
    return isNumber && values.some(value => value !== null) ? [{ name: nameOf(head), values }] : [];
  });
  return { groups, metrics, count: rows.length };
}
