//! The management API: the life of an organisation, its rules, and what nobody may do.

mod administrators;
mod applications;
mod callbacks;
mod desk;
mod document;
mod enrollment;
mod isolation;
mod keys;
mod life;
mod record;
mod removal;
mod roles;
mod runs;
mod suspension;
mod users;
