//! The chat server.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use im::player::say;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// A chat server for the sample app.
#[derive(Debug, Parser)]
#[command(name = "im-server", version)]
struct Arguments {
    /// Address to listen at; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:5222", value_name = "ADDR")]
    listen: SocketAddr,
    /// Print the port, alone on a line, and nothing else.
    #[arg(long)]
    print_port: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match serve(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("im-server: {}: {e}", arguments.listen);
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: &Arguments) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind(arguments.listen).await?;
    let address = listener.local_addr()?;
    if arguments.print_port {
        say(&address.port().to_string());
    } else {
        say(&format!("im-server listens at {address}; Ctrl-C ends it"));
    }
    let shutdown = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    im::server::run(listener, shutdown).await
}
