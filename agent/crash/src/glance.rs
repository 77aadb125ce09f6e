//! What `/proc` says about a thread without touching it, and what may therefore be done to it.
//!
//! A thread that waits in a system call notices some disturbances: after a signal, `poll` and `nanosleep` fail with `EINTR`
//! whatever flags the handler has; a process stopped by a tracer resumes those but not `epoll_wait`. The lists below say
//! which calls survive what; a call on no list is not disturbed at all. A thread that runs may be in such a call a moment later,
//! or is still in one and only lacks a processor: it is stopped rather than signalled.

use crate::api::{Doing, Standing, Wait};

/// What a thread is doing, as `/proc/self/task/T/syscall` and `status` say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Glance {
    pub(crate) doing: Doing,
    /// Instruction and stack pointer, if it waits.
    pub(crate) place: Option<(usize, usize)>,
    /// The system call with its arguments, if it is in one.
    pub(crate) call: Option<(u32, [u64; 6])>,
}

impl Glance {
    /// It may be stopped, and its call made to begin again, without its noticing.
    pub(crate) fn may_be_sent(&self) -> bool {
        let waits_for_events = self.call.is_some_and(|(number, arguments)| {
            // Without a limit of time: with one, it would wait longer.
            matches!(number, call::EPOLL_WAIT | call::EPOLL_PWAIT) && (arguments[3] as i32) < 0
        });
        waits_for_events || means(self, &mut |_| File::default()) == Means::Stop
    }
}

/// How a thread may be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Means {
    /// By a signal.
    Signal,
    /// By stopping it for a moment.
    Stop,
    /// Not at all.
    Glance,
}

/// Facts about an open file that decide whether a call on it survives a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct File {
    pub(crate) socket: bool,
    /// A socket with `SO_RCVTIMEO`, or `SO_RCVLOWAT` above 1: an interrupted read ends early.
    pub(crate) receive_ends_early: bool,
    /// A socket with `SO_SNDTIMEO`.
    pub(crate) send_ends_early: bool,
}

/// Numbers of system calls on x86-64.
pub(crate) mod call {
    pub(super) const READ: u32 = 0;
    pub(super) const WRITE: u32 = 1;
    pub(super) const POLL: u32 = 7;
    pub(super) const PREAD: u32 = 17;
    pub(super) const PWRITE: u32 = 18;
    pub(super) const READV: u32 = 19;
    pub(super) const WRITEV: u32 = 20;
    pub(super) const SELECT: u32 = 23;
    pub(super) const PAUSE: u32 = 34;
    pub(super) const NANOSLEEP: u32 = 35;
    pub(super) const CONNECT: u32 = 42;
    pub(super) const ACCEPT: u32 = 43;
    pub(super) const SENDTO: u32 = 44;
    pub(super) const RECVFROM: u32 = 45;
    pub(super) const SENDMSG: u32 = 46;
    pub(super) const RECVMSG: u32 = 47;
    pub(super) const WAIT4: u32 = 61;
    pub(super) const FCNTL: u32 = 72;
    pub(super) const FLOCK: u32 = 73;
    pub(super) const FSYNC: u32 = 74;
    pub(super) const FDATASYNC: u32 = 75;
    pub(crate) const FUTEX: u32 = 202;
    /// A call that goes on after a stop.
    pub(crate) const RESTART: u32 = 219;
    pub(super) const CLOCK_NANOSLEEP: u32 = 230;
    pub(super) const EPOLL_WAIT: u32 = 232;
    pub(super) const WAITID: u32 = 247;
    pub(super) const PSELECT: u32 = 270;
    pub(super) const PPOLL: u32 = 271;
    pub(super) const EPOLL_PWAIT: u32 = 281;
    pub(super) const ACCEPT4: u32 = 288;
    pub(super) const RECVMMSG: u32 = 299;
    pub(super) const EPOLL_PWAIT2: u32 = 441;
}

const FUTEX_COMMAND: u64 = 0x7f;
const FUTEX_WAIT: u64 = 0;
const FUTEX_LOCK_PI: u64 = 6;
const FUTEX_WAIT_BITSET: u64 = 9;
const MSG_WAITALL: u64 = 0x100;
const F_SETLKW: u64 = 7;
/// A write of at most this size to a pipe is never cut in two (`PIPE_BUF`).
const WHOLE_WRITE: u64 = 4096;

/// Reads the state letter of `stat` and the text of `syscall`. `None` if the thread is gone.
pub(crate) fn parse(state: u8, syscall: &str) -> Option<Glance> {
    let stopped = match state {
        b'Z' | b'X' | b'x' => return None,
        b'T' | b't' => true,
        _ => false,
    };
    let mut words = syscall.split_ascii_whitespace();
    let first = words.next().unwrap_or("running");
    let numbers: Vec<u64> = words
        .map_while(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok())
        .collect();
    let place = match numbers[..] {
        [.., sp, ip] => Some((ip as usize, sp as usize)),
        _ => None,
    };
    let call = match (first.parse::<u32>(), &numbers[..]) {
        (Ok(number), [a, b, c, d, e, f, ..]) => Some((number, [*a, *b, *c, *d, *e, *f])),
        _ => None,
    };
    let doing = match call {
        _ if stopped => Doing::Stopped,
        Some((number, _)) => Doing::Waiting(wait(number)),
        // "-1": it waits, but not in a system call.
        None if first == "-1" && state != b'R' => Doing::PageFault,
        None => Doing::Running,
    };
    Some(Glance { doing, place, call })
}

/// Reads the texts of `status` and `schedstat`; not every kernel has the second.
pub(crate) fn standing(status: &str, schedstat: &str, cpu_us: impl FnOnce() -> u64) -> Standing {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.map(str::trim_start).unwrap_or_default()
    };
    let state = field("State:").as_bytes().first();
    match state {
        None => return Standing::Unknown,
        Some(b'Z' | b'X' | b'x') => return Standing::Gone,
        Some(b'T' | b't') => return Standing::Held,
        Some(_) => {}
    }
    if !matches!(field("TracerPid:"), "" | "0") {
        return Standing::Held;
    }
    // Time on a processor, time waiting for one, and how often, in nanoseconds.
    let queued = schedstat.split_ascii_whitespace().nth(1);
    let queued_ns: u64 = queued.and_then(|ns| ns.parse().ok()).unwrap_or(0);
    Standing::Free {
        queued_ms: queued_ns / 1_000_000,
        cpu_us: cpu_us(),
        runnable: state == Some(&b'R'),
        sleeps: field("voluntary_ctxt_switches:").parse().unwrap_or(0),
    }
}

/// What a system call waits for.
pub(crate) fn wait(number: u32) -> Wait {
    use call::*;
    match number {
        FUTEX => Wait::Lock,
        READ | PREAD | READV | RECVFROM | RECVMSG | RECVMMSG => Wait::Read,
        WRITE | PWRITE | WRITEV | SENDTO | SENDMSG | FSYNC | FDATASYNC => Wait::Write,
        POLL | PPOLL | SELECT | PSELECT | EPOLL_WAIT | EPOLL_PWAIT | EPOLL_PWAIT2 => Wait::Poll,
        // One that was stopped and goes on by itself is called RESTART from then on; it is a sleep more often than anything else.
        NANOSLEEP | CLOCK_NANOSLEEP | RESTART => Wait::Sleep,
        CONNECT | ACCEPT | ACCEPT4 => Wait::Connect,
        WAIT4 | WAITID => Wait::Child,
        FLOCK => Wait::Lock,
        other => Wait::Other(other),
    }
}

/// How the thread may be looked at without its noticing. `file` answers for an open file's number.
pub(crate) fn means(glance: &Glance, file: &mut dyn FnMut(u64) -> File) -> Means {
    use call::*;
    let Some((number, args)) = glance.call else {
        return if glance.doing == Doing::Stopped {
            Means::Glance
        } else {
            Means::Signal
        };
    };
    if glance.doing == Doing::Stopped {
        return Means::Glance;
    }
    let if_survives = |survives: bool| {
        if survives {
            Means::Signal
        } else {
            Means::Glance
        }
    };
    match number {
        READ | PREAD | READV | ACCEPT | ACCEPT4 => if_survives(!file(args[0]).receive_ends_early),
        RECVFROM => if_survives(args[3] & MSG_WAITALL == 0 && !file(args[0]).receive_ends_early),
        RECVMSG => if_survives(args[2] & MSG_WAITALL == 0 && !file(args[0]).receive_ends_early),
        WRITE => if_survives(args[2] <= WHOLE_WRITE && !file(args[0]).socket),
        CONNECT => if_survives(!file(args[0]).send_ends_early),
        WAIT4 | WAITID | FLOCK | FSYNC | FDATASYNC => Means::Signal,
        FCNTL => if_survives(args[1] == F_SETLKW),
        FUTEX => match (args[1] & FUTEX_COMMAND, args[3]) {
            (FUTEX_WAIT | FUTEX_WAIT_BITSET | FUTEX_LOCK_PI, 0) => Means::Signal,
            // With a timeout, a signal ends it: libraries begin again, but not everybody does.
            (FUTEX_WAIT | FUTEX_WAIT_BITSET, _) => Means::Stop,
            _ => Means::Glance,
        },
        POLL | PPOLL | SELECT | PSELECT | NANOSLEEP | CLOCK_NANOSLEEP | PAUSE | RESTART => {
            Means::Stop
        }
        _ => Means::Glance,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: File = File {
        socket: false,
        receive_ends_early: false,
        send_ends_early: false,
    };
    const SOCKET: File = File {
        socket: true,
        ..PLAIN
    };
    const IMPATIENT: File = File {
        socket: true,
        receive_ends_early: true,
        send_ends_early: true,
    };

    fn in_call(number: u32, args: [u64; 6]) -> Glance {
        Glance {
            doing: Doing::Waiting(wait(number)),
            place: Some((1, 2)),
            call: Some((number, args)),
        }
    }

    #[test]
    fn the_kernels_lines_are_understood() {
        let line = "7 0x7ffd0 0x1 0x1388 0x0 0x0 0x0 0x7ffdeadb0 0x7f00beef\n";
        let glance = parse(b'S', line).unwrap();
        assert_eq!(glance.doing, Doing::Waiting(Wait::Poll));
        assert_eq!(glance.place, Some((0x7f00_beef, 0x7_ffde_adb0)));
        assert_eq!(glance.call.unwrap().1[2], 0x1388);
        assert_eq!(parse(b'R', "running\n").unwrap().doing, Doing::Running);
        assert_eq!(
            parse(b'D', "-1 0x7ffe 0x7f00\n").unwrap().doing,
            Doing::PageFault
        );
        assert_eq!(parse(b'T', line).unwrap().doing, Doing::Stopped);
        assert_eq!(parse(b'Z', ""), None);
        assert_eq!(
            parse(b'S', "").unwrap().doing,
            Doing::Running,
            "a kernel without this file"
        );
    }

    #[test]
    fn a_thread_is_free_unless_it_is_stopped_or_traced() {
        let status = |state: &str, tracer: u32| {
            format!(
                "Name:\tui\nState:\t{state}\nTgid:\t9\nTracerPid:\t{tracer}\nvoluntary_ctxt_switches:\t5\n"
            )
        };
        let told = |status: &str| standing(status, "81 3705156000 9\n", || 42);
        let free = Standing::Free {
            queued_ms: 3705,
            cpu_us: 42,
            runnable: false,
            sleeps: 5,
        };
        assert_eq!(told(&status("S (sleeping)", 0)), free);
        assert_eq!(told(&status("S (sleeping)", 7)), Standing::Held);
        assert_eq!(told(&status("T (stopped)", 0)), Standing::Held);
        assert_eq!(told(&status("t (tracing stop)", 7)), Standing::Held);
        assert_eq!(told(&status("X (dead)", 0)), Standing::Gone);
        assert_eq!(told(""), Standing::Unknown);
        let without = Standing::Free {
            queued_ms: 0,
            cpu_us: 0,
            runnable: true,
            sleeps: 5,
        };
        assert_eq!(
            standing(&status("R (running)", 0), "", || 0),
            without,
            "a kernel that does not count it"
        );
    }

    #[test]
    fn a_running_thread_gets_a_signal_and_a_stopped_one_is_left_alone() {
        let running = Glance {
            doing: Doing::Running,
            place: None,
            call: None,
        };
        assert_eq!(means(&running, &mut |_| PLAIN), Means::Signal);
        let stopped = Glance {
            doing: Doing::Stopped,
            place: None,
            call: Some((call::READ, [0; 6])),
        };
        assert_eq!(means(&stopped, &mut |_| PLAIN), Means::Glance);
    }

    #[test]
    fn calls_that_a_signal_would_fail_are_never_signalled() {
        let sleep = [1, 2, 3, 4, 5, 6];
        for number in [
            call::POLL,
            call::PPOLL,
            call::SELECT,
            call::PSELECT,
            call::NANOSLEEP,
            call::CLOCK_NANOSLEEP,
        ] {
            assert_eq!(
                means(&in_call(number, sleep), &mut |_| PLAIN),
                Means::Stop,
                "{number}"
            );
        }
        // epoll_wait, semop, msgrcv, rt_sigtimedwait, rt_sigsuspend, io_uring_enter: a stop is noticed too.
        for number in [
            call::EPOLL_WAIT,
            call::EPOLL_PWAIT,
            call::EPOLL_PWAIT2,
            65,
            220,
            70,
            128,
            130,
            426,
            9999,
        ] {
            assert_eq!(
                means(&in_call(number, sleep), &mut |_| PLAIN),
                Means::Glance,
                "{number}"
            );
        }
    }

    #[test]
    fn reads_and_writes_are_signalled_only_if_they_start_again_whole() {
        let cases: [(u32, [u64; 6], File, Means); 11] = [
            (call::READ, [3, 0, 10, 0, 0, 0], PLAIN, Means::Signal),
            (call::READ, [3, 0, 10, 0, 0, 0], SOCKET, Means::Signal),
            (call::READ, [3, 0, 10, 0, 0, 0], IMPATIENT, Means::Glance),
            (call::RECVFROM, [3, 0, 10, 0, 0, 0], SOCKET, Means::Signal),
            (
                call::RECVFROM,
                [3, 0, 10, MSG_WAITALL, 0, 0],
                SOCKET,
                Means::Glance,
            ),
            (
                call::RECVMSG,
                [3, 0, MSG_WAITALL, 0, 0, 0],
                SOCKET,
                Means::Glance,
            ),
            (call::WRITE, [3, 0, 4096, 0, 0, 0], PLAIN, Means::Signal),
            (call::WRITE, [3, 0, 4097, 0, 0, 0], PLAIN, Means::Glance),
            (call::WRITE, [3, 0, 10, 0, 0, 0], SOCKET, Means::Glance),
            (call::SENDTO, [3, 0, 10, 0, 0, 0], SOCKET, Means::Glance),
            (call::CONNECT, [3, 0, 10, 0, 0, 0], IMPATIENT, Means::Glance),
        ];
        for (number, args, file, expected) in cases {
            assert_eq!(
                means(&in_call(number, args), &mut |_| file),
                expected,
                "{number} {args:?}"
            );
        }
    }

    #[test]
    fn a_lock_is_signalled_without_and_stopped_with_a_timeout() {
        const PRIVATE: u64 = 128;
        for command in [FUTEX_WAIT, FUTEX_WAIT_BITSET] {
            let without = in_call(call::FUTEX, [1, command | PRIVATE, 2, 0, 0, 0]);
            let with = in_call(call::FUTEX, [1, command | PRIVATE, 2, 0x7ffe, 0, 0]);
            assert_eq!(means(&without, &mut |_| PLAIN), Means::Signal);
            assert_eq!(means(&with, &mut |_| PLAIN), Means::Stop);
        }
    }
}
