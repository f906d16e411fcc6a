//! Callers: kept connections, and the time that one call on them takes.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection that speaks just enough HTTP/1.1 for answers with a length.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// One call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) status: u16,
    pub(crate) took: Duration,
}

/// Returns a GET of `path`.
pub(crate) fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: gateway\r\n\r\n")
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(4096),
        })
    }

    /// Sends a request and reads its whole answer.
    pub(crate) async fn call(&mut self, request: &str) -> io::Result<Call> {
        let begun = Instant::now();
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        let mut expected = None;
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if expected.is_none() {
                expected = header(&self.buffer)?;
            }
            if let Some((status, length)) = expected
                && self.buffer.len() >= length
            {
                return Ok(Call {
                    status,
                    took: begun.elapsed(),
                });
            }
        }
    }
}

/// Returns the status and the length of an answer, its header included, once the header is there.
fn header(bytes: &[u8]) -> io::Result<Option<(u16, usize)>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let parsed = || {
        let text = str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = text.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let length: usize = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?
            .1
            .trim()
            .parse()
            .ok()?;
        Some((status, end + 4 + length))
    };
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "an answer without a length");
    parsed().map(Some).ok_or_else(wrong)
}
