//! The only way from what was seen to a report.

use crate::allowed::Allowed;
use crate::capture::connection::Window;
use crate::capture::crash::{Cause as SeenCause, Crash as SeenCrash};
use crate::capture::crumb::{Crumb as SeenCrumb, Told};
use crate::capture::freeze::{Freeze as SeenFreeze, Times};
use crate::capture::run::Run as SeenRun;
use crate::capture::{Observation, Seen};
use candor_crash::{Doing, Wait as SeenWait};
use candor_dump::{self as dump, FaultClass, Problem};
use candor_protocol::deidentify::{
    Amount, BuildId, CleanText, ModuleName, Pseudonym, Release, RunId, SourcePath, ThreadName,
};
use candor_protocol::limits;
use candor_protocol::moment::{Moment, Precision};
use candor_protocol::report::*;
use std::cmp::Reverse;

/// What every report says beside what happened.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) run: RunId,
    pub(crate) pseudonym: Pseudonym,
    pub(crate) release: Release,
    pub(crate) device: Device,
    pub(crate) precision: Precision,
    pub(crate) allowed: Allowed,
}

/// Makes the report of an observation, with what may leave. `None` when nothing of it may.
pub(crate) fn scrub(observation: Observation, context: &Context) -> Option<Report> {
    let Observation { id, at, seen } = observation;
    context.allowed.keep(Report {
        id,
        at: Moment::round(at, context.precision),
        run: context.run,
        pseudonym: context.pseudonym,
        release: context.release.clone(),
        device: context.device.clone(),
        what: match seen {
            Seen::Crash(seen) => What::Crash(crash(*seen)),
            Seen::Freeze(seen) => What::Freeze(freeze(*seen)),
            Seen::Connection(window) => What::Connection(Box::new(connection(*window))),
            Seen::Run(seen) => What::Run(run(seen)),
            Seen::Loss(lost) => What::Loss(Loss { lost }),
        },
    })
}

/// The modules that frames touch, renumbered in the order in which they are first named.
struct Modules<'a> {
    known: &'a [dump::Module],
    used: Vec<u16>,
}

impl<'a> Modules<'a> {
    fn new(known: &'a [dump::Module]) -> Self {
        Self {
            known,
            used: Vec::new(),
        }
    }

    fn stack(&mut self, stack: &dump::Stack) -> Stack {
        let kept = stack.frames.len().min(limits::STACK_FRAMES);
        let frames = stack
            .frames
            .iter()
            .take(kept)
            .map(|frame| self.frame(frame))
            .collect();
        let (left_out, outermost) = match stack.gap {
            Some(gap) if gap.before <= kept => (
                u32::try_from(gap.missing).unwrap_or(u32::MAX),
                (kept - gap.before) as u32,
            ),
            _ => (0, 0),
        };
        Stack {
            frames,
            left_out,
            outermost,
            end: match stack.end {
                dump::StackEnd::Outermost => None,
                dump::StackEnd::Unfinished => Some(StackEnd::Unfinished),
                dump::StackEnd::Lost => Some(StackEnd::Lost),
                dump::StackEnd::Limit => Some(StackEnd::Limit),
            },
        }
    }

    fn frame(&mut self, frame: &dump::Frame) -> Frame {
        let module = frame.module.and_then(|module| self.number(module));
        let found = match frame.found {
            dump::Found::Context => Found::Context,
            dump::Found::Interrupted => Found::Interrupted,
            dump::Found::Cfi | dump::Found::Given => Found::Cfi,
            dump::Found::FramePointer => Found::FramePointer,
            dump::Found::Scan => Found::Scan,
        };
        // Outside of modules an address says nothing but where memory happened to lie.
        Frame {
            module,
            offset: Offset(module.map_or(0, |_| frame.offset)),
            found,
        }
    }

    fn number(&mut self, module: u16) -> Option<u16> {
        self.known.get(usize::from(module))?;
        let position = self
            .used
            .iter()
            .position(|&used| used == module)
            .or_else(|| {
                (self.used.len() < limits::REPORT_MODULES).then(|| {
                    self.used.push(module);
                    self.used.len() - 1
                })
            })?;
        u16::try_from(position).ok()
    }

    fn list(&self) -> Vec<Module> {
        let used = self
            .used
            .iter()
            .filter_map(|&module| self.known.get(usize::from(module)));
        used.map(|module| Module {
            build_id: build_id(&module.build_id),
            name: (!module.name.is_empty()).then(|| ModuleName::scrub(&module.name)),
        })
        .collect()
    }
}

fn build_id(bytes: &[u8]) -> Option<BuildId> {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    BuildId::parse(&digits).ok()
}

fn crash(seen: SeenCrash) -> Crash {
    let mut modules = Modules::new(&seen.modules);
    let thread = match &seen.cause {
        SeenCause::Panic(panic, _) => Thread {
            main: panic.main,
            name: (!panic.thread_name.is_empty()).then(|| ThreadName::scrub(&panic.thread_name)),
            stack: modules.stack(&panic.stack),
        },
        SeenCause::Signal(signal) => thread(&signal.thread, &mut modules),
    };
    let others = seen
        .others
        .iter()
        .take(limits::CRASH_THREADS - 1)
        .map(|other| self::thread(other, &mut modules))
        .collect();
    let cause = match &seen.cause {
        SeenCause::Panic(panic, signal) => Cause::Panic {
            message: CleanText::scrub(&panic.message),
            at: (!panic.file.is_empty()).then(|| SourceLine {
                file: SourcePath::scrub(&panic.file),
                line: panic.line,
            }),
            signal: signal
                .as_ref()
                .and_then(|signal| signal_name(signal.number)),
        },
        SeenCause::Signal(signal) => Cause::Signal {
            // Handlers are installed for the signals that have a name here.
            signal: signal_name(signal.number).unwrap_or(SignalName::Abrt),
            origin: match (signal.from_kernel, signal.from_itself) {
                (true, _) => Origin::Kernel,
                (false, true) => Origin::Itself,
                (false, false) => Origin::User,
            },
            code: Some(signal.code),
            fault: match signal.fault {
                FaultClass::None => Fault::None,
                FaultClass::NullLike => Fault::NullLike,
                FaultClass::StackGuard => Fault::StackGuard,
                FaultClass::Unmapped => Fault::Unmapped,
                FaultClass::NotWritable => Fault::NotWritable,
                FaultClass::NotExecutable => Fault::NotExecutable,
                FaultClass::Other => Fault::Other,
            },
        },
    };
    Crash {
        cause,
        fatal: seen.fatal,
        thread,
        others,
        modules: modules.list(),
        uptime_ms: seen.uptime_ms,
        around: around(seen.foreground, &seen.usage),
        crumbs: crumbs(seen.crumbs, limits::CRUMBS),
        notes: notes(&seen.problems, seen.threads_left_out, seen.crumbs_left_out),
    }
}

fn run(seen: SeenRun) -> Run {
    Run {
        exit: seen.exit,
        uptime_ms: seen.uptime_ms,
        last: seen.last.map(|last| Last {
            around: around(last.foreground, &last.usage),
            crumbs: crumbs(last.crumbs, limits::RUN_CRUMBS),
        }),
    }
}

fn around(foreground: Option<bool>, usage: &dump::Usage) -> Circumstances {
    Circumstances {
        foreground,
        memory: usage.memory.map(pressure),
        resident_mib: usage.resident_mib,
        open_files: usage.open_files.map(pressure),
    }
}

const fn pressure(level: dump::Level) -> Pressure {
    match level {
        dump::Level::Low => Pressure::Low,
        dump::Level::Medium => Pressure::Medium,
        dump::Level::High => Pressure::High,
        dump::Level::Critical => Pressure::Critical,
    }
}

/// The last ones.
fn crumbs(seen: Vec<SeenCrumb>, most: usize) -> Vec<Crumb> {
    let too_many = seen.len().saturating_sub(most);
    let told = seen.into_iter().skip(too_many).map(|crumb| Crumb {
        name: crumb.name,
        before_ms: crumb.before_ms,
        values: crumb
            .values
            .into_iter()
            .map(|(name, told)| match told {
                Told::Number(number) => CrumbValue::Number {
                    name,
                    is: Amount::round(number),
                },
                Told::Word(is) => CrumbValue::Word { name, is },
            })
            .collect(),
    });
    told.collect()
}

fn thread(seen: &dump::Thread, modules: &mut Modules<'_>) -> Thread {
    let name = match &seen.name {
        dump::ThreadName::Known(name) => Some(ThreadName::scrub(name)),
        dump::ThreadName::Other => None,
    };
    Thread {
        main: seen.main,
        name,
        stack: modules.stack(&seen.stack),
    }
}

fn signal_name(number: u32) -> Option<SignalName> {
    // Numbers as of Linux on x86 and Arm, which dumps are written in.
    Some(match number {
        4 => SignalName::Ill,
        5 => SignalName::Trap,
        6 => SignalName::Abrt,
        7 => SignalName::Bus,
        8 => SignalName::Fpe,
        11 => SignalName::Segv,
        31 => SignalName::Sys,
        _ => return None,
    })
}

fn notes(problems: &[Problem], threads_left_out: bool, crumbs_left_out: bool) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut add = |note| {
        if !notes.contains(&note) {
            notes.push(note);
        }
    };
    for problem in problems {
        add(match problem {
            Problem::UnfinishedPanic { .. }
            | Problem::UnfinishedSignal { .. }
            | Problem::UnfinishedThreads { .. } => Note::Unfinished,
            Problem::NoSuchModule { .. } => Note::ModulesLeftOut,
            _ => Note::Damaged,
        });
    }
    if threads_left_out {
        add(Note::ThreadsLeftOut);
    }
    if crumbs_left_out {
        add(Note::CrumbsLeftOut);
    }
    notes
}

fn freeze(mut seen: SeenFreeze) -> Freeze {
    let mut modules = Modules::new(&seen.modules);
    let mut room = limits::FREEZE_FRAMES;
    let mut take = |stack: &dump::Stack| {
        let stack = modules.stack(stack);
        room = room.checked_sub(stack.frames.len())?;
        Some(stack)
    };
    let holder = seen.holder.map(|holder| Holder {
        main: holder.main,
        name: holder.name,
        stack: holder.stack.and_then(|stack| take(&stack)),
    });
    seen.stacks.sort_by_key(|(_, times)| Reverse(*times));
    let stacks = seen.stacks.iter().take(limits::FREEZE_STACKS);
    let stacks = stacks.map_while(|(stack, times)| {
        Some(StackCount {
            count: times.count,
            ms: times.ms,
            stack: take(stack)?,
        })
    });
    let stacks = stacks.collect();
    let (activity, wait) = doing(&seen.doings, seen.cpu_percent);
    Freeze {
        watch: seen.watch,
        turn: seen.turn,
        main: seen.main,
        took_ms: seen.took_ms,
        threshold_ms: seen.threshold_ms,
        not_responding_ms: Some(seen.not_responding_ms),
        end: seen.end,
        activity,
        wait,
        cpu_percent: seen.cpu_percent,
        holder,
        stacks,
        modules: modules.list(),
    }
}

/// A thread that had a processor for this share of the time computed, in percent, however it looked at the moments of the samples.
const COMPUTES: u8 = 50;
/// One that had it for less waited, in percent: not every kernel says for what. A thread that computes gets more even where eight want
/// one processor.
const WAITS: u8 = 5;

/// What the thread did for most of the time, and what that was according to the time it had a processor.
fn doing(doings: &[(Doing, Times)], cpu_percent: Option<u8>) -> (Activity, Option<Wait>) {
    match (most(doings), cpu_percent) {
        ((Activity::Blocked, _), Some(COMPUTES..)) => (Activity::Running, None),
        ((Activity::Running, _), Some(..WAITS)) => (Activity::Blocked, None),
        (seen, _) => seen,
    }
}

fn most(doings: &[(Doing, Times)]) -> (Activity, Option<Wait>) {
    let most = doings.iter().max_by_key(|(_, times)| *times);
    match most {
        None => (Activity::Unknown, None),
        Some((Doing::Running, _)) => (Activity::Running, None),
        Some((Doing::Stopped, _)) => (Activity::Unknown, None),
        Some((Doing::PageFault, _)) => (Activity::Blocked, Some(Wait::PageFault)),
        Some((Doing::Waiting(wait), _)) => {
            let word = match wait {
                SeenWait::Lock => Wait::Futex,
                SeenWait::Read => Wait::Read,
                SeenWait::Write => Wait::Write,
                SeenWait::Poll => Wait::Poll,
                SeenWait::Sleep => Wait::Sleep,
                SeenWait::Connect => Wait::Connect,
                SeenWait::Child => Wait::Child,
                SeenWait::Other(_) => Wait::Other,
            };
            (Activity::Blocked, Some(word))
        }
    }
}

fn connection(window: Window) -> Connection {
    Connection {
        name: window.subject.name,
        endpoint: window.subject.endpoint,
        region: window.subject.region,
        transport: window.subject.transport,
        network: window.network,
        seconds: window.seconds.clamp(1, 86_400),
        attempts: window.attempts,
        ready: window.ready,
        reconnects: window.reconnects,
        failures: window.failures,
        tries: window.tries,
        disconnects: window.disconnects,
        phases: window.phases,
        ready_us: window.ready_us,
        rtt_us: window.rtt_us,
        ack_us: window.ack_us,
        stall_us: window.stall_us,
        backoff_us: window.backoff_us,
        outage_us: window.outage_us,
        network_changes: window.network_changes,
        sent: window.sent,
        received: window.received,
        sent_bytes: window.sent_bytes,
        received_bytes: window.received_bytes,
        up_ms: window.up_us / 1000,
        down_ms: window.down_us / 1000,
        tcp: window.tcp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_modules_that_frames_touch_are_told() {
        let module = |name: &str| dump::Module {
            build_id: vec![0xab; 20],
            name: name.into(),
            size: 1,
        };
        let known = [
            module("libunused.so"),
            module("im-client"),
            module("libc.so.6"),
        ];
        let mut modules = Modules::new(&known);
        let frame = |module| dump::Frame {
            module,
            offset: 0x10,
            found: dump::Found::Cfi,
        };
        let stack = dump::Stack {
            frames: vec![
                frame(Some(2)),
                frame(Some(1)),
                frame(Some(2)),
                frame(None),
                frame(Some(9)),
            ],
            gap: Some(dump::Gap {
                before: 4,
                missing: 100,
            }),
            end: dump::StackEnd::Outermost,
        };
        let stack = modules.stack(&stack);
        assert_eq!(
            stack
                .frames
                .iter()
                .map(|frame| frame.module)
                .collect::<Vec<_>>(),
            [Some(0), Some(1), Some(0), None, None]
        );
        assert_eq!(
            stack.frames[3].offset,
            Offset(0),
            "an address outside of modules is not told"
        );
        assert_eq!((stack.left_out, stack.outermost), (100, 1));
        let names: Vec<_> = modules
            .list()
            .into_iter()
            .map(|module| module.name.unwrap().to_string())
            .collect();
        assert_eq!(names, ["libc.so.6", "im-client"]);
    }

    /// Seen for so many milliseconds, once.
    fn for_ms(doing: Doing, ms: u64) -> (Doing, Times) {
        (doing, Times { ms, count: 1 })
    }

    #[test]
    fn processor_time_says_what_moments_cannot() {
        let wait = for_ms(Doing::Waiting(SeenWait::Sleep), 100);
        let runs = for_ms(Doing::Running, 100);
        let (computes, waits) = ((Activity::Running, None), (Activity::Blocked, None));
        assert_eq!(doing(&[wait], Some(90)), computes, "between short sleeps");
        assert_eq!(doing(&[runs], Some(0)), waits, "for what is not known");
        assert_eq!(doing(&[runs], Some(12)), computes, "one of eight");
    }

    #[test]
    fn a_freeze_is_named_by_what_the_thread_did_for_most_of_the_time() {
        let runs = (Doing::Running, Times { ms: 200, count: 9 });
        let wait = for_ms(Doing::Waiting(SeenWait::Lock), 5_000);
        let waits = (Activity::Blocked, Some(Wait::Futex));
        assert_eq!(doing(&[runs, wait], None), waits);
        assert_eq!(doing(&[], None), (Activity::Unknown, None));
    }

    #[test]
    fn a_freeze_tells_what_was_seen_longest_first_and_no_more_than_fits_into_a_report() {
        use crate::capture::freeze::{State, Thresholds};
        let name = candor_protocol::deidentify::Name::declare("ui");
        let state = State::new(name, Thresholds::default(), std::sync::Arc::default());
        let mut seen = SeenFreeze::begin(&state, 0, None);
        seen.modules = (0..40)
            .map(|number| dump::Module {
                build_id: vec![number; 20],
                name: format!("libsome-library-{number}.so.1"),
                size: 1,
            })
            .collect();
        for number in 0..32 {
            let frame = |at: usize| dump::Frame {
                module: Some(at as u16 % 40),
                offset: 0x7f_ffff + at as u64,
                found: dump::Found::Context,
            };
            let stack = dump::Stack {
                frames: (0..128).map(frame).collect(),
                ..dump::Stack::default()
            };
            let times = Times {
                ms: 10 * (number % 7),
                count: 1,
            };
            seen.stacks.push((stack, times));
        }
        let told = What::Freeze(freeze(seen));
        assert!(serde_json::to_string(&told).unwrap().len() + 1_000 < limits::REPORT_BYTES);
        assert!(told.check().is_ok());
        let What::Freeze(told) = told else { return };
        let ms: Vec<u64> = told.stacks.iter().map(|seen| seen.ms).collect();
        assert_eq!(ms, [60, 60, 60, 60, 50, 50, 50, 50, 40, 40]);
    }
}
