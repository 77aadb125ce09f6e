//! One connection through the proxy: a delay line in each direction.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::Mode;

/// Pieces on their way in one direction; when the line is full, the sender waits as it would for a real network.
const LINE: usize = 256;

type Modes = watch::Receiver<Option<Mode>>;

pub(super) async fn serve(mut near: TcpStream, upstream: SocketAddr, modes: Modes) {
    tokio::select! {
        () = cut(modes.clone()) => {
            // A network that is lost says no goodbye.
            let _ = near.set_zero_linger();
        }
        () = relay(&mut near, upstream, modes) => {}
    }
}

async fn relay(near: &mut TcpStream, upstream: SocketAddr, modes: Modes) {
    let Ok(mut far) = TcpStream::connect(upstream).await else {
        let _ = near.set_zero_linger();
        return;
    };
    let _ = near.set_nodelay(true);
    let _ = far.set_nodelay(true);
    let (near_read, near_write) = near.split();
    let (far_read, far_write) = far.split();
    tokio::join!(
        carry(near_read, far_write, modes.clone()),
        carry(far_read, near_write, modes)
    );
}

async fn carry(from: ReadHalf<'_>, to: WriteHalf<'_>, modes: Modes) {
    let (line, pieces) = mpsc::channel(LINE);
    tokio::join!(take(from, line, modes.clone()), give(to, pieces, modes));
}

async fn take(mut from: ReadHalf<'_>, line: mpsc::Sender<(Instant, Vec<u8>)>, modes: Modes) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(n) = from.read(&mut bytes).await {
        let due = Instant::now() + delay(&modes);
        if n == 0 || line.send((due, bytes[..n].to_vec())).await.is_err() {
            return;
        }
    }
}

async fn give(
    mut to: WriteHalf<'_>,
    mut pieces: mpsc::Receiver<(Instant, Vec<u8>)>,
    mut modes: Modes,
) {
    while let Some((due, bytes)) = pieces.recv().await {
        tokio::time::sleep_until(due).await;
        if modes
            .wait_for(|mode| *mode != Some(Mode::Stall))
            .await
            .is_err()
            || to.write_all(&bytes).await.is_err()
        {
            return;
        }
    }
    let _ = to.shutdown().await;
}

fn delay(modes: &Modes) -> Duration {
    match *modes.borrow() {
        Some(Mode::Forward { delay, jitter }) => delay + jitter.mul_f64(rand::random::<f64>()),
        _ => Duration::ZERO,
    }
}

/// Resolves when the network is gone, or the proxy.
async fn cut(mut modes: Modes) {
    let _ = modes
        .wait_for(|mode| matches!(mode, None | Some(Mode::Refuse | Mode::Reset)))
        .await;
}
