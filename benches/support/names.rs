//! Keys: upstreams' names.

/// `api-00000.internal:443` and so on.
pub fn upstreams(count: usize) -> Vec<String> {
    (0..count)
        .map(|i| format!("api-{i:05}.internal:443"))
        .collect()
}
