"use strict";
(() => {
  // Charts
  const { charts } = JSON.parse(document.getElementById("data").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const LIGHT = ["#0b62c4", "#c2560c", "#1a7f4b", "#b1306f", "#6f42c1", "#0a7c8c", "#6b7300", "#b42318"];
  const DARK = ["#6cb2ff", "#ffa657", "#56d391", "#f58ac0", "#b79bf5", "#4fd1e0", "#cbd34a", "#ff8f85"];
  const colour = at => (dark.matches ? DARK : LIGHT)[at % 8];
  const named = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
  const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
  const small = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
  const exact = new Intl.NumberFormat("en", { maximumFractionDigits: 6 });
  const short = number => (Math.abs(number) < 1000 ? small : compact).format(number);
  const full = number => (number == null ? "–" : Math.abs(number) < 1e-6 && number !== 0 ? String(number) : exact.format(number));
  const measure = document.createElement("canvas").getContext("2d");

  const widest = texts => {
    measure.font = FONT;
    return Math.max(0, ...texts.map(text => measure.measureText(text).width));
  };

  // Zero is always there, so that lengths can be compared.
  const range = room => (_, low, high) => {
    const from = Math.min(0, low ?? 0), to = Math.max(0, high ?? 0);
    const whole = to - from || 1;
    return [from - (from < 0 ? whole * room : 0), (to > from || from === 0 ? to + whole * room : to) || 0];
  };

  const axis = more => ({
    stroke: named("--soft"), font: FONT, gap: 6,
    grid: { stroke: named("--line"), width: 1 }, ticks: { show: false }, ...more,
  });

  const valueAxis = more => axis({
    values: (_, values) => values.map(short),
    size: (_, values) => Math.ceil(widest(values ?? [])) + 16,
    ...more,
  });

  // Times of the rows, as the table writes them, as far apart as their labels are wide.
  const ticks = (chart, width) => {
    const times = chart.times, whole = times.at(-1) - times[0] || 1;
    const apart = ((widest(chart.labels) + 16) / Math.max(60, width - 80)) * whole;
    let last = -Infinity;
    return times.map((_, at) => at).filter(at => {
      if (times[at] - last < apart) return false;
      last = times[at];
      return true;
    });
  };

  const overTime = (chart, width, places = ticks(chart, width)) => ({
    data: [chart.times, ...chart.series.map(one => one.values)],
    options: {
      width, height: Math.max(220, Math.min(360, width * 0.5)),
      // The last label is centred at the edge.
      padding: [12, Math.max(16, Math.ceil(widest(chart.labels) / 2)), 0, 0],
      tzDate: time => uPlot.tzDate(new Date(time * 1000), "Etc/UTC"),
      scales: { x: { time: true }, y: { range: range(0.05) } },
      cursor: { y: false },
      axes: [
        axis({ splits: () => places.map(at => chart.times[at]), values: () => places.map(at => chart.labels[at]) }),
        valueAxis({}),
      ],
      series: [
        { label: chart.by.split(", ")[0], value: (_, time, __, at) => (at == null ? "–" : chart.labels[at]) },
        ...chart.series.map((one, at) => ({
          label: one.name || chart.metric, stroke: colour(at), width: 2,
          fill: chart.series.length === 1 ? colour(at) + "22" : undefined,
          points: { show: chart.times.length <= 60, size: 6, fill: named("--paper") },
          value: (_, value) => full(value),
        })),
      ],
    },
  });

  const cut = (text, room) => {
    if (widest([text]) <= room) return text;
    const letters = [...text];
    while (letters.length && widest([letters.join("") + "…"]) > room) letters.pop();
    return letters.join("") + "…";
  };

  const byName = (chart, width) => {
    const names = chart.names, values = chart.series[0].values;
    const room = Math.min(widest(names), width * 0.4);
    const lines = names.map(name => cut(name.replace(/\s+/g, " "), room));
    const written = values.map(value => (value == null ? "–" : short(value)));
    const ends = (widest(written) + 12) / Math.max(60, width - room - 40);
    const label = u => {
      const { ctx } = u, ratio = devicePixelRatio;
      ctx.save();
      ctx.font = FONT.replace("12px", `${12 * ratio}px`);
      ctx.fillStyle = named("--ink");
      ctx.textBaseline = "middle";
      values.forEach((value, at) => {
        // A negative bar ends at the left, and so its value stands there.
        const left = value < 0;
        ctx.textAlign = left ? "right" : "left";
        ctx.fillText(written[at], u.valToPos(value ?? 0, "y", true) + (left ? -6 : 6) * ratio, u.valToPos(at, "x", true));
      });
      ctx.restore();
    };
    return {
      data: [names.map((_, at) => at), values],
      options: {
        width, height: names.length * 28 + 44,
        padding: [4, 8, 0, 8],
        cursor: { x: false, y: false, drag: { x: false, y: false }, points: { show: false } },
        scales: {
          x: { time: false, ori: 1, dir: -1, range: () => [-0.5, names.length - 0.5] },
          y: { ori: 0, dir: 1, range: range(Math.min(0.4, ends)) },
        },
        axes: [
          axis({ side: 3, size: Math.ceil(room) + 14, splits: () => names.map((_, at) => at), values: () => lines, grid: { show: false }, stroke: named("--ink") }),
          valueAxis({ side: 2, size: 32, space: 70 }),
        ],
        series: [
          { label: chart.by || "row", value: (_, __, ___, at) => (at == null ? "–" : names[at]) },
          {
            label: chart.metric, stroke: colour(0), fill: colour(0), width: 0, points: { show: false },
            paths: uPlot.paths.bars({ size: [0.7, 26] }), value: (_, value) => full(value),
          },
        ],
        hooks: { draw: [label] },
      },
    };
  };

  const figures = [...document.querySelectorAll("figure")];
  let drawn = [];
  const draw = () => {
    drawn.forEach(chart => chart.destroy());
    drawn = charts.map((chart, at) => {
      const place = figures[at].querySelector(".chart");
      figures[at].hidden = false;
      // Room for the values below the chart, so that nothing moves when the pointer brings them.
      const texts = [...chart.series.flatMap(one => one.values.map(full)), ...(chart.labels ?? chart.names)];
      const longest = texts.reduce((one, other) => (other.length > one.length ? other : one), "");
      place.style.setProperty("--value", `${Math.min(240, Math.ceil(widest([longest]) * 1.1))}px`);
      const { options, data } = (chart.times ? overTime : byName)(chart, Math.max(240, place.clientWidth));
      return new uPlot(options, data, place);
    });
  };
  draw();
  dark.addEventListener("change", draw);
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    draw();
  });

  // The table
  const body = document.querySelector(".table tbody");
  const heads = [...document.querySelectorAll(".table th")];
  const asQueried = [...body.rows];
  const texts = new Intl.Collator("en", { numeric: true });
  const sort = (head, at) => {
    const next = { none: "ascending", ascending: "descending", descending: "none" }[head.getAttribute("aria-sort") ?? "none"];
    heads.forEach(other => other.setAttribute("aria-sort", other === head ? next : "none"));
    const rows = [...asQueried];
    if (next !== "none") {
      const sign = next === "ascending" ? 1 : -1;
      const cell = row => row.cells[at].textContent;
      const keys = new Map(rows.map(row => [row, head.dataset.kind === "number" ? Number(cell(row)) : cell(row)]));
      const last = row => cell(row) === "" || Number.isNaN(keys.get(row));
      rows.sort((one, other) => {
        // What is not there comes last, whichever way.
        if (last(one) || last(other)) return last(one) - last(other);
        const [a, b] = [keys.get(one), keys.get(other)];
        return sign * (head.dataset.kind === "number" ? a - b : texts.compare(a, b));
      });
    }
    body.append(...rows);
  };
  heads.forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => sort(head, at));
  });
})();
