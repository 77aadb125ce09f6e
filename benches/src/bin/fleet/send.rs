//! Sending what devices upload, as their networks allow.

use super::abuse::{self, Abuse};
use super::device::{Agent, Crowd, Weather};
use super::truth::{Truth, histogram};
use candor_benches::client::{Answer, Client};
use candor_protocol::answer::Accepted;
use candor_protocol::batch;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often one upload is tried while the collector has too much to do.
const TRIES: u32 = 400;

/// How long a device waits before that, at most. Devices wait as long as they are told; here, days pass in minutes.
const WAIT: Duration = Duration::from_millis(500);

/// The most problems that are told.
const TOLD: usize = 20;

/// One upload of one device. What it holds is made when it is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Upload {
    pub(crate) device: u32,
    /// When the run started that it tells of, in hours.
    pub(crate) hour: u32,
    /// Which part of the run.
    pub(crate) part: u8,
    /// How often it was sent before.
    pub(crate) turn: u8,
}

/// What came of everything that one sender sent.
pub(crate) struct Tally {
    pub(crate) truth: Truth,
    /// Reports of batches that were acknowledged for the first time, and again.
    pub(crate) stored: u64,
    pub(crate) duplicates: u64,
    /// Reports of batches after which the device was gone: nobody knows what was answered.
    pub(crate) unheard: u64,
    /// Answers by status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// How long acknowledgements took, in microseconds.
    pub(crate) took_us: Histogram<u64>,
    pub(crate) requests: u64,
    pub(crate) bytes: u64,
    /// What was not as it has to be.
    pub(crate) problems: Vec<String>,
    /// What has to be sent again.
    pub(crate) again: Vec<Upload>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            truth: Truth::default(),
            stored: 0,
            duplicates: 0,
            unheard: 0,
            statuses: BTreeMap::new(),
            took_us: histogram(),
            requests: 0,
            bytes: 0,
            problems: Vec::new(),
            again: Vec::new(),
        }
    }
}

impl Tally {
    /// Adds what another sender counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.truth.merge(&other.truth);
        self.stored += other.stored;
        self.duplicates += other.duplicates;
        self.unheard += other.unheard;
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        self.took_us.add(&other.took_us).expect("equal bounds");
        self.requests += other.requests;
        self.bytes += other.bytes;
        self.problems.extend(other.problems.iter().cloned());
    }

    fn problem(&mut self, what: String) {
        if self.problems.len() < TOLD {
            self.problems.push(what);
        }
    }
}

/// So many reports a second, of all senders together.
pub(crate) struct Pace {
    rate: u64,
    next: Mutex<Instant>,
}

impl Pace {
    pub(crate) fn new(rate: u64) -> Self {
        Self {
            rate,
            next: Mutex::new(Instant::now()),
        }
    }

    /// Waits until it is the turn of `reports` more.
    fn wait(&self, reports: u64) {
        if self.rate == 0 {
            return;
        }
        let due = {
            let mut next = self.next.lock().expect("no panic");
            let due = (*next).max(Instant::now());
            *next = due + Duration::from_secs_f64(reports as f64 / self.rate as f64);
            due
        };
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

/// One connection's worth of devices.
pub(crate) struct Sender<'a> {
    pub(crate) crowd: Crowd,
    pub(crate) address: SocketAddr,
    pub(crate) authorization: &'a str,
    pub(crate) pace: &'a Pace,
    pub(crate) client: Client,
    pub(crate) tally: &'a Mutex<Tally>,
}

impl Sender<'_> {
    fn tally(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.tally.lock().expect("no panic"));
    }

    /// Sends an upload, whatever is with its device.
    pub(crate) fn send(&mut self, upload: Upload) {
        let done = match self.crowd.agent(upload.device) {
            Agent::Hostile => self.abuse(upload),
            Agent::Ancient => self.refused(abuse::header(0, 1), 400, Some("unknown_version")),
            Agent::Current => self.batch(upload, batch::Header::CURRENT.catalogue),
            Agent::Old => self.batch(upload, 1),
        };
        if let Err(error) = done {
            self.tally(|tally| tally.problem(format!("{upload:?}: {error}")));
        }
    }

    fn abuse(&mut self, upload: Upload) -> io::Result<()> {
        if upload.part > 0 {
            return Ok(());
        }
        let malice = self.crowd.malice(upload.device, upload.hour.into());
        let hostile = Abuse::of(malice).request(self.authorization);
        let answer = self.post(&hostile.headers, &hostile.body)?;
        self.expect(&answer, hostile.status, hostile.counted);
        Ok(())
    }

    fn refused(
        &mut self,
        body: Vec<u8>,
        status: u16,
        counted: Option<&'static str>,
    ) -> io::Result<()> {
        let answer = self.post(self.authorization, &body)?;
        self.expect(&answer, status, counted);
        Ok(())
    }

    /// Notes what has to have become of a request that nothing is stored of.
    fn expect(&self, answer: &Answer, status: u16, counted: Option<&'static str>) {
        self.tally(|tally| {
            if let Some(reason) = counted {
                tally.truth.refuse(reason);
            }
            if answer.status != status {
                let said = String::from_utf8_lossy(&answer.body).into_owned();
                tally.problem(format!(
                    "answered {} instead of {status}: {said}",
                    answer.status
                ));
            }
        });
    }

    fn batch(&mut self, upload: Upload, catalogue: u32) -> io::Result<()> {
        let Upload {
            device,
            hour,
            part,
            turn,
        } = upload;
        let [during, after] = self.crowd.run(device, hour.into());
        let reports = if part == 0 { during } else { after };
        let header = batch::Header {
            catalogue,
            ..batch::Header::CURRENT
        };
        let mut text = serde_json::to_vec(&header)?;
        for report in &reports {
            text.push(b'\n');
            serde_json::to_writer(&mut text, report)?;
        }
        text.push(b'\n');
        let body = abuse::gzip(&[&text]);
        let count = reports.len() as u64;
        self.pace.wait(count);
        if turn == 0 {
            self.tally(|tally| {
                for report in &reports {
                    tally.truth.add(&self.crowd, device, hour.into(), report);
                }
            });
        }
        let weather = self.crowd.weather(device, hour.into(), part.into(), turn);
        match weather {
            Weather::Fair => self.deliver(&body, count)?,
            Weather::AnswerLost => self.deliver(&body, count)?,
            Weather::Doubled => {
                let mut twin = Sender {
                    client: Client::new(self.address),
                    ..*self
                };
                std::thread::scope(|scope| {
                    let twin = scope.spawn(|| twin.deliver(&body, count));
                    let mine = self.deliver(&body, count);
                    twin.join().expect("no panic").and(mine)
                })?;
            }
            Weather::Torn => self.tear(&body, body.len() / 2)?,
            Weather::Gone => {
                self.tally(|tally| tally.unheard += count);
                self.tear(&body, body.len())?;
            }
        }
        if matches!(weather, Weather::AnswerLost | Weather::Torn | Weather::Gone) {
            let again = Upload {
                turn: turn + 1,
                ..upload
            };
            self.tally(|tally| tally.again.push(again));
        }
        Ok(())
    }

    fn tear(&mut self, body: &[u8], part: usize) -> io::Result<()> {
        self.tally(|tally| tally.requests += 1);
        self.client
            .tear("/v1/batches", self.authorization, body, part)
    }

    /// Sends a batch until it is acknowledged.
    fn deliver(&mut self, body: &[u8], reports: u64) -> io::Result<()> {
        let answer = self.post(self.authorization, body)?;
        let accepted: Option<Accepted> = serde_json::from_slice(&answer.body).ok();
        self.tally(|tally| match accepted {
            Some(Accepted {
                stored, duplicates, ..
            }) if answer.status == 200 && u64::from(stored + duplicates) == reports => {
                tally.stored += u64::from(stored);
                tally.duplicates += u64::from(duplicates);
            }
            _ => {
                let said = String::from_utf8_lossy(&answer.body).into_owned();
                tally.problem(format!("{} for {reports} reports: {said}", answer.status));
            }
        });
        Ok(())
    }

    /// Posts a body, again while the collector has too much to do.
    fn post(&mut self, headers: &str, body: &[u8]) -> io::Result<Answer> {
        for turn in 1..=TRIES {
            let start = Instant::now();
            let answer = self.client.post("/v1/batches", headers, body)?;
            let took = start.elapsed().as_micros() as u64;
            let busy = matches!(answer.status, 429 | 503);
            self.tally(|tally| {
                tally.requests += 1;
                tally.bytes += body.len() as u64;
                *tally.statuses.entry(answer.status).or_default() += 1;
                if answer.status == 200 {
                    tally.took_us.saturating_record(took.max(1));
                }
                if busy && answer.retry_after.is_none() {
                    tally.problem(format!("{} without Retry-After", answer.status));
                }
            });
            if !busy {
                return Ok(answer);
            }
            std::thread::sleep((Duration::from_millis(5) * turn).min(WAIT));
        }
        Err(io::Error::other("the collector never had time"))
    }
}
