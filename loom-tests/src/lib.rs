//! Support for the models in `tests/`.
