//! A sandbox for a victim.

/// It may not be done.
pub(crate) const REFUSED: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
/// There is no such call.
pub(crate) const UNKNOWN: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;

/// A sandbox that gives this answer to some system calls and lets all others through.
pub(crate) fn forbid(calls: &[i64], answer: u32) {
    const LOAD_NUMBER: u16 = 0x20;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let step = |code, jump, k| libc::sock_filter {
        code,
        jt: jump,
        jf: 0,
        k,
    };
    let mut filter = vec![step(LOAD_NUMBER, 0, 0)];
    for (index, call) in calls.iter().enumerate() {
        // Over the comparisons that are left and the permission.
        let left = (calls.len() - index) as u8;
        filter.push(step(JUMP_IF_EQUAL, left, *call as u32));
    }
    filter.push(step(RETURN, 0, libc::SECCOMP_RET_ALLOW));
    filter.push(step(RETURN, 0, answer));
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    let mode = libc::SECCOMP_MODE_FILTER;
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(
            libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program),
            0
        );
    }
}
