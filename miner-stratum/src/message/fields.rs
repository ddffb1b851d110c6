//! Fields as they stand in JSON: hex, byte orders, bounds.
