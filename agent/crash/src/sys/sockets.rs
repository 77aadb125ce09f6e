//! Sockets.

use std::os::fd::{AsRawFd, BorrowedFd};

/// See [`crate::tcp_info`].
pub(crate) fn tcp_info(socket: BorrowedFd<'_>, into: &mut [u8]) -> usize {
    let Ok(mut length) = libc::socklen_t::try_from(into.len()) else {
        return 0;
    };
    // SAFETY: `into` may be written for `length` bytes, and the kernel writes no more; the descriptor is open for as long as
    // it is borrowed, and one that is no TCP socket is refused.
    let failed = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            into.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if failed == 0 {
        into.len().min(length as usize)
    } else {
        0
    }
}
