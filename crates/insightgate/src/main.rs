//! Where the process begins.

use std::process::ExitCode;

/// Gives freed memory back to the system. The C library keeps more of it from hour to hour.
#[cfg(all(feature = "jemalloc", target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    insightgate::start()
}
