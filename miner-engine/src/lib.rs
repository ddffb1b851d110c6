//! Keeps mining backends busy, verifies what they find and meters them
#![forbid(unsafe_code)]
