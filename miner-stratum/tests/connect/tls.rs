//! Whose certificates are taken, and what is said about the others.

use std::net::SocketAddr;

use miner_stratum::connect::{CertificateFault, ConnectError, Fingerprint, TlsError, Trust, connect_within};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio_rustls::rustls::version::{TLS12, TLS13};

use crate::support::certificates::{
    Authority, Identity, expired, file, future, of_an_authority, params, self_signed,
};
use crate::support::tls::{NAMELESS, acceptor, serve_on, server};
use crate::support::{PLENTY, fails, listener, skipped, trusting};

fn by_name(server: SocketAddr) -> String {
    format!("stratum+ssl://me:canary@localhost:{}", server.port())
}

/// Connects, and gives what the server says first.
async fn greeting(url: &str, trust: Trust) -> String {
    let route = trusting(url, trust);
    let stream = connect_within(&route, PLENTY).await.unwrap_or_else(|error| panic!("{route:?}: {error}"));
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await.unwrap();
    line
}

/// Connects by name, and gives what is wrong with the certificate.
async fn fault(identity: &Identity, trust: Trust) -> CertificateFault {
    let error = fails(&trusting(&by_name(server(identity).await), trust)).await;
    assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    let ConnectError::Tls { error: TlsError::Certificate { fault, fingerprint }, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(fingerprint, identity.fingerprint());
    fault
}

#[tokio::test]
async fn a_certificate_of_a_trusted_authority_is_taken() {
    let authority = Authority::new();
    let (_file, trust) = file(&authority.pem());
    let server = server(&authority.signs(&params(&["localhost", "127.0.0.1"]))).await;
    assert_eq!(greeting(&by_name(server), trust.clone()).await, "sni: localhost\n");
    assert_eq!(greeting(&format!("stratum+ssl://{server}"), trust).await, NAMELESS);
}

#[tokio::test]
async fn an_ipv6_address_may_be_what_a_certificate_is_for() {
    let Ok(listener) = tokio::net::TcpListener::bind("[::1]:0").await else {
        return skipped(
            "an_ipv6_address_may_be_what_a_certificate_is_for",
            "no IPv6 loopback on this machine",
        );
    };
    let server = listener.local_addr().unwrap();
    let authority = Authority::new();
    let (_file, trust) = file(&authority.pem());
    serve_on(listener, acceptor(&authority.signs(&params(&["::1"])), &[&TLS13]));
    assert_eq!(greeting(&format!("stratum+tls://{server}"), trust).await, NAMELESS);
}

#[tokio::test]
async fn a_trusted_authority_does_not_make_up_for_name_or_age() {
    let authority = Authority::new();
    let (_file, trust) = file(&authority.pem());
    let other_host = fault(&authority.signs(&params(&["other.example", "127.0.0.1"])), trust.clone()).await;
    let CertificateFault::OtherHost(names) = &other_host else { panic!("{other_host:?}") };
    assert!(names.contains("other.example") && names.contains("127.0.0.1"), "{names}");
    assert_eq!(
        fault(&authority.signs(&expired(&["localhost"])), trust.clone()).await,
        CertificateFault::Expired
    );
    assert_eq!(fault(&authority.signs(&future(&["localhost"])), trust).await, CertificateFault::NotYetValid);
}

#[tokio::test]
async fn who_is_not_trusted_is_told_apart_with_all_ways_out() {
    let (_file, others) = file(&Authority::new().pem());
    let strangers = Authority::named("stranger").signs(&params(&["localhost"]));
    assert_eq!(fault(&strangers, others.clone()).await, CertificateFault::Untrusted);
    let namesakes = Authority::new().signs(&params(&["localhost"]));
    assert_eq!(fault(&namesakes, others).await, CertificateFault::BadSignature);

    for own in [params(&["localhost"]), of_an_authority(params(&["localhost"]))] {
        let own = self_signed(&own);
        let error = fails(&trusting(&by_name(server(&own).await), Trust::System)).await.to_string();
        for part in [
            "TLS with localhost:",
            "self-signed",
            "--cert",
            "pin",
            "insecure",
            &own.fingerprint().to_string(),
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}

#[tokio::test]
async fn a_self_signed_certificate_is_taken_from_a_file() {
    for own in [params(&["localhost"]), of_an_authority(params(&["localhost"]))] {
        let own = self_signed(&own);
        let (_file, trust) = file(&format!("{}{}", Authority::new().pem(), own.pem));
        assert_eq!(greeting(&by_name(server(&own).await), trust).await, "sni: localhost\n");
    }
}

#[tokio::test]
async fn a_file_does_not_make_up_for_name_or_age_either() {
    let listed = async |params| {
        let own = self_signed(&of_an_authority(params));
        let (_file, trust) = file(&own.pem);
        fault(&own, trust).await
    };
    assert!(matches!(listed(params(&["other.example"])).await, CertificateFault::OtherHost(_)));
    assert_eq!(listed(expired(&["localhost"])).await, CertificateFault::Expired);
    assert_eq!(listed(future(&["localhost"])).await, CertificateFault::NotYetValid);
}

/// An authority is no server, unless its own certificate is the one that the user named.
#[tokio::test]
async fn the_certificate_of_an_authority_serves_nobody() {
    let authority = Authority::new();
    let (_file, trust) = file(&authority.pem());
    let lesser = authority.signs(&of_an_authority(params(&["localhost"])));
    assert!(matches!(fault(&lesser, trust).await, CertificateFault::Refused(_)));
}

#[tokio::test]
async fn a_pinned_certificate_is_taken_whatever_else_is_wrong_with_it() {
    for own in [params(&["localhost"]), params(&["other.example"]), expired(&["localhost"])] {
        let own = self_signed(&own);
        let pin = Trust::Pin(own.fingerprint());
        assert_eq!(greeting(&by_name(server(&own).await), pin).await, "sni: localhost\n");
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_the_pinned_one_is_shown_so_that_it_can_be_pinned() {
    let authority = Authority::new();
    let own = authority.signs(&params(&["localhost"]));
    for pinned in [Fingerprint([0; 32]), authority.signs(&params(&["localhost"])).fingerprint()] {
        assert_eq!(fault(&own, Trust::Pin(pinned)).await, CertificateFault::NotPinned);
    }
    let server = by_name(server(&own).await);
    let error = fails(&trusting(&server, Trust::Pin(Fingerprint([0; 32])))).await.to_string();
    let shown = error.rsplit("fingerprint is ").next().and_then(|rest| rest.get(..64)).unwrap();
    assert_eq!(greeting(&server, Trust::Pin(shown.parse().unwrap())).await, "sni: localhost\n");
}

#[tokio::test]
async fn the_insecure_switch_takes_any_certificate() {
    for own in [self_signed(&expired(&["other.example"])), Authority::new().signs(&future(&[]))] {
        assert_eq!(greeting(&by_name(server(&own).await), Trust::Insecure).await, "sni: localhost\n");
    }
}

#[tokio::test]
async fn either_version_of_tls_is_spoken() {
    let authority = Authority::new();
    let own = authority.signs(&params(&["localhost"]));
    let (_file, roots) = file(&authority.pem());
    for version in [&TLS12, &TLS13] {
        for trust in [roots.clone(), Trust::Pin(own.fingerprint()), Trust::Insecure] {
            let (listener, server) = listener().await;
            serve_on(listener, acceptor(&own, &[version]));
            assert_eq!(greeting(&by_name(server), trust).await, "sni: localhost\n", "{version:?}");
        }
    }
}

/// Certificates are public: without its key, the right one proves nothing.
#[tokio::test]
async fn a_certificate_without_its_key_is_refused_by_every_trust() {
    let authority = Authority::new();
    let (_file, roots) = file(&authority.pem());
    for version in [&TLS12, &TLS13] {
        for trust in [Some(roots.clone()), None, Some(Trust::Insecure)] {
            let other = authority.signs(&params(&["localhost"]));
            let stolen = authority.signs(&params(&["localhost"])).with_key_of(other);
            let (listener, server) = listener().await;
            serve_on(listener, acceptor(&stolen, &[version]));
            let trust = trust.unwrap_or(Trust::Pin(stolen.fingerprint()));
            let error = fails(&trusting(&by_name(server), trust)).await;
            assert!(error.to_string().contains("does not hold the key"), "{version:?}: {error}");
        }
    }
}

#[tokio::test]
async fn a_file_without_certificates_is_named() {
    let own = self_signed(&params(&["localhost"]));
    let url = by_name(server(&own).await);
    let half = own.pem.get(..own.pem.len() / 2).unwrap();
    let broken = own.pem.replace("MII", "AAA");
    for text in ["", "no PEM", half, &broken, "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"]
    {
        let (file, trust) = file(text);
        let error = fails(&trusting(&url, trust)).await;
        assert!(error.to_string().contains(&file.path().display().to_string()), "{text:?}: {error}");
        assert!(matches!(error, ConnectError::Tls { error: TlsError::Roots { .. }, .. }), "{error:?}");
    }
    let nowhere = fails(&trusting(&url, Trust::Roots("/nowhere/roots.pem".into()))).await.to_string();
    assert!(nowhere.contains("/nowhere/roots.pem"), "{nowhere}");
}

/// What the system trusts is set for a process as a whole: this test runs itself again, in one of its own.
#[test]
#[cfg(target_os = "linux")]
fn what_the_system_trusts_is_trusted() {
    let authority = Authority::new();
    let (file, _) = file(&authority.pem());
    let own = authority.signs(&params(&["localhost"]));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = by_name(runtime.block_on(server(&own)));
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tls::child_that_trusts_the_system", "--ignored", "--nocapture"])
        .env("SSL_CERT_FILE", file.path())
        .env_remove("SSL_CERT_DIR")
        .env("CHILD_CONNECTS_TO", url)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && told.contains("sni: localhost"), "{child:?}");
}

#[tokio::test]
#[ignore = "a part of what_the_system_trusts_is_trusted"]
async fn child_that_trusts_the_system() {
    let url = std::env::var("CHILD_CONNECTS_TO").unwrap();
    println!("{}", greeting(&url, Trust::System).await);
}
