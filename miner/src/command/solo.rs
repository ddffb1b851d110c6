//! `miner solo`: mines to a node that is found by itself.

use std::process::ExitCode;

use crate::args::SoloArgs;
use crate::command::mine;
use crate::source::node::Wanted;

pub(crate) fn run(args: SoloArgs) -> anyhow::Result<ExitCode> {
    let SoloArgs { chain, nodes, datadir, node, mining } = args;
    mine::on_nodes(&Wanted { chain: Some(chain), urls: nodes, datadir }, &node, &mining)
}
