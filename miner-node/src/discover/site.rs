//! One data folder of a node: which login and address its files tell.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::conf::Conf;
use crate::{Auth, Chain, Secret};

/// A data folder with the configuration in it.
pub(super) struct Site {
    folder: PathBuf,
    pub(super) conf: Conf,
    /// Why the configuration could not be read.
    unread: Option<String>,
}

impl Site {
    pub(super) fn read(folder: &Path) -> Self {
        let path = folder.join("bitcoin.conf");
        let (conf, unread) = match Conf::read(&path) {
            Ok(conf) => (conf, None),
            Err(error) => (Conf::default(), Some(format!("{}: {error}", path.display()))),
        };
        let folder = conf.get(Chain::Main, "datadir").map_or_else(|| folder.to_owned(), PathBuf::from);
        Self { folder, conf, unread }
    }

    /// The login that a node with this folder takes, and where it was found.
    pub(super) fn login(&self, chain: Chain) -> Option<(Auth, String)> {
        if let Some(password) = self.conf.get(chain, "rpcpassword").filter(|password| !password.is_empty()) {
            let user = self.conf.get(chain, "rpcuser").unwrap_or_default().to_owned();
            let how = format!("`{user}` from bitcoin.conf of {}", self.folder.display());
            return Some((Auth::UserPass { user, password: Secret::new(password) }, how));
        }
        let cookies = self.cookies(chain).into_iter();
        let mut cookies: Vec<_> = cookies.filter_map(|path| Some((written(&path)?, path))).collect();
        // A node that stops removes its cookie. Where there are several, the newest is the likeliest.
        cookies.sort();
        let mut cookies: Vec<_> = cookies.into_iter().rev().map(|(_, path)| path).collect();
        let how = format!("from {}", cookies.first()?.display());
        let auth =
            if cookies.len() == 1 { Auth::Cookie(cookies.remove(0)) } else { Auth::OneOfCookies(cookies) };
        Some((auth, how))
    }

    /// Where the node's cookie may lie.
    fn cookies(&self, chain: Chain) -> Vec<PathBuf> {
        let folder = chain.folder().map_or_else(|| self.folder.clone(), |name| self.folder.join(name));
        if let Some(name) = self.conf.get(chain, "rpccookiefile") {
            return vec![folder.join(name)];
        }
        let mut folders = vec![folder];
        if chain == Chain::Signet {
            folders.extend(custom_signets(&self.folder));
        }
        folders.into_iter().map(|folder| folder.join(".cookie")).collect()
    }

    /// Host and port as bitcoin-cli would choose them; the port may be missing.
    pub(super) fn address(&self, chain: Chain) -> String {
        let host = self.conf.get(chain, "rpcconnect").unwrap_or("127.0.0.1");
        let bound = self.conf.get(chain, "rpcbind").and_then(|bind| Some(bind.rsplit_once(':')?.1));
        let bound = bound.filter(|port| port.parse::<u16>().is_ok());
        match self.conf.get(chain, "rpcport").or(bound) {
            Some(port) => format!("{}:{port}", host_alone(host)),
            None => host.to_owned(),
        }
    }

    pub(super) fn looked_at(&self, chain: Chain) -> Vec<String> {
        let cookies = self.cookies(chain).into_iter().map(|path| format!("no cookie {}", path.display()));
        let conf = self.unread.clone().unwrap_or_else(|| {
            format!("no rpcpassword for {chain} in {}", self.folder.join("bitcoin.conf").display())
        });
        cookies.chain([conf]).collect()
    }
}

fn custom_signets(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_signet = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("signet_"))
    };
    entries.map(|entry| entry.path()).filter(is_signet).collect()
}

fn written(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|file| file.modified()).ok()
}

/// A host without the port that may follow it.
fn host_alone(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, _)) if !name.contains(':') || name.ends_with(']') => name,
        _ => host,
    }
}
