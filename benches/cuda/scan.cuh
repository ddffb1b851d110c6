// The search of shaders/scan.wgsl in CUDA: the same algorithm, step by step, with both ways to add. A yardstick
// for what the Vulkan compiler makes of the shader, not a backend. What the steps are for is told there.
#pragma once

#include <cstdint>

using u32 = std::uint32_t;

constexpr u32 MAX_MIDSTATES = 16;
constexpr u32 CAPACITY = 1024;

// A midstate after the rounds that need no nonce.
struct Midstate {
    u32 state[7];  // a to g after round 3; a and e still lack W3
    u32 hkw[3];    // h + K + W of rounds 4, 5 and 6
    u32 start[8];  // the midstate itself, added at the end
};

// What one launch searches.
struct Work {
    u32 first_nonce, nonces, midstates;
    u32 one;       // 1, which the compiler must not know
    u32 w16, w17;  // complete
    u32 w18, w19;  // without sigma0(W3); without W3
    u32 w31, w32;  // without sigma1(W29) + W24; without sigma1(W30) + W25
    u32 kw16, kw17;
    u32 mask, target_top;
    Midstate midstate[MAX_MIDSTATES];
};

struct Hit {
    u32 nonce, midstate;
};

struct Hits {
    u32 count;
    Hit hit[CAPACITY];
};

constexpr u32 PADDING = 0x80000000, HEADER_BITS = 640, DIGEST_BITS = 256;

// The round constants (FIPS 180-4, section 4.2.2).
__host__ __device__ constexpr u32 round_constant(int t) {
    constexpr u32 table[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    };
    return table[t];
}

// The initial hash value (FIPS 180-4, section 5.3.3).
__host__ __device__ constexpr u32 initial(int i) {
    constexpr u32 table[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                              0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    return table[i];
}

#define INLINE __host__ __device__ __forceinline__

INLINE constexpr u32 rotr(u32 x, int n) { return (x >> n) | (x << (32 - n)); }
INLINE constexpr u32 small_sigma0(u32 x) { return rotr(x, 7) ^ rotr(x, 18) ^ (x >> 3); }
INLINE constexpr u32 small_sigma1(u32 x) { return rotr(x, 17) ^ rotr(x, 19) ^ (x >> 10); }
INLINE constexpr u32 big_sigma0(u32 x) { return rotr(x, 2) ^ rotr(x, 13) ^ rotr(x, 22); }
INLINE constexpr u32 big_sigma1(u32 x) { return rotr(x, 6) ^ rotr(x, 11) ^ rotr(x, 25); }
INLINE constexpr u32 ch(u32 x, u32 y, u32 z) { return z ^ (x & (y ^ z)); }
INLINE constexpr u32 maj(u32 x, u32 y, u32 z) { return (x & y) | (z & (x | y)); }
INLINE constexpr u32 swap_bytes(u32 x) { return (rotr(x, 8) & 0xff00ff00) | (rotr(x, 24) & 0x00ff00ff); }

// Additions on the pipe of logic and shifts.
struct Plain {
    u32 one;
    INLINE u32 operator()(u32 a, u32 b) const { return a + b; }
};

// Additions on the pipe of integer multiply-adds.
struct Imad {
    u32 one;
    INLINE u32 operator()(u32 a, u32 b) const { return a * one + b; }
};

struct State {
    u32 a, b, c, d, e, f, g, h;
};

// The rounds and the schedule, with one way to add.
template <class Add>
struct Sha256 {
    Add add;

    INLINE u32 add3(u32 a, u32 b, u32 c) const { return add(add(a, b), c); }

    // One round; hkw is h + K + W.
    INLINE State round(State s, u32 hkw) const {
        u32 t1 = add3(hkw, big_sigma1(s.e), ch(s.e, s.f, s.g));
        u32 t2 = add(big_sigma0(s.a), maj(s.a, s.b, s.c));
        return {add(t1, t2), s.a, s.b, s.c, add(s.d, t1), s.e, s.f, s.g};
    }

    // Round T; kw is K + W.
    INLINE State next(State s, u32 kw) const { return round(s, add(s.h, kw)); }

    // Rounds T to T + 3, whose words are constants.
    template <int T, u32 W0 = 0, u32 W3 = 0>
    INLINE State four_constant_rounds(State s) const {
        constexpr u32 k0 = round_constant(T) + W0, k1 = round_constant(T + 1);
        constexpr u32 k2 = round_constant(T + 2), k3 = round_constant(T + 3) + W3;
        return next(next(next(next(s, k0), k1), k2), k3);
    }

    // Rounds T to T + 3 with the words of w.
    template <int T>
    INLINE State four_rounds(State s, const u32* w) const {
        constexpr u32 k0 = round_constant(T), k1 = round_constant(T + 1);
        constexpr u32 k2 = round_constant(T + 2), k3 = round_constant(T + 3);
        s = next(s, add(w[T], k0));
        s = next(s, add(w[T + 1], k1));
        s = next(s, add(w[T + 2], k2));
        return next(s, add(w[T + 3], k3));
    }

    // Word T of the schedule from those before it.
    template <int T>
    INLINE void word(u32* w) const {
        w[T] = add(add3(small_sigma1(w[T - 2]), w[T - 7], small_sigma0(w[T - 15])), w[T - 16]);
    }

    template <int T, int END>
    INLINE void words(u32* w) const {
        if constexpr (T < END) {
            word<T>(w);
            words<T + 1, END>(w);
        }
    }

    // Rounds from T to the end of the words that are no padding, K included in kw.
    template <int T>
    INLINE State rounds_16_to_63(State s, const u32* kw) const {
        if constexpr (T < 64) {
            return rounds_16_to_63<T + 1>(next(s, kw[T]), kw);
        } else {
            return s;
        }
    }

    // The words of a header's second half that depend on the nonce: 18 to 63 of w.
    INLINE void header_schedule(const Work& work, u32 w3, u32* w) const {
        w[16] = work.w16;
        w[17] = work.w17;
        w[18] = add(small_sigma0(w3), work.w18);
        w[19] = add(w3, work.w19);
        w[20] = add(small_sigma1(w[18]), PADDING);
        w[21] = small_sigma1(w[19]);
        w[22] = add(small_sigma1(w[20]), HEADER_BITS);
        w[23] = add(small_sigma1(w[21]), w[16]);
        w[24] = add(small_sigma1(w[22]), w[17]);
        w[25] = add(small_sigma1(w[23]), w[18]);
        w[26] = add(small_sigma1(w[24]), w[19]);
        w[27] = add(small_sigma1(w[25]), w[20]);
        w[28] = add(small_sigma1(w[26]), w[21]);
        w[29] = add(small_sigma1(w[27]), w[22]);
        constexpr u32 length = small_sigma0(HEADER_BITS);
        w[30] = add3(small_sigma1(w[28]), w[23], length);
        w[31] = add3(small_sigma1(w[29]), w[24], work.w31);
        w[32] = add3(small_sigma1(w[30]), w[25], work.w32);
        words<33, 64>(w);
    }

    // K + W of rounds T and on.
    template <int T>
    INLINE void add_constants(const u32* w, u32* kw) const {
        if constexpr (T < 64) {
            constexpr u32 k = round_constant(T);
            kw[T] = add(w[T], k);
            add_constants<T + 1>(w, kw);
        }
    }

    // The digest of a header under one midstate.
    INLINE void first_hash(const Midstate& m, u32 w3, const u32* kw, u32* digest) const {
        const u32* p = m.state;
        State s = {add(w3, p[0]), p[1], p[2], p[3], add(w3, p[4]), p[5], p[6], 0};
        s = round(s, m.hkw[0]);
        s = round(s, m.hkw[1]);
        s = round(s, m.hkw[2]);
        constexpr u32 k7 = round_constant(7);
        s = next(s, k7);
        s = four_constant_rounds<8>(s);
        s = four_constant_rounds<12, 0, HEADER_BITS>(s);
        s = rounds_16_to_63<16>(s, kw);
        const u32 last[8] = {s.a, s.b, s.c, s.d, s.e, s.f, s.g, s.h};
#pragma unroll
        for (int i = 0; i < 8; i++) {
            digest[i] = add(last[i], m.start[i]);
        }
    }

    // H7 of the hash of a digest, which is in the first eight words of w.
    INLINE u32 second_hash(u32* w) const {
        // Round 0 from the initial state: W0 is added to two constants.
        State s = {add(w[0], 0xfc08884d), initial(0), initial(1), initial(2),
                   add(w[0], 0x98c7e2a2), initial(4), initial(5), initial(6)};
        constexpr u32 k1 = round_constant(1), k2 = round_constant(2), k3 = round_constant(3);
        s = next(next(next(s, add(w[1], k1)), add(w[2], k2)), add(w[3], k3));
        s = four_rounds<4>(s, w);
        s = four_constant_rounds<8, PADDING>(s);
        s = four_constant_rounds<12, 0, DIGEST_BITS>(s);

        // W8 to W15 are padding: most terms are constants or zero.
        constexpr u32 padding0 = small_sigma0(PADDING), bits0 = small_sigma0(DIGEST_BITS);
        constexpr u32 bits1 = small_sigma1(DIGEST_BITS);
        w[16] = add(small_sigma0(w[1]), w[0]);
        w[17] = add3(small_sigma0(w[2]), w[1], bits1);
        w[18] = add3(small_sigma1(w[16]), small_sigma0(w[3]), w[2]);
        w[19] = add3(small_sigma1(w[17]), small_sigma0(w[4]), w[3]);
        w[20] = add3(small_sigma1(w[18]), small_sigma0(w[5]), w[4]);
        w[21] = add3(small_sigma1(w[19]), small_sigma0(w[6]), w[5]);
        w[22] = add(add3(small_sigma1(w[20]), small_sigma0(w[7]), w[6]), DIGEST_BITS);
        w[23] = add(add3(small_sigma1(w[21]), w[16], w[7]), padding0);
        w[24] = add3(small_sigma1(w[22]), w[17], PADDING);
        w[25] = add(small_sigma1(w[23]), w[18]);
        w[26] = add(small_sigma1(w[24]), w[19]);
        w[27] = add(small_sigma1(w[25]), w[20]);
        w[28] = add(small_sigma1(w[26]), w[21]);
        w[29] = add(small_sigma1(w[27]), w[22]);
        w[30] = add3(small_sigma1(w[28]), w[23], bits0);
        w[31] = add(add3(small_sigma1(w[29]), w[24], small_sigma0(w[16])), DIGEST_BITS);
        words<32, 61>(w);
        s = four_rounds<16>(s, w);
        s = four_rounds<20>(s, w);
        s = four_rounds<24>(s, w);
        s = four_rounds<28>(s, w);
        s = four_rounds<32>(s, w);
        s = four_rounds<36>(s, w);
        s = four_rounds<40>(s, w);
        s = four_rounds<44>(s, w);
        s = four_rounds<48>(s, w);
        s = four_rounds<52>(s, w);
        s = four_rounds<56>(s, w);
        constexpr u32 k60 = round_constant(60) + initial(7);
        return next(s, add(w[60], k60)).e;
    }
};

// Searches one nonce under every midstate.
template <class Add>
__device__ __forceinline__ void scan_nonce(const Work& work, u32 nonce, Hits* hits) {
    const Sha256<Add> sha{{work.one}};
    const u32 w3 = swap_bytes(nonce);
    u32 w[64], kw[64];
    sha.header_schedule(work, w3, w);
    kw[16] = work.kw16;
    kw[17] = work.kw17;
    sha.template add_constants<18>(w, kw);
    // At run time, so that the code stays in the instruction cache.
#pragma unroll 1
    for (u32 i = 0; i < work.midstates; i++) {
        u32 digest[64];
        sha.first_hash(work.midstate[i], w3, kw, digest);
        const u32 h7 = sha.second_hash(digest);
        if ((h7 & work.mask) == 0 && swap_bytes(h7) <= work.target_top) {
            const u32 slot = atomicAdd(&hits->count, 1u);
            if (slot < CAPACITY) {
                hits->hit[slot] = {nonce, i};
            }
        }
    }
}

// Searches a run of nonces; one thread takes one.
template <class Add>
__global__ void scan(const __grid_constant__ Work work, Hits* hits) {
    const u32 index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index < work.nonces) {
        scan_nonce<Add>(work, work.first_nonce + index, hits);
    }
}
