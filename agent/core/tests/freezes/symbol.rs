//! Names of this program's functions, by their place in the file: the host that was looked at is the same program.

use candor_protocol::report::{Freeze, Stack};

/// The functions on a stack, innermost first, as far as they are this program's.
pub(crate) fn names(freeze: &Freeze, stack: &Stack) -> Vec<String> {
    let ours = |index: u16| {
        let name = freeze.modules[usize::from(index)].name.as_ref();
        // What comes after it differs from build to build, so that a report keeps nothing of it.
        name.is_some_and(|name| name.as_str().starts_with("freezes"))
    };
    let program = addr2line::Loader::new(std::env::current_exe().unwrap()).unwrap();
    let frames = stack.frames.iter();
    frames
        .filter(|frame| frame.module.is_some_and(ours))
        .filter_map(|frame| {
            let back = u64::from(!frame.found.is_exact());
            program.find_symbol(frame.offset.0 - back)
        })
        .map(|name| addr2line::demangle_auto(name.into(), None).into_owned())
        .collect()
}

/// How many of the samples were in `function`, in percent.
pub(crate) fn share(freeze: &Freeze, function: &str) -> u32 {
    let all: u32 = freeze.stacks.iter().map(|seen| seen.count).sum();
    let inside = freeze.stacks.iter().filter(|seen| {
        let names = names(freeze, &seen.stack);
        names.iter().any(|name| name.contains(function))
    });
    let inside: u32 = inside.map(|seen| seen.count).sum();
    inside * 100 / all.max(1)
}
