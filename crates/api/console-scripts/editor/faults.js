// What the server's checker says of a text: marked in it, listed below it, and in words.

// The list below the text, for those who do not see marks. Each entry leads to its place.
export class FaultList {
  constructor(after, go) {
    this.go = go;
    this.list = document.createElement("ul");
    this.list.className = "query-faults";
    // What is told by itself is around the list: with that role it would be none.
    const told = document.createElement("div");
    told.setAttribute("role", "status");
    told.setAttribute("aria-label", "What the check of the query says");
    told.append(this.list);
    after.after(told);
  }

  show(doc, faults) {
    this.list.replaceChildren(...faults.map(fault => this.entry(doc, fault)));
  }

  // A sentence in the place of entries.
  say(sentence) {
    const entry = document.createElement("li");
    entry.textContent = sentence;
    this.list.replaceChildren(entry);
  }

  entry(doc, { at, message, hint }) {
    const entry = document.createElement("li"), button = document.createElement("button");
    const line = doc.lineAt(at);
    button.type = "button";
    button.textContent = `Line ${line.number}, column ${at - line.from + 1}`;
    button.addEventListener("click", () => this.go(at));
    entry.append(button, ` ${message}`);
    if (hint) {
      const advice = document.createElement("small");
      advice.textContent = hint;
      entry.append(advice);
    }
    return entry;
  }
}

// Asks for the check of a text, and forgets the answer to an earlier one.
export class Checker {
  constructor(area, address) {
    Object.assign(this, { area, address, asked: null });
  }

  // `{diagnostics, explanation}`, or nothing when a later text has taken its place.
  async check(text) {
    this.asked?.abort();
    const asked = (this.asked = new AbortController());
    // The fields of the form go along, with them the proof that the page is ours.
    const fields = new URLSearchParams([...new FormData(this.area.form)].filter(([name, value]) => name !== this.area.name && typeof value === "string"));
    fields.set(this.area.name, text);
    try {
      const answer = await fetch(this.address, { method: "POST", body: fields, headers: { accept: "application/json" }, signal: asked.signal, redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      return await answer.json();
    } catch (error) {
      if (asked.signal.aborted) return undefined;
      throw error;
    }
  }
}

// Where faults of the answer lie in a text that may have become shorter. A mark has at least one character, which at the end of the text is the one before
// the fault's own place.
export function placed(doc, { from, to, message, hint }) {
  const end = Math.min(Math.max(to, from + 1), doc.length);
  return { at: Math.min(from, doc.length), from: Math.min(from, Math.max(0, end - 1)), to: end, severity: "error", message, hint };
}
