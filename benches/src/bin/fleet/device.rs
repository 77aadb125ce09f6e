//! Devices that are nothing but a number and a seed: what a device is and does is drawn anew whenever it is asked for, so that
//! a million of them need no memory.

use crate::fleet::{Fleet, Machine, Plan};
use candor_protocol::catalogue;
use candor_protocol::deidentify::{Pseudonym, Release};
use candor_protocol::limits::PSEUDONYM_SECONDS;
use candor_protocol::moment::Precision;
use candor_protocol::report::{Report, What};

/// Seconds of an hour.
pub(crate) const HOUR: u64 = 3_600;

/// The releases, and after which share of the time each comes out. The beta crashes more often.
const RELEASES: [(&str, u64); 4] = [("1.4.0", 0), ("1.4.1", 0), ("1.5.0-beta", 0), ("1.5.0", 50)];

/// A word of 64 random bits for each combination of numbers: the finaliser of `SplitMix64` (Steele et al., "Fast Splittable
/// Pseudorandom Number Generators").
pub(crate) fn mix(numbers: &[u64]) -> u64 {
    numbers.iter().fold(0x9e37_79b9_7f4a_7c15, |state, number| {
        let mut word = (state ^ number).wrapping_add(0x9e37_79b9_7f4a_7c15);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    })
}

/// Whether something with a chance of `percent` happens.
fn chance(word: u64, percent: u64) -> bool {
    word % 10_000 < percent * 100
}

/// What an agent is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agent {
    /// Today's.
    Current,
    /// One that knows the first version of the catalogue only.
    Old,
    /// One whose protocol nobody speaks any more.
    Ancient,
    /// Somebody who has no good in mind.
    Hostile,
}

/// What the network does to an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// It arrives and is answered.
    Fair,
    /// The answer does not come back, so that it is sent again.
    AnswerLost,
    /// It breaks off in the middle.
    Torn,
    /// The device is gone before the answer comes.
    Gone,
    /// It arrives twice at the same time.
    Doubled,
}

/// Everybody.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crowd {
    /// Equal seeds make equal crowds.
    pub(crate) seed: u64,
    /// How many there are.
    pub(crate) devices: u32,
    /// When the first day begins, in seconds since 1970.
    pub(crate) start: u64,
    /// How many hours pass.
    pub(crate) hours: u64,
}

impl Crowd {
    fn word(&self, of: u64, device: u32, hour: u64) -> u64 {
        mix(&[self.seed, of, device.into(), hour])
    }

    /// Whether a device starts the app in an hour: by day far more often than by night, where it is.
    pub(crate) fn starts(&self, device: u32, hour: u64) -> bool {
        let own = self.word(1, device, 0);
        let here = (hour + own % 12) % 24;
        // Of a hundred devices, by hour of their day; a device starts it 2.4 times a day.
        let usual = match here {
            0..6 => 2,
            6..9 => 10,
            9..17 => 12,
            17..23 => 17,
            _ => 6,
        };
        // Some use it all day, many hardly at all.
        let own = [25, 50, 75, 100, 100, 200][(own >> 32) as usize % 6];
        chance(self.word(2, device, hour), usual * own / 100)
    }

    /// What runs on a device.
    pub(crate) fn agent(&self, device: u32) -> Agent {
        match self.word(3, device, 0) % 200 {
            0..2 => Agent::Hostile,
            2 => Agent::Ancient,
            3..13 => Agent::Old,
            _ => Agent::Current,
        }
    }

    /// A number that decides what a hostile device does in an hour.
    pub(crate) fn malice(&self, device: u32, hour: u64) -> u64 {
        self.word(4, device, hour)
    }

    /// How much later a device's clock is, in seconds, and earlier if negative.
    fn skew(&self, device: u32) -> i64 {
        let word = self.word(5, device, 0);
        match word % 100 {
            0..3 => (word >> 8) as i64 % (2 * 86_400),
            3..20 => (word >> 8) as i64 % 300,
            _ => 0,
        }
    }

    /// What the network does to an upload when it is tried for the `turn`th time.
    pub(crate) fn weather(&self, device: u32, hour: u64, part: usize, turn: u8) -> Weather {
        let word = mix(&[self.seed, 6, device.into(), hour, part as u64, turn.into()]);
        // One in five devices is on a bad network, and every network gets better.
        let bad = self.word(7, device, 0).is_multiple_of(5) && turn < 4;
        match word % 100 {
            0..8 if bad => Weather::AnswerLost,
            8..12 if bad => Weather::Torn,
            12..16 if bad => Weather::Gone,
            16 => Weather::Doubled,
            _ => Weather::Fair,
        }
    }

    /// How many hours later an upload is made than it could be: devices are offline, and what a run died of waits for the next.
    pub(crate) fn late(&self, device: u32, hour: u64, part: usize) -> u64 {
        let word = mix(&[self.seed, 8, device.into(), hour, part as u64]);
        let offline = if word.is_multiple_of(20) {
            1 + (word >> 8) % 40
        } else {
            0
        };
        let next_start = if part > 0 { (word >> 32) % 14 } else { 0 };
        offline + next_start
    }

    /// Which of the names that a device has over time it has in an hour; it changes every seven days.
    pub(crate) fn epoch(&self, device: u32, hour: u64) -> u64 {
        (self.start + hour * HOUR + self.word(9, device, 0) % PSEUDONYM_SECONDS) / PSEUDONYM_SECONDS
    }

    fn machine(&self, device: u32, hour: u64) -> Machine {
        let mut machine = Fleet::new(self.plan(self.word(10, device, 0))).machine();
        let epoch = self.epoch(device, hour);
        let half = |half| mix(&[self.seed, 11, device.into(), epoch, half]).to_be_bytes();
        let mut name = [0; 16];
        name[..8].copy_from_slice(&half(0));
        name[8..].copy_from_slice(&half(1));
        machine.pseudonym = Pseudonym::from_bytes(name);
        // Who does not run the beta updates some time after a release comes out.
        let word = self.word(12, device, 0);
        let (first, _) = RELEASES[word as usize % 3];
        let (newest, after) = RELEASES[3];
        let patience = after + (word >> 8) % 50;
        let updated = !first.contains("beta") && hour * 100 / self.hours >= patience;
        let release = if updated { newest } else { first };
        machine.release = Release::parse(release).expect("a release");
        machine
    }

    fn plan(&self, seed: u64) -> Plan {
        Plan {
            seed,
            devices: 1,
            hours: self.hours,
            now: self.start + self.hours * HOUR,
            precision: Precision::Hour,
        }
    }

    /// What a device reports of the run that it starts in an hour, in two parts: what is sent while it runs, and what is sent
    /// after it.
    pub(crate) fn run(&self, device: u32, hour: u64) -> [Vec<Report>; 2] {
        let mut fleet = Fleet::new(self.plan(self.word(13, device, hour)));
        let machine = self.machine(device, hour);
        let skewed = (self.start + hour * HOUR).saturating_add_signed(self.skew(device));
        fleet.run(&machine, skewed + self.word(14, device, hour) % HOUR);
        let mut reports = fleet.reports;
        if self.agent(device) == Agent::Old {
            let known = |field: &catalogue::Field| field.since <= 1;
            let told = reports.into_iter();
            reports = told
                .filter_map(|report| catalogue::keep(report, &known))
                .collect();
        }
        let after = |report: &Report| match &report.what {
            What::Run(run) => run.exit.is_some(),
            What::Crash(crash) => crash.fatal,
            What::Loss(_) => true,
            What::Freeze(_) | What::Connection(_) => false,
        };
        let (after, during) = reports.into_iter().partition(after);
        [during, after]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CROWD: Crowd = Crowd {
        seed: 5,
        devices: 100,
        start: 1_700_006_400,
        hours: 48,
    };

    #[test]
    fn a_device_is_the_same_whenever_it_is_asked_for() {
        assert_eq!(CROWD.run(7, 3), CROWD.run(7, 3));
        assert_ne!(CROWD.run(7, 3), CROWD.run(7, 4));
        assert_ne!(CROWD.run(7, 3), CROWD.run(8, 3));
    }

    #[test]
    fn a_device_has_one_name_a_week_and_then_another() {
        let hours: Vec<u64> = (0..24 * 21).map(|hour| CROWD.epoch(3, hour)).collect();
        let names: std::collections::BTreeSet<_> = hours.iter().collect();
        assert!((3..=4).contains(&names.len()), "{names:?}");
    }

    #[test]
    fn a_fleet_is_awake_by_day() {
        let starts = |hours: std::ops::Range<u64>| {
            let device = |device| {
                hours
                    .clone()
                    .filter(move |hour| CROWD.starts(device, *hour))
            };
            (0..2_000).flat_map(device).count()
        };
        let day = starts(0..24);
        assert!((2_000..8_000).contains(&day), "{day} runs of 2,000 devices");
    }
}
