// The editor's look, in the colours of the page.

import { HighlightStyle, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

import { ENDS, isClosed, tokenAt } from "./tokens.js";

const STYLES = { text: "string", quoted: "variableName", number: "number", word: "variableName", keyword: "keyword", operator: "operator", mark: "punctuation", strange: "invalid" };

// A text or a name in quotes goes on over the end of a line.
const language = StreamLanguage.define({
  name: "query",
  startState: () => ({ open: null }),
  token(stream, state) {
    if (state.open) {
      const end = ENDS[state.open], style = state.open === "'" ? "string" : "variableName";
      while (!stream.eol()) {
        if (stream.next() !== end) continue;
        if (stream.peek() === end) stream.next();
        else {
          state.open = null;
          break;
        }
      }
      return style;
    }
    const token = tokenAt(stream.string, stream.pos), { kind, text, to } = token;
    stream.pos = to;
    if ((kind === "text" || kind === "quoted") && !isClosed(token)) state.open = text[0];
    return STYLES[kind] ?? null;
  },
});

// Each at least 4.5 : 1 on the ground of a field, light and dark.
const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "light-dark(#6b2fa0, #d0a8ff)", fontWeight: "600" },
  { tag: tags.string, color: "light-dark(#0b6138, #7fd6a4)" },
  { tag: tags.number, color: "light-dark(#8a4205, #ffb77a)" },
  { tag: tags.operator, color: "var(--quiet)" },
  { tag: tags.invalid, color: "var(--alarm)" },
]);

const theme = EditorView.theme({
  "&": { color: "var(--text)", backgroundColor: "var(--field)", border: "1px solid var(--edge, var(--quiet))", borderRadius: "0.5rem", fontSize: "0.9375rem" },
  "&.cm-focused": { outline: "0.1875rem solid var(--accent)", outlineOffset: "0.125rem" },
  ".cm-scroller": { fontFamily: 'ui-monospace, "SF Mono", Menlo, Consolas, monospace', lineHeight: "1.6", maxHeight: "70vh", overflow: "auto" },
  ".cm-content": { padding: "0.625rem 0", caretColor: "var(--text)" },
  ".cm-line": { padding: "0 0.8125rem" },
  ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "light-dark(#d5e4ff, #2a4370)" },
  ".cm-placeholder": { color: "var(--quiet)" },
  // The library would draw it as an image, which the pages' policy does not load.
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--alarm)", textUnderlineOffset: "0.2em", textDecorationSkipInk: "none" },
  ".cm-lintRange-active": { backgroundColor: "var(--alarm-ground)" },
  ".cm-tooltip": { color: "var(--text)", backgroundColor: "var(--card)", border: "1px solid var(--edge, var(--quiet))", borderRadius: "0.5rem", boxShadow: "var(--shadow)", maxWidth: "min(32rem, 90vw)", overflow: "hidden" },
  ".cm-tooltip-autocomplete > ul": { fontFamily: "inherit" },
  ".cm-tooltip-autocomplete > ul > li": { padding: "0.25rem 0.75rem", minHeight: "1.5rem", lineHeight: "1.5rem" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { color: "var(--on-accent)", backgroundColor: "var(--accent)" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected] .cm-completionDetail": { color: "inherit" },
  ".cm-completionDetail": { color: "var(--quiet)", fontStyle: "normal", marginLeft: "0.75rem" },
  ".cm-completionMatchedText": { fontWeight: "700", textDecoration: "none" },
  ".cm-tooltip.cm-completionInfo": { padding: "0.5rem 0.75rem", whiteSpace: "pre-wrap", overflowWrap: "anywhere" },
  ".cm-diagnostic": { padding: "0.5rem 0.75rem", borderLeft: "0.25rem solid var(--alarm)", overflowWrap: "anywhere" },
  ".cm-diagnosticText": { whiteSpace: "pre-wrap" },
  ".cm-specialChar": { color: "var(--alarm)" },
});

export const look = [language, syntaxHighlighting(colours), theme];
