//! The harness of the stories that cross crates: real programs, started as a user would start them.

pub mod canaries;
pub mod consent;
pub mod device;
pub mod fault;
pub mod house;
pub mod http;
pub mod kill;
pub mod link;
pub mod peer;
pub mod programs;
