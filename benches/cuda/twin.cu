// Times the twin of the shader: prints CSV, a line for each way to add and each number of midstates.
//
//   nvcc -O3 -std=c++17 -arch=native -o twin benches/cuda/twin.cu
//   ./twin [SECONDS a line]
//
// Each line first finds Bitcoin's first block, under every midstate and nothing else around it; then launches of about
// 20 ms follow each other, two under way, as the backend's dispatches do.

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "scan.cuh"

#define CHECK(call)                                                                               \
    do {                                                                                          \
        const cudaError_t error = (call);                                                         \
        if (error != cudaSuccess) {                                                               \
            std::fprintf(stderr, "%s: %s\n", #call, cudaGetErrorString(error));                   \
            std::exit(1);                                                                         \
        }                                                                                         \
    } while (0)

constexpr u32 BLOCK_NONCE = 0x7c2bac1d;
constexpr u32 THREADS = 128;
constexpr double LAUNCH_SECONDS = 0.02;

// The first block's header, as SHA-256 reads it, without the nonce.
constexpr u32 HEADER[19] = {
    0x01000000, 0, 0, 0, 0, 0, 0, 0, 0, 0x3ba3edfd, 0x7a7b12b2, 0x7ac72c3e, 0x67768f61, 0x7fc81bc3, 0x888a5132, 0x3a9fb8aa,
    0x4b1e5e4a, 0x29ab5f49, 0xffff001d,
};

static State plain_round(State s, u32 kw) {
    return Sha256<Plain>{{1}}.next(s, kw);
}

static State state_of(const u32* words) {
    return {words[0], words[1], words[2], words[3], words[4], words[5], words[6], words[7]};
}

static void midstate_of(const u32* block, u32* midstate) {
    u32 w[64];
    u32 start[8];
    for (int i = 0; i < 16; i++) w[i] = block[i];
    for (int i = 0; i < 8; i++) start[i] = initial(i);
    Sha256<Plain>{{1}}.words<16, 64>(w);
    State s = state_of(start);
    for (int t = 0; t < 64; t++) s = plain_round(s, w[t] + round_constant(t));
    const u32 last[8] = {s.a, s.b, s.c, s.d, s.e, s.f, s.g, s.h};
    for (int i = 0; i < 8; i++) midstate[i] = last[i] + start[i];
}

// As Prepared in miner-core does it.
static Midstate prepared(const u32* midstate, const u32* tail) {
    Midstate m = {};
    State s = state_of(midstate);
    for (int t = 0; t < 4; t++) s = plain_round(s, (t < 3 ? tail[t] : 0) + round_constant(t));
    const u32 state[7] = {s.a, s.b, s.c, s.d, s.e, s.f, s.g};
    for (int i = 0; i < 7; i++) m.state[i] = state[i];
    m.hkw[0] = s.h + round_constant(4) + PADDING;
    m.hkw[1] = s.g + round_constant(5);
    m.hkw[2] = s.f + round_constant(6);
    for (int i = 0; i < 8; i++) m.start[i] = midstate[i];
    return m;
}

static Work first_block(u32 midstates) {
    const u32* tail = HEADER + 16;
    u32 midstate[8];
    midstate_of(HEADER, midstate);
    Work work = {};
    work.midstates = midstates;
    work.one = 1;
    work.w16 = tail[0] + small_sigma0(tail[1]);
    work.w17 = tail[1] + small_sigma0(tail[2]) + small_sigma1(HEADER_BITS);
    work.w18 = tail[2] + small_sigma1(work.w16);
    work.w19 = small_sigma0(PADDING) + small_sigma1(work.w17);
    work.w31 = HEADER_BITS + small_sigma0(work.w16);
    work.w32 = work.w16 + small_sigma0(work.w17);
    work.kw16 = work.w16 + round_constant(16);
    work.kw17 = work.w17 + round_constant(17);
    work.mask = 0xffffffff;
    work.target_top = 0;
    for (u32 i = 0; i < midstates; i++) work.midstate[i] = prepared(midstate, tail);
    return work;
}

template <class Add>
static void launch(Work work, u32 first, u32 nonces, Hits* hits, cudaStream_t stream) {
    work.first_nonce = first;
    work.nonces = nonces;
    scan<Add><<<(nonces + THREADS - 1) / THREADS, THREADS, 0, stream>>>(work, hits);
    CHECK(cudaGetLastError());
}

// Finds the block, and nothing else around it.
template <class Add>
static void check(const Work& work, Hits* hits) {
    constexpr u32 nonces = 1001;
    CHECK(cudaMemset(hits, 0, sizeof(Hits)));
    launch<Add>(work, BLOCK_NONCE - 500, nonces, hits, nullptr);
    Hits found;
    CHECK(cudaMemcpy(&found, hits, sizeof found, cudaMemcpyDeviceToHost));
    bool right = found.count == work.midstates;
    for (u32 i = 0; right && i < found.count; i++) right = found.hit[i].nonce == BLOCK_NONCE;
    if (!right) {
        std::fprintf(stderr, "the kernel is wrong: %u hits, %u expected\n", found.count, work.midstates);
        std::exit(1);
    }
}

// Hashes a second over some seconds, after half a second that does not count.
template <class Add>
static double rate(const Work& work, Hits* hits, double seconds) {
    using Clock = std::chrono::steady_clock;
    cudaStream_t streams[2];
    for (auto& stream : streams) CHECK(cudaStreamCreate(&stream));
    u32 nonces = 1 << 20, first = 0;
    double warm_up = 0.5, hashes = 0;
    Clock::time_point begin = Clock::now(), landed = begin;
    const auto since = [](Clock::time_point then) { return std::chrono::duration<double>(Clock::now() - then).count(); };
    for (int slot = 0;; slot ^= 1) {
        // The older of two; none at first.
        CHECK(cudaStreamSynchronize(streams[slot]));
        const double took = since(landed);
        landed = Clock::now();
        if (warm_up > 0 && since(begin) > warm_up) {
            warm_up = 0;
            hashes = 0;
            begin = landed;
        }
        if (warm_up == 0 && since(begin) > seconds) break;
        if (warm_up > 0 && took < LAUNCH_SECONDS && nonces < (1u << 30)) nonces += nonces / 2;
        launch<Add>(work, first, nonces, hits, streams[slot]);
        first += nonces;
        // Counted when it begins: at any time as many are under way as were when the time began.
        hashes += double(nonces) * work.midstates;
    }
    const double hs = hashes / since(begin);
    for (auto& stream : streams) {
        CHECK(cudaStreamSynchronize(stream));
        CHECK(cudaStreamDestroy(stream));
    }
    return hs;
}

template <class Add>
static void line(const char* name, u32 midstates, double seconds, Hits* hits) {
    const Work work = first_block(midstates);
    check<Add>(work, hits);
    std::printf("%s,%u,%.0f\n", name, midstates, rate<Add>(work, hits, seconds));
    std::fflush(stdout);
}

int main(int argc, char** argv) {
    const double seconds = argc > 1 ? std::atof(argv[1]) : 3;
    Hits* hits;
    CHECK(cudaMalloc(&hits, sizeof(Hits)));
    std::printf("addition,midstates,hs\n");
    for (const u32 midstates : {1u, 8u, 16u}) {
        line<Plain>("plain", midstates, seconds, hits);
        line<Imad>("imad", midstates, seconds, hits);
    }
    CHECK(cudaFree(hits));
}
