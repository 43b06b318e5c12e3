"""Asking a mind: a Question is its words, the type of its answer, and an offline answer that is honest about what it is.

`ask` is the one call. A mind answers when it can; what it says is checked against the type; what happens when it fails
is stated by the Question. Material (titles, reviews, what people wrote) goes in quoted, never as instructions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from penchant.errors import PenchantError, UsageError

T = TypeVar("T")
OPEN, CLOSE = "⟦", "⟧"
"""The marks around material; the same marks inside material are replaced, so that no text can end its own quotation."""
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Question(Generic[T]):
    """Something that a mind may be asked.

    name, version: which words these are; they are part of every cache key and trace.
    words: the template; `{name}` is a placeholder for an input, put in quoted.
    answer: the type of the answer (anything that pydantic can check).
    offline: the answer without a model, from the inputs; offline_name says what it is ("word overlap").
    on_failure: what happens when a mind fails: the offline answer, a missing one (None), or an error.
    """

    name: str
    version: int
    words: str
    answer: type[T]
    offline: Callable[[Mapping[str, Any]], T]
    offline_name: str
    on_failure: Literal["offline", "missing", "error"] = "offline"

    def check(self, value: Any) -> T:
        """The value as the type of the answer.

        Raises:
            PenchantError: it is not of that type.
        """
        try:
            return TypeAdapter(self.answer).validate_python(value)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(place) for place in first["loc"])
            said = first["msg"][0].lower() + first["msg"][1:]
            raise PenchantError(
                f"the answer to {self.name} is not as asked: {where + ': ' if where else ''}{said}"
            ) from None


@dataclass(frozen=True)
class Asked(Generic[T]):
    """An answer with who gave it.

    value is None only where the mind failed and the Question says `missing`. by is written as answers of the contract
    name a mind ("offline: word overlap"). failure is what went wrong on the way, if something did.
    """

    value: T | None
    by: str
    calls: int = 0
    failure: str | None = None


class Mind(Protocol):
    """Somebody who can be asked: a model behind an endpoint, a local one, or the offline functions."""

    name: str

    def can(self, *what: str) -> bool:
        """Whether it can take soft_tokens or images, give log_probabilities, or constrain its answer."""
        ...

    def reply(self, question: Question[T], inputs: Mapping[str, Any], words: str) -> Any:
        """The answer to `words` (the question with its inputs filled in), unchecked."""
        ...


@dataclass(frozen=True)
class OfflineMind:
    """Answers each Question by its own offline function: no model, no network, the same every time."""

    name: str = "offline"
    abilities: frozenset[str] = field(default_factory=frozenset)

    def can(self, *what: str) -> bool:
        """Nothing that needs a model."""
        return set(what) <= self.abilities

    def reply(self, question: Question[T], inputs: Mapping[str, Any], words: str) -> T:
        """The Question's offline answer."""
        return question.offline(inputs)


OFFLINE = OfflineMind()


def ask(question: Question[T], inputs: Mapping[str, Any], mind: Mind | None = None) -> Asked[T]:
    """Ask a mind.

    Args:
        inputs: one value for each placeholder of the question's words: a text, a number, or a list of these.
        mind: who is asked; None is the offline mind.

    Raises:
        UsageError: an input is missing, or fits no placeholder.
        PenchantError: the mind failed and the Question says `error`, or the offline answer is not of its type.
    """
    words = fill(question, inputs)
    offline = f"offline: {question.offline_name}"
    if mind is None or isinstance(mind, OfflineMind):
        return Asked(question.check(question.offline(inputs)), offline)
    try:
        return Asked(question.check(mind.reply(question, inputs, words)), mind.name, calls=1)
    except Exception as error:
        # A model, its library or its network may fail in any way; the Question says what that means here.
        failure = f"{mind.name}: {error}".splitlines()[0]
        if question.on_failure == "error":
            raise PenchantError(f"{question.name} could not be answered by {failure}") from error
        if question.on_failure == "missing":
            return Asked(None, mind.name, calls=1, failure=failure)
        return Asked(question.check(question.offline(inputs)), offline, calls=1, failure=failure)


def fill(question: Question[Any], inputs: Mapping[str, Any]) -> str:
    """The words of a question with its inputs, each quoted under its name.

    Raises:
        UsageError: a placeholder without an input, or an input without a placeholder.
    """
    wanted = set(_PLACEHOLDER.findall(question.words))
    for name in sorted(wanted - set(inputs)):
        raise UsageError(f"{question.name} needs the input {name!r}")
    for name in sorted(set(inputs) - wanted):
        raise UsageError(f"{question.name} has no place for the input {name!r}")
    return _PLACEHOLDER.sub(lambda match: quoted(match[1], inputs[match[1]]), question.words)


def quoted(name: str, value: Any) -> str:
    """A value as material: between marks that carry its name and that it cannot contain; lists are numbered from 0."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        text = "\n".join(f"{number}: {_plain(one)}" for number, one in enumerate(value))
    else:
        text = _plain(value)
    return f"{OPEN}{name}\n{text}\n{name}{CLOSE}"


def _plain(value: Any) -> str:
    return str(value).replace(OPEN, "[").replace(CLOSE, "]")
