"""What each quota promises, played on the one that is kept in Redis."""

from __future__ import annotations

import pytest
from test_quota import (  # noqa: F401
    test_a_burst_comes_back_with_quiet_time,
    test_a_cancelled_wait_gives_its_place_to_the_next_who_asks,
    test_a_place_that_was_taken_before_is_not_paid_twice,
    test_a_place_whose_time_has_passed_is_not_given_away,
    test_cancelled_waits_cost_nothing,
    test_closing_the_gate_closes_what_is_below,
    test_no_wait_begins_that_would_outlast_the_deadline,
    test_places_are_spaced,
    test_retry_after_counts_a_place_that_was_given_back,
)
from test_quota_pauses import (  # noqa: F401
    test_a_good_answer_makes_the_next_pause_a_first_one,
    test_a_pause_beyond_the_deadline_is_told_at_once,
    test_a_pause_is_shared_without_a_rate_limit_too,
    test_a_pause_stops_all_and_the_meter_spaces_them_after_it,
    test_a_pause_that_begins_while_an_attempt_waits_for_a_second_meter_counts,
    test_a_pause_that_grows_is_waited_for_to_its_new_end,
    test_a_place_beyond_the_pause_is_kept,
    test_a_place_that_was_taken_before_does_not_begin_in_a_pause,
    test_a_sleeper_is_told_when_a_pause_takes_its_place_beyond_its_deadline,
    test_a_wait_that_is_cancelled_in_a_pause_gives_its_place_back,
    test_no_number_of_pauses_is_too_many,
    test_pauses_without_a_length_double_up_to_a_minute,
    test_refusals_of_requests_that_were_in_flight_together_count_once,
    test_the_gate_pauses_when_and_for_as_long_as_sendpulse_says,
    test_the_longest_of_several_lengths_holds,
)

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
