//! `breakerbox-gateway`: a reverse proxy whose routes are guarded by circuits.

fn main() {}
