// `<figure data-chart><table>…</table></figure>`: draws the table above itself, and says what it draws. The table stays, for those who do not see charts.
// `data-chart="each"` makes one chart of each column of numbers, for columns that have different units; `data-cut` says that there are more rows elsewhere.

import { chartsOf, chosen } from "./chart/choice.js";
import { colours, dark } from "./chart/colours.js";
import { draw } from "./chart/drawing.js";
import { fields } from "./chart/fields.js";
import { read } from "./chart/table.js";

const NAMES = { text: "--text", quiet: "--quiet", line: "--line", card: "--card" };
const drawn = new Map();

// Reads the table, and draws what is wished of it, or what is usual.
function show(figure, wish) {
  const known = drawn.get(figure);
  known?.plots.forEach(plot => plot.destroy());
  known?.places.forEach(place => place.remove());
  // A chart has a table too, its legend: the figure's own is the one that was there before any chart.
  const own = known?.own ?? figure.querySelector("table"), table = known?.table ?? read(own);
  const above = (tag, name) => added(figure, own, tag, name);
  const choice = chosen(table, wish);
  const charts = chartsOf(table, choice, { together: figure.dataset.chart !== "each", isCut: "cut" in figure.dataset });
  const places = [];
  if (table.groups.length > 1 && charts.length) {
    const place = known?.fields ?? above("div", "chart-fields");
    fields(place, table, choice, wished => show(figure, wished));
  }
  const plots = charts.map(chart => {
    const words = above("p", "small"), place = above("div", "chart");
    words.textContent = chart.words;
    // What is drawn says nothing that the table does not say.
    place.setAttribute("aria-hidden", "true");
    places.push(words, place);
    return draw(chart, place, colours(figure, NAMES));
  });
  drawn.set(figure, { own, table, wish, places, plots, fields: figure.querySelector(".chart-fields"), width: figure.clientWidth });
}

// A new element before the table, or before what the table stands in.
function added(figure, table, tag, name) {
  const element = document.createElement(tag);
  element.className = name;
  figure.insertBefore(element, [...figure.children].find(child => child.contains(table)));
  return element;
}

const again = only => {
  for (const [figure, { width, wish }] of drawn) {
    if (!figure.isConnected) drawn.delete(figure);
    else if (!only || figure.clientWidth !== width) show(figure, wish);
  }
};

const sizes = new ResizeObserver(() => again(true));
const start = part =>
  part.querySelectorAll("figure[data-chart]").forEach(figure => {
    if (drawn.has(figure) || !figure.querySelector("table")) return;
    show(figure);
    sizes.observe(figure);
  });

start(document);
dark.addEventListener("change", () => again(false));
// A part that htmx has put in.
document.addEventListener("htmx:load", event => start(event.target.parentElement ?? document));
