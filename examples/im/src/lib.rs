//! A small but real IM SDK and the app around it: the host of Candor's demo and stories, and the example an integrator copies.
//!
//! An integrator reads [`config`] (the switch, off by default), [`apm`] (all that has to be written) and [`client`] (where it is called).

pub mod apm;
pub mod app;
pub mod client;
pub mod config;
pub mod demo;
pub mod misbehave;
pub mod network;
pub mod player;
pub mod proxy;
pub mod script;
pub mod server;
pub mod wire;
