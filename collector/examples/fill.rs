//! Sends the reports of a made-up fleet of devices to a running collector, to look at its pages with.
//!
//! ```sh
//! candor-collector app add im --data DIR          # prints KEY
//! candor-collector serve --data DIR
//! cargo run -p candor-collector --example fill -- 127.0.0.1:8717 KEY
//! candor-collector symbols add target/debug/examples/fill --data DIR
//! ```

#[path = "../tests/fleet/mod.rs"]
mod fleet;

use candor_protocol::batch;
use candor_protocol::limits::BATCH_REPORTS;
use candor_protocol::moment::Precision;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

const USAGE: &str = "usage: fill ADDRESS KEY [DEVICES [HOURS]]";

fn main() -> ExitCode {
    match run() {
        Ok(sent) => {
            println!(
                "{sent} reports; their symbol file is {}",
                fleet::own_file().display()
            );
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("fill: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<usize, String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (Some(address), Some(key)) = (arguments.first(), arguments.get(1)) else {
        return Err(USAGE.to_owned());
    };
    let number = |index: usize, otherwise: u64| match arguments.get(index) {
        Some(text) => text.parse().map_err(|_| USAGE.to_owned()),
        None => Ok(otherwise),
    };
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|error| error.to_string())?
        .as_secs();
    let plan = fleet::Plan {
        seed: 7,
        devices: number(2, 60)? as u32,
        hours: number(3, 48)?,
        now,
        precision: Precision::Minute,
    };
    let reports = fleet::reports(plan);
    for reports in reports.chunks(BATCH_REPORTS) {
        let lines: Result<Vec<String>, _> = reports.iter().map(serde_json::to_string).collect();
        let lines = lines.map_err(|error| error.to_string())?;
        let packed =
            batch::pack(lines.iter().map(String::as_str)).map_err(|error| error.to_string())?;
        post(address, key, &packed).map_err(|error| format!("{address}: {error}"))?;
    }
    Ok(reports.len())
}

fn post(address: &str, key: &str, body: &[u8]) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "POST /v1/batches HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
         content-type: application/x-ndjson\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(body)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.starts_with("HTTP/1.1 200") {
        true => Ok(()),
        false => Err(io::Error::other(answer)),
    }
}
