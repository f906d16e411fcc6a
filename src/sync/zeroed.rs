//! Tables of zeroes, of which the system gives memory only to the pages that are touched.
#![allow(unsafe_code)]

/// A type whose zero bytes are its default.
///
/// # Safety
/// All bytes 0 must be a valid value, and equal to the default.
pub(crate) unsafe trait Zero: Default {}

// SAFETY: an atomic has the bytes of its number. (loom's hasn't, but its tables are made of
// defaults.)
unsafe impl Zero for super::atomic::AtomicU64 {}

// SAFETY: it has no bytes.
unsafe impl Zero for () {}

// SAFETY: an array has the bytes of its elements.
unsafe impl<T: Zero, const N: usize> Zero for [T; N] where [T; N]: Default {}

/// Makes a table of `len` defaults.
#[cfg(not(breakerbox_loom))]
pub(crate) fn zeroes<T: Zero>(len: usize) -> Box<[T]> {
    use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
    let Ok(layout) = Layout::array::<T>(len) else {
        unreachable!("a table is far smaller than the address space");
    };
    if layout.size() == 0 {
        return std::iter::repeat_with(T::default).take(len).collect();
    }
    // SAFETY: the layout isn't empty.
    let bytes = unsafe { alloc_zeroed(layout) };
    if bytes.is_null() {
        handle_alloc_error(layout);
    }
    let table = std::ptr::slice_from_raw_parts_mut(bytes.cast::<T>(), len);
    // SAFETY: it was allocated by the global allocator with the layout of `[T; len]`, and its zero
    // bytes are valid values of `T`.
    unsafe { Box::from_raw(table) }
}

/// Makes a table of `len` defaults.
#[cfg(breakerbox_loom)]
pub(crate) fn zeroes<T: Zero>(len: usize) -> Box<[T]> {
    std::iter::repeat_with(T::default).take(len).collect()
}
