// The elements of a part of a page, the part itself among them.
export const within = (part, selector) => [...(part.matches?.(selector) ? [part] : []), ...part.querySelectorAll(selector)];
