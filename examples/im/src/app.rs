//! The app around the SDK: the work that a chat app does besides chatting, and where it can go wrong.

pub mod backup;
pub mod bubbles;
pub mod contacts;
pub mod history;
pub mod media;
pub mod search;
pub mod store;
