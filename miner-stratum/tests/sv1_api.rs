//! An independent implementation of the messages reads what we write, and the other way round, for each that it knows:
//! not ping, reconnect, show_message, get_version, nor the number of suggest_difficulty.

use miner_core::bitcoin::hashes::Hash as _;
use miner_core::bitcoin::{BlockHash, CompactTarget};
use miner_core::{Extranonce, VersionMask};
use miner_stratum::message::{Configure, Configured, Subscribe, Subscribed};
use miner_stratum::{ClientCall, Frame, Id, Notify, PoolCall, Rejection, Reply, Submit};
use serde_json::{Value, json};
use sv1_api::json_rpc::Message;
use sv1_api::methods::{Client2Server, Method, Server2Client, Server2ClientResponse};
use sv1_api::utils::{self, HexU32Be, MerkleNode};
use sv1_api::{client_to_server, server_to_client};

const ID: u64 = 7;

/// Our frame, read by theirs.
fn theirs(frame: &Frame) -> Method {
    let line = frame.to_line();
    let message: Message = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
    message.try_into().unwrap_or_else(|error| panic!("{line}: {error:?}"))
}

fn their_request(call: &ClientCall) -> Client2Server {
    match theirs(&Frame::Call(call.to_call(Id::from(ID)))) {
        Method::Client2Server(request) => request,
        other => panic!("{other:?}"),
    }
}

fn their_notification(call: &PoolCall) -> Server2Client {
    match theirs(&Frame::Call(call.to_call(Id::NULL))) {
        Method::Server2Client(notification) => notification,
        other => panic!("{other:?}"),
    }
}

fn their_response(result: Value) -> Server2ClientResponse {
    match theirs(&Frame::Reply(Reply { id: Id::from(ID), outcome: Ok(result) })) {
        Method::Server2ClientResponse(response) => response,
        other => panic!("{other:?}"),
    }
}

/// Their message, read by ours.
fn ours(message: impl Into<Message>) -> Frame {
    let line = serde_json::to_string(&message.into()).unwrap();
    Frame::parse(line.as_bytes()).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn our_client_call(message: impl Into<Message>) -> ClientCall {
    let Frame::Call(call) = ours(message) else { panic!("no call") };
    assert_eq!(call.id.number(), Some(ID));
    ClientCall::parse(&call).unwrap_or_else(|error| panic!("{call:?}: {error}"))
}

fn our_pool_call(message: impl Into<Message>) -> PoolCall {
    let Frame::Call(call) = ours(message) else { panic!("no call") };
    PoolCall::parse(&call).unwrap_or_else(|error| panic!("{call:?}: {error}"))
}

fn our_outcome(message: impl Into<Message>) -> Result<Value, Rejection> {
    let Frame::Reply(reply) = ours(message) else { panic!("no reply") };
    assert_eq!(reply.id.number(), Some(ID));
    reply.outcome
}

fn their_extranonce(bytes: &[u8]) -> utils::Extranonce {
    bytes.to_vec().try_into().unwrap()
}

fn extranonce(bytes: &[u8]) -> Extranonce {
    Extranonce::try_from(bytes).unwrap()
}

fn counting() -> [u8; 32] {
    std::array::from_fn(|at| at as u8)
}

fn notify() -> Notify {
    Notify {
        job_id: "a job".into(),
        prev_blockhash: BlockHash::from_byte_array(counting()),
        coinbase1: vec![1, 2, 3],
        coinbase2: vec![0xfe, 0xff],
        branch: vec![counting(), [0xab; 32]],
        version: 0x2000_0004,
        bits: CompactTarget::from_consensus(0x1705_ae3a),
        time: 0x0470_25b5,
        clean: true,
    }
}

fn submit(version_bits: Option<u32>) -> Submit {
    Submit {
        worker: "user.worker".into(),
        job_id: "a job".into(),
        extranonce2: extranonce(&[0, 0, 0, 9]),
        time: 0x0470_25b5,
        nonce: 0x0a02_9ed1,
        version_bits,
    }
}

#[test]
fn notify_goes_both_ways() {
    let Server2Client::Notify(theirs) = their_notification(&PoolCall::Notify(notify())) else {
        panic!("not a notify")
    };
    // Natural byte order on both sides: the words were reversed on the wire alone.
    assert_eq!(theirs.prev_hash.as_ref() as &[u8], counting());
    assert_eq!(Vec::from(theirs.coin_base1.clone()), [1, 2, 3]);
    let branch: Vec<Vec<u8>> = theirs.merkle_branch.iter().cloned().map(Vec::from).collect();
    assert_eq!(branch, [counting(), [0xab; 32]]);
    assert_eq!((theirs.version.0, theirs.bits.0, theirs.time.0), (0x2000_0004, 0x1705_ae3a, 0x0470_25b5));
    assert_eq!((theirs.job_id.as_str(), theirs.clean_jobs), ("a job", true));
    assert_eq!(our_pool_call(theirs), PoolCall::Notify(notify()));
}

#[test]
fn a_job_of_theirs_is_the_same_here() {
    let theirs = server_to_client::Notify {
        job_id: "a job".into(),
        prev_hash: utils::PrevHash(counting().into()),
        coin_base1: vec![1, 2, 3].into(),
        coin_base2: vec![0xfe, 0xff].into(),
        merkle_branch: vec![MerkleNode(counting().into()), MerkleNode([0xab; 32].into())],
        version: HexU32Be(0x2000_0004),
        bits: HexU32Be(0x1705_ae3a),
        time: HexU32Be(0x0470_25b5),
        clean_jobs: true,
    };
    assert_eq!(our_pool_call(theirs), PoolCall::Notify(notify()));
}

#[test]
fn difficulties_go_both_ways() {
    for difficulty in [1.0, 512.0, 16383.75, 0.001, 4.656_542_373_906_925e-10, 1e20, 1e300] {
        let ours = PoolCall::SetDifficulty(difficulty);
        let Server2Client::SetDifficulty(theirs) = their_notification(&ours) else { panic!("{ours:?}") };
        assert_eq!(theirs.value, difficulty);
        assert_eq!(our_pool_call(theirs), ours);
        // Theirs reads no number, and so must not stumble over ours.
        let suggested = their_request(&ClientCall::SuggestDifficulty(difficulty));
        assert!(matches!(suggested, Client2Server::SuggestDifficulty()));
    }
}

#[test]
fn extranonces_go_both_ways() {
    for (bytes, size) in [(&[8, 0, 0, 2][..], 4), (&[0xff; 32], 16), (&[], 0)] {
        let ours = PoolCall::SetExtranonce { extranonce1: extranonce(bytes), extranonce2_size: size };
        let Server2Client::SetExtranonce(theirs) = their_notification(&ours) else { panic!("{ours:?}") };
        assert_eq!(theirs.extra_nonce1.as_ref() as &[u8], bytes);
        assert_eq!(theirs.extra_nonce2_size, usize::from(size));
        assert_eq!(our_pool_call(theirs), ours);
    }
    let subscribe = their_request(&ClientCall::ExtranonceSubscribe);
    let Client2Server::ExtranonceSubscribe(theirs) = subscribe else { panic!("{subscribe:?}") };
    assert_eq!(our_client_call(theirs), ClientCall::ExtranonceSubscribe);
    assert_eq!(our_outcome(theirs.respond()), Ok(json!(true)));
}

#[test]
fn version_masks_go_both_ways() {
    let ours = PoolCall::SetVersionMask(VersionMask::new(0x3000));
    let Server2Client::SetVersionMask(theirs) = their_notification(&ours) else { panic!("{ours:?}") };
    assert_eq!(theirs.version_mask, HexU32Be(0x3000));
    // They write it under another name than the one they read.
    assert_eq!(our_pool_call(theirs), ours);
}

#[test]
fn shares_go_both_ways_with_and_without_version_bits() {
    for bits in [None, Some(0), Some(0x1fff_e000)] {
        let ours = ClientCall::Submit(submit(bits));
        let Client2Server::Submit(theirs) = their_request(&ours) else { panic!("{ours:?}") };
        assert_eq!(theirs.extra_nonce2, their_extranonce(&[0, 0, 0, 9]));
        assert_eq!((theirs.time.0, theirs.nonce.0), (0x0470_25b5, 0x0a02_9ed1));
        assert_eq!(theirs.version_bits, bits.map(HexU32Be));
        assert_eq!((theirs.user_name.as_str(), theirs.job_id.as_str()), ("user.worker", "a job"));
        assert_eq!(our_client_call(theirs), ours);
    }
}

#[test]
fn logins_go_both_ways() {
    let ours = ClientCall::Authorize { worker: "user.worker".into(), password: "x".into() };
    let Client2Server::Authorize(theirs) = their_request(&ours) else { panic!("{ours:?}") };
    assert_eq!((theirs.name.as_str(), theirs.password.as_str()), ("user.worker", "x"));
    assert_eq!(our_client_call(theirs), ours);
}

#[test]
fn subscriptions_go_both_ways() {
    // They take the session's id for an extranonce1 to resume, so it has to be hex.
    for session_id in [None, Some("08000002".to_owned())] {
        let ours =
            ClientCall::Subscribe(Subscribe { agent: "agent/1.0".into(), session_id: session_id.clone() });
        let Client2Server::Subscribe(theirs) = their_request(&ours) else { panic!("{ours:?}") };
        assert_eq!(theirs.agent_signature, "agent/1.0");
        assert_eq!(theirs.extranonce1.clone().map(String::from), session_id);
        assert_eq!(our_client_call(Message::try_from(theirs).unwrap()), ours);
    }
}

#[test]
fn what_was_subscribed_goes_both_ways() {
    for session_id in [Some("S".to_owned()), None] {
        let ours = Subscribed { session_id, extranonce1: extranonce(&[8, 0, 0, 2]), extranonce2_size: 4 };
        let Server2ClientResponse::Subscribe(theirs) = their_response(ours.to_value()) else {
            panic!("{ours:?}")
        };
        assert_eq!(theirs.extra_nonce1, their_extranonce(&[8, 0, 0, 2]));
        assert_eq!(theirs.extra_nonce2_size, 4);
        let of_notify = theirs.subscriptions.iter().find(|(name, _)| name == "mining.notify");
        assert_eq!(of_notify.map(|(_, id)| id), ours.session_id.as_ref());
        assert_eq!(Subscribed::parse(&our_outcome(theirs).unwrap()), Ok(ours));
    }
}

#[test]
fn what_is_asked_for_goes_both_ways() {
    let rolling = Configure { version_rolling: Some((VersionMask::BIP320, 16)), ..Configure::default() };
    let everything =
        Configure { minimum_difficulty: Some(2048.0), subscribe_extranonce: true, ..rolling.clone() };
    for ours in [rolling, everything, Configure::default()] {
        let Client2Server::Configure(theirs) = their_request(&ClientCall::Configure(ours.clone())) else {
            panic!("{ours:?}")
        };
        assert_eq!(
            theirs.version_rolling_mask(),
            ours.version_rolling.map(|(mask, _)| HexU32Be(mask.bits()))
        );
        let bits = ours.version_rolling.map(|(_, bits)| HexU32Be(bits.into()));
        assert_eq!(theirs.version_rolling_min_bit_count(), bits);
        let asked =
            [ours.version_rolling.is_some(), ours.minimum_difficulty.is_some(), ours.subscribe_extranonce];
        assert_eq!(theirs.extensions.len(), asked.into_iter().filter(|asked| *asked).count());
        // They write the least difficulty under the extension's own name, which BIP310 does not: it is passed over.
        let back = Configure { minimum_difficulty: None, ..ours };
        assert_eq!(our_client_call(theirs), ClientCall::Configure(back));
    }
}

#[test]
fn what_is_granted_goes_both_ways() {
    let asked = Configure {
        version_rolling: Some((VersionMask::BIP320, 0)),
        minimum_difficulty: Some(1.0),
        subscribe_extranonce: false,
    };
    for minimum_difficulty in [true, false] {
        let ours = Configured {
            version_rolling: Some(VersionMask::BIP320),
            minimum_difficulty,
            subscribe_extranonce: false,
        };
        let Server2ClientResponse::Configure(theirs) = their_response(ours.to_value(&asked)) else {
            panic!("{ours:?}")
        };
        assert_eq!(theirs.version_rolling_mask(), Some(HexU32Be(0x1fff_e000)));
        assert_eq!(theirs.minimum_difficulty, Some(minimum_difficulty));
        let message = client_to_server::Configure::void(ID)
            .respond(theirs.version_rolling.clone(), theirs.minimum_difficulty);
        assert_eq!(Configured::parse(&our_outcome(message).unwrap()), Ok(ours));
    }
}

#[test]
fn verdicts_go_both_ways() {
    for accepted in [true, false] {
        let Server2ClientResponse::GeneralResponse(theirs) = their_response(json!(accepted)) else {
            panic!("{accepted}")
        };
        assert_eq!((theirs.id, theirs.result), (ID, accepted));
    }
    let Client2Server::Submit(share) = their_request(&ClientCall::Submit(submit(None))) else {
        panic!("no share")
    };
    let accepted = share.clone().respond(client_to_server::SubmitOutcome::Accepted);
    assert_eq!(our_outcome(accepted), Ok(json!(true)));
    let duplicate = client_to_server::SubmitOutcome::Rejected(client_to_server::SubmitError::DuplicateShare);
    let rejection = Rejection { code: Some(22), message: "Duplicate share".into() };
    assert_eq!(our_outcome(share.respond(duplicate)), Err(rejection.clone()));

    let rejected = Frame::Reply(Reply { id: Id::from(ID), outcome: Err(rejection) });
    let Method::ErrorMessage(Message::ErrorResponse(theirs)) = theirs(&rejected) else { panic!("no error") };
    let error = theirs.error.unwrap();
    assert_eq!((error.code, error.message.as_str(), error.data), (22, "Duplicate share", None));
}
