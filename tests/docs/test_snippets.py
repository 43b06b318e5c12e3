"""Every command and every snippet of README and docs runs, in the order of its page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import NO_DATA
from tests.docs.snippets import RUN, Snippet, pages, snippets

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = [page for page in pages(CHECKOUT) if any(s.kind in RUN for s in snippets(page))]

TENTS = [
    *("tent-2p", "tent-4p", "tent-ul", "mat-foam", "bag-down", "stove-gas", "stove-wood"),
    *("kettle-gas", "pot-camp", "lamp-head"),
]
KITCHEN = [
    *("knife-chef", "knife-bread", "stone-sharp", "board-oak", "pan-iron", "pan-coated", "grinder-hand"),
    *("beans-dark", "mug-enamel"),
]


def write_shop(folder: Path) -> None:
    """A shop of 120 people who camp or cook: two groups that a reader sees at once."""
    import numpy as np

    chance = np.random.default_rng(0)
    lines = ["user,item,time"]
    for person in range(120):
        mostly, rarely = (TENTS, KITCHEN) if person % 2 else (KITCHEN, TENTS)
        items = [*chance.choice(mostly, 6, replace=False), chance.choice(rarely)]
        days = chance.permutation(28)[: len(items)] + 1
        lines += [f"p{person:03d},{item},2026-02-{day:02d}T12:00:00Z" for item, day in zip(items, days, strict=True)]
    folder.mkdir()
    (folder / "events.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a shop and a small world, as pages take for granted, and the commands of this environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    write_shop(tmp_path / "shop")
    return tmp_path


def run_bash(snippet: Snippet, page: Path, folder: Path) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", snippet.text], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{page.name}:{snippet.line}\n{snippet.text}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_everything_on_the_page_runs(page: Path, desk: Path, request: pytest.FixtureRequest) -> None:
    parts = snippets(page)
    if any("world" in s.text and "make-world" not in s.text for s in parts) and not any(
        "make-world" in s.text for s in parts
    ):
        run_bash(
            Snippet("bash", "penchant data make-world world --users 400 --items 150 --days 90 --seed 1", 0, None),
            page,
            desk,
        )
    names: dict[str, object] = {"__name__": "snippet"}
    absent = []
    for snippet in parts:
        if snippet.kind not in RUN:
            continue
        if snippet.needs is not None:
            from penchant.testing.data import real_data

            source = real_data(snippet.needs)
            if source is None:
                absent.append(snippet.needs)
                continue
            if not (desk / snippet.needs).exists():
                (desk / snippet.needs).symlink_to(source)
        if snippet.kind == "bash":
            run_bash(snippet, page, desk)
        else:
            exec(compile(snippet.text, f"{page}:{snippet.line}", "exec"), names)
    if absent:
        pytest.skip(f"{NO_DATA}: {', '.join(absent)} (the rest of the page ran)")


def test_no_block_hides_from_the_tests() -> None:
    """A block without a language may hold only calls of make, of .ci/run, and what an editor or a shell needs once."""
    allowed = re.compile(
        r"^(make [a-z-]+( .*)?|\.ci/run( .*)?|\. \.venv/bin/activate|\.venv/bin/[a-z-]+ install)(\s+#.*)?$"
    )
    for page in pages(CHECKOUT):
        for snippet in snippets(page):
            assert snippet.kind in (*RUN, "", "toml", "json", "{toctree}", "{include}"), (
                f"{page.name}:{snippet.line}: a block of {snippet.kind}"
            )
            if snippet.kind == "":
                for line in snippet.text.splitlines():
                    assert allowed.match(line.strip()) or not line.strip(), f"{page.name}:{snippet.line}: {line}"


def test_blocks_are_found_with_what_they_need(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```{toctree}\n:glob:\n\na\n```\n\n<!-- needs: gowalla -->\n```bash\nls\n```\n```python\nx = 1\n```\n"
    )
    found = [(s.kind, s.text, s.line, s.needs) for s in snippets(page)]
    assert found == [
        ("{toctree}", ":glob:\n\na\n", 1, None),
        ("bash", "ls\n", 8, "gowalla"),
        ("python", "x = 1\n", 11, None),
    ]


def test_every_target_of_make_that_is_named_exists() -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set()
    for page in pages(CHECKOUT):
        named |= set(re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert named
    assert named <= targets
