//! TLS: a certificate that is replaced while connections are taken.

use crate::metrics::Metrics;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// Where a certificate and its key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain as PEM, the collector's own certificate first.
    pub certificate: PathBuf,
    /// The private key as PEM.
    pub key: PathBuf,
}

impl CertificateFiles {
    /// Reads both.
    ///
    /// # Errors
    /// Says what is wrong with which file.
    pub fn read(&self) -> Result<Arc<ServerConfig>, String> {
        let at =
            |path: &PathBuf, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect)
            .map_err(|error| at(&self.certificate, &error))?;
        if chain.is_empty() {
            return Err(at(&self.certificate, &"holds no certificate"));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| at(&self.key, &error))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| {
                at(
                    &self.certificate,
                    &format!("does not go with its key: {error}"),
                )
            })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// When either was last changed.
    fn changed(&self) -> [Option<SystemTime>; 2] {
        [&self.certificate, &self.key].map(|path| std::fs::metadata(path).ok()?.modified().ok())
    }
}

/// The certificate that connections are taken with now.
#[derive(Debug)]
pub(super) struct Tls {
    files: CertificateFiles,
    now: Mutex<(Arc<ServerConfig>, [Option<SystemTime>; 2])>,
}

impl Tls {
    pub(super) fn open(files: CertificateFiles) -> Result<Self, String> {
        let changed = files.changed();
        let config = files.read()?;
        Ok(Self {
            files,
            now: Mutex::new((config, changed)),
        })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(now.0.clone())
    }

    /// Reads the files again if they were changed. One that cannot be used changes nothing: the old one goes on.
    pub(super) fn refresh(&self, metrics: &Metrics) {
        let changed = self.files.changed();
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if now.1 == changed {
            return;
        }
        now.1 = changed;
        let read = self.files.read();
        metrics.certificate_read(read.is_ok());
        match read {
            Ok(config) => {
                now.0 = config;
                tracing::info!("a new certificate is used from now on");
            }
            Err(error) => tracing::error!(
                error,
                "the new certificate cannot be used; the old one goes on"
            ),
        }
    }

    /// Looks after the files for as long as it is polled.
    pub(super) async fn look_after(&self, metrics: &Metrics) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.refresh(metrics);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, RootCertStore};
    use std::fs::File;
    use std::path::Path;
    use tokio_rustls::TlsConnector;

    /// Writes a new certificate as of second `at`, and returns who believes it alone.
    fn certify(files: &CertificateFiles, at: u64) -> TlsConnector {
        let made = rcgen::generate_simple_self_signed(["collector.example".to_owned()]).unwrap();
        write(&files.certificate, &made.cert.pem(), at);
        write(&files.key, &made.signing_key.serialize_pem(), at);
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }

    fn write(path: &Path, text: &str, at: u64) {
        std::fs::write(path, text).unwrap();
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(at);
        File::options()
            .append(true)
            .open(path)
            .unwrap()
            .set_modified(at)
            .unwrap();
    }

    async fn believes(client: &TlsConnector, tls: &Tls) -> bool {
        let (here, there) = tokio::io::duplex(64 << 10);
        let name = ServerName::try_from("collector.example").unwrap();
        let (shaken, _) = tokio::join!(client.connect(name, here), tls.acceptor().accept(there));
        shaken.is_ok()
    }

    #[tokio::test]
    async fn a_new_certificate_is_used_for_the_next_connection_and_a_broken_one_never() {
        let dir = tempfile::tempdir().unwrap();
        let files = CertificateFiles {
            certificate: dir.path().join("chain.pem"),
            key: dir.path().join("key.pem"),
        };
        assert!(files.read().is_err());
        let metrics = Metrics::default();
        let first = certify(&files, 1);
        let tls = Tls::open(files.clone()).unwrap();
        assert!(believes(&first, &tls).await);

        let second = certify(&files, 2);
        assert!(believes(&first, &tls).await && !believes(&second, &tls).await);
        tls.refresh(&metrics);
        assert!(!believes(&first, &tls).await && believes(&second, &tls).await);

        // Half written, or the key of another one.
        write(&files.certificate, "-----BEGIN CERT", 3);
        tls.refresh(&metrics);
        certify(&files, 4);
        let chain = std::fs::read_to_string(&files.certificate).unwrap();
        certify(&files, 5);
        write(&files.certificate, &chain, 6);
        tls.refresh(&metrics);
        assert!(believes(&second, &tls).await);
        let said = metrics.text().unwrap();
        assert!(
            said.contains("outcome=\"refused\",reason=\"\"} 2"),
            "{said}"
        );
        assert!(said.contains("outcome=\"used\",reason=\"\"} 1"), "{said}");
    }
}
