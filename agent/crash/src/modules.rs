//! Programs and libraries: which one an address belongs to, what it is called, and its place in the dump file.
//!
//! What can be prepared is prepared while the process is well (names, build ids). The address itself is looked up in the
//! loader's own lock-free table, which is right even for a library that is just being loaded; where there is no such
//! table, the prepared one is asked.

use crate::api::Scope;
use crate::memory::Memory;
use crate::page::{Page, cut};
use crate::scope::Bounds;
use crate::sys::{self, FindObject};
use candor_dump::layout::{frame, life, modules};
use candor_dump::{Found, Module};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

/// What is known of an object without looking at its file name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Region {
    /// Lowest mapped address.
    pub(crate) start: usize,
    /// Behind the highest mapped address.
    pub(crate) end: usize,
    /// Address in memory minus address in the file.
    pub(crate) bias: usize,
    /// Address of its `.eh_frame_hdr`, 0 if it has none.
    pub(crate) unwind: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct BuildId {
    bytes: [u8; modules::BUILD_ID_MAX],
    len: usize,
}

impl BuildId {
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

#[derive(Debug)]
struct Known {
    region: Region,
    build_id: BuildId,
    name: String,
    /// A crash in it is our business.
    ours: bool,
}

/// Value of a key whose module is gone: its entry stays for the frames that name it, but nothing finds it any more.
const RETIRED: usize = 1;

/// The modules of this process.
pub(crate) struct Modules {
    find: Option<FindObject>,
    clean: fn(&str) -> String,
    bounds: Bounds,
    /// Sorted by start address; replaced as a whole, see `refresh`.
    table: AtomicPtr<Vec<Known>>,
    readers: AtomicUsize,
    /// Start addresses of the modules that have an entry in the file, by entry.
    keys: [AtomicUsize; modules::COUNT],
    /// The loader's counts of objects loaded and unloaded when the table was made.
    changes: [AtomicU64; 2],
}

impl Modules {
    pub(crate) fn new(clean: fn(&str) -> String, scope: &Scope) -> Self {
        let modules = Self {
            find: FindObject::look_up(),
            clean,
            bounds: Bounds::new(scope),
            table: AtomicPtr::new(Box::into_raw(Box::default())),
            readers: AtomicUsize::new(0),
            keys: [const { AtomicUsize::new(0) }; modules::COUNT],
            changes: [const { AtomicU64::new(u64::MAX) }; 2],
        };
        modules.refresh();
        modules
    }

    /// Makes the table anew if objects were loaded or unloaded. One thread at a time; never in a handler.
    pub(crate) fn refresh(&self) {
        let mut now = (0, 0);
        sys::each_object(&mut |object| {
            now = object.changes;
            false
        });
        let then = (
            self.changes[0].load(Ordering::Relaxed),
            self.changes[1].load(Ordering::Relaxed),
        );
        if now == then {
            return;
        }
        self.changes[0].store(now.0, Ordering::Relaxed);
        self.changes[1].store(now.1, Ordering::Relaxed);

        let mut objects = Vec::new();
        sys::each_object(&mut |object| {
            if let Some((region, build_id)) = describe(object) {
                objects.push((region, build_id, object.name.to_vec()));
            }
            true
        });
        let mut known: Vec<Known> = objects
            .into_iter()
            .map(|(region, build_id, path)| {
                let file = file_name(&path);
                let clean = (self.clean)(&file);
                let name = String::from_utf8_lossy(cut(&clean, modules::NAME_MAX)).into_owned();
                Known {
                    region,
                    build_id,
                    name,
                    ours: self.bounds.names(&file),
                }
            })
            .collect();
        known.sort_by_key(|known| known.region.start);
        for key in &self.keys {
            let start = key.load(Ordering::Relaxed);
            if start > RETIRED
                && known
                    .binary_search_by_key(&start, |known| known.region.start)
                    .is_err()
            {
                let _ = key.compare_exchange(start, RETIRED, Ordering::AcqRel, Ordering::Relaxed);
            }
        }
        let old = self
            .table
            .swap(Box::into_raw(Box::new(known)), Ordering::SeqCst);
        if self.readers.load(Ordering::SeqCst) == 0 {
            // SAFETY: made by `Box::into_raw`. Whoever counts itself a reader from now on sees the new table, and
            // before the swap there was no reader left. (With a reader, the old table is left to it for ever: some kB.)
            drop(unsafe { Box::from_raw(old) });
        }
    }

    fn with_known<T>(&self, start: usize, use_it: impl FnOnce(Option<&Known>) -> T) -> T {
        self.readers.fetch_add(1, Ordering::SeqCst);
        // SAFETY: the table is replaced only by `refresh`, which does not free it while a reader is counted.
        let table = unsafe { &*self.table.load(Ordering::SeqCst) };
        let at = table.partition_point(|known| known.region.start <= start);
        let result = use_it(
            at.checked_sub(1)
                .and_then(|at| table.get(at))
                .filter(|known| start < known.region.end),
        );
        self.readers.fetch_sub(1, Ordering::SeqCst);
        result
    }

    /// The object that `address` belongs to. Anywhere.
    pub(crate) fn region(&self, memory: &mut Memory, address: usize) -> Option<Region> {
        let found = self.find.and_then(|find| find.find(address));
        if let Some((start, end, link_map, unwind)) = found {
            // The first field of the link map is the bias.
            let bias = memory.word(link_map)?;
            return Some(Region {
                start,
                end,
                bias,
                unwind,
            });
        }
        self.with_known(address, |known| known.map(|known| known.region))
    }

    /// Whether all of the process is our business. Anywhere.
    pub(crate) fn is_app(&self) -> bool {
        self.bounds.is_app()
    }

    /// Whether a frame is our business: `code` is its address, one byte earlier for a return address. Anywhere.
    pub(crate) fn is_ours(&self, code: usize, region: Option<&Region>) -> bool {
        self.bounds.is_app()
            || self.bounds.holds(code)
            || region.is_some_and(|region| {
                self.with_known(region.start, |known| {
                    known.is_some_and(|known| known.ours && known.region.start == region.start)
                })
            })
    }

    /// A frame for the file: `address` as an offset in the module it belongs to. Anywhere.
    pub(crate) fn pack(
        &self,
        page: Page,
        address: usize,
        region: Option<&Region>,
        found: Found,
    ) -> u64 {
        let Some(region) = region else {
            return frame::pack(frame::NO_MODULE, 0, found.code());
        };
        let module = self.entry(page, region);
        frame::pack(
            module,
            address.wrapping_sub(region.bias) as u64,
            found.code(),
        )
    }

    /// The module's entry in the file, made if it has none. Anywhere.
    fn entry(&self, page: Page, region: &Region) -> u16 {
        for (index, key) in self.keys.iter().enumerate() {
            let mut held = key.load(Ordering::Acquire);
            if held == 0 {
                match key.compare_exchange(0, region.start, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => {
                        self.write(page, index, region);
                        held = region.start;
                    }
                    Err(other) => held = other,
                }
            }
            if held == region.start {
                return u16::try_from(index).unwrap_or(frame::NO_MODULE);
            }
        }
        page.u32(life::MODULES_LOST).fetch_add(1, Ordering::Relaxed);
        frame::NO_MODULE
    }

    fn write(&self, page: Page, index: usize, region: &Region) {
        let at = modules::AT + index * modules::SIZE;
        page.set_u64(
            at + modules::EXTENT,
            region.end.wrapping_sub(region.start) as u64,
        );
        self.with_known(region.start, |known| {
            let known = known.filter(|known| known.region.start == region.start);
            let (id, name) = match known {
                Some(known) => (known.build_id, known.name.as_bytes()),
                None => (build_id_in_memory(region), &[][..]),
            };
            page.put(at + modules::BUILD_ID, id.as_slice());
            page.set_u8(at + modules::BUILD_ID_LEN, id.len as u8);
            page.put(at + modules::NAME, name);
            page.set_u8(at + modules::NAME_LEN, name.len() as u8);
        });
        page.u32(at + modules::STATE)
            .store(modules::READY, Ordering::Release);
    }

    /// The module of a region, described for the living. Never in a handler.
    pub(crate) fn module(&self, region: &Region) -> Module {
        let size = region.end.wrapping_sub(region.start) as u64;
        self.with_known(region.start, |known| {
            match known.filter(|known| known.region.start == region.start) {
                Some(known) => Module {
                    build_id: known.build_id.as_slice().to_vec(),
                    name: known.name.clone(),
                    size,
                },
                None => Module {
                    build_id: build_id_in_memory(region).as_slice().to_vec(),
                    name: String::new(),
                    size,
                },
            }
        })
    }
}

impl Drop for Modules {
    fn drop(&mut self) {
        // SAFETY: made by `Box::into_raw`; nobody else can use it any more.
        drop(unsafe { Box::from_raw(*self.table.get_mut()) });
    }
}

/// The file name of a loaded object; the loader leaves the program's own path empty.
fn file_name(path: &[u8]) -> String {
    let program;
    let path = if path.is_empty() {
        program = std::env::current_exe().unwrap_or_default();
        program.as_path()
    } else {
        Path::new(std::ffi::OsStr::from_bytes(path))
    };
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn describe(object: &sys::Object<'_>) -> Option<(Region, BuildId)> {
    let mut region = Region {
        start: usize::MAX,
        end: 0,
        bias: object.bias,
        unwind: 0,
    };
    let mut build_id = BuildId::default();
    for segment in object.segments {
        let at = object.bias.wrapping_add(segment.p_vaddr as usize);
        let size = segment.p_memsz as usize;
        match segment.p_type {
            sys::SEGMENT_LOAD => {
                region.start = region.start.min(at & !(sys::PAGE - 1));
                region.end = region.end.max(at.saturating_add(size));
            }
            sys::SEGMENT_UNWIND => region.unwind = at,
            sys::SEGMENT_NOTE if build_id.len == 0 => {
                build_id = build_id_in_note(at, size);
            }
            _ => {}
        }
    }
    (region.start < region.end).then_some((region, build_id))
}

/// Finds the build id through the ELF header in memory. Anywhere.
fn build_id_in_memory(region: &Region) -> BuildId {
    let mut memory = Memory::new();
    for segment in crate::elf::segments(&mut memory, region) {
        if segment.kind == sys::SEGMENT_NOTE {
            let id = build_id_in_note(segment.start, segment.size);
            if id.len > 0 {
                return id;
            }
        }
    }
    BuildId::default()
}

/// Finds `NT_GNU_BUILD_ID` in a note segment. Anywhere.
fn build_id_in_note(start: usize, size: usize) -> BuildId {
    const BUILD_ID: u32 = 3;
    const GNU: u32 = u32::from_le_bytes(*b"GNU\0");
    let mut memory = Memory::new();
    let end = start.saturating_add(size);
    let mut at = start;
    // A segment of notes holds a handful; more is not a segment of notes.
    for _ in 0..16 {
        if at.saturating_add(16) > end {
            break;
        }
        let (Some(name_len), Some(len), Some(kind), Some(name)) = (
            memory.half(at),
            memory.half(at + 4),
            memory.half(at + 8),
            memory.half(at + 12),
        ) else {
            break;
        };
        let desc = at + 12 + (name_len as usize).next_multiple_of(4);
        let len = len as usize;
        if kind == BUILD_ID && name_len == 4 && name == GNU {
            let mut id = BuildId {
                len: len.min(modules::BUILD_ID_MAX),
                ..BuildId::default()
            };
            for (index, byte) in id.bytes.iter_mut().take(len).enumerate() {
                let Some(value) = memory.byte(desc + index) else {
                    return BuildId::default();
                };
                *byte = value;
            }
            return id;
        }
        at = desc.saturating_add(len.next_multiple_of(4));
    }
    BuildId::default()
}
