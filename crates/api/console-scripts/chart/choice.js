// What is drawn of a table that has several groups: one of them along the axis, for another one a line or bars of its own, and of any other one value. So
// each place of a chart stands for one row: nothing is added up here, since not every metric can be.

// Bars of one chart, and lines or bars beside each other.
const MOST_BARS = 60;
const MOST_SERIES = 8;

const all = count => Array.from({ length: count }, (_, at) => at);
const distinct = values => [...new Set(values)];

// Whether the groups tell the rows from each other.
const areTold = ({ groups }, rows, by) => new Set(rows.map(row => JSON.stringify(by.map(at => groups[at].keys[row])))).size === rows.length;

// The choice that is nearest to what is wished, each part of which may be missing: `along` and `by` are places among the groups, `by` is null for nothing,
// and `only` has a key for each further group. Without a wish, times go along the axis.
export function chosen(table, wish = {}) {
  const { groups } = table, rows = all(table.count), places = all(groups.length);
  const along = wish.along ?? Math.max(0, groups.findIndex(group => group.times));
  const others = places.filter(at => at !== along);
  const usual = () => {
    if (areTold(table, rows, [along])) return null;
    return others.find(at => areTold(table, rows, [along, at])) ?? others[0] ?? null;
  };
  const by = wish.by === null || others.includes(wish.by) ? wish.by : usual();
  const drawn = by === null ? [along] : [along, by];
  const only = [];
  let left = rows;
  for (const at of places.filter(one => !drawn.includes(one))) {
    if (areTold(table, left, drawn)) break;
    const { keys, labels } = groups[at];
    const choices = distinct(left.map(row => keys[row])).map(key => ({ key, label: labels[keys.indexOf(key)] }));
    const { key, label } = choices.find(one => one.key === wish.only?.[at]) ?? choices[0];
    only.push({ at, key, label, choices });
    left = left.filter(row => keys[row] === key);
  }
  return { along, by, only, rows: left };
}

// The charts of a choice: one for each column of numbers, or one of several lines if `together` says that they have the same unit. Each has `words` that
// say what is drawn.
export function chartsOf(table, choice, { together, isCut }) {
  const { groups, metrics } = table;
  if (!groups.length || !metrics.length || choice.rows.length === 0) return [];
  const along = axisOf(groups[choice.along], choice.rows), by = choice.by === null ? undefined : groups[choice.by];
  const made = metrics.map(metric => ({ name: metric.name, ...seriesOf(metric, along, by, choice.rows) }));
  const isOne = together && !by && along.times;
  const drawn = isOne ? [{ series: made.flatMap(one => one.series).slice(0, MOST_SERIES), of: 0 }] : made;
  return drawn.map(({ name, series, of }) => {
    const most = along.times ? along.count : Math.max(1, Math.floor(MOST_BARS / series.length));
    const words = [name ?? list(series.map(one => one.name)), ` by ${along.by}`];
    if (by) words.push(`, ${along.times ? "a line" : "a bar"} for each ${by.name}`);
    if (of > series.length) words.push(` (the ${series.length} of ${of} with the largest values)`);
    if (along.count > most) words.push(`, the first ${most} of ${along.count}`);
    words.push(...choice.only.map(({ at, label }) => `, where ${groups[at].name} is ${label}`));
    if (isCut) words.push(", of the first rows only");
    const axis = along.times ? { times: along.times, labels: along.labels } : { names: along.labels.slice(0, most) };
    return { by: along.by, ...axis, series: series.map(one => ({ ...one, values: one.values.slice(0, most) })), words: words.join("") };
  });
}

const list = names => (names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`);

// The places along the axis, in the order of time or of the rows.
function axisOf({ name, keys, labels, times }, rows) {
  const first = new Map();
  for (const row of rows) if (!first.has(keys[row])) first.set(keys[row], row);
  const found = [...first.values()];
  if (times) found.sort((one, other) => times[one] - times[other]);
  const place = new Map(found.map((row, at) => [keys[row], at]));
  return { by: name, count: found.length, labels: found.map(row => labels[row]), times: times && found.map(row => times[row]), at: row => place.get(keys[row]) };
}

// The lines or bars of a metric, and of how many they are.
function seriesOf({ name, values }, along, by, rows) {
  const placed = own => {
    const found = Array(along.count).fill(null);
    for (const row of own) found[along.at(row)] ??= values[row];
    return found;
  };
  if (!by) return { series: [{ name, values: placed(rows) }], of: 1 };
  const inOrder = by.times ? [...rows].sort((one, other) => by.times[one] - by.times[other]) : rows;
  const keys = distinct(inOrder.map(row => by.keys[row]));
  const every = keys.map(key => {
    const own = rows.filter(row => by.keys[row] === key);
    return { name: by.labels[own[0]], values: placed(own), largest: Math.max(...own.map(row => Math.abs(values[row] ?? 0))) };
  });
  const kept = new Set([...every].sort((one, other) => other.largest - one.largest).slice(0, MOST_SERIES));
  return { series: every.filter(one => kept.has(one)).map(({ name, values }) => ({ name, values })), of: keys.length };
}
