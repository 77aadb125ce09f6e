//! Faults of the processor that leave little to go by.

use crate::harness::die;
use crate::stories::{check, death, expect, story};
use crate::victims::null;
use candor_dump::FaultClass;
use libtest_mimic::Trial;
use std::arch::asm;
use std::hint::black_box;

pub(crate) fn deadly(kind: &str) -> Option<fn()> {
    Some(match kind {
        "float_division" => float_division,
        "misaligned" => misaligned,
        "overwritten_return" => overwritten_return,
        "overwritten_callers" => overwritten_callers,
        _ => return None,
    })
}

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        death(
            "a division of fractions by zero, where that is deadly, is recorded",
            "float_division",
            expect(
                libc::SIGFPE,
                3,
                FaultClass::None,
                &["wrecks::float_division", "victims::inner"],
            ),
        ),
        death(
            "a misaligned read, where that is deadly, is recorded",
            "misaligned",
            expect(
                libc::SIGBUS,
                1,
                FaultClass::Other,
                &["wrecks::misaligned", "victims::inner"],
            ),
        ),
        death(
            "a return address that was overwritten leads to the caller of the damaged frame",
            "overwritten_return",
            expect(
                libc::SIGSEGV,
                1,
                FaultClass::Unmapped,
                &["victims::inner", "victims::outer"],
            ),
        ),
        story(
            "where the callers' frames are garbage, what lies before them is right",
            || {
                let death = die("overwritten_callers");
                check(
                    &death,
                    &expect(
                        libc::SIGSEGV,
                        1,
                        FaultClass::NullLike,
                        &[
                            "victims::null",
                            "wrecks::crashes_after",
                            "wrecks::overwritten_callers",
                        ],
                    ),
                );
            },
        ),
    ]
}

#[inline(never)]
fn float_division() {
    /// All exceptions of the vector unit but this one are masked.
    static DEADLY: u32 = 0x1f80 & !0x0200;
    let (one, zero) = (black_box(1.0f64), black_box(0.0f64));
    unsafe {
        asm!("ldmxcsr [{}]", in(reg) &raw const DEADLY);
        asm!("divsd {}, {}", inout(xmm_reg) one => _, in(xmm_reg) zero);
    }
}

/// With the processor's alignment checks on, which stay on in a signal handler.
#[inline(never)]
fn misaligned() {
    let words = black_box([0u64; 2]);
    unsafe {
        asm!(
            "pushfq",
            "or dword ptr [rsp], 0x40000",
            "popfq",
            "mov rax, [{}]",
            in(reg) (&raw const words).byte_add(1),
            out("rax") _,
        );
    }
}

/// Returns to where nothing is.
#[inline(never)]
fn overwritten_return() {
    unsafe { asm!("push {}", "ret", in(reg) 0x2345_6789_0000usize, options(noreturn)) };
}

#[inline(never)]
fn overwritten_callers() {
    let mut here = black_box([0usize; 4]);
    crashes_after(&mut here);
    black_box(here);
}

/// Overwrites everything above the caller's variables.
#[inline(never)]
fn crashes_after(from: &mut [usize; 4]) {
    let from = from.as_mut_ptr();
    for index in 0..400 {
        unsafe { from.add(index).write_volatile(0x4141_4141_4141_4141) };
    }
    null();
    black_box(());
}
