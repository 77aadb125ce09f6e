//! The harness of the stories that cross crates: real programs, started as a user would start them.

pub mod canaries;
pub mod house;
pub mod http;
pub mod programs;
