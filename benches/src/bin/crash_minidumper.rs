//! A host app that records crashes with `crash-handler` and `minidumper`: dies as it is told, for `crash` to measure. And the process
//! that writes its dump.
//!
//! `crash_minidumper WHAT CASE SOCKET`, where `WHAT` is `gone`, `handler` or `arm`, or `serve` with the dump for a case
#![allow(unsafe_code)] // It dies.

#[path = "crash/memory.rs"]
mod memory;
#[path = "crash/victim.rs"]
mod victim;

use crash_handler::{CrashContext, CrashEventResult, CrashHandler};
use minidumper::{Client, LoopAction, MinidumpBinary, Server, ServerHandler, SocketName};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, what, case, socket] = &arguments[..] else {
        println!("error: crash_minidumper gone|handler|arm|serve CASE SOCKET");
        return;
    };
    let played = match what.as_str() {
        "serve" => serve(Path::new(case), socket),
        _ => play(what, case, socket),
    };
    if let Err(error) = played {
        println!("error {error}");
    }
}

fn play(what: &str, case: &str, socket: &str) -> Result<(), Box<dyn std::error::Error>> {
    let is_timed = what == "handler";
    let (before, began) = (memory::resident(), Instant::now());
    let client = Client::with_name(SocketName::path(socket))?;
    let on_crash = move |context: &CrashContext| {
        let dumped = client.request_dump(context).is_ok();
        if is_timed {
            use std::io::Write;
            let took = victim::since_fault();
            let _ = writeln!(std::io::stdout(), "took {took}");
            // SAFETY: ends the process.
            unsafe { _exit(0) };
        }
        CrashEventResult::Handled(dumped)
    };
    // SAFETY: what it does is what the crate's own example does.
    let event = unsafe { crash_handler::make_crash_event(on_crash) };
    let handler = CrashHandler::attach(event)?;
    let took = began.elapsed();
    if what == "arm" {
        println!("took {}", took.as_nanos());
        println!("more {}", memory::resident() - before);
        return Ok(());
    }
    victim::die(case, &|| ());
    drop(handler);
    Ok(())
}

unsafe extern "C" {
    fn _exit(status: i32) -> !;
}

/// Writes one dump.
struct OneDump(PathBuf);

impl ServerHandler for OneDump {
    fn create_minidump_file(&self) -> Result<(File, PathBuf), std::io::Error> {
        Ok((File::create(&self.0)?, self.0.clone()))
    }

    fn on_minidump_created(&self, _: Result<MinidumpBinary, minidumper::Error>) -> LoopAction {
        LoopAction::Exit
    }

    fn on_message(&self, _: u32, _: Vec<u8>) {}

    fn on_client_disconnected(&self, _: usize) -> LoopAction {
        LoopAction::Exit
    }
}

fn serve(dump: &Path, socket: &str) -> Result<(), Box<dyn std::error::Error>> {
    let mut server = Server::with_name(SocketName::path(socket))?;
    println!("ready");
    server.run(
        Box::new(OneDump(dump.to_owned())),
        &AtomicBool::new(false),
        None,
    )?;
    Ok(())
}
