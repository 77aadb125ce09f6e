//! Reports that benches of the collector are made of: crashes with a thousand distinct stacks, whose addresses are functions
//! of the program that measures, and a mix as fleets send it.

use candor_protocol::batch;
use candor_symbols::build_id_of;
use object::{Object, ObjectSymbol};

/// Distinct stacks among the crashes and freezes.
const STACKS: u32 = 1_000;
/// Frames of a crashed thread.
const FRAMES: u32 = 30;
/// When the reports begin, in seconds since 1970.
pub const START: u64 = 1_700_002_800;
/// Hours over which the reports are spread.
pub const HOURS: u64 = 24;

/// Which reports.
#[derive(Debug, Clone, Copy)]
pub enum Mix {
    /// Crashes with 30 frames and eight other threads.
    Crashes,
    /// Of 100 reports: 60 connection windows, 25 runs, 10 crashes, 5 freezes.
    Fleet,
}

/// Real addresses of this executable, whose symbols the collector has.
pub struct Corpus {
    build: String,
    functions: Vec<u64>,
}

impl Corpus {
    /// Reads this executable.
    ///
    /// # Panics
    /// When it has no symbols.
    pub fn read() -> Self {
        let executable = std::env::current_exe().expect("this executable");
        let build = build_id_of(&executable).expect("a build id").to_string();
        let data = std::fs::read(executable).expect("this executable");
        let elf = object::File::parse(&*data).expect("an ELF file");
        let functions = elf
            .symbols()
            .filter(|symbol| symbol.kind() == object::SymbolKind::Text && symbol.size() > 16)
            .map(|symbol| symbol.address() + 8)
            .collect();
        Self { build, functions }
    }

    fn frames(&self, stack: u32, frames: u32) -> String {
        let frame = |index: u32| {
            // A step that is coprime to most lengths spreads the stacks over all functions.
            let function =
                (stack as usize * 7_919 + index as usize * 104_729) % self.functions.len();
            let (module, offset) = if index.is_multiple_of(5) {
                (1, 0x1000 + u64::from(stack))
            } else {
                (0, self.functions[function])
            };
            let found = if index == 0 { "context" } else { "cfi" };
            format!("{{\"module\":{module},\"offset\":\"{offset:x}\",\"found\":\"{found}\"}}")
        };
        (0..frames).map(frame).collect::<Vec<_>>().join(",")
    }

    fn modules(&self) -> String {
        let system = "aabbccddeeff00112233445566778899aabbccdd";
        format!(
            "[{{\"build_id\":\"{}\",\"name\":\"im\"}},{{\"build_id\":\"{system}\",\"name\":\"libc.so.6\"}}]",
            self.build
        )
    }

    /// The report of this number, as JSON.
    pub fn report(&self, mix: Mix, number: u32) -> String {
        let stack = number.wrapping_mul(2_654_435_761) % STACKS;
        let what = match (mix, number % 100) {
            (Mix::Crashes, _) | (Mix::Fleet, 0..10) => {
                let other = |index| {
                    let frames = self.frames(stack + index, 8);
                    format!(
                        "{{\"main\":false,\"name\":\"tokio-rt-worker\",\"stack\":{{\"frames\":[{frames}]}}}}"
                    )
                };
                format!(
                    "{{\"crash\":{{\"cause\":{{\"signal\":{{\"signal\":\"SIGSEGV\",\"origin\":\"kernel\",\"fault\":\"null_like\"}}}},\
                     \"fatal\":true,\"thread\":{{\"main\":true,\"stack\":{{\"frames\":[{}]}}}},\"others\":[{}],\"modules\":{},\
                     \"uptime_ms\":{number}}}}}",
                    self.frames(stack, FRAMES),
                    (1..9).map(other).collect::<Vec<_>>().join(","),
                    self.modules()
                )
            }
            (Mix::Fleet, 10..15) => {
                let seen = |index| {
                    format!(
                        "{{\"count\":{},\"stack\":{{\"frames\":[{}]}}}}",
                        index + 1,
                        self.frames(stack + index, 20)
                    )
                };
                format!(
                    "{{\"freeze\":{{\"watch\":\"ui\",\"turn\":\"open-chat\",\"main\":true,\"took_ms\":{},\"threshold_ms\":1000,\
                     \"end\":\"recovered\",\"activity\":\"blocked\",\"wait\":\"futex\",\"stacks\":[{}],\"modules\":{}}}}}",
                    1_000 + number % 9_000,
                    (0..4).map(seen).collect::<Vec<_>>().join(","),
                    self.modules()
                )
            }
            (Mix::Fleet, 15..40) => {
                "{\"run\":{\"exit\":\"clean\",\"uptime_ms\":123456}}".to_owned()
            }
            (Mix::Fleet, _) => {
                let sketch = |base: u32| {
                    let steps: Vec<String> = (0..6)
                        .map(|step| {
                            format!(
                                "{},{}",
                                if step == 0 {
                                    base + number % 90
                                } else {
                                    3 + number % 5
                                },
                                step + 1
                            )
                        })
                        .collect();
                    format!("[{}]", steps.join(","))
                };
                format!(
                    "{{\"connection\":{{\"name\":\"long-link\",\"endpoint\":\"gate-{}\",\"transport\":\"tls\",\"network\":\"{}\",\
                     \"seconds\":60,\"attempts\":22,\"ready\":21,\"failures\":[{{\"phase\":\"connect\",\"failure\":\"timeout\",\"count\":1}}],\
                     \"disconnects\":[{{\"reason\":\"heartbeat_timeout\",\"count\":1}}],\
                     \"phases\":[{{\"phase\":\"resolve\",\"took_us\":{}}},{{\"phase\":\"connect\",\"took_us\":{}}},\
                     {{\"phase\":\"login\",\"took_us\":{}}}],\"ready_us\":{},\"rtt_us\":{},\"ack_us\":{},\
                     \"sent\":40,\"received\":50,\"sent_bytes\":9000,\"received_bytes\":12000,\"up_ms\":55000,\"down_ms\":5000}}}}",
                    number % 4,
                    ["wifi", "4g", "5g"][number as usize % 3],
                    sketch(500),
                    sketch(700),
                    sketch(800),
                    sketch(900),
                    sketch(600),
                    sketch(650)
                )
            }
        };
        let hour = START + u64::from(number / 1_000) % HOURS * 3_600;
        format!(
            "{{\"id\":\"{:032x}\",\"at\":{hour},\"run\":\"{:032x}\",\"pseudonym\":\"{:032x}\",\"release\":\"1.{}.0\",\
             \"device\":{{\"os\":\"linux\",\"os_version\":\"12.{}\",\"arch\":\"x86_64\",\"cores\":8,\"memory_gib\":16}},\"what\":{what}}}",
            spread(number),
            spread(number / 4 + 1_000_000_000),
            spread(number / 16 + 2_000_000_000),
            number % 5,
            number % 3
        )
    }

    /// A batch of `size` reports from number `first` on, and how many bytes of JSON are in it.
    ///
    /// # Panics
    /// When there is no memory.
    pub fn batch(&self, mix: Mix, first: u32, size: u32) -> (Vec<u8>, usize) {
        let lines: Vec<String> = (first..first + size)
            .map(|number| self.report(mix, number))
            .collect();
        let body = batch::pack(lines.iter().map(String::as_str)).expect("memory");
        (body, lines.iter().map(String::len).sum())
    }
}

/// Random-looking and distinct for distinct numbers, as the ids of devices are.
fn spread(number: u32) -> u128 {
    u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}
