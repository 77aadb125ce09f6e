//! Threads that are looked at while they are in a system call. Each checks for itself that the call gave what it would have
//! given had nobody looked.

use candor_crash::{Doing, SampleError, Tid, Wait, Way};
use candor_dump::{Module, Stack};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// A thread that waits, and what must be true of a look at it.
pub(crate) struct Call {
    pub(crate) name: &'static str,
    /// Runs on the sampled thread; answers whether all is as it should be.
    wait: fn() -> bool,
    /// Ends the wait.
    release: fn(),
    doing: Doing,
    way: Way,
    /// What must be on its stack.
    function: &'static str,
}

const fn call(
    name: &'static str,
    wait: fn() -> bool,
    release: fn(),
    doing: Doing,
    way: Way,
    function: &'static str,
) -> Call {
    Call {
        name,
        wait,
        release,
        doing,
        way,
        function,
    }
}

/// How often each thread is looked at with success.
const LOOKS: u32 = 5;
/// Waits that end by themselves end after this.
const TIMEOUT_MS: i32 = 900;

pub(crate) const CALLS: &[Call] = &[
    call(
        "a busy loop",
        busy,
        release_busy,
        Doing::Running,
        Way::Stop,
        "busy",
    ),
    call(
        "a busy loop below a large frame",
        above_a_large_frame,
        release_busy,
        Doing::Running,
        Way::Stop,
        "above_a_large_frame",
    ),
    call(
        "a busy loop with all signals blocked",
        masked,
        release_busy,
        Doing::Running,
        Way::Stop,
        "masked",
    ),
    call(
        "a mutex",
        mutex,
        release_mutex,
        Doing::Waiting(Wait::Lock),
        Way::Signal,
        "mutex",
    ),
    call(
        "a mutex of the C library",
        pthread_mutex,
        release_pthread_mutex,
        Doing::Waiting(Wait::Lock),
        Way::Signal,
        "pthread_mutex",
    ),
    call(
        "a condition with a timeout",
        condition,
        nothing,
        Doing::Waiting(Wait::Lock),
        Way::Stop,
        "condition",
    ),
    call(
        "a raw futex with a timeout",
        futex,
        nothing,
        Doing::Waiting(Wait::Lock),
        Way::Stop,
        "futex",
    ),
    call(
        "read from a pipe",
        read,
        release_pipe,
        Doing::Waiting(Wait::Read),
        Way::Signal,
        "read",
    ),
    call(
        "recv",
        recv,
        release_socket,
        Doing::Waiting(Wait::Read),
        Way::Signal,
        "recv",
    ),
    call(
        "recv for all bytes",
        recv_all,
        release_socket_all,
        Doing::Waiting(Wait::Read),
        Way::Glance,
        "recv_all",
    ),
    call(
        "read with SO_RCVTIMEO",
        recv_timeout,
        nothing,
        Doing::Waiting(Wait::Read),
        Way::Glance,
        "recv_timeout",
    ),
    call(
        "poll",
        poll,
        nothing,
        Doing::Waiting(Wait::Poll),
        Way::Stop,
        "poll",
    ),
    call(
        "ppoll",
        ppoll,
        nothing,
        Doing::Waiting(Wait::Poll),
        Way::Stop,
        "ppoll",
    ),
    call(
        "select",
        select,
        nothing,
        Doing::Waiting(Wait::Poll),
        Way::Stop,
        "select",
    ),
    call(
        "epoll_wait",
        epoll,
        nothing,
        Doing::Waiting(Wait::Poll),
        Way::Glance,
        "epoll",
    ),
    call(
        "epoll_wait without a limit",
        epoll_without_limit,
        release_pipe,
        Doing::Waiting(Wait::Poll),
        Way::Glance,
        "epoll_without_limit",
    ),
    call(
        "read with all signals blocked",
        masked_read,
        release_pipe,
        Doing::Waiting(Wait::Read),
        Way::Stop,
        "masked_read",
    ),
    call(
        "nanosleep",
        nanosleep,
        nothing,
        Doing::Waiting(Wait::Sleep),
        Way::Stop,
        "nanosleep",
    ),
    call(
        "usleep",
        usleep,
        nothing,
        Doing::Waiting(Wait::Sleep),
        Way::Stop,
        "usleep",
    ),
    call(
        "a large write to a pipe",
        write,
        release_write,
        Doing::Waiting(Wait::Write),
        Way::Glance,
        "write",
    ),
    call(
        "waitpid",
        waitpid,
        release_child,
        Doing::Waiting(Wait::Child),
        Way::Signal,
        "waitpid",
    ),
    call(
        "accept",
        accept,
        release_accept,
        Doing::Waiting(Wait::Connect),
        Way::Signal,
        "accept",
    ),
];

/// The thread's call has come back.
static DONE: AtomicBool = AtomicBool::new(false);
static TID: AtomicU32 = AtomicU32::new(0);
static TID_OF: Mutex<Option<Tid>> = Mutex::new(None);

pub(crate) fn main(name: &str) {
    let call = CALLS
        .iter()
        .find(|call| call.name == name)
        .expect("a known call");
    let held = LOCK.lock().unwrap();
    unsafe { libc::pthread_mutex_lock(RAW.0.get()) };
    let thread = std::thread::spawn(move || {
        *TID_OF.lock().unwrap() = Some(candor_crash::current_thread());
        TID.store(candor_crash::current_thread().get(), Ordering::Release);
        let fine = (call.wait)();
        DONE.store(true, Ordering::Release);
        black_box(fine)
    });
    wait_until_inside(call);
    let tid = TID_OF.lock().unwrap().unwrap();
    let mut modules: Vec<Module> = Vec::new();
    let mut stack = Stack::default();
    let mut looks = 0;
    // It may still be on its way back from the last look.
    while looks < LOOKS && wait_until_inside(call) {
        let activity = match candor_crash::sample(tid, 64, &mut modules, &mut stack) {
            Ok(activity) => activity,
            // The machine is busy with something else.
            Err(SampleError::TimedOut) => continue,
            Err(error) => panic!("it can be sampled: {error}"),
        };
        if activity.way == Way::Glance && call.way == Way::Stop {
            // There was no time to stop it.
            continue;
        }
        if activity.doing == Doing::Running && call.doing != Doing::Running {
            // On its way in or out, and waiting for a processor.
            continue;
        }
        assert_eq!((activity.doing, activity.way), (call.doing, call.way));
        let holder = (call.name == "a mutex of the C library").then(candor_crash::current_thread);
        assert_eq!(activity.holder, holder);
        let names = names(&modules, &stack);
        let function = format!("sampled::{}", call.function);
        assert!(
            names.iter().any(|name| name.ends_with(&function)),
            "{function} is missing in {names:#?}"
        );
        looks += 1;
    }
    assert!(
        looks > 0 || DONE.load(Ordering::Acquire),
        "it was looked at"
    );
    assert_eq!(
        candor_crash::sample(candor_crash::current_thread(), 64, &mut modules, &mut stack),
        Err(SampleError::Itself)
    );
    drop(held);
    (call.release)();
    assert!(thread.join().unwrap(), "the call noticed");
    // One that was joined may be on its last steps.
    let remains = format!("/proc/self/task/{}", tid.get());
    while std::path::Path::new(&remains).exists() {
        std::thread::yield_now();
    }
    assert_eq!(
        candor_crash::sample(tid, 64, &mut modules, &mut stack),
        Err(SampleError::NoSuchThread)
    );
}

/// The same call on a thread that was made by the C library. The agent gives it an alternate stack meanwhile, and the call gives what it
/// would have given.
pub(crate) fn attended(name: &str) {
    static FINE: AtomicBool = AtomicBool::new(false);
    static HAS_STACK: AtomicBool = AtomicBool::new(false);
    extern "C" fn body(wait: *mut libc::c_void) -> *mut libc::c_void {
        TID.store(candor_crash::current_thread().get(), Ordering::Release);
        let wait: fn() -> bool = unsafe { std::mem::transmute(wait) };
        FINE.store(wait(), Ordering::Release);
        let stack = unsafe {
            let mut stack: libc::stack_t = std::mem::zeroed();
            libc::sigaltstack(std::ptr::null(), &raw mut stack);
            stack
        };
        HAS_STACK.store(stack.ss_flags & libc::SS_DISABLE == 0, Ordering::Release);
        DONE.store(true, Ordering::Release);
        std::ptr::null_mut()
    }
    let known = CALLS.iter().find(|call| call.name == name);
    let call = known.expect("a known call");
    let held = LOCK.lock().unwrap();
    let thread = unsafe {
        libc::pthread_mutex_lock(RAW.0.get());
        let mut thread = std::mem::zeroed();
        let wait = call.wait as *mut libc::c_void;
        assert_eq!(
            libc::pthread_create(&raw mut thread, std::ptr::null(), body, wait),
            0
        );
        thread
    };
    wait_until_inside(call);
    for _ in 0..40 {
        super::victims::armed().maintain();
        std::thread::sleep(Duration::from_millis(2));
    }
    drop(held);
    (call.release)();
    unsafe { libc::pthread_join(thread, std::ptr::null_mut()) };
    assert!(FINE.load(Ordering::Acquire), "the call noticed");
    // Calls that would notice are left alone, and a thread that runs can be reached by a signal only.
    let unreachable = call.way == Way::Glance && name != "epoll_wait without a limit";
    let masked = name == "a busy loop with all signals blocked";
    assert_eq!(HAS_STACK.load(Ordering::Acquire), !unreachable && !masked);
}

/// Waits until the thread is where it shall be looked at: when `/proc` has said so several times. `false` if it is through.
fn wait_until_inside(call: &Call) -> bool {
    let mut seen = 0;
    while seen < 3 && !DONE.load(Ordering::Acquire) {
        let tid = TID.load(Ordering::Acquire);
        let of_thread = |name| {
            std::fs::read_to_string(format!("/proc/self/task/{tid}/{name}")).unwrap_or_default()
        };
        let inside = if call.doing == Doing::Running {
            // Out of the handler of the last look, during which all is blocked.
            let blocked = call.way == Way::Signal
                && !of_thread("status").contains("SigBlk:\t0000000000000000");
            SPINNING.load(Ordering::Acquire) && !blocked
        } else {
            tid != 0
                && of_thread("stat")
                    .rsplit_once(") ")
                    .is_some_and(|(_, rest)| rest.starts_with('S'))
        };
        seen = if inside { seen + 1 } else { 0 };
        std::thread::yield_now();
    }
    !DONE.load(Ordering::Acquire)
}

fn names(modules: &[Module], stack: &Stack) -> Vec<String> {
    let program = super::harness::program();
    stack
        .frames
        .iter()
        .map(
            |frame| match frame.module.map(|module| &modules[usize::from(module)]) {
                Some(module) if module.name == program => {
                    super::harness::symbol(frame.lookup_offset())
                }
                Some(module) => format!("[{}]", module.name),
                None => "[nowhere]".to_owned(),
            },
        )
        .collect()
}

fn nothing() {}

static STOP: AtomicBool = AtomicBool::new(false);
static SPINNING: AtomicBool = AtomicBool::new(false);

#[inline(never)]
fn busy() -> bool {
    SPINNING.store(true, Ordering::Release);
    while !black_box(&STOP).load(Ordering::Acquire) {
        std::hint::spin_loop();
    }
    true
}

/// Further up than what is copied of a stack.
#[inline(never)]
fn above_a_large_frame() -> bool {
    black_box(in_a_large_frame())
}

#[inline(never)]
fn in_a_large_frame() -> bool {
    let mut frame = [1u8; 100 << 10];
    black_box(&mut frame);
    let fine = busy();
    black_box(&frame)[0] == 1 && fine
}

#[inline(never)]
fn masked() -> bool {
    unsafe {
        let mut all = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
    }
    black_box(busy())
}

fn release_busy() {
    STOP.store(true, Ordering::Release);
}

static LOCK: Mutex<()> = Mutex::new(());

#[inline(never)]
fn mutex() -> bool {
    let held = LOCK.lock();
    black_box(held.is_ok())
}

fn release_mutex() {}

struct Raw(std::cell::UnsafeCell<libc::pthread_mutex_t>);
unsafe impl Sync for Raw {}
static RAW: Raw = Raw(std::cell::UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER));

#[inline(never)]
fn pthread_mutex() -> bool {
    let locked = unsafe { libc::pthread_mutex_lock(RAW.0.get()) };
    black_box(locked == 0)
}

fn release_pthread_mutex() {
    assert_eq!(unsafe { libc::pthread_mutex_unlock(RAW.0.get()) }, 0);
}

#[inline(never)]
fn condition() -> bool {
    let (lock, condition) = (Mutex::new(()), Condvar::new());
    let started = Instant::now();
    let (_held, end) = condition
        .wait_timeout(
            lock.lock().unwrap(),
            Duration::from_millis(TIMEOUT_MS as u64),
        )
        .unwrap();
    black_box(end.timed_out() && on_time(started))
}

/// Not earlier than asked for; how late is the machine's affair.
fn on_time(started: Instant) -> bool {
    started.elapsed() >= Duration::from_millis(TIMEOUT_MS as u64 - 20)
}

fn timeout() -> libc::timespec {
    libc::timespec {
        tv_sec: 0,
        tv_nsec: i64::from(TIMEOUT_MS) * 1_000_000,
    }
}

fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap()
}

#[inline(never)]
fn futex() -> bool {
    let (word, time, started) = (AtomicU32::new(7), timeout(), Instant::now());
    let wait = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    let answer = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), wait, 7, &raw const time) };
    black_box(answer == -1 && errno() == libc::ETIMEDOUT && on_time(started))
}

static PIPE: Mutex<[i32; 2]> = Mutex::new([-1; 2]);

fn pipe() -> [i32; 2] {
    let mut ends = PIPE.lock().unwrap();
    if ends[0] < 0 {
        assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    }
    *ends
}

fn sockets() -> [i32; 2] {
    let mut ends = PIPE.lock().unwrap();
    if ends[0] < 0 {
        assert_eq!(
            unsafe { libc::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0, ends.as_mut_ptr()) },
            0
        );
    }
    *ends
}

#[inline(never)]
fn read() -> bool {
    let mut bytes = [0u8; 10];
    let answer = unsafe { libc::read(pipe()[0], bytes.as_mut_ptr().cast(), 10) };
    black_box(answer == 3)
}

fn release_pipe() {
    assert_eq!(
        unsafe { libc::write(pipe()[1], b"end".as_ptr().cast(), 3) },
        3
    );
}

#[inline(never)]
fn recv() -> bool {
    let mut bytes = [0u8; 10];
    let answer = unsafe { libc::recv(sockets()[0], bytes.as_mut_ptr().cast(), 10, 0) };
    black_box(answer == 3)
}

fn release_socket() {
    assert_eq!(
        unsafe { libc::send(sockets()[1], b"end".as_ptr().cast(), 3, 0) },
        3
    );
}

#[inline(never)]
fn recv_all() -> bool {
    let mut bytes = [0u8; 10];
    assert_eq!(
        unsafe { libc::send(sockets()[1], b"begin".as_ptr().cast(), 5, 0) },
        5
    );
    let answer = unsafe {
        libc::recv(
            sockets()[0],
            bytes.as_mut_ptr().cast(),
            10,
            libc::MSG_WAITALL,
        )
    };
    black_box(answer == 10)
}

fn release_socket_all() {
    assert_eq!(
        unsafe { libc::send(sockets()[1], b"fives".as_ptr().cast(), 5, 0) },
        5
    );
}

#[inline(never)]
fn recv_timeout() -> bool {
    let [end, _] = sockets();
    let time = libc::timeval {
        tv_sec: 0,
        tv_usec: i64::from(TIMEOUT_MS) * 1000,
    };
    let size = size_of::<libc::timeval>() as u32;
    let set = unsafe {
        libc::setsockopt(
            end,
            libc::SOL_SOCKET,
            libc::SO_RCVTIMEO,
            (&raw const time).cast(),
            size,
        )
    };
    assert_eq!(set, 0);
    let (mut byte, started) = (0u8, Instant::now());
    let answer = unsafe { libc::read(end, (&raw mut byte).cast(), 1) };
    black_box(answer == -1 && errno() == libc::EAGAIN && on_time(started))
}

#[inline(never)]
fn poll() -> bool {
    let (mut entry, started) = (
        libc::pollfd {
            fd: pipe()[0],
            events: libc::POLLIN,
            revents: 0,
        },
        Instant::now(),
    );
    let answer = unsafe { libc::poll(&raw mut entry, 1, TIMEOUT_MS) };
    black_box(answer == 0 && on_time(started))
}

#[inline(never)]
fn ppoll() -> bool {
    let mut entry = libc::pollfd {
        fd: pipe()[0],
        events: libc::POLLIN,
        revents: 0,
    };
    let (time, started) = (timeout(), Instant::now());
    let answer = unsafe {
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::ppoll(&raw mut entry, 1, &raw const time, &raw const none)
    };
    black_box(answer == 0 && on_time(started))
}

#[inline(never)]
fn select() -> bool {
    let mut time = libc::timeval {
        tv_sec: 0,
        tv_usec: i64::from(TIMEOUT_MS) * 1000,
    };
    let (none, started) = (std::ptr::null_mut(), Instant::now());
    let answer = unsafe { libc::select(0, none, none, none, &raw mut time) };
    black_box(answer == 0 && on_time(started))
}

#[inline(never)]
fn epoll() -> bool {
    let started = Instant::now();
    let answer = unsafe {
        let epoll = libc::epoll_create1(0);
        let mut event = std::mem::zeroed();
        libc::epoll_wait(epoll, &raw mut event, 1, TIMEOUT_MS)
    };
    black_box(answer == 0 && on_time(started))
}

#[inline(never)]
fn epoll_without_limit() -> bool {
    let answer = unsafe {
        let epoll = libc::epoll_create1(0);
        let mut event: libc::epoll_event = std::mem::zeroed();
        event.events = libc::EPOLLIN as u32;
        libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, pipe()[0], &raw mut event);
        libc::epoll_wait(epoll, &raw mut event, 1, -1)
    };
    black_box(answer == 1)
}

#[inline(never)]
fn masked_read() -> bool {
    unsafe {
        let mut all = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
    }
    black_box(read())
}

#[inline(never)]
fn nanosleep() -> bool {
    let (time, started) = (timeout(), Instant::now());
    let answer = unsafe { libc::nanosleep(&raw const time, std::ptr::null_mut()) };
    black_box(answer == 0 && on_time(started))
}

#[inline(never)]
fn usleep() -> bool {
    let started = Instant::now();
    let answer = unsafe { libc::usleep(TIMEOUT_MS as u32 * 1000) };
    black_box(answer == 0 && on_time(started))
}

const LARGE: usize = 2 << 20;

#[inline(never)]
fn write() -> bool {
    let bytes = vec![1u8; LARGE];
    let answer = unsafe { libc::write(pipe()[1], bytes.as_ptr().cast(), LARGE) };
    black_box(answer == LARGE as isize)
}

fn release_write() {
    let mut bytes = vec![0u8; LARGE];
    let mut read = 0;
    while read < LARGE {
        let answer = unsafe { libc::read(pipe()[0], bytes.as_mut_ptr().cast(), LARGE) };
        assert!(answer > 0);
        read += answer as usize;
    }
}

#[inline(never)]
fn waitpid() -> bool {
    let end = pipe()[0];
    unsafe {
        let child = libc::fork();
        if child == 0 {
            // Should the test fail, nobody would write.
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            let mut byte = 0u8;
            libc::read(end, (&raw mut byte).cast(), 1);
            libc::_exit(9);
        }
        let mut status = 0;
        let answer = libc::waitpid(child, &raw mut status, 0);
        black_box(answer == child && libc::WEXITSTATUS(status) == 9)
    }
}

fn release_child() {
    release_pipe();
}

#[inline(never)]
fn accept() -> bool {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    *PORT.lock().unwrap() = Some(listener.local_addr().unwrap());
    use std::os::fd::AsRawFd;
    let answer = unsafe {
        libc::accept(
            listener.as_raw_fd(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        )
    };
    black_box(answer >= 0)
}

static PORT: Mutex<Option<std::net::SocketAddr>> = Mutex::new(None);

fn release_accept() {
    std::net::TcpStream::connect(PORT.lock().unwrap().unwrap()).unwrap();
}
