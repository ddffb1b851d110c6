//! Finding a node, its port and its login, from as little as the name of a chain. Files are read;
//! nothing is sent.

mod conf;
mod site;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::rpc::Endpoint;
use crate::{Auth, Chain, NodeError};
use site::Site;

/// What is known about a node before looking for it.
#[derive(Clone, Default)]
pub struct Search {
    /// The chain. Without it, the port of `node` or bitcoin.conf tells, else it is main.
    pub chain: Option<Chain>,
    /// Its URL; see [`crate::RpcClient::new`]. The port may be missing.
    pub node: Option<String>,
    /// Its data folder.
    pub datadir: Option<PathBuf>,
    /// The login to use.
    pub auth: Option<Auth>,
}

impl fmt::Debug for Search {
    /// Without the password that a URL may hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chain, node, datadir, auth } = self;
        let node = node.as_deref().map(|url| url.rsplit('@').next());
        write!(f, "Search {{ chain: {chain:?}, node: {node:?}, datadir: {datadir:?}, auth: {auth:?} }}")
    }
}

/// How to reach a node.
#[derive(Debug, Clone)]
pub struct Discovered {
    /// Its address, without user and password.
    pub url: String,
    /// The login.
    pub auth: Auth,
    /// How both were found, for a log.
    pub how: String,
}

/// Finds a node: what `search` gives counts, the rest is looked up in the data folder, in its
/// bitcoin.conf and among a chain's defaults.
///
/// # Errors
/// [`NodeError::NotFound`] with every place looked at, or [`NodeError::BadUrl`].
pub fn discover(search: &Search) -> Result<Discovered, NodeError> {
    let folders = search.datadir.clone().map_or_else(default_folders, |folder| vec![folder]);
    discover_in(&folders, search)
}

fn discover_in(folders: &[PathBuf], search: &Search) -> Result<Discovered, NodeError> {
    let sites: Vec<Site> = folders.iter().map(|folder| Site::read(folder)).collect();
    let chain = chain_of(search, &sites);
    let parse = |url: &str| Endpoint::parse(url, Some(chain.rpc_port()));
    let given = search.node.as_deref().map(parse).transpose()?;
    let own_login = search.auth.clone().or(given.as_ref().and_then(|node| node.login.clone()));
    let found = sites.iter().find_map(|site| Some((site, site.login(chain)?)));
    let (site, (auth, how)) = match (own_login, found) {
        (Some(auth), found) => (found.map(|(site, _)| site), (auth, "as given".to_owned())),
        (None, Some((site, login))) => (Some(site), login),
        (None, None) => return Err(nothing_found(chain, given.as_ref(), &sites)),
    };
    let endpoint = match (given, site.or(sites.first())) {
        (Some(node), _) => node,
        (None, Some(site)) => parse(&site.address(chain))?,
        (None, None) => parse("127.0.0.1")?,
    };
    let url = endpoint.url();
    Ok(Discovered { how: format!("{chain} node at {url}, login {how}"), url, auth })
}

fn chain_of(search: &Search, sites: &[Site]) -> Chain {
    let by_port = || {
        let node = Endpoint::parse(search.node.as_deref()?, None).ok()?;
        Chain::of_rpc_port(node.uri.port_u16()?)
    };
    let by_conf = || sites.iter().find_map(|site| site.conf.chain());
    search.chain.or_else(by_port).or_else(by_conf).unwrap_or(Chain::Main)
}

fn nothing_found(chain: Chain, given: Option<&Endpoint>, sites: &[Site]) -> NodeError {
    let mut places: Vec<String> = sites.iter().flat_map(|site| site.looked_at(chain)).collect();
    if places.is_empty() {
        places.push("no data folder is known (--datadir DIR)".to_owned());
    }
    let looked_at = places.join(", ");
    match given {
        Some(endpoint) => NodeError::NoLogin { url: endpoint.url(), looked_at },
        None => NodeError::NotFound { chain, looked_at },
    }
}

/// Where Bitcoin Core keeps its data unless told otherwise, and where its service files put it.
fn default_folders() -> Vec<PathBuf> {
    let below =
        |variable: &str, path: &str| std::env::var_os(variable).map(|root| Path::new(&root).join(path));
    let candidates = if cfg!(target_os = "windows") {
        [below("LOCALAPPDATA", "Bitcoin"), below("APPDATA", "Bitcoin")]
    } else if cfg!(target_os = "macos") {
        [below("HOME", "Library/Application Support/Bitcoin"), None]
    } else {
        [below("HOME", ".bitcoin"), Some("/var/lib/bitcoind".into())]
    };
    candidates.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
