// The addition of scan.wgsl, as it stands.

fn add(a: u32, b: u32) -> u32 {
    return a + b;
}
