// What can be written next, from the server's list of datasets:
//
// {"datasets": [{"name", "description", "columns": [{"name", "aliases", "type", "description", "values"}], "metrics": [{"name", "aliases", "expression",
// "description"}], "spans": ["LIFETIME"]}], "spans": ["LIFETIME"], "written": {"Net price": "\"Net price\""}}, where all but the names may be missing.
// `written` has the names that a query has to write in quotes.

import { begunNames, datasetOf, isKeyword, positionAt, selectedIn } from "./position.js";
import { isClosed, quotedName, writtenText } from "./tokens.js";

const same = (one, other) => one.toLowerCase() === other.toLowerCase();
const called = (things, name) => things.find(thing => [thing.name, ...(thing.aliases ?? [])].some(one => same(one, name)));
const SHOWN_VALUES = 100;

// `names` gives the list, and `values(dataset, column)` values of a column that the list lacks.
export function completing(names, values) {
  return async context => {
    const text = context.state.doc.toString();
    const { from, typed, wants, column } = positionAt(text, context.pos);
    if (!typed && !context.explicit && !follows(text, context.pos)) return null;
    const list = await names();
    const end = closing(text, context.pos, typed), around = text.slice(0, from) + text.slice(end);
    const dataset = called(list.datasets ?? [], datasetOf(around) ?? "");
    const makers = {
      ...makersOfNames(list, dataset, around),
      spans: () => spans(dataset?.spans ?? list.spans ?? []),
      values: () => valuesOf(dataset, column, values),
    };
    const options = (await Promise.all(wants.map(want => makers[want]?.() ?? [{ label: want, type: isKeyword(want) ? "keyword" : "sign", boost: -1 }]))).flat();
    const offered = typed && "'\"[".includes(typed.text[0]) ? options.flatMap(quotedAlike(typed.text[0])) : options;
    return context.aborted || offered.length === 0 ? null : { from, to: end, options: offered, filter: true };
  };
}

// Names that somebody types without the quotes that they need: what was typed becomes the name with its quotes.
export function completingUnquoted(names) {
  return async context => {
    const text = context.state.doc.toString();
    const places = begunNames(text, context.pos).filter(({ wants }) => wants.includes("names") || wants.includes("datasets"));
    if (places.length === 0) return null;
    const list = await names();
    if (context.aborted) return null;
    for (const { from, begun, wants } of places) {
      const around = text.slice(0, from) + text.slice(context.pos);
      const makers = makersOfNames(list, called(list.datasets ?? [], datasetOf(around) ?? ""), around);
      const options = wants.flatMap(want => makers[want]?.() ?? []);
      // What is a word is found by its place.
      const found = options.filter(({ label }) => label.toLowerCase().startsWith(begun.toLowerCase()) && !isWord(begun));
      if (found.length > 0) return { from, options: found, filter: true };
    }
    return null;
  };
}

const isWord = text => /^[\p{Alphabetic}\p{N}_]*$/u.test(text);

function makersOfNames({ datasets = [], written = {} }, dataset, text) {
  const write = option => ({ ...option, apply: written[option.label] ?? option.label });
  return {
    names: () => (dataset ? namesOf(dataset, text) : namesOfAll(datasets)).map(write),
    datasets: () => datasets.map(one => write({ label: one.name, type: "dataset", info: one.description })),
  };
}

// Behind a blank, a comma or a parenthesis something new begins.
const follows = (text, at) => at === 0 || /[\s,(=<>]/.test(text[at - 1]);

// The quote that stands behind the cursor already is replaced too.
function closing(text, at, typed) {
  return typed && "'\"[".includes(typed.text[0]) && isClosed({ text: typed.text + text[at] }) ? at + 1 : at;
}

// Somebody who has begun with a quote is offered what begins with one.
const quotedAlike = quote => option => {
  if (quote === "'") return option.type === "value" ? option : [];
  if (!["column", "metric", "dataset"].includes(option.type)) return [];
  const label = quotedName(option.label, quote);
  return { ...option, label, displayLabel: option.label, apply: label };
};

function namesOf(dataset, text) {
  const selected = selectedIn(text);
  const one = (thing, type, detail) => {
    const shown = [thing.name, ...(thing.aliases ?? [])];
    const boost = selected.some(name => shown.some(other => same(name, other))) ? -2 : 0;
    return shown.map((name, at) => ({ label: name, type, detail, info: thing.description, boost: boost - (at ? 1 : 0) }));
  };
  return [
    ...(dataset.columns ?? []).flatMap(column => one(column, "column", column.type)),
    ...(dataset.metrics ?? []).flatMap(metric => one(metric, "metric", metric.expression ?? "metric")),
  ];
}

// Before FROM nothing says which dataset it will be.
function namesOfAll(datasets) {
  const found = new Map();
  for (const dataset of datasets) {
    for (const option of namesOf(dataset, "")) {
      const known = found.get(option.label);
      if (known) known.detail = "several datasets";
      else found.set(option.label, { ...option, detail: dataset.name });
    }
  }
  return [...found.values()];
}

const spans = names => names.map((label, at) => ({ label, type: "span", boost: -at / 100 }));

async function valuesOf(dataset, name, more) {
  const column = dataset && called(dataset.columns ?? [], name);
  if (!column) return [];
  const type = column.type ?? "string";
  if (type === "bool") return ["TRUE", "FALSE"].map(label => ({ label, type: "value" }));
  const isNumber = /^(u?int|float|decimal)/.test(type);
  const known = column.values ?? (await more(dataset.name, column.name));
  return known.slice(0, SHOWN_VALUES).map(value => ({ label: isNumber ? String(value) : writtenText(String(value)), displayLabel: String(value), type: "value" }));
}
