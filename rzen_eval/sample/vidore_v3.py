"""Made-up repositories in the layout of ViDoRe V3: questions in six languages over the same pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import six_languages as asked
from .files import encode, write_repository
from .six_languages import LANGUAGES
from .specs import SampleCount, Spec, ranked
from .visdoc import corpus, draw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from .pages import Page
    from .visdoc import Corpus
    from .words import Field

PAGES, QUESTIONS = 15, 6
"""Of a set, beside the page that is there twice; every question is asked in each language."""
TWICE = 4
"""The page that comes once more at the end: real corpora hold equal pages, whose scores are equal."""


@dataclass(frozen=True, slots=True)
class Repositories:
    """A set of pages with questions: as images, and as images with the text that was read off them."""

    images: str
    images_and_text: str
    spec: Spec

    @property
    def count(self) -> SampleCount:
        """How much each of them holds."""
        by_language = dict.fromkeys(LANGUAGES, QUESTIONS)
        return SampleCount(QUESTIONS * len(LANGUAGES), PAGES + 1, by_language)


def _set(slug: str, name: str, field: Field, layout: str, size: tuple[int, int]) -> Repositories:
    repo = f"vidore/vidore_v3_{slug}_mteb_format"
    spec = Spec(
        {repo: ranked}, field, (layout,), (size,),
        pages=PAGES, queries=QUESTIONS, groups=(2, 1, 3), languages=LANGUAGES,
        blocks=(("text", "chart"), ("chart", "table")),
    )  # fmt: skip
    return Repositories(repo, f"mteb/Vidore3{name}OCRRetrieval", spec)


SETS = (
    _set("finance_en", "FinanceEn", asked.ECONOMY, "report", (364, 448)),
    _set("industrial", "Industrial", asked.ESG, "report", (364, 476)),
    _set("computer_science", "ComputerScience", asked.MEDICINE, "slide", (392, 308)),
    _set("pharmaceuticals", "Pharmaceuticals", asked.MEDICINE, "slide", (448, 336)),
    _set("hr", "Hr", asked.ESG, "report", (364, 448)),
    _set("finance_fr", "FinanceFr", asked.MARKET, "table", (392, 336)),
    _set("physics", "Physics", asked.CLIMATE, "report", (392, 448)),
    _set("energy", "Energy", asked.CLIMATE, "report", (364, 476)),
)

COUNTS: Mapping[tuple[str, str | None], SampleCount] = {
    (repo, None): one.count for one in SETS for repo in (one.images, one.images_and_text)
}


def write(root: Path, world: str = "") -> None:
    """Write the repositories of every set under a folder."""
    for one in SETS:
        made = corpus(one.spec, world)
        pages = [*made.pages, made.pages[TWICE]]
        images = [encode(draw(page).image) for page in pages]
        ids = [f"corpus-test-{number}" for number in range(len(pages))]
        texts = [_text(page) if number % 5 else "" for number, page in enumerate(pages)]
        columns: dict[str, Sequence[Any]] = {"image": images, "id": ids}
        write_repository(root / one.images, "test", _tables(made, columns))
        write_repository(root / one.images_and_text, "test", _tables(made, {**columns, "text": texts}))


def _tables(made: Corpus, pages: Mapping[str, Sequence[Any]]) -> dict[str, Mapping[str, Sequence[Any]]]:
    """The eighteen tables of a repository; pages and judgements are the same in each language, and in one file here."""
    judged = [
        (f"query-test-{QUESTIONS * turn + number}", pages["id"][page], grade)
        for turn in range(len(LANGUAGES))
        for number, question in enumerate(made.questions)
        for page, grade in ranked(question.place).items()
    ]
    qrels = dict(zip(("query-id", "corpus-id", "score"), zip(*judged, strict=True), strict=True))
    tables: dict[str, Mapping[str, Sequence[Any]]] = {}
    for turn, language in enumerate(LANGUAGES):
        tables[f"{language}-corpus"] = pages
        tables[f"{language}-qrels"] = qrels
        tables[f"{language}-queries"] = {
            "language": [language] * QUESTIONS,
            "id": [f"query-test-{QUESTIONS * turn + number}" for number in range(QUESTIONS)],
            "text": [question.text[language] for question in made.questions],
        }
    return tables


def _text(page: Page) -> str:
    """What a reader of print would write down of a page, as Markdown."""
    table = [[page.table.axis, *page.table.columns]]
    table += [[row, *map(str, values)] for row, values in page.table.rows.items()]
    lines = ["| " + " | ".join(cells) + " |" for cells in table]
    return "\n\n".join([f"# {page.title}", page.subtitle, *page.sentences[:3], "\n".join(lines), page.footer]) + "\n"
