//! The vectors, mined over a session: the job goes out as they say, and their share is taken.

use std::sync::Arc;

use miner_core::{Extranonce, target};
use miner_stratum::Notify;
use serde_json::{Value, json};

use crate::pool::TestPool;
use crate::visitor::Miner;

#[tokio::test]
async fn every_share_is_taken_at_its_own_difficulty_and_no_higher() {
    let vectors: Value = serde_json::from_str(include_str!("../vectors/vectors.json")).unwrap();
    let vectors = vectors["stratum"].as_array().unwrap();
    assert!(vectors.len() >= 2);
    for vector in vectors {
        let reached = vector["share_difficulty"].as_f64().unwrap();
        for (difficulty, taken) in [(reached * (1.0 - 1e-9), true), (reached * (1.0 + 1e-9), false)] {
            let (pool, result) = mine(vector, difficulty).await;
            let name = &vector["name"];
            let is_block = !pool.blocks().is_empty();
            assert_eq!(result, if taken || is_block { Ok(()) } else { Err(23) }, "{name} at {difficulty}");
            let hash = vector["hash"].as_str().unwrap();
            assert!(pool.blocks().iter().all(|block| block.to_string() == hash), "{name}");
        }
    }
}

/// Submits a vector's share to a pool that announces its job.
async fn mine(vector: &Value, difficulty: f64) -> (Arc<TestPool>, Result<(), i64>) {
    let text = |key: &str| vector[key].as_str();
    let notify = Notify::parse(&vector["notify_params"]).unwrap();
    let pool = TestPool::with(&Arc::new(notify.to_job().unwrap()));
    *pool.difficulty.lock().unwrap() = difficulty;
    let extranonce1: Vec<u8> = bitcoin::hex::FromHex::from_hex(text("extranonce1").unwrap()).unwrap();
    *pool.extranonce1.lock().unwrap() = Some(Extranonce::try_from(&extranonce1[..]).unwrap());
    let mut miner = Miner::new(&pool);
    if let Some(mask) = text("version_mask") {
        let asked = json!([["version-rolling"], {"version-rolling.mask": mask}]);
        assert_eq!(miner.call("mining.configure", &asked).await.unwrap()["version-rolling.mask"], mask);
    }
    miner.call("mining.subscribe", &json!([])).await.unwrap();
    let submit = &vector["submit_params"];
    miner.call("mining.authorize", &json!([submit[0], ""])).await.unwrap();
    let mut announced = miner.notification("mining.notify").await;
    announced[8] = vector["notify_params"][8].clone();
    assert_eq!(announced, vector["notify_params"], "but for `clean`, which the first job always is");
    let result = miner.submit(submit).await;
    for heard in pool.log() {
        if let crate::pool::Heard::Accepted { hash, difficulty: asked, .. } = heard {
            assert_eq!(hash.to_string(), text("hash").unwrap());
            let share_target = target::from_difficulty(difficulty).unwrap();
            assert!(asked <= target::difficulty(share_target));
        }
    }
    (pool, result)
}
