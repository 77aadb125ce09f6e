//! A stream whose bytes are counted.

use crate::tcp::Totals;
use candor_agent::{Meter, TcpSample};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that counts its bytes each way, sees when nothing arrives for longer than expected, and asks the system's TCP
/// every ten seconds in which something moves, when it is made, and when it ends.
#[derive(Debug)]
pub struct Metered<S> {
    stream: S,
    meter: Meter,
    ask: Option<fn(&S, &mut Totals) -> Option<TcpSample>>,
    totals: Totals,
    /// When the system was last asked, in milliseconds of the coarse clock.
    asked_ms: u64,
}

/// How often the system is asked while something moves. Asking takes about a microsecond.
const ASK_EVERY_MS: u64 = 10_000;

impl<S> Metered<S> {
    /// Counts the bytes of any stream.
    pub fn new(stream: S, meter: Meter) -> Self {
        Self {
            stream,
            meter,
            ask: None,
            totals: Totals::default(),
            asked_ms: 0,
        }
    }

    /// The stream inside.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream inside. What is read and written there is not counted.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Something is expected at least this often; a longer silence is a stall, counted when it ends. Zero expects nothing.
    pub fn expect(&self, within: Duration) {
        self.meter.expect(within);
    }

    /// Asks the system's TCP now, such as after a heartbeat.
    pub fn sample(&mut self) {
        if let Some(ask) = self.ask
            && self.meter.is_on()
        {
            self.asked_ms = candor_crash::coarse_millis();
            if let Some(sample) = ask(&self.stream, &mut self.totals) {
                self.meter.tcp(&sample);
            }
        }
    }

    fn moved(&mut self) {
        if self.ask.is_some() && candor_crash::coarse_millis() >= self.asked_ms + ASK_EVERY_MS {
            self.sample();
        }
    }
}

#[cfg(unix)]
impl<S: std::os::fd::AsFd> Metered<S> {
    /// Counts the bytes of a TCP stream, and asks the system's TCP on systems where it answers (Linux on x86-64).
    pub fn tcp(stream: S, meter: Meter) -> Self {
        let mut metered = Self::new(stream, meter);
        #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
        {
            metered.ask = Some(crate::tcp::ask);
        }
        metered.sample();
        metered
    }
}

impl<S> Drop for Metered<S> {
    fn drop(&mut self) {
        self.sample();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = buffer.filled().len() - before;
        if read > 0 {
            self.meter.received(read as u64);
            self.moved();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Metered<S> {
    fn wrote(&mut self, written: io::Result<usize>) -> Poll<io::Result<usize>> {
        if let Ok(bytes) = &written {
            self.meter.sent(*bytes as u64);
            self.moved();
        }
        Poll::Ready(written)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        self.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, slices));
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
