//! Which class an error belongs to: what it says itself, or what lies below it says.

use candor_agent::{Failure, Phase};
use std::error::Error;
use std::io;

/// An error that has a class. Implement it for the errors of your own login.
pub trait Failing {
    /// Its class.
    fn failure(&self) -> Failure;

    /// The phase it belongs to, where only the error can tell: an HTTP client connects by itself.
    fn phase(&self) -> Phase {
        Phase::FirstByte
    }
}

macro_rules! failing {
    ($($(#[$when:meta])* $error:ty;)+) => {
        $($(#[$when])* impl Failing for $error {
            fn failure(&self) -> Failure {
                class(self)
            }

            fn phase(&self) -> Phase {
                phase(self)
            }
        })+
    };
}

failing! {
    io::Error;
    tokio::time::error::Elapsed;
    #[cfg(feature = "tls")] rustls::Error;
    #[cfg(feature = "hyper")] hyper::Error;
    #[cfg(feature = "hyper")] hyper_util::client::legacy::Error;
    #[cfg(feature = "reqwest")] reqwest::Error;
}

impl Failing for Box<dyn Error + Send + Sync> {
    fn failure(&self) -> Failure {
        class(&**self)
    }

    fn phase(&self) -> Phase {
        phase(&**self)
    }
}

/// The class of any error: that of the deepest error below it that has one.
pub fn class(error: &(dyn Error + 'static)) -> Failure {
    find(error, &of_one).unwrap_or(Failure::Other)
}

/// The phase in which an HTTP client failed.
pub fn phase(error: &(dyn Error + 'static)) -> Phase {
    find(error, &phase_of_one).unwrap_or(Phase::FirstByte)
}

/// The first answer on the way down the chain of causes, asking what lies below first.
fn find<T>(
    error: &(dyn Error + 'static),
    ask: &impl Fn(&(dyn Error + 'static)) -> Option<T>,
) -> Option<T> {
    // An I/O error that wraps another one leaves it out of its chain.
    let wrapped = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
        .map(|inner| inner as &(dyn Error + 'static));
    wrapped
        .or_else(|| error.source())
        .and_then(|below| find(below, ask))
        .or_else(|| ask(error))
}

fn of_one(error: &(dyn Error + 'static)) -> Option<Failure> {
    if error.is::<tokio::time::error::Elapsed>() {
        return Some(Failure::Timeout);
    }
    #[cfg(feature = "tls")]
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(of_tls(error));
    }
    #[cfg(feature = "hyper")]
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return of_hyper(error);
    }
    #[cfg(feature = "reqwest")]
    if let Some(error) = error.downcast_ref::<reqwest::Error>() {
        return of_reqwest(error);
    }
    error
        .downcast_ref::<io::Error>()
        .map(Failure::of)
        .filter(|class| *class != Failure::Other)
}

#[cfg(feature = "tls")]
fn of_tls(error: &rustls::Error) -> Failure {
    use rustls::{AlertDescription as Alert, Error};
    match error {
        // The other side wants to know who we are, and does not like the answer.
        Error::AlertReceived(
            Alert::AccessDenied | Alert::CertificateRequired | Alert::BadCertificate,
        ) => Failure::AuthRefused,
        // The other side does not speak TLS.
        Error::InvalidMessage(_) => Failure::Protocol,
        _ => Failure::TlsFailed,
    }
}

#[cfg(feature = "hyper")]
fn of_hyper(error: &hyper::Error) -> Option<Failure> {
    if error.is_timeout() {
        Some(Failure::Timeout)
    } else if error.is_parse() || error.is_parse_status() {
        Some(Failure::Protocol)
    } else if error.is_incomplete_message() || error.is_closed() {
        Some(Failure::ClosedByPeer)
    } else if error.is_canceled() {
        Some(Failure::Cancelled)
    } else {
        None
    }
}

#[cfg(feature = "reqwest")]
fn of_reqwest(error: &reqwest::Error) -> Option<Failure> {
    if error.is_timeout() {
        Some(Failure::Timeout)
    } else if error.is_decode() {
        Some(Failure::Protocol)
    } else {
        let status = error.status()?;
        Failure::of_status(status.as_u16())
    }
}

fn phase_of_one(error: &(dyn Error + 'static)) -> Option<Phase> {
    #[cfg(feature = "tls")]
    if error.is::<rustls::Error>() {
        return Some(Phase::Tls);
    }
    if let Some(error) = error.downcast_ref::<io::Error>()
        && Failure::of(error) == Failure::ResolveFailed
    {
        return Some(Phase::Resolve);
    }
    #[cfg(feature = "hyper")]
    if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>()
        && error.is_connect()
    {
        return Some(Phase::Connect);
    }
    #[cfg(feature = "reqwest")]
    if let Some(error) = error.downcast_ref::<reqwest::Error>()
        && error.is_connect()
    {
        return Some(Phase::Connect);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error with a cause.
    #[derive(Debug)]
    struct Above(io::Error);

    impl std::fmt::Display for Above {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("above")
        }
    }

    impl Error for Above {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn the_deepest_error_that_has_a_class_gives_it() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(class(&Above(refused())), Failure::Refused);
        let boxed: Box<dyn Error + Send + Sync> = Box::new(Above(refused()));
        assert_eq!(boxed.failure(), Failure::Refused);
        // One I/O error inside another of a kind that says less.
        let wrapped = io::Error::new(io::ErrorKind::InvalidData, Above(refused()));
        assert_eq!(wrapped.failure(), Failure::Refused);
        assert_eq!(class(&io::Error::other("nobody knows")), Failure::Other);
        // What lies below has no class, what stands above has one.
        let outer = io::Error::new(io::ErrorKind::TimedOut, io::Error::other("why"));
        assert_eq!(outer.failure(), Failure::Timeout);
    }

    #[cfg(feature = "tls")]
    #[test]
    fn tls_errors_are_told_apart() {
        use rustls::{AlertDescription, CertificateError, InvalidMessage};
        let inside = |error: rustls::Error| io::Error::new(io::ErrorKind::InvalidData, error);
        let untrusted = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert_eq!(inside(untrusted).failure(), Failure::TlsFailed);
        let no_tls = rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType);
        assert_eq!(inside(no_tls).failure(), Failure::Protocol);
        let refused = rustls::Error::AlertReceived(AlertDescription::CertificateRequired);
        assert_eq!(inside(refused.clone()).failure(), Failure::AuthRefused);
        assert_eq!(inside(refused).phase(), Phase::Tls);
    }
}
