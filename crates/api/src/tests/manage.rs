//! The management API: an organisation's life, the rules on the way, and what nobody may do.

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
mod roles;
mod suspension;
mod users;
