//! The connections of `snowgate serve`: bounded in number, in all and for each address, and in how long a client may take
//! to say what it wants and to read what it is told.

mod arriving;
mod moving;
mod peers;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use moving::Moving;
use peers::Peers;

/// How long a client may take to send the head of a request, a kept connection's next one included.
const HEAD: Duration = Duration::from_secs(30);
/// How long a client may take to send the body of a request. What a door says of a slow one comes earlier.
const BODY: Duration = Duration::from_secs(30);
/// Connections at once. Further ones wait in the system's queue.
const MOST: usize = 1024;
/// Connections at once from one address, so that none locks the others out.
const MOST_OF_ONE: usize = 512;
/// How long a client may leave an answer unread.
const UNREAD: Duration = Duration::from_secs(30);
/// How long to wait after the system could not give us a connection: it has too many open files.
const BREATH: Duration = Duration::from_millis(200);

/// How connections are bounded.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How long the head of a request may take.
    pub head: Duration,
    /// How long the body of a request may take.
    pub body: Duration,
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address.
    pub of_one: usize,
    /// How long an answer may stay unread.
    pub unread: Duration,
    /// How long answers that are under way may take after the word to stop.
    pub farewell: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            head: HEAD,
            body: BODY,
            connections: MOST,
            of_one: MOST_OF_ONE,
            unread: UNREAD,
            farewell: Duration::from_secs(10),
        }
    }
}

/// Answers until `stop` is done, then lets answers that are under way end.
pub async fn answer(listener: TcpListener, router: Router, bounds: Bounds, stop: impl Future<Output = ()>) {
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(bounds.head);
    let router = router.layer(from_fn(move |request, next| arriving::in_time(bounds.body, request, next)));
    let connections = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(bounds.connections));
    let peers = Peers::new(bounds.of_one);
    let mut stop = std::pin::pin!(stop);
    loop {
        let next = async {
            // Never closed, so that there is always one to wait for.
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut stop => break,
            next = next => next,
        };
        let Some((stream, address)) = ready(accepted).await else { continue };
        let Some(seat) = peers.seat(address) else {
            tracing::warn!(%address, "a connection was closed: its address has as many as it may");
            continue;
        };
        let stream = Moving::new(stream, bounds.unread);
        let service = TowerToHyperService::new(router.clone());
        let connection = connections.watch(server.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop((place, seat));
        });
    }
    drop(listener);
    // What does not end by itself is closed as lost at the next start, or resumed.
    if tokio::time::timeout(bounds.farewell, connections.shutdown()).await.is_err() {
        tracing::warn!("stopped with answers still under way");
    }
}

/// A connection that is ready to be used; none when there is none after all.
async fn ready(accepted: io::Result<(TcpStream, SocketAddr)>) -> Option<(TcpStream, IpAddr)> {
    match accepted {
        Ok((stream, address)) => {
            // A small answer must not wait for more to send with it.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection keeps Nagle's algorithm");
            }
            Some((stream, address.ip()))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(BREATH).await;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;

    use super::*;

    const QUICK: Bounds = Bounds {
        head: Duration::from_millis(200),
        body: Duration::from_millis(300),
        connections: 4,
        of_one: 4,
        unread: Duration::from_millis(300),
        farewell: Duration::from_secs(5),
    };

    async fn started(router: Router) -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
        started_within(QUICK, router).await
    }

    async fn started_within(
        bounds: Bounds,
        router: Router,
    ) -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(answer(listener, router, bounds, async {
            let _ = stopped.await;
        }));
        (address, stop, serving)
    }

    async fn asked(address: SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn half_open_connections_take_nobodys_place_for_long() {
        let (address, _stop, _) = started(Router::new().route("/", get(async || "here"))).await;
        let mut idle = Vec::new();
        for _ in 0..12 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nho").await.unwrap();
            idle.push(stream);
        }
        let answer = tokio::time::timeout(Duration::from_secs(20), asked(address)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("here"), "{answer}");
        let mut rest = Vec::new();
        idle[0].read_to_end(&mut rest).await.unwrap();
        assert!(!rest.starts_with(b"HTTP/1.1 200"), "the connection is given up on");
    }

    #[tokio::test]
    async fn clients_that_read_nothing_take_nobodys_place_for_long() {
        let router = Router::new()
            .route("/", get(async || "here"))
            .route("/large", get(async || vec![b'x'; 32 * 1024 * 1024]));
        let (address, _stop, _) = started(router).await;
        let mut idle = Vec::new();
        for _ in 0..4 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
            idle.push(stream);
        }
        let answer = async {
            // Until a place is free: its address has as many connections as it may.
            loop {
                let mut stream = TcpStream::connect(address).await.unwrap();
                let mut answer = String::new();
                let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
                let _ = stream.read_to_string(&mut answer).await;
                if !answer.is_empty() {
                    return answer;
                }
            }
        };
        let answer = tokio::time::timeout(Duration::from_secs(20), answer).await.unwrap();
        assert!(answer.ends_with("here"), "{answer}");
    }

    #[tokio::test]
    async fn bodies_that_never_end_take_nobodys_place_for_long() {
        let router =
            Router::new().route("/", get(async || "here").post(async |body: bytes::Bytes| body)).route(
                "/form",
                post(async |form: Result<axum::extract::RawForm, _>| format!("{}", form.is_ok())),
            );
        let (address, _stop, _) = started(router).await;
        let mut slow = Vec::new();
        for path in ["/", "/form", "/", "/form"] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let head = "content-type: application/x-www-form-urlencoded\r\ncontent-length: 1000";
            let begun = format!("POST {path} HTTP/1.1\r\nhost: x\r\n{head}\r\n\r\na");
            stream.write_all(begun.as_bytes()).await.unwrap();
            // And a byte now and then.
            slow.push(tokio::spawn(async move {
                let (mut read, mut write) = stream.into_split();
                let trickling = tokio::spawn(async move {
                    while write.write_all(b"a").await.is_ok() {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                });
                let mut told = Vec::new();
                let _ = read.read_to_end(&mut told).await;
                trickling.abort();
                String::from_utf8(told).unwrap()
            }));
        }
        let answer = tokio::time::timeout(Duration::from_secs(20), asked(address)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("here"), "{answer}");
        for one in slow {
            let told = tokio::time::timeout(Duration::from_secs(20), one).await.unwrap().unwrap();
            assert!(!told.contains("true") && !told.ends_with('a'), "{told}");
        }
    }

    #[tokio::test]
    async fn a_body_that_arrives_in_time_is_read_whole() {
        let router = Router::new().route("/", post(async |body: bytes::Bytes| body));
        let (address, _stop, _) = started(router).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 8\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        for part in [b"in ", b"two ".as_slice(), b"!"] {
            stream.write_all(part).await.unwrap();
            stream.flush().await.unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("in two !"), "{answer}");
    }

    #[tokio::test]
    async fn one_address_leaves_places_for_others() {
        let bounds = Bounds { of_one: 2, head: Duration::from_secs(20), ..QUICK };
        let (address, _stop, _) =
            started_within(bounds, Router::new().route("/", get(async || "here"))).await;
        let held = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
        let mut third = TcpStream::connect(address).await.unwrap();
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(10), third.read_to_end(&mut rest)).await.unwrap();
        assert!(rest.is_empty(), "it is closed at once");
        drop(held);
    }

    #[tokio::test]
    async fn an_answer_under_way_ends_after_the_word_to_stop() {
        let entered = Arc::new(tokio::sync::Notify::new());
        let inside = Arc::clone(&entered);
        let slow = get(move || async move {
            inside.notify_one();
            tokio::time::sleep(Duration::from_millis(300)).await;
            "late"
        });
        let (address, stop, serving) = started(Router::new().route("/", slow)).await;
        let answer = tokio::spawn(asked(address));
        entered.notified().await;
        stop.send(()).unwrap();
        assert!(answer.await.unwrap().ends_with("late"));
        tokio::time::timeout(Duration::from_secs(5), serving).await.unwrap().unwrap();
        assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    }
}
