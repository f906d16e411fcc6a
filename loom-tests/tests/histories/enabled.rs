//! Fails a run that is built without the steps, which would pass.

#[test]
#[cfg_attr(
    not(breakerbox_steps),
    ignore = "build with `cargo xtask histories`, or `pairs`"
)]
#[allow(
    clippy::assertions_on_constants,
    reason = "how it was built is the question"
)]
fn steps_are_built() {
    assert!(
        cfg!(breakerbox_steps),
        "without --cfg breakerbox_steps nothing can be put between two steps"
    );
}
