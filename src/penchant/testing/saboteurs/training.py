"""Faults of training and keeping."""

from __future__ import annotations

import copy
import time
from typing import Any

import numpy as np
from pydantic import ConfigDict

from penchant.systems.bases.settings import setting
from penchant.testing.saboteurs.registry import breaks
from penchant.testing.tiny.knowledge import Forgetting, TinySettings
from penchant.verbs.edge import UpdateRequest


@breaks("trains_within_its_budget", budget=0.4)
class Slow:
    """Takes its time, once."""

    rested = False

    def learn(self: Any, material: Any, training: Any) -> None:
        """Wait, then learn."""
        if not Slow.rested:
            time.sleep(0.5)
            Slow.rested = True
        super().learn(material, training)  # type: ignore[misc]


@breaks("same_seed_same_bytes")
class Unseeded:
    """Keeps something drawn without its seed."""

    def learn(self: Any, material: Any, training: Any) -> None:
        """Learn, and draw."""
        super().learn(material, training)  # type: ignore[misc]
        self.drawn = np.random.default_rng().random(3)

    def state(self: Any) -> dict[str, Any]:
        """With what was drawn."""
        return {**super().state(), "drawn": self.drawn}  # type: ignore[misc]

    def restore(self: Any, state: dict[str, Any]) -> None:
        """With what was drawn."""
        super().restore(state)  # type: ignore[misc]
        self.drawn = state["drawn"]


@breaks("comes_back_in_a_new_process", base="bm3")
class Forgetful:
    """Comes back with its items in another order."""

    def restore(self: Any, state: dict[str, Any]) -> None:
        """The wrong way round."""
        super().restore(state)  # type: ignore[misc]
        self.item_vectors = np.ascontiguousarray(self.item_vectors[::-1])


@breaks("resumes_after_an_interruption")
class Restless:
    """Learns twice as much when it is resumed."""

    def learn(self: Any, material: Any, training: Any) -> None:
        """Learn, and again."""
        super().learn(material, training)  # type: ignore[misc]
        if training.resume:
            self.weights = self.weights * 2


class IdleSettings(TinySettings):
    """With a setting that nobody reads."""

    warmth: float = setting(0.5, ge=0)
    """Nobody reads this."""


@breaks("every_setting_has_its_effect")
class Idle:
    """Has a setting that changes nothing."""

    Settings = IdleSettings


class LaxSettings(TinySettings):
    """Takes any name."""

    model_config = ConfigDict(extra="ignore")


@breaks("unknown_settings_are_refused")
class Lax:
    """Takes settings that do not exist."""

    Settings = LaxSettings


class OfficialSettings(TinySettings):
    """With a released bug switched on."""

    official: bool = setting(True)
    """Doubles every weight, as released."""


@breaks("official_is_off")
class Official:
    """Reproduces a bug without being asked to."""

    Settings = OfficialSettings

    def count(self: Any) -> None:
        """Doubled, as released."""
        super().count()  # type: ignore[misc]
        if self.settings.official:
            self.weights = self.weights * 2


@breaks("test_rows_do_not_leak")
class Peeping:
    """Keeps a hash of all rows, those of the test part too."""

    def learn(self: Any, material: Any, training: Any) -> None:
        """Learn, and look at everything."""
        super().learn(material, training)  # type: ignore[misc]
        self.looked = material.fingerprint

    def state(self: Any) -> dict[str, Any]:
        """With what it looked at."""
        return {**super().state(), "looked": self.looked}  # type: ignore[misc]

    def restore(self: Any, state: dict[str, Any]) -> None:
        """With what it looked at."""
        super().restore(state)  # type: ignore[misc]
        self.looked = state["looked"]


@breaks("update_equals_having_known", base="colarec")
class Deaf:
    """Says that it took the events in."""

    def update(self: Any, request: UpdateRequest) -> Any:
        """Take nothing in."""
        return super().update(UpdateRequest())  # type: ignore[misc]


@breaks("forget_equals_never_having_seen", base="ulmrec")
class Remembering:
    """Says that it forgot; a copy did."""

    def forget(self: Any, request: Any) -> Any:
        """Let a copy forget."""
        return Forgetting.forget(copy.deepcopy(self), request)
