//! Fields as they stand in JSON: types, hex, byte orders, bounds. Each fault names the method and the field.

use bitcoin::hex::FromHex as _;
use miner_core::{Extranonce, VersionMask};
use serde_json::{Map, Number, Value};

use super::MessageError;

/// The longest name or text that is kept: job and session ids, workers, messages. In bytes.
pub(super) const MAX_TEXT: usize = 256;
/// The longest extranonce2, in bytes.
const MAX_EXTRANONCE2: u64 = 16;

/// The positional parameters of one call, or of a result that is a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Params<'a> {
    method: &'static str,
    list: &'a [Value],
}

/// One field; a missing one has the value null.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    method: &'static str,
    name: &'static str,
    value: &'a Value,
}

impl<'a> Params<'a> {
    /// The parameters of a call; none at all are an empty list.
    pub(super) fn of(method: &'static str, params: &'a Value) -> Result<Self, MessageError> {
        Field::new(method, "params", params).params()
    }

    pub(super) fn at(&self, index: usize, name: &'static str) -> Field<'a> {
        Field::new(self.method, name, self.list.get(index).unwrap_or(&Value::Null))
    }
}

impl<'a> Field<'a> {
    pub(super) fn new(method: &'static str, name: &'static str, value: &'a Value) -> Self {
        Self { method, name, value }
    }

    /// The field of this name in an object, which may itself be missing.
    pub(super) fn of(
        method: &'static str,
        object: Option<&'a Map<String, Value>>,
        name: &'static str,
    ) -> Self {
        Self::new(method, name, object.and_then(|object| object.get(name)).unwrap_or(&Value::Null))
    }

    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    /// `None` where it is missing or null.
    pub(super) fn optional(self) -> Option<Self> {
        (!self.value.is_null()).then_some(self)
    }

    pub(super) fn fault(&self, fault: impl Into<String>) -> MessageError {
        MessageError::Field { method: self.method, field: self.name, fault: fault.into() }
    }

    /// It is missing, or of another type.
    pub(super) fn not(&self, expected: &str) -> MessageError {
        let found = match self.value {
            Value::Null => return self.fault("is missing"),
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.fault(format!("is {found}, not {expected}"))
    }

    /// A list that may be missing.
    pub(super) fn params(&self) -> Result<Params<'a>, MessageError> {
        let list = self.optional().map_or(Ok(&[][..]), |field| field.list())?;
        Ok(Params { method: self.method, list })
    }

    pub(super) fn list(&self) -> Result<&'a [Value], MessageError> {
        self.value.as_array().map(Vec::as_slice).ok_or_else(|| self.not("a list"))
    }

    pub(super) fn object(&self) -> Result<&'a Map<String, Value>, MessageError> {
        self.value.as_object().ok_or_else(|| self.not("an object"))
    }

    pub(super) fn text(&self) -> Result<&'a str, MessageError> {
        self.value.as_str().ok_or_else(|| self.not("a string"))
    }

    /// A name that must be kept verbatim, and so must be short.
    pub(super) fn name(&self) -> Result<String, MessageError> {
        let text = self.text()?;
        if text.len() > MAX_TEXT {
            return Err(self.fault(format!("has {} bytes, more than {MAX_TEXT}", text.len())));
        }
        Ok(text.to_owned())
    }

    /// An id of the peer's, which is sent back.
    pub(super) fn id(&self) -> Result<String, MessageError> {
        let id = self.name()?;
        if !is_id(&id) {
            return Err(self.fault("holds control characters"));
        }
        Ok(id)
    }

    pub(super) fn flag(&self) -> Result<bool, MessageError> {
        self.value.as_bool().ok_or_else(|| self.not("a boolean"))
    }

    /// A whole number up to `max`, also as a string in this base.
    pub(super) fn whole(&self, max: u64, base: u32) -> Result<u64, MessageError> {
        let number = match self.value {
            Value::Number(number) => number.as_u64(),
            Value::String(digits) => digits_only(digits, base),
            _ => return Err(self.not("a whole number")),
        };
        number
            .filter(|number| *number <= max)
            .ok_or_else(|| self.fault(format!("is no whole number from 0 to {max}")))
    }

    /// A difficulty: a positive, finite number, never a string.
    pub(super) fn difficulty(&self) -> Result<f64, MessageError> {
        let difficulty = self.value.as_f64().ok_or_else(|| self.not("a number"))?;
        if !(difficulty.is_finite() && difficulty > 0.0) {
            return Err(self.fault(format!("is {difficulty:?}, not positive and finite")));
        }
        Ok(difficulty)
    }

    /// A big-endian u32 in hex: 8 digits, or fewer from those who do not pad.
    pub(super) fn word(&self) -> Result<u32, MessageError> {
        let digits = self.text()?;
        digits_only(digits, 16)
            .filter(|_| digits.len() <= 8)
            .and_then(|word| u32::try_from(word).ok())
            .ok_or_else(|| self.fault("is not 1 to 8 hex digits"))
    }

    pub(super) fn mask(&self) -> Result<VersionMask, MessageError> {
        self.word().map(VersionMask::new)
    }

    /// At most `max` bytes, in hex.
    pub(super) fn bytes(&self, max: usize) -> Result<Vec<u8>, MessageError> {
        let digits = self.text()?;
        if digits.len().div_ceil(2) > max {
            return Err(self.fault(format!("has more than {max} bytes")));
        }
        Vec::from_hex(digits).map_err(|_| self.fault("is not bytes in hex"))
    }

    /// Exactly 32 bytes, in hex.
    pub(super) fn hash(&self) -> Result<[u8; 32], MessageError> {
        <[u8; 32]>::from_hex(self.text()?).map_err(|_| self.fault("is not 64 hex digits"))
    }

    pub(super) fn extranonce(&self) -> Result<Extranonce, MessageError> {
        let bytes = self.bytes(miner_core::extranonce::MAX_SIZE)?;
        Extranonce::try_from(&bytes[..]).map_err(|error| self.fault(error.to_string()))
    }

    pub(super) fn extranonce2_size(&self) -> Result<u8, MessageError> {
        let size = self.whole(MAX_EXTRANONCE2, 10)?;
        u8::try_from(size).map_err(|error| self.fault(error.to_string()))
    }
}

/// Whether a text can be an id: short, and without control characters, which are several times as long when they are
/// sent back in JSON.
pub(super) fn is_id(text: &str) -> bool {
    text.len() <= MAX_TEXT && !text.chars().any(char::is_control)
}

/// Digits alone: no sign, no prefix, no space.
fn digits_only(digits: &str, base: u32) -> Option<u64> {
    let bare = digits.chars().all(|digit| digit.is_digit(base));
    bare.then(|| u64::from_str_radix(digits, base).ok()).flatten()
}

/// A u32 as it is written: 8 hex digits, big-endian.
pub(super) fn word(word: u32) -> Value {
    format!("{word:08x}").into()
}

/// A difficulty as it is written: a whole one without a fraction, which the simplest of peers can read.
pub(super) fn difficulty(difficulty: f64) -> Value {
    difficulty.to_string().parse::<Number>().map_or(Value::Null, Value::Number)
}

/// A text for people: control characters stripped, those of Unicode's that reorder or hide text among them, at
/// most [`MAX_TEXT`] bytes.
pub(super) fn readable(text: &str) -> String {
    let is_shown = |char: &char| {
        !char.is_control()
            && !matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let mut readable = String::new();
    for char in text.chars().filter(is_shown) {
        if readable.len() + char.len_utf8() > MAX_TEXT {
            break;
        }
        readable.push(char);
    }
    readable
}
