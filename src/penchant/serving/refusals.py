"""How a request is refused: one line, a hint and a status, never a traceback."""

from __future__ import annotations

from penchant.errors import MemoryBudget, PenchantError, UnknownName, UsageError

BAD, UNPROCESSABLE, FAILED, BUSY, LATE = 400, 422, 500, 503, 504
OURS = "please report it with the output of `penchant doctor`; the server's log shows where"


class Refusal(Exception):
    """A request that is not answered.

    Args:
        status: of HTTP.
        message: one line: what is wrong.
        hint: one line: what to do next.
        headers: what the answer carries besides.
    """

    def __init__(
        self, status: int, message: str, hint: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.hint, self.headers = status, message, hint, headers or {}

    def data(self) -> dict[str, str | None]:
        """As JSON data."""
        return {"error": _line(self.message), "hint": None if self.hint is None else _line(self.hint)}


def explained(failure: BaseException) -> Refusal:
    """Any failure as a refusal; what is not the asker's fault has a status of 500 and above."""
    if isinstance(failure, Refusal):
        return failure
    if isinstance(failure, UnknownName) and failure.kind in ("run", "verb"):
        return Refusal(404, failure.message, failure.hint)
    if isinstance(failure, UsageError):
        return Refusal(UNPROCESSABLE, failure.message, failure.hint)
    if isinstance(failure, OverflowError):
        return Refusal(UNPROCESSABLE, "a number in the request is too large")
    if isinstance(failure, RecursionError):
        return Refusal(BAD, "the body is nested too deeply")
    if isinstance(failure, MemoryBudget | MemoryError):
        return Refusal(
            BUSY, "there is not enough memory for this request now", "ask for fewer at once", {"Retry-After": "5"}
        )
    if isinstance(failure, PenchantError):
        return Refusal(FAILED, failure.message, failure.hint)
    return Refusal(FAILED, f"this should not happen: {type(failure).__name__}", OURS)


def _line(text: str) -> str:
    return " ".join(text.split())
