// The colours of a chart: those of the page that it stands in, and one for each of its lines or bars.

const LIGHT = ["#0b62c4", "#c2560c", "#1a7f4b", "#b1306f", "#6f42c1", "#0a7c8c", "#6b7300", "#b42318"];
const DARK = ["#6cb2ff", "#ffa657", "#56d391", "#f58ac0", "#b79bf5", "#4fd1e0", "#cbd34a", "#ff8f85"];

// Whether pages are dark; whoever has drawn draws again when it changes.
export const dark = matchMedia("(prefers-color-scheme: dark)");

// `names` has the page's own names of the colours `text`, `quiet`, `line` and `card`.
export function colours(element, names) {
  const style = getComputedStyle(element);
  const own = Object.entries(names).map(([colour, name]) => [colour, style.getPropertyValue(name).trim()]);
  return { ...Object.fromEntries(own), series: dark.matches ? DARK : LIGHT };
}
