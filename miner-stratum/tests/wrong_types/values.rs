//! The wrong values, and which of them are right for what kind of field.

use serde_json::{Value, json};

/// What stands in a field's place. That it is missing is the same as null, and tested as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    Null,
    False,
    True,
    Number,
    Negative,
    Fraction,
    /// A whole number of 64 bits.
    Large,
    /// A number beyond 64 bits.
    Huge,
    EmptyString,
    /// A string of decimal digits.
    Digits,
    NonHex,
    OddHex,
    /// Hex that no field has room for.
    OverLong,
    EmptyArray,
    Array,
    EmptyObject,
    Object,
    Nested,
}
use Wrong::*;

pub(crate) const ALL: [Wrong; 18] = [
    Null,
    False,
    True,
    Number,
    Negative,
    Fraction,
    Large,
    Huge,
    EmptyString,
    Digits,
    NonHex,
    OddHex,
    OverLong,
    EmptyArray,
    Array,
    EmptyObject,
    Object,
    Nested,
];

impl Wrong {
    pub(crate) fn value(self) -> Value {
        match self {
            Null => Value::Null,
            False => json!(false),
            True => json!(true),
            Number => json!(7),
            Negative => json!(-1),
            Fraction => json!(1.5),
            Large => json!(u64::MAX),
            Huge => json!(1e300),
            EmptyString => json!(""),
            Digits => json!("12"),
            NonHex => json!("x y"),
            OddHex => json!("abc"),
            OverLong => json!("ab".repeat(100_000)),
            EmptyArray => json!([]),
            Array => json!([true]),
            EmptyObject => json!({}),
            Object => json!({"a": 1}),
            Nested => json!([[[[{"a": [[]]}]]]]),
        }
    }
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// A string to be kept verbatim, of at most 256 bytes.
    Name,
    /// Any string: it is cut, or not kept.
    Text,
    /// Anything: at worst a name that nobody has.
    Anything,
    /// 1 to 8 hex digits.
    Word,
    /// Some bytes in hex.
    Bytes,
    /// 32 bytes in hex.
    Hash,
    /// A small whole number, also as a string.
    Count,
    /// A whole number, also as a string.
    Seconds,
    /// A positive number, never a string.
    Difficulty,
    Flag,
    /// A list of hashes.
    Branch,
    /// A list of names, of which the unknown do not matter, whatever they are.
    Extensions,
    /// An object, of which unknown keys do not matter.
    Options,
    /// A list, whose members are fields themselves.
    List,
    /// Anything but `true` grants nothing.
    Grant,
    /// Whatever stands there, at worst there is no session to resume.
    Subscriptions,
}

impl Kind {
    pub(crate) fn allows(self, value: Wrong) -> bool {
        match self {
            Self::Name => matches!(value, EmptyString | Digits | NonHex | OddHex),
            Self::Text => matches!(value, EmptyString | Digits | NonHex | OddHex | OverLong),
            Self::Anything => true,
            Self::Word => matches!(value, Digits | OddHex),
            Self::Bytes => matches!(value, EmptyString | Digits),
            Self::Count => matches!(value, Number | Digits),
            Self::Seconds => matches!(value, Number | Large | Digits),
            Self::Difficulty => matches!(value, Number | Fraction | Large | Huge),
            Self::Flag => matches!(value, False | True),
            Self::Branch => matches!(value, EmptyArray),
            Self::Extensions => matches!(value, EmptyArray | Array | Nested),
            Self::Options => matches!(value, EmptyObject | Object),
            Self::Hash | Self::List => false,
            Self::Grant | Self::Subscriptions => true,
        }
    }
}
