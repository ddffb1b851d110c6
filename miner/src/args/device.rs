//! What `--device` may say.

use std::str::FromStr;

/// What to mine with, as typed: one or several, by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeviceList(pub(crate) Vec<Device>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Device {
    /// The CPU, and the hardware GPUs that there are.
    All,
    Cpu,
    /// Hardware GPUs, or else software ones.
    Gpu,
    /// GPUs with this in their name, in lower case.
    Named(String),
}

impl FromStr for DeviceList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(|name| Device::named(name.trim())).collect::<Result<_, _>>().map(Self)
    }
}

impl Device {
    fn named(name: &str) -> Result<Self, String> {
        Ok(match name.to_lowercase().as_str() {
            "" => return Err("it names no device: cpu, gpu, all, or part of a GPU's name".to_owned()),
            "all" => Self::All,
            "cpu" => Self::Cpu,
            "gpu" => Self::Gpu,
            name => Self::Named(name.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_words_or_names() {
        let list = |text: &str| text.parse::<DeviceList>().map(|list| list.0);
        assert_eq!(list("all"), Ok(vec![Device::All]));
        assert_eq!(list("CPU, gpu"), Ok(vec![Device::Cpu, Device::Gpu]));
        assert_eq!(
            list("RTX 4090,llvmpipe"),
            Ok(["rtx 4090", "llvmpipe"].map(|name| Device::Named(name.into())).to_vec())
        );
        for bad in ["", " ", "cpu,", ",gpu"] {
            assert!(list(bad).is_err(), "{bad}");
        }
    }
}
