//! What is shown, as text for people.

pub(crate) mod connection;
pub(crate) mod crash;
pub(crate) mod crumbs;
pub(crate) mod excerpt;
pub(crate) mod explain;
pub(crate) mod freeze;
pub(crate) mod list;
pub(crate) mod loss;
pub(crate) mod minidump;
pub(crate) mod page;
pub(crate) mod rows;
pub(crate) mod show;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod threads;
