//! A stream whose peer must take what is sent to it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// A peer that takes at least so many bytes is not one that stands still.
const ENOUGH: usize = 64 * 1024;

/// A stream that fails when its peer leaves what is sent unread: within `patience` of the first byte that could not be
/// sent, either everything or a fair amount must have gone.
pub struct Moving<S> {
    stream: S,
    patience: Duration,
    /// Bytes sent since the wait began.
    sent: usize,
    wait: Option<Pin<Box<Sleep>>>,
}

impl<S> Moving<S> {
    /// The stream, with so much patience.
    pub fn new(stream: S, patience: Duration) -> Self {
        Self { stream, patience, sent: 0, wait: None }
    }

    fn watch(&mut self, context: &mut Context<'_>, sent: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match sent {
            Poll::Ready(Ok(bytes)) => {
                self.sent = self.sent.saturating_add(bytes);
                if self.sent >= ENOUGH {
                    self.moved();
                }
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let patience = self.patience;
                let wait = self.wait.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
                match wait.as_mut().poll(context) {
                    Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }

    fn moved(&mut self) {
        self.sent = 0;
        self.wait = None;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Moving<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Moving<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let moving = self.get_mut();
        let sent = Pin::new(&mut moving.stream).poll_write(context, bytes);
        moving.watch(context, sent)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let moving = self.get_mut();
        let sent = Pin::new(&mut moving.stream).poll_write_vectored(context, slices);
        moving.watch(context, sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Whoever flushes has nothing left to send.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let moving = self.get_mut();
        let flushed = Pin::new(&mut moving.stream).poll_flush(context);
        if flushed.is_ready() {
            moving.moved();
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(100);

    #[tokio::test]
    async fn a_peer_that_reads_nothing_is_given_up_on() {
        let (ours, _theirs) = duplex(1024);
        let mut moving = Moving::new(ours, PATIENCE);
        let error = moving.write_all(&[0; 10_000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_peer_that_trickles_is_given_up_on() {
        let (ours, mut theirs) = duplex(1024);
        let mut moving = Moving::new(ours, PATIENCE);
        let trickling = async {
            let mut byte = [0];
            while theirs.read_exact(&mut byte).await.is_ok() {
                tokio::time::sleep(PATIENCE / 20).await;
            }
        };
        tokio::select! {
            sent = moving.write_all(&[0; 10_000]) => assert!(sent.is_err()),
            () = trickling => panic!("the stream was never broken off"),
        }
    }

    #[tokio::test]
    async fn a_peer_that_reads_fairly_is_served_however_long_it_takes() {
        let (ours, mut theirs) = duplex(ENOUGH);
        let mut moving = Moving::new(ours, PATIENCE);
        let reading = tokio::spawn(async move {
            let mut buffer = vec![0; ENOUGH];
            let mut read = 0;
            while read < 10 * ENOUGH {
                theirs.read_exact(&mut buffer).await.unwrap();
                read += ENOUGH;
                tokio::time::sleep(PATIENCE / 4).await;
            }
            theirs
        });
        moving.write_all(&vec![0; 10 * ENOUGH]).await.unwrap();
        moving.flush().await.unwrap();
        let _open = reading.await.unwrap();
        tokio::time::sleep(PATIENCE * 2).await;
        moving.write_all(&[0; 10]).await.unwrap();
    }
}
