//! What becomes of shares: refused, unanswered, too late, too many.

use std::time::Duration;

use miner_stratum::ledger::Fate;
use serde_json::{Value, json};

use crate::support::job::{self, BLOCK_BITS, EASY};
use crate::support::pool::{Pool, Settings, Step};
use crate::support::rig::Rig;
use crate::support::seed;

#[tokio::test]
async fn with_a_tiny_difficulty_submits_keep_a_pace_and_the_books_balance() {
    let mut rng = seed::rng("tiny difficulty");
    let pool = Pool::start(Settings { difficulty: 1e-12, ..Settings::default() }, &mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    for _ in 0..20 {
        (0..250).for_each(|_| _ = rig.find());
        rig.listen();
        tokio::task::yield_now().await;
    }
    rig.client.drain(Duration::from_secs(120)).await;
    rig.during(Duration::from_millis(50)).await;
    let columns = rig.check();
    println!("{columns:?}");
    assert_eq!((columns.in_flight.shares, columns.queued.shares), (0, 0));
    assert_eq!(columns.accepted.shares, pool.accepted().len() as u64);
    // The best share of all was sent.
    let best = rig.found.values().min_by_key(|share| share.hash_value()).unwrap().hash();
    assert!(pool.accepted().contains(&best));
}

#[tokio::test]
async fn a_worker_that_is_refused_under_way_is_authorized_again_or_said() {
    let mut rng = seed::rng("unauthorized");
    let settings = Settings::scripted(|heard, honest| {
        let refused = heard.method == "mining.submit" && heard.connection == 0 && heard.before >= 3;
        if refused { vec![refusal(heard.id, &json!([24, "Unauthorized worker", null]))] } else { honest }
    });
    let pool = Pool::start(settings, &mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    for _ in 0..3 {
        rig.mine().await;
    }
    let share = rig.find();
    let fate = rig.fate(share).await;
    assert!(matches!(&fate, Fate::Rejected(reason) if reason.contains("Unauthorized")), "{fate:?}");
    let again = |pool: &Pool| pool.heard("mining.authorize") > 1;
    rig.until("a word or a deed", |rig| again(&pool) || !rig.said.is_empty()).await;
    assert!(rig.check().balance());
}

#[tokio::test]
async fn every_form_of_refusal_counts_once_by_its_reason() {
    let mut rng = seed::rng("refusals");
    let forms = [
        json!({"result": null, "error": [20, "Other", null]}),
        json!({"result": null, "error": [23, "Low difficulty share"]}),
        json!({"error": {"code": 22, "message": "Duplicate share"}}),
        json!({"result": false, "error": null, "reject-reason": "Above target"}),
        json!({"result": null, "error": "Invalid"}),
        json!({"result": false, "error": null}),
        json!({"result": false}),
        json!({"result": null, "error": [21, "Job not found", null]}),
        json!({"result": false, "error": "Stale"}),
    ];
    let count = forms.len();
    let answers = forms.clone();
    let settings = Settings::scripted(move |heard, honest| match (heard.method, answers.get(heard.before)) {
        ("mining.submit", Some(form)) => {
            let mut answer = form.clone();
            answer["id"] = heard.id.clone();
            vec![Step::Line(answer)]
        }
        _ => honest,
    });
    let pool = Pool::start(settings, &mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    for form in &forms {
        let share = rig.find();
        assert!(!matches!(rig.fate(share).await, Fate::Accepted | Fate::Lost(_)), "{form}");
    }
    rig.mine().await;
    rig.client.drain(Duration::from_secs(120)).await;
    let columns = rig.check();
    let refused: u64 =
        columns.rejected.values().chain(columns.stale.values()).map(|amount| amount.shares).sum();
    assert_eq!((refused, columns.accepted.shares), (count as u64, 1));
    assert_eq!(columns.stale.len(), 2, "{columns:?}");
}

#[tokio::test]
async fn shares_that_get_no_answer_are_lost_by_that_name_and_the_rest_goes_on() {
    let mut rng = seed::rng("unanswered");
    let settings = Settings::scripted(|heard, honest| {
        let silent = heard.method == "mining.submit" && heard.before < 5;
        if silent { Vec::new() } else { honest }
    });
    let pool = Pool::start(settings, &mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    let unheard: Vec<_> = (0..5).map(|_| rig.find()).collect();
    rig.mine().await;
    rig.client.drain(Duration::from_millis(300)).await;
    for share in unheard {
        assert!(matches!(rig.fate(share).await, Fate::Lost(_)), "{rig:?}");
    }
    rig.audit(&[&pool]).await;
}

/// Only the client's own books can tell: to this pool, any answer is as good as another.
fn refusal(id: &Value, error: &Value) -> Step {
    Step::Line(json!({"id": id, "result": null, "error": error}))
}

#[tokio::test]
async fn after_a_clean_job_shares_are_stale_and_blocks_are_sent() {
    let mut rng = seed::rng("clean");
    let pool = Pool::honest(&mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    let first =
        pool.job_like(true, |params| params.bits = bitcoin::CompactTarget::from_consensus(BLOCK_BITS));
    rig.job(&first).await;
    let (block_job, block_terms) = rig.work.clone().unwrap();
    let second = pool.job(false);
    rig.job(&second).await;
    let (share_job, share_terms) = rig.work.clone().unwrap();
    // An earlier job of the same block still counts.
    let earlier = rig.find_for(&block_job, &block_terms);
    assert_eq!(rig.fate(earlier).await, Fate::Accepted);
    let third = pool.job(true);
    rig.job(&third).await;
    let late = rig.find_for(&share_job, &share_terms);
    assert!(matches!(rig.fate(late).await, Fate::Stale(_)), "{rig:?}");
    let sent = pool.log().len();
    let block = rig.find_for(&block_job, &block_terms);
    assert!(rig.found[&block].is_block());
    assert_eq!(rig.fate(block).await, Fate::Accepted);
    assert_eq!(pool.log().len(), sent + 1, "the stale share was not sent, the block was");
    rig.audit(&[&pool]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clean_jobs_amid_shares_upset_no_book() {
    let mut rng = seed::rng("clean amid");
    let pool = Pool::honest(&mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    for _ in 0..40 {
        // Before the pool's job, as it is on its way, and after it: some are in time, and some are not.
        (0..5).for_each(|_| _ = rig.find());
        rig.during(Duration::from_millis(rng.u64(..20))).await;
        pool.job(true);
        (0..5).for_each(|_| _ = rig.find());
        rig.during(Duration::from_millis(20)).await;
    }
    let columns = rig.audit(&[&pool]).await;
    assert!(columns.lost.is_empty() && columns.rejected.is_empty(), "{columns:?}");
    assert!(columns.accepted.shares > 20 && !columns.stale.is_empty(), "{columns:?}");
}

#[tokio::test]
async fn a_job_that_is_announced_once_more_ends_nothing() {
    let mut rng = seed::rng("repeated job");
    let pool = Pool::honest(&mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    let (job, terms) = rig.work.clone().unwrap();
    assert!(job.is_clean());
    let newest = pool.job(true);
    rig.job(&newest).await;
    let (first, terms_of_first) = rig.work.clone().unwrap();
    pool.set_difficulty(EASY * 2.0);
    for _ in 0..3 {
        pool.again(&newest);
        rig.during(Duration::from_millis(50)).await;
        rig.mine().await;
        let old = rig.find_for(&first, &terms_of_first);
        assert_eq!(rig.fate(old).await, Fate::Accepted);
    }
    assert_eq!(rig.share_target(), job::target_of(EASY * 2.0));
    let late = rig.find_for(&job, &terms);
    assert!(matches!(rig.fate(late).await, Fate::Stale(_)));
    rig.audit(&[&pool]).await;
}
