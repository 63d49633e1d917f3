// The value of a cell, which is not always what it shows.
export const valueOf = cell => cell?.dataset.value ?? cell?.querySelector("time")?.dateTime ?? cell?.textContent.trim() ?? "";
