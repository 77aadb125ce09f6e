//! Mapping memory, and looking at memory that may not be there.

use crate::registers::system_call;
use std::ffi::{CString, c_int};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

pub(crate) const PAGE: usize = 4096;

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

/// Makes a file of `size` bytes that nothing can grow or starve, and maps it for reading and writing.
pub(crate) fn make_mapped_file(
    path: &Path,
    size: usize,
) -> Result<*mut u8, (&'static str, io::Error)> {
    if !may_have_file_of(size) {
        return Err(("allocate", io::Error::from_raw_os_error(libc::EFBIG)));
    }
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

/// Whether the process may make files so large. To try it would be deadly: the kernel answers with a signal.
fn may_have_file_of(size: usize) -> bool {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` may be written.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) } == 0;
    !known || limit.rlim_cur >= size as libc::rlim_t
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

/// Memory of this process as a slice.
///
/// # Safety
/// `len` bytes at `address` stay mapped and unchanged for as long as the slice is used.
pub(crate) unsafe fn bytes(address: usize, len: usize) -> &'static [u8] {
    // SAFETY: the caller has made sure.
    unsafe { std::slice::from_raw_parts(std::ptr::with_exposed_provenance(address), len) }
}
