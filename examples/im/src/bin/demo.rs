//! `cargo demo`: see `im::demo`.

use std::process::ExitCode;

use im::demo::Options;

fn main() -> ExitCode {
    let options = Options::read(std::env::args_os().skip(1)).unwrap_or_else(|e| e.exit());
    match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime.block_on(im::demo::run(options)),
        Err(e) => {
            eprintln!("demo: {e}");
            ExitCode::FAILURE
        }
    }
}
