//! `candor`: reads what is on this device. Opens no socket.

mod cli;
mod deidentify;

use cli::Command;
use std::{
    io::{self, BufWriter, Write},
    process::ExitCode,
};

fn main() -> ExitCode {
    let done = match cli::parse().command {
        Command::Deidentify { jsonl, explain } => {
            let output = BufWriter::new(io::stdout().lock());
            deidentify::filter(
                io::stdin().lock(),
                output,
                io::stderr().lock(),
                deidentify::Options { jsonl, explain },
            )
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has seen enough.
        Err(deidentify::Stopped::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(stopped) => {
            // Nothing more can be done when standard error is gone too.
            let _ = writeln!(io::stderr(), "candor: {stopped}");
            ExitCode::FAILURE
        }
    }
}
