//! What the server knows: who is online, which message ids were taken, what waits in which mailbox. Pure: no socket in here.

use std::collections::{HashMap, VecDeque};

use tokio::sync::mpsc::Sender;

use crate::wire::{Frame, is_name};

/// Messages kept for one user; the oldest give way. A day of an offline friend's chatter, and a bound.
const MAX_MAILBOX: usize = 1000;

/// Everything the server knows.
#[derive(Debug, Default)]
pub(super) struct Hub {
    accounts: HashMap<String, Account>,
    next_peer: u64,
}

#[derive(Debug, Default)]
struct Account {
    session: u64,
    /// Highest message id taken in `session`.
    taken: u64,
    mailbox: VecDeque<(u64, String, String)>,
    last_seq: u64,
    online: Option<(u64, Sender<Frame>)>,
}

/// One user's connection, as the hub names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) user: String,
    number: u64,
}

impl Hub {
    /// Puts `user` online at `line`; an older connection of theirs falls silent. What waits in the mailbox is sent after `LoginOk`.
    pub(super) fn login(
        &mut self,
        user: &str,
        token: &str,
        session: u64,
        seen: u64,
        line: &Sender<Frame>,
    ) -> Result<Peer, &'static str> {
        if !is_name(user) {
            return Err("a user name is 1 to 32 letters, digits, '_', '-' or '.'");
        }
        // Who proves what to whom is not this example's subject: any token will do but an expired one.
        if token.is_empty() || token == "expired" {
            return Err("the token has expired");
        }
        self.next_peer += 1;
        let account = self.accounts.entry(user.to_owned()).or_default();
        if account.session != session {
            account.session = session;
            account.taken = 0;
        }
        account.online = Some((self.next_peer, line.clone()));
        let _ = line.try_send(Frame::LoginOk {});
        account.forget_until(seen);
        for (seq, from, text) in &account.mailbox {
            let _ = line.try_send(deliver(*seq, from, text));
        }
        Ok(Peer {
            user: user.to_owned(),
            number: self.next_peer,
        })
    }

    /// Takes message `id` from `peer` unless it was taken before.
    pub(super) fn message(
        &mut self,
        peer: &Peer,
        id: u64,
        to: &str,
        text: &str,
    ) -> Result<(), &'static str> {
        if !is_name(to) {
            return Err("the recipient has no valid name");
        }
        let sender = self.current(peer).ok_or("logged in elsewhere")?;
        if id <= sender.taken {
            return Ok(());
        }
        if id != sender.taken + 1 {
            return Err("message ids are 1, 2, 3, ... without a gap");
        }
        sender.taken = id;
        self.accounts
            .entry(to.to_owned())
            .or_default()
            .post(&peer.user, text);
        Ok(())
    }

    /// `peer` has seen its mailbox up to `seq`.
    pub(super) fn seen(&mut self, peer: &Peer, seq: u64) {
        if let Some(account) = self.current(peer) {
            account.forget_until(seq);
        }
    }

    /// `peer`'s connection is over.
    pub(super) fn logout(&mut self, peer: &Peer) {
        if let Some(account) = self.current(peer) {
            account.online = None;
        }
    }

    fn current(&mut self, peer: &Peer) -> Option<&mut Account> {
        let account = self.accounts.get_mut(&peer.user)?;
        let (number, _) = account.online.as_ref()?;
        (*number == peer.number).then_some(account)
    }
}

impl Account {
    fn post(&mut self, from: &str, text: &str) {
        self.last_seq += 1;
        self.mailbox
            .push_back((self.last_seq, from.to_owned(), text.to_owned()));
        if self.mailbox.len() > MAX_MAILBOX {
            self.mailbox.pop_front();
        }
        if let Some((_, line)) = &self.online {
            // A full line belongs to a peer that does not read; it gets the message at its next login.
            let _ = line.try_send(deliver(self.last_seq, from, text));
        }
    }

    fn forget_until(&mut self, seq: u64) {
        while self
            .mailbox
            .front()
            .is_some_and(|(first, ..)| *first <= seq)
        {
            self.mailbox.pop_front();
        }
    }
}

fn deliver(seq: u64, from: &str, text: &str) -> Frame {
    Frame::Deliver {
        seq,
        from: from.to_owned(),
        text: text.to_owned(),
    }
}
