//! Stacks: where in which module, never what was in memory.

use super::words;
use crate::deidentify::{BuildId, ModuleName};
use crate::limits;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A file of code that frames refer to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// The linker's id of this build; names are found by it. Missing when the file was built without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_id: Option<BuildId>,
    /// Base name of the file. Missing for a library that was loaded too late to be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<ModuleName>,
}

/// An address relative to its module, as hexadecimal digits on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Offset(pub u64);

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl Serialize for Offset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Offset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Hex;
        impl serde::de::Visitor<'_> for Hex {
            type Value = Offset;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("1 to 16 hexadecimal digits")
            }

            fn visit_str<E: serde::de::Error>(self, digits: &str) -> Result<Offset, E> {
                let hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                match u64::from_str_radix(digits, 16) {
                    Ok(value) if hex => Ok(Offset(value)),
                    _ => Err(E::custom("an offset is 1 to 16 hexadecimal digits")),
                }
            }
        }
        deserializer.deserialize_str(Hex)
    }
}

words! {
    /// How the walker found a frame, from the most to the least trustworthy.
    pub enum Found {
        /// The program counter of the thread itself: names are looked up at this very address.
        Context = "context",
        /// The instruction that a signal handler further in had interrupted: looked up at this very address too.
        Interrupted = "interrupted",
        /// By unwind tables; a return address, so names are looked up one byte before it.
        Cfi = "cfi",
        /// By the chain of frame pointers.
        FramePointer = "frame_pointer",
        /// A word on the stack that looked like a return address.
        Scan = "scan",
    }
}

impl Found {
    /// Whether the frame holds the address of an instruction. Otherwise it holds a return address, which lies behind the
    /// call, so that names are looked up one byte before it.
    pub const fn is_exact(self) -> bool {
        matches!(self, Self::Context | Self::Interrupted)
    }
}

/// One frame of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// Index into the report's modules. Missing when the address is in no module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<u16>,
    /// Address relative to the module's load address; 0 when the address is in no module.
    pub offset: Offset,
    /// How it was found.
    pub found: Found,
}

/// Frames of one thread, innermost first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    /// Innermost first.
    pub frames: Vec<Frame>,
    /// Frames that were left out of a stack too deep to keep, between its innermost and its outermost part.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u32,
    /// How many of `frames`, counted from the outermost, lie behind the gap.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub outermost: u32,
    /// Why it ends where it ends. Missing when it reached the outermost function of its thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<StackEnd>,
}

words! {
    /// Why a stack ends before the outermost function of its thread.
    pub enum StackEnd {
        /// The process died while it was being followed.
        Unfinished = "unfinished",
        /// No caller could be found.
        Lost = "lost",
        /// There were more frames, or there was less time, than a stack may have.
        Limit = "limit",
    }
}

pub(super) fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Stack {
    pub(super) fn check(&self, modules: &[Module]) -> Result<(), &'static str> {
        if self.frames.len() > limits::STACK_FRAMES {
            return Err("a stack has more frames than are accepted");
        }
        if self.outermost as usize > self.frames.len() {
            return Err("a stack has fewer frames than it says lie behind its gap");
        }
        if self
            .frames
            .iter()
            .filter_map(|frame| frame.module)
            .any(|index| usize::from(index) >= modules.len())
        {
            return Err("a frame refers to a module that the report does not list");
        }
        Ok(())
    }
}

pub(super) fn check_modules(modules: &[Module]) -> Result<(), &'static str> {
    if modules.len() > limits::REPORT_MODULES {
        return Err("a report lists more modules than are accepted");
    }
    Ok(())
}
