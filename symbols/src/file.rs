//! The functions at an address of one symbol file.

use crate::name::Name;
use addr2line::{Loader, demangle_auto};
use std::borrow::Cow;

/// The functions at `address`, innermost inlined one first.
///
/// The outermost one is the function that was really called. Its name comes from the symbol table where there is one: the
/// name in line tables has no path, and the names of one fault must not depend on how much debug information a build has.
pub(crate) fn names(loader: &Loader, address: u64) -> Vec<Name> {
    let mut names = debug_names(loader, address).unwrap_or_default();
    let symbol = loader
        .find_symbol(address)
        .map(|symbol| demangle_auto(Cow::Borrowed(symbol), None).into_owned());
    match (symbol, names.last_mut()) {
        (Some(symbol), Some(called)) => {
            let Name { file, line, .. } =
                std::mem::replace(called, Name::new(symbol, None, None, false));
            called.file = file;
            called.line = line;
        }
        (Some(symbol), None) => names.push(Name::new(symbol, None, None, false)),
        (None, _) => {}
    }
    names.retain(|name| !name.function.is_empty());
    names
}

/// One function that the instructions at an address come from.
pub(crate) struct Place {
    /// Demangled; empty where line tables alone tell of it, which name only functions that others were inlined into.
    pub(crate) function: String,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
}

/// What the debug information says, innermost inlined function first; `None` where it is damaged.
pub(crate) fn places(loader: &Loader, address: u64) -> Option<Vec<Place>> {
    let mut frames = loader.find_frames(address).ok()?;
    let mut places = Vec::new();
    while let Some(frame) = frames.next().ok()? {
        let function = frame.function.as_ref();
        let function = function.and_then(|function| function.demangle().ok());
        let (file, line) = frame
            .location
            .map_or((None, None), |location| (location.file, location.line));
        places.push(Place {
            function: function.map_or_else(String::new, Cow::into_owned),
            file: file.map(str::to_owned),
            line: line.filter(|line| *line > 0),
        });
    }
    Some(places)
}

fn debug_names(loader: &Loader, address: u64) -> Option<Vec<Name>> {
    let places = places(loader, address)?.into_iter();
    let mut names: Vec<Name> = places
        .map(|place| Name::new(place.function, place.file.as_deref(), place.line, true))
        .collect();
    if let Some(called) = names.last_mut() {
        called.inlined = false;
    }
    Some(names)
}
