//! The host's words against the shader's structures, as naga lays them out.

use miner_core::WorkUnit;
use miner_core::bitcoin::Target;
use miner_shaders::Addition;
use naga::{Module, TypeInner};

use super::*;

fn shader() -> Module {
    naga::front::wgsl::parse_str(&miner_shaders::scan(Addition::Plain)).expect("it is WGSL")
}

/// The fields of one of the shader's structures with their offsets in bytes, and its size.
fn structure(module: &Module, name: &str) -> (Vec<(String, u32)>, u32) {
    let mut types = module.types.iter().map(|(_, ty)| ty);
    let ty = types.find(|ty| ty.name.as_deref() == Some(name)).expect("the shader has it");
    let TypeInner::Struct { members, span } = &ty.inner else { panic!("{name} is no structure") };
    (members.iter().map(|member| (member.name.clone().expect("a name"), member.offset)).collect(), *span)
}

fn offset(module: &Module, path: [&str; 2]) -> usize {
    let (fields, _) = structure(module, path[0]);
    let (_, offset) = fields.into_iter().find(|(name, _)| name == path[1]).expect("the structure has it");
    offset as usize / 4
}

#[test]
fn every_word_is_where_the_shader_looks_for_it() {
    let midstates: Vec<[u32; 8]> = (0..16).map(|i| std::array::from_fn(|j| 1000 * i + j as u32)).collect();
    let mut target = [0xff; 32];
    target[..4].copy_from_slice(&[0, 0, 0x12, 0x34]);
    let nonces = NonceRange::new(77, 1076).expect("not empty");
    let unit = WorkUnit::new(midstates.clone().into(), [5, 6, 7], nonces, Target::from_be_bytes(target));
    let prepared = Prepared::new(&unit);
    let work = Work::new(&prepared, &prepared.midstates, nonces);
    let words: Vec<u32> =
        work.bytes().chunks(4).map(|b| u32::from_le_bytes(b.try_into().expect("4"))).collect();

    let module = shader();
    let at = |field| words[offset(&module, ["Work", field])];
    assert_eq!([at("first_nonce"), at("nonces"), at("midstates"), at("one")], [77, 1000, 16, 1]);
    let PreparedSchedule { w16, w17, w18, w19, w31, w32 } = prepared.schedule;
    assert_eq!([at("w16"), at("w17"), at("w18"), at("w19")], [w16, w17, w18, w19]);
    assert_eq!([at("w31"), at("w32")], [w31, w32]);
    assert_eq!([at("kw16"), at("kw17")], [K[16].wrapping_add(w16), K[17].wrapping_add(w17)]);
    assert_eq!([at("target_top"), at("mask")], [0x1234, 0x00e0_ffff]);

    let (_, stride) = structure(&module, "Midstate");
    for (index, prepared) in prepared.midstates.iter().enumerate() {
        let begin = offset(&module, ["Work", "midstate"]) + index * stride as usize / 4;
        let at = |field, count| &words[begin + offset(&module, ["Midstate", field])..][..count];
        assert_eq!(at("abcd", 4), &prepared.state[..4]);
        assert_eq!(at("efg", 3), &prepared.state[4..7]);
        assert_eq!([at("hkw4", 1), at("hkw5", 1), at("hkw6", 1)].concat(), prepared.hkw);
        assert_eq!([at("start_abcd", 4), at("start_efgh", 4)].concat(), midstates[index]);
    }
    assert_eq!(u64::from(structure(&module, "Work").1), WORK_SIZE);
}

#[test]
fn hits_are_read_as_the_shader_writes_them() {
    let module = shader();
    let mut bytes = vec![0u8; HITS_SIZE as usize];
    let mut put = |word: usize, value: u32| bytes[4 * word..][..4].copy_from_slice(&value.to_le_bytes());
    let first = offset(&module, ["Hits", "hit"]);
    let second = first + structure(&module, "Hit").1 as usize / 4;
    put(offset(&module, ["Hits", "count"]), 2);
    put(first + offset(&module, ["Hit", "nonce"]), 11);
    put(first + offset(&module, ["Hit", "midstate"]), 3);
    put(second + offset(&module, ["Hit", "nonce"]), 12);
    put(second + offset(&module, ["Hit", "midstate"]), 0);
    let kept = vec![Hit { nonce: 11, midstate: 3 }, Hit { nonce: 12, midstate: 0 }];
    assert_eq!(Hits::read(&bytes), Hits { count: 2, kept });
    assert_eq!(u64::from(structure(&module, "Hits").1), HITS_SIZE);

    bytes[..4].copy_from_slice(&(CAPACITY as u32 + 1).to_le_bytes());
    let overflow = Hits::read(&bytes);
    assert!(overflow.overflowed() && overflow.kept.len() == CAPACITY);
}

#[test]
fn the_mask_is_zero_where_a_hash_that_meets_the_target_may_have_ones() {
    for (target_top, expected) in [(0, u32::MAX), (1, 0xfeff_ffff), (0xffff, 0x0000_ffff), (u32::MAX, 0)] {
        assert_eq!(mask(target_top), expected, "{target_top:x}");
    }
}
