"""Measuring in rounds: everybody in turn, again and again, so that what disturbs the machine disturbs all alike."""

import statistics
from collections import Counter
from collections.abc import Sequence

from load import Figure
from rows import Comparison
from subjects import Harness, Subject

Figures = dict[str, list[Figure]]
"""By subject, a figure from each round."""


def measure(harness: Harness, subjects: Sequence[Subject], rounds: int) -> Figures:
    figures: Figures = {subject.name: [] for subject in subjects}
    for done in range(rounds):
        for subject in subjects:
            if subject.rounds is None or done < subject.rounds:
                figures[subject.name].append(subject.measure(harness))
    return figures


def median(figures: Sequence[Figure]) -> float:
    return statistics.median(figure.value for figure in figures)


def errors(figures: Sequence[Figure]) -> Counter[str]:
    return sum((Counter(figure.errors) for figure in figures), Counter[str]())


class Outcome:
    """What a comparison comes to."""

    def __init__(self, comparison: Comparison, figures: Figures) -> None:
        self.comparison = comparison
        subject = figures[comparison.subject]
        base = figures[comparison.base] if comparison.base else []
        self.subject = median(subject)
        self.base = median(base) if base else None
        self.ratio = self.subject / self.base if self.base else None
        """Of the medians."""
        self.by_round = [one.value / other.value for one, other in zip(subject, base, strict=False) if other.value]
        """What single rounds would have said: how far the ratio can be trusted."""
        self.errors = errors(subject)

    @property
    def is_met(self) -> bool | None:
        """Whether the target is, by the ratio, or where there is none by the figure itself. Errors miss it."""
        if self.comparison.target is None:
            return None
        value = self.subject if self.ratio is None else self.ratio
        return not self.errors and self.comparison.target.is_met_by(value)
