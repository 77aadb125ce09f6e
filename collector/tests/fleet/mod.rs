//! A made-up fleet of devices, whose reports are made by the types of the wire and whose stacks are real: addresses of
//! this very program, so that its own file is their symbol file.

mod im;
mod stacks;

use candor_protocol::deidentify::{
    Amount, CleanText, Pseudonym, Release, ReportId, RunId, SourcePath, ThreadName,
};
use candor_protocol::moment::{Moment, Precision};
use candor_protocol::name;
use candor_protocol::report::*;
use candor_protocol::sketch::Sketch;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

pub(crate) use stacks::own_file;

/// How the reports of a fleet look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Equal seeds make equal reports.
    pub(crate) seed: u64,
    /// Number of devices.
    pub(crate) devices: u32,
    /// How far back the reports go, in hours.
    pub(crate) hours: u64,
    /// When they end, in Unix seconds.
    pub(crate) now: u64,
    /// How finely they tell the time.
    pub(crate) precision: Precision,
}

/// One device: what it is, what it runs, and who it says it is.
pub(crate) struct Machine {
    pub(crate) device: Device,
    pub(crate) network: Network,
    pub(crate) release: Release,
    pub(crate) pseudonym: Pseudonym,
}

/// Reports under way.
pub(crate) struct Fleet {
    plan: Plan,
    rng: StdRng,
    pub(crate) reports: Vec<Report>,
}

/// All reports of the fleet, oldest first.
pub(crate) fn reports(plan: Plan) -> Vec<Report> {
    let mut fleet = Fleet::new(plan);
    for _ in 0..plan.devices {
        let machine = fleet.machine();
        let mut at = plan.now.saturating_sub(plan.hours * 3600) + fleet.below(4 * 3600);
        while at < plan.now {
            at += fleet.run(&machine, at) + fleet.below(3 * 3600);
        }
    }
    fleet.reports.sort_by_key(|report| report.at);
    fleet.reports
}

impl Fleet {
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            plan,
            rng: StdRng::seed_from_u64(plan.seed),
            reports: Vec::new(),
        }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.rng.random_range(0..end)
    }

    fn chance(&mut self, of: f64) -> bool {
        self.rng.random_bool(of)
    }

    fn bytes(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.random_range(0..of.len())]
    }

    /// Any machine.
    pub(crate) fn machine(&mut self) -> Machine {
        let (os, version, arch, cores, gib) = self.one(&[
            (Os::Linux, "6.1", Arch::X86_64, 8, 16),
            (Os::Linux, "6.1", Arch::X86_64, 16, 32),
            (Os::Linux, "5.15", Arch::X86_64, 4, 8),
            (Os::Android, "14", Arch::Aarch64, 8, 8),
            (Os::Android, "13", Arch::Aarch64, 8, 4),
            (Os::Android, "11", Arch::Aarch64, 8, 2),
            (Os::Macos, "14.5", Arch::Aarch64, 8, 16),
        ]);
        let network = match os {
            Os::Android => self.one(&[
                Network::Cell4g,
                Network::Cell5g,
                Network::Wifi,
                Network::Cell3g,
            ]),
            _ => self.one(&[Network::Wifi, Network::Ethernet]),
        };
        let release = self.one(&["1.4.0", "1.4.0", "1.4.1", "1.4.1", "1.4.1", "1.5.0-beta"]);
        Machine {
            device: Device::coarse(os, Some(version), arch, cores, gib << 30),
            network,
            release: Release::parse(release).expect("a release"),
            pseudonym: Pseudonym::from_bytes(self.bytes()),
        }
    }

    fn push(&mut self, machine: &Machine, run: RunId, at: u64, what: What) {
        let report = Report {
            id: ReportId::from_bytes(self.bytes()),
            at: Moment::round(at, self.plan.precision),
            run,
            pseudonym: machine.pseudonym,
            release: machine.release.clone(),
            device: machine.device.clone(),
            what,
        };
        self.reports.push(report);
    }

    /// One life of the app; returns how many seconds it lasted.
    pub(crate) fn run(&mut self, machine: &Machine, from: u64) -> u64 {
        let run = RunId::from_bytes(self.bytes());
        let seconds = 600 + self.below(3 * 3600);
        let to = (from + seconds)
            .min(self.plan.now.saturating_sub(1))
            .max(from);
        self.push(
            machine,
            run,
            from,
            What::Run(Run {
                exit: None,
                uptime_ms: None,
                last: None,
            }),
        );
        let storm = self.plan.now - self.plan.hours * 900;
        if (from..to).contains(&storm) {
            self.storm(machine, run, storm);
        }
        let mut at = from;
        while at + 600 < to {
            at += 600;
            let window = self.connection(machine, at);
            self.push(machine, run, at, What::Connection(Box::new(window)));
        }
        if self.chance(0.1) {
            let (freeze, at) = (self.freeze(), from + self.below(seconds));
            self.push(machine, run, at.min(to), What::Freeze(freeze));
        }
        if self.chance(0.03) {
            let panic = self.crash(7, (to - from) * 500);
            self.push(machine, run, from + (to - from) / 2, What::Crash(panic));
        }
        // The beta is worse than the others, old phones are worse than new ones.
        let frail =
            machine.release.as_str().contains("beta") || machine.device.memory_gib == Some(2);
        let exit = match self.below(100) {
            0..4 => Exit::Crash,
            4..8 if frail => Exit::Crash,
            8..10 => Exit::Killed,
            10 => Exit::FreezeKill,
            11 => Exit::Reboot,
            _ => Exit::Clean,
        };
        if exit == Exit::Crash {
            let which = self.below(7);
            let crash = self.crash(which, (to - from) * 1000);
            self.push(machine, run, to, What::Crash(crash));
        }
        let uptime_ms = Some((to - from) * 1000);
        self.push(
            machine,
            run,
            from,
            What::Run(Run {
                exit: Some(exit),
                uptime_ms,
                last: None,
            }),
        );
        if self.chance(0.01) {
            let lost = vec![Lost {
                kind: Kind::Connection,
                reason: LossReason::SpoolFull,
                count: 3,
            }];
            self.push(machine, run, to, What::Loss(Loss { lost }));
        }
        to - from
    }

    fn crash(&mut self, which: u64, uptime_ms: u64) -> Crash {
        let panic = |message: &str, line: u32| Cause::Panic {
            message: CleanText::scrub(message),
            at: Some(SourceLine {
                file: SourcePath::scrub("src/history.rs"),
                line,
            }),
            signal: None,
        };
        let signal = |signal, fault| Cause::Signal {
            signal,
            origin: if signal == SignalName::Abrt {
                Origin::Itself
            } else {
                Origin::Kernel
            },
            fault,
            code: Some(if signal == SignalName::Abrt { -6 } else { 1 }),
        };
        let (cause, stack, name, main) = match which {
            0 | 1 => (
                panic("called `Option::unwrap()` on a `None` value", 87),
                stacks::on_a_thread(im::history::open),
                "net-worker-3",
                false,
            ),
            2 => (
                signal(SignalName::Segv, Fault::NullLike),
                stacks::on_a_thread(im::render::frame),
                "main",
                true,
            ),
            3 => (
                signal(SignalName::Segv, Fault::NullLike),
                stacks::on_a_thread(im::media::decode),
                "decoder-1",
                false,
            ),
            4 => (
                signal(SignalName::Segv, Fault::StackGuard),
                stacks::on_a_thread(im::markup::endless),
                "main",
                true,
            ),
            5 => (
                panic("no session for wang.fang@example.org after 3 tries", 141),
                stacks::on_a_thread(im::session::resume),
                "main",
                true,
            ),
            6 => (
                signal(SignalName::Abrt, Fault::None),
                stacks::on_a_thread(im::store::compact),
                "store",
                false,
            ),
            _ => (
                panic("index out of bounds: the len is 4 but the index is 9", 212),
                stacks::on_a_thread(im::markup::message),
                "main",
                true,
            ),
        };
        let others = (1..4).map(|n| Thread {
            main: n == 1 && !main,
            name: Some(ThreadName::scrub(
                ["tokio-runtime-w", "candor-watch", "store"][n as usize - 1],
            )),
            stack: stacks::on_a_thread(im::idle::work),
        });
        Crash {
            cause,
            fatal: which < 7,
            thread: Thread {
                main,
                name: Some(ThreadName::scrub(name)),
                stack,
            },
            others: others.collect(),
            modules: stacks::modules(),
            uptime_ms,
            around: Circumstances {
                foreground: Some(which != 6),
                memory: Some(if which == 6 {
                    Pressure::Critical
                } else {
                    Pressure::Medium
                }),
                resident_mib: Some(128),
                open_files: Some(Pressure::Low),
            },
            crumbs: self.crumbs(),
            notes: if which == 4 {
                vec![Note::ThreadsLeftOut]
            } else {
                Vec::new()
            },
        }
    }

    /// What the user did in the last minutes, oldest first.
    fn crumbs(&mut self) -> Vec<Crumb> {
        let number = |name, is| CrumbValue::Number {
            name,
            is: Amount::round(is),
        };
        let word = |is| CrumbValue::Word {
            name: name!("screen"),
            is,
        };
        let mut before_ms = 30 + self.below(400);
        let mut crumbs = Vec::new();
        for _ in 0..4 + self.below(8) {
            let (name, values) = match self.below(4) {
                0 => (name!("screen_opened"), vec![word(name!("chat"))]),
                1 => (name!("screen_opened"), vec![word(name!("settings"))]),
                2 => (name!("connection_lost"), vec![]),
                _ => {
                    let bytes = number(name!("bytes"), 40 + self.below(60_000) as i64);
                    let took = number(name!("took_ms"), 20 + self.below(900) as i64);
                    (name!("message_sent"), vec![bytes, took])
                }
            };
            crumbs.push(Crumb {
                name,
                before_ms,
                values,
            });
            before_ms += 200 + self.below(9_000);
        }
        crumbs.reverse();
        crumbs
    }

    fn freeze(&mut self) -> Freeze {
        let which = self.below(4);
        let count = 4 + self.below(12) as u32;
        let seen = |count, stack| StackCount {
            count,
            ms: u64::from(count * count) * 50,
            stack,
        };
        let (watch, turn, activity, wait, stacks) = match which {
            0 => (
                name!("ui"),
                Some(name!("send_message")),
                Activity::Blocked,
                Some(Wait::Futex),
                vec![seen(count, stacks::on_a_thread(im::session::lock))],
            ),
            1 => (
                name!("ui"),
                Some(name!("open_chat")),
                Activity::Running,
                None,
                vec![
                    seen(count, stacks::on_a_thread(im::render::frame)),
                    seen(count / 2, stacks::on_a_thread(im::markup::message)),
                    seen(count / 5, stacks::on_a_thread(im::media::decode)),
                    seen(2, stacks::on_a_thread(im::history::open)),
                ],
            ),
            2 => (
                name!("ui"),
                None,
                Activity::Blocked,
                Some(Wait::Disk),
                vec![
                    seen(count, stacks::on_a_thread(im::store::compact)),
                    seen(count / 3, stacks::on_a_thread(im::history::open)),
                ],
            ),
            _ => (
                name!("store"),
                Some(name!("vacuum")),
                Activity::Blocked,
                Some(Wait::Disk),
                vec![seen(count, stacks::on_a_thread(im::store::compact))],
            ),
        };
        let took_ms = 700 + self.below(500) * self.below(20) + self.below(300);
        let end = match took_ms {
            8_000.. => FreezeEnd::Killed,
            6_000.. => FreezeEnd::Exited,
            _ => FreezeEnd::Recovered,
        };
        Freeze {
            main: watch.as_str() == "ui",
            watch,
            turn,
            took_ms,
            threshold_ms: 700,
            not_responding_ms: Some(5_000),
            end,
            activity,
            wait,
            cpu_percent: Some(match activity {
                Activity::Running => 70 + self.below(30) as u8,
                _ => self.below(3) as u8,
            }),
            holder: (wait == Some(Wait::Futex)).then(|| Holder {
                main: false,
                name: Some(ThreadName::scrub("tokio-rt-worker")),
                stack: Some(stacks::on_a_thread(im::store::compact)),
            }),
            stacks,
            modules: stacks::modules(),
        }
    }

    fn connection(&mut self, machine: &Machine, at: u64) -> Connection {
        let slow = match machine.network {
            Network::Cell3g => 6,
            Network::Cell4g => 3,
            Network::Cell5g => 2,
            _ => 1,
        };
        let far = self.chance(0.3);
        // A bad hour, so that there is something to find.
        let bad = (self.plan.now - at) / 3600 == self.plan.hours / 3;
        let attempts = 1 + self.below(if bad { 6 } else { 2 }) as u32;
        let failed = (0..attempts)
            .filter(|_| {
                self.rng
                    .random_bool(if bad { 0.5 } else { 0.04 * slow as f64 })
            })
            .count();
        let ready = attempts - failed as u32;
        let mut failures: Vec<Failures> = Vec::new();
        for _ in 0..failed {
            let (phase, failure) = self.one(&[
                (Phase::Connect, Failure::Timeout),
                (Phase::Connect, Failure::Timeout),
                (Phase::Connect, Failure::Refused),
                (Phase::Resolve, Failure::ResolveFailed),
                (Phase::Tls, Failure::TlsFailed),
                (Phase::Login, Failure::AuthRefused),
                (Phase::Login, Failure::Overloaded),
                (Phase::Connect, Failure::Unreachable),
            ]);
            match failures
                .iter_mut()
                .find(|one| (one.phase, one.failure) == (phase, failure))
            {
                Some(one) => one.count += 1,
                None => failures.push(Failures {
                    phase,
                    failure,
                    count: 1,
                }),
            }
        }
        let mut ready_us = Sketch::default();
        let mut phases: Vec<PhaseTimes> = Vec::new();
        let usual = [
            (Phase::Resolve, 8_000),
            (Phase::Connect, 30_000),
            (Phase::Tls, 55_000),
            (Phase::Login, 40_000),
        ];
        for (phase, _) in usual {
            phases.push(PhaseTimes {
                phase,
                took_us: Sketch::default(),
            });
        }
        for _ in 0..ready {
            let mut whole = 0;
            for (times, (_, usual)) in phases.iter_mut().zip(usual) {
                let tail = if self.rng.random_bool(0.06) { 8 } else { 1 };
                let took = usual * slow * tail * self.rng.random_range(50..200u64) / 100;
                times.took_us.record(took);
                whole += took;
            }
            ready_us.record(whole);
        }
        phases.retain(|times| !times.took_us.is_empty());
        let mut rtt_us = Sketch::default();
        let mut ack_us = Sketch::default();
        let sent = self.below(40);
        for _ in 0..20 {
            rtt_us.record(25_000 * slow * (50 + self.below(150)) / 100);
        }
        for _ in 0..sent {
            ack_us.record(60_000 * slow * (50 + self.below(300)) / 100);
        }
        let ended = ready.saturating_sub(1);
        let reason = self.one(&[
            Disconnect::HeartbeatTimeout,
            Disconnect::NetworkChanged,
            Disconnect::NetworkLost,
            Disconnect::ClosedByPeer,
            Disconnect::Backgrounded,
            Disconnect::ClosedByUs,
        ]);
        let down_ms = u64::from(attempts - 1) * 4_000 + self.below(3_000);
        Connection {
            name: name!("longlink"),
            endpoint: if far {
                name!("gateway-eu")
            } else {
                name!("gateway")
            },
            region: Some(if far { name!("eu") } else { name!("cn") }),
            transport: if self.chance(0.2) {
                Transport::Quic
            } else {
                Transport::Tls
            },
            network: machine.network,
            seconds: 600,
            attempts,
            ready,
            reconnects: if bad { attempts - 1 } else { 0 },
            failures,
            tries: vec![
                Tries {
                    family: Family::V6,
                    order: 1,
                    tried: attempts,
                    connected: ready / 2,
                    took_us: phases
                        .iter()
                        .find(|one| one.phase == Phase::Connect)
                        .map(|one| one.took_us.clone())
                        .unwrap_or_default(),
                },
                Tries {
                    family: Family::V4,
                    order: 2,
                    tried: attempts - ready / 2,
                    connected: ready - ready / 2,
                    took_us: Sketch::default(),
                },
            ],
            disconnects: if ended > 0 {
                let mut lasted_ms = Sketch::default();
                (0..ended).for_each(|_| lasted_ms.record(30_000 + self.below(600_000)));
                vec![Disconnects {
                    reason,
                    count: ended,
                    lasted_ms,
                }]
            } else {
                Vec::new()
            },
            phases,
            ready_us,
            rtt_us,
            ack_us,
            stall_us: self.some(0.05, 90_000_000),
            backoff_us: self.some(if attempts > 1 { 1.0 } else { 0.0 }, 2_000_000),
            outage_us: self.some(if ended > 0 { 1.0 } else { 0.0 }, 6_000_000),
            network_changes: u32::from(self.chance(0.05)),
            sent: sent as u32,
            received: sent as u32 + 7,
            sent_bytes: sent * 420,
            received_bytes: sent * 900,
            up_ms: 600_000 - down_ms,
            down_ms,
            tcp: Some(Tcp {
                samples: 10,
                rtt_us: self.some(1.0, 25_000 * slow),
                rtt_var_us: self.some(1.0, 4_000 * slow),
                min_rtt_us: self.some(1.0, 19_000 * slow),
                segments: sent + 20,
                retransmits: u64::from(bad) * 4 + self.below(2),
                lost: self.below(2),
                delivery_rate: self.some(0.3, 2_000_000 / slow),
            }),
        }
    }

    /// A value around `usual`, or none.
    fn some(&mut self, chance: f64, usual: u64) -> Sketch {
        let mut sketch = Sketch::default();
        if self.chance(chance) {
            sketch.record(usual / 2 + self.below(usual));
        }
        sketch
    }

    /// A minute in which everybody on the gateway loses it and comes back.
    fn storm(&mut self, machine: &Machine, run: RunId, at: u64) {
        let mut window = self.connection(machine, at);
        window.seconds = 60;
        (window.attempts, window.reconnects) = (window.ready + 3, 3);
        window.failures = vec![Failures {
            phase: Phase::Connect,
            failure: Failure::Refused,
            count: 3,
        }];
        window.disconnects = vec![Disconnects {
            reason: Disconnect::ServerShutdown,
            count: 1,
            lasted_ms: self.some(1.0, 400_000),
        }];
        self.push(machine, run, at, What::Connection(Box::new(window)));
    }
}
