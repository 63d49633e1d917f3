//! The database itself: how it is opened and connected to, what differs between SQLite and Postgres, and how outages are handled.

pub(crate) mod again;
pub(crate) mod dialect;
pub(crate) mod lanes;
pub(crate) mod locks;
pub(crate) mod outage;
pub(crate) mod page;
pub(crate) mod profile;
pub(crate) mod row;
pub(crate) mod rows;
pub(crate) mod settings;
