//! Fails a run that is built without the models, which would pass.

#[test]
#[cfg_attr(not(breakerbox_loom), ignore = "build with `cargo xtask loom`")]
#[allow(
    clippy::assertions_on_constants,
    reason = "how it was built is the question"
)]
fn models_are_built() {
    assert!(
        cfg!(breakerbox_loom),
        "without --cfg breakerbox_loom there are no models"
    );
    assert!(cfg!(debug_assertions), "models need debug assertions");
}
