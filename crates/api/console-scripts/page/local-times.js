// `<time datetime="2026-03-15T12:00:00Z" data-local>2026-03-15 12:00 UTC</time>`: the time where the viewer is, with UTC beside.

import { within } from "./within.js";

const here = new Intl.DateTimeFormat("en", {
  year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short",
});

// Written as UTC is beside it, so that the two compare at a glance and nobody takes a month for a day.
const written = time => {
  const part = Object.fromEntries(here.formatToParts(time).map(({ type, value }) => [type, value]));
  return `${part.year}-${part.month}-${part.day} ${part.hour}:${part.minute} ${part.timeZoneName}`;
};

export function tellLocally(part) {
  for (const element of within(part, "time[data-local]")) {
    element.removeAttribute("data-local");
    const time = new Date(element.dateTime);
    if (Number.isNaN(time.getTime()) || time.getTimezoneOffset() === 0) continue;
    const utc = document.createElement("small");
    utc.className = "utc";
    utc.textContent = element.textContent;
    const local = document.createElement("span");
    local.textContent = written(time);
    element.replaceChildren(local, " ", utc);
  }
}
