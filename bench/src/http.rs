//! As much of HTTP/1.1 as a measurement needs: keep-alive connections and bodies of a told length. It is our own because the generator
//! shares the processors with what it measures, and a full client costs as much as the gateway's whole answer.

use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The largest head and the largest body that are read.
const HEAD_LIMIT: usize = 16 << 10;
const BODY_LIMIT: usize = 4 << 20;
const CHUNK: usize = 8 << 10;

/// One connection, and what was read from it beyond the last message.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// How much of the buffer is the message that is being looked at.
    taken: usize,
}

/// A message: its first line and its body, in the connection's buffer.
#[derive(Debug)]
pub struct Message<'a> {
    /// `HTTP/1.1 200 OK`, or `POST /v1/… HTTP/1.1`.
    pub first_line: &'a str,
    /// The body; empty where none was told of.
    pub body: &'a [u8],
}

impl Message<'_> {
    /// The status of an answer; 0 where it is none.
    pub fn status(&self) -> u16 {
        self.first_line.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }
}

impl Connection {
    /// Connects to `host:port`.
    pub async fn open(address: &str) -> io::Result<Self> {
        Ok(Self::over(TcpStream::connect(address).await?))
    }

    /// Over a connection that stands.
    pub fn over(stream: TcpStream) -> Self {
        // Every message is whole when it is written.
        let _ = stream.set_nodelay(true);
        Self { stream, buffer: Vec::with_capacity(CHUNK), taken: 0 }
    }

    /// Writes a whole message.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Sends a request and reads its answer.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<Message<'_>> {
        self.write(request).await?;
        match self.read().await? {
            Some(answer) => Ok(answer),
            None => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed")),
        }
    }

    /// The next message; none where the other side has closed.
    pub async fn read(&mut self) -> io::Result<Option<Message<'_>>> {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        let (head, length) = loop {
            if let Some(end) = end_of_head(&self.buffer) {
                break (end, body_length(&self.buffer[..end])?);
            }
            if self.buffer.len() > HEAD_LIMIT {
                return Err(invalid("a head without an end"));
            }
            if self.fill().await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(invalid("half a head")) };
            }
        };
        while self.buffer.len() < head + length {
            if self.fill().await? == 0 {
                return Err(invalid("half a body"));
            }
        }
        self.taken = head + length;
        let line = self.buffer[..head].split(|byte| *byte == b'\r').next().unwrap_or_default();
        let first_line = std::str::from_utf8(line).map_err(|_| invalid("a first line that is no text"))?;
        Ok(Some(Message { first_line, body: &self.buffer[head..self.taken] }))
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.buffer.reserve(CHUNK);
        self.stream.read_buf(&mut self.buffer).await
    }
}

/// Where the body begins.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// The told length of the body. A body of unknown length is not understood here.
fn body_length(head: &[u8]) -> io::Result<usize> {
    let text = std::str::from_utf8(head).map_err(|_| invalid("a head that is no text"))?;
    for line in text.split("\r\n").skip(1) {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            let length = value.trim().parse().map_err(|_| invalid("a length that is no number"))?;
            return if length <= BODY_LIMIT { Ok(length) } else { Err(invalid("a body that is too long")) };
        }
        if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(invalid("a body in chunks"));
        }
    }
    Ok(0)
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn pair() -> (Connection, Connection) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let (there, here) = tokio::join!(Connection::open(&address), listener.accept());
        (there.expect("connected"), Connection::over(here.expect("accepted").0))
    }

    #[tokio::test]
    async fn messages_that_come_together_are_read_one_by_one() {
        let (mut there, mut here) = pair().await;
        there.write(b"HTTP/1.1 201 Created\r\ncontent-length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\n\r\n").await.expect("written");
        let first = here.read().await.expect("read").expect("there");
        assert_eq!((first.status(), first.body), (201, b"abc".as_slice()));
        let second = here.read().await.expect("read").expect("there");
        assert_eq!((second.status(), second.body), (200, b"".as_slice()));
        drop(there);
        assert!(here.read().await.expect("closed in peace").is_none());
    }

    #[tokio::test]
    async fn half_a_message_and_chunks_are_refused() {
        for bytes in [
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc".as_slice(),
            b"HTTP/1.1 2",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            let (mut there, mut here) = pair().await;
            there.write(bytes).await.expect("written");
            drop(there);
            assert!(here.read().await.is_err());
        }
    }
}
