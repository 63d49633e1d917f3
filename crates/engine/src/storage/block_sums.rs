//! Checksums of an artifact, block by block, computed while it is written. A reader of any range can verify that it gets what was written.

use aws_lc_rs::digest::{Context, Digest, SHA256};

/// The bytes of a block; the last block of a file has the rest. To read a part of a block, the whole block has to be read and checked. Smaller blocks
/// waste less; larger blocks need fewer checksums.
pub const BLOCK: u64 = 128 << 10;

/// The SHA-256 of one block.
pub type BlockSum = [u8; 32];

/// The checksums, in order, of bytes that begin at a block, however they are cut into chunks.
pub fn block_sums<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<BlockSum> {
    let block = usize::try_from(BLOCK).unwrap_or(usize::MAX);
    let (mut sums, mut sum, mut held) = (Vec::new(), Context::new(&SHA256), 0);
    for mut chunk in chunks {
        while !chunk.is_empty() {
            let (taken, left) = chunk.split_at(chunk.len().min(block - held));
            sum.update(taken);
            (held, chunk) = (held + taken.len(), left);
            if held == block {
                sums.push(bytes(&std::mem::replace(&mut sum, Context::new(&SHA256)).finish()));
                held = 0;
            }
        }
    }
    if held > 0 {
        sums.push(bytes(&sum.finish()));
    }
    sums
}

fn bytes(sum: &Digest) -> BlockSum {
    // The algorithm guarantees this length.
    BlockSum::try_from(sum.as_ref()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use aws_lc_rs::digest::digest;

    use super::*;

    #[test]
    fn each_block_has_its_own_whatever_the_chunks() {
        let block = BLOCK as usize;
        for (length, count) in [(0, 0), (1, 1), (block - 1, 1), (block, 1), (block + 1, 2), (3 * block + 7, 4)] {
            let file: Vec<u8> = (0..length).map(|position| (position % 251) as u8).collect();
            let expected: Vec<BlockSum> = file.chunks(block).map(|part| digest(&SHA256, part).as_ref().try_into().unwrap()).collect();
            assert_eq!(expected.len(), count);
            for chunk in [length.max(1), 1000, block, block / 2 + 1] {
                assert!(block_sums(file.chunks(chunk)) == expected, "{length} by {chunk}");
            }
        }
    }
}
