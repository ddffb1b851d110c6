//! What a session costs.

use miner_stratum::session::{Limits, serve};

use crate::pool::TestPool;

#[tokio::test]
async fn a_session_is_small() {
    let (_, there) = tokio::io::duplex(64);
    let session = serve(there, None, TestPool::new(), Limits::default(), std::future::pending());
    let size = std::mem::size_of_val(&session);
    println!("{size} bytes of state a session");
    assert!(size <= 2048, "{size} bytes");
}
