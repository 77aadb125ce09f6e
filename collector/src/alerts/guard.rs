//! Where messages may be sent to. Pure, but for the question what a name stands for.
//!
//! Whoever may add a webhook makes the collector send requests, from inside the operator's network. So a target on this machine or
//! in a network of the operator's own is refused, whether it is written as an address or a name stands for it. Names are asked
//! when a message is sent, and the connection goes to the very addresses that were looked at: what a name stands for a moment
//! later does not matter.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;
use url::{Host, Url};

/// Which targets are allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Targets {
    /// Public addresses, by `https`.
    #[default]
    Public,
    /// Every address, by `http` as well: for tests, and for receivers in a network of one's own.
    Any,
}

/// Why nothing is sent to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It is no address of the web.
    NoAddress,
    /// It is not `https`.
    NotEncrypted,
    /// It names a user or a password.
    Credentials,
    /// It is on this machine or in a network of one's own.
    NotPublic,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoAddress => "this is no address such as https://hooks.example/…",
            Self::NotEncrypted => "only https is allowed",
            Self::Credentials => "an address with a user or a password is not allowed",
            Self::NotPublic => {
                "it is on this machine or in a private network; the operator can allow that (alerts_targets)"
            }
        })
    }
}

impl std::error::Error for Refused {}

impl Targets {
    /// The address, if messages may be sent to it as far as it tells by itself.
    ///
    /// # Errors
    /// Says why not.
    pub fn check(self, address: &str) -> Result<Url, Refused> {
        let url = Url::parse(address.trim()).map_err(|_| Refused::NoAddress)?;
        match (url.scheme(), self) {
            ("https", _) | ("http", Self::Any) => {}
            ("http", Self::Public) => return Err(Refused::NotEncrypted),
            _ => return Err(Refused::NoAddress),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() => {}
            Some(Host::Ipv4(ip)) => self.admit([ip.into()])?,
            Some(Host::Ipv6(ip)) => self.admit([ip.into()])?,
            _ => return Err(Refused::NoAddress),
        }
        Ok(url)
    }

    /// Whether messages may be sent to all of these; a name that stands for a public address and for another one is up to
    /// something.
    pub(super) fn admit(self, addresses: impl IntoIterator<Item = IpAddr>) -> Result<(), Refused> {
        let all_public = || addresses.into_iter().all(is_public);
        match self {
            Self::Any => Ok(()),
            Self::Public if all_public() => Ok(()),
            Self::Public => Err(Refused::NotPublic),
        }
    }
}

/// The addresses that a name stands for, later.
pub type Found = Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>>;

/// What names stand for.
pub trait Names: Send + Sync + 'static {
    /// The addresses of a name.
    fn find(&self, name: String) -> Found;
}

/// What the system says.
#[derive(Debug, Clone, Copy)]
pub struct SystemNames;

impl Names for SystemNames {
    fn find(&self, name: String) -> Found {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Whether an address is one of the public internet, by the registries of special addresses that IANA keeps (RFC 6890).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let special = match ip.octets() {
        [0 | 10 | 127, ..] => true,
        [100, second, ..] => second & 0xc0 == 64,
        [169, 254, ..] => true,
        [172, second, ..] => second & 0xf0 == 16,
        [192, 0, 0 | 2, _] => true,
        [192, 88, 99, _] => true,
        [192, 168, ..] => true,
        [198, 18 | 19, ..] => true,
        [198, 51, 100, _] => true,
        [203, 0, 113, _] => true,
        [first, ..] => first >= 224,
    };
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        // An address of version 4, as it is or behind a translator.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            is_public_v4(embedded(high, low))
        }
        [0x2002, high, low, ..] => is_public_v4(embedded(high, low)),
        // Protocol assignments (Teredo among them), documentation.
        [0x2001, second, ..] if second < 0x200 => false,
        [0x2001, 0xdb8, ..] => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        // Nothing else but 2000::/3 is given to anybody.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_public_are_refused_however_they_are_written() {
        for address in [
            "https://127.0.0.1/x",
            "https://127.1/x",
            "https://2130706433/x",
            "https://0x7f000001/x",
            "https://0177.0.0.1/x",
            "https://10.1.2.3/",
            "https://100.64.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://172.16.0.1/",
            "https://172.31.255.255/",
            "https://192.168.1.1/",
            "https://198.18.0.1/",
            "https://0.0.0.0/",
            "https://224.0.0.1/",
            "https://255.255.255.255/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[64:ff9b::a9fe:a9fe]/",
            "https://[2002:7f00:1::]/",
            "https://[fc00::1]/",
            "https://[fe80::1]/",
            "https://[ff02::1]/",
            "https://[2001::1]/",
            "https://[2001:db8::1]/",
        ] {
            assert_eq!(
                Targets::Public.check(address),
                Err(Refused::NotPublic),
                "{address}"
            );
            assert!(Targets::Any.check(address).is_ok(), "{address}");
        }
    }

    #[test]
    fn public_addresses_are_taken() {
        for address in [
            "https://hooks.example/services/T0/B0/x",
            "https://1.1.1.1/",
            "https://172.32.0.1/",
            "https://100.128.0.1/",
            "https://[2606:4700::1111]/",
            "https://[::ffff:1.1.1.1]/",
        ] {
            assert!(Targets::Public.check(address).is_ok(), "{address}");
        }
    }

    #[test]
    fn what_is_no_address_of_the_web_is_refused() {
        for (address, why) in [
            ("http://hooks.example/", Refused::NotEncrypted),
            ("ftp://hooks.example/", Refused::NoAddress),
            ("file:///etc/passwd", Refused::NoAddress),
            ("hooks.example", Refused::NoAddress),
            ("", Refused::NoAddress),
            ("https://me:secret@hooks.example/", Refused::Credentials),
        ] {
            assert_eq!(Targets::Public.check(address), Err(why), "{address}");
        }
        assert!(Targets::Any.check("http://hooks.example/").is_ok());
    }

    #[test]
    fn a_name_that_stands_for_a_public_address_and_another_one_is_refused() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let mixed = [ip("1.1.1.1"), ip("10.0.0.1")];
        assert_eq!(Targets::Public.admit(mixed), Err(Refused::NotPublic));
        assert_eq!(Targets::Public.admit([ip("1.1.1.1")]), Ok(()));
    }
}
