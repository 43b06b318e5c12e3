"""Systems that answer by asking a mind; without a model the Questions' own offline answers are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from penchant.language.ask import Asked, Question, ask
from penchant.systems.bases.scoring import ScoringSystem
from penchant.verbs.batch import People

T = TypeVar("T")


class AskingSystem(ScoringSystem):
    """A subclass asks its Questions through `self.ask`; one that recommends or ranks gives `judge`.

    Everything asked goes to the mind of `services.mind`. `asked` keeps who answered and how often, so that an answer
    can say so; it is the account of one call and not part of the state.
    """

    def __init__(self, settings: Any = None, services: Any = None) -> None:
        super().__init__(settings, services)
        self.asked: list[Asked[Any]] = []

    def ask(self, question: Question[T], inputs: Mapping[str, Any]) -> Asked[T]:
        """Ask, and keep who answered."""
        answer = ask(question, inputs, self.services.mind)
        self.asked.append(answer)
        return answer

    def answered_by(self) -> str | None:
        """Who answered since the account was opened, as answers name a mind; None where nobody was asked."""
        names = list(dict.fromkeys(one.by for one in self.asked))
        return names[-1] if names else None

    def open_account(self) -> None:
        """Begin a new account: called at the start of each answer."""
        self.asked = []

    def judge(self, history: np.ndarray, person: int) -> np.ndarray:
        """How well each item of the catalogue suits one person, float32[M], from the history int32[L] (row of a person, or -1)."""
        raise NotImplementedError(f"{type(self).__name__} has no judge()")

    def score_block(self, people: People) -> np.ndarray:
        """The judgement of each person's items, float32[B,M]; equal histories are asked about once."""
        scores = np.empty((len(people), len(self.catalogue)), np.float32)
        known: dict[tuple[int, bytes], int] = {}
        for row in range(len(people)):
            history = people.items.row(row)
            first = known.setdefault((int(people.ids[row]), history.tobytes()), row)
            scores[row] = scores[first] if first != row else self.judge(history, int(people.ids[row]))
        return scores
