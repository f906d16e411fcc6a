//! HTTP/1.1 on a raw socket, byte by byte, for clients and upstreams alike.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::DEADLINE;

/// A connection, and the bytes that were read from it but not used yet.
pub struct Wire {
    pub stream: TcpStream,
    buffer: Vec<u8>,
}

/// First line and headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub line: String,
    pub headers: Vec<(String, String)>,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub head: Head,
    pub body: Vec<u8>,
    /// Set if the body is as long as its framing says.
    pub complete: bool,
}

impl Head {
    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = self
            .headers
            .iter()
            .filter(|(it, _)| it.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    pub fn status(&self) -> u16 {
        let status = self.line.split(' ').nth(1).and_then(|it| it.parse().ok());
        status.unwrap_or_else(|| panic!("no status line: {:?}", self.line))
    }
}

impl Answer {
    pub fn status(&self) -> u16 {
        self.head.status()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        assert_eq!(
            self.head.get("content-type"),
            Some("application/json"),
            "{self:?}"
        );
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Wire {
    pub fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    pub async fn connect(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).await.unwrap())
    }

    /// Writes, and returns whether the other side is still there.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let written = timeout(DEADLINE, self.stream.write_all(bytes.as_ref())).await;
        written.expect("the other side doesn't read").is_ok()
    }

    /// Reads once; 0 at the end or after a reset.
    async fn fill(&mut self) -> usize {
        let mut some = [0; 16 * 1024];
        let read = timeout(DEADLINE, self.stream.read(&mut some)).await;
        let read = read.expect("nothing came in time").unwrap_or(0);
        self.buffer.extend_from_slice(&some[..read]);
        read
    }

    /// Waits until the other side closes.
    pub async fn closed(&mut self) {
        while self.fill().await > 0 {}
    }

    pub async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                self.buffer.drain(..end + 2);
                return Some(line);
            }
            if self.fill().await == 0 {
                return None;
            }
        }
    }

    /// Reads the next header; `None` at the end of the connection.
    pub async fn head(&mut self) -> Option<Head> {
        let mut head = Head {
            line: self.line().await?,
            headers: Vec::new(),
        };
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Some(head);
            }
            let (name, value) = line.split_once(':').expect("a header line");
            head.headers
                .push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// Reads N bytes, or fewer at the end of the connection.
    pub async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count && self.fill().await > 0 {}
        let count = count.min(self.buffer.len());
        self.buffer.drain(..count).collect()
    }

    /// Reads the next chunk; empty for the last one, `None` if it breaks off.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = usize::from_str_radix(self.line().await?.trim(), 16).ok()?;
        let chunk = self.bytes(size).await;
        (chunk.len() == size && self.line().await?.is_empty()).then_some(chunk)
    }

    async fn chunks(&mut self) -> (Vec<u8>, bool) {
        let mut body = Vec::new();
        loop {
            match self.chunk().await {
                Some(chunk) if chunk.is_empty() => return (body, true),
                Some(chunk) => body.extend(chunk),
                None => return (body, false),
            }
        }
    }

    /// Reads the body that a header announces, and returns whether it is whole.
    pub async fn read_body(&mut self, head: &Head) -> (Vec<u8>, bool) {
        if head.get("transfer-encoding").is_some() {
            return self.chunks().await;
        }
        let length = head
            .get("content-length")
            .map_or(0, |it| it.parse().unwrap());
        let body = self.bytes(length).await;
        let complete = body.len() == length;
        (body, complete)
    }

    /// Reads the next answer; `None` if the connection ends before it.
    pub async fn answer(&mut self) -> Option<Answer> {
        let head = self.head().await?;
        let (body, complete) = self.read_body(&head).await;
        Some(Answer {
            head,
            body,
            complete,
        })
    }

    /// Sends a request as it stands and reads the answer.
    pub async fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.write(request).await;
        self.answer().await.expect("no answer")
    }
}

/// Sends a request on a connection of its own.
pub async fn ask(address: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    Wire::connect(address).await.ask(request).await
}

/// Sends a plain GET on a connection of its own.
pub async fn get(address: SocketAddr, path: &str) -> Answer {
    ask(
        address,
        format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n"),
    )
    .await
}
