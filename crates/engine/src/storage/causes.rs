//! The chain of causes below an error, however many others wrap it.

use std::error::Error;
use std::io;

/// Iterates over an error and its causes. An I/O error that wraps another error does not return it as its source.
pub(crate) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| below(*error))
}

fn below<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    if let Some(wrapped) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        return Some(wrapped);
    }
    if let Some(boxed) = error.downcast_ref::<Box<object_store::Error>>() {
        return Some(boxed.as_ref());
    }
    error.source()
}
