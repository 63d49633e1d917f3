// `<textarea data-editor data-names="…" data-values="…" data-check="…" data-explanation="#id">`: completion, colours, and what the checker says while one
// types.
//
// The textarea stays the form's field, and alone decides what is sent. The editor lies in a shadow root, for which its library adopts style sheets that
// scripts have made: the pages' policy takes no other that are not files.

import { autocompletion, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching } from "@codemirror/language";
import { lintKeymap, linter } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { EditorView, highlightSpecialChars, keymap, placeholder } from "@codemirror/view";

import { completing, completingUnquoted } from "./editor/completion.js";
import { Checker, FaultList, placed } from "./editor/faults.js";
import { look } from "./editor/look.js";

const DELAY = 300;
const NOT_CHECKED = "The query could not be checked just now; it is checked again when it is saved. Reload the page if this stays.";

const fetched = async address => {
  const answer = await fetch(address, { headers: { accept: "application/json" }, redirect: "error" });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
};

// Asks once, and again after a failure.
const kept = ask => {
  const known = new Map();
  return async key => {
    if (!known.has(key)) known.set(key, ask(key));
    try {
      return await known.get(key);
    } catch {
      known.delete(key);
      return undefined;
    }
  };
};

function replace(area) {
  const { names, values, check, explanation } = area.dataset;
  area.removeAttribute("data-editor");
  const host = document.createElement("div");
  host.className = "query-editor";
  area.after(host);
  const root = host.attachShadow({ mode: "open" });
  const listOfNames = kept(fetched), listOfValues = kept(fetched);

  const valuesOf = async (dataset, column) => {
    if (!values) return [];
    const address = new URL(values, document.baseURI);
    address.searchParams.set("dataset", dataset);
    address.searchParams.set("column", column);
    return (await listOfValues(address.href))?.values ?? [];
  };
  const known = async () => (names && (await listOfNames(names))) || {};
  const attributes = { "aria-label": labelOf(area), spellcheck: "false", autocapitalize: "off", autocorrect: "off", translate: "no" };
  const description = describedBy(area);
  if (description) attributes["aria-description"] = description;
  if (area.required) attributes["aria-required"] = "true";

  const extensions = [
    look,
    history(),
    highlightSpecialChars(),
    bracketMatching(),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of(attributes),
    EditorState.readOnly.of(area.readOnly || area.disabled),
    EditorView.editable.of(!area.disabled),
    autocompletion({ override: [completing(known, valuesOf), completingUnquoted(known)], icons: false }),
    // Tab is not among them: it leads on to the next field.
    keymap.of([{ key: "Mod-Enter", run: () => (area.form?.requestSubmit(), true) }, ...completionKeymap, ...lintKeymap, ...defaultKeymap, ...historyKeymap]),
    EditorView.updateListener.of(update => {
      if (!update.docChanged) return;
      area.value = update.state.doc.toString();
      area.dispatchEvent(new Event("input", { bubbles: true }));
    }),
    area.placeholder ? placeholder(area.placeholder) : [],
  ];
  const list = new FaultList(host, at => {
    view.dispatch({ selection: { anchor: at }, scrollIntoView: true });
    view.focus();
  });
  if (check && area.form) extensions.push(checking(new Checker(area, check), list, explanation && document.querySelector(explanation)));

  const view = new EditorView({ doc: area.value, extensions, root, parent: root });
  // Of the text, not of the box around it: a click anywhere in it leads to the text.
  view.contentDOM.style.minHeight = `${Math.max(3, area.rows) * 1.6}em`;
  area.hidden = true;
  area.required = false;
  for (const label of area.labels) label.addEventListener("click", () => view.focus());
  area.form?.addEventListener("reset", () => setTimeout(() => set(view, area.value)));
  // Others may fill the field in too.
  area.addEventListener("change", () => set(view, area.value));
  if (area.autofocus) view.focus();
}

const set = (view, text) => {
  if (view.state.doc.toString() !== text) view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
};

const labelOf = area => [...area.labels].map(label => label.textContent.trim()).join(" ") || area.getAttribute("aria-label") || "Query";
const describedBy = area =>
  (area.getAttribute("aria-describedby") ?? "").split(/\s+/).map(id => id && document.getElementById(id)?.textContent.trim()).filter(Boolean).join(" ");

const checking = (checker, list, words) =>
  linter(
    async view => {
      const { doc } = view.state;
      if (doc.toString().trim() === "") {
        list.show(doc, []);
        return [];
      }
      let answer;
      try {
        answer = await checker.check(doc.toString());
      } catch {
        list.say(NOT_CHECKED);
        return [];
      }
      if (!answer || view.state.doc !== doc) return [];
      const faults = (answer.diagnostics ?? []).map(fault => placed(doc, fault));
      list.show(doc, faults);
      words?.replaceChildren(...(answer.explanation ?? []).map(sentence => Object.assign(document.createElement("p"), { textContent: sentence })));
      return faults.map(({ hint, ...fault }) => ({ ...fault, message: hint ? `${fault.message}\n${hint}` : fault.message }));
    },
    { delay: DELAY },
  );

const start = part => part.querySelectorAll("textarea[data-editor]").forEach(replace);
start(document);
// A part that htmx has put in.
document.addEventListener("htmx:load", event => start(event.target.parentElement ?? document));
