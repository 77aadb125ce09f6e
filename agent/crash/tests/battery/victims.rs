//! The ways to die. Each is a function that no compiler may fold into another, called by two more of the kind, so that the
//! top of its stack is known.

use super::{cpp, crowds, hosts, sandbox, shortage, wrecks};
use candor_crash::{Armed, Config, PanicNote, Scope};
use std::arch::asm;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

pub(crate) static ARMED: OnceLock<Armed> = OnceLock::new();

pub(crate) fn main(arguments: &[String]) {
    let [kind, rest @ ..] = arguments else {
        panic!("what shall I die of?")
    };
    if kind == "first_process" {
        enter_new_world();
    }
    if let Some(shortage) = kind.strip_prefix("refused ") {
        return shortage::refused(shortage, Path::new(&rest[0]));
    }
    before(kind);
    if let Some(path) = rest.first() {
        arm(Path::new(path), kind);
    }
    match kind.split_once(' ') {
        Some(("sampled", call)) => super::sampled::main(call),
        Some(("attended", call)) => super::sampled::attended(call),
        _ => outer(deadly(kind)),
    }
}

fn arm(path: &Path, kind: &str) {
    let config = Config {
        path,
        run: *b"sixteen bytes id",
        started_unix: 1_700_000_000,
        clean_module_name: str::to_owned,
        thread_names: &["worker", "tokio-runtime-worker"],
    };
    // A library that is linked into the program is the code between two of its symbols.
    let sdk = sdk as *const () as usize;
    let mut names = vec!["nothing.so".to_owned()];
    let by_name = kind == "in_scope_by_name";
    names.extend(by_name.then(super::harness::program));
    let scope = match kind {
        "in_scope" | "out_of_scope" | "in_scope_by_name" | "panic_out_of_scope" => {
            let range = (!by_name).then_some(sdk..sdk + 64);
            let ranges = range.into_iter().collect();
            Scope::Modules { names, ranges }
        }
        _ => Scope::App,
    };
    ARMED
        .set(candor_crash::arm_in_scope(&config, &scope).expect("arming works"))
        .unwrap();
}

pub(crate) fn armed() -> &'static Armed {
    ARMED.get().expect("this death is for armed victims")
}

/// What a host does before the agent starts.
fn before(kind: &str) {
    match kind {
        "with_an_earlier_handler" => {
            own_handler(libc::SIGSEGV, exits_if_errno_is_kept as *const () as usize)
        }
        "surviving" => own_handler(libc::SIGSEGV, opens_the_page as *const () as usize),
        "recovering_from_a_trap" => own_handler(libc::SIGTRAP, returns as *const () as usize),
        "with_a_core_dump" => {
            let limit = libc::rlimit {
                rlim_cur: libc::RLIM_INFINITY,
                rlim_max: libc::RLIM_INFINITY,
            };
            unsafe { libc::setrlimit(libc::RLIMIT_CORE, &limit) };
        }
        _ => {
            hosts::before(kind);
            shortage::before(kind);
        }
    }
}

pub(crate) fn deadly(kind: &str) -> fn() {
    match kind {
        "null" => null,
        "wild" => wild,
        "impossible_address" => impossible_address,
        "jump_to_data" => jump_to_data,
        "jump_to_null" => jump_to_null,
        "write_to_constant" | "with_an_earlier_handler" => write_to_constant,
        "truncated_mapping" => truncated_mapping,
        "division" => division,
        "illegal" | "with_a_core_dump" => illegal,
        "abort" => abort,
        "rust_abort" => rust_abort,
        "double_free" => double_free,
        "breakpoint" | "recovering_from_a_trap" => breakpoint,
        "forbidden_call" => forbidden_call,
        "overflow" => overflow,
        "overflow_in_thread" => overflow_in_thread,
        "overflow_in_foreign_thread" => overflow_in_foreign_thread,
        "in_a_handler" => in_a_handler,
        "two_threads" => two_threads,
        "waiting" => waiting,
        "panic_on_main" => panic_on_main,
        "panic_then_abort" => panic_then_abort,
        "panic_in_c" => panic_in_c,
        "exit" => exit,
        "return_from_main" => nothing,
        "shut_down" => shut_down,
        "broken_tables" => broken_tables,
        "smashed_stack" => smashed_stack,
        "no_stack" => no_stack,
        "named_thread" => named_thread,
        "forked_child" => forked_child,
        "in_scope" => sdk,
        "out_of_scope" | "in_scope_by_name" => app,
        "panic_out_of_scope" => panic_on_main,
        "crumbs" => crumbs,
        "surviving" => surviving,
        "first_process" => abort,
        "late_library" => late_library,
        "late_library_named" => late_library_named,
        "callback_through_late_library" => callback_through_late_library,
        "through_aligned_frame" => through_aligned_frame,
        "through_plain_frame" => through_plain_frame,
        "through_assertion" => through_assertion,
        "through_unknown_code" => through_unknown_code,
        "while_sampled" => while_sampled,
        "privileged" => privileged,
        "two_copies" => two_copies,
        "two_copies_one_left" => two_copies_one_left,
        "with_company" => with_company,
        "with_large_company" => with_large_company,
        "untraceable" => untraceable,
        "out_of_descriptors" => out_of_descriptors,
        other => [
            cpp::deadly,
            crowds::deadly,
            hosts::deadly,
            shortage::deadly,
            wrecks::deadly,
        ]
        .iter()
        .find_map(|deadly| deadly(other))
        .unwrap_or_else(|| panic!("nobody dies of {other}")),
    }
}

#[inline(never)]
pub(crate) fn outer(death: fn()) {
    inner(death);
    black_box(());
}

#[inline(never)]
fn inner(death: fn()) {
    black_box(death)();
    black_box(());
}

#[inline(never)]
pub(crate) fn null() {
    unsafe { asm!("mov eax, [{}]", in(reg) 16usize, out("eax") _) };
}

#[inline(never)]
fn wild() {
    unsafe { asm!("mov eax, [{}]", in(reg) 0x2345_6789_0000usize, out("eax") _) };
}

#[inline(never)]
fn impossible_address() {
    unsafe { asm!("mov eax, [{}]", in(reg) 0xdead_beef_dead_beefusize, out("eax") _) };
}

static mut DATA: [u8; 16] = [0x90; 16];

#[inline(never)]
fn jump_to_data() {
    let data: fn() = unsafe { std::mem::transmute::<*mut u8, fn()>((&raw mut DATA).cast()) };
    black_box(data)();
    black_box(());
}

#[inline(never)]
fn jump_to_null() {
    unsafe { asm!("call {}", in(reg) 0usize, clobber_abi("C")) };
}

static CONSTANT: u64 = 7;

#[inline(never)]
fn write_to_constant() {
    unsafe {
        *libc::__errno_location() = 1234;
        asm!("mov dword ptr [{}], 1", in(reg) &raw const CONSTANT);
    }
}

#[inline(never)]
fn truncated_mapping() {
    unsafe {
        let file = libc::memfd_create(c"short".as_ptr(), 0);
        let at = libc::mmap(
            std::ptr::null_mut(),
            8192,
            libc::PROT_READ,
            libc::MAP_SHARED,
            file,
            0,
        );
        asm!("mov eax, [{}]", in(reg) at, out("eax") _);
    }
}

#[inline(never)]
fn division() {
    unsafe {
        asm!("xor edx, edx", "mov eax, 1", "div {0:e}", in(reg) 0, out("eax") _, out("edx") _)
    };
}

#[inline(never)]
fn illegal() {
    unsafe { asm!("ud2") };
}

#[inline(never)]
pub(crate) fn abort() {
    unsafe { libc::abort() };
}

#[inline(never)]
fn rust_abort() {
    std::process::abort();
}

#[inline(never)]
fn double_free() {
    unsafe {
        let block = libc::malloc(2000);
        // Keeps the block away from the top of the heap.
        black_box(libc::malloc(16));
        libc::free(black_box(block));
        libc::free(black_box(block));
    }
}

#[inline(never)]
fn breakpoint() {
    unsafe { asm!("int3") };
}

#[inline(never)]
fn forbidden_call() {
    sandbox::forbid(&[libc::SYS_getppid], libc::SECCOMP_RET_TRAP);
    unsafe {
        asm!("syscall", inout("rax") libc::SYS_getppid => _, out("rcx") _, out("r11") _);
    }
}

#[inline(never)]
pub(crate) fn overflow() {
    black_box(recurse(black_box(1)));
}

#[inline(never)]
#[allow(unconditional_recursion)] // that is the point
fn recurse(depth: u64) -> u64 {
    let here = black_box([depth; 16]);
    recurse(black_box(depth + 1)) + here[3]
}

#[inline(never)]
fn overflow_in_thread() {
    std::thread::Builder::new()
        .name("worker-17".into())
        .spawn(overflow)
        .unwrap()
        .join()
        .unwrap();
}

extern "C" fn foreign(_: *mut libc::c_void) -> *mut libc::c_void {
    let started = std::time::Instant::now();
    let has_stack = || unsafe {
        let mut stack: libc::stack_t = std::mem::zeroed();
        libc::sigaltstack(std::ptr::null(), &raw mut stack);
        stack.ss_flags & libc::SS_DISABLE == 0
    };
    assert!(!has_stack(), "this thread is meant to have none");
    // Until the agent has had its turn.
    while ARMED.get().is_some() && !has_stack() && started.elapsed().as_secs() < 10 {
        std::hint::spin_loop();
    }
    LOOKED_AFTER.store(true, Ordering::Release);
    overflow();
    std::ptr::null_mut()
}

static LOOKED_AFTER: AtomicBool = AtomicBool::new(false);

#[inline(never)]
fn overflow_in_foreign_thread() {
    unsafe {
        let mut thread = std::mem::zeroed();
        libc::pthread_create(
            &raw mut thread,
            std::ptr::null(),
            foreign,
            std::ptr::null_mut(),
        );
        while let (Some(armed), false) = (ARMED.get(), LOOKED_AFTER.load(Ordering::Acquire)) {
            armed.maintain();
            std::thread::yield_now();
        }
        libc::pthread_join(thread, std::ptr::null_mut());
    }
}

pub(crate) fn own_handler(number: i32, handler: usize) {
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler;
        assert_eq!(
            libc::sigaction(number, &raw const action, std::ptr::null_mut()),
            0
        );
    }
}

extern "C" fn exits_if_errno_is_kept(_: i32) {
    unsafe {
        libc::_exit(if *libc::__errno_location() == 1234 {
            77
        } else {
            78
        })
    };
}

extern "C" fn returns(_: i32) {}

#[inline(never)]
extern "C" fn crashes(_: i32) {
    null();
    black_box(());
}

#[inline(never)]
fn in_a_handler() {
    own_handler(libc::SIGUSR1, crashes as *const () as usize);
    unsafe { libc::raise(libc::SIGUSR1) };
    black_box(());
}

#[inline(never)]
fn two_threads() {
    let gate = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                gate.wait();
                null();
            });
        }
    });
}

/// Waits to be killed from outside; has left a mark that must survive it.
#[inline(never)]
fn waiting() {
    if let Some(armed) = ARMED.get() {
        armed.counters()[3].store(99, Ordering::Relaxed);
        armed.set_foreground(true);
        armed.maintain();
        armed.freeze_opened(
            5,
            candor_crash::current_thread(),
            candor_crash::boottime_millis(),
        );
    }
    print!("{}", super::harness::READY);
    std::io::stdout().flush().unwrap();
    unsafe {
        loop {
            libc::pause();
        }
    }
}

/// What the agent's panic hook does.
fn hook() {
    let earlier = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let mut frames = [0usize; 64];
        let count = unsafe { backtrace(frames.as_mut_ptr().cast(), 64) };
        let location = info.location().unwrap();
        armed().record_panic(&PanicNote {
            message: info.payload_as_str().unwrap_or("?"),
            file: location.file(),
            line: location.line(),
            thread_name: "main",
            main_thread: candor_crash::is_main_thread(),
            frames: &frames[..count.max(0) as usize],
        });
        earlier(info);
    }));
}

unsafe extern "C" {
    fn backtrace(buffer: *mut *mut libc::c_void, size: i32) -> i32;
}

#[inline(never)]
fn panic_on_main() {
    hook();
    panic!("a clean message");
}

#[inline(never)]
fn panic_then_abort() {
    struct PanicsToo;
    impl Drop for PanicsToo {
        fn drop(&mut self) {
            panic!("and another");
        }
    }
    hook();
    let _held = PanicsToo;
    panic!("one");
}

#[inline(never)]
extern "C" fn called_by_c() {
    panic!("into C");
}

#[inline(never)]
fn panic_in_c() {
    hook();
    called_by_c();
}

#[inline(never)]
fn exit() {
    std::process::exit(3);
}

#[inline(never)]
fn nothing() {}

#[inline(never)]
fn shut_down() {
    armed().mark(candor_dump::ExitMark::Clean);
}

/// Takes this program's unwind tables away, so that recording itself faults.
#[inline(never)]
fn broken_tables() {
    unsafe extern "C" fn protect(
        info: *mut libc::dl_phdr_info,
        _: usize,
        _: *mut libc::c_void,
    ) -> i32 {
        let info = unsafe { &*info };
        let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
        for header in headers
            .iter()
            .filter(|header| header.p_type == libc::PT_GNU_EH_FRAME)
        {
            // All but the first page and the one behind it, where the next table starts: those are looked at with care.
            let start = (info.dlpi_addr + header.p_vaddr) as usize;
            let first = (start & !4095) + 4096;
            let len = ((start + header.p_memsz as usize) & !4095).saturating_sub(first);
            assert_ne!(len, 0, "the tables are too small for this test");
            assert_eq!(
                unsafe { libc::mprotect(first as *mut _, len, libc::PROT_NONE) },
                0
            );
        }
        1
    }
    unsafe { libc::dl_iterate_phdr(Some(protect), std::ptr::null_mut()) };
    abort();
}

/// Return addresses and frame pointers are garbage.
#[inline(never)]
fn smashed_stack() {
    unsafe {
        asm!(
            "lea rdi, [rsp]",
            "mov rcx, 100",
            "mov rax, 0x4141414141414141",
            "rep stosq",
            "mov rbp, rax",
            "ud2",
            options(noreturn)
        );
    }
}

#[inline(never)]
fn no_stack() {
    unsafe { asm!("xor esp, esp", "ud2", options(noreturn)) };
}

#[inline(never)]
fn named_thread() {
    std::thread::Builder::new()
        .name("tokio-runtime-worker".into())
        .spawn(null)
        .unwrap()
        .join()
        .unwrap();
}

/// A child that shares the page must not write to it.
#[inline(never)]
fn forked_child() {
    static STATUS: AtomicI32 = AtomicI32::new(0);
    unsafe {
        let child = libc::fork();
        if child == 0 {
            null();
        }
        let mut status = 0;
        libc::waitpid(child, &raw mut status, 0);
        STATUS.store(status, Ordering::Relaxed);
        assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGSEGV);
    }
}

/// Threads that wait in several ways while the main thread crashes; among them one that no signal reaches.
#[inline(never)]
fn with_company() {
    company(12);
    null();
    black_box(());
}

#[inline(never)]
fn with_large_company() {
    company(200);
    null();
    black_box(());
}

pub(crate) fn company(count: usize) {
    static STARTED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    for index in 0..count {
        let name = if index == 0 {
            "worker-1".to_owned()
        } else {
            format!("conn-of-{index}")
        };
        let body = move || {
            STARTED.fetch_add(1, Ordering::Release);
            match index % 4 {
                1 => unblockable(),
                2 => spinning(),
                3 => sleeping(),
                _ => parked(),
            }
        };
        std::thread::Builder::new().name(name).spawn(body).unwrap();
    }
    while STARTED.load(Ordering::Acquire) < count {
        std::thread::yield_now();
    }
    // Until they are where they stay.
    std::thread::sleep(std::time::Duration::from_millis(50));
}

#[inline(never)]
fn parked() {
    loop {
        std::thread::park();
    }
}

#[inline(never)]
fn sleeping() {
    loop {
        std::thread::sleep(std::time::Duration::from_secs(1000));
    }
}

#[inline(never)]
fn spinning() {
    // A few of them would own the machine.
    for _ in 0..1000 {
        std::hint::spin_loop();
    }
    sleeping();
    black_box(());
}

#[inline(never)]
fn unblockable() {
    unsafe {
        let mut all = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
    }
    parked();
    black_box(());
}

/// A process that nobody may trace.
#[inline(never)]
fn untraceable() {
    unsafe {
        // The superuser may trace all.
        if libc::getuid() == 0 {
            assert_eq!(libc::setuid(65_534), 0);
        }
        assert_eq!(libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0), 0);
    }
    with_company();
    black_box(());
}

/// No descriptor is free.
#[inline(never)]
fn out_of_descriptors() {
    company(3);
    unsafe {
        let limit = libc::rlimit {
            rlim_cur: 64,
            rlim_max: 64,
        };
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        while libc::dup(1) >= 0 {}
    }
    null();
    black_box(());
}

/// The SDK's code. Different from the app's, or the compiler would make one function of both.
#[inline(never)]
fn sdk() {
    null();
    black_box(1);
}

/// The app's own.
#[inline(never)]
fn app() {
    null();
    black_box(2);
}

#[inline(never)]
fn crumbs() {
    for number in 1..=200 {
        candor_crash::crumb(7, [number, -number]);
    }
    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
}

static CLOSED_PAGE: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

extern "C" fn opens_the_page(_: i32) {
    let page = CLOSED_PAGE.load(Ordering::Relaxed);
    let opened =
        unsafe { libc::mprotect(page as *mut _, 4096, libc::PROT_READ | libc::PROT_WRITE) };
    if opened != 0 {
        unsafe { libc::signal(libc::SIGSEGV, libc::SIG_DFL) };
    }
}

/// A host that uses faults for its own ends, as a garbage collector may, and crashes later.
#[inline(never)]
fn surviving() {
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let page = libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_NONE, flags, -1, 0);
        CLOSED_PAGE.store(page as usize, Ordering::Relaxed);
        *libc::__errno_location() = 1234;
        page.cast::<u8>().write_volatile(1);
        assert_eq!(*libc::__errno_location(), 1234);
        // As if that had been long ago.
        let file = std::fs::OpenOptions::new()
            .write(true)
            .open("dump")
            .unwrap();
        let at = candor_dump::layout::signal::AT_BOOTTIME_MS as u64;
        std::os::unix::fs::FileExt::write_all_at(&file, &1u64.to_le_bytes(), at).unwrap();
        armed().maintain();
        if std::env::var_os("AND_CRASH").is_some() {
            CLOSED_PAGE.store(1, Ordering::Relaxed);
            abort();
        }
    }
    black_box(());
}

/// Makes this process the first of a new world of processes, where signals from inside cannot kill it. Exits quietly where
/// that is not allowed.
fn enter_new_world() {
    unsafe {
        let user = if libc::getuid() == 0 {
            0
        } else {
            libc::CLONE_NEWUSER
        };
        if libc::unshare(libc::CLONE_NEWPID | user) != 0 {
            std::process::exit(super::harness::NOT_ALLOWED);
        }
        let child = libc::fork();
        if child == 0 {
            assert_eq!(libc::getpid(), 1);
            return;
        }
        let mut status = 0;
        libc::waitpid(child, &raw mut status, 0);
        // As a shell tells it.
        std::process::exit(if libc::WIFSIGNALED(status) {
            128 + libc::WTERMSIG(status)
        } else {
            1
        });
    }
}

/// A library that a story has built, often with another copy of the recorder.
pub(crate) struct Library(*mut libc::c_void);

impl Library {
    pub(crate) fn load() -> Self {
        let path = std::ffi::CString::new(std::env::var(super::harness::LIBRARY).unwrap()).unwrap();
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        assert!(!handle.is_null(), "the library can be loaded");
        Self(handle)
    }

    pub(crate) fn function(&self, name: &std::ffi::CStr) -> *mut libc::c_void {
        let function = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        assert!(!function.is_null());
        function
    }

    pub(crate) fn call(&self, name: &std::ffi::CStr) {
        let function: extern "C" fn() = unsafe { std::mem::transmute(self.function(name)) };
        function();
        black_box(());
    }

    /// Unless it has to stay.
    pub(crate) fn unload(self) {
        assert_eq!(unsafe { libc::dlclose(self.0) }, 0);
    }

    pub(crate) fn arm(&self) {
        type Arm = unsafe extern "C" fn(*const libc::c_char) -> i32;
        let arm: Arm = unsafe { std::mem::transmute(self.function(c"copy_arm")) };
        assert_eq!(unsafe { arm(c"other".as_ptr()) }, 0);
    }
}

/// Loaded after arming, not looked after since.
#[inline(never)]
fn late_library() {
    let library = Library::load();
    library.call(c"copy_crash");
    black_box(());
}

#[inline(never)]
fn late_library_named() {
    let library = Library::load();
    armed().maintain();
    library.call(c"copy_crash");
    black_box(());
}

#[inline(never)]
fn callback_through_late_library() {
    extern "C" fn called_back() {
        null();
        black_box(4);
    }
    let library = Library::load();
    type Call = extern "C" fn(extern "C" fn());
    let call: Call = unsafe { std::mem::transmute(library.function(c"copy_call")) };
    call(called_back);
    black_box(());
}

#[inline(never)]
fn two_copies() {
    let library = Library::load();
    library.arm();
    for _ in 0..3 {
        armed().maintain();
        library.call(c"copy_maintain");
    }
    null();
    black_box(());
}

#[inline(never)]
fn two_copies_one_left() {
    let library = Library::load();
    library.arm();
    library.call(c"copy_maintain");
    library.call(c"copy_disarm");
    null();
    black_box(());
}

extern "C" fn called_by_c_code() {
    null();
    black_box(());
}

fn through(function: &std::ffi::CStr) {
    type Through = extern "C" fn(extern "C" fn(), i32);
    let library = Library::load();
    let function: Through = unsafe { std::mem::transmute(library.function(function)) };
    function(called_by_c_code, black_box(50));
    black_box(());
}

#[inline(never)]
fn through_aligned_frame() {
    through(c"through_aligned_frame");
    black_box(1);
}

#[inline(never)]
fn through_plain_frame() {
    through(c"through_plain_frame");
    black_box(2);
}

#[inline(never)]
fn through_assertion() {
    through(c"through_assertion");
    black_box(3);
}

/// Code that was made at run time, in no module: it keeps a frame pointer and calls back.
#[inline(never)]
fn through_unknown_code() {
    // push rbp; mov rbp, rsp; call rdi; pop rbp; ret
    const CODE: [u8; 8] = [0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3];
    let protection = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    unsafe {
        let page = libc::mmap(std::ptr::null_mut(), 4096, protection, flags, -1, 0);
        std::ptr::copy_nonoverlapping(CODE.as_ptr(), page.cast(), CODE.len());
        let code: extern "C" fn(extern "C" fn()) = std::mem::transmute(page);
        code(called_by_c_code);
    }
    black_box(());
}

/// The agent looks at the main thread again and again while it crashes.
#[inline(never)]
fn while_sampled() {
    let main = candor_crash::current_thread();
    static LOOKS: AtomicI32 = AtomicI32::new(0);
    std::thread::spawn(move || {
        let (mut modules, mut stack) = (Vec::new(), candor_dump::Stack::default());
        loop {
            let _ = candor_crash::sample(main, 64, &mut modules, &mut stack);
            LOOKS.fetch_add(1, Ordering::Relaxed);
        }
    });
    while LOOKS.load(Ordering::Relaxed) < 50 {
        std::hint::spin_loop();
    }
    null();
    black_box(());
}

/// An instruction for the kernel alone.
#[inline(never)]
fn privileged() {
    unsafe { asm!("hlt") };
}
