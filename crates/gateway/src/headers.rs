//! The header rules of a proxy: which headers end at this hop, and which are added for the next.

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

/// A request that carries it is answered with the debug headers.
pub(crate) const DEBUG: HeaderName = HeaderName::from_static("x-breakerbox-debug");
pub(crate) const DEBUG_KEY: HeaderName = HeaderName::from_static("x-breakerbox-key");
pub(crate) const DEBUG_STATE: HeaderName = HeaderName::from_static("x-breakerbox-state");
pub(crate) const DEBUG_FAILURES: HeaderName = HeaderName::from_static("x-breakerbox-failures");

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// RFC 9110, 7.6.1 and 11.7.
const HOP_BY_HOP: [HeaderName; 10] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authentication-info"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Makes a client's headers fit for the upstream. `host` is the host that the client asked for.
pub(crate) fn to_upstream(headers: &mut HeaderMap, client: IpAddr, host: Option<HeaderValue>) {
    // The body is framed anew. A length beside another framing could only mislead the upstream.
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    end_hop(headers);
    // The gateway itself answers `100 Continue` as soon as it wants the body.
    headers.remove(EXPECT);
    // The client library names the upstream.
    headers.remove(HOST);

    // Claims of others stay to the left of the address that this gateway saw.
    let client = client.to_canonical();
    let mut chain = Vec::new();
    for earlier in headers.get_all(FORWARDED_FOR) {
        chain.extend_from_slice(earlier.as_bytes());
        chain.extend_from_slice(b", ");
    }
    chain.extend_from_slice(client.to_string().as_bytes());
    if let Ok(chain) = HeaderValue::from_bytes(&chain) {
        headers.insert(FORWARDED_FOR, chain);
    }
    match host {
        Some(host) => headers.insert(FORWARDED_HOST, host),
        None => headers.remove(FORWARDED_HOST),
    };
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
}

/// Makes an upstream's headers fit for the client.
pub(crate) fn to_client(headers: &mut HeaderMap) {
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    end_hop(headers);
}

/// Removes headers meant for one hop, and the gateway's own debug headers, which only it may send.
fn end_hop(headers: &mut HeaderMap) {
    let listed: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // A client that lists these would make the gateway lose the framing or the host.
        .filter(|name| name != CONTENT_LENGTH && name != HOST)
        .collect();
    for name in listed.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
    for name in [DEBUG, DEBUG_KEY, DEBUG_STATE, DEBUG_FAILURES] {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn headers_that_connection_lists_are_removed() {
        let mut headers = map(&[
            ("connection", "close, X-Mine"),
            ("connection", "x-other ,content-length"),
            ("x-mine", "1"),
            ("x-other", "2"),
            ("x-kept", "3"),
            ("content-length", "4"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("upgrade", "websocket"),
            ("proxy-authorization", "Basic x"),
            ("x-breakerbox-state", "open"),
        ]);
        to_client(&mut headers);
        assert_eq!(headers, map(&[("x-kept", "3"), ("content-length", "4")]));
    }

    #[test]
    fn a_length_beside_chunks_is_not_passed_on() {
        let mut headers = map(&[("transfer-encoding", "chunked"), ("content-length", "4")]);
        to_client(&mut headers);
        assert!(headers.is_empty());
    }

    #[test]
    fn the_client_is_added_to_the_chain() {
        let mut headers = map(&[
            ("host", "shop.example"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-for", "10.0.0.2, 10.0.0.3"),
            ("x-forwarded-proto", "https"),
            ("expect", "100-continue"),
        ]);
        let client = "::ffff:192.0.2.7".parse().unwrap();
        to_upstream(
            &mut headers,
            client,
            Some(HeaderValue::from_static("shop.example")),
        );
        assert_eq!(
            headers,
            map(&[
                ("x-forwarded-for", "10.0.0.1, 10.0.0.2, 10.0.0.3, 192.0.2.7"),
                ("x-forwarded-host", "shop.example"),
                ("x-forwarded-proto", "http"),
            ])
        );
    }
}
