"""Documents in every format, with texts that would mean something in it."""

import csv
import io
import json
from collections.abc import Sequence
from html.parser import HTMLParser

import pytest

from rzen_eval.results.tables.document import FORMATS, Document, Part, Table
from rzen_eval.results.tables.escape import for_csv, for_html, for_json, for_latex, for_markdown, for_terminal

NASTY = "a|<b>_%&`*[x](y) \x1b[31m\u202e=1"
TABLE = Table(["Model", "Score"], [["one", "1.00"], [NASTY, "2.50"]], "All", {(1, 1)})
DOCUMENT = Document(
    [Part("A title", ["A paragraph."], [TABLE]), Part("More", points=["a point", NASTY])],
    records=[{"model": "one", "score": 1.0}, {"model": "=1+1", "score": None, "extra": -2}],
    command="rzen-eval table",
)


def test_markdown_is_what_was_written_by_hand():
    plain = Document([Part("A title", ["Text."], [Table(["Model", "Score"], [["one", "1.00"]], "All", {(0, 1)})])])
    assert (
        FORMATS["md"](plain)
        == """\
# A title

Text.

### All

| Model   | Score    |
|:--------|:---------|
| one     | **1.00** |
"""
    )


def test_every_format_has_the_title_the_numbers_and_what_made_it():
    for kind in ("md", "html", "latex"):
        made = FORMATS[kind](DOCUMENT)
        assert all(text in made for text in ("A title", "2.50", "a point", "Made by", "rzen-eval table")), kind
    assert set(FORMATS) == {"md", "html", "latex", "csv", "json"}


def test_no_format_lets_a_terminal_be_steered_or_a_text_be_turned():
    nasty = Document(DOCUMENT.parts, [{NASTY: NASTY}], command=NASTY)
    for kind in FORMATS:
        assert not {"\x1b", "\u202e", "\x9b"} & set(FORMATS[kind](nasty)), kind


class Cells(HTMLParser):
    """The texts of the cells of a page's rows; fails at a tag that no document writes."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        assert tag not in {"script", "x"}
        if tag == "td" or (tag == "th" and ("scope", "row") in attrs):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def test_a_page_shows_texts_as_they_are():
    page = Cells()
    page.feed(FORMATS["html"](DOCUMENT))
    assert [cell.strip() for cell in page.cells[:3]] == ["one", "1.00", for_terminal(NASTY)]


def test_csv_and_json_hold_numbers_and_nothing_for_what_is_not_known():
    lines = list(csv.reader(io.StringIO(FORMATS["csv"](DOCUMENT))))
    assert lines == [["model", "score", "extra"], ["one", "1.0", ""], ["'=1+1", "", "-2"]]
    assert json.loads(FORMATS["json"](DOCUMENT)) == DOCUMENT.records
    assert json.loads(FORMATS["json"](Document([], content={"a": None}))) == {"a": None}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_cell_that_a_spreadsheet_would_compute_begins_with_an_apostrophe(text: str):
    assert for_csv(text) == f"'{for_terminal(text)}"
    assert (for_csv("1-1"), for_csv(-1.5), for_csv(None)) == ("1-1", -1.5, None)


def test_each_format_escapes_what_means_something_in_it_and_nothing_else():
    plain = "RzenEmbed-v2-7B (71.61 †, task_name, 1 of 3): A & B #1 – x/y"
    assert for_markdown(plain) == for_terminal(plain) == plain
    assert for_markdown("<|im_end|> a_b _c_ *d* `e` [f](g) &lt;") == (
        r"&lt;\|im_end\|> a_b \_c\_ \*d\* \`e\` [f]\(g) &amp;lt;"
    )
    assert for_html("<a href='x'>&") == "&lt;a href=&#x27;x&#x27;&gt;&amp;"
    assert for_latex(r"50 % of a_b & \x{y} ~ ^ # $ <|>") == (
        r"50 \% of a\_b \& \textbackslash{}x\{y\} \textasciitilde{} \textasciicircum{} \# \$"
        r" \textless{}\textbar{}\textgreater{}"
    )
    assert for_terminal("a\tb\nc\x1b[2J\x07\x7f\x9b\u202e") == "a b c␛[2J␇␡��"
    assert for_json(["é\x9b\u202e"]) == '[\n  "é\\u009b\\u202e"\n]\n'
