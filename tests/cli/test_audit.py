"""penchant data audit: exit codes, one object, a page."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Command


def faulty(folder: Path) -> Path:
    """Events with a split that copies train to test."""
    rows = [
        f"u{user:02d},i{(user * 7 + n * 3) % 30:02d},2026-01-{1 + n:02d}T{user % 24:02d}:0{n % 10}:00Z,{'test' if n > 8 else 'train'}"
        for user in range(40)
        for n in range(10)
    ]
    copied = [row.replace(",train", ",test") for row in rows if ",train" in row][:25]
    (folder / "events.csv").write_text("\n".join(["user,item,time,part", *rows, *copied]) + "\n")
    return folder / "events.csv"


def test_a_clean_world(penchant: Command, world: Path, tmp_path: Path) -> None:
    done = penchant("data", "audit", world, "--strict", folder=tmp_path, good=True)
    assert "(0 severe, 0 warning" in done.out
    assert "looked for: duplicate events, " in done.out
    assert list(tmp_path.iterdir()) == []


def test_findings_are_no_failure_unless_strict(penchant: Command, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.csv as reader

    from penchant.data.tables import Dataset

    table = reader.read_csv(faulty(tmp_path))
    table = table.set_column(2, "time", table["time"].cast(pa.timestamp("ms")).cast(pa.int64()))
    Dataset.from_tables("faulty", {"events": table}).write(tmp_path / "data")
    found = penchant("data", "audit", "data", "--json", "--html", "page.html", folder=tmp_path, good=True).json
    assert found["counts"]["severe"] == 1
    first = found["findings"][0]
    assert (first["severity"], first["kind"], first["table"], first["column"]) == (
        "severe",
        "in_both_parts",
        "events",
        "part",
    )
    assert first["number"] == 25
    assert len(first["ids"]) <= 5
    assert "earlier part" in (tmp_path / "page.html").read_text()
    strict = penchant("data", "audit", "data", "--strict", folder=tmp_path)
    assert strict.code == 1
    assert "severe   events.part: 25 of " in strict.out
    assert strict.err == ""


def test_wrong_use(penchant: Command, tmp_path: Path) -> None:
    done = penchant("data", "audit", "nowhere", folder=tmp_path)
    assert (done.code, done.out) == (1, "")
    assert done.error.startswith("error: ")
    assert penchant("data", "audit").code == 2
