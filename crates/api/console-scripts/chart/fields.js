// The fields above the charts of a table with several groups: what goes along the axis, what has a line or bars of its own, and of what one value is drawn.

const NOTHING = "";

// Fills `place` anew. `change` gets the wish that a person has made.
export function fields(place, table, choice, change) {
  const { groups } = table, focused = document.activeElement?.dataset.chartField;
  const wish = { along: choice.along, by: choice.by, only: Object.fromEntries(choice.only.map(({ at, key }) => [at, key])) };
  const names = groups.map(({ name }, at) => [String(at), name]);
  const others = names.filter(([at]) => at !== String(choice.along));
  place.replaceChildren(
    field("axis", "Axis", names, String(choice.along), value => change({ along: Number(value), only: wish.only })),
    field("series", "Series", [[NOTHING, "(none)"], ...others], choice.by === null ? NOTHING : String(choice.by), value =>
      change({ ...wish, by: value === NOTHING ? null : Number(value) }),
    ),
    ...choice.only.map(({ at, key, choices }) =>
      field(`only-${at}`, groups[at].name, choices.map(one => [one.key, one.label]), key, value => change({ ...wish, only: { ...wish.only, [at]: value } })),
    ),
  );
  place.querySelector(`[data-chart-field="${CSS.escape(focused ?? NOTHING)}"]`)?.focus();
}

function field(name, title, options, value, change) {
  const label = document.createElement("label"), select = document.createElement("select");
  select.dataset.chartField = name;
  select.append(...options.map(([key, text]) => new Option(text, key, false, key === value)));
  select.addEventListener("change", () => change(select.value));
  label.append(title, select);
  return label;
}
