//! Choices made by bytes, so that properties and fuzz targets generate from the same definition.

/// A source of choices. Each choice takes a byte or more, in order.
pub struct Choices<'a> {
    byte: &'a mut dyn FnMut() -> u8,
    few: bool,
}

impl<'a> Choices<'a> {
    /// Returns a source for properties, which chooses among few values, so that they coincide.
    pub fn few(byte: &'a mut dyn FnMut() -> u8) -> Self {
        Choices { byte, few: true }
    }

    /// Returns a source for fuzz targets, which chooses among many values.
    pub fn many(byte: &'a mut dyn FnMut() -> u8) -> Self {
        Choices { byte, few: false }
    }

    /// Returns one of `few` (the first is the simplest) for properties, and the result of `many`
    /// for fuzz targets.
    pub fn pick<T: Copy>(&mut self, few: &[T], many: impl FnOnce(&mut Self) -> T) -> T {
        if self.few {
            few[usize::from((self.byte)()) % few.len()]
        } else {
            many(self)
        }
    }

    pub fn flag(&mut self) -> bool {
        (self.byte)() & 1 == 1
    }

    /// Returns 0 to `most`, which is at most 255.
    pub fn up_to(&mut self, most: u64) -> u64 {
        u64::from((self.byte)()) % (most + 1)
    }
}
