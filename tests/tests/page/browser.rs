//! The page in a real browser, `CHROMIUM_EXE`, which `scripts/test page` finds or fetches.

use std::process::Command;

use super::{hostile, miner};

/// Milliseconds of the page's own time, in which it asks several times.
const BUDGET: &str = "6000";

/// What a browser shows, and what it complains of.
struct Shown {
    dom: String,
    console: String,
}

/// Opens a page; `more` are further flags.
fn show(url: &str, more: &[&str]) -> Shown {
    let browser = std::env::var("CHROMIUM_EXE").expect("scripts/test page says which browser to use");
    let data = tempfile::tempdir().unwrap();
    let profile = format!("--user-data-dir={}", data.path().display());
    let output = Command::new("timeout")
        .args([
            "300",
            &browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync", &profile])
        .args(["--enable-logging=stderr", "--window-size=1200,1500"])
        .args([&format!("--virtual-time-budget={BUDGET}"), url])
        .args(more)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let stderr = text(output.stderr);
    assert!(output.status.success(), "{stderr}");
    let console = stderr.lines().filter(|line| line.contains("CONSOLE")).collect::<Vec<_>>().join("\n");
    Shown { dom: text(output.stdout), console }
}

/// The text of the element with this id.
fn text<'a>(dom: &'a str, id: &str) -> &'a str {
    let start = dom.split_once(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("no {id} in {dom}")).1;
    start.split_once('>').unwrap().1.split_once('<').unwrap().0
}

/// The markup between an element with this id and the end of its kind.
fn inside<'a>(dom: &'a str, id: &str, end: &str) -> &'a str {
    dom.split_once(&format!("id=\"{id}\"")).unwrap().1.split_once(end).unwrap().0
}

#[test]
#[ignore = "needs a browser: scripts/test page"]
fn a_hostile_pool_is_shown_and_runs_nothing() {
    let arguments = hostile::arguments(hostile::pool());
    let (mut run, page) = miner(&arguments.each_ref().map(String::as_str));
    let block = run.next("block");
    page.json_when(|status| {
        super::sum(&status["summary"]["rejected"]) > 0 && !status["blocks"].as_array().unwrap().is_empty()
    });
    let url = format!("http://{}/", page.address());
    let shown = show(&url, &["--dump-dom"]);
    let dom = &shown.dom;
    assert_eq!(shown.console, "", "nothing is refused and nothing fails");
    assert_eq!(text(dom, "health"), "mining");
    assert!(text(dom, "rate").ends_with("H/s"), "{}", text(dom, "rate"));
    assert!(inside(dom, "upstream", "</tbody>").contains(arguments[1].as_str()));
    assert!(inside(dom, "devices", "</tbody>").contains("at work"));
    assert!(inside(dom, "blocks", "</tbody>").contains(block["hash"].as_str().unwrap()));
    assert!(inside(dom, "curve", "</path>").matches(" L ").count() > 3, "the curve grows");
    for place in [inside(dom, "ledger", "</tbody>"), inside(dom, "log", "</ol>")] {
        assert!(place.contains("&lt;img src=x onerror="), "what the pool said is there, as text: {place}");
    }
    let title = dom.split_once("<title>").unwrap().1.split_once('<').unwrap().0;
    assert!(title.ends_with("H/s – miner") && !dom.contains("<img") && !dom.contains("<b>"), "{title}");
}

#[test]
#[ignore = "needs a browser: scripts/test page"]
fn a_pool_and_its_workers_are_shown() {
    let listen = ["pool", "--listen", "127.0.0.1:0", "--difficulty", "1e-4", "--block-difficulty", "2e-4"];
    let (mut pool, page) = miner(&listen);
    let url = pool.next("listening")["url"].as_str().unwrap().to_owned();
    // So few shares that what nobody reads of the output holds up neither.
    let _miner = miner_tests::Miner::new(&["-o", &url, "-u", "me", "--max-hashrate", "500k"]).start();
    // Blocks are told at once, and what miners reach once a second.
    page.json_when(|status| {
        !status["blocks"].as_array().unwrap().is_empty() && status["hashrate"]["miners"] == 1
    });
    let shown = show(&format!("http://{}/", page.address()), &["--dump-dom"]);
    assert_eq!(shown.console, "");
    assert_eq!(text(&shown.dom, "health"), "serving");
    assert!(inside(&shown.dom, "upstream", "</tbody>").contains("1 miner connected"), "{}", shown.dom);
    assert!(inside(&shown.dom, "blocks", "</tbody>").contains("accepted"));
}
