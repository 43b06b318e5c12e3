"""Faults of what is claimed: reasons, knobs, vectors, answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from penchant.testing.saboteurs.registry import Answers, breaks
from penchant.verbs.batch import People, Ranked, Vectors
from penchant.verbs.edge import Knob


@breaks("claims_are_kept", claims=("embed",))
class Boasting:
    """Claims vectors that it does not have."""


@breaks("reasons_add_up")
class Rounding:
    """Gives reasons that miss the score by half a thousandth."""

    def why(self: Any, people: People, answered: Any) -> list[Any]:
        """Spoil the first weight."""
        reasons = super().why(people, answered)  # type: ignore[misc]
        return [
            [[replace(r, weight=r.weight + 5e-4) if not n else r for n, r in enumerate(one)] for one in row]
            for row in reasons
        ]


@breaks("knobs_have_an_effect", base="uditsr")
class Decorated:
    """Shows a knob that is connected to nothing."""

    def knobs(self: Any) -> list[Knob]:
        """One more."""
        return [*super().knobs(), Knob(name="mood", low=0.0, high=1.0, meaning="nothing")]  # type: ignore[misc]


@breaks("vectors_are_whole", base="bm3")
class Hollow:
    """Gives a vector without numbers."""

    def vectors(self: Any, of: str = "items") -> Vectors:
        """Spoil the first."""
        found = super().vectors(of)  # type: ignore[misc]
        matrix = found.matrix.copy()
        matrix[0, 0] = np.nan
        return replace(found, matrix=matrix)


@breaks("its_example_validates")
class Silent:
    """Does not answer the last dialogue."""

    def reply(self: Any, dialogues: Any) -> list[Any]:
        """One too few."""
        return super().reply(dialogues)[:-1]  # type: ignore[misc]


@breaks("asked_twice_it_answers_the_same")
class Impatient(Answers):
    """Says so when it is asked the same again at once."""

    last: Any = None

    def reply(self: Any, dialogues: Any) -> list[Any]:
        """Remember the question."""
        asked = [dialogue.data() for dialogue in dialogues]
        again, self.last = asked == self.last, asked
        turns = super().reply(dialogues)  # type: ignore[misc]
        return [turn.model_copy(update={"text": f"Again: {turn.text}"}) for turn in turns] if again else turns

    def spoil(self, ranked: Ranked, people: People, k: int) -> Ranked:
        """Think of something else."""
        self.last = None
        return ranked
