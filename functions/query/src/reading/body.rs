//! Reading request bodies within bounds.

use std::io::Read;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use flate2::bufread::GzDecoder;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::headers::Encoding;
use super::rejected::Rejected;

/// How long a client may take to send a body.
const PATIENCE: Duration = Duration::from_secs(20);

/// The announced length is within bounds; the real one is checked while reading.
///
/// # Errors
/// [`Rejected::TooLarge`].
pub(crate) fn check_length(headers: &HeaderMap, limit: usize) -> Result<(), Rejected> {
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let limit_wide = u64::try_from(limit).unwrap_or(u64::MAX);
    if announced.is_some_and(|announced| announced > limit_wide) {
        return Err(Rejected::TooLarge { limit });
    }
    Ok(())
}

/// The body, inflated: at most `limit` bytes before and after.
///
/// # Errors
/// [`Rejected`] for more bytes, slow bytes, broken bytes.
pub(crate) async fn read(body: Body, encoding: Encoding, limit: usize) -> Result<Vec<u8>, Rejected> {
    read_within(PATIENCE, body, encoding, limit).await
}

/// Takes what is still sent, up to that many bytes, and keeps nothing of it: who is cut off while sending never reads the answer.
pub(crate) async fn pass_over(body: Body, limit: usize) {
    let passing = async {
        let (mut body, mut left) = (body, limit);
        while let Some(Ok(frame)) = body.frame().await {
            let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { break };
            left = rest;
        }
    };
    // Who sends for longer has no answer.
    drop(tokio::time::timeout(PATIENCE, passing).await);
}

async fn read_within(
    patience: Duration,
    body: Body,
    encoding: Encoding,
    limit: usize,
) -> Result<Vec<u8>, Rejected> {
    let arriving = Limited::new(body, limit).collect();
    let sent = tokio::time::timeout(patience, arriving)
        .await
        .map_err(|_| Rejected::TooSlow)?
        .map_err(|error| {
            if error.is::<LengthLimitError>() { Rejected::TooLarge { limit } } else { Rejected::Unreadable }
        })?
        .to_bytes();
    match encoding {
        Encoding::Identity => Ok(Vec::from(sent)),
        Encoding::Gzip => inflate(&sent, limit),
    }
}

/// Inflates one gzip member with nothing behind it.
fn inflate(sent: &Bytes, limit: usize) -> Result<Vec<u8>, Rejected> {
    if sent.is_empty() {
        return Err(Rejected::Empty);
    }
    let mut decoder = GzDecoder::new(sent.as_ref());
    let mut inflated = Vec::new();
    // One byte more than allowed tells a bomb from a body that fits, and no further byte is made.
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    Read::by_ref(&mut decoder).take(bound).read_to_end(&mut inflated).map_err(|_| Rejected::Unreadable)?;
    if inflated.len() > limit {
        return Err(Rejected::TooLarge { limit });
    }
    if !decoder.into_inner().is_empty() {
        return Err(Rejected::Unreadable);
    }
    Ok(inflated)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    async fn check(sent: Vec<u8>, encoding: Encoding, expected: Result<&[u8], Rejected>) {
        let found = read(Body::from(sent), encoding, 100).await;
        assert_eq!(found.as_deref(), expected.as_ref().map(|bytes| *bytes));
    }

    #[tokio::test]
    async fn a_body_is_read_as_sent_or_inflated() {
        check(b"{}".to_vec(), Encoding::Identity, Ok(b"{}")).await;
        check(gzip(b"{}"), Encoding::Gzip, Ok(b"{}")).await;
        check(gzip(&[b'x'; 100]), Encoding::Gzip, Ok(&[b'x'; 100])).await;
    }

    #[tokio::test]
    async fn a_body_that_outgrows_its_bound_is_refused_before_or_after_inflating() {
        check(vec![b'x'; 101], Encoding::Identity, Err(Rejected::TooLarge { limit: 100 })).await;
        check(gzip(&[b'x'; 101]), Encoding::Gzip, Err(Rejected::TooLarge { limit: 100 })).await;
        check(gzip(&vec![0; 50_000]), Encoding::Gzip, Err(Rejected::TooLarge { limit: 100 })).await;
    }

    #[tokio::test]
    async fn what_is_not_one_gzip_member_is_refused() {
        let good = gzip(b"{}");
        let cut = good[..good.len() - 1].to_vec();
        let mut wrong_sum = good.clone();
        let at = wrong_sum.len() - 6;
        wrong_sum[at] ^= 1;
        let two = [good.as_slice(), good.as_slice()].concat();
        for sent in [cut, wrong_sum, two, b"{}".to_vec()] {
            check(sent, Encoding::Gzip, Err(Rejected::Unreadable)).await;
        }
        check(Vec::new(), Encoding::Gzip, Err(Rejected::Empty)).await;
    }

    #[tokio::test]
    async fn what_is_passed_over_is_taken_up_to_its_bound() {
        for (sent, taken) in [(3, 3), (20, 10)] {
            let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
            let counted = std::sync::Arc::clone(&count);
            let frames = futures::stream::iter((0..sent).map(move |_| {
                counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 11]))
            }));
            pass_over(Body::from_stream(frames), 100).await;
            assert_eq!(count.load(std::sync::atomic::Ordering::Relaxed), taken);
        }
    }

    #[tokio::test]
    async fn a_body_that_trickles_is_given_up() {
        let never = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
        let found = read_within(Duration::from_millis(50), never, Encoding::Identity, 100).await;
        assert_eq!(found, Err(Rejected::TooSlow));
    }
}
