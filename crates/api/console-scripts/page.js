// What every page of the console loads: htmx, and comfort that a page does without.
//
// Nothing here decides anything. What a script does with a form, the form does without the script too.

import htmx from "htmx.org/dist/htmx.esm.js";

import { askFirst } from "./page/confirm.js";
import { offerCopies } from "./page/copy.js";
import { tellLocally } from "./page/local-times.js";
import { makeSortable } from "./page/tables.js";

// The pages' content policy lets no text become a script, and no style stand in a page.
htmx.config.allowEval = false;
htmx.config.allowScriptTags = false;
htmx.config.includeIndicatorStyles = false;
htmx.config.selfRequestsOnly = true;
// A page that is shown again is asked for again: what it shows may be somebody else's by then.
htmx.config.historyCacheSize = 0;
htmx.config.refreshOnHistoryMiss = true;

askFirst();
// The whole page first, and then each part that takes the place of another.
htmx.onLoad(part => {
  tellLocally(part);
  offerCopies(part);
  makeSortable(part);
});
