//! Which GPUs `--device` means, of those that there are.

use crate::args::Device;

/// A GPU, as far as the choice goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) name: String,
    /// Whether it is a program that computes on the CPU.
    pub(crate) is_software: bool,
}

/// What was chosen.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Pick {
    /// Places among those that there are, each once.
    pub(crate) places: Vec<usize>,
    pub(crate) warnings: Vec<String>,
}

/// Chooses among the GPUs that there are; `none`: why there are none. An error if what only a GPU could do has none.
pub(crate) fn pick(wanted: &[Device], there: &[Known], none: &str) -> Result<Pick, String> {
    let mut pick = Pick::default();
    for device in wanted {
        match device {
            Device::Cpu => {}
            Device::All => pick.all(there, none),
            Device::Gpu => pick.gpus(there, none)?,
            Device::Named(name) => pick.named(name, there, none)?,
        }
    }
    let mut seen = Vec::new();
    pick.places.retain(|place| {
        !seen.contains(place) && {
            seen.push(*place);
            true
        }
    });
    Ok(pick)
}

impl Pick {
    fn all(&mut self, there: &[Known], none: &str) {
        let places = places(there, |gpu| !gpu.is_software);
        if places.is_empty() {
            self.warnings.push(format!("{}: the CPU mines alone", reason(there, none)));
        }
        self.places.extend(places);
    }

    fn gpus(&mut self, there: &[Known], none: &str) -> Result<(), String> {
        let hardware = places(there, |gpu| !gpu.is_software);
        let (Some(first), true) = (there.first(), hardware.is_empty()) else {
            self.places.extend(&hardware);
            return if hardware.is_empty() { Err(reason(there, none)) } else { Ok(()) };
        };
        self.warnings.push(format!("no hardware GPU was found: {} computes on the CPU", first.name));
        self.places.extend(0..there.len());
        Ok(())
    }

    fn named(&mut self, name: &str, there: &[Known], none: &str) -> Result<(), String> {
        let places = places(there, |gpu| gpu.name.to_lowercase().contains(name));
        if places.is_empty() {
            let names: Vec<&str> = there.iter().map(|gpu| gpu.name.as_str()).collect();
            let there =
                if names.is_empty() { none.to_owned() } else { format!("there are {}", names.join(", ")) };
            return Err(format!("no GPU is called `{name}`: {there}"));
        }
        self.places.extend(places);
        Ok(())
    }
}

fn places(there: &[Known], is_meant: impl Fn(&Known) -> bool) -> Vec<usize> {
    there.iter().enumerate().filter(|(_, gpu)| is_meant(gpu)).map(|(place, _)| place).collect()
}

/// Why there is no hardware GPU.
fn reason(there: &[Known], none: &str) -> String {
    if there.is_empty() { none.to_owned() } else { "no hardware GPU was found".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: &str = "no loader";

    fn picked(wanted: &str, there: &[(&str, bool)]) -> Result<(Vec<usize>, usize), String> {
        let list: crate::args::DeviceList = wanted.parse().unwrap();
        let known = |(name, is_software): &(&str, bool)| Known {
            name: (*name).to_owned(),
            is_software: *is_software,
        };
        let there: Vec<Known> = there.iter().map(known).collect();
        pick(&list.0, &there, NONE).map(|pick| (pick.places, pick.warnings.len()))
    }

    const SOFTWARE: (&str, bool) = ("llvmpipe (LLVM 15)", true);
    const CARD: (&str, bool) = ("NVIDIA H200", false);

    #[test]
    fn all_is_hardware_alone_and_its_lack_a_warning() {
        assert_eq!(picked("all", &[CARD, CARD, SOFTWARE]), Ok((vec![0, 1], 0)));
        assert_eq!(picked("all", &[SOFTWARE]), Ok((vec![], 1)));
        assert_eq!(picked("all", &[]), Ok((vec![], 1)));
        assert_eq!(picked("cpu", &[CARD]), Ok((vec![], 0)));
    }

    #[test]
    fn gpu_falls_back_to_software_with_a_warning_and_never_to_the_cpu() {
        assert_eq!(picked("gpu", &[CARD, SOFTWARE]), Ok((vec![0], 0)));
        assert_eq!(picked("gpu", &[SOFTWARE]), Ok((vec![0], 1)));
        assert_eq!(picked("gpu", &[]), Err(NONE.to_owned()));
        assert_eq!(picked("cpu,gpu", &[]), Err(NONE.to_owned()));
    }

    #[test]
    fn a_name_is_any_part_of_one_in_any_case() {
        assert_eq!(picked("LLVMpipe", &[CARD, SOFTWARE]), Ok((vec![1], 0)));
        assert_eq!(picked("h200,nvidia,all", &[CARD, CARD]), Ok((vec![0, 1], 0)), "each once");
        assert_eq!(
            picked("toaster", &[CARD]).unwrap_err(),
            "no GPU is called `toaster`: there are NVIDIA H200"
        );
        assert_eq!(picked("cpu,toaster", &[]).unwrap_err(), "no GPU is called `toaster`: no loader");
    }
}
