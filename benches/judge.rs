//! What a pool does for each job, session and share: build a coinbase and a merkle branch, find a root,
//! judge a solution, set a difficulty.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use miner_core::bitcoin::hashes::Hash;
use miner_core::bitcoin::{Amount, BlockHash, CompactTarget, ScriptBuf, Target, TxOut, Txid};
use miner_core::coinbase::CoinbaseParams;
use miner_core::{
    Extranonce, Job, JobParams, RootSource, Solution, Terms, TimeWindow, VersionMask, merkle, target,
};

/// As many transactions as a full block has.
const TRANSACTIONS: u32 = 4000;

fn coinbase() -> CoinbaseParams {
    let output =
        TxOut { value: Amount::from_sat(312_500_000), script_pubkey: ScriptBuf::from(vec![0x51; 34]) };
    CoinbaseParams {
        height: 900_000,
        outputs: vec![output; 2],
        auxiliary: Vec::new(),
        signature: b"/benchmark/".to_vec(),
        extranonce_size: 12,
    }
}

fn txids() -> Vec<Txid> {
    (0..TRANSACTIONS).map(|index| Txid::hash(&index.to_le_bytes())).collect()
}

fn job(bits: u32) -> Arc<Job> {
    let parts = coinbase().build().expect("the parameters are valid");
    let job = Job::new(JobParams {
        id: "benchmark".to_owned(),
        version: 0x2000_0000,
        reserved_version_bits: 0,
        prev_blockhash: BlockHash::all_zeros(),
        time: TimeWindow::starting_at(1_700_000_000),
        bits: CompactTarget::from_consensus(bits),
        clean: true,
        root: RootSource::Coinbase {
            prefix: parts.prefix,
            suffix: parts.suffix,
            branch: merkle::branch(&txids()),
        },
    });
    Arc::new(job.expect("the parameters are valid"))
}

fn terms(share_target: Target) -> Terms {
    Terms {
        extranonce1: Extranonce::nth(0x1234_5678, 4),
        extranonce2_size: 8,
        version_mask: VersionMask::BIP320,
        share_target,
    }
}

fn templates(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("template");
    let (coinbase, txids) = (coinbase(), txids());
    group.bench_function("coinbase", |bencher| bencher.iter(|| black_box(&coinbase).build()));
    group.bench_function("merkle branch of 4000", |bencher| {
        bencher.iter(|| merkle::branch(black_box(&txids)));
    });
}

fn shares(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("share");
    let job = job(0x1702_0000);
    let extranonce2 = Extranonce::nth(7, 8);
    let solution = Solution { extranonce2, time: 1_700_000_001, version: 0x2000_2000, nonce: 42 };
    let terms = terms(Target::MAX);
    let root = job.merkle_root(&terms, &extranonce2);
    let evaluated = job.evaluate(&root, &solution);
    group.bench_function("root", |bencher| bencher.iter(|| job.merkle_root(black_box(&terms), &extranonce2)));
    group.bench_function("evaluate", |bencher| bencher.iter(|| job.evaluate(black_box(&root), &solution)));
    let judged = |target| {
        let terms = self::terms(target);
        let job = job.clone();
        move || job.check(black_box(&terms), &solution, &evaluated).is_ok()
    };
    let (accepted, refused) = (judged(Target::from_be_bytes([0xff; 32])), judged(Target::ZERO));
    assert!(accepted() && !refused(), "what is measured is what it says");
    group.bench_function("check, accepted", |bencher| bencher.iter(&accepted));
    group.bench_function("check, above the target", |bencher| bencher.iter(&refused));
}

fn targets(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("target");
    let target = target::from_difficulty(12_345.678).expect("it is positive");
    group.bench_function("from difficulty", |bencher| {
        bencher.iter(|| target::from_difficulty(black_box(12_345.678)));
    });
    group.bench_function("difficulty", |bencher| bencher.iter(|| target::difficulty(black_box(target))));
    group.bench_function("work", |bencher| bencher.iter(|| target::work(black_box(target))));
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300));
    targets = templates, shares, targets
}
criterion_main!(benches);
