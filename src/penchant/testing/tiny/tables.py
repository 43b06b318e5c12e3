"""Tiny ways to analyse and to simulate: counts of the events that are held, and people who click by chance."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from penchant.randomness import stream
from penchant.verbs.edge import AnalyseAnswer, AnalyseRequest, SimulateAnswer, SimulateRequest

PEOPLE = 30
"""More simulated people than this are not needed to see a rate."""


class Analysing:
    """Verb analyse: how events fall on categories."""

    def analyse(self: Any, request: AnalyseRequest) -> AnalyseAnswer:
        """One finding a main category, largest first, with a Wilson interval."""
        found = Counter(self.categories[i].split(" > ")[0] for i in self.event_item)
        total = sum(found.values())
        wanted = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[: request.number]
        insights = [self._insight(n, name, count, total, request) for n, (name, count) in enumerate(wanted, 1)]
        about = next(
            name for name in ("tables", "dataset", "run", "trajectory") if getattr(request.about, name) is not None
        )
        unused = [
            name for name in ("goal", "filter", "depth", "false_rate", "fields") if getattr(request, name) is not None
        ]
        return AnalyseAnswer(
            system=self.name, mind="offline: counts", insights=insights, tests_tried=0, status=None if insights else "not_known",
            assumptions=[f"{about}: not held here, the events of the shop were counted", *(f"{n} is not used" for n in unused)],
            warnings=["nothing was tested: these are shares, not differences"],
        )  # fmt: skip

    def _insight(self: Any, number: int, name: str, count: int, total: int, request: AnalyseRequest) -> dict[str, Any]:
        share = count / total
        low, high = wilson(count, total)
        chart = {
            "mark": request.chart or "bar", "data": {"values": [{"category": name, "share": share}]},
            "encoding": {"x": {"field": "category", "type": "nominal"}, "y": {"field": "share", "type": "quantitative"}},
        }  # fmt: skip
        return {
            "id": f"i-{number}", "sentence": f"{share:.0%} of the events are about {name}.", "kind": "descriptive",
            "number": share, "unit": "share of events", "low": low, "high": high, "n": total, "chart": chart,
            "query": {"sql": "SELECT count(*) FROM events JOIN items USING (item) WHERE category[1] = ?", "values": [name]},
        }  # fmt: skip


def wilson(count: int, total: int) -> tuple[float, float]:
    """The 95% interval of a share (Wilson)."""
    z, share = 1.96, count / total
    middle, spread = share + z * z / (2 * total), z * np.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    below = 1 + z * z / total
    return float((middle - spread) / below), float((middle + spread) / below)


class Simulating:
    """Verb simulate: people who take an item of a page or leave, by chance keyed by who and when."""

    def simulate(self: Any, scenario: SimulateRequest) -> SimulateAnswer:
        """Measures at the end, with intervals over replications; only what can be counted here is measured."""
        seed, page = scenario.seed or 0, scenario.page or 5
        weight = np.log1p(self.catalogue.counts.astype(float)) + 0.1
        systems = scenario.systems if len(scenario.systems) > 1 else [None]
        measures, unknown = [], [name for name in scenario.measures if name not in COUNTED]
        for system in systems:
            runs = [
                self._run(seed, number, scenario, weight, page, system or "") for number in range(scenario.replications)
            ]
            for name in scenario.measures:
                if name in COUNTED:
                    values = np.array([COUNTED[name](clicks) for clicks in runs])
                    error = 1.96 * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
                    mean = float(values.mean())
                    measures.append({
                        "time": scenario.horizon, "system": system, "name": name, "mean": mean, "low": mean - float(error),
                        "high": mean + float(error),
                    })  # fmt: skip
        notes = [f"{name} cannot be measured here" for name in unknown]
        notes.append("systems are not loaded: pages are drawn by popularity")
        notes += ["interventions are not applied"] if scenario.interventions else []
        asked = [
            {"person": self.users[0], "question": question, "text": "I take what others take."}
            for question in scenario.questions or []
        ]
        return SimulateAnswer(
            system=self.name, mind="offline: chance", assumptions=notes, measures=measures, events=f"{self.name}-events",
            interviews=asked or None, snapshots=[], cost={"seconds": 0.0, "calls": 0, "tokens": 0},
        )  # fmt: skip

    def _run(
        self: Any, seed: int, number: int, scenario: SimulateRequest, weight: np.ndarray, page: int, system: str
    ) -> np.ndarray:
        people = min(scenario.population.number, PEOPLE)
        chance = stream(seed, "simulate", number, system)
        clicks = np.full((people, scenario.horizon), -1, np.int32)
        for step in range(scenario.horizon):
            shown = np.argsort(-(np.log(weight) + chance.gumbel(size=(people, len(weight)))), axis=1)[:, :page]
            taken = chance.random(people) < 0.5
            clicks[:, step] = np.where(taken, shown[np.arange(people), chance.integers(0, shown.shape[1], people)], -1)
        return clicks


def _entropy(clicks: np.ndarray) -> float:
    items = clicks[clicks >= 0]
    share = np.bincount(items) / max(len(items), 1)
    return float(-(share[share > 0] * np.log(share[share > 0])).sum())


COUNTED = {
    "click_rate": lambda clicks: float((clicks >= 0).mean()),
    "taken_a_page": lambda clicks: float((clicks >= 0).mean()),
    "orders": lambda clicks: float((clicks >= 0).sum()),
    "session_length": lambda clicks: float(clicks.shape[1]),
    "distinct_places": lambda clicks: float(np.mean([len(set(row[row >= 0])) for row in clicks])),
    "item_entropy": _entropy,
}
"""What can be counted, by name: clicks int32[people, steps] -> a number."""
