//! The only file that names libc: one wrapper for each call that this crate makes. Those marked "anywhere" may be used
//! inside a signal handler and in the helper process: they allocate nothing, lock nothing and leave `errno` alone.

use crate::glance::File;
use crate::registers::{IN_CONTEXT, Registers, system_call};
use std::ffi::{CStr, CString, c_int, c_long, c_void};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64};

pub(crate) const PAGE: usize = 4096;

pub(crate) const SIGSEGV: i32 = libc::SIGSEGV;
pub(crate) const SIGBUS: i32 = libc::SIGBUS;
pub(crate) const SIGFPE: i32 = libc::SIGFPE;
pub(crate) const SIGILL: i32 = libc::SIGILL;
pub(crate) const SIGABRT: i32 = libc::SIGABRT;
pub(crate) const SIGTRAP: i32 = libc::SIGTRAP;
pub(crate) const SIGSYS: i32 = libc::SIGSYS;
/// `SEGV_ACCERR`: the address is mapped, the access is not allowed.
pub(crate) const SEGV_ACCERR: i32 = 2;
/// `SEGV_MAPERR`: nothing is mapped at the address.
pub(crate) const SEGV_MAPERR: i32 = 1;

/// `BUS_ADRERR`: nothing is behind the address, as after the end of a mapped file.
pub(crate) const BUS_ADRERR: i32 = 2;

/// Milliseconds on a clock. Anywhere.
fn millis(clock: libc::clockid_t) -> u64 {
    let nanos = nanos(clock);
    nanos / 1_000_000
}

fn nanos(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` may be written; an unknown clock leaves it at zero.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// See [`crate::coarse_millis`]. Anywhere.
pub(crate) fn coarse_millis() -> u64 {
    millis(libc::CLOCK_MONOTONIC_COARSE)
}

/// See [`crate::boottime_millis`]. Anywhere.
pub(crate) fn boottime_millis() -> u64 {
    millis(libc::CLOCK_BOOTTIME)
}

/// Processor time that the calling thread has used. Anywhere.
pub(crate) fn cpu_millis() -> u64 {
    millis(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// The calling thread. Anywhere.
pub(crate) fn gettid() -> u32 {
    // SAFETY: takes nothing, cannot fail.
    unsafe { system_call(libc::SYS_gettid, [0; 6]) as u32 }
}

/// This process. Anywhere.
pub(crate) fn getpid() -> u32 {
    // SAFETY: takes nothing, cannot fail.
    unsafe { system_call(libc::SYS_getpid, [0; 6]) as u32 }
}

/// Whether eight bytes at `address` can be read now. The kernel tries to read a signal mask there and then refuses the
/// request because of `how`, so nothing changes. Anywhere.
pub(crate) fn readable(address: usize) -> bool {
    // SAFETY: `how` has no meaning to the kernel, which therefore changes nothing and writes nothing.
    let answer =
        unsafe { system_call(libc::SYS_rt_sigprocmask, [0x7fff_ffff, address, 0, 8, 0, 0]) };
    answer == -(libc::EINVAL as isize)
}

/// The word at `address`. Anywhere.
///
/// # Safety
/// Eight bytes at `address` can be read.
#[inline]
pub(crate) unsafe fn peek(address: usize) -> usize {
    // Volatile, because the memory belongs to somebody else.
    let word = std::ptr::with_exposed_provenance::<usize>(address);
    if word.is_aligned() {
        // SAFETY: the caller has made sure.
        return unsafe { word.read_volatile() };
    }
    // SAFETY: as above; bytes need no alignment.
    usize::from_le_bytes(unsafe { word.cast::<[u8; 8]>().read_volatile() })
}

/// Lets other threads run for about `millis`. Anywhere.
pub(crate) fn pause(millis: u64) {
    pause_micros(millis.saturating_mul(1000));
}

/// Lets other threads run for about `micros`, at most a second. Anywhere.
pub(crate) fn pause_micros(micros: u64) {
    let time = libc::timespec {
        tv_sec: 0,
        tv_nsec: (micros.min(999_999) * 1000) as c_long,
    };
    // SAFETY: `time` is valid; waking early does no harm.
    unsafe {
        system_call(
            libc::SYS_nanosleep,
            [(&raw const time).expose_provenance(), 0, 0, 0, 0, 0],
        )
    };
}

/// Text in a fixed place, for paths in signal handlers.
struct Text {
    bytes: [u8; 48],
    len: usize,
}

impl Text {
    /// The parts one behind the other, numbers in decimal, and a zero byte.
    fn new(parts: &[Result<&[u8], u32>]) -> Self {
        let mut text = Self {
            bytes: [0; 48],
            len: 0,
        };
        for part in parts {
            match part {
                Ok(bytes) => bytes.iter().for_each(|byte| text.push(*byte)),
                Err(number) => {
                    let mut divisor = 1_000_000_000;
                    while divisor > 1 && number / divisor == 0 {
                        divisor /= 10;
                    }
                    while divisor > 0 {
                        text.push(b'0' + (number / divisor % 10) as u8);
                        divisor /= 10;
                    }
                }
            }
        }
        text
    }

    fn push(&mut self, byte: u8) {
        // The last byte stays zero.
        if let Some(slot) = self.bytes.get_mut(self.len).filter(|_| self.len < 47) {
            *slot = byte;
            self.len += 1;
        }
    }

    fn address(&self) -> usize {
        self.bytes.as_ptr().expose_provenance()
    }
}

/// Opens a file for reading. Anywhere.
fn open(path: &Text, flags: c_int) -> Option<usize> {
    let flags = (libc::O_RDONLY | libc::O_CLOEXEC | flags) as usize;
    // SAFETY: the path ends in a zero byte.
    let file = unsafe {
        system_call(
            libc::SYS_openat,
            [libc::AT_FDCWD as usize, path.address(), flags, 0, 0, 0],
        )
    };
    usize::try_from(file).ok()
}

/// Anywhere.
fn close(file: usize) {
    // SAFETY: closes what the caller has opened.
    unsafe { system_call(libc::SYS_close, [file, 0, 0, 0, 0, 0]) };
}

/// Shows every thread of process `pid` to `visit`, the main thread first. Anywhere.
pub(crate) fn each_thread(pid: u32, visit: &mut dyn FnMut(u32)) {
    const LEN_AT: usize = 16;
    const NAME_AT: usize = 19;
    let path = Text::new(&[Ok(b"/proc/"), Err(pid), Ok(b"/task")]);
    let Some(directory) = open(&path, libc::O_DIRECTORY) else {
        return;
    };
    let mut entries = [0u8; 4096];
    loop {
        let args = [
            directory,
            entries.as_mut_ptr().expose_provenance(),
            entries.len(),
            0,
            0,
            0,
        ];
        // SAFETY: the kernel writes at most the given length.
        let filled = unsafe { system_call(libc::SYS_getdents64, args) };
        let Some(mut rest) = usize::try_from(filled)
            .ok()
            .and_then(|len| entries.get(..len))
        else {
            break;
        };
        if rest.is_empty() {
            break;
        }
        while let (Some([low, high]), Some(name)) =
            (rest.get(LEN_AT..LEN_AT + 2), rest.get(NAME_AT..))
        {
            let digits = name.iter().take_while(|byte| byte.is_ascii_digit());
            let tid = digits.fold(0u32, |tid, digit| {
                tid.wrapping_mul(10).wrapping_add(u32::from(digit - b'0'))
            });
            if tid != 0 {
                visit(tid);
            }
            let len = usize::from(u16::from_le_bytes([*low, *high]));
            match rest.get(len..) {
                Some(next) if len > 0 => rest = next,
                _ => break,
            }
        }
    }
    close(directory);
}

/// Reads the beginning of a thread's file in `/proc`. Anywhere.
fn read_of_thread<'a>(pid: u32, tid: u32, name: &[u8], into: &'a mut [u8]) -> Option<&'a [u8]> {
    let path = Text::new(&[Ok(b"/proc/"), Err(pid), Ok(b"/task/"), Err(tid), Ok(name)]);
    let file = open(&path, 0)?;
    let args = [
        file,
        into.as_mut_ptr().expose_provenance(),
        into.len(),
        0,
        0,
        0,
    ];
    // SAFETY: the kernel writes at most the given length.
    let len = unsafe { system_call(libc::SYS_read, args) };
    close(file);
    into.get(..usize::try_from(len).ok()?)
}

/// The name of a thread of process `pid`, padded with zeros. Anywhere.
pub(crate) fn thread_name_of(pid: u32, tid: u32) -> Option<[u8; 16]> {
    let mut bytes = [0u8; 17];
    let read = read_of_thread(pid, tid, b"/comm", &mut bytes)?;
    let mut name = [0u8; 16];
    for (to, from) in name
        .iter_mut()
        .zip(read.strip_suffix(b"\n").unwrap_or(read))
    {
        *to = *from;
    }
    Some(name)
}

/// The signals that a thread of process `pid` has blocked. Anywhere.
pub(crate) fn blocked_signals(pid: u32, tid: u32) -> Option<u64> {
    const FIELD: &[u8] = b"\nSigBlk:\t";
    let mut bytes = [0u8; 2048];
    let read = read_of_thread(pid, tid, b"/status", &mut bytes)?;
    let at = read
        .windows(FIELD.len())
        .position(|window| window == FIELD)?
        + FIELD.len();
    let digits = read.get(at..at + 16)?;
    digits.iter().try_fold(0, |mask: u64, digit| {
        Some(mask << 4 | u64::from(char::from(*digit).to_digit(16)?))
    })
}

/// In the helper, which has a table of open files of its own: makes room in it. Anywhere.
pub(crate) fn drop_a_file() {
    close(0);
}

/// Makes a file of `size` bytes that nothing can grow or starve, and maps it for reading and writing.
pub(crate) fn make_mapped_file(
    path: &Path,
    size: usize,
) -> Result<*mut u8, (&'static str, io::Error)> {
    let name = CString::new(path.as_os_str().as_bytes())
        .map_err(|_| ("name", io::Error::from(io::ErrorKind::InvalidInput)))?;
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC | libc::O_NOFOLLOW;
    // SAFETY: `name` ends in a zero byte.
    let file = unsafe { libc::open(name.as_ptr(), flags, 0o600 as c_int) };
    if file < 0 {
        return Err(("create", io::Error::last_os_error()));
    }
    let result = map_new_file(file, size);
    // SAFETY: `file` was opened above and is used by nobody else; the mapping stays without it.
    unsafe { libc::close(file) };
    if result.is_err() {
        // SAFETY: `name` ends in a zero byte. The file is empty and ours: it did not exist before.
        unsafe { libc::unlink(name.as_ptr()) };
    }
    result
}

fn map_new_file(file: c_int, size: usize) -> Result<*mut u8, (&'static str, io::Error)> {
    // SAFETY: no pointers.
    let code = unsafe { libc::posix_fallocate(file, 0, size as libc::off_t) };
    if code != 0 {
        return Err(("allocate", io::Error::from_raw_os_error(code)));
    }
    let flags = libc::MAP_SHARED | libc::MAP_POPULATE;
    // SAFETY: a new mapping at an address of the kernel's choice.
    let base = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            flags,
            file,
            0,
        )
    };
    if base == libc::MAP_FAILED {
        Err(("map", io::Error::last_os_error()))
    } else {
        Ok(base.cast())
    }
}

/// New zeroed memory with a page below it that cannot be touched. The lowest address after that page.
pub(crate) fn map_stack(size: usize) -> io::Result<*mut u8> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK;
    // SAFETY: a new mapping at an address of the kernel's choice.
    let base = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            size + PAGE,
            libc::PROT_READ | libc::PROT_WRITE,
            flags,
            -1,
            0,
        )
    };
    if base == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the first page of the mapping made above, which nobody uses yet.
    unsafe {
        libc::mprotect(base, PAGE, libc::PROT_NONE);
        Ok(base.cast::<u8>().add(PAGE))
    }
}

/// Gives back what [`map_stack`] gave.
///
/// # Safety
/// Nobody uses the memory any more.
pub(crate) unsafe fn unmap_stack(base: *mut u8, size: usize) {
    // SAFETY: the mapping of `map_stack`, with its first page.
    unsafe { libc::munmap(base.sub(PAGE).cast(), size + PAGE) };
}

/// Gives back a mapping.
///
/// # Safety
/// Nobody uses the memory any more.
pub(crate) unsafe fn unmap(base: *mut u8, size: usize) {
    // SAFETY: the caller has made sure.
    unsafe { libc::munmap(base.cast(), size) };
}

/// Has `function` called by `exit` and when `main` returns.
pub(crate) fn at_exit(function: extern "C" fn()) {
    // SAFETY: a function without captures; it stays valid until the object it is in is unloaded, which calls it first.
    unsafe { libc::atexit(function) };
}

/// A loaded program or library, as the loader describes it.
pub(crate) struct Object<'a> {
    /// What to add to an address in the file to get the address in memory.
    pub(crate) bias: usize,
    /// Empty for the program itself.
    pub(crate) name: &'a [u8],
    /// Its segments.
    pub(crate) segments: &'a [libc::Elf64_Phdr],
    /// Objects loaded and unloaded so far.
    pub(crate) changes: (u64, u64),
}

pub(crate) const SEGMENT_LOAD: u32 = libc::PT_LOAD;
pub(crate) const SEGMENT_NOTE: u32 = libc::PT_NOTE;
pub(crate) const SEGMENT_UNWIND: u32 = libc::PT_GNU_EH_FRAME;
pub(crate) const SEGMENT_EXECUTABLE: u32 = libc::PF_X;

/// Shows every loaded object to `visit` until it says `false`. The loader's lock is held meanwhile: `visit` must be
/// quick, must not load anything and must not panic. Never in a handler.
pub(crate) fn each_object(visit: &mut dyn FnMut(&Object<'_>) -> bool) {
    unsafe extern "C" fn one(info: *mut libc::dl_phdr_info, _: usize, data: *mut c_void) -> c_int {
        // SAFETY: the loader gives a valid description, and `data` is the closure handed to `dl_iterate_phdr` below.
        let (info, visit) = unsafe {
            (
                &*info,
                &mut *data.cast::<&mut dyn FnMut(&Object<'_>) -> bool>(),
            )
        };
        let name = if info.dlpi_name.is_null() {
            &[][..]
        } else {
            // SAFETY: the loader's names end in a zero byte and live while its lock is held.
            unsafe { CStr::from_ptr(info.dlpi_name) }.to_bytes()
        };
        let segments = if info.dlpi_phdr.is_null() {
            &[][..]
        } else {
            // SAFETY: the loader's program headers, as many as it says.
            unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) }
        };
        let object = Object {
            bias: info.dlpi_addr as usize,
            name,
            segments,
            changes: (info.dlpi_adds, info.dlpi_subs),
        };
        c_int::from(!visit(&object))
    }
    let mut visit = visit;
    // SAFETY: `one` matches the data it is given, which lives until the call returns.
    unsafe { libc::dl_iterate_phdr(Some(one), (&raw mut visit).cast()) };
}

/// `struct dl_find_object` of glibc 2.35 and later, on processors without an extra base address.
#[repr(C)]
struct FoundObject {
    flags: u64,
    start: usize,
    end: usize,
    link_map: usize,
    unwind: usize,
    reserved: [u64; 7],
}

/// `_dl_find_object` of glibc 2.35 and later: lock-free and made for signal handlers.
#[derive(Clone, Copy)]
pub(crate) struct FindObject(unsafe extern "C" fn(*mut c_void, *mut FoundObject) -> c_int);

impl FindObject {
    /// Looks the function up. Never in a handler.
    pub(crate) fn look_up() -> Option<Self> {
        // SAFETY: the name ends in a zero byte.
        let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_dl_find_object".as_ptr()) };
        if address.is_null() {
            return None;
        }
        // SAFETY: the function of this name has this type wherever it exists.
        Some(Self(unsafe {
            std::mem::transmute::<
                *mut c_void,
                unsafe extern "C" fn(*mut c_void, *mut FoundObject) -> c_int,
            >(address)
        }))
    }

    /// The object that code at `address` belongs to: start, end, address of its link map, address of its unwind
    /// header. Anywhere.
    pub(crate) fn find(self, address: usize) -> Option<(usize, usize, usize, usize)> {
        let mut found = FoundObject {
            flags: 0,
            start: 0,
            end: 0,
            link_map: 0,
            unwind: 0,
            reserved: [0; 7],
        };
        // SAFETY: the address is compared, never followed; `found` has the size that glibc fixed for this structure.
        let code = unsafe { (self.0)(std::ptr::without_provenance_mut(address), &raw mut found) };
        (code == 0).then_some((found.start, found.end, found.link_map, found.unwind))
    }
}

/// Memory of this process as a slice.
///
/// # Safety
/// `len` bytes at `address` stay mapped and unchanged for as long as the slice is used.
pub(crate) unsafe fn bytes(address: usize, len: usize) -> &'static [u8] {
    // SAFETY: the caller has made sure.
    unsafe { std::slice::from_raw_parts(std::ptr::with_exposed_provenance(address), len) }
}

/// `siginfo_t`.
pub(crate) type SignalInfo = libc::siginfo_t;
/// `ucontext_t`.
pub(crate) type Context = libc::ucontext_t;
/// A handler that gets all three arguments.
pub(crate) type Handler = extern "C" fn(c_int, *mut SignalInfo, *mut Context);
/// A handler that gets the signal's number only.
pub(crate) type PlainHandler = extern "C" fn(c_int);

pub(crate) const DEFAULT: usize = libc::SIG_DFL;
pub(crate) const IGNORE: usize = libc::SIG_IGN;
pub(crate) const WITH_INFO: i32 = libc::SA_SIGINFO;
pub(crate) const ON_ALTERNATE_STACK: i32 = libc::SA_ONSTACK;
pub(crate) const NOT_BLOCKED: i32 = libc::SA_NODEFER;
pub(crate) const ONCE: i32 = libc::SA_RESETHAND;

/// What happens on a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Action {
    /// [`DEFAULT`], [`IGNORE`] or the address of a function.
    pub(crate) handler: usize,
    /// `sa_flags`.
    pub(crate) flags: i32,
    /// `sa_mask`, signal n at bit n - 1.
    pub(crate) mask: u64,
}

/// The bit of a signal in a mask.
pub(crate) const fn bit(number: i32) -> u64 {
    1 << ((number - 1) & 63)
}

/// What happens on signal `number` now. Anywhere.
pub(crate) fn action(number: i32) -> Option<Action> {
    // SAFETY: all-zero is a valid `sigaction`.
    let mut old: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: only the old action is asked for; `old` may be written.
    if unsafe { libc::sigaction(number, std::ptr::null(), &raw mut old) } != 0 {
        return None;
    }
    // SAFETY: a signal set starts with the mask of the first 64 signals, which are all there are.
    let mask = unsafe { (&raw const old.sa_mask).cast::<u64>().read() };
    Some(Action {
        handler: old.sa_sigaction,
        flags: old.sa_flags,
        mask,
    })
}

/// Changes what happens on signal `number`. Anywhere.
pub(crate) fn set_action(number: i32, action: Action) -> bool {
    // SAFETY: all-zero is a valid `sigaction`.
    let mut new: libc::sigaction = unsafe { std::mem::zeroed() };
    new.sa_sigaction = action.handler;
    new.sa_flags = action.flags;
    // SAFETY: as in `action`.
    unsafe { (&raw mut new.sa_mask).cast::<u64>().write(action.mask) };
    // SAFETY: the handler is one of ours or one that was installed before.
    unsafe { libc::sigaction(number, &raw const new, std::ptr::null_mut()) == 0 }
}

/// Sets the calling thread's signal mask, or adds to it. Anywhere.
pub(crate) fn set_mask(mask: u64) {
    mask_call(libc::SIG_SETMASK, mask);
}

/// Adds to the calling thread's signal mask. Anywhere.
pub(crate) fn add_mask(mask: u64) {
    mask_call(libc::SIG_BLOCK, mask);
}

fn mask_call(how: c_int, mask: u64) {
    // SAFETY: `mask` is read only.
    unsafe {
        system_call(
            libc::SYS_rt_sigprocmask,
            [
                how as usize,
                (&raw const mask).expose_provenance(),
                0,
                8,
                0,
                0,
            ],
        )
    };
}

/// Sends a thread of this process the signal that is described by `info`. Anywhere.
///
/// # Safety
/// `info` is what a signal handler got.
pub(crate) unsafe fn send_again(pid: u32, tid: u32, number: i32, info: *mut SignalInfo) {
    let args = [
        pid as usize,
        tid as usize,
        number as usize,
        info.expose_provenance(),
        0,
        0,
    ];
    // SAFETY: the kernel reads `info` only.
    unsafe { system_call(libc::SYS_rt_tgsigqueueinfo, args) };
}

/// A thread's stack for signal handlers.
#[derive(Clone, Copy)]
pub(crate) struct AlternateStack(libc::stack_t);

impl AlternateStack {
    pub(crate) fn new(base: *mut u8, size: usize) -> Self {
        Self(libc::stack_t {
            ss_sp: base.cast(),
            ss_flags: 0,
            ss_size: size,
        })
    }

    /// Makes this the calling thread's and gives what it was before. Anywhere.
    ///
    /// # Safety
    /// The memory may be used by signal handlers from now on until another stack is set.
    pub(crate) unsafe fn set(self) -> Option<Self> {
        let mut old = libc::stack_t {
            ss_sp: std::ptr::null_mut(),
            ss_flags: 0,
            ss_size: 0,
        };
        let args = [
            (&raw const self.0).expose_provenance(),
            (&raw mut old).expose_provenance(),
            0,
            0,
            0,
            0,
        ];
        // SAFETY: both structures are valid; the caller answers for the memory.
        let code = unsafe { system_call(libc::SYS_sigaltstack, args) };
        // The answer may carry the flag "in use", which cannot be set.
        old.ss_flags &= libc::SS_DISABLE;
        (code == 0).then_some(Self(old))
    }
}

/// The name of the calling thread, padded with zeros. Anywhere.
pub(crate) fn thread_name() -> [u8; 16] {
    let mut name = [0u8; 16];
    let args = [
        libc::PR_GET_NAME as usize,
        (&raw mut name).expose_provenance(),
        0,
        0,
        0,
        0,
    ];
    // SAFETY: the kernel writes at most 16 bytes.
    unsafe { system_call(libc::SYS_prctl, args) };
    name
}

/// What `siginfo_t` and `ucontext_t` say, without what must not be kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) number: i32,
    pub(crate) code: i32,
    /// For a fault: the address. Never written anywhere.
    pub(crate) address: usize,
    /// For a signal that was sent: by which process.
    pub(crate) sender: u32,
    /// The processor's own number of the fault (14: page fault), and its error code.
    pub(crate) trap: i64,
    pub(crate) error: i64,
    /// The signal mask to return to.
    pub(crate) mask: u64,
    pub(crate) registers: Registers,
}

impl Facts {
    /// # Safety
    /// What the kernel handed to a signal handler.
    pub(crate) unsafe fn new(number: i32, info: *mut SignalInfo, context: *mut Context) -> Self {
        // SAFETY: the caller got them from the kernel; of the overlapping fields those are used that go with the code.
        let (info, address, sender, context) = unsafe {
            (
                &*info,
                (*info).si_addr().addr(),
                (*info).si_pid(),
                &*context,
            )
        };
        let general = &context.uc_mcontext.gregs;
        // SAFETY: as in `action`.
        let mask = unsafe { (&raw const context.uc_sigmask).cast::<u64>().read() };
        let of = |index: c_int| general.get(index as usize).copied().unwrap_or(0);
        Self {
            number,
            code: info.si_code,
            address,
            sender: sender as u32,
            trap: of(libc::REG_TRAPNO),
            error: of(libc::REG_ERR),
            mask,
            registers: registers_of(general),
        }
    }
}

fn registers_of(general: &[i64]) -> Registers {
    let mut registers = Registers::default();
    for (register, slot) in IN_CONTEXT.iter().enumerate() {
        registers.set(register, general.get(*slot).copied().unwrap_or(0) as usize);
    }
    registers
}

/// The interrupted registers. Anywhere.
///
/// # Safety
/// What the kernel handed to a signal handler.
pub(crate) unsafe fn context_registers(context: *mut Context) -> Registers {
    // SAFETY: the caller got it from the kernel.
    registers_of(unsafe { &(*context).uc_mcontext.gregs })
}

/// Has the thread go on at `ip` with the stack pointer `sp` when the handler returns.
///
/// # Safety
/// What the kernel handed to a signal handler; the code at `ip` is made to be entered like this.
pub(crate) unsafe fn redirect(context: *mut Context, ip: usize, sp: usize) {
    // SAFETY: the caller got it from the kernel.
    let general = unsafe { &mut (*context).uc_mcontext.gregs };
    for (register, value) in [(libc::REG_RIP, ip), (libc::REG_RSP, sp)] {
        if let Some(slot) = general.get_mut(register as usize) {
            *slot = value as i64;
        }
    }
}

/// Calls somebody else's handler.
///
/// # Safety
/// `action` was installed for this signal; the arguments are what the kernel handed to a handler.
pub(crate) unsafe fn call_handler(
    action: Action,
    number: i32,
    info: *mut SignalInfo,
    context: *mut Context,
) {
    let handler = std::ptr::with_exposed_provenance::<()>(action.handler);
    if action.flags & WITH_INFO != 0 {
        // SAFETY: with this flag the function takes three arguments.
        unsafe { std::mem::transmute::<*const (), Handler>(handler)(number, info, context) };
    } else {
        // SAFETY: without it, one.
        unsafe { std::mem::transmute::<*const (), PlainHandler>(handler)(number) };
    }
}

pub(crate) const RESTART: i32 = libc::SA_RESTART;

/// The first and the last real-time signal that the C library leaves to programs.
pub(crate) fn realtime_signals() -> (i32, i32) {
    (libc::SIGRTMIN(), libc::SIGRTMAX())
}

/// Where `siginfo_t` has the sender's process, user and value.
const INFO_PID: usize = 16;
const INFO_UID: usize = 20;
const INFO_VALUE: usize = 24;

/// Sends a thread of this process a signal with a value. Anywhere.
pub(crate) fn queue_signal(pid: u32, tid: u32, number: i32, value: usize) -> bool {
    // SAFETY: all-zero is a valid `siginfo_t`.
    let mut info: SignalInfo = unsafe { std::mem::zeroed() };
    info.si_signo = number;
    info.si_code = libc::SI_QUEUE;
    let base = (&raw mut info).cast::<u8>();
    // SAFETY: these fields lie inside the structure, which has 128 bytes.
    unsafe {
        base.add(INFO_PID).cast::<u32>().write(pid);
        base.add(INFO_UID)
            .cast::<u32>()
            .write(system_call(libc::SYS_getuid, [0; 6]) as u32);
        base.add(INFO_VALUE).cast::<usize>().write(value);
    }
    let args = [
        pid as usize,
        tid as usize,
        number as usize,
        base.expose_provenance(),
        0,
        0,
    ];
    // SAFETY: the kernel reads `info` only.
    unsafe { system_call(libc::SYS_rt_tgsigqueueinfo, args) == 0 }
}

/// The value that came with a signal, if this process sent it with one. Anywhere.
///
/// # Safety
/// What the kernel handed to a signal handler.
pub(crate) unsafe fn queued_value(info: *mut SignalInfo) -> Option<usize> {
    // SAFETY: the caller got it from the kernel.
    let (code, sender, value) = unsafe { ((*info).si_code, (*info).si_pid(), (*info).si_value()) };
    (code == libc::SI_QUEUE && sender as u32 == getpid()).then(|| value.sival_ptr.addr())
}

/// Gives the interrupted thread an alternate stack, from the return of the handler on, unless it has one.
///
/// # Safety
/// What the kernel handed to a signal handler; the memory is the thread's from now on.
pub(crate) unsafe fn give_alternate_stack(
    context: *mut Context,
    base: *mut u8,
    size: usize,
) -> bool {
    // SAFETY: the caller got it from the kernel.
    let stack = unsafe { &mut (*context).uc_stack };
    if stack.ss_flags & libc::SS_DISABLE == 0 {
        return false;
    }
    *stack = libc::stack_t {
        ss_sp: base.cast(),
        ss_flags: 0,
        ss_size: size,
    };
    true
}

fn timespec(millis: u64) -> libc::timespec {
    libc::timespec {
        tv_sec: (millis / 1000) as libc::time_t,
        tv_nsec: (millis % 1000 * 1_000_000) as c_long,
    }
}

/// Waits while a word has a value, for at most `millis`; may return early. Anywhere.
pub(crate) fn wait_word(word: &AtomicU32, value: u32, millis: u64) {
    let time = timespec(millis);
    let args = [
        word.as_ptr().expose_provenance(),
        libc::FUTEX_WAIT as usize,
        value as usize,
        (&raw const time).expose_provenance(),
        0,
        0,
    ];
    // SAFETY: the word and the time are valid; the kernel changes neither.
    unsafe { system_call(libc::SYS_futex, args) };
}

/// As [`wait_word`], on the lower half of a double word. Anywhere.
pub(crate) fn wait_while(word: &AtomicU64, value: u64, millis: u64) {
    wait_word(low_half(word), value as u32, millis);
}

/// Wakes whoever waits in [`wait_while`]. Anywhere.
pub(crate) fn wake(word: &AtomicU64) {
    let args = [
        low_half(word).as_ptr().expose_provenance(),
        libc::FUTEX_WAKE as usize,
        i32::MAX as usize,
        0,
        0,
        0,
    ];
    // SAFETY: the kernel compares the address and touches nothing.
    unsafe { system_call(libc::SYS_futex, args) };
}

fn low_half(word: &AtomicU64) -> &AtomicU32 {
    // SAFETY: the first four bytes are the lower half on this processor; the kernel is the only one who looks at them.
    unsafe { AtomicU32::from_ptr(word.as_ptr().cast()) }
}

/// The calling thread's signal mask. Anywhere.
pub(crate) fn mask() -> u64 {
    let mut old = 0u64;
    let args = [
        libc::SIG_BLOCK as usize,
        0,
        (&raw mut old).expose_provenance(),
        8,
        0,
        0,
    ];
    // SAFETY: `old` may be written; without a new mask nothing changes.
    unsafe { system_call(libc::SYS_rt_sigprocmask, args) };
    old
}

/// Replaces the calling thread's signal mask. Anywhere.
pub(crate) fn swap_mask(mask: u64) -> u64 {
    let mut old = 0u64;
    let args = [
        libc::SIG_SETMASK as usize,
        (&raw const mask).expose_provenance(),
        (&raw mut old).expose_provenance(),
        8,
        0,
        0,
    ];
    // SAFETY: both masks are valid.
    unsafe { system_call(libc::SYS_rt_sigprocmask, args) };
    old
}

/// A process that shares memory only; its end is told by a word, not by a signal to the host.
pub(crate) const HELPER_FLAGS: usize =
    (libc::CLONE_VM | libc::CLONE_FS | libc::CLONE_UNTRACED | libc::CLONE_CHILD_CLEARTID) as usize;

/// In the helper: a fault ends it, quietly. Anywhere.
pub(crate) fn end_on_fault() {
    extern "C" fn end(_: c_int, _: *mut SignalInfo, _: *mut Context) {
        // SAFETY: ends the calling process, which is the helper.
        unsafe { system_call(libc::SYS_exit, [1, 0, 0, 0, 0, 0]) };
    }
    let handler: Handler = end;
    let action = Action {
        handler: (handler as *const ()).expose_provenance(),
        flags: WITH_INFO,
        mask: 0,
    };
    let mut faults = 0;
    // SIGSYS: a sandbox may forbid what the helper is for.
    for number in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS] {
        set_action(number, action);
        faults |= bit(number);
    }
    set_mask(!faults);
}

/// Tells the security module that `pid` may trace us; 0 for nobody. Anywhere.
pub(crate) fn allow_tracing(pid: u32) {
    // SAFETY: no pointers; where there is no such module the call is refused.
    unsafe {
        system_call(
            libc::SYS_prctl,
            [libc::PR_SET_PTRACER as usize, pid as usize, 0, 0, 0, 0],
        )
    };
}

/// Anywhere.
pub(crate) fn kill_process(pid: u32) {
    // SAFETY: no pointers.
    unsafe {
        system_call(
            libc::SYS_kill,
            [pid as usize, libc::SIGKILL as usize, 0, 0, 0, 0],
        )
    };
}

/// Takes note of the helper's end, so that it does not stay as a zombie. Anywhere.
pub(crate) fn reap(pid: u32) {
    // SAFETY: no status is asked for.
    unsafe {
        system_call(
            libc::SYS_wait4,
            [pid as usize, 0, libc::__WCLONE as usize, 0, 0, 0],
        )
    };
}

pub(crate) const TRACE_SEIZE: usize = libc::PTRACE_SEIZE as usize;
pub(crate) const TRACE_INTERRUPT: usize = libc::PTRACE_INTERRUPT as usize;
pub(crate) const TRACE_DETACH: usize = libc::PTRACE_DETACH as usize;
pub(crate) const NOT_PERMITTED: isize = -(libc::EPERM as isize);

/// `ptrace` without pointers. In the helper.
pub(crate) fn trace(request: usize, tid: u32, address: usize, data: usize) -> isize {
    // SAFETY: the requests above take no pointers.
    unsafe {
        system_call(
            libc::SYS_ptrace,
            [request, tid as usize, address, data, 0, 0],
        )
    }
}

/// The status of a traced thread: 0 while it has not changed. In the helper.
pub(crate) fn wait_thread(tid: u32) -> Option<u32> {
    let mut status = 0u32;
    let flags = (libc::__WALL | libc::WNOHANG) as usize;
    let args = [
        tid as usize,
        (&raw mut status).expose_provenance(),
        flags,
        0,
        0,
        0,
    ];
    // SAFETY: `status` may be written.
    let answer = unsafe { system_call(libc::SYS_wait4, args) };
    match answer {
        0 => Some(0),
        changed if changed == tid as isize => Some(status),
        _ => None,
    }
}

/// The registers of a stopped thread. In the helper.
pub(crate) fn trace_registers(tid: u32) -> Option<Registers> {
    // SAFETY: all-zero is a valid value.
    let mut general: libc::user_regs_struct = unsafe { std::mem::zeroed() };
    let args = [
        libc::PTRACE_GETREGS as usize,
        tid as usize,
        0,
        (&raw mut general).expose_provenance(),
        0,
        0,
    ];
    // SAFETY: `general` may be written.
    if unsafe { system_call(libc::SYS_ptrace, args) } != 0 {
        return None;
    }
    let g = &general;
    let in_order = [
        g.rax, g.rdx, g.rcx, g.rbx, g.rsi, g.rdi, g.rbp, g.rsp, g.r8, g.r9, g.r10, g.r11, g.r12,
        g.r13, g.r14, g.r15, g.rip,
    ];
    let mut registers = Registers::default();
    for (register, value) in in_order.into_iter().enumerate() {
        registers.set(register, value as usize);
    }
    Some(registers)
}

/// Processor time that a thread of this process has used, in microseconds.
pub(crate) fn thread_cpu_micros(tid: u32) -> u64 {
    // The kernel's number for "time of a thread, as the scheduler counts it".
    nanos((!(tid as libc::clockid_t) << 3) | 6) / 1000
}

/// What decides whether a call on an open file survives a signal.
pub(crate) fn open_file(number: u64) -> File {
    let Ok(file) = c_int::try_from(number) else {
        return File::default();
    };
    let Some(receive) = socket_time(file, libc::SO_RCVTIMEO) else {
        return File::default();
    };
    let least = socket_option::<c_int>(file, libc::SO_RCVLOWAT).unwrap_or(1);
    File {
        socket: true,
        receive_ends_early: receive || least > 1,
        send_ends_early: socket_time(file, libc::SO_SNDTIMEO).unwrap_or(false),
    }
}

fn socket_time(file: c_int, option: c_int) -> Option<bool> {
    let time = socket_option::<[i64; 2]>(file, option)?;
    Some(time != [0, 0])
}

fn socket_option<T: Default>(file: c_int, option: c_int) -> Option<T> {
    let mut value = T::default();
    let mut len = size_of::<T>() as libc::socklen_t;
    let args = [
        file as usize,
        libc::SOL_SOCKET as usize,
        option as usize,
        (&raw mut value).expose_provenance(),
        (&raw mut len).expose_provenance(),
        0,
    ];
    // SAFETY: `value` may be written up to `len` bytes; the types used here may have any bytes.
    (unsafe { system_call(libc::SYS_getsockopt, args) } == 0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_put_together_in_place() {
        let text = Text::new(&[
            Ok(b"/proc/"),
            Err(4_000_000_001),
            Ok(b"/task/"),
            Err(7),
            Ok(b"/x"),
            Err(0),
        ]);
        assert_eq!(&text.bytes[..text.len], b"/proc/4000000001/task/7/x0");
        let long = Text::new(&[Ok(&[b'a'; 100])]);
        assert_eq!(
            (long.len, long.bytes[47]),
            (47, 0),
            "what is too long is cut, and still ends in zero"
        );
    }

    #[test]
    fn threads_are_listed_with_their_names() {
        let stop = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            let named = std::thread::Builder::new().name("a-known-name".into());
            let (send, receive) = std::sync::mpsc::channel();
            let stop = &stop;
            named
                .spawn_scoped(scope, move || {
                    send.send(gettid()).unwrap();
                    stop.wait();
                })
                .unwrap();
            let tid = receive.recv().unwrap();
            let mut seen = Vec::new();
            each_thread(getpid(), &mut |tid| seen.push(tid));
            assert!(
                seen.contains(&tid) && seen.contains(&gettid()) && seen.first() == Some(&getpid())
            );
            assert_eq!(
                thread_name_of(getpid(), tid).unwrap(),
                *b"a-known-name\0\0\0\0"
            );
            assert_eq!(thread_name_of(getpid(), u32::MAX), None);
            stop.wait();
        });
    }
}
