//! Scans SHA-256d work units on CPU cores: SIMD kernels with runtime dispatch and a thread pool

