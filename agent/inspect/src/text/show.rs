//! `candor show`.

use super::page::{Page, Style};
use super::table::{self, Align, faint, plain};
use super::{connection, crash, crumbs, freeze, loss};
use crate::view::amount::millis;
use crate::view::crash::ModuleLine;
use crate::view::phrase::around;
use crate::view::{Shown, What};
use candor_protocol::report::{Device, Kind};

pub(crate) fn render(shown: &Shown, full: bool, colour: bool) -> String {
    let mut page = Page::new(colour);
    put_head(&mut page, shown);
    put_circumstances(&mut page, shown);
    match &shown.what {
        What::Crash(what) => crash::put(&mut page, what, full),
        What::Freeze(what) => freeze::put(&mut page, what, full),
        What::Connection(what) => connection::put(&mut page, what),
        What::Loss(what) => loss::put(&mut page, what),
        What::Run(run) => {
            let last = run.last.iter().flat_map(|last| &last.crumbs);
            let last: Vec<_> = last.cloned().collect();
            crumbs::put(&mut page, &last, "last sign of life", full);
        }
    }
    for note in &shown.symbol_notes {
        page.gap().paragraph(Style::Notice, 0, note);
    }
    page.finish()
}

/// Which report it is, and what happened.
pub(super) fn put_head(page: &mut Page, shown: &Shown) {
    let kind = match shown.kind {
        Kind::Crash => Style::Bad,
        Kind::Freeze => Style::Notice,
        Kind::Run | Kind::Loss | Kind::Connection => Style::Strong,
    };
    page.put(kind, shown.kind.as_str())
        .put(Style::Faint, "  ")
        .line(Style::Faint, &shown.id);
    page.gap().paragraph(Style::Strong, 0, &shown.summary);
}

fn put_circumstances(page: &mut Page, shown: &Shown) {
    let state = match shown.state {
        "waiting" => "waiting to be sent",
        _ => "in a dump; becomes a report at the app's next start",
    };
    let (after, around) = match &shown.what {
        What::Crash(crash) => (
            format!(", {} after the app's start", millis(crash.uptime_ms)),
            around(&crash.around),
        ),
        What::Run(run) => (
            String::new(),
            run.last.as_ref().and_then(|last| around(&last.around)),
        ),
        _ => (String::new(), None),
    };
    let mut rows = vec![
        ("when", format!("{} (rounded){after}", shown.at)),
        ("release", shown.release.clone()),
        ("device", device(&shown.device)),
    ];
    rows.extend(around.map(|around| ("app", around)));
    rows.extend([
        ("run", shown.run_id.clone()),
        ("pseudonym", shown.pseudonym.clone()),
        ("state", state.to_owned()),
    ]);
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(name, value)| vec![faint(name), plain(value)])
        .collect();
    page.gap();
    table::put(page, 2, &[Align::Left; 2], &rows);
}

fn device(device: &Device) -> String {
    let mut text = device.os.to_string();
    if let Some(version) = &device.os_version {
        text.push_str(&format!(" {}", version.as_str()));
    }
    text.push_str(&format!(", {}", device.arch));
    if let Some(cores) = device.cores {
        text.push_str(&format!(", about {cores} cores"));
    }
    if let Some(memory) = device.memory_gib {
        text.push_str(&format!(", about {memory} GiB of memory"));
    }
    text
}

/// The modules, how many there are beside, and how to get names for those that have none.
pub(super) fn put_modules(
    page: &mut Page,
    modules: &[&ModuleLine],
    beside: usize,
    lacks_names: bool,
) {
    if modules.is_empty() && beside == 0 {
        return;
    }
    page.gap().line(Style::Strong, "Modules");
    let rows: Vec<_> = modules
        .iter()
        .map(|module| {
            let build = module
                .build_id
                .clone()
                .unwrap_or("without a build id".to_owned());
            let symbols = if module.symbols {
                "symbols at hand"
            } else {
                ""
            };
            let name = module.name.clone().unwrap_or("without a name".to_owned());
            vec![plain(name), faint(build), faint(symbols)]
        })
        .collect();
    table::put(page, 2, &[Align::Left; 3], &rows);
    if beside > 0 {
        let more = format!("  and {beside} more that no frame is in (--full)");
        page.line(Style::Faint, &more);
    }
    if lacks_names {
        page.gap().paragraph(
            Style::Notice,
            0,
            "Frames without a name are shown as module+offset. To get functions, files and lines, give the executable or \
             library they are in, as it was before `strip`, or its .debug file: --symbols PATH. It is recognised by its build \
             id.",
        );
    }
}
