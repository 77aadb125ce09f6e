//! The suite that defines a store. Every engine runs all of it, each story on a store of its own.

mod apps;
mod connections;
mod erasure;
mod freezes;
mod health;
mod issues;
mod keeping;
mod ledger;
mod privacy;
mod regroup;
mod samples;
mod storms;
mod triage;

pub(crate) use apps::*;
pub(crate) use connections::*;
pub(crate) use erasure::*;
pub(crate) use freezes::*;
pub(crate) use health::*;
pub(crate) use issues::*;
pub(crate) use keeping::*;
pub(crate) use ledger::*;
pub(crate) use privacy::*;
pub(crate) use regroup::*;
pub(crate) use storms::*;
pub(crate) use triage::*;

use super::{ConnectionFilter, IssueFilter, IssueId, Store};
use candor_protocol::name;
use candor_protocol::report::{Exit, Network};
use samples::{DAY, Life, app};

/// Runs every story on a store that `$open` opens; what `$open` returns beside the store is kept until the story ends. Where it
/// returns nothing, the engine is not there to be tried.
macro_rules! store_contract {
    ($open:path) => {
        $crate::store::contract::store_contract!($open:
            a_key_leads_to_its_app_and_no_other_key_does
            an_app_is_added_once
            keys_come_and_go_and_each_ends_in_its_own_time
            what_arrives_adds_up_for_every_key_and_day
            a_store_that_can_write_says_so_and_changes_nothing
            a_report_is_kept_once_however_often_it_arrives
            a_report_that_arrives_many_times_at_once_is_kept_once
            apps_see_nothing_of_each_other
            what_is_asked_about_an_app_that_does_not_exist_is_empty
            the_ledger_counts_what_became_of_every_report
            a_run_is_counted_once_in_whatever_order_its_reports_arrive
            a_run_counts_when_it_started_even_if_its_crash_came_first
            the_worst_exit_stays
            health_counts_runs_faults_installations_and_time
            a_trend_has_every_step_and_adds_up_to_the_health
            releases_are_compared_by_their_runs
            a_release_knows_on_which_days_it_was_first_and_last_seen
            installations_are_counted_once_whatever_the_range
            new_issues_are_told_by_the_release_that_showed_them_first
            exits_are_told_by_step_and_by_release_and_add_up_to_the_health
            issues_are_listed_by_how_many_installations_met_them
            pages_of_a_list_follow_each_other_in_every_order
            an_issue_knows_when_it_was_first_and_last_seen_beyond_the_range
            an_issue_is_compared_with_all_runs_of_its_classes
            an_issue_is_told_within_one_release
            the_reports_of_an_issue_are_paged_newest_first
            an_issue_that_was_resolved_regresses_only_in_a_later_release
            any_range_counts_whoever_met_an_issue_once
            an_issue_is_ignored_until_its_condition_is_met
            people_look_after_issues_and_say_something_about_them
            issues_that_were_merged_are_one_in_every_answer_until_they_are_split
            what_is_merged_regresses_by_what_any_of_it_has_shown
            what_was_said_goes_with_what_it_was_said_about
            lists_of_issues_are_filtered_sorted_and_paged
            reports_that_are_named_late_count_as_if_they_had_been_named_at_once
            what_was_said_of_an_issue_stays_when_it_gets_its_name
            reports_that_expired_are_one_with_the_issue_that_the_others_went_to
            builds_without_symbols_are_known_until_their_reports_were_looked_at
            what_a_change_of_the_rules_would_split_stays_one
            freezes_tell_how_long_and_how
            freezes_are_counted_against_the_time_that_apps_ran
            connections_add_up_and_percentiles_are_exact_to_a_bucket
            connections_are_filtered_by_every_dimension
            hours_and_minutes_of_windows_add_up_to_the_same
            connections_tell_how_many_runs_are_behind_them
            a_storm_of_reconnects_is_found_by_when_reports_arrive
            a_few_that_reconnect_are_no_storm_and_are_told_by_nobody
            an_erased_installation_leaves_no_trace_in_any_answer
            late_reports_of_an_erased_installation_are_refused_whole
            replays_in_any_order_change_no_answer
            an_erased_release_leaves_no_trace_and_late_reports_of_it_are_refused
            an_erased_range_of_time_is_as_if_nothing_had_happened_in_it
            an_erased_app_is_empty_and_takes_nothing_more
            what_expires_leaves_its_summaries_until_they_expire_too
            a_clock_that_is_far_ahead_keeps_nothing_for_ever
            what_is_not_kept_is_counted_by_where_it_leaks
            a_copy_holds_everything_of_its_pseudonyms_and_nothing_else
            classes_are_counted_by_installations
            an_installation_is_in_one_class_of_the_population
            cells_of_connections_are_counted_by_installations_and_chosen
            a_stopped_store_finishes_what_it_accepted_and_then_refuses
        );
    };
    ($open:path: $($story:ident)*) => {
        $(#[tokio::test]
        async fn $story() {
            let Some((store, _kept)) = $open().await else {
                return;
            };
            $crate::store::contract::$story(&store).await;
        })*
    };
}
pub(crate) use store_contract;

/// What a crash says.
pub(crate) fn a_crash() -> candor_protocol::report::What {
    Life::new(0, 0).crash(0, 0, false).report.what
}

/// An issue of crashes.
pub(crate) fn an_issue(id: u64) -> crate::grouping::Grouped {
    samples::grouped(super::IssueKind::Crash, id)
}

/// Reports of every kind of one installation.
pub(crate) fn everything_of(who: u32) -> Vec<super::Incoming> {
    let life = Life::new(who, who);
    let number = who * 100;
    vec![
        life.run(number, Some(Exit::Clean), 1_000),
        life.crash(number + 1, 7, false),
        life.crash(number + 2, u64::from(who) + 1_000, true),
        life.freeze(number + 3, 8, 2_000 + u64::from(who)),
        life.window(
            number + 4,
            name!("gate"),
            Network::Wifi,
            &[u64::from(who) * 50, 7],
        ),
        life.hour(2)
            .window(number + 5, name!("gate"), Network::Cell4g, &[9]),
        life.loss(number + 6, 1),
    ]
}

/// Every answer that does not name a single report, as text.
pub(crate) async fn answers(store: &impl Store) -> String {
    let filter = IssueFilter::all(DAY, 0);
    format!(
        "{:#?}\n{:#?}\n{:#?}\n{:#?}\n{:#?}\n{:#?}\n{:#?}\n{:#?}",
        store.health(&app(), DAY).await.unwrap(),
        store.trend(&app(), DAY).await.unwrap(),
        store.exits(&app(), DAY).await.unwrap(),
        store.releases(&app(), DAY).await.unwrap(),
        store.issues(&app(), filter).await.unwrap(),
        store.issue(&app(), IssueId(7), DAY, 0).await.unwrap(),
        store.freezes(&app(), DAY).await.unwrap(),
        store
            .connections(&app(), ConnectionFilter::default(), DAY)
            .await
            .unwrap(),
    )
}
