//! Who must have the token, and what nobody is shown.

use miner_tests::TestPool;

use super::client::Client;
use super::miner;

/// What no answer and no line may hold.
const CANARY: &str = "canary-51f0";
const PATHS: [&str; 8] =
    ["/", "/page.js", "/api/status", "/api/events", "/api/history", "/metrics", "/health", "/nothing"];

fn base64(text: &str) -> String {
    // `base64` is in the standard tools.
    let command = format!("printf %s '{text}' | base64 -w0");
    let output = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_others_can_reach_opens_by_its_token_alone() {
    let (mut run, open) = miner(&["--http", "0.0.0.0:0", "--http-token", CANARY, "--difficulty", "1"]);
    // From here on it heeds signals.
    run.next("job");
    let page = Client::new(&format!("http://{}", open.address().replace("0.0.0.0", "127.0.0.1")));
    for path in PATHS {
        let refused = page.get(path, &[]);
        assert!(
            refused.status == 401 && refused.head.contains("www-authenticate: Basic"),
            "{path}: {refused:?}"
        );
        assert!(!refused.head.contains(CANARY) && !refused.body.contains(CANARY), "{path}: {refused:?}");
    }
    let bearer = format!("Bearer {CANARY}");
    let basic = format!("Basic {}", base64(&format!("me:{CANARY}")));
    for header in [&bearer, &basic] {
        let answer = page.get("/api/status", &[("Authorization", header)]);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(!answer.body.contains(CANARY), "{answer:?}");
    }
    for wrong in ["Bearer canary-51f1", "Bearer ", "Basic !!!", "Bearer canary-51f0x"] {
        assert_eq!(page.get("/", &[("Authorization", wrong)]).status, 401, "{wrong}");
    }
    run.signal("INT");
    let (status, events) = run.end();
    assert!(status.success(), "{status}");
    assert!(!format!("{events:?}").contains(CANARY));
}

#[test]
fn no_password_is_on_any_page() {
    let pool = TestPool::start(TestPool::NO_BLOCKS, 1e-5);
    let in_the_url = pool.url().replace("://", &format!("://me:{CANARY}@"));
    for login in [&["-o", &pool.url(), "-u", "me", "-p", CANARY][..], &["-o", &in_the_url]] {
        let (_run, page) = miner(&[login, &["--max-hashrate", "1M", "-D"]].concat());
        page.json_when(|status| status["summary"]["accepted"].as_u64() > Some(0));
        for path in PATHS {
            let answer = page.get(path, &[]);
            assert!(!answer.head.contains(CANARY) && !answer.body.contains(CANARY), "{path}: {answer:?}");
        }
    }
}
