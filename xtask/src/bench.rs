pub mod downloads;
pub mod export;
pub mod export_memory;
pub mod queries;
pub mod schedules;
pub mod tokens;
