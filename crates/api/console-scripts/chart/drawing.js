// Draws a chart: `{by, series: [{name, values}]}` with `times` and their `labels` as lines, or with `names` as bars. Several series differ in more than
// their colours: lines in their dashes, bars in their order.

import uPlot from "uplot";

const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const small = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const exact = new Intl.NumberFormat("en", { maximumFractionDigits: 6 });
const short = number => (Math.abs(number) < 1000 ? small : compact).format(number);
const full = number => (number == null ? "–" : Math.abs(number) < 1e-6 && number !== 0 ? String(number) : exact.format(number));
const measure = document.createElement("canvas").getContext("2d");

const DASHES = [[], [8, 4], [2, 4], [12, 4, 2, 4]];
// As the legend draws them.
const LINES = ["solid", "dashed", "dotted", "double"];
const LONGEST = 40;
const shortened = name => (name.length > LONGEST ? `${[...name].slice(0, LONGEST).join("")}…` : name);

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

const axis = ({ colours, ...more }) => ({
  stroke: colours.quiet, font: FONT, gap: 6,
  grid: { stroke: colours.line, width: 1 }, ticks: { show: false }, ...more,
});

const valueAxis = more =>
  axis({
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

const overTime = (chart, width, colours, places = ticks(chart, width)) => ({
  data: [chart.times, ...chart.series.map(one => one.values)],
  options: {
    width, height: Math.max(220, Math.min(360, width * 0.5)),
    // The last label is centred at the edge.
    padding: [12, Math.max(16, Math.ceil(widest(chart.labels) / 2)), 0, 0],
    tzDate: time => uPlot.tzDate(new Date(time * 1000), "Etc/UTC"),
    scales: { x: { time: true }, y: { range: range(0.05) } },
    cursor: { y: false },
    legend: { markers: { dash: (_, at) => LINES[Math.max(0, at - 1) % LINES.length] } },
    axes: [
      axis({ colours, splits: () => places.map(at => chart.times[at]), values: () => places.map(at => chart.labels[at]) }),
      valueAxis({ colours }),
    ],
    series: [
      { label: chart.by, value: (_, time, __, at) => (at == null ? "–" : chart.labels[at]) },
      ...chart.series.map((one, at) => ({
        label: shortened(one.name), stroke: colours.series[at % colours.series.length], width: 2, dash: DASHES[at % DASHES.length],
        fill: chart.series.length === 1 ? colours.series[0] + "22" : undefined,
        points: { show: chart.times.length <= 60, size: 6, fill: colours.card },
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

const byName = (chart, width, colours) => {
  const { names, series } = chart, isOne = series.length === 1;
  // The bars of a name stand together, with the room of one before the next name's.
  const step = isOne ? 1 : series.length + 1, count = names.length * step - (isOne ? 0 : 1);
  const places = Array.from({ length: count }, (_, at) => at), nameAt = at => Math.floor(at / step);
  const room = Math.min(widest(names), width * 0.4);
  const lines = names.map(one => cut(one.replace(/\s+/g, " "), room));
  // Without a series of its own, what is missing is said; beside others it is just not there.
  const written = value => (value == null ? (isOne ? "–" : "") : short(value));
  const ends = (widest(series.flatMap(one => one.values.map(written))) + 12) / Math.max(60, width - room - 40);
  const label = u => {
    const { ctx } = u, ratio = devicePixelRatio;
    ctx.save();
    ctx.font = FONT.replace("12px", `${12 * ratio}px`);
    ctx.fillStyle = colours.text;
    ctx.textBaseline = "middle";
    series.forEach(({ values }, of) =>
      values.forEach((value, name) => {
        // A negative bar ends at the left, and so its value stands there.
        const left = value < 0;
        ctx.textAlign = left ? "right" : "left";
        ctx.fillText(written(value), u.valToPos(value ?? 0, "y", true) + (left ? -6 : 6) * ratio, u.valToPos(name * step + of, "x", true));
      }),
    );
    ctx.restore();
  };
  return {
    data: [places, ...series.map(({ values }, of) => places.map(at => (at % step === of ? values[nameAt(at)] : null)))],
    options: {
      width, height: count * (isOne ? 28 : 20) + 44,
      padding: [4, 8, 0, 8],
      cursor: { x: false, y: false, drag: { x: false, y: false }, points: { show: false } },
      scales: {
        x: { time: false, ori: 1, dir: -1, range: () => [-0.5, count - 0.5] },
        y: { ori: 0, dir: 1, range: range(Math.min(0.4, ends)) },
      },
      axes: [
        axis({
          colours, side: 3, size: Math.ceil(room) + 14, grid: { show: false }, stroke: colours.text,
          splits: () => names.map((_, name) => name * step + (series.length - 1) / 2), values: () => lines,
        }),
        valueAxis({ colours, side: 2, size: 32, space: 70 }),
      ],
      series: [
        { label: chart.by, value: (_, __, ___, at) => (at == null ? "–" : names[nameAt(at)]) },
        ...series.map(({ name, values }, of) => {
          const colour = colours.series[of % colours.series.length];
          return {
            label: shortened(name), stroke: colour, fill: colour, width: 0, points: { show: false },
            paths: uPlot.paths.bars({ size: [isOne ? 0.7 : 0.85, 26] }), value: (_, __, ___, at) => (at == null ? "–" : full(values[nameAt(at)])),
          };
        }),
      ],
      hooks: { draw: [label] },
    },
  };
};

// Returns what `destroy` takes away again.
export function draw(chart, place, colours) {
  // Room for the values below the chart, so that nothing moves when the pointer brings them.
  const texts = [...chart.series.flatMap(one => one.values.map(full)), ...(chart.labels ?? chart.names)];
  const longest = texts.reduce((one, other) => (other.length > one.length ? other : one), "");
  place.style.setProperty("--value", `${Math.min(240, Math.ceil(widest([longest]) * 1.1))}px`);
  const { options, data } = (chart.times ? overTime : byName)(chart, Math.max(200, place.clientWidth), colours);
  return new uPlot(options, data, place);
}
