//! `candor`: what the agent of an app keeps on this device. Reads files, opens no socket, and changes nothing but what its user
//! asks for.
#![forbid(unsafe_code)]

mod catalogue;
mod cli;
mod commands;
mod deidentify;
mod find;
mod json;
mod minidump;
mod names;
mod sources;
mod text;
mod user;
mod view;

use candor_protocol::catalogue::VERSION as CATALOGUE;
use cli::Command;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    match run(cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // Nothing more can be done when standard error is gone too.
            let _ = writeln!(io::stderr(), "candor: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), String> {
    let output = match command {
        Command::List(list) => commands::list(&list, colour())?,
        Command::Show(show) => commands::show(&show, colour())?,
        Command::Status(status) => commands::status(&status, colour())?,
        Command::Minidump(minidump) => commands::minidump(&minidump, colour())?,
        Command::Export(place) => user::export(&place)?,
        Command::Pause(place) => user::pause(&place)?,
        Command::Resume(place) => user::resume(&place)?,
        Command::Withdraw(what) => user::withdraw(&what)?,
        Command::Erase(what) => user::erase(&what)?,
        Command::Catalogue(what) => match what.since {
            Some(since) => catalogue::changes(since, CATALOGUE, what.lang),
            None => catalogue::render(what.format, what.lang),
        },
        Command::Deidentify { jsonl, explain } => {
            let output = BufWriter::new(io::stdout().lock());
            let options = deidentify::Options { jsonl, explain };
            let done = deidentify::filter(io::stdin().lock(), output, io::stderr().lock(), options);
            return match done {
                Err(deidentify::Stopped::Io(error)) => written(Err(error)),
                done => done.map_err(|stopped| stopped.to_string()),
            };
        }
    };
    let mut stdout = io::stdout().lock();
    written(
        stdout
            .write_all(output.as_bytes())
            .and_then(|()| stdout.flush()),
    )
}

fn written(result: io::Result<()>) -> Result<(), String> {
    match result {
        // Whoever read the output has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| error.to_string()),
    }
}

/// Colour is for people at a terminal who have not said otherwise (<https://no-color.org>).
fn colour() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
