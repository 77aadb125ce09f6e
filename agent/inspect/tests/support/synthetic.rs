//! A minidump in which everything is known: a null pointer in a worker's thread, on 64-bit Linux.

use minidump_synth::{
    DumpString, Exception, Memory, Module, SimpleStream, SynthMinidump, SystemInfo, Thread,
    ThreadName,
};
use test_assembler::{Endian, Section};

const LITTLE: Endian = Endian::Little;

/// Where the app was loaded, and its build.
const APP: (u64, u32, [u8; 20]) = (0x55d0_0000_0000, 0x10_0000, [0xaa; 20]);
const LIBC: (u64, u32, [u8; 20]) = (0x7f00_0000_0000, 0x20_0000, [0xbb; 20]);
const UNTOUCHED: (u64, u32, [u8; 20]) = (0x7f10_0000_0000, 0x1000, [0xcc; 20]);

/// What must never be shown of it.
pub(crate) const SECRETS: [&str; 2] = ["tok_5e3c9a7d", "13800138000"];

fn section() -> Section {
    Section::with_endian(LITTLE)
}

/// Registers: all zero but these.
fn registers(instruction: u64, stack: u64, frame: u64) -> Section {
    section()
        .append_repeated(0, 48)
        .D32(0x0010_001f) // which of them are there: all
        .append_repeated(0, 4 + 12 + 4 + 48 + 32)
        .D64(stack)
        .D64(frame)
        .append_repeated(0, 10 * 8)
        .D64(instruction)
        .append_repeated(0, 512 + 26 * 16 + 48)
}

/// A stack at `base` on which each frame points to the one that follows: addresses of return, innermost first.
fn stack(base: u64, returns: &[u64]) -> (Memory, u64) {
    const FRAME: u64 = 64;
    let mut bytes = section();
    for (index, address) in returns.iter().enumerate() {
        let next = base + FRAME * (index as u64 + 1);
        bytes = bytes
            .D64(next)
            .D64(*address)
            .append_repeated(0, FRAME as usize - 16);
    }
    let bytes = bytes
        .append_bytes(SECRETS[1].as_bytes())
        .append_repeated(0, 1024);
    (Memory::with_section(bytes, base), base)
}

/// The dump.
pub(crate) fn null_pointer() -> Vec<u8> {
    let mut dump = SynthMinidump::with_endian(LITTLE);
    for (path, (base, size, build)) in [
        ("/opt/im/im-client", APP),
        ("/lib/x86_64-linux-gnu/libc.so.6", LIBC),
        ("/lib/x86_64-linux-gnu/libm.so.6", UNTOUCHED),
    ] {
        let path = DumpString::new(path, LITTLE);
        let record = section().D32(0x4270_454c).append_bytes(&build);
        let module = Module::new(LITTLE, base, size, &path, 0, 0, None).cv_record(&record);
        dump = dump.add_module(module).add(path).add(record);
    }
    let waiting = [APP.0 + 0x4a10, APP.0 + 0x1111];
    let crashed = [APP.0 + 0x1c08, APP.0 + 0x1a44, LIBC.0 + 0x2_7d90];
    for (id, name, instruction, returns) in [
        (4242, Some("im-client"), LIBC.0 + 0x11_bc3f, &waiting[..]),
        (4243, Some("worker-0"), APP.0 + 0x2f31, &crashed),
        (4244, Some("worker-1"), LIBC.0 + 0x11_bc3f, &waiting),
        (4245, Some("worker-2"), LIBC.0 + 0x11_bc3f, &waiting),
        (4246, None, 0x1234, &[]),
    ] {
        let (memory, base) = stack(0x7ffc_0000_0000 + (u64::from(id) << 20), returns);
        let context = registers(instruction, base, base);
        let thread = Thread::new(LITTLE, id, &memory, &context);
        dump = dump.add_thread(thread).add_memory(memory).add(context);
        if let Some(name) = name {
            let name = DumpString::new(name, LITTLE);
            dump = dump
                .add_thread_name(ThreadName::new(LITTLE, id, Some(&name)))
                .add(name);
        }
    }
    let mut exception = Exception::new(LITTLE);
    exception.thread_id = 4243;
    exception.exception_record.exception_code = 11;
    exception.exception_record.exception_flags = 1;
    exception.exception_record.exception_address = 0x18;
    let mut system = SystemInfo::new(LITTLE)
        .set_processor_architecture(9)
        .set_platform_id(0x8201);
    system.number_of_processors = 4;
    system.major_version = 6;
    system.minor_version = 1;
    dump.add_exception(exception)
        .add_system_info(system)
        .set_linux_maps(
            b"55d000000000-55d000100000 r-xp 00000000 08:01 17 /opt/im/im-client\n\
              7f0000000000-7f0000200000 r-xp 00000000 08:01 18 /lib/x86_64-linux-gnu/libc.so.6\n",
        )
        .set_linux_environ(format!("PATH=/bin\0TOKEN={}\0", SECRETS[0]).as_bytes())
        .add_stream(SimpleStream {
            stream_type: 0x4767_0006,
            section: section().append_bytes(format!("im-client\0{}\0", SECRETS[0]).as_bytes()),
        })
        .finish()
        .unwrap()
}
