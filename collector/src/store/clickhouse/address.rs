//! Where a ClickHouse is.

use std::fmt;
use std::str::FromStr;
use url::Url;

/// The port of ClickHouse's HTTP interface where none is named.
const PORT: u16 = 8_123;

/// Where a ClickHouse is: `clickhouse://[user:password@]host[:port][,host[:port]...]/database[?cluster=NAME]`.
///
/// Several hosts are servers of the same cluster: the first that answers is used. With the name of a cluster, as `remote_servers` of
/// the servers' configuration has it, tables are replicated, and reports are spread over its shards.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// `host:port` of the HTTP interface, at least one.
    pub hosts: Vec<String>,
    /// Whom to sign in as, with which password.
    pub user: Option<(String, String)>,
    /// The database; it is made when it does not exist.
    pub database: String,
    /// The cluster's name.
    pub cluster: Option<String>,
}

/// What an address must look like, for whoever wrote another one.
const FORM: &str =
    "clickhouse://[user:password@]host[:port][,host[:port]...]/database[?cluster=NAME]";

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = |what: &str| format!("{what}; an address of a ClickHouse is {FORM}");
        let rest = text
            .strip_prefix("clickhouse://")
            .ok_or_else(|| form("it does not begin with clickhouse://"))?;
        let (authority, path) = rest
            .split_once('/')
            .ok_or_else(|| form("it names no database"))?;
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (Some(user), hosts),
            None => (None, authority),
        };
        let (database, query) = path.split_once('?').unwrap_or((path, ""));
        let hosts = hosts.split(',').map(|host| {
            // Read as the web reads it, so that names, IPv4 and IPv6 are all understood.
            let url = Url::parse(&format!("http://{host}"))
                .ok()
                .filter(|url| url.path() == "/" && url.query().is_none())
                .ok_or_else(|| form("it names no host"))?;
            let name = url.host_str().unwrap_or_default();
            // A URL hides the port that is its scheme's own.
            let port = match (url.port(), host.ends_with(":80")) {
                (Some(port), _) => port,
                (None, true) => 80,
                (None, false) => PORT,
            };
            Ok(format!("{name}:{port}"))
        });
        let mut cluster = None;
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "cluster" if is_name(&value) => cluster = Some(value.into_owned()),
                "cluster" => return Err(form("the cluster's name is of letters, digits and _")),
                // Not quoted: it may hold what is secret.
                _ => return Err(form("it asks for something else than cluster=NAME")),
            }
        }
        if !is_name(database) {
            return Err(form("the database's name is of letters, digits and _"));
        }
        Ok(Self {
            hosts: hosts.collect::<Result<_, String>>()?,
            user: user.map(credentials),
            database: database.to_owned(),
            cluster,
        })
    }
}

fn credentials(text: &str) -> (String, String) {
    let plain = |text: &str| {
        // As a form does, except that a plus is a plus.
        let text = text.replace('+', "%2B");
        form_urlencoded::parse(format!("x={text}").as_bytes())
            .next()
            .map_or_else(String::new, |(_, value)| value.into_owned())
    };
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    (plain(user), plain(password))
}

/// What can stand in SQL as it is.
fn is_name(text: &str) -> bool {
    let first = text.bytes().next();
    first.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && text.len() <= 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl fmt::Display for Address {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "clickhouse://{}/{}", self.hosts.join(","), self.database)?;
        match &self.cluster {
            Some(cluster) => write!(f, "?cluster={cluster}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_names_hosts_database_and_cluster() {
        let one = read("clickhouse://db.example/candor");
        assert_eq!(
            (one.hosts, one.user),
            (vec!["db.example:8123".into()], None)
        );
        assert_eq!((one.database.as_str(), one.cluster), ("candor", None));
        let many =
            read("clickhouse://me:p%40ss%2Bword+1@a:1,[::1]:2,10.0.0.3:80/c1?cluster=two_by_two");
        assert_eq!(many.hosts, ["a:1", "[::1]:2", "10.0.0.3:80"]);
        assert_eq!(many.user, Some(("me".into(), "p@ss+word+1".into())));
        assert_eq!(many.cluster.as_deref(), Some("two_by_two"));
        assert_eq!(
            format!("{many:?}"),
            "Address(clickhouse://a:1,[::1]:2,10.0.0.3:80/c1?cluster=two_by_two)",
            "the password is not told"
        );
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_repeated() {
        for wrong in [
            "sqlite:/secret",
            "clickhouse://secret",
            "clickhouse:///secret",
            "clickhouse://secret/",
            "clickhouse://secret/a-b",
            "clickhouse://secret/a`b",
            "clickhouse://secret/db?cluster=a b",
            "clickhouse://secret/db?password=x",
            "clickhouse://sec/ret/db",
        ] {
            let refused = Address::from_str(wrong).unwrap_err();
            assert!(refused.contains("clickhouse://[user"), "{refused}");
            assert!(!refused.contains("secret"), "{refused}");
        }
    }
}
