"""How an edge type refuses, and the scalars that all of them are made of: texts, numbers, times, rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    ValidationInfo,
    WrapValidator,
    model_validator,
)

from penchant.errors import UsageError, nearest

SHOWN = 60
"""Characters of a refused value that an error shows."""


# ---------------------------------------------------------------- how an edge type refuses
def shown(value: Any) -> str:
    """A value as an error shows it: one line, not too long."""
    text = repr(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 4] + " ..."


def said(message: str) -> WrapValidator:
    """One message in place of one for each member of a union."""

    def wrap(value: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise ValueError(f"{message}, given {shown(value)}") from None

    return WrapValidator(wrap)


_MESSAGES = {
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "string_too_short": "must not be empty",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be one of {expected}",
}


def one_line(error: ValidationError) -> str:
    """The first fault of a validation error as one line: where, and what is wrong."""
    fault = error.errors(include_url=False)[0]
    where, context = "", fault.get("ctx", {})
    places = [p for p in fault["loc"] if not (isinstance(p, str) and p.startswith("~"))]
    if fault["type"] == "missing":
        missing = places.pop()
    for place in places:
        where += f"[{place}]" if isinstance(place, int) else f"{'.' if where else ''}{place}"
    prefix = f"{where}: " if where else ""
    if fault["type"] == "missing":
        return f"{where + ' ' if where else error.title + ' '}needs {missing!r}"
    if fault["type"] == "value_error":
        return prefix + str(context["error"])
    message = _MESSAGES.get(fault["type"])
    told = message.format(**context) if message else fault["msg"][0].lower() + fault["msg"][1:]
    return f"{prefix}{told}, given {shown(fault['input'])}"


OUTSIDE = {"from": "outside"}
"""The validation context of data that comes from outside."""


class Edge(BaseModel):
    """The base of all edge types: unknown keys are refused with the nearest name, and nothing is ever null.

    Made in Python (`Item(id="tent-2p", title=None, ...)`), fields that are None are left out, and `with_` stands for
    `with`. What comes from outside goes through `read`, which is strict.
    """

    model_config = ConfigDict(extra="forbid")
    _keys: ClassVar[tuple[str, ...]] = ()
    _aliases: ClassVar[dict[str, str]] = {}

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls._aliases = {name: field.alias for name, field in cls.model_fields.items() if field.alias}
        cls._keys = tuple(cls._aliases.get(name, name) for name in cls.model_fields)

    @model_validator(mode="before")
    @classmethod
    def _only_known_keys(cls, data: Any, info: ValidationInfo) -> Any:
        if not isinstance(data, dict):
            return data
        from_outside = info.context is OUTSIDE
        given = {}
        for key, value in data.items():
            if not from_outside:
                if value is None:
                    continue
                key = cls._aliases.get(key, key)
            if key not in cls._keys:
                close = nearest(str(key), cls._keys)
                raise ValueError(f"{cls.__name__} has no field {key!r}" + (f", nearest is {close!r}" if close else ""))
            if value is None:
                raise ValueError(f"{cls.__name__}.{key} is null: leave it out")
            given[key] = value
        return given

    @classmethod
    def read(cls, data: Any) -> Self:
        """From JSON data (or an object of this type).

        Raises:
            UsageError: one line that names the first fault and where it is.
        """
        try:
            return cls.model_validate(data, context=OUTSIDE)
        except ValidationError as error:
            raise UsageError(one_line(error)) from None

    def data(self) -> dict[str, Any]:
        """As JSON data, with only what was given."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


# ---------------------------------------------------------------- scalars
def _moment(value: str | int) -> str | int:
    if isinstance(value, str):
        try:
            when = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"must be ISO 8601 or milliseconds, given {shown(value)}") from None
        if when.tzinfo is None:
            raise ValueError(f"a time needs its zone, given {shown(value)}")
    return value


def milliseconds(time: str | int) -> int:
    """A time of an edge type in ms UTC."""
    return time if isinstance(time, int) else round(datetime.fromisoformat(time).timestamp() * 1000)


Id = Annotated[str, Field(min_length=1, strict=True)]
Text = Annotated[str, Field(strict=True)]
Int = Annotated[int, Field(strict=True)]
Bool = Annotated[bool, Field(strict=True)]
_PlainNumber = Int | Annotated[float, Field(strict=True, allow_inf_nan=False)]
Number = Annotated[_PlainNumber, said("must be a number")]
Time = Annotated[Text | Int, said("must be a time"), AfterValidator(_moment)]


def _between(low: float, high: float, open_below: bool = False) -> AfterValidator:
    def check(value: float) -> float:
        if not low <= value <= high or (open_below and value == low):
            bounds = f"more than {low} and at most {high}" if open_below else f"from {low} to {high}"
            raise ValueError(f"must be {bounds}, given {value}")
        return value

    return AfterValidator(check)


Share = Annotated[Number, _between(0, 1)]
Propensity = Annotated[Number, _between(0, 1, open_below=True)]
_PlainScalar = Bool | _PlainNumber | Text | None
Scalar = Annotated[_PlainScalar, said("must be a text, a number, true, false or null")]
Value = Annotated[_PlainScalar | list[_PlainScalar], said("must be a text, a number, true, false, null, or their list")]
TextOrInt = Annotated[Text | Int, said("must be a text or a whole number")]


def _row(row: dict[str, Any]) -> dict[str, Any]:
    if not row:
        raise ValueError("a row needs its id")
    first = next(iter(row))
    if not isinstance(row[first], str) or not row[first]:
        raise ValueError(f"the id stands first in a row and is a text, given {first!r}: {shown(row[first])}")
    return row


def _chart(chart: dict[str, Any]) -> dict[str, Any]:
    if "mark" not in chart or "encoding" not in chart:
        raise ValueError("a chart is a Vega-Lite object with mark and encoding")
    return chart


_Cell = Annotated[
    _PlainScalar | list[_PlainScalar] | dict[str, _PlainScalar | list[_PlainScalar]],
    said("a cell of a row must be a scalar, a list, or an object of these"),
]
Row = Annotated[dict[str, _Cell], AfterValidator(_row)]
"""Columns of a table of the data set; the id column stands first."""
IdOrRow = Annotated[
    Annotated[Id, Tag("~id")] | Annotated[Row, Tag("~row")],
    Discriminator(lambda value: "~row" if isinstance(value, dict) else "~id"),
]
Chart = Annotated[dict[str, Any], AfterValidator(_chart)]
NameValue = Annotated[str, Field(pattern=r"^[^=]+=.+$")]


def row_id(thing: str | dict[str, Any]) -> str:
    """The id of a thing given by id or as a row."""
    return thing if isinstance(thing, str) else thing[next(iter(thing))]


def one_of(thing: Edge, names: Sequence[str], least: int = 1, most: int = 1) -> None:
    """Between `least` and `most` of the fields named must be given."""
    given = [name for name in names if getattr(thing, name) is not None]
    if not least <= len(given) <= most:
        wanted = "one" if least == most == 1 else "at most one" if (least, most) == (0, 1) else "at least one"
        found = ", ".join(given) or "none"
        raise ValueError(f"{type(thing).__name__} takes {wanted} of {', '.join(names)}, given {found}")
