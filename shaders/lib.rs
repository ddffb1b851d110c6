//! The compute shader that scans headers, as WGSL source. Knows no device.
//!
//! A shader is `scan.wgsl` followed by one file with the body of its addition.
#![forbid(unsafe_code)]

/// How the shader adds. Which is fastest depends on the chip and its compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Addition {
    /// `a + b`.
    Plain,
    /// `a * one + b`, on the integer multiply-add pipe of NVIDIA's chips.
    Imad,
}

impl Addition {
    /// Every way to add.
    pub const ALL: [Self; 2] = [Self::Plain, Self::Imad];

    /// Its name: `plain`, `imad`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Imad => "imad",
        }
    }

    /// The one of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|addition| addition.name() == name)
    }

    fn source(self) -> &'static str {
        match self {
            Self::Plain => include_str!("add_plain.wgsl"),
            Self::Imad => include_str!("add_imad.wgsl"),
        }
    }
}

/// The shader `scan`, with this addition. Its workgroup size is the constant `workgroup_size`.
pub fn scan(addition: Addition) -> String {
    [include_str!("scan.wgsl"), addition.source()].join("\n")
}

#[cfg(test)]
mod tests;
