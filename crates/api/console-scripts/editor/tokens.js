// The words of the query language (docs/query-language.md): what colours them and what completes them reads them here.

export const KEYWORDS = new Set(
  ["SELECT", "DISTINCT", "FROM", "WHERE", "AND", "NOT", "IN", "LIKE", "ORDER", "BY", "ASC", "DESC", "LIMIT", "TIMESPAN", "TRUE", "FALSE"],
);

// Letters are those of every writing, with the signs that some put above or below them, as in the checker.
const LETTER = String.raw`[\p{Alphabetic}\p{N}_]`;
const WORD = `(?:${LETTER})+`;

// The first that matches is it. A text or a name that does not end yet reaches to the end.
const KINDS = [
  ["blank", /\s+/uy],
  ["text", /'(?:[^']|'')*(?:'|$)/uy],
  ["quoted", /"(?:[^"]|"")*(?:"|$)|\[(?:[^\]]|\]\])*(?:\]|$)/uy],
  ["number", new RegExp(String.raw`-?\d+(?:\.\d+)?(?!${LETTER})`, "uy")],
  ["word", new RegExp(String.raw`${WORD}(?:\(${WORD}\))?`, "uy")],
  ["operator", /!=|<=|>=|[=<>]/uy],
  ["mark", /[(),;]/uy],
];

// The token at a place: its kind, its text and where it is.
export function tokenAt(text, from) {
  for (const [kind, pattern] of KINDS) {
    pattern.lastIndex = from;
    const found = pattern.exec(text)?.[0];
    if (found) return named({ kind, text: found, from, to: from + found.length });
  }
  return { kind: "strange", text: text[from], from, to: from + 1 };
}

// A keyword is never followed by a unit: `IN (5)` and `IN(5)` are the same.
function named(token) {
  if (token.kind !== "word") return token;
  const bare = token.text.split("(")[0];
  if (!KEYWORDS.has(bare.toUpperCase())) return token;
  return { kind: "keyword", text: bare, from: token.from, to: token.from + bare.length };
}

// All but the blanks.
export function tokens(text) {
  const found = [];
  for (let at = 0; at < text.length; ) {
    const token = tokenAt(text, at);
    if (token.kind !== "blank") found.push(token);
    at = token.to;
  }
  return found;
}

export const ENDS = { "'": "'", '"': '"', "[": "]" };

// Whether a text or a name in quotes has its end. A doubled end stands for the character.
export function isClosed({ text }) {
  const end = ENDS[text[0]];
  return text.slice(1).split(end).length % 2 === 0;
}

// What a name means, without its quotes.
export function plainName(token) {
  const { kind, text } = token, end = ENDS[text[0]];
  if (kind !== "quoted") return text;
  return text.slice(1, isClosed(token) ? -1 : undefined).split(end + end).join(end);
}

// A name in the quotes of this kind.
export const quotedName = (name, quote) => `${quote}${name.split(ENDS[quote]).join(ENDS[quote] + ENDS[quote])}${ENDS[quote]}`;

export const writtenText = text => `'${text.split("'").join("''")}'`;
