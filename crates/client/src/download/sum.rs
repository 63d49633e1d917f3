//! The SHA-256 of a download, beside the one that the server gave.

use aws_lc_rs::digest::{Context, SHA256};

use crate::error::ClientError;

pub(crate) struct Sum {
    context: Context,
    expected: Vec<u8>,
}

impl Sum {
    /// None if the text is no SHA-256 in hexadecimal digits.
    pub fn expected(text: &str) -> Option<Sum> {
        let expected = hex::decode(text.trim()).ok().filter(|bytes| bytes.len() == SHA256.output_len())?;
        Some(Sum { context: Context::new(&SHA256), expected })
    }

    pub fn add(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    pub fn compare(self) -> Result<(), ClientError> {
        let found = self.context.finish();
        if found.as_ref() == self.expected {
            return Ok(());
        }
        Err(ClientError::Damaged { expected: hex::encode(&self.expected), found: hex::encode(found) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_compared_with_the_sum_that_was_given() {
        // The published one of "abc".
        let abc = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
        let mut sum = Sum::expected(abc).unwrap();
        sum.add(b"a");
        sum.add(b"bc");
        assert!(sum.compare().is_ok());
        let mut other = Sum::expected(abc).unwrap();
        other.add(b"abd");
        assert!(matches!(other.compare(), Err(ClientError::Damaged { expected, .. }) if expected == abc.to_lowercase()));
        assert!(Sum::expected("ba78").is_none() && Sum::expected("").is_none() && Sum::expected(&"g".repeat(64)).is_none());
    }
}
