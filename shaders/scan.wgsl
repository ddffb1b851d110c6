// The search of a rectangle of headers, midstates × nonces, for double SHA-256 hashes below a target.
// One invocation takes one nonce. `add` is in add_plain.wgsl or add_imad.wgsl: one of them is put behind
// this file.
//
//     K + W of the header's second half                       (shared by all midstates)
//     for each midstate:
//         first hash:  rounds 4 to 63, plus the midstate      → digest
//         second hash: rounds 0 to 60 of the digest           → H7, its last word
//         note (nonce, midstate) if H7, byte-swapped, is at most the target's top word
//
// Why it is fast, in order of what it saves:
// - Rounds are written out, without arrays that are indexed at run time: everything stays in registers.
//   A loop over rounds is twenty times slower. Functions are small, since every compiler inlines them.
// - One schedule for all midstates. Headers that differ in their first half alone (rolled versions) share
//   the message words of the second. The 46 that depend on the nonce stay in registers, with K added,
//   while a loop runs over the midstates: a seventh of all operations with eight of them. The loop is one
//   at run time, so that the code is as short as for one midstate and stays in the instruction cache.
// - Additions go through one function, whose body is chosen when the shader is made: where there is a
//   second pipe for multiply-adds, a fifth of the work of the first goes there. Constants that are zero
//   are left out by hand or come first: `0 * one + b` is folded, `a * one + 0` is not.
// - The second hash ends early. H7 is `e` of round 60 plus a constant, which hides in that round's K, so
//   that rounds 61 to 63 never happen, and what computes `a` of rounds 57 to 60 is dead code. Nobody asks
//   for H0 to H6.
// - What no nonce changes comes from the host: rounds 0 to 2, round 3 but for two additions, h + K + W of
//   rounds 4 to 6, W16, W17 and the constant parts of W18, W19, W31 and W32.
// - Padding is constant: it is folded into constants, and the words that are zero are not added.
// - A first test by mask is one operation; only what passes is compared with the target, and what passes
//   that is one hash in 2³² where mining earns anything.

override workgroup_size: u32 = 128;

/// How many midstates fit.
const MAX_MIDSTATES = 16;

/// How many hits are kept; all are counted.
const CAPACITY = 1024;

/// A midstate after the rounds that need no nonce.
struct Midstate {
    /// The state after round 3, without h; a and e still lack W3.
    abcd: vec4<u32>,
    efg: vec3<u32>,
    /// h + K + W of rounds 4, 5 and 6.
    hkw4: u32,
    /// The midstate itself, added at the end.
    start_abcd: vec4<u32>,
    start_efgh: vec4<u32>,
    hkw5: u32,
    hkw6: u32,
}

/// What one dispatch searches.
struct Work {
    first_nonce: u32,
    nonces: u32,
    midstates: u32,
    /// 1, which the compiler must not know.
    one: u32,
    /// W16 and W17, complete; W18 without σ0(W3); W19 without W3.
    w16: u32,
    w17: u32,
    w18: u32,
    w19: u32,
    /// W31 without σ1(W29) + W24; W32 without σ1(W30) + W25.
    w31: u32,
    w32: u32,
    /// K + W of rounds 16 and 17.
    kw16: u32,
    kw17: u32,
    /// The bits of H7 that must be zero, and what H7, byte-swapped, must not exceed.
    mask: u32,
    target_top: u32,
    midstate: array<Midstate, MAX_MIDSTATES>,
}

struct Hit {
    nonce: u32,
    midstate: u32,
}

struct Hits {
    count: atomic<u32>,
    hit: array<Hit, CAPACITY>,
}

@group(0) @binding(0) var<uniform> work: Work;
@group(0) @binding(1) var<storage, read_write> hits: Hits;

struct State {
    a: u32, b: u32, c: u32, d: u32, e: u32, f: u32, g: u32, h: u32,
}

/// The round constants (FIPS 180-4, section 4.2.2), by four.
const K = array<vec4<u32>, 16>(
    vec4(0x428a2f98u, 0x71374491u, 0xb5c0fbcfu, 0xe9b5dba5u), vec4(0x3956c25bu, 0x59f111f1u, 0x923f82a4u, 0xab1c5ed5u),
    vec4(0xd807aa98u, 0x12835b01u, 0x243185beu, 0x550c7dc3u), vec4(0x72be5d74u, 0x80deb1feu, 0x9bdc06a7u, 0xc19bf174u),
    vec4(0xe49b69c1u, 0xefbe4786u, 0x0fc19dc6u, 0x240ca1ccu), vec4(0x2de92c6fu, 0x4a7484aau, 0x5cb0a9dcu, 0x76f988dau),
    vec4(0x983e5152u, 0xa831c66du, 0xb00327c8u, 0xbf597fc7u), vec4(0xc6e00bf3u, 0xd5a79147u, 0x06ca6351u, 0x14292967u),
    vec4(0x27b70a85u, 0x2e1b2138u, 0x4d2c6dfcu, 0x53380d13u), vec4(0x650a7354u, 0x766a0abbu, 0x81c2c92eu, 0x92722c85u),
    vec4(0xa2bfe8a1u, 0xa81a664bu, 0xc24b8b70u, 0xc76c51a3u), vec4(0xd192e819u, 0xd6990624u, 0xf40e3585u, 0x106aa070u),
    vec4(0x19a4c116u, 0x1e376c08u, 0x2748774cu, 0x34b0bcb5u), vec4(0x391c0cb3u, 0x4ed8aa4au, 0x5b9cca4fu, 0x682e6ff3u),
    vec4(0x748f82eeu, 0x78a5636fu, 0x84c87814u, 0x8cc70208u), vec4(0x90befffau, 0xa4506cebu, 0xbef9a3f7u, 0xc67178f2u),
);

/// The initial hash value (FIPS 180-4, section 5.3.3).
const IV = State(
    0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au, 0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u,
);

/// Padding: the bit behind a message, and the lengths of a header and of a digest.
const PADDING = 0x80000000u;
const HEADER_BITS = 640u;
const DIGEST_BITS = 256u;

// σ0 of PADDING, and σ0 and σ1 of the lengths.
const PADDING_S0 = 0x11002000u;
const HEADER_BITS_S0 = 0x00a00055u;
const DIGEST_BITS_S0 = 0x00400022u;
const DIGEST_BITS_S1 = 0x00a00000u;

fn rotr(x: u32, n: u32) -> u32 {
    return (x >> n) | (x << (32u - n));
}

fn small_sigma0(x: u32) -> u32 {
    return rotr(x, 7u) ^ rotr(x, 18u) ^ (x >> 3u);
}

fn small_sigma1(x: u32) -> u32 {
    return rotr(x, 17u) ^ rotr(x, 19u) ^ (x >> 10u);
}

fn big_sigma0(x: u32) -> u32 {
    return rotr(x, 2u) ^ rotr(x, 13u) ^ rotr(x, 22u);
}

fn big_sigma1(x: u32) -> u32 {
    return rotr(x, 6u) ^ rotr(x, 11u) ^ rotr(x, 25u);
}

fn ch(x: u32, y: u32, z: u32) -> u32 {
    return z ^ (x & (y ^ z));
}

fn maj(x: u32, y: u32, z: u32) -> u32 {
    return (x & y) | (z & (x | y));
}

fn swap_bytes(x: u32) -> u32 {
    return (rotr(x, 8u) & 0xff00ff00u) | (rotr(x, 24u) & 0x00ff00ffu);
}

fn add3(a: u32, b: u32, c: u32) -> u32 {
    return add(add(a, b), c);
}

fn add_each(a: vec4<u32>, b: vec4<u32>) -> vec4<u32> {
    return vec4(add(a.x, b.x), add(a.y, b.y), add(a.z, b.z), add(a.w, b.w));
}

/// One round; `hkw` is h + K + W.
fn round(s: State, hkw: u32) -> State {
    let t1 = add3(hkw, big_sigma1(s.e), ch(s.e, s.f, s.g));
    let t2 = add(big_sigma0(s.a), maj(s.a, s.b, s.c));
    return State(add(t1, t2), s.a, s.b, s.c, add(s.d, t1), s.e, s.f, s.g);
}

/// One round; `kw` is K + W.
fn next(s: State, kw: u32) -> State {
    return round(s, add(s.h, kw));
}

fn four_rounds(s: State, kw: vec4<u32>) -> State {
    return next(next(next(next(s, kw.x), kw.y), kw.z), kw.w);
}

/// A word of the schedule from those 2, 7, 15 and 16 before it.
fn word(w2: u32, w7: u32, w15: u32, w16: u32) -> u32 {
    return add(add3(small_sigma1(w2), w7, small_sigma0(w15)), w16);
}

/// The next four words of the schedule from the last sixteen.
fn four_words(w0: vec4<u32>, w4: vec4<u32>, w8: vec4<u32>, w12: vec4<u32>) -> vec4<u32> {
    let x = word(w12.z, w8.y, w0.y, w0.x);
    let y = word(w12.w, w8.z, w0.z, w0.y);
    let z = word(x, w8.w, w0.w, w0.z);
    let w = word(y, w12.x, w4.x, w0.w);
    return vec4(x, y, z, w);
}

/// H7 of the hash of a digest.
fn second_hash(d0: vec4<u32>, d4: vec4<u32>) -> u32 {
    // Round 0 from the initial state: W0 is added to two constants.
    var s = State(
        add(d0.x, 0xfc08884du), IV.a, IV.b, IV.c, add(d0.x, 0x98c7e2a2u), IV.e, IV.f, IV.g,
    );
    s = next(next(next(s, add(d0.y, K[0].y)), add(d0.z, K[0].z)), add(d0.w, K[0].w));
    s = four_rounds(s, add_each(d4, K[1]));
    s = four_rounds(s, K[2] + vec4(PADDING, 0u, 0u, 0u));
    s = four_rounds(s, K[3] + vec4(0u, 0u, 0u, DIGEST_BITS));

    // W8 to W15 are padding: most terms are constants or zero.
    let w16 = add(small_sigma0(d0.y), d0.x);
    let w17 = add3(small_sigma0(d0.z), d0.y, DIGEST_BITS_S1);
    let w18 = add3(small_sigma1(w16), small_sigma0(d0.w), d0.z);
    let w19 = add3(small_sigma1(w17), small_sigma0(d4.x), d0.w);
    let q16 = vec4(w16, w17, w18, w19);
    s = four_rounds(s, add_each(q16, K[4]));
    let w20 = add3(small_sigma1(w18), small_sigma0(d4.y), d4.x);
    let w21 = add3(small_sigma1(w19), small_sigma0(d4.z), d4.y);
    let w22 = add(add3(small_sigma1(w20), small_sigma0(d4.w), d4.z), DIGEST_BITS);
    let w23 = add(add3(small_sigma1(w21), w16, d4.w), PADDING_S0);
    let q20 = vec4(w20, w21, w22, w23);
    s = four_rounds(s, add_each(q20, K[5]));
    let w24 = add3(small_sigma1(w22), w17, PADDING);
    let w25 = add(small_sigma1(w23), w18);
    let w26 = add(small_sigma1(w24), w19);
    let w27 = add(small_sigma1(w25), w20);
    let q24 = vec4(w24, w25, w26, w27);
    s = four_rounds(s, add_each(q24, K[6]));
    let w28 = add(small_sigma1(w26), w21);
    let w29 = add(small_sigma1(w27), w22);
    let w30 = add3(small_sigma1(w28), w23, DIGEST_BITS_S0);
    let w31 = add(add3(small_sigma1(w29), w24, small_sigma0(w16)), DIGEST_BITS);
    let q28 = vec4(w28, w29, w30, w31);
    s = four_rounds(s, add_each(q28, K[7]));

    let q32 = four_words(q16, q20, q24, q28);
    s = four_rounds(s, add_each(q32, K[8]));
    let q36 = four_words(q20, q24, q28, q32);
    s = four_rounds(s, add_each(q36, K[9]));
    let q40 = four_words(q24, q28, q32, q36);
    s = four_rounds(s, add_each(q40, K[10]));
    let q44 = four_words(q28, q32, q36, q40);
    s = four_rounds(s, add_each(q44, K[11]));
    let q48 = four_words(q32, q36, q40, q44);
    s = four_rounds(s, add_each(q48, K[12]));
    let q52 = four_words(q36, q40, q44, q48);
    s = four_rounds(s, add_each(q52, K[13]));
    let q56 = four_words(q40, q44, q48, q52);
    s = four_rounds(s, add_each(q56, K[14]));
    let w60 = word(q56.z, q52.y, q44.y, q44.x);
    return next(s, add(w60, K[15].x + IV.h)).e;
}

@compute @workgroup_size(workgroup_size)
fn scan(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = (group.y * groups.x + group.x) * workgroup_size + local;
    if index >= work.nonces {
        return;
    }
    let nonce = work.first_nonce + index;
    let w3 = swap_bytes(nonce);

    // The schedule of the header's second half. W4 to W15 are padding.
    let w18 = add(small_sigma0(w3), work.w18);
    let w19 = add(w3, work.w19);
    let q16 = vec4(work.w16, work.w17, w18, w19);
    let w20 = add(small_sigma1(w18), PADDING);
    let w21 = small_sigma1(w19);
    let w22 = add(small_sigma1(w20), HEADER_BITS);
    let w23 = add(small_sigma1(w21), work.w16);
    let q20 = vec4(w20, w21, w22, w23);
    let w24 = add(small_sigma1(w22), work.w17);
    let w25 = add(small_sigma1(w23), w18);
    let w26 = add(small_sigma1(w24), w19);
    let w27 = add(small_sigma1(w25), w20);
    let q24 = vec4(w24, w25, w26, w27);
    let w28 = add(small_sigma1(w26), w21);
    let w29 = add(small_sigma1(w27), w22);
    let w30 = add3(small_sigma1(w28), w23, HEADER_BITS_S0);
    let w31 = add3(small_sigma1(w29), w24, work.w31);
    let q28 = vec4(w28, w29, w30, w31);
    let w32 = add3(small_sigma1(w30), w25, work.w32);
    let w33 = word(w31, w26, w18, work.w17);
    let w34 = word(w32, w27, w19, w18);
    let w35 = word(w33, w28, w20, w19);
    let q32 = vec4(w32, w33, w34, w35);
    let q36 = four_words(q20, q24, q28, q32);
    let q40 = four_words(q24, q28, q32, q36);
    let q44 = four_words(q28, q32, q36, q40);
    let q48 = four_words(q32, q36, q40, q44);
    let q52 = four_words(q36, q40, q44, q48);
    let q56 = four_words(q40, q44, q48, q52);
    let q60 = four_words(q44, q48, q52, q56);

    let kw16 = vec4(work.kw16, work.kw17, add(w18, K[4].z), add(w19, K[4].w));
    let kw20 = add_each(q20, K[5]);
    let kw24 = add_each(q24, K[6]);
    let kw28 = add_each(q28, K[7]);
    let kw32 = add_each(q32, K[8]);
    let kw36 = add_each(q36, K[9]);
    let kw40 = add_each(q40, K[10]);
    let kw44 = add_each(q44, K[11]);
    let kw48 = add_each(q48, K[12]);
    let kw52 = add_each(q52, K[13]);
    let kw56 = add_each(q56, K[14]);
    let kw60 = add_each(q60, K[15]);

    for (var i = 0u; i < work.midstates; i++) {
        let abcd = work.midstate[i].abcd;
        let efg = work.midstate[i].efg;
        var s = State(add(w3, abcd.x), abcd.y, abcd.z, abcd.w, add(w3, efg.x), efg.y, efg.z, 0u);
        s = round(s, work.midstate[i].hkw4);
        s = round(s, work.midstate[i].hkw5);
        s = round(s, work.midstate[i].hkw6);
        s = next(s, K[1].w);
        s = four_rounds(s, K[2]);
        s = four_rounds(s, K[3] + vec4(0u, 0u, 0u, HEADER_BITS));
        s = four_rounds(s, kw16);
        s = four_rounds(s, kw20);
        s = four_rounds(s, kw24);
        s = four_rounds(s, kw28);
        s = four_rounds(s, kw32);
        s = four_rounds(s, kw36);
        s = four_rounds(s, kw40);
        s = four_rounds(s, kw44);
        s = four_rounds(s, kw48);
        s = four_rounds(s, kw52);
        s = four_rounds(s, kw56);
        s = four_rounds(s, kw60);
        let h7 = second_hash(
            add_each(vec4(s.a, s.b, s.c, s.d), work.midstate[i].start_abcd),
            add_each(vec4(s.e, s.f, s.g, s.h), work.midstate[i].start_efgh),
        );
        if (h7 & work.mask) == 0u && swap_bytes(h7) <= work.target_top {
            let slot = atomicAdd(&hits.count, 1u);
            if slot < CAPACITY {
                hits.hit[slot] = Hit(nonce, i);
            }
        }
    }
}
