// The addition of scan.wgsl as a multiply-add. NVIDIA's multiprocessors have a pipe for integer
// multiply-adds beside the one for logic, shifts and additions, which is the bottleneck of SHA-256. The
// factor is 1, but the compiler cannot know: it is read at run time.

fn add(a: u32, b: u32) -> u32 {
    return a * work.one + b;
}
