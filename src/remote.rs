//! What clients of the services see: a page, a database.

pub mod database;
pub mod page;
