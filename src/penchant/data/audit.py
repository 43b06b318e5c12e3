"""Faults that data may have: leaks, duplicates, columns that say nothing, ties in time, bots, planted labels.

Everything is counted over all rows (labels over a sample at most), nothing is changed. A finding says what, where, how
much, and what to do. `severe` ones make results worthless, `warning`s may, a `note` is good to know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np

    from penchant.data.ids import Ids
    from penchant.data.tables import Dataset

Severity = Literal["severe", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("severe", "warning", "note")
SHOWN = 5
"""Ids that a finding names."""


@dataclass(frozen=True)
class Finding:
    """One fault.

    kind: one word for programs. what: a sentence. table, column: where. number, share: how many rows, people or items.
    ids: up to five of them. advice: what to do.
    """

    severity: Severity
    kind: str
    what: str
    table: str
    advice: str
    column: str | None = None
    number: int = 0
    share: float | None = None
    ids: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @property
    def where(self) -> str:
        """Table and column."""
        return self.table if self.column is None else f"{self.table}.{self.column}"


@dataclass(frozen=True)
class Audit:
    """All findings, the gravest first; checked: what was looked for, so that silence can be trusted. skipped: what could
    not be looked for, and why."""

    name: str
    findings: list[Finding]
    checked: list[str]
    skipped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def severe(self) -> list[Finding]:
        """Those that make results worthless."""
        return [finding for finding in self.findings if finding.severity == "severe"]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        counts = {s: sum(f.severity == s for f in self.findings) for s in SEVERITIES}
        return {
            "name": self.name, "counts": counts, "findings": [f.to_dict() for f in self.findings],
            "checked": self.checked, "skipped": self.skipped, "notes": self.notes,
        }  # fmt: skip

    def text(self) -> str:
        """The findings in plain words."""
        counts = ", ".join(f"{sum(f.severity == s for f in self.findings)} {s}" for s in SEVERITIES)
        lines = [f"{self.name}: {len(self.findings)} findings ({counts})"]
        for f in self.findings:
            some = f" ({', '.join(f.ids)}{' ...' if f.number > len(f.ids) else ''})" if f.ids else ""
            lines += ["", f"{f.severity:8} {f.where}: {f.what}{some}", f"{'':8} {f.advice}"]
        lines += ["", "looked for: " + ", ".join(self.checked)]
        lines += [f"not looked for: {line}" for line in self.skipped]
        return "\n".join(lines)

    def page(self) -> str:
        """The findings as a page that needs no network."""
        from penchant.data.describe_page import STYLE

        cells = "".join(
            f"<tr><td class='{'warn' if f.severity == 'severe' else ''}'>{f.severity}</td><td>{escape(f.where)}</td>"
            f"<td style='white-space:normal'>{escape(f.what)}<br><span class='soft'>{escape(f.advice)}</span></td>"
            f"<td style='white-space:normal'>{escape(', '.join(f.ids))}</td></tr>"
            for f in self.findings
        )
        head = "<tr><th></th><th>where</th><th>what, and what to do</th><th>for example</th></tr>"
        return (
            "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
            "<meta name='viewport' content='width=device-width, initial-scale=1'>"
            f"<title>{escape(self.name)}: audit</title><style>{STYLE}</style></head><body>"
            f"<h1>{escape(self.name)}</h1><p>{len(self.severe)} severe of {len(self.findings)} findings</p>"
            f"<div class='scroll'><table>{head}{cells}</table></div>"
            f"<p class='soft'>Looked for: {escape(', '.join(self.checked))}.</p></body></html>\n"
        )


def audit(dataset: Dataset, seed: int = 0) -> Audit:
    """Look for faults in a data set.

    Args:
        seed: of the sample of labelled rows, and of the split that leaks are looked for under.
    """
    from penchant.data import audit_columns, audit_events, audit_leaks

    found: list[Finding] = []
    checked: list[str] = []
    skipped: list[str] = []
    for checks in (audit_events.CHECKS, audit_leaks.CHECKS, audit_columns.CHECKS):
        for name, check in checks.items():
            answer = check(dataset, seed)
            if isinstance(answer, str):
                skipped.append(f"{name}: {answer}")
            else:
                checked.append(name)
                found += answer
    order = {severity: place for place, severity in enumerate(SEVERITIES)}
    found.sort(key=lambda f: order[f.severity])
    return Audit(dataset.name, found, checked, skipped, list(dataset.notes))


def some(ids: Ids, numbers: np.ndarray | Sequence[int]) -> list[str]:
    """The first few names of numbers, each once."""
    import numpy as np

    first = list(dict.fromkeys(np.asarray(numbers, np.int64).tolist()[: 50 * SHOWN]))[:SHOWN]
    return ids.names(np.asarray(first, np.int32))
