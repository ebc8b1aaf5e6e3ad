"""The shape of what sample pages say, with the words every field shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES = ("english", "french", "spanish", "german")
"""Languages of the queries of ViDoRe-V2, in the order of their rows."""

Templates = tuple[str, ...]
"""Sentences with `{}` fields, filled from the facts of a page."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of knowledge: whom its pages are about, what they measure and how they speak."""

    names: tuple[str, ...]
    """Whom or what a page is about; the first word alone tells names apart."""
    topics: tuple[str, ...]
    """What is measured, one word each; no other text of the field uses these words."""
    unit: str
    series: tuple[str, ...]
    """Rows of the page's table and lines of its charts."""
    queries: Mapping[str, Templates]
    """Questions by language; the same places of each tuple are translations of each other."""
    sentences: Templates
    """What only this field says; the sentences of its language come on top."""
    columns: tuple[str, ...] = ()
    """Columns of the page's table; empty: the years up to the page's own."""
    axis: str = "Year"
    """What the columns are."""
    title: str = "{Name}"
    subtitle: str = "{Topic} {year}"
    caption: str = "{Topic} of {name}, in {unit}"
    language: str = "english"
    """Language of the pages, and of the questions where these come in one only."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """The fixed phrases of a language."""

    sentences: Templates
    header: str
    page: str
    source: str
    figure: str
    table: str


PHRASES: Mapping[str, Phrases] = {
    "english": Phrases(
        sentences=(
            'The line "{lead}" stands at {first} {unit} in {begin} and at {last} {unit} in {end}.',
            'The highest value of "{lead}", {top} {unit}, was recorded in {high}.',
            "The lowest point came in {low}, with {bottom} {unit}.",
            'Nothing suggests that the lines "{lead}" and "{other}" will meet soon.',
            "A second team, based in {place}, checked the numbers before they were printed.",
            "Readers who compare {high} with {low} will see how far the two lie apart.",
            'The line "{other}" follows a different path and is given for comparison.',
            "Details of the method can be requested from {person} in {place}.",
        ),
        header="Reviewed by {person}, {place}",
        page="Page {number}",
        source="Source: {person}, {place}, {year}",
        figure="Figure {number}: {caption}",
        table="Table {number}: {caption}",
    ),
    "french": Phrases(
        sentences=(
            "Pour la ligne « {lead} », la valeur la plus haute, {top} {unit}, est atteinte en {high}.",
            "Le point le plus bas se situe en {low}, avec {bottom} {unit}.",
            "Entre {begin} et {end}, le chiffre passe de {first} à {last} {unit}.",
            "Une seconde équipe, installée à {place}, a relu les données avant leur publication.",
            "Les relevés ont été coordonnés par {person}, qui répond aux questions des lecteurs.",
            "L'écart entre {high} et {low} montre que les habitudes changent vite.",
        ),
        header="Dossier suivi par {person}, {place}",
        page="Page {number}",
        source="Source : {person}, {place}, {year}",
        figure="Figure {number} : {caption}",
        table="Tableau {number} : {caption}",
    ),
}

CLOSING = (
    "This review was written for readers who know the house and for those who do not.",
    "Questions and corrections are welcome at the address below.",
)

PLACES = (
    "Porto", "Vienna", "Tallinn", "Genoa", "Utrecht", "Malmo", "Zagreb", "Leipzig", "Cardiff", "Split", "Aarhus",
    "Riga",
)  # fmt: skip
"""Cities that are never the subject of a page."""

PEOPLE = (
    "A. Novak", "B. Okafor", "C. Lindqvist", "D. Marino", "E. Tanaka", "F. Duval", "G. Petersen", "H. Rossi",
    "I. Mensah", "J. Keller", "K. Oduya", "L. Varga",
)  # fmt: skip

SENDERS = ("Brightwell & Sons", "Crown Supply Co.", "Northgate Traders", "Penrose Works", "Redmond Brothers")

STREETS = ("Mill Lane", "Station Road", "Church Street", "Quay Side", "Orchard Way", "Kingsway")
