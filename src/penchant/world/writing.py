"""Sentences of the society: templates with at least twenty ways to say each kind of thing.

A template names what it needs in braces; `say` fills it and refuses to leave anything open. Two ways of one kind say
the same, so that no word but those of the attributes tells what a thing is.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping

from penchant.errors import UnknownName

_BEGINNING = re.compile(r"(?:^|[.!?] )[a-z]")

# Titles: {brand} and {thing} always; of the other attributes those that the template names.
TITLES = (
    "{brand} {colour} {thing}", "{brand} {style} {thing} in {colour}", "{style} {thing} by {brand}",
    "{colour} {material} {thing}, {brand}", "{brand} {thing}, {feature}", "{feature} {material} {thing} from {brand}",
    "{brand}: {style} {colour} {thing}", "{thing} in {material}, {brand}", "{brand} {material} {thing} ({colour})",
    "{colour} {thing} by {brand}, {feature}", "{brand} {feature} {thing} in {colour}", "{style} {material} {thing} | {brand}",
    "{thing} by {brand}, {colour} and {feature}", "{brand} {thing}, {style} {material}", "the {style} {thing} of {brand}, {colour}",
    "{material} {thing} from {brand}, {feature}", "{brand} {colour} {thing}, {style}", "{feature} {thing} in {colour}, {brand}",
    "{brand} {thing} - {colour}, {material}", "{style} {colour} {thing} made by {brand}", "{brand} {thing} with a {style} look",
    "{colour} {feature} {thing} | {brand}",
)  # fmt: skip

OPENINGS = (
    "This {thing} by {brand} is made for every day.", "A {thing} that you will reach for again and again, from {brand}.",
    "{brand} presents a {thing} for home and travel.", "Meet the new {thing} of {brand}.",
    "Here is a {thing} from {brand} that does its work.", "{brand} has been making this {thing} for years.",
    "The {thing} from {brand} is a favourite of many.", "Looking for a {thing}? {brand} has one.",
    "With this {thing}, {brand} shows what it can do.", "A good {thing} lasts, and {brand} knows it.",
    "{brand} took its time with this {thing}.", "Our buyers picked this {thing} by {brand}.",
    "An honest {thing} from the house of {brand}.", "This is the {thing} that {brand} is known for.",
    "For anyone in need of a {thing}, {brand} has the answer.", "{brand} designed this {thing} with care.",
    "A {thing} with the name {brand} on it keeps its promise.", "Few can build a {thing} as {brand} does.",
    "The workshop of {brand} sends this {thing}.", "You get one {thing} by {brand}, packed with care.",
    "This {thing} comes straight from {brand}.",
)  # fmt: skip

# One sentence about one attribute; {word} is its value or a word that means the same.
SENTENCES: dict[str, tuple[str, ...]] = {
    "colour": (
        "Its colour is {word}.", "It comes in {word}.", "You get it in {word}.", "The finish is {word}.",
        "{word} all over, inside and out.",
    ),
    "material": (
        "The material: {word}.", "It is made from {word} parts.", "The body is {word}.", "Expect {word} throughout.",
        "We chose {word} for the parts that matter.",
    ),
    "style": (
        "The look is {word}.", "Its lines are {word}.", "A {word} design rounds it off.", "The style is {word}.",
        "It brings a {word} touch to any place.",
    ),
    "feature": (
        "It is {word}.", "Best of all, it is {word}.", "In use it proves {word}.", "You will find it {word}.",
        "People praise it for being {word}.",
    ),
}  # fmt: skip

SELLING_POINTS: dict[str, tuple[str, ...]] = {
    "colour": ("in {word}", "colour: {word}", "{word} finish", "comes in {word}", "the {word} one"),
    "material": ("{word} body", "made with {word}", "material: {word}", "{word} parts", "all {word}"),
    "style": ("{word} look", "{word} design", "style: {word}", "{word} lines", "a {word} touch"),
    "feature": ("{word} in use", "proven {word}", "really {word}", "{word} by design", "so {word}"),
}

# What a review is about, as a noun phrase.
REASONS: dict[str, str] = {
    "colour": "the {word} colour", "material": "the {word} material", "style": "the {word} style",
    "feature": "how {word} it is", "brand": "the work of {word}", "price": "the price",
}  # fmt: skip

PRAISE = (
    "I like {reason}.", "Bought this {thing} and I love {reason}.", "What won me over was {reason}.",
    "Happy with it, above all with {reason}.", "{reason}: exactly what I wanted.", "I would buy this {thing} again, because of {reason}.",
    "Great {thing}! {reason} makes all the difference.", "My favourite part is {reason}.", "Five of five for {reason}.",
    "Nothing to complain about, {reason} is perfect.", "I had been looking for {reason}, and here it is.", "A pleasure to own: {reason}.",
    "Everyone asks me about {reason}.", "The best about this {thing} is {reason}.", "Very pleased, mostly by {reason}.",
    "I chose it for {reason} and was right.", "Could not be happier about {reason}.", "It is {reason} that I enjoy each day.",
    "Highly recommended, thanks to {reason}.", "Wonderful, especially {reason}.", "Glad I found a {thing} with this: {reason}.",
)  # fmt: skip
BLAME = (
    "I do not like {reason}.", "Bought this {thing} and I regret {reason}.", "What put me off was {reason}.",
    "Unhappy with it, above all with {reason}.", "{reason}: not what I wanted.", "I would not buy this {thing} again, because of {reason}.",
    "Poor {thing}. {reason} ruins it.", "The worst part is {reason}.", "One of five for {reason}.",
    "Much to complain about, {reason} first of all.", "I had hoped for anything but {reason}.", "No pleasure to own: {reason}.",
    "Nobody in my house can stand {reason}.", "The trouble with this {thing} is {reason}.", "Disappointed, mostly by {reason}.",
    "I overlooked {reason} and was wrong.", "Could not be sadder about {reason}.", "It is {reason} that annoys me each day.",
    "Not recommended, owing to {reason}.", "Sent it back, because of {reason}.", "Wish I had found a {thing} without this: {reason}.",
)  # fmt: skip

KINDS: dict[str, tuple[str, ...]] = {
    "title": TITLES, "opening": OPENINGS, "praise": PRAISE, "blame": BLAME,
    **{f"sentence about {name}": ways for name, ways in SENTENCES.items()},
    **{f"point about {name}": ways for name, ways in SELLING_POINTS.items()},
}  # fmt: skip


def ways(kind: str) -> tuple[str, ...]:
    """All templates of a kind.

    Raises:
        UnknownName: there is no such kind.
    """
    if kind not in KINDS:
        raise UnknownName("kind of text", kind, KINDS)
    return KINDS[kind]


def needs(template: str) -> tuple[str, ...]:
    """The names in braces, in order."""
    return tuple(name for _, name, _, _ in string.Formatter().parse(template) if name)


def say(template: str, words: Mapping[str, str], sentences: bool = False) -> str:
    """A template filled with words and begun with a large letter; in a text of sentences, every one of them.

    Raises:
        KeyError: a word that the template needs is missing.
    """
    text = template.format_map(words)
    if sentences:
        return _BEGINNING.sub(lambda found: found.group().upper(), text)
    return text[0].upper() + text[1:]
