//! The collector next to Bugsink, on the same machine in the same run: what is accepted and digested, how soon it is acknowledged, what
//! it takes of disk, memory and processor, and how long pages take.
//!
//! `cargo run --release -p candor-benches --features peers --bin bugsink [-- SECONDS]`: some three minutes. Both are sent the same
//! panics on a thousand distinct stacks, one a request: Bugsink as events of the `sentry` crate, Candor as an agent sends them. First
//! as fast as each answers; then, in an open loop, four fifths of what it sustained. Bugsink is installed from PyPI into
//! `target/bugsink`, and set up as its documentation says for a single server, with its quotas lifted and without asking home. Its
//! acknowledgement means that a worker will look at the event, Candor's that it is on the disk, grouped and counted.

mod load;
mod panics;
mod peer;

use candor_benches::build::check_release;
use candor_benches::client::Client;
use candor_benches::serving::{self, Serving};
use candor_benches::stats::Sample;
use candor_benches::table::{Cell, Row, Table, Unit, show};
use load::{Sent, Way, look, needed, send};
use panics::{HOUR, Panics};
use peer::{Bugsink, VERSION};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How long what was accepted may take to be digested, at most.
const PATIENCE: Duration = Duration::from_secs(150);
/// Of what was sustained, in the open loop.
const SHARE: f64 = 0.8;
/// More events a second than either takes.
const MOST: [f64; 2] = [10_000.0, 150.0];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match serving::asked_to_serve(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => show(measure(&arguments)),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What one side made of it.
struct Side {
    closed: Sent,
    /// Digested a second, from the first event until nothing waited any more.
    digested: f64,
    cpu: f64,
    disk: f64,
    resident: f64,
    open: Sent,
    list: Option<Sample>,
    issue: Option<Sample>,
}

fn measure(arguments: &[String]) -> Result<Table, String> {
    check_release()?;
    let seconds = match arguments {
        [] => 10,
        [word] => word.parse().map_err(|_| "SECONDS is a number")?,
        _ => return Err("there is one argument, SECONDS".to_owned()),
    };
    let time = Duration::from_secs(u64::clamp(seconds, 2, 60));
    eprintln!("panicking");
    let panics = Panics::catch()?;
    let bugsink = Bugsink::start();
    if let Err(why) = &bugsink {
        eprintln!("SKIPPED: Bugsink {VERSION} is not to be had here. {why}");
    }
    let theirs = match bugsink {
        Ok(bugsink) => Some(of_bugsink(&bugsink, &panics, time)?),
        Err(_) => None,
    };
    let same = theirs.as_ref().map(|theirs| theirs.digested * SHARE);
    let (ours, paced) = of_candor(&panics, time, same)?;
    Ok(table(&ours, paced.as_ref(), theirs.as_ref()))
}

fn of_bugsink(bugsink: &Bugsink, panics: &Panics, time: Duration) -> Result<Side, String> {
    let way = bugsink.way();
    let bodies = |from: u32, count: u32| -> Vec<Vec<u8>> {
        (from..from + count)
            .map(|number| panics.envelope(number))
            .collect()
    };
    // Everything has been loaded once.
    let first = bodies(0, 20);
    let warm = send(&way, &first, None, time);
    if warm.accepted == 0 || digest(bugsink, warm.accepted).is_none() {
        return Err("Bugsink does not digest".to_owned());
    }
    eprintln!("Bugsink, as much as it takes");
    let all = bodies(20, needed(MOST[1], time));
    let (disk, cpu, start) = (bugsink.disk(), bugsink.cpu(), Instant::now());
    let closed = send(&way, &all, None, time);
    let resident = bugsink.resident();
    eprintln!("Bugsink, digesting what it accepted");
    let before = warm.accepted;
    let whole = digest(bugsink, before + closed.accepted);
    let digested = bugsink.digested().saturating_sub(before);
    let wall = start.elapsed().as_secs_f64();
    if digested == 0 {
        return Err("Bugsink digests nothing".to_owned());
    }
    let (disk, cpu) = (bugsink.disk() - disk, bugsink.cpu() - cpu);
    let rate = f64::from(digested) / wall;
    if whole.is_none() {
        return Err(format!(
            "Bugsink digests {rate:.0} events/s, and had not done after {wall:.0} s: measure for fewer seconds"
        ));
    }
    eprintln!("Bugsink, at {:.0} events/s", rate * SHARE);
    let paced = bodies(100_000, needed(rate * SHARE, time));
    let open = send(&way, &paced, Some(rate * SHARE), time * 2);
    digest(bugsink, before + closed.accepted + open.accepted);
    let pages = bugsink.pages().ok_or("Bugsink has no issue")?;
    let (list, issue, headers) = pages;
    Ok(Side {
        digested: rate,
        cpu: cpu / f64::from(digested),
        disk: disk / f64::from(digested),
        resident,
        list: Some(look(way.address, &list, &headers)?),
        issue: Some(look(way.address, &issue, &headers)?),
        closed,
        open,
    })
}

/// Waits until that many were digested.
fn digest(bugsink: &Bugsink, all: u32) -> Option<()> {
    let since = Instant::now();
    while bugsink.digested() < all {
        if since.elapsed() > PATIENCE {
            return None;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Some(())
}

/// As much as it takes, then four fifths of it; and the load that the peer had.
fn of_candor(
    panics: &Panics,
    time: Duration,
    same: Option<f64>,
) -> Result<(Side, Option<Sent>), String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut serving = Serving::start().map_err(failed)?;
    serving.set_clock(HOUR + 3_599).map_err(failed)?;
    let way = Way {
        address: serving.address,
        path: "/v1/batches".to_owned(),
        headers: serving.authorization(),
    };
    let bodies = |from: u32, count: u32| -> Vec<Vec<u8>> {
        (from..from + count)
            .map(|number| panics.batch(number))
            .collect()
    };
    send(&way, &bodies(0, 20), None, time);
    let all = bodies(20, needed(MOST[0], time));
    eprintln!("Candor, as much as it takes");
    let (disk, cpu) = (serving.disk(), serving.cpu());
    let closed = send(&way, &all, None, time);
    drop(all);
    let accepted = f64::from(closed.accepted);
    let (cpu, resident) = (serving.cpu() - cpu, peer::resident(serving.id()));
    let disk = (serving.disk() - disk) as f64 / accepted;
    let rate = closed.rate() * SHARE;
    eprintln!("Candor, at {rate:.0} events/s");
    let paced = bodies(1_000_000, needed(rate, time));
    let open = send(&way, &paced, Some(rate), time * 2);
    drop(paced);
    let same = same.map(|rate| {
        eprintln!("Candor, at {rate:.0} events/s");
        let paced = bodies(2_000_000, needed(rate, time));
        send(&way, &paced, Some(rate), time * 2)
    });
    let list = "/issues?range=24h";
    let page = Client::new(serving.address).get(list).map_err(failed)?;
    let page = String::from_utf8_lossy(&page.body).into_owned();
    let issue = page.split("/issues/").skip(1).find_map(|rest| {
        let id: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
        (id.len() == 16).then_some(id)
    });
    let issue = issue.ok_or("Candor lists no issue")?;
    let side = Side {
        // What is acknowledged has been digested.
        digested: closed.rate(),
        cpu: cpu / accepted,
        disk,
        resident,
        list: Some(look(serving.address, list, "")?),
        issue: Some(look(
            serving.address,
            &format!("/issues/{issue}?range=24h"),
            "",
        )?),
        closed,
        open,
    };
    Ok((side, same))
}

fn table(ours: &Side, same: Option<&Sent>, theirs: Option<&Side>) -> Table {
    let mut table = Table::new(
        "the same panics, one a request",
        format!("Bugsink {VERSION}"),
    );
    let cell = |of: &dyn Fn(&Side) -> f64| theirs.map_or(Cell::None, |side| Cell::One(of(side)));
    let of = |sent: Option<&Sent>, share| Cell::from(sent.and_then(|sent| sent.quantile(share)));
    let page = |side: Option<&Side>, page: fn(&Side) -> &Option<Sample>| {
        let sample = side.and_then(|side| page(side).as_ref());
        Cell::from(sample.map(|sample| sample.median()))
    };
    let open = theirs.map(|theirs| &theirs.open);
    let refused = |side: &Side| f64::from(side.closed.refused + side.open.refused);
    table.add([
        Row::new(
            "accepted",
            Unit::Rate,
            ours.closed.rate(),
            cell(&|side| side.closed.rate()),
        ),
        Row::new(
            "digested",
            Unit::Rate,
            ours.digested,
            cell(&|side| side.digested),
        )
        .goal(4_000.0),
        Row::new("refused", Unit::Count, refused(ours), cell(&refused)),
        Row::new(
            "processor time of one",
            Unit::Nanos,
            ours.cpu * 1e9,
            cell(&|side| side.cpu * 1e9),
        )
        .goal(200e3),
        Row::new(
            "disk of one",
            Unit::Bytes,
            ours.disk,
            cell(&|side| side.disk),
        )
        .goal(1_536.0),
        Row::new(
            "memory after that, shared once",
            Unit::Bytes,
            ours.resident,
            cell(&|side| side.resident),
        )
        .goal(96.0 * 1_048_576.0),
        Row::new(
            "at 4/5 of what each digested",
            Unit::Rate,
            ours.open.rate(),
            cell(&|side| side.open.rate()),
        ),
        Row::new(
            "  acknowledged in, p50",
            Unit::Nanos,
            of(Some(&ours.open), 0.5),
            of(open, 0.5),
        ),
        Row::new(
            "  acknowledged in, p99",
            Unit::Nanos,
            of(Some(&ours.open), 0.99),
            of(open, 0.99),
        ),
        Row::new(
            "both at 4/5 of what Bugsink digested",
            Unit::Rate,
            Cell::from(same.map(Sent::rate)),
            cell(&|side| side.open.rate()),
        ),
        Row::new(
            "  acknowledged in, p50",
            Unit::Nanos,
            of(same, 0.5),
            of(open, 0.5),
        ),
        Row::new(
            "  acknowledged in, p99",
            Unit::Nanos,
            of(same, 0.99),
            of(open, 0.99),
        )
        .goal(10e6),
        Row::new(
            "list of issues, p50, with all of that kept",
            Unit::Nanos,
            page(Some(ours), |side| &side.list),
            page(theirs, |side| &side.list),
        ),
        Row::new(
            "one issue, p50",
            Unit::Nanos,
            page(Some(ours), |side| &side.issue),
            page(theirs, |side| &side.issue),
        ),
    ]);
    table
}
