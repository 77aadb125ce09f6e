//! Whether the watched threads are free to go on.

use candor_crash::{Standing, Tid};

/// What is known of all of `threads` together, one of which has to go on: time in the queue is that of the one that waited longest,
/// processor time is summed. A thread that is gone does not count as long as there is another.
pub(crate) fn standing(threads: &[Tid]) -> Standing {
    together(threads.iter().map(|&thread| candor_crash::standing(thread)))
}

fn together(each: impl Iterator<Item = Standing>) -> Standing {
    each.reduce(|a, b| match (a, b) {
        (Standing::Held, _) | (_, Standing::Held) => Standing::Held,
        (Standing::Gone, other) | (other, Standing::Gone) => other,
        (Standing::Unknown, _) | (_, Standing::Unknown) => Standing::Unknown,
        (
            Standing::Free {
                queued_ms,
                cpu_us,
                runnable,
                sleeps,
            },
            Standing::Free {
                queued_ms: other_queued_ms,
                cpu_us: other_cpu_us,
                runnable: other_runnable,
                sleeps: other_sleeps,
            },
        ) => Standing::Free {
            queued_ms: queued_ms.max(other_queued_ms),
            cpu_us: cpu_us + other_cpu_us,
            runnable: runnable || other_runnable,
            sleeps: sleeps + other_sleeps,
        },
    })
    .unwrap_or(Standing::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Standing::{Gone, Held, Unknown};

    const fn free(queued_ms: u64, cpu_us: u64) -> Standing {
        Standing::Free {
            queued_ms,
            cpu_us,
            runnable: false,
            sleeps: 0,
        }
    }

    #[test]
    fn several_threads_are_held_if_one_is_and_gone_if_all_are() {
        let cases: [(&[Standing], Standing); 5] = [
            (&[], Unknown),
            (&[Gone, Gone], Gone),
            (&[Gone, free(1, 2)], free(1, 2)),
            (&[free(1, 2), Held, Gone], Held),
            (&[free(1, 20), free(3, 4)], free(3, 24)),
        ];
        for (each, expected) in cases {
            assert_eq!(together(each.iter().copied()), expected, "{each:?}");
        }
    }
}
