//! What mining means: header, target, merkle root, coinbase, jobs, work units, shares and the backend contract
#![forbid(unsafe_code)]
