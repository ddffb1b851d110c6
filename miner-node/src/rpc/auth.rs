//! Logging in to a node: user and password, or the cookie file that it writes at each start.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::header::HeaderValue;

use crate::NodeError;

/// A password. It shows itself to nobody who does not ask by [`Secret::reveal`].
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    /// Wraps a password.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The password itself: to be sent, never shown.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How to log in to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// With the `user:password` in this file, which the node writes anew at each start.
    Cookie(PathBuf),
    /// The same, where it is not known which of these files is the node's: the likeliest comes first.
    OneOfCookies(Vec<PathBuf>),
    /// As in the node's rpcuser and rpcpassword, or one of its rpcauth lines.
    UserPass {
        /// The user name.
        user: String,
        /// The password.
        password: Secret,
    },
}

/// The login of one client: what it sends, and how it gets a newer one.
#[derive(Debug)]
pub(super) struct Login {
    auth: Auth,
    header: Mutex<Option<HeaderValue>>,
}

impl Login {
    pub(super) fn new(auth: Auth) -> Self {
        Self { auth, header: Mutex::new(None) }
    }

    /// The `Authorization` header to send: the one that worked, else read now.
    pub(super) fn header(&self) -> Result<HeaderValue, NodeError> {
        if let Some(header) = &*self.cached() {
            return Ok(header.clone());
        }
        let none = || NodeError::Cookie { path: PathBuf::new(), reason: "no file is known".to_owned() };
        self.renew(&[])?.ok_or_else(none)
    }

    /// After a 401: a header that was not refused yet, or `None` if there is nothing else to try.
    pub(super) fn renew(&self, refused: &[HeaderValue]) -> Result<Option<HeaderValue>, NodeError> {
        let (mut fault, mut is_readable) = (None, false);
        for header in self.headers() {
            match header {
                Ok(header) if !refused.contains(&header) => {
                    *self.cached() = Some(header.clone());
                    return Ok(Some(header));
                }
                Ok(_) => is_readable = true,
                Err(error) => fault = fault.or(Some(error)),
            }
        }
        fault.filter(|_| !is_readable).map_or(Ok(None), Err)
    }

    /// What to do about a login that the node refuses.
    pub(super) fn hint(&self) -> String {
        match &self.auth {
            Auth::Cookie(path) => not_of_this_node(std::slice::from_ref(path)),
            Auth::OneOfCookies(paths) => not_of_this_node(paths),
            Auth::UserPass { user, .. } => {
                format!("check the password of user `{user}` (rpcuser and rpcpassword in bitcoin.conf)")
            }
        }
    }

    fn headers(&self) -> Vec<Result<HeaderValue, NodeError>> {
        let of_cookie = |path: &PathBuf| read_cookie(path).map(|login| basic(&login));
        match &self.auth {
            Auth::Cookie(path) => vec![of_cookie(path)],
            Auth::OneOfCookies(paths) => paths.iter().map(of_cookie).collect(),
            Auth::UserPass { user, password } => vec![Ok(basic(&format!("{user}:{}", password.reveal())))],
        }
    }

    fn cached(&self) -> MutexGuard<'_, Option<HeaderValue>> {
        self.header.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_of_this_node(cookies: &[PathBuf]) -> String {
    let names: Vec<_> = cookies.iter().map(|path| path.display().to_string()).collect();
    format!(
        "the cookie {} is not of this node; name its own (--cookie FILE) or give -u USER -p PASS",
        names.join(" or ")
    )
}

/// The header of HTTP basic authentication (RFC 7617).
fn basic(login: &str) -> HeaderValue {
    let text = format!("Basic {}", BASE64_STANDARD.encode(login));
    let mut header = HeaderValue::try_from(text).expect("base64 is visible ASCII");
    header.set_sensitive(true);
    header
}

fn read_cookie(path: &Path) -> Result<String, NodeError> {
    let fault = |reason: &str| NodeError::Cookie { path: path.to_owned(), reason: reason.to_owned() };
    let cookie = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => fault("not there; a node writes it when it starts: is it running?"),
        std::io::ErrorKind::PermissionDenied => {
            fault("you may not read it; run as the node's user, or set rpccookieperms=group in bitcoin.conf")
        }
        _ => fault(&error.to_string()),
    })?;
    match cookie.trim_end().split_once(':') {
        Some((user, password)) if !user.is_empty() && !password.is_empty() => {
            Ok(cookie.trim_end().to_owned())
        }
        _ => {
            Err(fault("holds no `user:password`; the node may be writing it just now, else restart the node"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_authentication_is_that_of_the_rfc() {
        assert_eq!(basic("Aladdin:open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }

    #[test]
    fn no_debug_output_holds_a_password() {
        let auth = Auth::UserPass { user: "me".into(), password: Secret::new("canary") };
        let login = Login::new(auth);
        login.header().unwrap();
        let shown = format!("{login:?}");
        assert!(shown.contains("me") && !shown.contains("canary"), "{shown}");
        assert!(!shown.contains(&BASE64_STANDARD.encode("me:canary")), "{shown}");
    }

    #[test]
    fn a_cookie_is_read_again_only_when_it_changed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "__cookie__:one").unwrap();
        let login = Login::new(Auth::Cookie(file.path().to_owned()));
        let old = login.header().unwrap();
        assert_eq!(login.renew(std::slice::from_ref(&old)).unwrap(), None);
        std::fs::write(&file, "__cookie__:two\n").unwrap();
        assert_eq!(login.header().unwrap(), old);
        assert_eq!(login.renew(&[old]).unwrap(), Some(basic("__cookie__:two")));
        assert_eq!(login.header().unwrap(), basic("__cookie__:two"));
    }

    #[test]
    fn of_several_cookies_each_is_tried_once() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["gone", "a", "b"].map(|name| folder.path().join(name));
        let login = Login::new(Auth::OneOfCookies(paths.to_vec()));
        assert!(login.header().unwrap_err().to_string().contains("gone"));
        std::fs::write(&paths[1], "__cookie__:a").unwrap();
        std::fs::write(&paths[2], "__cookie__:b").unwrap();
        let [a, b] = ["__cookie__:a", "__cookie__:b"].map(basic);
        assert_eq!(login.header().unwrap(), a);
        assert_eq!(login.renew(std::slice::from_ref(&a)).unwrap(), Some(b.clone()));
        assert_eq!(login.header().unwrap(), b, "what worked is kept");
        assert_eq!(login.renew(&[b, a]).unwrap(), None);
    }

    #[test]
    fn a_half_written_or_absent_cookie_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".cookie");
        let reason = || read_cookie(&path).unwrap_err().to_string();
        assert!(reason().contains("is it running?"));
        for torn in ["", "__cook", "__cookie__", "__cookie__:"] {
            std::fs::write(&path, torn).unwrap();
            assert!(reason().contains("user:password"), "{torn:?}: {}", reason());
        }
    }
}
