"""Tiny ways to remember a person, to correct that, and to group people and things: counts of categories."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np

from penchant.verbs.batch import People, Segmentation
from penchant.verbs.edge import (
    CorrectRequest,
    ObserveAnswer,
    ObserveRequest,
    ProfileAnswer,
    ProfileRequest,
    SegmentAnswer,
    SegmentRequest,
)

SECRET = re.compile(r"\d{4,}")
"""Numbers of cards, pins, telephones: never kept."""


class Profiling:
    """Verb profile with observe and correct. What is believed follows from events; what was observed is kept as notes."""

    def observe(self: Any, request: ObserveRequest) -> ObserveAnswer:
        """Keep observations, but nothing that looks like a secret."""
        added: list[str] = []
        revised: list[str] = []
        denied: list[dict[str, str]] = []
        for one in request.observations:
            if SECRET.search(one.text or ""):
                denied.append({"observation": one.id, "category": "secret: numbers"})
                continue
            key = f"{one.person}/{one.id}"
            (revised if key in self.notes else added).append(key)
            self.notes[key] = {"text": one.text or f"{one.event.item if one.event else one.image}", "state": "kept"}
        return ObserveAnswer(
            system=self.name, mind="offline: counts and notes", assumptions=[], added=added, revised=revised, closed=[], denied=denied,
        )  # fmt: skip

    def correct(self: Any, request: CorrectRequest) -> ObserveAnswer:
        """Edit, pin, delete or restore one note."""
        key = request.proposition
        lists: dict[str, list[str]] = {"added": [], "revised": [], "closed": []}
        notes: list[str] = []
        if key not in self.notes:
            notes.append(f"no proposition {key} is held")
        elif request.action == "edit":
            self.notes[key]["text"] = request.text
            lists["revised"] = [key]
        else:
            self.notes[key]["state"] = {"pin": "pinned", "delete": "deleted", "restore": "kept"}[request.action]
            lists["closed" if request.action == "delete" else "revised"] = [key]
        return ObserveAnswer(system=self.name, mind="offline: counts and notes", assumptions=notes, denied=[], **lists)

    def profile(self: Any, request: ProfileRequest) -> ProfileAnswer:
        """Propositions with their evidence."""
        found, notes = [], []
        if request.of == "person" and request.id in self.users:
            found = self._of_person(self.users.index(request.id))
        elif request.of == "item" and request.id in self.items:
            found = self._of_item(self.items.index(request.id))
        else:
            notes.append(f"nothing is known of this {request.of}")
        if request.id is not None:
            found += [
                {"id": key, "text": note["text"], "kind": "fact", "polarity": "neutral", "confidence": 0.9, "evidence": [key.split("/")[1]]}
                for key, note in self.notes.items()
                if key.startswith(f"{request.id}/") and note["state"] != "deleted"
            ]  # fmt: skip
        least = request.minimum_confidence or 0
        found = [one for one in found if one["confidence"] >= least]
        if request.as_of is not None:
            notes.append("as_of is not used: events are counted over all time")
        summary = "; ".join(one["text"] for one in found)
        if request.budget is not None:
            summary = " ".join(summary.split()[: request.budget])
        return ProfileAnswer(
            system=self.name, mind="offline: counts and notes", assumptions=notes, propositions=found, stale=False,
            summary=summary or None, status=None if found else "not_known",
        )  # fmt: skip

    def _of_person(self: Any, user: int) -> list[dict[str, Any]]:
        history = self.history(user)
        found = Counter(self.categories[i] for i in history)
        return [
            {
                "id": f"{self.users[user]}:{category}", "text": f"often looks at {category}", "attribute": "category",
                "value": category, "kind": "prefers", "polarity": "positive", "confidence": round((n + 1) / (len(history) + 2), 4),
                "evidence": [self.items[i] for i in history if self.categories[i] == category],
            }
            for category, n in sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
        ]  # fmt: skip

    def _of_item(self: Any, item: int) -> list[dict[str, Any]]:
        facts = {"category": self.categories[item], "price": self.prices[item]}
        return [
            {
                "id": f"{self.items[item]}:{name}", "text": f"its {name} is {value}", "attribute": name, "value": value,
                "kind": "fact", "polarity": "neutral", "confidence": 1.0, "evidence": [self.items[item]],
            }
            for name, value in facts.items()
        ]  # fmt: skip


class Segmenting:
    """Verb segment: one group a main category, or those who share most with the seeds."""

    def segment(self: Any, people: People, request: SegmentRequest) -> Segmentation:
        """Groups or likeness; the report is the answer of the contract."""
        names = {"people": self.users, "items": self.items}.get(request.of, [])
        if request.who is not None:
            names = [name for name in names if name in request.who]
        report = self._likeness(names, request) if request.mode.likeness is not None else self._groups(names, request)
        member = np.full(len(people), -1, np.int32)
        return Segmentation(member, report=report)

    def _kind(self: Any, of: str, name: str) -> str | None:
        if of == "items":
            return self.categories[self.items.index(name)].split(" > ")[0]
        found = Counter(self.categories[i].split(" > ")[0] for i in self.history(self.users.index(name)))
        return min(found, key=lambda c: (-found[c], c)) if found else None

    def _groups(self: Any, names: list[str], request: SegmentRequest) -> SegmentAnswer:
        kinds = {name: self._kind(request.of, name) for name in names}
        sizes = Counter(kind for kind in kinds.values() if kind)
        assert request.mode.groups is not None
        number = request.mode.groups.number
        largest = sorted(sizes, key=lambda c: (-sizes[c], c))[: number if isinstance(number, int) else None]
        kept = [kind for kind in largest if sizes[kind] >= request.minimum]
        warnings = [
            f"{kind} has {sizes[kind]} members, fewer than {request.minimum}: left out"
            for kind in largest
            if kind not in kept
        ]
        if isinstance(number, int) and len(largest) < number:
            warnings.append(f"{len(largest)} groups instead of {number}: there are no more main categories")
        groups, members = [], []
        for kind in kept:
            own = [name for name in names if kinds[name] == kind]
            share, base = 1.0, len(own) / len(names)
            lift = {
                "attribute": "category",
                "value": kind,
                "lift": share / base,
                "low": share / base * 0.5,
                "high": share / base * 1.5,
            }
            items = [i for i in range(len(self.items)) if self.categories[i].startswith(kind)]
            typical = sorted(items, key=lambda i: (-self.catalogue.counts[i], self.catalogue.tie_rank[i]))[:3]
            groups.append({
                "id": f"g-{kind}", "name": kind, "size": len(own), "lifts": [lift], "typical": [self.items[i] for i in typical],
                "medoids": own[:1],
            })  # fmt: skip
            members += [{"id": name, "group": f"g-{kind}", "weight": 1.0} for name in own]
        return SegmentAnswer(
            system=self.name, assumptions=self._unused(request), groups=groups, members=members, stability=1.0,
            warnings=warnings, status=None if groups else "not_known",
        )  # fmt: skip

    def _likeness(self: Any, names: list[str], request: SegmentRequest) -> SegmentAnswer:
        mode = request.mode.likeness
        assert mode is not None
        sets = (
            {name: set(self.history(self.users.index(name)).tolist()) for name in names}
            if request.of == "people"
            else {}
        )
        rows = []
        for group, seeds in mode.seeds.items():
            shared = set().union(*(sets.get(seed, set()) for seed in seeds))
            for name, own in sets.items():
                if name not in seeds and own:
                    rows.append((len(own & shared) / len(own | shared), name, group))
        best: dict[str, tuple[float, str]] = {}
        for share, name, group in sorted(rows, key=lambda row: (-row[0], row[1], row[2])):
            best.setdefault(name, (share, group))
        likely: list[dict[str, Any]] = [
            {"id": name, "group": group, "probability": round(share, 4)} for name, (share, group) in best.items()
        ]
        if mode.precision is not None:
            likely = [one for one in likely if one["probability"] >= mode.precision]
        return SegmentAnswer(
            system=self.name, assumptions=self._unused(request), likeness=likely[: mode.size], stability=1.0, warnings=[],
        )  # fmt: skip

    def _unused(self, request: SegmentRequest) -> list[str]:
        return [
            f"{name} is not used" for name in ("filter", "protected_off", "as_of") if getattr(request, name) is not None
        ]
