//! What a debugger does to a thread that it shows to somebody: the thread stands, the others go on.

/// The first thread of a process, held until it is let go.
pub(crate) struct Held(libc::pid_t);

impl Held {
    /// Only of a child of this process.
    pub(crate) fn attach(process: u32) -> Self {
        let pid = libc::pid_t::try_from(process).unwrap();
        // SAFETY: neither call touches memory of this process but the status, which is a local.
        unsafe {
            assert_eq!(libc::ptrace(libc::PTRACE_ATTACH, pid, 0, 0), 0);
            let mut status = 0;
            assert_eq!(libc::waitpid(pid, &raw mut status, libc::__WALL), pid);
            assert!(libc::WIFSTOPPED(status));
        }
        Self(pid)
    }

    pub(crate) fn let_go(self) {
        // SAFETY: the call touches no memory of this process.
        let answer = unsafe { libc::ptrace(libc::PTRACE_DETACH, self.0, 0, 0) };
        assert_eq!(answer, 0);
    }
}
