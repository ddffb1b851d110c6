//! The instructions that a kernel executes for some hashes, in order, as llvm-mca takes them.

use std::io;

use iced_x86::{Formatter as _, GasFormatter, Instruction};

use super::counted;
use super::trace::{Search, follow};

/// Prints what twice the nonces take more: the loops between start and end. `false`: this CPU lacks what it needs.
pub(crate) fn print(kernel: &str, midstates: u32) -> io::Result<bool> {
    let listed = |nonces| {
        let mut listing = Vec::<Instruction>::new();
        let is_available =
            follow(Search { kernel, midstates, nonces }, |instruction| listing.push(*instruction))?;
        io::Result::Ok(is_available.then_some(listing))
    };
    let nonces = counted::nonces(midstates);
    let (Some(once), Some(twice)) = (listed(nonces)?, listed(2 * nonces)?) else { return Ok(false) };
    // Where one goes on and the other ends.
    let parting = once.iter().zip(&twice).take_while(|(once, twice)| once.code() == twice.code()).count();
    let mut formatter = GasFormatter::new();
    let mut line = String::new();
    println!("# {kernel}, {midstates} midstates: {} hashes", nonces * midstates);
    for instruction in &twice[parting..parting + twice.len() - once.len()] {
        line.clear();
        formatter.format(instruction, &mut line);
        println!("{line}");
    }
    Ok(true)
}
