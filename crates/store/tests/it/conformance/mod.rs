//! What every database behind the store must do. Each case gets an empty store and knows nothing else of the database; the list below
//! runs all of them for each database and mode.

use super::builders::{World, run};
use ducat_store::{Statements, WriterMode};

pub use archive::{archive, over};
pub use changes::{claim, message, tip};
pub use closings::close;

macro_rules! conformance {
    ($($module:ident { $($case:ident)* })*) => {
        $(mod $module;)*
        conformance!(@for sqlite_with_a_thread, async { World::sqlite(WriterMode::Thread) }, $($module { $($case)* })*);
        conformance!(@for sqlite_on_the_caller, async { World::sqlite(WriterMode::Caller) }, $($module { $($case)* })*);
        conformance!(@for postgres, World::postgres(Statements::Kept), $($module { $($case)* })*);
    };
    (@for $database:ident, $world:expr, $($module:ident { $($case:ident)* })*) => {
        mod $database {
            $(mod $module {
                use super::super::*;
                $(#[test]
                fn $case() {
                    run(async { super::super::$module::$case($world.await).await });
                })*
            })*
        }
    };
}

conformance! {
    changes {
        every_part_of_a_change_can_be_read_back
        an_order_moves_only_from_the_version_that_was_read
        a_change_whose_last_part_fails_leaves_nothing
        a_change_that_lost_its_race_leaves_nothing
        an_attempt_of_another_order_is_not_moved
        a_further_attempt_becomes_the_latest
        a_psp_account_moves_only_from_the_version_that_was_read
        a_key_is_taken_back_once_and_its_use_is_noted
        an_empty_change_is_committed
        a_balance_that_does_not_fit_refuses_its_change_alone
    }
    uniqueness {
        a_reference_is_taken_once_per_merchant
        an_idempotency_key_is_taken_once_per_merchant
        a_message_is_kept_once_per_account
        an_entry_is_booked_once
        an_order_has_one_attempt_under_way
        a_registration_belongs_to_one_attempt
        other_things_that_must_be_unique_are_told_as_such
    }
    idempotency {
        a_claimed_key_is_there_with_its_lock_and_order
        a_key_left_behind_is_taken_over_by_one
        the_first_answer_stays
        an_answered_key_is_neither_taken_over_nor_released
        a_released_key_is_free_again
        an_answer_given_at_once_is_kept_byte_for_byte
        old_keys_are_forgotten_and_younger_ones_are_not
    }
    jobs {
        a_job_is_scheduled_once_per_order_and_the_last_time_counts
        what_a_change_says_of_one_job_is_meant_in_its_order
        a_cancelled_job_is_not_claimed
        what_is_longest_due_is_claimed_first_and_no_more_than_asked
        a_job_that_outlasts_its_lease_is_left_to_who_is_still_at_it_and_free_for_others
        a_claimed_job_comes_back_when_its_lease_ends
        only_the_claim_that_is_held_ends_a_job
        only_the_claim_that_is_held_puts_a_job_off
        a_job_scheduled_anew_while_it_runs_stays
        a_job_scheduled_for_the_end_of_the_lease_stays
        many_workers_share_the_jobs_without_doubles
        a_job_for_something_unknown_is_refused
        each_kind_of_job_finds_its_merchant_and_stands_alone
        hurry_only_brings_a_job_forward
    }
    lists {
        pages_of_orders_agree_with_a_model_in_both_directions
        a_walk_over_all_pages_sees_each_order_once
        orders_by_id_are_found_with_each_attempt_and_unknown_ids_left_out
        keys_accounts_and_merchants_are_listed
    }
    journal_lists {
        pages_of_entries_agree_with_a_model_in_both_directions
        statements_agree_with_a_model_page_after_page
        what_lay_on_accounts_at_a_moment_agrees_with_a_model
    }
    closings {
        books_are_closed_every_so_many_entries_and_no_sooner_than_it_is_quiet
        whatever_comes_late_is_part_of_what_lay_there
        what_comes_while_books_are_being_closed_has_them_closed_anew
        many_close_books_and_book_at_once
    }
    events {
        a_cursor_reads_on_in_the_order_of_commits
        an_unknown_cursor_is_told
        the_cursor_of_another_merchant_is_unknown
        kinds_filter_and_do_not_hide_what_follows
        kinds_that_are_rare_are_read_as_by_a_walk
        a_reader_sees_every_event_once_while_writers_write
        events_of_all_subjects_stand_in_one_order
    }
    parts {
        a_capture_comes_back_as_it_was_written_all_its_life
        a_refund_comes_back_as_it_was_written_all_its_life
        a_dispute_comes_back_as_it_was_written_all_its_life
        evidence_is_replaced_by_field_and_forgotten_once_decided
        a_claim_and_the_psp_s_payment_come_back
        a_part_is_written_once
        a_part_beside_a_lost_race_is_not_written
        a_part_stays_within_its_merchant_and_its_attempt_s_sums
        pages_of_refunds_and_disputes_agree_with_a_model
    }
    settlement {
        a_payout_comes_back_as_it_was_written_and_moves_from_the_version_that_was_read
        a_payout_is_known_once_at_its_psp_account
        a_line_is_read_once_per_account
        a_change_whose_line_is_known_books_nothing
        the_place_in_a_statement_moves_to_lines_that_were_read
        an_exception_comes_back_and_is_closed_once
        a_note_comes_back_with_its_entry
        pages_of_payouts_and_exceptions_agree_with_a_model
    }
    webhooks {
        an_endpoint_comes_back_as_it_was_written_and_begins_after_the_newest_event
        settings_move_only_from_the_version_that_was_read
        deliveries_and_the_place_in_the_events_move_together_and_once
        settings_that_changed_meanwhile_make_no_deliveries
        a_claimed_delivery_comes_back_when_its_lease_ends
        a_delivery_can_be_made_claimed_and_is_given_back_only_by_who_holds_it
        what_just_happened_goes_before_what_waits_anyway
        a_try_is_kept_as_it_went_and_its_delivery_goes_on
        the_health_of_an_endpoint_is_counted_and_it_is_paused_once
        a_paused_endpoint_gets_nothing_and_goes_on_where_it_stopped
        a_range_of_events_is_read_on_and_a_replay_moves_once
        old_deliveries_go_with_their_tries_and_the_rest_stays_sound
        deliveries_are_listed_by_pages_and_filters_and_within_their_merchant
        a_test_is_kept_with_its_answer
    }
    declines {
        refusals_are_counted_by_key_in_a_window_newest_first
        refusals_stay_with_their_merchant_and_their_event
        the_cards_of_an_order_are_found_by_the_order_s_key
        where_a_customer_came_from_last_is_known
        what_is_old_is_forgotten_and_what_was_final_is_kept_longer
    }
    walls {
        nothing_of_one_merchant_is_seen_through_another
        nothing_of_one_merchant_is_written_into_another
    }
    archive {
        an_order_that_is_over_is_archived_and_read_as_before
        what_is_open_or_fresh_stays_where_it_is
        what_is_taken_in_the_archive_is_taken
        late_truth_brings_an_order_back
        what_names_an_archived_order_brings_it_back
        a_change_that_comes_to_nothing_leaves_an_order_in_the_archive
        orders_go_and_come_while_others_change_them
    }
    round_trip {
        terms_come_back_as_they_were_written
        a_text_with_a_nul_is_kept_whole_or_with_a_mark
        an_attempt_comes_back_as_it_was_written
        entries_and_balances_come_back_as_they_were_booked
        what_lies_on_accounts_is_the_same_whether_it_is_kept_or_summed
        nothing_is_found_under_unknown_ids
    }
}
