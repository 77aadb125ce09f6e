//! What the loader knows about programs and libraries.

use std::ffi::{CStr, c_int, c_void};

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

/// Has the loader keep the code of this crate for as long as the process lives, as whoever may still call its handlers needs it.
/// `false` if it may be unloaded all the same. Never in a handler.
#[cfg(target_env = "gnu")]
pub(crate) fn stay_loaded() -> bool {
    let here = stay_loaded as *const ();
    let mut in_program = false;
    // The program comes first, and is never unloaded.
    each_object(&mut |object| {
        in_program = object.segments.iter().any(|segment| {
            let start = object.bias.wrapping_add(segment.p_vaddr as usize);
            segment.p_type == SEGMENT_LOAD
                && here.addr().wrapping_sub(start) < segment.p_memsz as usize
        });
        false
    });
    in_program || keep_object(here.cast())
}

#[cfg(target_env = "gnu")]
fn keep_object(here: *const c_void) -> bool {
    // SAFETY: all-zero is a valid value.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: the address is compared, never followed; `info` may be written.
    if unsafe { libc::dladdr(here, &raw mut info) } == 0 {
        return false;
    }
    let flags = libc::RTLD_NOW | libc::RTLD_NOLOAD | libc::RTLD_NODELETE;
    // SAFETY: the loader's own name of the object, which is loaded already: nothing of it is run.
    let object = unsafe { libc::dlopen(info.dli_fname, flags) };
    // SAFETY: opened above; it stays all the same.
    !object.is_null() && unsafe { libc::dlclose(object) } == 0
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
