// What can stand at a place of a query, by the words before it.

import { KEYWORDS, isClosed, plainName, tokens } from "./tokens.js";

// The most words and signs of a name that is typed without quotes.
const MOST_PARTS = 8;
const CLAUSES = ["SELECT", "FROM", "WHERE", "ORDER", "LIMIT", "TIMESPAN"];
const isName = token => token.kind === "word" || token.kind === "quoted";
const isValue = token => ["text", "number"].includes(token.kind) || is(token, "TRUE") || is(token, "FALSE");
const is = (token, word) => token?.kind === "keyword" && token.text.toUpperCase() === word;

// Clauses that can still follow one.
const later = clause => CLAUSES.slice(CLAUSES.indexOf(clause) + 1).map(word => (word === "ORDER" ? "ORDER BY" : word));

// The dataset that FROM names, anywhere in the text.
export function datasetOf(text) {
  const all = tokens(text);
  const named = all[all.findIndex(token => is(token, "FROM")) + 1];
  return all.some(token => is(token, "FROM")) && named && isName(named) ? plainName(named) : undefined;
}

// Names that are selected already.
export function selectedIn(text) {
  const all = tokens(text);
  const end = all.findIndex(token => is(token, "FROM"));
  return all.slice(0, end < 0 ? undefined : end).filter(isName).map(plainName);
}

// `from` is where the word begins that is being typed; `wants` lists what can stand there: keywords in upper case, and `names`, `columns`, `datasets`,
// `spans` or `values`, these of `column`.
export function positionAt(text, at) {
  const before = tokens(text.slice(0, at));
  const last = before.at(-1);
  // A word at whose end the cursor stands is still being typed; a text only while it is open.
  const isTyped = last && last.to === at && (["text", "quoted"].includes(last.kind) ? !isClosed(last) : ["word", "keyword", "number"].includes(last.kind));
  const typed = isTyped ? last : undefined;
  const left = typed ? before.slice(0, -1) : before;
  return { from: typed?.from ?? at, typed, ...wanted(left) };
}

// Where names may begin that are being typed without the quotes that they need, such as `Net pr` of `"Net price"`: each with what can stand there, the
// longest first. One that has its quotes is found by its place.
export function begunNames(text, at) {
  const before = tokens(text.slice(0, at)), last = before.at(-1);
  if (!last || ["text", "quoted"].includes(last.kind) || text.slice(last.to, at).includes("\n")) return [];
  const starts = before.slice(-MOST_PARTS).map(token => token.from);
  return starts.map(from => ({ from, begun: text.slice(from, at), wants: positionAt(text, from).wants }));
}

function wanted(left) {
  const last = left.at(-1);
  const start = left.reduce((found, token, at) => (token.kind === "keyword" && CLAUSES.includes(token.text.toUpperCase()) ? at : found), -1);
  if (start < 0) return { wants: last ? [] : ["SELECT"] };
  const clause = left[start].text.toUpperCase(), inside = left.slice(start + 1);
  switch (clause) {
    case "SELECT":
      if (inside.length === 0) return { wants: ["names", "DISTINCT"] };
      return { wants: is(last, "DISTINCT") || last.text === "," ? ["names"] : ["FROM"] };
    case "FROM":
      return { wants: inside.length === 0 ? ["datasets"] : later("FROM") };
    case "WHERE":
      return condition(inside);
    case "ORDER":
      if (inside.length === 0) return { wants: ["BY"] };
      if (inside.length === 1 || last.text === ",") return { wants: ["names"] };
      return { wants: isName(last) ? ["ASC", "DESC", ...later("ORDER")] : later("ORDER") };
    case "LIMIT":
      return { wants: inside.length === 0 ? [] : later("LIMIT") };
    default:
      return { wants: inside.length === 0 ? ["spans"] : [] };
  }
}

function condition(inside) {
  const start = inside.reduce((found, token, at) => (is(token, "AND") ? at + 1 : found), 0);
  const [name, ...rest] = inside.slice(start), last = rest.at(-1);
  if (!name) return { wants: ["names"] };
  if (!isName(name)) return { wants: [] };
  const column = plainName(name);
  if (!last) return { wants: ["=", "!=", "<", "<=", ">", ">=", "IN", "NOT IN", "LIKE", "NOT LIKE"], column };
  if (is(last, "NOT")) return { wants: ["IN", "LIKE"], column };
  if (last.kind === "operator") return { wants: ["values"], column };
  if (is(last, "LIKE")) return { wants: [], column };
  if (is(last, "IN")) return { wants: ["("], column };
  if (last.text === "(" || (last.text === "," && rest.some(token => is(token, "IN")))) return { wants: ["values"], column };
  const isInList = rest.some(token => token.text === "(") && last.text !== ")";
  if (isValue(last) && isInList) return { wants: [], column };
  return { wants: isValue(last) || last.text === ")" ? ["AND", ...later("WHERE")] : [], column };
}

export const isKeyword = word => word.split(" ").every(one => KEYWORDS.has(one));
