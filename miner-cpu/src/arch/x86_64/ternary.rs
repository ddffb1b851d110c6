//! The functions of three bits that AVX-512 computes in one instruction, as the truth tables it takes: bit
//! `4a + 2b + c` holds the value for bits a, b and c.

pub(crate) const XOR3: i32 = 0x96;
pub(crate) const CH: i32 = 0xca;
pub(crate) const MAJ: i32 = 0xe8;

#[cfg(test)]
mod tests {
    use super::*;
    use miner_core::sha256;

    /// What the instruction does, bit by bit: true on a machine without AVX-512 as well.
    fn ternary(table: i32, a: u32, b: u32, c: u32) -> u32 {
        let bit = |i: u32| {
            let index = (a >> i & 1) << 2 | (b >> i & 1) << 1 | (c >> i & 1);
            (table.cast_unsigned() >> index & 1) << i
        };
        (0..32).map(bit).sum()
    }

    #[test]
    fn the_truth_tables_are_those_of_the_functions() {
        // Every combination of three bits stands in one of the eight lowest positions.
        let (a, b, c) = (0b1111_0000, 0b1100_1100, 0b1010_1010);
        assert_eq!(ternary(XOR3, a, b, c), a ^ b ^ c);
        assert_eq!(ternary(CH, a, b, c), sha256::ch(a, b, c));
        assert_eq!(ternary(MAJ, a, b, c), sha256::maj(a, b, c));
    }
}
