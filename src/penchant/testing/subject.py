"""What is tested: a system that is trained once, how to make another one like it, and what it is asked."""

from __future__ import annotations

import copy
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from penchant.data.ids import Ids
from penchant.data.split import Split
from penchant.data.views import Material
from penchant.evaluation.evaluate import validator
from penchant.learning.training import Training
from penchant.operations.runs import Run, load_run
from penchant.operations.train import VALIDATION_MEASURES
from penchant.storage.runs import RunInfo, RunPeople, save
from penchant.systems import examples
from penchant.systems.bases.system import System
from penchant.systems.catalogue import Row
from penchant.testing import shop
from penchant.testing.door import answer
from penchant.verbs.batch import Impressions, People, Ragged, Ranked
from penchant.verbs.edge import VERBS
from penchant.verbs.protocols import RecommendOptions

CHANGING = ("observe", "correct", "update", "forget")
"""Tags that change a system: they are asked of a copy."""


@dataclass
class Subject:
    """A system under test.

    make: a new untrained one from settings by name. loader: how another process makes it (see `penchant.testing.child`).
    budget: seconds that the tiny preset may take.
    """

    row: Row
    make: Callable[[dict[str, Any]], System]
    folder: Path
    loader: str = "catalogue"
    budget: float = 30.0
    reborn: str | None = None
    seconds: float = field(default=0.0, init=False)

    # ------------------------------------------------------------------ training
    @property
    def material(self) -> Material:
        """The tiny shop as the system may see it."""
        return shop.parts().material()

    @cached_property
    def trained_on(self) -> Material:
        """The train part with nothing to choose by: what a run that follows its data learns from."""
        return replace(self.material, validation=None)

    def fitted(
        self, settings: dict[str, Any] | None = None, split: Split | None = None, material: Material | None = None, **training: Any
    ) -> System:  # fmt: skip
        """A new system, trained on the shop as `penchant train` would: with a validation part to choose by.

        Args:
            split: another split than the shop's own.
            material: what to learn from instead; there is no validation then.
        """
        system = self.make(settings or {})
        if material is None:
            split = split or shop.parts()
            material, training = (
                split.material(),
                {"validate": validator(split, measures=VALIDATION_MEASURES), **training},
            )
        system.fit(material, Training(**training))
        return system

    @cached_property
    def system(self) -> System:
        """The system, trained once for all checks."""
        begun = time.perf_counter()
        system = self.fitted()
        self.seconds = time.perf_counter() - begun
        return system

    @cached_property
    def again(self) -> System:
        """The same training once more."""
        return self.fitted()

    def copy(self) -> System:
        """Another one of the same state, that may be changed."""
        system = self.make({})
        system.restore(copy.deepcopy(self.system.state()))
        return system

    # ------------------------------------------------------------------ keeping
    def saved(self, system: System, name: str, material: Material | None = None) -> Path:
        """The run folder of a system, written once; what it was trained on, where that was not the whole shop."""
        target = self.folder / name
        if not target.exists():
            material = material or self.material
            # A system that took new people or items in holds their names itself.
            users = Ids(getattr(system, "users", None) or material.users.array)
            items = Ids(getattr(system, "items", None) or material.items.array)
            table = material.item_table if len(items) == len(material.items) else None
            info = RunInfo(
                name=name, system=self.row.name, settings=system.settings.model_dump(), seed=system.settings.seed, device="cpu",
                refit=False, data={"name": "shop", "repeats": False}, protocol={"name": shop.parts().protocol},
                created="2026-01-01T00:00:00+00:00", versions={}, seconds={}, peak_memory=0,
            )  # fmt: skip
            history = material.histories.items
            rows = np.arange(len(users)) if len(users) == len(material.users) else np.full(len(users), -1)
            held = material.validation.by_user if material.validation is not None else Ragged.empty(len(material.users))
            times = material.histories.times
            people = RunPeople(history.take(rows), held.take(rows), None if times is None else times.take(rows))
            self.folder.mkdir(parents=True, exist_ok=True)
            save(target, info, system.state(), users, items, table, people, "")
        return target

    def run_of(self, system: System, name: str = "run", material: Material | None = None) -> Run:
        """A run with this very system in it."""
        run = load_run(self.saved(system, name, material))
        run.__dict__["system"] = system
        return run

    @cached_property
    def run(self) -> Run:
        """The run of the trained system."""
        return self.run_of(self.system)

    # ------------------------------------------------------------------ asking
    def known(self, rows: np.ndarray | None = None) -> People:
        """People of the shop with their histories; what they have seen is excluded."""
        rows = np.arange(len(self.material.users)) if rows is None else rows
        histories = self.material.histories
        assert histories.times is not None
        items, times = histories.items.take(rows), histories.times.take(rows)
        return People(rows.astype(np.int32), items, items, times=times)

    def strangers(self) -> People:
        """People never seen: some with a history, some without."""
        own = [[0, 5, 9], [3], [], [7, 7, 2, 1], []]
        return People.strangers(Ragged.from_lists(own))

    def recommend(self, system: Any, people: People, k: int, **options: Any) -> Ranked:
        """Lists of a system."""
        return system.recommend(people, k, RecommendOptions(**options))

    def rows(self) -> Impressions:
        """Rows to score: five people, some items each, one item outside the catalogue."""
        people = self.known(np.arange(5))
        person = np.repeat(np.arange(5, dtype=np.int32), 6)
        item = np.arange(30, dtype=np.int32) % len(self.material.items)
        item[17] = -1
        return Impressions(people, person, item, person)

    def probe(self, system: Any) -> dict[str, np.ndarray]:
        """What a system answers, as arrays: lists of two lengths for known people and strangers, scores of rows, states."""
        out: dict[str, np.ndarray] = {}
        if "recommend" in self.row.verbs:
            for name, people in (("known", self.known()), ("strangers", self.strangers())):
                for k in (3, 10):
                    ranked = self.recommend(system, people, k)
                    out |= {f"{name}.{k}.items": ranked.items, f"{name}.{k}.scores": ranked.scores}
        if "rank" in self.row.verbs:
            out["rank"] = system.rank(self.rows()).logits
        if hasattr(system, "states"):
            out["states"] = system.people_vectors(self.known())
        return out

    # ------------------------------------------------------------------ its example
    def example_requests(self) -> list[tuple[int, str, Any]]:
        """(place, tag, request) of the shipped example, those that the row claims."""
        shown = examples.read(self.row.row)["examples"]
        return [
            (n, e["verb"], VERBS[e["verb"]][0].read(e["request"]))
            for n, e in enumerate(shown)
            if e["verb"] in self.row.tags
        ]

    def answered(self, system: System, tag: str, request: Any, name: str = "run") -> dict[str, Any]:
        """The answer of a system to an edge request, as JSON data; changes are made to a copy."""
        if tag in CHANGING:
            system = self.copy()
        run = self.run_of(system, name)
        return answer(run, tag, request).data()

    def digest(self, system: System) -> str:
        """A hash of what a system answers: lists, scores, and answers to its example's requests."""
        found = hashlib.blake2b(digest_size=16)
        for name, array in self.probe(system).items():
            found.update(name.encode() + np.ascontiguousarray(array).tobytes())
        for _, tag, request in self.example_requests():
            if tag not in CHANGING:
                found.update(json.dumps(self.answered(system, tag, request), sort_keys=True).encode())
        return found.hexdigest()


def state_bytes(system: System) -> dict[str, bytes]:
    """What a system keeps, name by name, as bytes."""
    out = {}
    for name, value in system.state().items():
        if isinstance(value, np.ndarray):
            out[name] = f"{value.dtype}{value.shape}".encode() + np.ascontiguousarray(value).tobytes()
        else:
            out[name] = json.dumps(value, sort_keys=True, default=float).encode()
    return out
