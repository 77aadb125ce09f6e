//! The same panics for both sides: caught in this very program, on a thousand distinct stacks with a message each.
//!
//! Bugsink is sent what the `sentry` crate makes of a panic, Candor its frames as the agent tells them. Further events are the same
//! with another id, from another run and another device.

use candor_protocol::batch;
use object::Object;
use sentry::{ClientOptions, Envelope, Transport};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Distinct stacks.
pub(crate) const STACKS: u32 = 1_000;
/// When Candor's reports say that it was, in seconds since 1970.
pub(crate) const HOUR: u64 = 1_700_002_800;
/// Frames that every stack has at least: two that tell it from the others, and those around them.
const LEAST: usize = 5;
const WORDS: [&str; 10] = [
    "gate", "link", "room", "draft", "photo", "voice", "badge", "emoji", "topic", "quote",
];

/// One panic, as each side is told of it, with the id that has to be another one for every event.
pub(crate) struct Panics {
    envelopes: Vec<(String, String)>,
    reports: Vec<String>,
}

impl Panics {
    /// Panics a thousand times.
    ///
    /// # Errors
    /// When a panic was not seen, or not whole.
    pub(crate) fn catch() -> Result<Self, String> {
        let sent = Arc::new(Sent::default());
        let options = ClientOptions::new()
            .dsn("http://public@127.0.0.1:9/1")
            .release("bench@1.0.0")
            .transport(sent.clone());
        // Around the hook of `sentry` is ours, which notes the stack. Nothing is printed.
        std::panic::set_hook(Box::new(|_| {}));
        let _client = sentry::init(options);
        let seen: Arc<Mutex<Vec<u64>>> = Arc::default();
        let next = std::panic::take_hook();
        let noted = seen.clone();
        std::panic::set_hook(Box::new(move |info| {
            next(info);
            let mut addresses = lock(&noted);
            addresses.clear();
            backtrace::trace(|frame| {
                addresses.push(frame.ip() as u64);
                true
            });
        }));
        let places = Places::read()?;
        let (mut envelopes, mut reports) = (Vec::new(), Vec::new());
        for stack in 0..STACKS {
            let message = message(stack);
            let caught = std::panic::catch_unwind(|| hall::enter(stack));
            assert!(caught.is_err(), "it panics");
            let envelope = lock(&sent.0).pop().ok_or("sentry sent nothing")?;
            envelopes.push(envelope);
            reports.push(places.report(&message, &lock(&seen))?);
        }
        let _ = std::panic::take_hook();
        Ok(Self { envelopes, reports })
    }

    /// The event of this number, as the `sentry` crate posts it.
    pub(crate) fn envelope(&self, number: u32) -> Vec<u8> {
        let (id, text) = &self.envelopes[(number % STACKS) as usize];
        let new = spread(number).simple();
        // Once with and once without dashes.
        let dashed = |id: &str| {
            let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &id[part]);
            parts.join("-")
        };
        let text = text.replace(id, &new);
        text.replace(&dashed(id), &dashed(&new)).into_bytes()
    }

    /// The event of this number, as an agent posts it.
    ///
    /// # Panics
    /// When there is no memory.
    pub(crate) fn batch(&self, number: u32) -> Vec<u8> {
        let what = &self.reports[(number % STACKS) as usize];
        let report = format!(
            "{{\"id\":\"{}\",\"at\":{HOUR},\"run\":\"{}\",\"pseudonym\":\"{}\",\"release\":\"1.0.0\",\
             \"device\":{{\"os\":\"linux\",\"os_version\":\"12.1\",\"arch\":\"x86_64\",\"cores\":8,\"memory_gib\":16}},\"what\":{what}}}",
            spread(number).simple(),
            spread(number + 1_000_000_000).simple(),
            spread(number / 4 + 2_000_000_000).simple(),
        );
        batch::pack([report.as_str()]).expect("memory")
    }
}

/// A number that looks random, as ids do.
struct Id(u128);

impl Id {
    fn simple(&self) -> String {
        format!("{:032x}", self.0)
    }
}

fn spread(number: u32) -> Id {
    Id((u128::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

/// What the panic of a stack says: words alone, so that no grouping takes two for one.
fn message(stack: u32) -> String {
    let word = |place: u32| WORDS[(stack / 10_u32.pow(place) % 10) as usize];
    format!("no {} in the {} of a {}", word(0), word(1), word(2))
}

/// A thousand ways through two functions of their own each, since those are what Candor groups by.
macro_rules! rooms {
    ($($room:ident)*) => {
        mod hall {
            use std::hint::black_box;

            const ROOMS: &[fn(u32) -> u32] = &[$($room),*];

            pub(super) fn enter(stack: u32) -> u32 {
                ROOMS[stack as usize / super::closet::ROOMS.len() % ROOMS.len()](stack)
            }

            $(#[inline(never)]
            fn $room(stack: u32) -> u32 {
                // Functions that do the same are one in a program.
                black_box(stringify!($room));
                black_box(super::closet::enter(stack)) + 1
            })*
        }

        mod closet {
            use std::hint::black_box;

            pub(super) const ROOMS: &[fn(u32) -> u32] = &[$($room),*];

            #[inline(always)]
            pub(super) fn enter(stack: u32) -> u32 {
                ROOMS[stack as usize % ROOMS.len()](stack)
            }

            $(#[inline(never)]
            fn $room(stack: u32) -> u32 {
                if black_box(stringify!($room)).is_empty() {
                    return stack;
                }
                panic!("{}", super::message(stack));
            })*
        }
    };
}

rooms! {
    attic bakery barn cabin cellar chapel cinema clinic cottage den dock farm forge garage gym hangar hotel kiosk kitchen library loft
    mill museum office pantry porch school shed stable studio tower villa
}

/// What `sentry` would send, with the id of each.
#[derive(Default)]
struct Sent(Mutex<Vec<(String, String)>>);

impl Transport for Sent {
    fn send_envelope(&self, envelope: Envelope) {
        let mut bytes = Vec::new();
        let written = envelope.to_writer(&mut bytes);
        if let (Some(id), Ok(()), Ok(text)) = (envelope.uuid(), written, String::from_utf8(bytes)) {
            lock(&self.0).push((id.simple().to_string(), text));
        }
    }
}

/// Where the code of this process lies.
struct Places {
    /// Where each piece of code begins and ends, and its file.
    mapped: Vec<(u64, u64, PathBuf)>,
    /// Where each file begins.
    bases: BTreeMap<PathBuf, u64>,
    program: PathBuf,
    /// The build ids that were read so far: files are large.
    builds: RefCell<BTreeMap<PathBuf, String>>,
}

impl Places {
    fn read() -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let maps = std::fs::read_to_string("/proc/self/maps").map_err(|error| error.to_string())?;
        let (mut mapped, mut bases) = (Vec::new(), BTreeMap::new());
        for line in maps.lines() {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [range, rights, _, _, _, path] = fields[..] else {
                continue;
            };
            let number = |text| u64::from_str_radix(text, 16).ok();
            let range = range.split_once('-');
            let range = range.and_then(|(from, to)| Some((number(from)?, number(to)?)));
            let Some((from, to)) = range else { continue };
            bases.entry(PathBuf::from(path)).or_insert(from);
            if rights.contains('x') {
                mapped.push((from, to, path.into()));
            }
        }
        Ok(Self {
            mapped,
            bases,
            program,
            builds: RefCell::default(),
        })
    }

    fn build(&self, path: &Path) -> Result<String, String> {
        if let Some(build) = self.builds.borrow().get(path) {
            return Ok(build.clone());
        }
        let build = build_of(path)?;
        self.builds
            .borrow_mut()
            .insert(path.to_owned(), build.clone());
        Ok(build)
    }

    /// What happened, as an agent tells it.
    fn report(&self, message: &str, addresses: &[u64]) -> Result<String, String> {
        let mut modules: Vec<(PathBuf, String)> = Vec::new();
        let mut frames = Vec::new();
        for address in addresses {
            let at = |(from, to, _): &&(u64, u64, PathBuf)| (from..to).contains(&address);
            let Some((_, _, path)) = self.mapped.iter().find(at) else {
                continue;
            };
            let known = modules.iter().position(|(module, _)| module == path);
            let module = match known {
                Some(module) => module,
                None => {
                    let build = self.build(path)?;
                    let name = match *path == self.program {
                        true => "im".to_owned(),
                        false => path
                            .file_name()
                            .unwrap_or_default()
                            .to_string_lossy()
                            .into(),
                    };
                    let told = format!("{{\"build_id\":\"{build}\",\"name\":\"{name}\"}}");
                    modules.push((path.clone(), told));
                    modules.len() - 1
                }
            };
            let offset = address - self.bases.get(path).copied().unwrap_or_default();
            frames.push(format!(
                "{{\"module\":{module},\"offset\":\"{offset:x}\",\"found\":\"cfi\"}}"
            ));
        }
        if frames.len() < LEAST {
            return Err(format!("a stack has {} frames", frames.len()));
        }
        let modules: Vec<String> = modules.into_iter().map(|(_, told)| told).collect();
        Ok(format!(
            "{{\"crash\":{{\"cause\":{{\"panic\":{{\"message\":\"{message}\"}}}},\"fatal\":false,\
             \"thread\":{{\"main\":true,\"stack\":{{\"frames\":[{}]}}}},\"others\":[],\"modules\":[{}],\"uptime_ms\":12345}}}}",
            frames.join(","),
            modules.join(",")
        ))
    }
}

/// The build id of a file, names or no names in it, as hexadecimal digits.
fn build_of(path: &Path) -> Result<String, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let data = std::fs::read(path).map_err(|error| failed(&error))?;
    let file = object::File::parse(&*data).map_err(|error| failed(&error))?;
    let id = file.build_id().map_err(|error| failed(&error))?;
    let id = id.ok_or_else(|| failed(&"it has no build id"))?;
    Ok(id.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
