//! The models, one file per family of claims, and the guard that says when they aren't built.

#[cfg(breakerbox_loom)]
mod blind_spot;
#[cfg(breakerbox_loom)]
mod counts;
mod enabled;
#[cfg(breakerbox_loom)]
mod eviction;
#[cfg(breakerbox_loom)]
mod filter;
#[cfg(breakerbox_loom)]
mod forced;
#[cfg(breakerbox_loom)]
mod groups;
#[cfg(breakerbox_loom)]
mod kept;
#[cfg(breakerbox_loom)]
mod known;
#[cfg(breakerbox_loom)]
mod probes;
#[cfg(breakerbox_loom)]
mod quiet;
#[cfg(breakerbox_loom)]
mod removal;
#[cfg(breakerbox_loom)]
mod trip;
#[cfg(breakerbox_loom)]
mod watching;
#[cfg(breakerbox_loom)]
mod windows;
