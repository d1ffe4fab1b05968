"""Trying `max_concurrency`: what the SDK's default is chosen by."""

from collections.abc import Iterator, Sequence

from contenders import HTTPX2, OURS, Stand
from measuring import errors, measure, median
from rows import FIVE_HUNDRED, PER_SECOND, SECONDS, THOUSAND


def lines(stand: Stand, widths: Sequence[int], rounds: int) -> Iterator[str]:
    """A table of the rows that hang on it."""
    sides = {width: OURS.named(f"{width}") for width in widths}
    flight = measure(
        stand,
        [HTTPX2.does(**FIVE_HUNDRED)]
        + [side.does(**FIVE_HUNDRED, max_concurrency=width) for width, side in sides.items()],
        rounds,
    )
    burst = measure(stand, [side.does(**THOUSAND, max_concurrency=width) for width, side in sides.items()], rounds)
    base = median(flight["httpx2"])
    yield f"{'':>16}{'500 in flight':>16}{'/ httpx2':>10}{'errors':>8}{'1,000 at once':>16}"
    yield f"{'httpx2':>16}{PER_SECOND.show(base):>16}"
    for width in widths:
        name = f"{width}"
        calls, failed = median(flight[name]), errors(flight[name]).total()
        yield (
            f"{name:>16}{PER_SECOND.show(calls):>16}{calls / base:>10.2f}{failed:>8}"
            f"{SECONDS.show(median(burst[name])):>16}"
        )
