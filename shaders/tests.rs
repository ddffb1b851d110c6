//! naga takes every shader apart and writes it in the language of each API.

use naga::back::{hlsl, msl, spv};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};

use super::*;

/// A shader as every API gets it: validated, with its constants in place.
fn compiled(addition: Addition) -> (naga::Module, ModuleInfo) {
    let module = naga::front::wgsl::parse_str(&scan(addition)).expect("it is WGSL");
    let info = validated(&module);
    let (module, info) = naga::back::pipeline_constants::process_overrides(
        &module,
        &info,
        Some((naga::ShaderStage::Compute, "scan")),
        &[("workgroup_size".to_owned(), 64.0)].into_iter().collect(),
    )
    .expect("the workgroup size can be chosen");
    assert_eq!(module.entry_points[0].workgroup_size, [64, 1, 1]);
    (module.into_owned(), info.into_owned())
}

/// Valid with the least that any device can do.
fn validated(module: &naga::Module) -> ModuleInfo {
    let validated = Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(module);
    validated.unwrap_or_else(|error| panic!("{}", error.emit_to_string("scan.wgsl")))
}

#[test]
fn every_shader_is_valid_and_translates_to_spirv_msl_and_hlsl() {
    for addition in Addition::ALL {
        let (module, info) = compiled(addition);
        let entry =
            spv::PipelineOptions { shader_stage: naga::ShaderStage::Compute, entry_point: "scan".to_owned() };
        let words = spv::write_vec(&module, &info, &spv::Options::default(), Some(&entry)).expect("SPIR-V");
        assert_eq!(words[0], 0x0723_0203, "the magic number of SPIR-V");
        let (msl, _) =
            msl::write_string(&module, &info, &msl::Options::default(), &msl::PipelineOptions::default())
                .expect("MSL");
        assert!(msl.contains("kernel void scan"), "{msl}");
        let mut text = String::new();
        let options = hlsl::Options::default();
        let whole = hlsl::PipelineOptions::default();
        hlsl::Writer::new(&mut text, &options, &whole).write(&module, &info, None).expect("HLSL");
        assert!(text.contains("[numthreads(64, 1, 1)]"), "{text}");
    }
}

#[test]
fn the_round_constants_are_those_of_the_standard() {
    let source = scan(Addition::Plain);
    let words: Vec<u32> = source
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter_map(|word| u32::from_str_radix(word.strip_prefix("0x")?.strip_suffix('u')?, 16).ok())
        .take(72)
        .collect();
    let (k, iv) = words.split_at(64);
    assert_eq!(k, miner_core::sha256::ROUND_CONSTANTS);
    assert_eq!(iv, miner_core::sha256::INITIAL_STATE);
}

#[test]
fn additions_have_names() {
    for addition in Addition::ALL {
        assert_eq!(Addition::by_name(addition.name()), Some(addition));
    }
    assert_eq!(Addition::by_name("multiply"), None);
}
