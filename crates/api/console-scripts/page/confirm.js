// `<form data-confirm="Remove Contoso Export?" data-confirm-detail="…" data-confirm-action="Remove">`: asks before the form is sent. A button of the
// form can have the same attributes.

const sent = new WeakSet();

const make = (name, properties, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};

// The answer of a person: whether to go on.
const ask = ({ confirm, confirmDetail, confirmAction }) =>
  new Promise(answered => {
    const heading = make("h2", { id: "confirm-heading", textContent: confirm });
    const stay = make("button", { type: "submit", value: "", className: "quiet", textContent: "Cancel", autofocus: true });
    const go = make("button", { type: "submit", value: "yes", className: "go", textContent: confirmAction ?? "Continue" });
    const details = confirmDetail ? [make("p", { textContent: confirmDetail })] : [];
    const form = make("form", { method: "dialog" }, heading, ...details, make("div", { className: "pair" }, stay, go));
    const dialog = make("dialog", { className: "confirm" }, form);
    dialog.setAttribute("aria-labelledby", heading.id);
    dialog.addEventListener("close", () => {
      dialog.remove();
      answered(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });

export function askFirst() {
  const listen = async event => {
    const form = event.target, submitter = event.submitter;
    const asked = [submitter, form].find(element => element?.dataset.confirm !== undefined);
    if (!asked || sent.delete(form)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!(await ask(asked.dataset)) || !form.isConnected) return;
    sent.add(form);
    form.requestSubmit(submitter?.isConnected ? submitter : undefined);
    // A field that is not valid has kept it back.
    sent.delete(form);
  };
  // Before htmx, which listens at the form.
  document.addEventListener("submit", listen, true);
}
