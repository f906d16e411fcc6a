//! Keys in a file, of any type that reads itself from text or a number.

use serde::de::value::StrDeserializer;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// A key, and its text for messages.
pub(super) struct Key<K> {
    pub(super) key: K,
    pub(super) text: String,
}

impl<'de, K: Deserialize<'de>> Deserialize<'de> for Key<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeyVisitor(PhantomData))
    }
}

struct KeyVisitor<K>(PhantomData<K>);

impl<'de, K: Deserialize<'de>> Visitor<'de> for KeyVisitor<K> {
    type Value = Key<K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Key<K>, E> {
        let key = K::deserialize(Text(text, PhantomData))?;
        let text = text.to_owned();
        Ok(Key { key, text })
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Key<K>, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Key<K>, E> {
        self.visit_str(&number.to_string())
    }
}

/// The text of a key, which formats write even where the key is a number.
struct Text<'a, E>(&'a str, PhantomData<E>);

macro_rules! parsed {
    ($($name:ident $visit:ident $ty:ty,)*) => {$(
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
            match self.0.parse::<$ty>() {
                Ok(value) => visitor.$visit(value),
                Err(_) => Err(E::invalid_value(de::Unexpected::Str(self.0), &visitor)),
            }
        }
    )*};
}

impl<'de, E: de::Error> Deserializer<'de> for Text<'_, E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_str(self.0)
    }

    parsed! {
        deserialize_bool visit_bool bool,
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_i128 visit_i128 i128,
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
        deserialize_u128 visit_u128 u128,
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, E> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, E> {
        StrDeserializer::new(self.0).deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map
        struct identifier ignored_any
    }
}

/// Returns the function that gives a key's text, if the type is one of the standard
/// library's texts.
pub(super) fn text_of<K: 'static>() -> Option<fn(&K) -> &str> {
    let known: [&dyn Any; 4] = [
        &(String::as_str as fn(&String) -> &str),
        &(AsRef::as_ref as fn(&Box<str>) -> &str),
        &(AsRef::as_ref as fn(&Arc<str>) -> &str),
        &(AsRef::as_ref as for<'a> fn(&'a &'static str) -> &'a str),
    ];
    known.iter().find_map(|text| text.downcast_ref().copied())
}
