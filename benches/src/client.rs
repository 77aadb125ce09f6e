//! One connection to a collector, spoken to without a library, so that the sender costs little next to what it measures.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// The largest answer that is read, in bytes.
const LARGEST: usize = 64 * 1024 * 1024;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection that is made when it is needed, and made again when the other end closed it.
pub struct Client {
    address: SocketAddr,
    connection: Option<TcpStream>,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Seconds of `Retry-After`.
    pub retry_after: Option<u64>,
    /// The body.
    pub body: Vec<u8>,
}

impl Client {
    /// A client of the collector at `address`; nothing is connected yet.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            connection: None,
        }
    }

    /// Posts a body to `path`, with these header lines beside the length.
    ///
    /// # Errors
    /// When the connection breaks, or what comes is no answer.
    pub fn post(&mut self, path: &str, headers: &str, body: &[u8]) -> io::Result<Answer> {
        self.send(&post(path, headers, body), body.len())
    }

    /// Gets `path`.
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.get_as(path, "")
    }

    /// Gets `path` with these header lines.
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub fn get_as(&mut self, path: &str, headers: &str) -> io::Result<Answer> {
        let host = self.address;
        let head = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{headers}\r\n");
        self.send(head.as_bytes(), 0)
    }

    fn send(&mut self, request: &[u8], body: usize) -> io::Result<Answer> {
        let reused = self.connection.is_some();
        match self.try_send(request, body) {
            // One that was kept may have been closed meanwhile.
            Err(_) if reused => self.try_send(request, body),
            done => done,
        }
    }

    fn try_send(&mut self, request: &[u8], body: usize) -> io::Result<Answer> {
        let mut connection = self.take()?;
        let whole = match connection.write_all(request) {
            Ok(()) => true,
            // An answer may be there although the rest of a large body was not wanted.
            Err(_) if body > 0 => false,
            Err(error) => return Err(error),
        };
        let (answer, keep) = read(&mut connection)?;
        if keep && whole {
            self.connection = Some(connection);
        }
        Ok(answer)
    }

    fn take(&mut self) -> io::Result<TcpStream> {
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        let connection = TcpStream::connect(self.address)?;
        connection.set_nodelay(true)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        connection.set_write_timeout(Some(PATIENCE))?;
        Ok(connection)
    }

    /// Sends the first `part` bytes of a body and goes away, as a device does whose network is gone.
    ///
    /// # Errors
    /// When there is no connection.
    pub fn tear(&mut self, path: &str, headers: &str, body: &[u8], part: usize) -> io::Result<()> {
        let mut connection = self.take()?;
        let request = post(path, headers, body);
        let end = request.len() - body.len() + part.min(body.len());
        connection.write_all(request.get(..end).unwrap_or_default())?;
        connection.shutdown(Shutdown::Write)
    }
}

fn post(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Reads one answer; also says whether the connection can be used again.
fn read(connection: &mut impl Read) -> io::Result<(Answer, bool)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        if let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
            let field = |name: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(name));
                line.map(str::trim)
            };
            let wrong = || io::Error::other("not an answer of HTTP");
            let status = text.split(' ').nth(1).and_then(|word| word.parse().ok());
            let status = status.ok_or_else(wrong)?;
            let chunked = field("transfer-encoding:") == Some("chunked");
            let length = field("content-length:").map_or(Ok(0), str::parse::<usize>);
            let length = length.map_err(|_| wrong())?;
            let end = head + 4 + length;
            if !chunked && bytes.len() >= end {
                let answer = Answer {
                    status,
                    retry_after: field("retry-after:").and_then(|text| text.parse().ok()),
                    body: bytes[head + 4..end].to_vec(),
                };
                return Ok((answer, field("connection:") != Some("close")));
            }
            if chunked || end > LARGEST {
                return Err(io::Error::other("an answer without an end"));
            }
        }
        match connection.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_to_its_end_and_not_further() {
        let text = "HTTP/1.1 503 Busy\r\nRetry-After: 2\r\ncontent-length: 3\r\n\r\nnoHTTP/1.1";
        let (answer, keep) = read(&mut text.as_bytes()).expect("an answer");
        assert_eq!((answer.status, answer.retry_after), (503, Some(2)));
        assert_eq!((answer.body, keep), (b"noH".to_vec(), true));
    }

    #[test]
    fn a_connection_that_is_closed_is_not_used_again() {
        let text = "HTTP/1.1 413 Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        assert!(!read(&mut text.as_bytes()).expect("an answer").1);
        assert!(read(&mut &text.as_bytes()[..20]).is_err());
    }
}
