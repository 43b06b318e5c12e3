"""item-fairness: any recommender of the catalogue, with its places dealt out more evenly, and a report of how even.

What is unusual here: nothing is learned but one number an item, how much it is to be held back (its level). Levels are
found by answering everybody of the training over and over, and they make a swap the matter of one person alone: counting
places over whoever happens to be asked together would give a person another list in other company.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from penchant.data.views import Material
from penchant.errors import BadSetting, MissingNeeds, UnknownName, UsageError
from penchant.learning.training import Training
from penchant.randomness import stream
from penchant.retrieval import diversify
from penchant.systems.bases.settings import SystemSettings, setting
from penchant.systems.bases.system import Services, System, known_items
from penchant.systems.slates.even_report import answer, report
from penchant.verbs.batch import Impressions, People, Ragged, Ranked
from penchant.verbs.protocols import Because, Explains, RecommendOptions

BLOCK = 2048
"""People asked at once while levels are learned."""
PEOPLE = 50_000
"""People from whom levels are learned and places are counted, at most; more are drawn from by seed."""
MOST = 0.5
"""The high end of the knob."""
INSIDE = "backbone."
"""What stands before the names of the backbone's state."""


class ItemFairnessSettings(SystemSettings):
    """Settings of `item-fairness`."""

    backbone: Literal["item-knn", "rp3beta", "ease", "ials"] | str = setting("item-knn")
    """The system whose lists are evened out: item-knn, ease, or any other of the catalogue that recommends."""
    backbone_preset: Literal["default", "tiny", "paper"] = setting("default")
    """The named settings that the backbone is trained with."""
    list_length: int = setting(10, ge=1, le=1000)
    """Places of the lists that are measured, and for which levels are learned; any number may be asked for."""
    tolerance: float = setting(0.05, ge=0, le=1, search=(0.0, 0.3))
    """Largest share of its score that a place may lose so that an item shown less gets it; 0 leaves lists as they are."""
    shortlist: int = setting(100, ge=1, le=10_000, search=[50, 400, "log"])
    """Items behind the list, as the backbone orders them, among which one for a place is looked for."""
    attention_decay: float = setting(0.8, gt=0, lt=1)
    """What a place gets of the attention that the place before it has, in the measures of exposure by person and item."""
    pairs: Literal["all", "category"] = setting("all")
    """Which items count as similar where differences of their exposure are measured: all, or those of one category."""
    group_by: Literal["none", "category", "seller"] = setting("none")
    """Groups of items whose share of the places is reported too, by a column of the items."""
    bootstrap: int = setting(1000, ge=20, le=100_000)
    """Draws of people for the intervals of the report."""


@dataclass(frozen=True)
class Evened(Ranked):
    """Lists after swaps. replaced int32[B,K]: the item whose place each took, -1 for none; loss float32[B,K]: the share
    of that item's score which the place gave up."""

    replaced: np.ndarray | None = None
    loss: np.ndarray | None = None


class ItemFairness(System):
    """Lists of another system, with places moved from items that many lists hold to items that few hold.

    A place changes hands only if the new item's score is at most `tolerance` below the old one's (as a share of its
    size) and its level is lower. Levels are learned from everybody in the training; a person's list depends on the
    person alone, and people never seen are served as the backbone serves them. `analyse` tells how evenly the
    backbone's lists show the catalogue, what the swaps change, and what they cost on the validation part.

    Use it where a catalogue belongs to many (sellers, authors), who want to be seen, and the scores of the backbone
    cannot tell good items apart anyway. Do not use it to find fault with lists of a few people: evenness is a matter of
    thousands of places. Fair is not relevant: a random order is the fairest of all.

    Source: Rampisela, Maistro, Ruotsalo, Lioma, ACM TORS 3(2) (arXiv 2311.01013) for the measures; the repair is ours.
    """

    Settings = ItemFairnessSettings
    name = "item-fairness"
    PRESETS: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"list_length": 5, "shortlist": 15, "tolerance": 0.2, "bootstrap": 40},
        "paper": {"tolerance": 0.0},
    }

    def __init__(self, settings: Any = None, services: Any = None) -> None:
        super().__init__(settings, services)
        self.backbone = backbone_of(self.settings, self.services)
        self.levels = np.empty(0, np.float32)
        self.places = np.empty(0, np.int64)
        self.report: dict[str, Any] = {}

    @property
    def learns_people(self) -> bool:  # type: ignore[override]
        """Whether the backbone keeps something of each person."""
        return self.backbone.learns_people

    # ------------------------------------------------------------------ learning
    def learn(self, material: Material, training: Training) -> None:
        """Train the backbone, then find the levels, then measure."""
        groups = {
            name: labels(material, name) for name in {self.settings.pairs, self.settings.group_by} - {"all", "none"}
        }
        start = training.start_from
        if start is not None:
            start = {name.removeprefix(INSIDE): value for name, value in start.items() if name.startswith(INSIDE)}
        self.backbone.fit(material, replace(training, start_from=start))
        self.epochs_kept = self.backbone.epochs_kept
        s, n = self.settings, len(self.catalogue)
        people = learned_from(material, s.seed)
        found = self._candidates(people, training)
        full = np.flatnonzero(found.counts >= s.list_length)
        people, items, scores = people.take(full), found.items[full], found.scores[full]
        self.levels, self.places, self.report = np.zeros(n, np.float32), np.zeros(n, np.int64), {}
        if len(full) < 2:
            return
        keys, hashes = self._keys(people), self._hashes()
        self.levels = diversify.exposure_levels(items, scores, s.list_length, s.tolerance, n, keys, hashes)
        after = diversify.swaps_alone(items, scores, s.list_length, s.tolerance, self.levels, keys, hashes)
        before = items[:, : s.list_length]
        self.places = np.bincount(before.ravel(), minlength=n)
        self.report = report(s, material, people.ids, before, after, groups, len(found) - len(full))
        training.log({name: self.report[name]["gini"]["original"] for name in ("measures", "evened")})

    def _candidates(self, people: People, training: Training) -> Ranked:
        """What the backbone would show everybody, as many as are looked at."""
        width = self.settings.list_length + self.settings.shortlist
        parts = []
        for where, block in people.blocks(BLOCK):
            parts.append(self.backbone.recommend(block, width, RecommendOptions()))
            training.progress(float(where.stop), float(len(people)), "lists for everybody")
        if not parts:
            empty = np.empty((0, width), np.int32)
            return Ranked(empty, empty.astype(np.float32), np.empty(0, np.int32))
        items, scores, counts = (np.concatenate([getattr(p, f) for p in parts]) for f in ("items", "scores", "counts"))
        return Ranked(items, scores, counts)

    def take_choices(self, chosen: System) -> None:
        """Take over what the backbone chose."""
        if isinstance(chosen, ItemFairness):
            self.backbone.take_choices(chosen.backbone)

    # ------------------------------------------------------------------ answering
    def recommend(self, people: People, k: int, options: RecommendOptions) -> Evened:
        """The backbone's list, with places given to items that are shown less, within the tolerance.

        Raises:
            UsageError: a tolerance that is no share.
        """
        tolerance = float(options.steer.get("tolerance", self.settings.tolerance))
        given = self.backbone.recommend(people, k + self.settings.shortlist, options)
        found = diversify.swaps_alone(
            given.items, given.scores, k, tolerance, self.levels, self._keys(people), self._hashes()
        )
        nobody = np.zeros(len(people), bool) if given.fallback is None else given.fallback
        if nobody.any():  # the popular list, which is said to be that
            plain = diversify.swaps_alone(given.items, given.scores, k, 0.0, np.zeros_like(self.levels))
            found = diversify.Swapped(*(
                np.where(nobody if a.ndim == 1 else nobody[:, None], a, b) for a, b in zip(plain, found, strict=True)
            ))  # fmt: skip
        return Evened(
            found.items, found.scores, found.counts, fallback=nobody, replaced=found.replaced, loss=found.loss
        )

    def _hashes(self) -> np.ndarray:
        """A number an item, uint64[M], that does not depend on how items are numbered."""
        return self.catalogue.tie_rank.astype(np.uint64)

    def _keys(self, people: People) -> np.ndarray:
        return diversify.history_keys(known_items(people.items, len(self.catalogue)), self._hashes())

    def why(self, people: People, answered: Ranked | Impressions) -> list[Any]:
        """The backbone's reasons, and before them the item whose place it is."""
        own: list[Any] = (
            self.backbone.why(people, answered)
            if isinstance(self.backbone, Explains)
            else [[[] for _ in range(count)] for count in answered.counts]
            if isinstance(answered, Ranked)
            else [[] for _ in range(len(answered))]
        )
        if not isinstance(answered, Evened) or answered.replaced is None or answered.loss is None:
            return own
        lists = f"{int(self.report.get('lists', 0)):,}"
        told = [list(reasons) for reasons in own]
        for row, place in np.argwhere(answered.replaced >= 0):
            out, item = int(answered.replaced[row, place]), int(answered.items[row, place])
            words = {
                "share": f"{100 * float(answered.loss[row, place]):.1f}", "before": f"{int(self.places[item]):,}",
                "other": f"{int(self.places[out]):,}", "lists": lists,
            }  # fmt: skip
            text = "takes the place of {0} ({share} % more): {before} of {lists} lists would hold it, {other} the other"
            told[row][place] = [Because("rule", text, (out, item), words=words), *told[row][place]]
        return told

    def knobs(self) -> list[Any]:
        """How much of a score may be given up for evenness."""
        from penchant.verbs.edge import Knob

        meaning = "largest share of its score that a place may lose so that an item shown less gets it; 0 leaves the lists as they are"
        return [Knob(name="tolerance", low=0.0, high=MOST, meaning=meaning)]

    def analyse(self, request: Any) -> Any:
        """How evenly the backbone's lists show the catalogue, by nine measures, and what swaps change.

        Raises:
            UsageError: `about` is not a run; nobody of the training could be given a whole list.
        """
        if request.about.run is None:
            raise UsageError("item-fairness analyses the lists of a run", 'ask about {"run": NAME}')
        if not self.report:
            raise UsageError(
                f"nobody could be given a list of {self.settings.list_length}: there is nothing to measure"
            )
        return answer(self.name, request, self.report, self.settings)

    # ------------------------------------------------------------------ keeping
    def state(self) -> dict[str, Any]:
        """Levels, places, the report, and the backbone's state under names of its own."""
        inside = {INSIDE + name: value for name, value in self.backbone.state().items()}
        return {**super().state(), "levels": self.levels, "places": self.places, "report": self.report, **inside}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        super().restore(state)
        self.levels, self.places = np.asarray(state["levels"]), np.asarray(state["places"])
        self.report = dict(state["report"])
        self.backbone.restore({n.removeprefix(INSIDE): v for n, v in state.items() if n.startswith(INSIDE)})


def backbone_of(settings: ItemFairnessSettings, services: Services | None = None) -> System:
    """The system that is wrapped, untrained.

    Raises:
        BadSetting: no system of that name, one that does not recommend, is not built, or wraps others itself.
    """
    from penchant.systems import catalogue

    try:
        row = catalogue.find(settings.backbone)
        if row.name == ItemFairness.name or "recommend" not in row.verbs:
            raise BadSetting(ItemFairness.name, "backbone", "another system that recommends", settings.backbone)
        kind = catalogue.class_of(row)
    except UnknownName as error:
        raise BadSetting(ItemFairness.name, "backbone", f"{error.message}, {error.hint}", settings.backbone) from None
    except BadSetting:
        raise
    except UsageError as error:
        raise BadSetting(ItemFairness.name, "backbone", error.message, settings.backbone) from None
    own = {"seed": settings.seed} if "seed" in kind.Settings.model_fields else {}
    return catalogue.load(row.name, catalogue.settings(row.name, settings.backbone_preset, own), services)


def learned_from(material: Material, seed: int) -> People:
    """Everybody with an event in the train part (or so many, drawn by seed), as they would be asked for."""
    rows = np.flatnonzero(material.interactions.user_degrees > 0)
    if len(rows) > PEOPLE:
        rows = np.sort(stream(seed, "item-fairness", "people").choice(rows, PEOPLE, replace=False))
    histories = material.histories
    items = histories.items.take(rows)
    times = None if histories.times is None else histories.times.take(rows)
    return People(rows.astype(np.int32), items, Ragged.empty(len(rows)) if material.repeats else items, times=times)


def labels(material: Material, column: str) -> tuple[np.ndarray, list[str]]:
    """The group of each item by a column, int64[M] (-1: it has none), and the names of the groups.

    Raises:
        MissingNeeds: the items have no such column.
    """
    table = material.item_table
    if table is None or column not in table.column_names:
        raise MissingNeeds(
            f"item-fairness by {column} needs {column} of the items; {material.dataset_name or 'the data set'} has none",
            "leave group_by and pairs as they are by default",
        )
    names: dict[str, int] = {}
    found = []
    for value in table.column(column).to_pylist():
        text = " > ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
        found.append(names.setdefault(text, len(names)) if text else -1)
    return np.array(found, np.int64), list(names)
