// The page of rows that `--html` writes: draws the charts that lie in the page as data, and lets its table be sorted. `cargo xtask console` bundles it.

import { colours, dark } from "../../api/console-scripts/chart/colours.js";
import { draw } from "../../api/console-scripts/chart/drawing.js";
import { sortByHeads } from "../../api/console-scripts/page/sorting.js";

const NAMES = { text: "--ink", quiet: "--soft", line: "--line", card: "--paper" };
const { charts } = JSON.parse(document.getElementById("data").textContent);
const figures = [...document.querySelectorAll("figure")];

let drawn = [];
const show = () => {
  drawn.forEach(chart => chart.destroy());
  drawn = charts.map((chart, at) => {
    figures[at].hidden = false;
    return draw(chart, figures[at].querySelector(".chart"), colours(document.documentElement, NAMES));
  });
};
show();
dark.addEventListener("change", show);
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === width) return;
  width = innerWidth;
  show();
});

const table = document.querySelector(".table table");
sortByHeads([...table.tHead.rows[0].cells], table.tBodies[0], () => {});
