//! Where rows are stored, and how they are read: only by a scan that has the tenant's filter.

pub(crate) mod blame;
pub(crate) mod check_files;
pub(crate) mod columns;
pub(crate) mod dictionary;
pub(crate) mod held_texts;
pub(crate) mod lake;
pub(crate) mod layout;
pub(crate) mod owner;
pub(crate) mod pruning;
pub(crate) mod reading;
pub(crate) mod redaction;
pub(crate) mod scan;
pub(crate) mod snapshot;
pub(crate) mod spelling;
pub(crate) mod with_access_log;
