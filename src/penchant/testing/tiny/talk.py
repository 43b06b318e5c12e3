"""Tiny ways to converse, answer, create and search: rules over the shop's words, and nothing that is not there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from penchant.errors import UsageError
from penchant.verbs.edge import (
    Brief,
    Creation,
    Dialogue,
    Filter,
    Hit,
    Hits,
    Item,
    OneAnswer,
    Question,
    SearchAnswer,
    SearchRequest,
    SystemTurn,
)
from penchant.verbs.edge.base import row_id

FEW = 3
"""So many candidates are shown instead of asking on."""


def words(text: str) -> set[str]:
    """The words of a text, lower case."""
    return set(re.findall(r"[^\W_]+", text.lower()))


def listed(shop: Any, scores: Sequence[float], items: Sequence[int], k: int) -> list[Item]:
    """The k best of some items as they stand in answers; ties by the tie order."""
    order = sorted(zip(items, scores, strict=True), key=lambda pair: (-pair[1], shop.catalogue.tie_rank[pair[0]]))[:k]
    return [Item(id=shop.items[i], title=shop.titles[i], score=float(s), rank=n) for n, (i, s) in enumerate(order, 1)]


class Conversing:
    """Verb converse: asks for the category that divides best, shows when few are left."""

    mind_name = "offline: templates"

    def reply(self: Any, dialogues: Sequence[Dialogue]) -> list[SystemTurn]:
        """One turn a dialogue; the state follows from the dialogue alone."""
        return [self._turn(dialogue) for dialogue in dialogues]

    def _turn(self: Any, dialogue: Dialogue) -> SystemTurn:
        wanted, refused, shown = [], [], []
        for turn in dialogue.turns:
            if not turn.by_person():
                shown += turn.item_ids()
                continue
            if turn.act == "quit":
                return SystemTurn(act="end", text="Goodbye.")
            wanted += [(n, v) for n, v in turn.pairs() if turn.act != "refuse"]
            refused += [
                (n, v) for n, vs in (turn.refused or {}).items() for v in (vs if isinstance(vs, list) else [vs])
            ]
        asked = sum(turn.act == "ask" for turn in dialogue.turns)
        left = [i for i in range(len(self.items)) if self.items[i] not in shown and not self._is(i, refused)]
        fitting = [i for i in left if self._is(i, wanted)] or left
        state = {
            "accepted": [f"{n}={v}" for n, v in wanted], "refused": [f"{n}={v}" for n, v in refused],
            "left": len(fitting), "belief": self._belief(fitting),
        }  # fmt: skip
        said = ["people in a snapshot cannot be asked here"] if dialogue.with_ is not None else None
        limits = dialogue.limits
        out = limits is not None and (
            (limits.questions is not None and asked >= limits.questions)
            or (limits.turns is not None and len(dialogue.turns) + 1 >= limits.turns)
        )
        open_categories = [c for c in self._kinds(fitting) if c not in {str(v) for n, v in refused if n == "category"}]
        if len(fitting) <= FEW or len(open_categories) < 2 or out:
            history, notes = self.history_of(dialogue.person)
            scores = self.weights[history].sum(0) + np.log1p(self.catalogue.counts) / 10
            items = listed(self, [round(float(scores[i]), 6) for i in fitting], fitting, FEW)
            return SystemTurn(
                act="recommend",
                text="These are left.",
                items=items,
                state=state,
                assumptions=(said or []) + notes or None,
            )
        category = open_categories[0]
        return SystemTurn(
            act="ask", text=f"Is it about {category}?", attributes=[f"category={category}"],
            options=["yes", "no", "I do not mind"], state=state, assumptions=said,
        )  # fmt: skip

    def _is(self: Any, item: int, pairs: list[tuple[str, Any]]) -> bool:
        own = words(f"{self.titles[item]} {self.categories[item]}")
        return any(words(str(value)) & own for _, value in pairs)

    def _kinds(self: Any, items: list[int]) -> list[str]:
        found = Counter(self.categories[i].split(" > ")[-1] for i in items)
        # The best question leaves half of the items; equal ones go by name.
        return sorted(found, key=lambda c: (abs(found[c] * 2 - len(items)), c))

    def _belief(self: Any, items: list[int]) -> list[dict[str, Any]]:
        found = Counter(self.categories[i].split(" > ")[-1] for i in items)
        return [
            {"attribute": "category", "value": c, "weight": round(n / len(items), 4)}
            for c, n in sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:FEW]
        ]


class Answering:
    """Verb answer: the option, the evidence or the title that shares most words."""

    mind_name = "offline: word overlap"

    def answer(self: Any, questions: Sequence[Question]) -> list[OneAnswer]:
        """One answer a question."""
        return [self._one(question) for question in questions]

    def _one(self: Any, question: Question) -> OneAnswer:
        history, notes = self.history_of(question.person)
        asked = words(question.text) | {w for i in np.unique(history) for w in words(self.titles[i])}
        ignored = [name for name in ("images", "dialogue", "tools") if getattr(question, name)]
        notes = [*notes, *(f"{name} are not used" for name in ignored)] or None
        if question.options:
            fit = np.array([1.0 + len(asked & words(option)) for option in question.options])
            scores = [float(s) for s in fit / fit.sum()]
            best = int(np.argmax(fit))
            text = self._cut(question.options[best], question.limit)
            return OneAnswer(
                text=text, choice=best, option_scores=scores, citations=[], confidence=round(scores[best], 4), assumptions=notes,
            )  # fmt: skip
        if question.over is not None and question.over.evidence:
            best_text = max(question.over.evidence, key=lambda text: (len(asked & words(text)), text))
            share = len(words(question.text) & words(best_text)) / max(len(words(question.text)), 1)
            return OneAnswer(
                text=self._cut(best_text, question.limit), citations=[], confidence=round(share, 4), assumptions=notes
            )
        if question.over is not None and (question.over.chunks or question.over.documents):
            return OneAnswer(
                text="I do not know.", status="not_known", citations=[], confidence=0.0,
                notice="these documents are not held by this system", assumptions=notes,
            )  # fmt: skip
        fits = [len(words(question.text) & words(title)) for title in self.titles]
        best = max(range(len(fits)), key=lambda i: (fits[i], -self.catalogue.tie_rank[i]))
        if not fits[best]:
            return OneAnswer(text="I do not know.", status="not_known", citations=[], confidence=0.0, assumptions=notes)
        title = self.titles[best]
        cited = {"document": self.items[best], "start": 0, "end": len(title), "quote": title}
        share = round(fits[best] / len(words(question.text)), 4)
        return OneAnswer(
            text=self._cut(f"{title} [1]", question.limit), citations=[cited], confidence=share, assumptions=notes
        )

    def _cut(self, text: str, limit: int | None) -> str:
        return text if limit is None else " ".join(text.split()[:limit])


class Creating:
    """Verb create: facts put in a row; what is made of pictures is said to be unknown."""

    mind_name = "offline: facts in a row"

    def create(self: Any, briefs: Sequence[Brief]) -> list[Creation]:
        """`number` creations a brief, in order."""
        return [self._made(brief, number) for brief in briefs for number in range(brief.number)]

    def _made(self: Any, brief: Brief, number: int) -> Creation:
        limits = brief.constraints
        about = [row_id(thing) for thing in brief.about or []]
        known = [self.items.index(name) for name in about if name in self.items]
        facts = list(brief.facts or []) + [self.titles[i] for i in known] + ([brief.source] if brief.source else [])
        notes = [f"{name} is not in the catalogue" for name in about if name not in self.items] or None
        if brief.kind == "outfit":
            return self._outfit(brief, known, notes)
        if brief.kind == "chart":
            counts = Counter(c.split(" > ")[0] for c in self.categories)
            values = [{"category": c, "items": n} for c, n in sorted(counts.items())]
            encoding = {"x": {"field": "category", "type": "nominal"}, "y": {"field": "items", "type": "quantitative"}}
            chart = {"mark": "bar", "data": {"values": values}, "encoding": encoding}
            return Creation(
                chart=chart, facts_used=[], unsupported=[], assumptions=["drawn from the items of the shop"]
            )
        if brief.kind == "image":
            drawn = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='8' height='8'/%3E"
            return Creation(
                image=drawn, facts_used=[], unsupported=[], notice="an empty picture: facts cannot be drawn here"
            )
        if not facts and brief.person is not None:
            facts = [self.titles[i] for i in np.unique(self.history_of(brief.person)[0])]
        if not facts:
            return Creation(
                status="not_known", text="", facts_used=[], unsupported=[], notice="there is nothing to write from"
            )
        forbidden = {w for text in (limits.forbid if limits else None) or [] for w in words(text)}
        turned = facts[number % len(facts) :] + facts[: number % len(facts)]
        used = [fact for fact in turned if not words(fact) & forbidden] or turned[:1]
        kept = [w for w in "; ".join(used).split() if not words(w) & forbidden]
        text = " ".join(kept[: limits.words] if limits and limits.words else kept).rstrip(";,")
        return Creation(text=text, facts_used=used, unsupported=[], assumptions=notes)

    def _outfit(self: Any, brief: Brief, known: list[int], notes: list[str] | None) -> Creation:
        limits = brief.constraints
        open_ = passing(self, brief.filter)
        slots = (limits.slots if limits else None) or []
        chosen: list[tuple[int, str | None]] = [(i, self._slot(i, slots)) for i in known]
        spent = sum(self.prices[i] for i in known)
        for slot in slots:
            if slot in [s for _, s in chosen]:
                continue
            fitting = [i for i in open_ if self._slot(i, slots) == slot and i not in known]
            for item in sorted(fitting, key=lambda i: (self.prices[i], self.catalogue.tie_rank[i])):
                if limits is None or limits.budget is None or spent + self.prices[item] <= limits.budget:
                    chosen.append((item, slot))
                    spent += self.prices[item]
                    break
        items = [
            Item(id=self.items[i], title=self.titles[i], score=0.0, rank=n, slot=slot)
            for n, (i, slot) in enumerate(chosen, 1)
        ]
        return Creation(
            items=items, facts_used=[f"price: {self.prices[i]:g}" for i, _ in chosen], unsupported=[], score=0.0, assumptions=notes,
            status=None if items else "not_known",
        )  # fmt: skip

    def _slot(self: Any, item: int, slots: list[str]) -> str | None:
        name = self.categories[item].split(" > ")[-1]
        return name if name in slots else None


def passing(shop: Any, wanted: Filter | None) -> list[int]:
    """Items that pass the parts of a filter that the shop's columns can answer."""
    out = list(range(len(shop.items)))
    if wanted is None:
        return out
    if wanted.items is not None:
        out = [i for i in out if shop.items[i] in wanted.items]
    if wanted.categories is not None:
        out = [i for i in out if any(words(c) <= words(shop.categories[i]) for c in wanted.categories)]
    if wanted.price is not None:
        low, high = wanted.price.low or 0, wanted.price.high
        out = [i for i in out if shop.prices[i] >= low and (high is None or shop.prices[i] <= high)]
    return out


class Searching:
    """Verb search, by words and by pictures: shared words, then the searcher's own history."""

    def find(self: Any, request: SearchRequest) -> SearchAnswer:
        """Hits of the kind that was asked for; what is not held is not known."""
        lists = [self._found(query, request) for query in request.queries]
        unused = [n for n in ("steer", "as_of") if getattr(request, n) is not None]
        return SearchAnswer(system=self.name, assumptions=[f"{n} is not used" for n in unused], lists=lists)

    def _found(self: Any, query: Any, request: SearchRequest) -> Hits:
        held = self._held(request)
        if not held:
            return Hits(hits=[], status="not_known", notice=f"this system holds no {request.of}")
        history, notes = self.history_of(query.person) if query.person is not None else (np.empty(0, np.int32), [])
        own = self.weights[history].sum(0)
        text = query.text or (self._title(row_id(query.item)) if query.item is not None else query.image or "")
        asked = words(text)
        itself = row_id(query.item) if query.item is not None else None
        rows = []
        for name, title, items in held:
            if name == itself:
                continue
            personal = float(own[items].max()) if len(items) and len(history) else 0.0
            score = len(asked & words(title)) + 0.1 * personal
            if score > 0:
                rows.append((-score, name, title))
        hits = [
            Hit(id=name, of=request.of, title=title, score=-score, rank=n)
            for n, (score, name, title) in enumerate(sorted(rows)[: request.k], 1)
        ]
        return Hits(hits=hits, status=None if hits else "not_known", assumptions=notes or None)

    def _title(self: Any, name: str) -> str:
        return self.titles[self.items.index(name)] if name in self.items else name

    def _held(self: Any, request: SearchRequest) -> list[tuple[str, str, list[int]]]:
        passes = passing(self, request.filter)
        if request.of == "items":
            return [(self.items[i], self.titles[i], [i]) for i in passes]
        if request.of == "documents":
            return [(f"about-{self.items[i]}", self.titles[i], [i]) for i in passes]
        if request.of == "chunks":
            return [(f"about-{self.items[i]}#0", self.titles[i], [i]) for i in passes]
        if request.of == "concepts":
            return [(c, c, [i for i in passes if self.categories[i] == c]) for c in sorted(set(self.categories))]
        if request.of == "people":
            return [(name, name, list(np.unique(self.history(n)))) for n, name in enumerate(self.users)]
        if request.of == "regions":
            return []
        raise UsageError(f"nobody can search {request.of}")
