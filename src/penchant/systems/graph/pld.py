"""PLD: a pairwise system trained on the pairs that fit their person, so that mistakes and gifts weigh less.

What is unusual here: the model is another system of the catalogue, unchanged; only the pair that a step learns from is
another one. A few of the person's own items are looked at, and one with a low loss is taken. The losses looked at on the
way are kept, and answer which events do not look like the person who made them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, Literal, cast

import numpy as np
from pydantic import field_validator

from penchant.data.views import Material
from penchant.errors import BadSetting, UnknownName, UsageError
from penchant.learning.training import Training
from penchant.systems.bases.pairwise import PairwiseSettings, PairwiseSystem
from penchant.systems.bases.settings import SystemSettings, setting
from penchant.systems.bases.system import Services, System
from penchant.systems.graph.denoiser import Denoiser
from penchant.systems.graph.suspicion import Events, Suspect, report
from penchant.verbs.batch import Impressions, People, Queries, Ranked, Scored, Vectors
from penchant.verbs.protocols import Because, RecommendOptions

PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {"dimensions": 16, "epochs": 4, "batch_size": 64, "validate_every": 1, "warmup_epochs": 1, "pool_size": 3},
    "default": {},
    "paper": {
        "backbone": "lightgcn", "backbone_settings": "layers=3", "dimensions": 64, "learning_rate": 0.001, "l2": 0.0001,
        "batch_size": 2048, "sampler": "uniform_user", "pool_size": 5, "temperature": 0.1, "epochs": 100,
        "validate_every": 20, "patience": 5,
    },
}  # fmt: skip
NOTED = 0.95
"""An event whose loss is higher than this share of the person's own is worth a word in the reasons."""
NOTED_EVENTS = 10
"""Events a person, below which nothing is said of a single one."""


class PLDSettings(SystemSettings):
    """Settings of `pld`; None is the backbone's own."""

    backbone: str = setting("bpr-mf", search=["bpr-mf", "lightgcn"])
    """The system that is trained: bpr-mf, lightgcn, ngcf, vbpr, or another pairwise one of the catalogue."""
    backbone_settings: str = setting("", search=["", "deviation=0.05"])
    """More settings of the backbone, as "layers=3, deviation=0.05"; in Python a dictionary does too."""
    mode: Literal["resample", "reweight", "truncate", "reweight_loss", "none"] = setting("resample")
    """resample: the paper's, one of the pool is drawn; reweight: all of the pool, weighted by how likely each was to be
    drawn. For comparison: truncate leaves out the highest losses of the batch, reweight_loss weighs high losses down,
    none trains the backbone as it is."""
    pool_size: int = setting(5, ge=1, le=100, search=[2, 3, 5, 10])
    """Items of the person that a step chooses among (k); 1 is ordinary training."""
    temperature: float = setting(0.3, gt=0, le=1e9, search=[0.1, 0.3, 1.0, 3.0])
    """Low: nearly always the easiest of the pool, which favours popular items; high: nearly any of it."""
    signal: Literal["loss", "percentile"] = setting("loss")
    """What is drawn by: the loss, or its place within the pool from 0 to 1, which has no scale."""
    debias: float = setting(0.0, ge=0, le=1, search=[0.0, 0.1])
    """Share of an item's mean loss over all people that is taken from each loss, so that rare items are not taken for
    mistakes. A tenth gives them room for a part of the gain; more takes the gain too."""
    shared_negative: bool = setting(True)
    """Compare the candidates of a pool with the same item, or each with one of its own."""
    warmup_epochs: int = setting(5, ge=0)
    """Epochs of ordinary training before losses mean anything; with truncate, those over which its share grows."""
    truncated: float = setting(0.2, ge=0, lt=1)
    """With truncate: the share of a batch that is left out in the end."""
    exponent: float = setting(0.2, ge=0, le=10)
    """With reweight_loss: pairs weigh sigmoid(s_ui - s_uj) to this power."""
    dimensions: int | None = setting(None, ge=1, le=4096)
    """Numbers a person and an item."""
    epochs: int | None = setting(None, ge=0, le=100_000)
    """Epochs at most; fewer where validation stops getting better."""
    learning_rate: float | None = setting(None, gt=0, le=10, search=[0.0003, 0.01, "log"])
    """Length of a step."""
    l2: float | None = setting(None, ge=0, le=100, search=[0.000001, 0.01, "log"])
    """Pull of the vectors towards zero."""
    batch_size: int | None = setting(None, ge=1)
    """Pairs of one step."""
    sampler: Literal["uniform_interaction", "uniform_user"] | None = setting(None)
    """Whose pools are drawn: people as often as they have events, or evenly (the paper's)."""
    negatives: int | None = setting(None, ge=1, le=1000)
    """Items a pair that the person has not, to compare with."""
    negatives_by: Literal["uniform", "popularity"] | None = setting(None)
    """How they are drawn: each alike, or as often as people have them."""
    patience: int | None = setting(None, ge=1)
    """Validations without a better value before training ends."""
    validate_every: int | None = setting(None, ge=1)
    """Epochs between validations."""

    @field_validator("backbone_settings", mode="before")
    @classmethod
    def _as_text(cls, given: Any) -> Any:
        return ", ".join(f"{k}={json.dumps(v)}" for k, v in given.items()) if isinstance(given, dict) else given


class PLD(System):
    """Personalised denoising of training, around any pairwise system.

    Source: Zhang, Cao, Wu, Sun, Shen, Cheng, WWW 2025 (arXiv 2502.00348). After some ordinary epochs each step draws, for
    each person of its batch, k of the person's own items, looks at their losses against the same negative item, and learns
    from one of them, drawn with probability exp(-loss / temperature) / sum. A click that does not fit the person is visited
    less; no threshold over all people is needed, and serving is the backbone's, unchanged. The batch's own pair is always
    one of the pool, so k = 1 is ordinary training to the byte.

    Take it where clicks hold mistakes, gifts or shared accounts; on clean data recall has nothing to gain. Low loss also
    means popular: lists hold fewer rare items, the more so the lower the temperature, so look at coverage and the share of
    rare items beside recall, and try `debias`. The paper's temperature is .1; ours was chosen on the validation parts of
    noisy worlds (benchmark `denoising`). Analyse answers which events do not look like the person who made them: a
    suspicion, not a proof. A step of bpr-mf by kernels takes two to three times as long as without; a graph is passed
    once a step all the same. Memory: 24 bytes a train pair more.
    """

    Settings = PLDSettings
    name = "pld"
    learns_people: ClassVar[bool] = True

    def __init__(self, settings: Any = None, services: Services | None = None) -> None:
        super().__init__(settings, services)
        self.backbone = backbone_of(self.settings, self.services)
        self.events = Events.none()

    # ------------------------------------------------------------------ learning
    def learn(self, material: Material, training: Training) -> None:
        """Train the backbone, choosing what it learns from."""
        denoiser = Denoiser(self.settings, self.backbone, material, training)
        self.backbone.wrapper = denoiser
        try:
            self.backbone.fit(material, training)
        finally:
            self.backbone.wrapper = None
        self.epochs_kept = self.backbone.epochs_kept
        losses, drawn = denoiser.kept()
        self.events = Events.of(material, losses, drawn)

    def take_choices(self, chosen: System) -> None:
        """Take over what the other's backbone chose."""
        if isinstance(chosen, PLD):
            self.backbone.take_choices(chosen.backbone)

    # ------------------------------------------------------------------ answering: the backbone's
    def recommend(self, people: People, k: int, options: RecommendOptions) -> Ranked:
        """The backbone's lists."""
        return self.backbone.recommend(people, k, options)

    def rank(self, impressions: Impressions) -> Scored:
        """The backbone's scores."""
        return self.backbone.rank(impressions)

    def scores(self, people: People) -> np.ndarray:
        """The backbone's scores of all items, float32[B,M]."""
        return self.backbone.scores(people)

    def search(self, queries: Queries, k: int, options: RecommendOptions) -> Ranked:
        """Items like a given one, by the backbone's vectors."""
        return self.backbone.search(queries, k, options)

    def vectors(self, of: str = "items") -> Vectors:
        """The backbone's vectors of "items" or "people"."""
        return replace(self.backbone.vectors(of), source=self.name)

    def why(self, people: People, answered: Ranked | Impressions) -> list[Any]:
        """The backbone's reasons; the first item of a list also says which event of the history hardly counted."""
        reasons = self.backbone.why(people, answered)
        if isinstance(answered, Impressions):
            return reasons
        return [
            [self._noted(int(people.ids[row]), one) if place == 0 and one else one for place, one in enumerate(own)]
            for row, own in enumerate(reasons)
        ]

    def _noted(self, person: int, reasons: list[Because]) -> list[Because]:
        found = self.events.of_person(person)
        if len(found.items) < NOTED_EVENTS:
            return reasons
        worst = int(np.argmax(found.percentile))
        if found.percentile[worst] < NOTED or found.often[worst] >= 0.5:
            return reasons
        text = "{0} hardly counted: its loss is higher than that of nearly all your own; weight: how often it was drawn"
        said = Because("rule", text, (int(found.items[worst]),), weight=round(float(found.often[worst]), 4),
                       value=round(float(found.percentile[worst]), 4), unit="percentile")  # fmt: skip
        last = [r for r in reasons if r.kind == "rest"]  # what stands for the rest stands last
        return [*(r for r in reasons if r.kind != "rest"), said, *last]

    # ------------------------------------------------------------------ which events look foreign
    def suspicious(self, number: int = 10, person: str | None = None) -> list[Suspect]:
        """Train events that look least like the person who made them, most suspicious first.

        Args:
            number: how many at most. person: the id of one person; None looks at all.

        Raises:
            UnknownName: nobody has that id.
        """
        return self.events.suspects(number, person)

    def analyse(self, request: Any) -> Any:
        """The clean-up report: suspicious events, how many hardly counted, and what it cost rare items.

        A goal that holds the id of a person as a word looks at that person alone. With `false_rate`, events are listed
        only while the expected share of false alarms among them stays below it (Benjamini and Hochberg), by the
        spread of the person's own losses under Student's law; an approximation.

        Raises:
            UsageError: `about` is not a run.
        """
        if request.about.run is None:
            raise UsageError("pld analyses what it was trained on", 'ask about {"run": NAME}')
        return report(request, self.events, self, self.settings)

    # ------------------------------------------------------------------ keeping
    def state(self) -> dict[str, Any]:
        """The backbone's state, and what is known of events."""
        return {**super().state(), **self.backbone.state(), **self.events.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        super().restore(state)
        self.backbone.restore(state)
        self.events = Events.from_state(state)


def backbone_of(settings: Any, services: Services | None = None) -> PairwiseSystem:
    """The backbone that settings of pld name, untrained.

    Raises:
        BadSetting: no pairwise system of that name, or settings that it has not.
    """
    from penchant.systems import catalogue

    try:
        row = catalogue.find(settings.backbone)
        kind = catalogue.class_of(row)
    except UnknownName as error:
        raise BadSetting("pld", "backbone", f"{error.message} ({error.hint})", settings.backbone) from None
    if not issubclass(kind, PairwiseSystem):
        known = "must be a pairwise system, such as bpr-mf, lightgcn, ngcf or vbpr"
        raise BadSetting("pld", "backbone", known, settings.backbone)
    own = kind.Settings.model_fields
    shared = {n: getattr(settings, n, None) for n in PairwiseSettings.model_fields if n in own}
    shared = {name: value for name, value in shared.items() if value is not None}
    return cast(PairwiseSystem, catalogue.load(row.name, shared | dict(_pairs(settings.backbone_settings)), services))


def _pairs(text: str) -> Iterator[tuple[str, Any]]:
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, sign, value = part.partition("=")
        if not sign or not name.strip():
            raise BadSetting("pld", "backbone_settings", 'pairs such as "layers=3, deviation=0.05"', text)
        try:
            yield name.strip(), json.loads(value)
        except ValueError:
            yield name.strip(), value.strip()
