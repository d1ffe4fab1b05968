"""Measures all subjects in turn, round by round, so that other load on the machine affects all of them alike."""

import statistics
from collections import Counter
from collections.abc import Sequence

from client_scenarios import Measurement
from subjects import Harness, Subject
from suite import Comparison

Measurements = dict[str, list[Measurement]]
"""The measurements of each round, by subject."""


def measure(harness: Harness, subjects: Sequence[Subject], rounds: int) -> Measurements:
    measurements: Measurements = {subject.name: [] for subject in subjects}
    for done in range(rounds):
        for subject in subjects:
            if subject.rounds is None or done < subject.rounds:
                measurements[subject.name].append(subject.measure(harness))
    return measurements


def median(measurements: Sequence[Measurement]) -> float:
    return statistics.median(measurement.value for measurement in measurements)


def errors(measurements: Sequence[Measurement]) -> Counter[str]:
    return sum((Counter(measurement.errors) for measurement in measurements), Counter[str]())


class Result:
    """The result of a comparison."""

    def __init__(self, comparison: Comparison, measurements: Measurements) -> None:
        self.comparison = comparison
        subject = measurements[comparison.subject]
        baseline = measurements[comparison.baseline] if comparison.baseline else []
        self.subject = median(subject)
        self.baseline = median(baseline) if baseline else None
        self.ratio = self.subject / self.baseline if self.baseline else None
        """Of the medians."""
        self.by_round = [one.value / other.value for one, other in zip(subject, baseline, strict=False) if other.value]
        """The ratios of single rounds, whose spread shows how reliable the ratio is."""
        self.errors = errors(subject)

    @property
    def is_met(self) -> bool | None:
        """Whether the ratio, or without a baseline the value, meets the target. With errors it does not."""
        if self.comparison.target is None:
            return None
        value = self.subject if self.ratio is None else self.ratio
        return not self.errors and self.comparison.target.is_met_by(value)
