//! How long a crash holds the process, and how much it leaves.

use crate::sides::{LIMIT, Left, Side, Sides};
use candor_benches::stats::Sample;
use candor_benches::table::{Cell, Row, Unit};

const PROCESSES: usize = 15;

/// A case: what it is called here, what it is called there, and the goals for the time in the handler (nanoseconds) and for the dump
/// (bytes).
struct Case {
    figure: &'static str,
    case: &'static str,
    handler: Option<f64>,
    dump: f64,
}

const fn case(figure: &'static str, case: &'static str, handler: Option<f64>, kib: u32) -> Case {
    Case {
        figure,
        case,
        handler,
        dump: kib as f64 * 1024.0,
    }
}

const CASES: [Case; 8] = [
    case("1 thread", "threads-1", Some(2e6), 32),
    case("3 threads", "threads-3", Some(2e6), 32),
    case("50 threads", "threads-50", Some(2e6), 32),
    case("200 threads", "threads-200", None, 64),
    case("500 MiB heap", "heap-500", Some(2e6), 32),
    case("full stack, main", "full", None, 32),
    case("full stack, Rust thread", "full_in_rust", None, 32),
    case("full stack, C thread", "full_in_c", None, 32),
];

/// What one case costs one side.
#[derive(Default)]
struct Cost {
    gone: Vec<f64>,
    handler: Vec<f64>,
    dumps: Vec<f64>,
    /// It did not end.
    endless: bool,
}

pub(crate) fn rows(sides: &Sides) -> Result<Vec<Row>, String> {
    let costs: Vec<(Cost, Cost)> = CASES
        .iter()
        .map(|case| both(sides, case.case))
        .collect::<Result<_, _>>()?;
    let figures = || CASES.iter().zip(&costs);
    let mut rows = Vec::new();
    rows.extend(figures().map(|(case, (ours, peer))| {
        let figure = format!("fault until gone, {}", case.figure);
        Row::new(
            figure,
            Unit::Nanos,
            ours.cell(&ours.gone),
            peer.cell(&peer.gone),
        )
    }));
    rows.extend(figures().map(|(case, (ours, peer))| {
        let figure = format!("in the handler, {}", case.figure);
        let (ours, peer) = (ours.cell(&ours.handler), peer.cell(&peer.handler));
        let row = Row::new(figure, Unit::Nanos, ours, peer);
        case.handler.into_iter().fold(row, Row::goal)
    }));
    rows.extend(figures().map(|(case, (ours, peer))| {
        let figure = format!("dump, {}", case.figure);
        let sizes = |cost: &Cost| Sample::of(cost.dumps.iter().copied());
        Row::new(figure, Unit::Bytes, sizes(ours), sizes(peer)).goal(case.dump)
    }));
    Ok(rows)
}

/// The two sides take turns, so that whatever else the machine does hits both.
fn both(sides: &Sides, case: &str) -> Result<(Cost, Cost), String> {
    let (mut ours, mut peer) = (Cost::default(), Cost::default());
    for _ in 0..PROCESSES {
        ours.add(sides, Side::Ours, case)?;
        peer.add(sides, Side::Peer, case)?;
    }
    Ok((ours, peer))
}

impl Cost {
    fn cell(&self, figures: &[f64]) -> Cell {
        match self.endless {
            true => Cell::NoEnd(LIMIT),
            false => Sample::of(figures.iter().copied()).into(),
        }
    }

    /// Dies twice: once as it is, once so that the end of the handler is seen.
    fn add(&mut self, sides: &Sides, side: Side, case: &str) -> Result<(), String> {
        for what in ["gone", "handler"] {
            if self.endless {
                break;
            }
            let Some((figures, left)) = die(sides, side, what, case)? else {
                break;
            };
            self.endless |= left.ended.out_of_time;
            match (what, figures) {
                ("gone", Figures { at: Some(at), .. }) => {
                    self.gone.push(left.ended.at.saturating_sub(at) as f64);
                    self.dumps.push(size(&left.dump));
                }
                ("handler", Figures { took, .. }) => self.handler.extend(took),
                _ => {}
            }
        }
        Ok(())
    }
}

/// What a dying process has told.
#[derive(Default)]
struct Figures {
    /// When the fault was.
    at: Option<u128>,
    /// How long it took to the end of the handler.
    took: Option<f64>,
}

fn die(
    sides: &Sides,
    side: Side,
    what: &str,
    case: &str,
) -> Result<Option<(Figures, Left)>, String> {
    let words = |error: std::io::Error| error.to_string();
    let Some(mut host) = sides.play(side, what, case).map_err(words)? else {
        return Ok(None);
    };
    host.process.line("ready");
    host.process.say("go");
    let mut figures = Figures::default();
    for line in host.process.lines() {
        match line.split_once(' ') {
            // The last that was told stands for the fault.
            Some(("at", at)) => figures.at = at.parse().ok(),
            Some(("took", took)) => figures.took = took.parse().ok(),
            _ => {}
        }
    }
    let left = host.left().map_err(words)?;
    Ok(Some((figures, left)))
}

/// Bytes of a dump up to the last that is used: ours is made in full before anything happens.
fn size(dump: &[u8]) -> f64 {
    let last = dump.iter().rposition(|byte| *byte != 0);
    last.map_or(0.0, |last| (last + 1) as f64)
}
