//! The other side of a connection: what it is told by one letter, it does.
//!
//! | letter | what it does |
//! |---|---|
//! | `a` | answers with one letter |
//! | `n` | answers `n`: no |
//! | `c` | closes the connection |
//! | `r` | resets the connection |
//! | `s` | says nothing more, and keeps the connection open |
//! | anything else | nothing: it is payload |

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A peer on a port of its own. Its threads end with their connections, and with the process.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Where it listens.
    pub address: SocketAddr,
    accepted: Arc<AtomicU64>,
    heard: Arc<AtomicU64>,
}

/// Nothing in a test takes as long; a connection that is forgotten ends by itself.
const FORGOTTEN: Duration = Duration::from_secs(120);

impl Peer {
    /// A peer on loopback.
    pub fn start() -> Self {
        Self::on((Ipv4Addr::LOCALHOST, 0).into())
    }

    /// A peer at `address`, of the network that the calling thread is in.
    pub fn on(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).expect("a port");
        let address = listener.local_addr().expect("an address");
        let peer = Self {
            address,
            accepted: Arc::default(),
            heard: Arc::default(),
        };
        let this = peer.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                this.accepted.fetch_add(1, Relaxed);
                let this = this.clone();
                std::thread::spawn(move || this.serve(stream));
            }
        });
        peer
    }

    /// Connections that were accepted.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    /// Bytes that were heard.
    pub fn heard(&self) -> u64 {
        self.heard.load(Relaxed)
    }

    fn serve(&self, mut stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let _ = stream.set_read_timeout(Some(FORGOTTEN));
        let mut bytes = [0; 16 * 1024];
        while let Ok(read @ 1..) = read(&mut stream, &mut bytes) {
            self.heard.fetch_add(read as u64, Relaxed);
            for letter in &bytes[..read] {
                let answered = match letter {
                    b'a' => stream.write_all(b"y"),
                    b'n' => stream.write_all(b"n"),
                    b'c' => return,
                    b'r' => return reset(&stream),
                    b's' => {
                        std::thread::sleep(FORGOTTEN);
                        return;
                    }
                    _ => Ok(()),
                };
                if answered.is_err() {
                    return;
                }
            }
        }
    }
}

/// Reads what there is. The agent may interrupt a wait that has a time limit, as any signal may.
pub(crate) fn read(stream: &mut TcpStream, into: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match stream.read(into) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// Ends a connection with a reset instead of a goodbye, whoever else has hold of it.
pub fn reset(stream: &TcpStream) {
    // Taking back the address of the other side is what resets; a connection that is gone already cannot be reset.
    let _ = rustix::net::connect_unspec(stream);
}

/// A certificate for `localhost`, signed by itself.
pub struct Identity {
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// A new one.
    pub fn generate() -> Self {
        let made =
            rcgen::generate_simple_self_signed(vec!["localhost".into()]).expect("a certificate");
        Self {
            certificate: made.cert.der().clone(),
            key: PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key"),
        }
    }

    /// A server of TLS that agrees on it and answers every byte with one; its port.
    pub fn serve(&self) -> SocketAddr {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            .expect("a certificate and its key");
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let config = config.clone();
                std::thread::spawn(move || {
                    let _ = stream.set_nodelay(true);
                    let _ = stream.set_read_timeout(Some(FORGOTTEN));
                    let tls = rustls::ServerConnection::new(config).expect("a connection");
                    let mut stream = rustls::StreamOwned::new(tls, stream);
                    let mut byte = [0];
                    while stream.read_exact(&mut byte).is_ok() {
                        if stream.write_all(&byte).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        address
    }

    /// A client that trusts this certificate, or nothing.
    pub fn connector(&self, trusted: bool) -> tokio_rustls::TlsConnector {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        if trusted {
            roots.add(self.certificate.clone()).expect("a certificate");
        }
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        tokio_rustls::TlsConnector::from(Arc::new(config))
    }
}

/// A server of HTTP that answers each connection with the next of `answers`, word for word, and then closes it.
pub fn http(answers: &'static [&'static [u8]]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for (stream, answer) in listener.incoming().map_while(Result::ok).zip(answers) {
            let mut stream = stream;
            let _ = stream.set_read_timeout(Some(FORGOTTEN));
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                head.push(byte[0]);
            }
            let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
            let length = text
                .split("content-length: ")
                .nth(1)
                .and_then(|rest| rest.split("\r\n").next()?.parse().ok());
            // What is left unread would turn the goodbye into a reset.
            let _ = stream.read_exact(&mut vec![0; length.unwrap_or(0)]);
            let _ = stream.write_all(answer);
        }
    });
    address
}
