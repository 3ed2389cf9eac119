//! Just enough HTTP/1.1.

use std::fmt;
use std::future::pending;
use std::io;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::Script;
use super::answer::{Answer, Ending};

/// One request as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    /// `GET`, `POST`.
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// The query without its question mark.
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Received {
    /// The first header of that lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Received {
    // SECURITY: its headers hold a bearer, and its body a statement.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Received({} {} …)", self.method, self.path)
    }
}

/// Serves one connection until it ends.
pub(super) async fn serve(connection: TcpStream, script: Arc<Script>) {
    let mut connection = BufReader::new(connection);
    while let Ok(Some(request)) = receive(&mut connection).await {
        let answer = script.answer(request);
        if !matches!(send(&mut connection, &answer).await, Ok(true)) {
            return;
        }
    }
}

async fn receive(connection: &mut BufReader<TcpStream>) -> io::Result<Option<Received>> {
    let mut line = String::new();
    if connection.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_ascii_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Received {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).await?;
        let Some((name, value)) = line.split_once(':') else { break };
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    request.body = vec![0; length];
    connection.read_exact(&mut request.body).await?;
    Ok(Some(request))
}

/// Answers; whether the connection goes on.
async fn send(connection: &mut BufReader<TcpStream>, answer: &Answer) -> io::Result<bool> {
    sleep(answer.delay).await;
    let sent = match answer.ending {
        Ending::Dropped => return Ok(false),
        Ending::Silent => return wait_for_close(connection).await,
        Ending::Whole => answer.body.len(),
        Ending::CutAfter(bytes) | Ending::StallAfter(bytes) => bytes.min(answer.body.len()),
    };
    let mut head =
        format!("HTTP/1.1 {} Scripted\r\nContent-Length: {}\r\n", answer.status, answer.body.len());
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend(answer.body.iter().take(sent));
    connection.get_mut().write_all(&bytes).await?;
    connection.get_mut().flush().await?;
    match answer.ending {
        Ending::Whole => Ok(true),
        Ending::StallAfter(_) => wait_for_close(connection).await,
        Ending::CutAfter(_) | Ending::Dropped | Ending::Silent => Ok(false),
    }
}

/// Says nothing until the other side has gone.
async fn wait_for_close(connection: &mut BufReader<TcpStream>) -> io::Result<bool> {
    if connection.read_u8().await.is_ok() {
        pending::<()>().await;
    }
    Ok(false)
}
