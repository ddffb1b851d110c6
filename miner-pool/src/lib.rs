//! For pool software: jobs from a node, extranonces, a registry of shares, and a Stratum V1 server
#![forbid(unsafe_code)]
