//! The database itself: how it is opened and connected to, what differs between SQLite and Postgres, and what is done while it is away.

pub(crate) mod connection;
pub(crate) mod dialect;
pub(crate) mod lanes;
pub(crate) mod locks;
pub(crate) mod opening;
pub(crate) mod outage;
pub(crate) mod row;
pub(crate) mod rows;
pub(crate) mod settings;
