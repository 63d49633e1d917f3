//! The functions that this engine's plans call in addition to the library's own, one in each file. A new one is made with [`crate::reach::function`],
//! which asks it whether another process could evaluate it.
//!
//! | function | what it makes of its arguments | evaluated by |
//! | --- | --- | --- |
//! | `insightgate_meets` | whether a column meets a predicate on texts | any process |
//! | `insightgate_unsplit_and` | the condition unchanged, which the optimizer leaves alone | any process |
//! | `insightgate_widened` | an Int64 as a decimal | any process |
//! | `insightgate_digest` | 128 bits for a text, to tell texts apart | this process, which drew the key |
//! | `insightgate_code`, `insightgate_text` ([`codes`]) | a text as a number, and back | this process, in which they share a table |
//! | `insightgate_may_be_first` | whether a row can be the first of its group | this process, which remembers rows |

pub(crate) mod codes;
pub(crate) mod digest;
pub(crate) mod may_be_first;
pub(crate) mod meets;
mod remembered;
pub(crate) mod unsplit_and;
pub(crate) mod widened;
