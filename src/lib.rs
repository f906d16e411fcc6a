//! A lock-free store of circuit breakers, one per key.
