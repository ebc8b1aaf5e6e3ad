"""`rzen-eval table`: what stands in the tables, and every format of them."""

import csv
import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.published import Reference
from rzen_eval.cli.main import main
from rzen_eval.core import Result
from rzen_eval.results import store
from rzen_eval.results.tables import formats, leaderboard, rows
from rzen_eval.results.tables.rows import Row
from tests.results.test_store import RUN, result
from tests.runs import manifest_of, together

BENCHMARK = {"image": {"I-CLS": ["a"]}, "video": {"V-QA": ["b"]}, "visdoc": {"VisRAG": ["c", "d"]}}
MADE_OF = manifest_of(BENCHMARK)
COLUMNS = tuple(manifest().columns())
TABLE = Callable[..., str]


def model(name: str, *, version: str = "2.1", **tasks: float) -> Row:
    return rows.published(Reference(model=name, data_version=version, source="a paper", tasks=tasks), MADE_OF)


def scored(*results: Result, version: str | None = None) -> list[Row]:
    return rows.scored("m", results, "results", MADE_OF, version)


@pytest.fixture
def table(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TABLE:
    """Run the verb in an empty folder; gives what it prints."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str, code: int = 0) -> str:
        assert main(["table", *words]) == code
        captured = capsys.readouterr()
        return captured.err if code else captured.out

    return run


def write(folder: Path, name: str, score: float, **fields: object) -> None:
    provenance = {"dataset": {"source": "hub"}, "versions": ["2.0", "2.1"], "model": {"parameters_b": 8.29}}
    store.write(folder, result(name, score, **{"provenance": provenance, **fields}), RUN)


def test_a_small_document_is_the_one_worked_out_by_hand():
    # A: (60 + 40 + 50 + 31) / 4 = 45.25. B has no video: (70 + 50 + 30) / 3 = 50 over part, so it is not first.
    found = [model("B", a=70, c=50, d=30), model("A", a=60, b=40, c=50, d=31)]
    text = formats.markdown(leaderboard.sections(found, MADE_OF), "rzen-eval table")
    body = text.split("Made by `rzen-eval table`.\n\n")[1]
    assert (
        body
        == """\
## Data 2.1: page labels as corrected in November 2025, 1602 MomentSeeker queries

### MMEB-V2

| Model   | Overall        | Image     | Video   | Visdoc    |
|:--------|:---------------|:----------|:--------|:----------|
| A       | 45.25          | 60.00     | 40.00   | **40.50** |
| B       | 50.00 (3 of 4) | **70.00** | –       | 40.00     |

### Image

| Model   | Image     | I-CLS     |
|:--------|:----------|:----------|
| B       | **70.00** | **70.00** |
| A       | 60.00     | 60.00     |

### Video

| Model   | Video   | V-QA   |
|:--------|:--------|:-------|
| A       | 40.00   | 40.00  |

### Visdoc

| Model   | Visdoc    | VisRAG    |
|:--------|:----------|:----------|
| A       | **40.50** | **40.50** |
| B       | 40.00     | 40.00     |

* A, B: a paper
"""
    )


def test_versions_of_the_data_stand_apart_and_each_has_its_own_best():
    parts = leaderboard.sections([model("A", a=9), model("B", a=8), model("C", version="2.0", a=99)], MADE_OF)
    assert [part.version.name for part in parts] == ["2.1", "2.0"]
    assert [list(part.tables[1].texts["Model"]) for part in parts] == [["A", "B"], ["C"]]
    assert list(parts[0].tables[1].best["Image"]) == [True, False]


def test_results_of_both_versions_are_two_rows_and_of_neither_one():
    both = {"versions": ["2.0", "2.1"]}
    old = result("c_v2_0", 0.1, task="c", provenance={"versions": ["2.0"]})
    new = result("c", 0.9, provenance={"versions": ["2.1"]})
    shared = result("d", 0.5, provenance=both)
    found = {row.data_version: row.cells["VisRAG"].text() for row in scored(old, new, shared)}
    assert found == {"2.1": "70.00", "2.0": "30.00"}
    assert [row.data_version for row in scored(shared)] == ["2.1"]
    assert [row.data_version for row in scored(shared, version="2.0")] == ["2.0"]


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"marks": ["other_data"]}, "not the benchmark's data"),
        ({"provenance": {"dataset": {"source": "sample"}}}, "made-up sample, not the benchmark"),
        ({"provenance": {"imported": {"from": "mteb"}}}, "imported from mteb"),
    ],
)
def test_what_is_not_the_benchmark_is_marked_said_and_never_the_best(fields: dict[str, object], note: str):
    other = scored(result("c", 0.9, **fields), result("d", 0.9, **fields))
    part = leaderboard.sections([*other, model("A", c=1, d=1), model("B", c=2, d=2)], MADE_OF)[0]
    visdoc = part.tables[1]
    assert list(visdoc.texts["VisRAG"]) == ["2.00", "1.00", "90.00 †"]
    assert list(visdoc.best["VisRAG"]) == [True, False, False]
    assert part.notes == {note: ["m"]}


def test_a_note_on_some_tasks_says_on_how_many():
    (row,) = scored(result("c", 0.1, marks=["collapsed"]), result("d", 0.1))
    assert row.notes == ["collapsed (1 of 2 tasks)"]


def test_limited_results_are_left_out():
    assert scored(result("c", 0.9, limit=3)) == []


def test_equal_values_are_all_best():
    part = leaderboard.sections([model("A", a=50.001), model("B", a=50.002)], MADE_OF)[0]
    assert list(part.tables[1].best["Image"]) == [True, True]


def test_single_tasks_are_a_table_of_their_own_with_the_best_of_each():
    part = leaderboard.sections([model("A", c=1, d=4), model("B", c=2)], MADE_OF, per_task=True)[0]
    tasks = part.tables[-1]
    assert tasks.texts.to_numpy().tolist() == [["c", "1.00", "2.00"], ["d", "4.00", "–"]]
    assert tasks.best.to_numpy().tolist() == [[False, False, True], [False, False, False]]


def test_json_has_exactly_the_columns_of_the_card_and_its_figures(table: TABLE):
    found = json.loads(table("--published-only", "--format", "json"))
    assert all(tuple(line) == ("model", "data_version", "size_b", *COLUMNS, "note") for line in found)
    rzen = next(line for line in found if (line["model"], line["data_version"]) == ("RzenEmbed-v2-7B", "2.0"))
    assert list(rzen.values()) == [
        "RzenEmbed-v2-7B", "2.0", 8.29, 71.61, 75.92, 70.61, 71.67, 78.5, 92.1, 55.73, 58.82, 63.5, 50.97, 45.54, 77.06,
        89.7, 60.7, 88.7, 44.38, "",
    ]  # fmt: skip


def test_the_inconsistency_of_the_card_is_flagged_in_every_format(table: TABLE):
    for kind in ("md", "json", "csv", "html", "latex"):
        text = table("--published-only", "--models", "VLM2Vec-V2.0", "--format", kind)
        assert "Video: 34.85 as printed, 34.58 from the scores of its tasks" in text


def test_no_number_stands_for_an_average_over_part(table: TABLE):
    (line,) = json.loads(table("--published-only", "--models", "colpali", "--data-version", "2.1", "--format=json"))
    assert (line["Overall"], line["Visdoc"], line["VisDoc-OOD"], line["Image"]) == (None, None, None, 34.89)
    assert "Visdoc 76.52 (22 of 24)" in line["note"]
    assert "| 45.36 (76 of 78) |" in table("--published-only", "--models", "colpali", "--data-version", "2.1")


def test_csv_and_json_say_the_same(table: TABLE):
    lines = list(csv.DictReader(io.StringIO(table("--published-only", "--format", "csv"))))
    found = json.loads(table("--published-only", "--format", "json"))
    assert len(lines) == len(found) == 46
    for line, row in zip(lines, found, strict=True):
        assert {key: float(value) for key, value in line.items() if key in COLUMNS and value} == {
            key: value for key, value in row.items() if key in COLUMNS and value is not None
        }
        assert (line["model"], line["data_version"], line["note"]) == (row["model"], row["data_version"], row["note"])


class Cells(HTMLParser):
    """The texts of a page's tables, row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.inside = True
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in {"td", "th"}

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data.strip()


def test_html_and_latex_hold_the_same_table_as_markdown(table: TABLE):
    words = ("--published-only", "--data-version", "2.0", "--models", "rzen,seed")
    expected = [
        ["Model", "Overall", "Image", "Video", "Visdoc"],
        ["RzenEmbed-v2-7B", "71.61", "75.92", "55.73", "77.06"],
        ["seed-1.6-embedding", "71.27", "77.78", "55.34", "73.44"],
    ]
    lines = [line.strip("| ").replace("*", "").split("|") for line in table(*words).splitlines() if line[:1] == "|"]
    assert [[cell.strip() for cell in lines[place]] for place in (0, 2, 3)] == expected
    page = Cells()
    page.feed(table(*words, "--format", "html"))
    assert page.rows[:3] == expected
    latex = table(*words, "--format", "latex").split("\\midrule")[1].split("\\bottomrule")[0]
    plain = latex.replace("\\bfseries ", "").replace("\\\\", "").strip().splitlines()
    assert [[cell.strip() for cell in line.split("&")] for line in plain] == expected[1:]
    assert "\\bfseries 71.61" in latex
    assert "\\bfseries 71.27" not in latex


def test_names_are_escaped_where_they_would_mean_something():
    parts = leaderboard.sections([model("a|<b>_%&", a=1, b=1, c=1, d=1)], MADE_OF)
    assert "| a\\|&lt;b>_%& " in formats.markdown(parts, "x")
    page = formats.page(parts, "<x>")
    assert "a|&lt;b&gt;_%&amp;" in page
    assert "<b>" not in page
    assert "<x>" not in page
    assert "a|<b>\\_\\%\\&" in formats.latex(parts, "x").split("\\midrule")[1]


def test_bold_cells_of_the_page_are_the_best(table: TABLE):
    page = table("--published-only", "--data-version", "2.0", "--models", "rzen,seed", "--format", "html")
    style = page.split("</style>")[1]
    bold = re.findall(r"#(T_0_0_row\d_col\d)", style)
    assert bold == ["T_0_0_row0_col1", "T_0_0_row0_col3", "T_0_0_row0_col4", "T_0_0_row1_col2"]


def test_results_and_published_rows_stand_in_one_table(table: TABLE, tmp_path: Path):
    for name, task in (("vidoseek_doc", "ViDoSeek-doc"), ("mmlongbench_doc", "MMLongBench-doc")):
        write(tmp_path / "results/mine", name, 0.5, task=task, group="VisDoc-OOD")
    for words in ((), ("results",), ("results/mine",), ("results_dir=results",)):
        text = " ".join(table(*words, "--models", "mine").split())
        assert "| mine | 50.00 (2 of 78) | – | – | 50.00 (2 of 24) |" in text
    assert table("--models", "mine").count("| mine") == table("models=mine").count("| mine") == 2
    (line,) = json.loads(table("--models", "mine", "--format", "json"))
    assert (line["size_b"], line["Visdoc"]) == (8.29, None)
    both = table("--data-version", "2.1")
    assert "Qwen3-VL-Embedding-8B" in both
    assert "mine: results in results" in both


def test_models_of_one_name_in_two_folders_are_told_apart(table: TABLE, tmp_path: Path):
    for folder in ("one", "two"):
        write(tmp_path / folder / "mine", "vidoseek_doc", 0.5, task="ViDoSeek-doc")
    found = json.loads(table("one", "two", "--models", "mine", "--format", "json"))
    assert {line["model"] for line in found} == {"mine", "mine (two)"}


def test_precision_sets_the_digits(table: TABLE):
    words = ("--published-only", "--models", "VLM2Vec-V2.0", "--data-version", "2.0", "--format", "json")
    (line,) = json.loads(table(*words, "--digits", "3"))
    assert line["V-QA"] == 34.324
    (line,) = json.loads(table(*words, "--digits", "0"))
    assert (line["Overall"], line["Video"]) == (58.0, 35.0)


def test_single_tasks_go_into_lists_too(table: TABLE):
    words = ("--published-only", "--models", "colpali", "--data-version", "2.0", "--per-task")
    (line,) = json.loads(table(*words, "--format", "json"))
    assert (len(line["tasks"]), line["tasks"]["ViDoSeek-doc"]) == (78, 83.66)
    frame = pd.read_csv(io.StringIO(table(*words, "--format", "csv")))
    assert frame["ViDoSeek-doc"].tolist() == [83.66]


def test_a_table_can_be_written_to_a_file(table: TABLE, tmp_path: Path):
    assert table("--published-only", "--output", "new/table.md") == ""
    assert (tmp_path / "new/table.md").read_text().startswith("# MMEB-V2\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "no folder at nowhere"),
        (("empty",), "empty holds no results; expected <model>/<task>.json"),
        (("--format", "pdf"), "argument --format: expected one of md, latex, html, json, csv, found 'pdf'"),
        (("--data-version", "3"), "argument --data-version: expected one of 2.1, 2.0.1, 2.0, found '3'"),
        (("--digits", "many"), "argument --digits: expected a whole number, 0 to 6, found 'many'"),
        (("--models", "rzenembd"), "no model 'rzenembd' (did you mean RzenEmbed?)"),
        (("--published-only", "empty"), "--published-only prints published rows alone"),
        (("--nothing",), "unknown option --nothing"),
        (("--models", "RzenEmbed-v2-7B", "--data-version", "2.0.1"), "no row of data version 2.0.1"),
    ],
)
def test_what_cannot_be_printed_is_one_line(table: TABLE, tmp_path: Path, words: tuple[str, ...], said: str):
    (tmp_path / "empty").mkdir()
    error = table(*words, code=2)
    assert said in error
    assert error.count("\n") == 1


def test_the_committed_tables_are_current(table: TABLE, tmp_path: Path):
    checkout = Path(__file__).parents[3]
    listed = subprocess.run(
        ["git", "-C", checkout, "ls-files", "results"], capture_output=True, text=True, check=False
    ).stdout.split()
    for name in listed:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(checkout / name, tmp_path / name)
    assert (checkout / "results/README.md").read_text() == table(), "rzen-eval table > results/README.md"


def test_benchmarks_beside_each_other_have_tables_of_their_own():
    beside = together(MADE_OF, manifest_of({"visdoc": {"Pages": ["x", "y"], "Slides": ["z"]}}, "pages_1"))
    own, other = {"versions": ["2.0", "2.1"]}, {"versions": ["pages_1"]}
    results = [
        result("a", 0.5, provenance=own),
        result("x", 0.25, provenance=other),
        result("y", 0.75, provenance=other),
    ]
    found = rows.scored("m", results, "results", beside)
    cells = [{name: cell.text() + cell.part for name, cell in row.cells.items()} for row in found]
    assert list(zip([row.data_version for row in found], cells, strict=True)) == [
        ("2.1", {"Overall": "50.00 (1 of 4)", "Image": "50.00", "I-CLS": "50.00"}),
        ("pages_1", {"Overall": "50.00 (2 of 3)", "Pages": "50.00"}),
    ]  # fmt: skip
    sections = leaderboard.sections(found, beside)
    assert [[table.title for table in section.tables] for section in sections] == [["Toy 0", "Image"], ["Toy 1"]]
    assert list(sections[1].tables[0].texts) == ["Model", "Overall", "Pages", "Slides"]
    first, second = leaderboard.flat(found, beside)
    assert list(first) == list(second)
    assert (first["Pages"], second["Pages"], second["I-CLS"]) == (None, 50.0, None)
