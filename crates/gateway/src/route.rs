//! Routes: path prefixes and their upstreams.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::net::Ipv4Addr;
use std::str::FromStr;

use hyper::Uri;
use hyper::http::uri::{Authority, PathAndQuery, Scheme};

use crate::host;

/// A path prefix, which is also the key of its circuit, and the upstream behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    prefix: String,
    upstream: Authority,
}

/// The reason why a route is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteError(&'static str);

/// All routes of a gateway, longest prefix first.
#[derive(Clone, Debug)]
pub(crate) struct RouteTable(Vec<Route>);

impl Route {
    /// Returns the path prefix in its normal form, without a slash at its end unless it is `/`.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns host and port of the upstream.
    #[must_use]
    pub fn upstream(&self) -> &Authority {
        &self.upstream
    }

    /// Returns whether the path is below the prefix: `/api` matches `/api` and `/api/x`, but not
    /// `/apix`.
    fn matches(&self, path: &str) -> bool {
        if self.prefix == "/" {
            return path.starts_with('/');
        }
        path.strip_prefix(self.prefix.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl FromStr for Route {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        let (prefix, upstream) = text.split_once('=').ok_or(RouteError(
            "expected PREFIX=UPSTREAM, such as /api=http://127.0.0.1:9000",
        ))?;
        Ok(Self {
            prefix: parse_prefix(prefix)?,
            upstream: parse_upstream(upstream)?,
        })
    }
}

/// Parses a prefix, which must be a path that a request can have, into its normal form.
fn parse_prefix(prefix: &str) -> Result<String, RouteError> {
    if !prefix.starts_with('/') || prefix.contains(['?', '#', ' ']) || prefix.contains("//") {
        return Err(RouteError(
            "the prefix must be a path that begins with one /, such as /api",
        ));
    }
    let taken: Result<PathAndQuery, _> = prefix.parse();
    if prefix.contains(char::is_control) || taken.is_err() {
        return Err(RouteError(
            "the prefix has a character that no request's path can have",
        ));
    }
    if !host::is_encoded(prefix) {
        return Err(RouteError(
            "the prefix has a % without two hexadecimal digits after it",
        ));
    }
    let prefix = normal(prefix);
    if prefix
        .split('/')
        .any(|segment| matches!(segment, "." | ".."))
    {
        return Err(RouteError(
            "the prefix has a segment . or .., which clients resolve before they ask",
        ));
    }
    let trimmed = prefix.trim_end_matches('/');
    Ok(if trimmed.is_empty() { "/" } else { trimmed }.to_owned())
}

/// Parses host and port, and refuses text that can't be either.
fn parse_upstream(upstream: &str) -> Result<Authority, RouteError> {
    const FORM: RouteError = RouteError("the upstream must be http://HOST or http://HOST:PORT");
    let upstream: Uri = upstream.parse().map_err(|_| FORM)?;
    if upstream.scheme() != Some(&Scheme::HTTP) {
        return Err(RouteError(
            "the upstream must begin with http:// (TLS to upstreams is not supported)",
        ));
    }
    if upstream
        .path_and_query()
        .is_some_and(|path| path.as_str() != "/")
    {
        return Err(RouteError(
            "the upstream must have no path: the path of a request is passed on as it is",
        ));
    }
    let authority = upstream.into_parts().authority.ok_or(FORM)?;
    let (host, port) = host::split_port(authority.as_str());
    if !host::is_host(host) {
        return Err(FORM);
    }
    let labels = || host.split('.');
    let looks_like_an_address =
        labels().count() == 4 && labels().all(|label| label.bytes().all(|it| it.is_ascii_digit()));
    if looks_like_an_address && host.parse::<Ipv4Addr>().is_err() {
        return Err(RouteError(
            "the upstream's host is no IPv4 address: its numbers must be 0 to 255",
        ));
    }
    let digits = |port: &str| port.bytes().all(|it| it.is_ascii_digit());
    match port {
        Some(port) if !digits(port) || port.parse::<u16>().unwrap_or(0) == 0 => {
            Err(RouteError("the upstream's port must be 1 to 65535"))
        }
        _ => Ok(authority),
    }
}

/// Brings a path into the normal form of RFC 3986 (6.2.2.1 and 6.2.2.2), so that equal paths have
/// the same route: `%c3` is `%C3`, `%7E` is `~`, and a character outside ASCII is its encoding.
fn normal(path: &str) -> Cow<'_, str> {
    if !path.bytes().any(|byte| byte == b'%' || !byte.is_ascii()) {
        return Cow::Borrowed(path);
    }
    let mut normal = String::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let encoded = (*first == b'%')
            .then(|| after.get(..2).and_then(byte))
            .flatten();
        let byte = encoded.unwrap_or(*first);
        rest = if encoded.is_some() {
            &after[2..]
        } else {
            after
        };
        let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if unreserved || encoded.is_none() && byte.is_ascii() {
            normal.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(normal, "%{byte:02X}");
        }
    }
    Cow::Owned(normal)
}

/// Returns the byte that two hexadecimal digits stand for.
fn byte(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0, |value, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        u8::try_from(u32::from(value) * 16 + digit).ok()
    })
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=http://{}", self.prefix, self.upstream)
    }
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for RouteError {}

impl RouteTable {
    pub(crate) fn new(mut routes: Vec<Route>) -> Self {
        routes.sort_by(|a, b| {
            b.prefix
                .len()
                .cmp(&a.prefix.len())
                .then(a.prefix.cmp(&b.prefix))
        });
        Self(routes)
    }

    /// Returns the route of the longest prefix, with its number.
    pub(crate) fn find(&self, path: &str) -> Option<(usize, &Route)> {
        let path = normal(path);
        self.0
            .iter()
            .enumerate()
            .find(|(_, route)| route.matches(&path))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// Returns a prefix that two routes share.
    pub(crate) fn duplicate(&self) -> Option<&str> {
        let pair = self
            .0
            .windows(2)
            .find(|pair| pair[0].prefix == pair[1].prefix)?;
        Some(&pair[0].prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(prefixes: &[&str]) -> RouteTable {
        let route = |prefix| format!("{prefix}=http://host:1").parse().unwrap();
        RouteTable::new(prefixes.iter().map(route).collect())
    }

    fn found(table: &RouteTable, path: &str) -> Option<String> {
        table.find(path).map(|(_, route)| route.prefix.clone())
    }

    #[test]
    fn the_longest_prefix_wins_on_whole_segments() {
        let table = table(&["/api", "/api/v2/", "/a"]);
        assert_eq!(found(&table, "/api").as_deref(), Some("/api"));
        assert_eq!(found(&table, "/api/").as_deref(), Some("/api"));
        assert_eq!(found(&table, "/api/v1").as_deref(), Some("/api"));
        assert_eq!(found(&table, "/api/v2/x").as_deref(), Some("/api/v2"));
        assert_eq!(found(&table, "/api/v22").as_deref(), Some("/api"));
        assert_eq!(found(&table, "/apix"), None);
        assert_eq!(found(&table, "/"), None);
        assert_eq!(found(&table, "*"), None);
    }

    #[test]
    fn a_slash_catches_the_rest() {
        let table = table(&["/", "/api"]);
        assert_eq!(found(&table, "/other").as_deref(), Some("/"));
        assert_eq!(found(&table, "/api/x").as_deref(), Some("/api"));
        assert_eq!(found(&table, "*"), None);
    }

    #[test]
    fn malformed_routes_are_refused() {
        for text in [
            "",
            "/api",
            "api=http://h",
            "/a=https://h",
            "/a=h:80",
            "/a=http://h/path",
            "/a=http://",
            "/a=http://user@h",
            "//=http://h",
            "/a b=http://h",
            "/a=http://h?x",
        ] {
            assert!(text.parse::<Route>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn prefixes_that_no_request_can_have_are_refused() {
        for code in (0..0x20).chain([0x7f, 0x80, 0x9f]) {
            let odd = char::from_u32(code).unwrap();
            for text in [format!("/a{odd}b=http://h"), format!("/a{odd}=http://h")] {
                assert!(text.parse::<Route>().is_err(), "{text:?} was accepted");
            }
        }
        for prefix in [
            "/a<",
            "/a>b",
            "/a`",
            "/%",
            "/a%c",
            "/a%zz/b",
            "/a/../b",
            "/.",
            "/a/%2e%2E",
        ] {
            let text = format!("{prefix}=http://h");
            assert!(text.parse::<Route>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn impossible_ports_and_hosts_are_refused() {
        for host in ["h", "127.0.0.1", "[::1]"] {
            for port in [
                "0",
                "65536",
                "99999",
                "4294967376",
                "00",
                "",
                "80x",
                "-1",
                "+80",
                "0x50",
            ] {
                let text = format!("/a=http://{host}:{port}");
                assert!(text.parse::<Route>().is_err(), "{text:?} was accepted");
            }
            for port in ["1", "80", "65535"] {
                let text = format!("/a=http://{host}:{port}");
                assert!(text.parse::<Route>().is_ok(), "{text:?} was refused");
            }
        }
        for host in [
            "256.0.0.1",
            "1.2.3.999",
            "[zz]",
            "[::1",
            "::1",
            "a b",
            "a,b",
            ":80",
            "h:80:80",
        ] {
            let text = format!("/a=http://{host}");
            assert!(text.parse::<Route>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn equal_paths_have_one_route() {
        let table = table(&["/caf%c3%a9", "/%7Euser", "/a%2fb", "/100%25"]);
        for (path, prefix) in [
            ("/caf%C3%A9/x", "/caf%C3%A9"),
            ("/caf%c3%A9", "/caf%C3%A9"),
            ("/caf\u{e9}", "/caf%C3%A9"),
            ("/%63af%c3%a9", "/caf%C3%A9"),
            ("/~user/x", "/~user"),
            ("/%7euser", "/~user"),
            ("/a%2Fb", "/a%2Fb"),
            ("/100%25/%", "/100%25"),
        ] {
            assert_eq!(found(&table, path).as_deref(), Some(prefix), "{path}");
        }
        // An encoded delimiter is not the delimiter, and nothing is decoded twice.
        for path in ["/a/b", "/100%", "/100%2525", "/caf%E9"] {
            assert_eq!(found(&table, path), None, "{path}");
        }
    }

    #[test]
    fn duplicates_are_found() {
        assert_eq!(table(&["/a", "/b", "/a/"]).duplicate(), Some("/a"));
        assert_eq!(table(&["/%c3", "/%C3"]).duplicate(), Some("/%C3"));
        assert_eq!(table(&["/a", "/b"]).duplicate(), None);
    }
}
