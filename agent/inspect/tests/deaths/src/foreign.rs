//! A host with another crash reporter, which has a second process write a minidump.

use crash_handler::{CrashContext, CrashEventResult, CrashHandler, make_crash_event};
use minidumper::{Client, Error, LoopAction, MinidumpBinary, Server, ServerHandler, SocketName};
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread;

fn path(variable: &str) -> PathBuf {
    std::env::var_os(variable).unwrap().into()
}

/// Where the two processes meet.
fn socket() -> String {
    let socket = path("CANDOR_DIR").join("socket");
    socket.into_os_string().into_string().unwrap()
}

struct Writer;

impl ServerHandler for Writer {
    fn create_minidump_file(&self) -> io::Result<(File, PathBuf)> {
        let dump = path("CANDOR_DIR").join("app.dmp");
        Ok((File::create(&dump)?, dump))
    }

    fn on_minidump_created(&self, result: Result<MinidumpBinary, Error>) -> LoopAction {
        result.unwrap().file.flush().unwrap();
        LoopAction::Exit
    }

    fn on_message(&self, _: u32, _: Vec<u8>) {}

    fn on_client_disconnected(&self, _: usize) -> LoopAction {
        LoopAction::Exit
    }
}

/// Waits for one process to crash, and writes its minidump.
pub(crate) fn write_minidump() {
    let mut server = Server::with_name(SocketName::path(&socket())).unwrap();
    println!("listening");
    server
        .run(Box::new(Writer), &AtomicBool::new(false), None)
        .unwrap();
}

/// Has threads that wait, and meets `fate` with a handler that asks the other process for a dump.
#[allow(unsafe_code)]
pub(crate) fn meet(fate: &str) {
    let client = Client::with_name(SocketName::path(&socket())).unwrap();
    // SAFETY: the handler sends one message on a socket that is open, and waits for the answer.
    let event = unsafe {
        make_crash_event(move |context: &CrashContext| {
            CrashEventResult::Handled(client.request_dump(context).is_ok())
        })
    };
    let handler = CrashHandler::attach(event).unwrap();
    let writer = std::env::var("CANDOR_WRITER").unwrap().parse().unwrap();
    handler.set_ptracer(Some(writer));

    let held = Arc::new(Mutex::new(()));
    let _never_given_back = held.lock().unwrap();
    for number in 0..3 {
        let held = held.clone();
        thread::Builder::new()
            .name(format!("worker-{number}"))
            .spawn(move || wait_for_work(&held))
            .unwrap();
    }
    while sleeping() < 3 {
        thread::yield_now();
    }
    match fate {
        "null" => open_index(black_box(std::ptr::null())),
        "overflow" => {
            black_box(visit(black_box(1)));
        }
        "abort" => give_up(),
        "nothing" => call(black_box(0)),
        other => panic!("no such fate: {other}"),
    }
}

/// Threads of this process that wait for something.
fn sleeping() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| fs::read_to_string(task.unwrap().path().join("stat")).ok())
        // The state stands behind the name, which stands in brackets.
        .filter(|stat| {
            stat.rsplit_once(") ")
                .is_some_and(|(_, rest)| rest.starts_with('S'))
        })
        .count()
}

#[inline(never)]
fn wait_for_work(held: &Mutex<()>) {
    drop(black_box(held.lock()));
}

#[inline(always)]
fn inlined(index: usize) -> usize {
    black_box(index)
}

#[inline(never)]
fn open_index(index: *const u64) {
    black_box(parse_header(index));
}

#[inline(never)]
#[allow(unsafe_code)]
fn parse_header(index: *const u64) -> u64 {
    // SAFETY: there is none: this is the fault that the story is about, in a process of its own.
    unsafe { *index.wrapping_add(inlined(2)) }
}

#[inline(never)]
#[allow(unsafe_code)]
fn call(address: usize) {
    // SAFETY: there is none: there is no code at this address, in a process of its own.
    let nothing = unsafe { std::mem::transmute::<usize, extern "C" fn(u64) -> u64>(address) };
    black_box(nothing(inlined(7) as u64));
}

#[inline(never)]
fn visit(depth: u64) -> u64 {
    let room = black_box([depth; 32]);
    descend(room[7] + 1) + room[3]
}

#[inline(never)]
fn descend(depth: u64) -> u64 {
    black_box(visit(black_box(depth)) + 1)
}

#[inline(never)]
fn give_up() {
    std::process::abort()
}
