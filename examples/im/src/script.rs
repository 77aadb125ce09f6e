//! What a client is told to do: steps, separated by commas, such as `chat:20,lose-network:2s,panic`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::misbehave::Fault;

/// Longest that one step may take: a script always comes to its end.
const MAX_TIME: Duration = Duration::from_secs(60);
/// Most messages of one step.
const MAX_MESSAGES: u32 = 10_000;
/// Most steps.
const MAX_STEPS: usize = 100;

/// Steps, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script(pub Vec<Step>);

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Send so many messages and wait until the server has them.
    Chat(u32),
    /// Do nothing.
    Wait(Duration),
    /// The network is gone: connections are reset, new ones refused.
    LoseNetwork(Duration),
    /// The network is silent: nothing arrives, nothing is refused.
    Stall(Duration),
    /// The connection is reset, the next one works.
    Reset,
    /// The server refuses our logins.
    ExpiredToken(Duration),
    /// Misbehave.
    Fault(Fault),
}

/// Why a text is no script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError(String);

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScriptError {}

impl Script {
    /// The script cut after each step that ends the process: one piece for each life. The last piece ends cleanly, and may be empty.
    #[must_use]
    pub fn lives(&self) -> Vec<Script> {
        let mut lives = vec![Script::default()];
        for step in &self.0 {
            if let Some(life) = lives.last_mut() {
                life.0.push(*step);
            }
            if matches!(step, Step::Fault(fault) if fault.death().is_some()) {
                lives.push(Script::default());
            }
        }
        lives
    }

    /// Its faults, in order.
    pub fn faults(&self) -> impl Iterator<Item = Fault> {
        self.0.iter().filter_map(|step| match step {
            Step::Fault(fault) => Some(*fault),
            _ => None,
        })
    }
}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let steps = text
            .split(',')
            .map(|step| step.trim().parse())
            .collect::<Result<Vec<Step>, _>>()?;
        if steps.len() > MAX_STEPS {
            return Err(ScriptError(format!(
                "{} steps: at most {MAX_STEPS} are allowed",
                steps.len()
            )));
        }
        Ok(Self(steps))
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, step) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str(",")?;
            }
            write!(f, "{step}")?;
        }
        Ok(())
    }
}

impl FromStr for Step {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let (word, argument) = match text.split_once(':') {
            Some((word, argument)) => (word, Some(argument)),
            None => (text, None),
        };
        let time = || time(text, argument);
        let timed = match word {
            "chat" => return messages(text, argument).map(Self::Chat),
            "wait" => Self::Wait(time()?),
            "lose-network" => Self::LoseNetwork(time()?),
            "stall" => Self::Stall(time()?),
            "expired-token" => Self::ExpiredToken(time()?),
            "freeze-busy" => Self::Fault(Fault::FreezeBusy(time()?)),
            "freeze-deadlock" => Self::Fault(Fault::FreezeDeadlock(time()?)),
            "freeze-read" => Self::Fault(Fault::FreezeRead(time()?)),
            _ => return plain(word, text, argument),
        };
        Ok(timed)
    }
}

fn plain(word: &str, text: &str, argument: Option<&str>) -> Result<Step, ScriptError> {
    let step = match word {
        "reset" => Step::Reset,
        "panic" => Step::Fault(Fault::Panic),
        "panic-thread" => Step::Fault(Fault::PanicInThread),
        "null-dereference" => Step::Fault(Fault::NullDereference),
        "abort" => Step::Fault(Fault::Abort),
        "stack-overflow" => Step::Fault(Fault::StackOverflow),
        "exit" => Step::Fault(Fault::Exit),
        "kill" => Step::Fault(Fault::Kill),
        _ => {
            return Err(ScriptError(format!(
                "\"{text}\" is no step. Steps: chat:N, wait:TIME, lose-network:TIME, stall:TIME, reset, expired-token:TIME, \
                 freeze-busy:TIME, freeze-deadlock:TIME, freeze-read:TIME, panic, panic-thread, null-dereference, abort, \
                 stack-overflow, exit, kill"
            )));
        }
    };
    match argument {
        None => Ok(step),
        Some(_) => Err(ScriptError(format!(
            "\"{text}\": \"{word}\" takes nothing after a colon"
        ))),
    }
}

fn messages(text: &str, argument: Option<&str>) -> Result<u32, ScriptError> {
    match argument.and_then(|n| n.parse().ok()) {
        Some(n) if (1..=MAX_MESSAGES).contains(&n) => Ok(n),
        _ => Err(ScriptError(format!(
            "\"{text}\" needs a number of messages from 1 to {MAX_MESSAGES}, as in chat:20"
        ))),
    }
}

fn time(text: &str, argument: Option<&str>) -> Result<Duration, ScriptError> {
    let number = |digits: &str| digits.parse::<u32>().ok();
    let parsed = argument.and_then(|time| match time.strip_suffix("ms") {
        Some(digits) => number(digits).map(|n| Duration::from_millis(n.into())),
        None => number(time.strip_suffix('s')?).map(|n| Duration::from_secs(n.into())),
    });
    match parsed {
        Some(time) if time > Duration::ZERO && time <= MAX_TIME => Ok(time),
        _ => {
            let most = MAX_TIME.as_secs();
            Err(ScriptError(format!(
                "\"{text}\" needs a time of 1ms to {most}s, as in 2s or 500ms"
            )))
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, time) = match self {
            Self::Chat(n) => return write!(f, "chat:{n}"),
            Self::Reset => return f.write_str("reset"),
            Self::Wait(time) => ("wait", time),
            Self::LoseNetwork(time) => ("lose-network", time),
            Self::Stall(time) => ("stall", time),
            Self::ExpiredToken(time) => ("expired-token", time),
            Self::Fault(fault) => return write!(f, "{fault}"),
        };
        write!(f, "{word}:{}", Time(*time))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panic => f.write_str("panic"),
            Self::PanicInThread => f.write_str("panic-thread"),
            Self::NullDereference => f.write_str("null-dereference"),
            Self::Abort => f.write_str("abort"),
            Self::StackOverflow => f.write_str("stack-overflow"),
            Self::FreezeBusy(time) => write!(f, "freeze-busy:{}", Time(*time)),
            Self::FreezeDeadlock(time) => write!(f, "freeze-deadlock:{}", Time(*time)),
            Self::FreezeRead(time) => write!(f, "freeze-read:{}", Time(*time)),
            Self::Exit => f.write_str("exit"),
            Self::Kill => f.write_str("kill"),
        }
    }
}

struct Time(Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.as_secs(), self.0.subsec_millis()) {
            (secs, 0) => write!(f, "{secs}s"),
            _ => write!(f, "{}ms", self.0.as_millis()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERYTHING: &str = "chat:20,wait:1s,lose-network:2s,stall:1500ms,reset,expired-token:2s,freeze-busy:3s,freeze-read:250ms,\
                              panic-thread,panic,null-dereference,abort,stack-overflow,freeze-deadlock:4s,exit,kill,chat:1";

    #[test]
    fn every_step_is_read_and_written_the_same_way() {
        let script: Script = EVERYTHING.parse().unwrap();
        assert_eq!(script.0.len(), 17);
        assert_eq!(script.to_string(), EVERYTHING);
    }

    #[test]
    fn a_script_is_cut_into_one_life_for_each_death_and_a_last_one_that_ends_cleanly() {
        let script: Script = EVERYTHING.parse().unwrap();
        let lives: Vec<String> = script.lives().iter().map(Script::to_string).collect();
        assert_eq!(lives.len(), 8);
        assert!(lives[0].ends_with("panic-thread,panic"), "{}", lives[0]);
        assert_eq!(
            lives[1..],
            [
                "null-dereference",
                "abort",
                "stack-overflow",
                "freeze-deadlock:4s",
                "exit",
                "kill",
                "chat:1"
            ]
        );
        let last: Script = "chat:1,panic".parse().unwrap();
        assert_eq!(last.lives().last(), Some(&Script::default()));
    }

    #[test]
    fn what_is_no_step_is_refused_by_name_with_the_reason() {
        for (text, why) in [
            ("dance", "\"dance\" is no step. Steps: chat:N"),
            ("chat:20,,panic", "\"\" is no step"),
            ("chat", "needs a number of messages from 1 to 10000"),
            ("chat:0", "needs a number of messages"),
            ("chat:10001", "needs a number of messages"),
            ("wait:2", "needs a time of 1ms to 60s"),
            ("wait:0s", "needs a time"),
            ("wait:61s", "needs a time"),
            ("wait:-1s", "needs a time"),
            ("panic:now", "takes nothing after a colon"),
        ] {
            let error = text.parse::<Script>().unwrap_err().to_string();
            assert!(
                error.contains(why),
                "{text}: {error:?} does not say {why:?}"
            );
        }
        let endless = vec!["reset"; MAX_STEPS + 1].join(",");
        assert!(
            endless
                .parse::<Script>()
                .unwrap_err()
                .to_string()
                .contains("at most 100")
        );
    }

    #[test]
    fn no_text_is_a_script_without_steps() {
        assert_eq!("".parse(), Ok(Script::default()));
    }
}
