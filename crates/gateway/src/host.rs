//! Checks of the `Host` line and the target of a request.

use std::net::Ipv6Addr;

use hyper::header::HOST;
use hyper::{Method, Request, Version};

/// Checks that a request names its host as RFC 9112 (3.2) demands, and returns what is wrong. An
/// empty host is wrong too: the scheme `http` needs one (RFC 9110, 4.2.1).
pub(crate) fn check<B>(request: &Request<B>) -> Result<(), &'static str> {
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version() >= Version::HTTP_11 => return Err("no Host line"),
        (_, Some(_)) => return Err("more than one Host line"),
        (Some(host), None) if !host.to_str().is_ok_and(is_authority) => {
            return Err("the Host line names no host");
        }
        _ => {}
    }
    let uri = request.uri();
    match (uri.scheme_str(), uri.authority()) {
        (None, None) => Ok(()),
        (_, Some(authority)) if !is_authority(authority.as_str()) => {
            Err("the target names no host")
        }
        (Some("http" | "https"), Some(_)) => Ok(()),
        (None, Some(_)) if request.method() == Method::CONNECT => Ok(()),
        _ => Err("the target is neither a path nor a URL of http or https"),
    }
}

/// Returns whether this is `uri-host [ ":" port ]` of RFC 9112. Refuses two things that its grammar
/// allows: a comma, with which several hosts are made to look like one, and a port above 65535.
pub(crate) fn is_authority(text: &str) -> bool {
    match split_port(text) {
        (host, None | Some("")) => is_host(host),
        (host, Some(port)) => {
            is_host(host)
                && port.bytes().all(|it| it.is_ascii_digit())
                && port.parse::<u16>().is_ok()
        }
    }
}

/// Splits host and port. A colon inside the brackets of an IPv6 address begins no port.
pub(crate) fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    }
}

/// Returns whether this is a name, an IPv4 address, or an IPv6 address in brackets.
pub(crate) fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']');
        return address.is_some_and(|it| it.parse::<Ipv6Addr>().is_ok());
    }
    let of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(&byte);
    !host.is_empty() && host.bytes().all(of_a_name) && is_encoded(host)
}

/// Returns whether each `%` is followed by two hexadecimal digits.
pub(crate) fn is_encoded(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let digits = after.as_bytes().get(..2);
        digits.is_some_and(|it| it.iter().all(u8::is_ascii_hexdigit))
    })
}

#[cfg(test)]
mod tests {
    use super::is_authority;

    #[test]
    fn hosts_are_told_from_other_text() {
        for text in [
            "a",
            "a:80",
            "a:",
            "shop.example",
            "under_score.example",
            "127.0.0.1:65535",
            "[::1]",
            "[::1]:80",
            "[2001:db8::7]:8080",
            "xn--caf-dma.example",
            "caf%C3%A9.example",
        ] {
            assert!(is_authority(text), "{text:?} was refused");
        }
        for text in [
            "",
            ":80",
            "a b",
            "a/b",
            "a b/c",
            "a,b",
            "a, b",
            "user@a",
            "user:pass@a",
            "a:b",
            "a:80:80",
            "a:65536",
            "a:-1",
            "a:+1",
            "::1",
            "[::1",
            "::1]",
            "[::1]a",
            "[a]",
            "[]",
            "[::1]:x",
            "caf\u{e9}",
            "a%",
            "a%4",
            "a%zz",
            "a\"b",
            "a<b",
            "a\tb",
            "a?b",
            "a#b",
            "http://a",
            "a\\b",
        ] {
            assert!(!is_authority(text), "{text:?} was accepted");
        }
    }
}
