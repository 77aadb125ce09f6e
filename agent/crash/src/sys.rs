//! The only file that names libc: one wrapper for each call that this crate makes. Those marked "anywhere" may be used
//! inside a signal handler and in the helper process: they allocate nothing, lock nothing and leave `errno` alone.

use crate::registers::system_call;
use std::ffi::{CStr, CString, c_int, c_long, c_void};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

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
pub(crate) unsafe fn peek(address: usize) -> usize {
    // SAFETY: the caller has made sure; volatile, because the memory belongs to somebody else.
    unsafe { std::ptr::with_exposed_provenance::<[u8; 8]>(address).read_volatile() }
        .iter()
        .rev()
        .fold(0, |word, byte| (word << 8) | usize::from(*byte))
}

/// Lets other threads run for about `millis`. Anywhere.
pub(crate) fn pause(millis: u64) {
    let time = libc::timespec {
        tv_sec: 0,
        tv_nsec: (millis.min(999) * 1_000_000) as c_long,
    };
    // SAFETY: `time` is valid; waking early does no harm.
    unsafe {
        system_call(
            libc::SYS_nanosleep,
            [(&raw const time).expose_provenance(), 0, 0, 0, 0, 0],
        )
    };
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
