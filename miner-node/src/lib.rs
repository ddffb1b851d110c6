//! A Bitcoin node as a source of work: block templates, submission, a block journal and an embedded regtest chain
#![forbid(unsafe_code)]
