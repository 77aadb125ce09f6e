//! Who is in the fleet, and what each is told to do.

use crate::config::NetworkKind::{self, Cell2g, Cell3g, Cell4g, Cell5g, Ethernet, Wifi};
use crate::script::Script;

const OLD: &str = "1.4.0";
const NEW: &str = "1.5.0";

/// One device.
#[derive(Debug, Clone)]
pub(super) struct Device {
    pub(super) user: String,
    pub(super) friend: String,
    pub(super) release: &'static str,
    pub(super) network: NetworkKind,
    pub(super) permission: Permission,
    pub(super) script: Script,
}

/// Whether telemetry may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    /// The developer switched it on and the user agreed.
    Granted,
    /// The developer switched it on and the user declined.
    Declined,
    /// The developer did not switch it on.
    Off,
}

impl Device {
    pub(super) fn permitted(&self) -> bool {
        self.permission == Permission::Granted
    }
}

/// User, release, network, permission and script; the first ones show the most.
const KINDS: [(&str, &str, NetworkKind, Permission, &str); 12] = [
    (
        "ana",
        NEW,
        Wifi,
        Permission::Granted,
        "chat:60,panic,chat:60,lose-network:1s,chat:40",
    ),
    (
        "ben",
        OLD,
        Cell4g,
        Permission::Granted,
        "chat:60,null-dereference,chat:60,reset,chat:30",
    ),
    (
        "chen",
        NEW,
        Wifi,
        Permission::Granted,
        "chat:40,freeze-busy:3s,chat:40,freeze-busy:4s,chat:40",
    ),
    (
        "dora",
        NEW,
        Cell3g,
        Permission::Granted,
        "chat:40,lose-network:3s,chat:40,stall:2500ms,chat:60",
    ),
    (
        "emil",
        OLD,
        Cell5g,
        Permission::Granted,
        "chat:50,abort,chat:50,lose-network:1s,chat:40",
    ),
    (
        "fei",
        NEW,
        Ethernet,
        Permission::Granted,
        "chat:50,stack-overflow,chat:60,panic,chat:30",
    ),
    (
        "gita",
        NEW,
        Cell4g,
        Permission::Granted,
        "chat:40,panic-thread,chat:40,panic,chat:50",
    ),
    (
        "hugo",
        OLD,
        Cell2g,
        Permission::Granted,
        "chat:25,reset,chat:20,expired-token:2s,chat:20,null-dereference,chat:15",
    ),
    (
        "ines",
        NEW,
        Wifi,
        Permission::Granted,
        "chat:40,freeze-deadlock:4s,chat:60",
    ),
    (
        "jun",
        OLD,
        Cell4g,
        Permission::Granted,
        "chat:40,freeze-read:3s,chat:40,exit,chat:30,kill,chat:30",
    ),
    (
        "kai",
        NEW,
        Cell5g,
        Permission::Declined,
        "chat:60,panic,chat:40",
    ),
    (
        "lin",
        OLD,
        Wifi,
        Permission::Off,
        "chat:60,freeze-busy:3s,null-dereference,chat:40",
    ),
];

/// A fleet of `count` devices: the kinds in order, again and again.
pub(super) fn devices(count: u16) -> Vec<Device> {
    let user = |n: usize| match (KINDS[n % KINDS.len()].0, n / KINDS.len()) {
        (name, 0) => name.to_owned(),
        (name, round) => format!("{name}-{}", round + 1),
    };
    let count = usize::from(count);
    let device = |n: usize| {
        let (_, release, network, permission, script) = KINDS[n % KINDS.len()];
        Device {
            user: user(n),
            friend: user((n + 1) % count),
            release,
            network,
            permission,
            script: script.parse().unwrap_or_default(),
        }
    };
    (0..count).map(device).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_script_of_the_plan_can_be_read() {
        for (user, .., script) in KINDS {
            assert!(
                script.parse::<Script>().is_ok_and(|s| !s.0.is_empty()),
                "{user}"
            );
        }
    }

    #[test]
    fn the_default_fleet_misbehaves_in_every_way_on_devices_that_may_report_it() {
        let words: BTreeSet<String> = devices(12)
            .iter()
            .filter(|d| d.permitted())
            .flat_map(|d| {
                d.script
                    .0
                    .iter()
                    .map(|s| s.to_string().split(':').next().unwrap().to_owned())
                    .collect::<Vec<_>>()
            })
            .collect();
        for word in [
            "abort",
            "chat",
            "exit",
            "expired-token",
            "freeze-busy",
            "freeze-deadlock",
            "freeze-read",
            "kill",
            "lose-network",
            "null-dereference",
            "panic",
            "panic-thread",
            "reset",
            "stack-overflow",
            "stall",
        ] {
            assert!(words.contains(word), "nobody does {word}");
        }
    }

    #[test]
    fn a_large_fleet_has_no_two_devices_of_one_name() {
        let names: BTreeSet<String> = devices(200).into_iter().map(|d| d.user).collect();
        assert_eq!(names.len(), 200);
        assert!(names.contains("ana-17"));
    }
}
