//! Where all random choices of a test come from.

use fastrand::Rng;
use futures_util::future::join_all;

/// The variable that repeats a run.
const VARIABLE: &str = "FAULT_SEED";

/// The random choices of a test: new ones each time, printed, and repeated by `FAULT_SEED=<number>`.
pub(crate) fn rng(test: &str) -> Rng {
    let seed = match std::env::var(VARIABLE) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{VARIABLE}={text} is no number")),
        Err(_) => fastrand::u64(..),
    };
    println!("{test}: {VARIABLE}={seed}");
    Rng::with_seed(seed)
}

/// Runs a test for each row, all at once: most of each is waiting.
pub(crate) async fn each<T>(
    rows: impl IntoIterator<Item = T>,
    rng: &mut Rng,
    test: impl AsyncFn(T, &mut Rng),
) {
    let test = &test;
    let runs = rows.into_iter().map(|row| (row, rng.fork()));
    join_all(runs.map(async |(row, mut rng)| test(row, &mut rng).await)).await;
}
