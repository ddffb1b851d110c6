//! A line of the result: a kernel, what it executes a hash, and the port limit.

use std::io;

use super::counted::Counted;
use super::floor::{self, Core, Operations};

/// What was counted for a kernel, and what it takes at least.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) kernel: &'static str,
    pub(crate) midstates: u32,
    pub(crate) counted: Counted,
    least: Option<(Operations, Core)>,
}

impl Row {
    /// `None`: this CPU lacks what the kernel needs.
    pub(crate) fn of(kernel: &'static str, midstates: u32) -> io::Result<Option<Self>> {
        let counted = Counted::of(kernel, midstates)?;
        Ok(counted.map(|counted| Self { kernel, midstates, counted, least: floor::of(kernel, midstates) }))
    }

    /// Cycles a hash that the ports take for what is executed, and for what has to be.
    fn cycles(&self) -> Option<[f64; 2]> {
        let (least, core) = self.least.as_ref()?;
        Some([self.counted.computed, *least].map(|operations| core.cycles(operations)))
    }

    /// How much of the port limit what is executed leaves.
    pub(crate) fn share(&self) -> Option<f64> {
        self.cycles().map(|[executed, least]| least / executed)
    }

    fn columns(&self) -> [Option<f64>; 7] {
        let Counted { all, computed: Operations { vector, shifts, rounds2 } } = self.counted;
        let [executed, least] = self.cycles().map_or([None; 2], |cycles| cycles.map(Some));
        [Some(all), Some(vector), Some(shifts), Some(rounds2), executed, least, self.share()]
    }

    pub(crate) const TABLE: &str = "kernel    midstates  instructions   vector  shifts  sha256rnds2  \
                                    c/h by ports  at least   share";

    /// For people.
    pub(crate) fn line(&self) -> String {
        let shown =
            |value: Option<f64>, digits| value.map_or("–".to_owned(), |value| format!("{value:.digits$}"));
        let [all, vector, shifts, rounds2, executed, least, share] = self.columns();
        let [all, vector, shifts, rounds2, executed, least] =
            [all, vector, shifts, rounds2, executed, least].map(|value| shown(value, 1));
        format!(
            "{:9} {:>9} {all:>13} {vector:>8} {shifts:>7} {rounds2:>12} {executed:>13} {least:>9} {:>7}",
            self.kernel,
            self.midstates,
            shown(share, 3)
        )
    }

    pub(crate) const CSV: &str =
        "kernel,midstates,instructions,vector,shifts,sha256rnds2,cycles_by_ports,cycles_at_least,share,rustc";

    /// For the record.
    pub(crate) fn csv(&self, rustc: &str) -> String {
        let columns = self.columns().map(|value| value.map_or(String::new(), |value| format!("{value:.3}")));
        format!("{},{},{},{rustc}", self.kernel, self.midstates, columns.join(","))
    }
}
