//! `/proc` and open files, without an allocation.

use crate::glance::File;
use crate::registers::system_call;
use std::ffi::c_int;

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
    let mut digits = [0; 16];
    status_of_thread(pid, tid, b"\nSigBlk:\t", &mut digits)?;
    digits.iter().try_fold(0, |mask: u64, digit| {
        Some(mask << 4 | u64::from(char::from(*digit).to_digit(16)?))
    })
}

/// Whether the system calls of a thread of process `pid` are filtered, for all that is known. Anywhere.
pub(crate) fn is_sandboxed(pid: u32, tid: u32) -> bool {
    let mut mode = [0];
    status_of_thread(pid, tid, b"\nSeccomp:\t", &mut mode).is_none() || mode != *b"0"
}

/// The beginning of what stands behind a name in a thread's `status`. Anywhere.
fn status_of_thread(pid: u32, tid: u32, name: &[u8], value: &mut [u8]) -> Option<()> {
    let mut bytes = [0u8; 2048];
    let read = read_of_thread(pid, tid, b"/status", &mut bytes)?;
    let at = read.windows(name.len()).position(|window| window == name)? + name.len();
    value.copy_from_slice(read.get(at..at + value.len())?);
    Some(())
}

/// In the helper, which has a table of open files of its own: makes room in it. Anywhere.
pub(crate) fn drop_a_file() {
    close(0);
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
    use crate::sys::{getpid, gettid};

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
