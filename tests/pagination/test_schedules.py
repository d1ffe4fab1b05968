"""Lists that change at any moment while they are read: random schedules of what happens when."""

import asyncio
import os

from hypothesis import given, settings
from hypothesis import strategies as st

from ..support.racing_list import RacingList, Step

SCHEDULES = os.environ.get("LIST_SCHEDULES")
"""Set it to try more random schedules; otherwise they are a few hundred, always the same."""
racing = settings(derandomize=SCHEDULES is None, max_examples=int(SCHEDULES or 200), deadline=None)

positions = st.integers(0, 30)
schedules = st.lists(
    st.builds(Step, st.sampled_from(["query", "query", "query", "add", "remove"]), st.just(0) | positions), max_size=60
)


@given(
    rows=st.integers(0, 24),
    limit=st.integers(1, 7),
    concurrency=st.integers(1, 8),
    most=st.none() | st.integers(2, 9),
    steps=schedules,
)
@racing
def test_nothing_is_lost_between_counting_and_reading(
    rows: int, limit: int, concurrency: int, most: int | None, steps: list[Step]
) -> None:
    service = RacingList(rows, most)

    outcome = asyncio.run(service.iterate(steps, limit=limit, concurrency=concurrency))

    stayed = set(outcome.stayed)
    assert len(outcome.read) == len(set(outcome.read))
    if outcome.is_unstable or (most is not None and most <= limit and service.is_cut_short):
        return
    assert [number for number in outcome.read if number in stayed] == outcome.stayed


@given(rows=st.sampled_from([98, 99, 100, 101, 102, 199, 200, 201]), steps=schedules)
@settings(racing, max_examples=int(SCHEDULES or 1200) // 40)
def test_nothing_is_lost_in_pages_of_the_services_own_size(rows: int, steps: list[Step]) -> None:
    outcome = asyncio.run(RacingList(rows).iterate(steps))

    stayed = set(outcome.stayed)
    assert len(outcome.read) == len(set(outcome.read))
    assert outcome.is_unstable or [number for number in outcome.read if number in stayed] == outcome.stayed
