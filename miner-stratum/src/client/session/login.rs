//! From the first frame to the first job: configure, subscribe, authorize; and the authorization that is lost on the
//! way.

use std::time::Duration;

use miner_core::VersionMask;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::time::Instant;

use super::{AUTHORIZE, CONFIGURE, EXTRANONCE, End, News, SUBSCRIBE, SUGGEST, Session};
use crate::client::shares::{Book, NOT_RESUMED};
use crate::client::verdict;
use crate::message::{ClientCall, Configure, Configured, Rejection, Subscribe, Subscribed};

/// How long the pool may take to answer to the login.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
/// Of so many attempts in a row that were cut before subscribe was answered, one goes without the wish to resume:
/// perhaps the pool cannot stand it. Not each one: more likely the pool is restarting behind a proxy.
const BARE_EACH: u32 = 8;
/// How many bits that can be rolled are worth asking for.
const MIN_BIT_COUNT: u8 = 2;

impl Session {
    /// Nothing waits for the answer to configure: there are pools that never give one.
    pub(super) fn open(&mut self) {
        let setup = self.setup.clone();
        let rolls = setup.version_mask != VersionMask::NONE;
        if rolls || setup.suggest_difficulty.is_some() {
            let configure = Configure {
                version_rolling: rolls.then_some((setup.version_mask, MIN_BIT_COUNT)),
                minimum_difficulty: setup.suggest_difficulty,
                subscribe_extranonce: setup.extranonce_subscribe,
            };
            self.call(CONFIGURE, &ClientCall::Configure(configure));
        }
        let bare = self.memory.snubs % BARE_EACH == BARE_EACH - 1;
        let session_id = self.memory.session_id.clone().filter(|_| !bare);
        self.call(SUBSCRIBE, &ClientCall::Subscribe(Subscribe { agent: setup.agent.clone(), session_id }));
    }

    pub(super) fn on_configured(&mut self, outcome: &Result<Value, Rejection>) -> Result<(), End> {
        let configured = match outcome {
            Ok(result) => Configured::parse(result),
            Err(_) => Ok(Configured::default()),
        };
        match configured {
            Ok(configured) => {
                if let Some(mask) = configured.version_rolling {
                    self.jobs.set_mask(mask);
                }
                self.configured = Some(configured);
                Ok(())
            }
            Err(error) => self.malformed(&error.to_string()),
        }
    }

    pub(super) fn on_subscribed(
        &mut self,
        outcome: &Result<Value, Rejection>,
        now: Instant,
        book: &mut Book,
    ) -> Result<(), End> {
        let session_id = self.memory.session_id.take();
        let refused = |why: &str| End::Failed(format!("the pool refused to subscribe: {why}"));
        let subscribed = match outcome {
            Ok(result) => Subscribed::parse(result).map_err(|error| refused(&error.to_string()))?,
            Err(rejection) => return Err(refused(&verdict::reason(rejection))),
        };
        let extranonce = (subscribed.extranonce1, subscribed.extranonce2_size);
        let resumed = self.memory.extranonce == Some(extranonce);
        if resumed {
            book.resumed(self.setup.pool, extranonce);
        } else {
            book.forget(self.setup.pool, NOT_RESUMED);
        }
        self.memory.session_id = subscribed.session_id.or(session_id.filter(|_| resumed));
        self.memory.snubs = 0;
        self.jobs.subscribed(extranonce, self.memory.current.take().filter(|_| resumed));
        self.subscribed = Some(resumed);
        self.authorize(now);
        Ok(())
    }

    fn authorize(&mut self, now: Instant) {
        self.login_due = Some(now + PATIENCE);
        let password = self.setup.password.expose_secret().to_owned();
        let call = ClientCall::Authorize { worker: self.setup.user.clone(), password };
        self.call(AUTHORIZE, &call);
    }

    /// Also long after the first answer: a pool that takes its word back says so like this.
    pub(super) fn on_authorized(
        &mut self,
        outcome: &Result<Value, Rejection>,
        now: Instant,
    ) -> Result<(), End> {
        match outcome {
            Ok(Value::Bool(true)) => self.welcome(now),
            Ok(_) => return Err(End::Refused("no reason given".to_owned())),
            Err(rejection) => return Err(End::Refused(verdict::reason(rejection))),
        }
        Ok(())
    }

    fn welcome(&mut self, now: Instant) {
        let Some(resumed) = self.subscribed else { return };
        (self.authorized, self.login_due) = (true, None);
        if std::mem::replace(&mut self.up, true) {
            return;
        }
        self.job_due = Some(now + self.setup.silence);
        self.news.push(News::Authorized { resumed });
        if let Some(difficulty) = self.setup.suggest_difficulty {
            self.call(SUGGEST, &ClientCall::SuggestDifficulty(difficulty));
        }
        let granted = self.configured.as_ref().is_some_and(|configured| configured.subscribe_extranonce);
        if self.setup.extranonce_subscribe && !granted {
            self.call(EXTRANONCE, &ClientCall::ExtranonceSubscribe);
        }
    }

    /// A share was refused for lack of an authorization: it is asked for again, once.
    pub(super) fn doubt(&mut self, rejection: &Rejection, now: Instant) -> Result<(), End> {
        if self.authorized {
            if std::mem::replace(&mut self.doubted, true) {
                return Err(End::Refused(verdict::reason(rejection)));
            }
            self.authorized = false;
            self.authorize(now);
        }
        Ok(())
    }
}
