//! Decompresses a file that was sent with `Content-Encoding: gzip`. Microsoft's store always sends files so, whether or not the client asks for it.

use std::io::Write as _;
use std::pin::Pin;

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use futures::stream::try_unfold;
use futures::{Stream, TryStreamExt as _};

use crate::error::ClientError;

/// The bytes that are decompressed at once; they can become a thousand times as many.
const PART: usize = 4 << 10;

struct Unpacking {
    pieces: Pin<Box<dyn Stream<Item = Result<Bytes, ClientError>> + Send>>,
    decoder: MultiGzDecoder<Vec<u8>>,
    waiting: Bytes,
    over: bool,
}

/// `failed` makes the error for content that cannot be decompressed or that ends too early.
pub(crate) fn unzipped(
    pieces: impl Stream<Item = Result<Bytes, ClientError>> + Send + 'static,
    failed: impl Fn(std::io::Error) -> ClientError + Clone + Send + 'static,
) -> impl Stream<Item = Result<Bytes, ClientError>> + Send {
    let start = Unpacking { pieces: Box::pin(pieces), decoder: MultiGzDecoder::new(Vec::new()), waiting: Bytes::new(), over: false };
    try_unfold(start, move |mut state| {
        let failed = failed.clone();
        async move {
            while !state.over {
                if state.waiting.is_empty() {
                    match state.pieces.try_next().await? {
                        Some(piece) => state.waiting = piece,
                        None => {
                            state.over = true;
                            state.decoder.try_finish().map_err(&failed)?;
                        }
                    }
                }
                let part = state.waiting.split_to(state.waiting.len().min(PART));
                state.decoder.write_all(&part).map_err(&failed)?;
                let unpacked = std::mem::take(state.decoder.get_mut());
                if !unpacked.is_empty() {
                    return Ok(Some((Bytes::from(unpacked), state)));
                }
            }
            Ok(None)
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn zipped(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    async fn read(bytes: &[u8], piece: usize) -> Result<Vec<u8>, ClientError> {
        let pieces: Vec<_> = bytes.chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let failed = |error: std::io::Error| ClientError::Settings(error.to_string());
        let unpacked: Vec<Bytes> = unzipped(futures::stream::iter(pieces), failed).try_collect().await?;
        Ok(unpacked.concat())
    }

    #[tokio::test]
    async fn a_file_comes_as_it_was_written() {
        let text: Vec<u8> = (0..100_000_u32).flat_map(|number| format!("{number}\n").into_bytes()).collect();
        let once = zipped(&text);
        for piece in [1_000, 7_777, once.len()] {
            assert_eq!(read(&once, piece).await.unwrap(), text, "{piece}");
        }
        // Several members in a row are one file; an empty member is empty.
        let twice = [once.clone(), zipped(b"more")].concat();
        assert_eq!(read(&twice, 4_096).await.unwrap(), [text.as_slice(), b"more"].concat());
        assert_eq!(read(&zipped(b""), 1).await.unwrap(), b"");
        for broken in [&once[..once.len() - 1], &once[..once.len() / 2], b"no gzip at all"] {
            assert!(read(broken, 4_096).await.is_err());
        }
    }
}
