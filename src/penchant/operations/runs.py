"""A run, opened: the trained system with its ids, titles and people, ready to answer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.storage.runs import RunInfo, RunPeople, StoredRun

if TYPE_CHECKING:
    import pyarrow as pa

    from penchant.data.ids import Ids
    from penchant.operations.filters import ItemFilters
    from penchant.systems.bases.system import Services, System
    from penchant.verbs.edge import RecommendAnswer, SearchAnswer


class Run:
    """A trained system with all it needs to answer.

    Example::

        run = penchant.load_run("runs/baselines-ease-shop-1")
        answer = run.recommend([["tent-2p", "kettle-gas"]], k=10)     # somebody never seen, by what they have
        [item.id for item in answer.lists[0].items]
    """

    def __init__(self, stored: StoredRun, services: Services | None = None) -> None:
        from penchant.systems.bases.system import Services

        self.stored = stored
        self.services = services or Services()

    @property
    def folder(self) -> Path:
        """Where the run lies."""
        return self.stored.folder

    @property
    def info(self) -> RunInfo:
        """What run.json says."""
        return self.stored.info

    @property
    def name(self) -> str:
        """The run's name: its folder's."""
        return self.info.name

    @cached_property
    def system(self) -> System:
        """The trained system."""
        from penchant.systems import catalogue

        system = catalogue.load(self.info.system, self.info.settings, self.services)
        system.restore(self.stored.state)
        return system

    @property
    def users(self) -> Ids:
        """External ids of users."""
        return self.stored.users

    @property
    def items(self) -> Ids:
        """External ids of items."""
        return self.stored.items

    @property
    def item_table(self) -> pa.Table:
        """What is shown of items."""
        return self.stored.item_table

    @cached_property
    def filters(self) -> ItemFilters:
        """Which items pass a filter."""
        from penchant.operations.filters import ItemFilters

        return ItemFilters(self.items, self.item_table, self.services.now)

    @property
    def people(self) -> RunPeople:
        """Histories of the people known."""
        return self.stored.people

    @property
    def repeats(self) -> bool:
        """Whether the data set says that repeats are real (then what was seen is not left out)."""
        return bool(self.info.data.get("repeats", False))

    def title(self, item: int) -> str | None:
        """The title of item number `item`, where the data has titles."""
        return self.stored.titles[item] if self.stored.titles is not None else None

    def recommend(self, people: Sequence[Any], k: int = 10, **options: Any) -> RecommendAnswer:
        """Recommend to people, known or never seen.

        Args:
            people: each is an id (str), a history (list of item ids, oldest first), or a Person of the contract.
            k: how many items each gets at most.
            options: other fields of a recommend request (exclude, filter, explain, candidates, as_of ...).
        """
        from penchant.operations.recommend import recommend
        from penchant.verbs.edge import RecommendRequest

        request = RecommendRequest.read({"people": [as_person(p) for p in people], "k": k, **options})
        return recommend(self, request)

    def similar(self, item: str, k: int = 10) -> SearchAnswer:
        """The items most like one item."""
        from penchant.operations.recommend import similar

        return similar(self, item, k)

    def to_dict(self) -> dict[str, Any]:
        """What a training ends with: run, system, data, protocol, epochs, seconds, measures, peak memory."""
        info = self.info
        return {
            "run": str(self.folder), "system": info.system, "data": info.data["fingerprint"], "dataset": info.data["name"],
            "protocol": info.protocol["name"], "epochs": info.epochs, "seconds": info.seconds, "measures": info.measures,
            "validation": info.validation, "peak_memory": info.peak_memory, "notes": info.notes,
        }  # fmt: skip

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r}, system={self.info.system!r})"


def as_person(person: Any) -> Any:
    """A Person of the contract from an id, a list of item ids, or a Person."""
    if isinstance(person, str):
        return {"id": person}
    if isinstance(person, list | tuple):
        return {"history": [{"item": i} if isinstance(i, str) else i for i in person]}
    return person


def load_run(folder: str | Path | Run, services: Services | None = None) -> Run:
    """Open a run.

    Raises:
        RunError: nothing there, damaged, or made by a newer version.
    """
    return folder if isinstance(folder, Run) else Run(StoredRun(folder), services)
