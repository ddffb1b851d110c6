//! Finding nodes in made-up data folders.

use std::time::{Duration, SystemTime};

use super::*;
use crate::Secret;

/// A data folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn find(folder: &tempfile::TempDir, search: Search) -> Result<Discovered, NodeError> {
    discover(&Search { datadir: Some(folder.path().to_owned()), ..search })
}

fn on(chain: Chain) -> Search {
    Search { chain: Some(chain), ..Search::default() }
}

fn user(user: &str, password: &str) -> Auth {
    Auth::UserPass { user: user.into(), password: Secret::new(password) }
}

#[test]
fn each_chain_has_its_port_and_its_cookie() {
    for (chain, cookie, url) in [
        (Chain::Main, ".cookie", "http://127.0.0.1:8332"),
        (Chain::Testnet3, "testnet3/.cookie", "http://127.0.0.1:18332"),
        (Chain::Testnet4, "testnet4/.cookie", "http://127.0.0.1:48332"),
        (Chain::Signet, "signet/.cookie", "http://127.0.0.1:38332"),
        (Chain::Signet, "signet_0badcafe/.cookie", "http://127.0.0.1:38332"),
        (Chain::Regtest, "regtest/.cookie", "http://127.0.0.1:18443"),
    ] {
        let folder = folder(&[(cookie, "__cookie__:x")]);
        let found = find(&folder, on(chain)).unwrap();
        assert_eq!((found.url.as_str(), found.auth), (url, Auth::Cookie(folder.path().join(cookie))));
    }
}

#[test]
fn bitcoin_conf_decides_for_its_chain() {
    let conf = "rpcuser=me\nrpcpassword=canary\nrpcport=1\n[regtest]\nrpcport=1234\nrpcconnect=10.0.0.1";
    let folder = folder(&[("bitcoin.conf", conf)]);
    let found = find(&folder, on(Chain::Regtest)).unwrap();
    assert_eq!((found.url.as_str(), &found.auth), ("http://10.0.0.1:1234", &user("me", "canary")));
    assert!(!format!("{found:?}").contains("canary"));
    assert_eq!(find(&folder, on(Chain::Signet)).unwrap().url, "http://127.0.0.1:38332");
}

#[test]
fn a_bound_port_is_used_and_a_bound_address_is_not() {
    for (bind, url) in [
        ("rpcbind=0.0.0.0:99", "http://127.0.0.1:99"),
        ("rpcbind=[::]:98", "http://127.0.0.1:98"),
        ("rpcbind=::", "http://127.0.0.1:8332"),
        ("rpcconnect=host:97", "http://host:97"),
        ("rpcconnect=host:97\nrpcport=96", "http://host:96"),
        ("rpcconnect=[::1]\nrpcport=95", "http://[::1]:95"),
    ] {
        let folder = folder(&[(".cookie", "a:b"), ("bitcoin.conf", bind)]);
        assert_eq!(find(&folder, on(Chain::Main)).unwrap().url, url, "{bind}");
    }
}

#[test]
fn another_data_folder_and_cookie_name_are_followed() {
    let data = folder(&[("regtest/biscuit", "a:b")]);
    let conf = format!("datadir={}\nrpccookiefile=biscuit", data.path().display());
    let found = find(&folder(&[("bitcoin.conf", &conf)]), on(Chain::Regtest)).unwrap();
    assert_eq!(found.auth, Auth::Cookie(data.path().join("regtest/biscuit")));
}

#[test]
fn what_is_given_goes_before_what_is_found() {
    let folder = folder(&[("regtest/.cookie", "a:b"), ("bitcoin.conf", "[regtest]\nrpcport=1")]);
    let node = Some("http://u:p@host".to_owned());
    let by_url = find(&folder, Search { node: node.clone(), ..on(Chain::Regtest) }).unwrap();
    assert_eq!((by_url.url.as_str(), by_url.auth), ("http://host:18443", user("u", "p")));
    let auth = Some(user("me", "canary"));
    let by_flags = find(&folder, Search { node, auth: auth.clone(), ..on(Chain::Regtest) }).unwrap();
    assert_eq!(Some(by_flags.auth), auth);
    let no_url = find(&folder, Search { auth, ..on(Chain::Regtest) }).unwrap();
    assert_eq!(no_url.url, "http://127.0.0.1:1");
}

#[test]
fn without_a_chain_the_port_or_the_configuration_tells() {
    let files = [(".cookie", "a:b"), ("regtest/.cookie", "a:b"), ("signet/.cookie", "a:b")];
    let plain = folder(&files);
    let node = |url: &str| Search { node: Some(url.into()), ..Search::default() };
    let cookie = |found: Discovered| match found.auth {
        Auth::Cookie(path) => path.strip_prefix(plain.path()).unwrap().to_owned(),
        other => panic!("{other:?} is not one cookie"),
    };
    assert_eq!(cookie(find(&plain, node("host:38332")).unwrap()), Path::new("signet/.cookie"));
    assert_eq!(cookie(find(&plain, node("host:1")).unwrap()), Path::new(".cookie"));
    std::fs::write(plain.path().join("bitcoin.conf"), "regtest=1").unwrap();
    assert_eq!(find(&plain, Search::default()).unwrap().url, "http://127.0.0.1:18443");
}

#[test]
fn of_several_signets_the_one_started_last_comes_first() {
    let folder =
        folder(&[("signet/.cookie", "a:b"), ("signet_1/.cookie", "a:b"), ("signet_2/.cookie", "a:b")]);
    let newest = folder.path().join("signet_1/.cookie");
    let later = SystemTime::now() + Duration::from_secs(60);
    std::fs::File::options().write(true).open(&newest).unwrap().set_modified(later).unwrap();
    match find(&folder, on(Chain::Signet)).unwrap().auth {
        Auth::OneOfCookies(cookies) => assert_eq!((cookies.len(), &cookies[0]), (3, &newest)),
        other => panic!("{other:?} is not three cookies"),
    }
}

#[test]
fn where_nothing_is_found_every_place_is_named() {
    let folder = folder(&[]);
    let error = find(&folder, on(Chain::Regtest)).unwrap_err().to_string();
    for words in ["regtest/.cookie", "bitcoin.conf", "bitcoind -chain=regtest", "--node URL"] {
        assert!(error.contains(words), "{words}: {error}");
    }
    let node = Some("host:1".to_owned());
    let error = find(&folder, Search { node, ..on(Chain::Regtest) }).unwrap_err().to_string();
    assert!(error.contains("http://host:1") && error.contains("-u USER -p PASS"), "{error}");
}

#[test]
fn without_any_folder_a_login_is_enough() {
    let search = Search { auth: Some(user("a", "b")), ..on(Chain::Regtest) };
    assert_eq!(discover_in(&[], &search).unwrap().url, "http://127.0.0.1:18443");
    assert!(discover_in(&[], &on(Chain::Main)).unwrap_err().to_string().contains("--datadir"));
}

#[test]
fn no_debug_output_of_a_search_holds_a_password() {
    let node = Some("http://me:canary@host:1".to_owned());
    let shown = format!("{:?}", Search { node, auth: Some(user("me", "canary")), ..Search::default() });
    assert!(shown.contains("host:1") && !shown.contains("canary"), "{shown}");
}
