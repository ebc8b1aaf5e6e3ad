"""The repositories of sample data, one declaration each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from . import fields, french, lectures
from .words import LANGUAGES, Field


@dataclass(frozen=True, slots=True)
class SampleCount:
    """How much a task of the sample data holds."""

    n_queries: int
    n_candidates: int
    n_queries_by_language: Mapping[str, int] | None = None
    """None where queries have no language."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the answer to a query is: indices of pages."""

    reference: Sequence[int]
    """Pages that answer it, the most telling one first."""
    document: Sequence[int]
    """All pages of the document they belong to."""


Judge = Callable[[Place], Mapping[int, int]]
"""From the place of an answer to grades by page."""


def equal(place: Place) -> Mapping[int, int]:
    """Every page that answers is as good as another."""
    return dict.fromkeys(place.reference, 1)


def ranked(place: Place) -> Mapping[int, int]:
    """The most telling page is worth two."""
    return {page: 2 if page == place.reference[0] else 1 for page in place.reference}


def by_document(place: Place) -> Mapping[int, int]:
    """Every page of the right document is worth two, and three if it answers."""
    return {page: 3 if page in place.reference else 2 for page in place.document}


def off_by_one(place: Place) -> Mapping[int, int]:
    """The page after the right one, as the page labels were before they were corrected."""
    return {page + 1: 1 for page in place.reference}


@dataclass(frozen=True, slots=True)
class Spec:
    """A set of pages with questions, published as one or more repositories that differ in their judgements."""

    repositories: Mapping[str, Judge]
    field: Field
    layouts: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    pages: int
    queries: int
    """Questions, each asked once in every language."""
    groups: tuple[int, ...] = (1,)
    """Pages on the same subject, in turn."""
    documents: tuple[int, ...] = ()
    """Lengths of the documents, cover and last page included; empty: single pages."""
    languages: tuple[str, ...] = ()
    """Empty: questions have no language column."""
    suffix: str | None = None
    """Extension of the image names that serve as ids; None: ids are integers."""
    charts: tuple[str, ...] = ("bars", "lines", "area")
    blocks: tuple[tuple[str, ...], ...] = (("text", "chart"),)

    @property
    def seed(self) -> str:
        """The name that everything random about the pages hangs on."""
        return min(self.repositories)

    @property
    def count(self) -> SampleCount:
        """How much each of the repositories holds."""
        if not self.languages:
            return SampleCount(self.queries, self.pages)
        by_language = dict.fromkeys(self.languages, self.queries)
        return SampleCount(self.queries * len(self.languages), self.pages, by_language)


_LANDSCAPE, _WIDE, _TALL, _POSTER = (392, 308), (448, 308), (364, 448), (336, 560)
_BLOCKS = (
    ("text", "chart"),
    ("chart", "table"),
    ("text", "table"),
    ("table", "chart"),
    ("chart", "text"),
)
_POSTERS = ("poster", "tiles")
_OFFICE = ("letter", "invoice", "memo", "form")
_PORTRAITS = (_TALL, (364, 476), (392, 448))


def _report(repo: str, field: Field) -> Spec:
    return Spec(
        {f"vidore/{repo}_test_beir": equal}, field, ("report",), _PORTRAITS, pages=24, queries=15, blocks=_BLOCKS
    )


def _human(repo: str, judge: Judge, field: Field, layouts: tuple[str, ...], languages: tuple[str, ...]) -> Spec:
    slides = layouts == ("slide",)
    return Spec(
        {f"vidore/{repo}_v2": judge}, field, layouts, (_LANDSCAPE, _WIDE) if slides else _PORTRAITS,
        pages=25, queries=10, groups=(3, 2), languages=languages,
        blocks=(("text", "chart"), ("chart",)) if slides else _BLOCKS,
    )  # fmt: skip


SPECS = (
    Spec({"vidore/arxivqa_test_subsampled_beir": equal}, fields.SCIENCE, ("figure",), (_LANDSCAPE, (336, 280)), 24, 16,
         charts=("lines", "points", "bars", "area")),
    Spec({"vidore/docvqa_test_subsampled_beir": equal}, fields.OFFICE, _OFFICE, ((364, 504), (392, 504)), 24, 16),
    Spec({"vidore/infovqa_test_subsampled_beir": equal}, fields.LEISURE, _POSTERS, (_POSTER,), 24, 16,
         charts=("strips",)),
    Spec({"vidore/tabfquad_test_subsampled_beir": equal}, french.MARKET, ("table",), ((364, 336), (392, 336)), 24, 16),
    _report("tatdqa", fields.FINANCE),
    _report("shiftproject", french.CLIMATE),
    _report("syntheticDocQA_artificial_intelligence", fields.MACHINES),
    _report("syntheticDocQA_energy", fields.ENERGY),
    _report("syntheticDocQA_government_reports", fields.COUNCIL),
    _report("syntheticDocQA_healthcare_industry", fields.HOSPITAL),
    _human("esg_reports_human_labeled", ranked, lectures.ESG, ("report",), LANGUAGES[:1]),
    _human("biomedical_lectures", equal, lectures.MEDICINE, ("slide",), LANGUAGES),
    _human("economics_reports", equal, lectures.ECONOMY, ("report",), LANGUAGES),
    _human("esg_reports", equal, lectures.ESG, ("report",), LANGUAGES),
    Spec({"openbmb/VisRAG-Ret-Test-ArxivQA": equal}, fields.SCIENCE, ("figure",), ((364, 308), _LANDSCAPE), 24, 16,
         suffix="jpg", charts=("points", "bars", "lines")),
    Spec({"openbmb/VisRAG-Ret-Test-ChartQA": equal}, fields.WORLD, ("chart",), (_LANDSCAPE, (336, 308)), 24, 16,
         suffix="png", charts=("bars", "lines")),
    Spec({"openbmb/VisRAG-Ret-Test-MP-DocVQA": equal}, fields.OFFICE, _OFFICE, ((364, 504), (392, 504)), 24, 16,
         suffix="jpg"),
    Spec({"openbmb/VisRAG-Ret-Test-SlideVQA": equal}, fields.BUSINESS, ("slide",), (_WIDE, (448, 336)), 24, 16,
         suffix="jpg", blocks=(("text", "chart"), ("chart",))),
    Spec({"openbmb/VisRAG-Ret-Test-InfoVQA": equal}, fields.LEISURE, _POSTERS, (_POSTER,), 24, 16, suffix="jpeg",
         charts=("strips",)),
    Spec({"openbmb/VisRAG-Ret-Test-PlotQA": equal}, fields.WORLD, ("chart",), (_WIDE, (392, 308)), 24, 16, suffix="png",
         charts=("points", "lines", "area", "bars")),
    Spec({"VLM2Vec/ViDoSeek": by_document, "VLM2Vec/ViDoSeek-page-fixed": equal, "VLM2Vec/ViDoSeek-page": off_by_one},
         fields.BUSINESS, ("slide",), (_WIDE, (448, 336)), pages=46, queries=18, documents=(6, 5, 8, 4, 7, 5, 6, 5),
         blocks=(("text", "chart"), ("chart",))),
    Spec({"VLM2Vec/MMLongBench-doc": by_document, "VLM2Vec/MMLongBench-page-fixed": equal,
          "VLM2Vec/MMLongBench-page": off_by_one},
         fields.HERITAGE, ("report",), _PORTRAITS, pages=46, queries=18, groups=(1, 2, 1), documents=(8, 12, 6, 11, 9),
         blocks=_BLOCKS),
)  # fmt: skip

COUNTS: Mapping[tuple[str, str | None], SampleCount] = {
    (repo, None): spec.count for spec in SPECS for repo in spec.repositories
}
"""What each repository of pages holds; none of their configurations is a task of its own."""
