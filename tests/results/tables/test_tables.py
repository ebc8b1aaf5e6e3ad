"""`rzen-eval table`: every format of the tables."""

import csv
import io
import json
import re
import shutil
import subprocess
from functools import partial
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.results import store
from tests.conftest import Command
from tests.results.test_store import RUN, result

COLUMNS = tuple(manifest().columns())


@pytest.fixture
def table(run: Command) -> Command:
    """Run the verb in an empty folder; gives what it prints."""
    return partial(run, "table")


def write(folder: Path, name: str, score: float, **fields: object) -> None:
    provenance = {"dataset": {"source": "hub"}, "versions": ["2.0", "2.1"], "model": {"parameters_b": 8.29}}
    store.write(folder, result(name, score, **{"provenance": provenance, **fields}), RUN)


def test_json_has_exactly_the_columns_of_the_card_and_its_figures(table: Command):
    found = json.loads(table("--published-only", "--format", "json"))
    for line in found:
        columns = manifest().columns(line["data_version"])
        assert tuple(line) == ("model", "data_version", "size_b", *columns, "note")
    assert tuple(manifest().columns("2.0")) == tuple(COLUMNS)
    rzen = next(line for line in found if (line["model"], line["data_version"]) == ("RzenEmbed-v2-7B", "2.0"))
    assert list(rzen.values()) == [
        "RzenEmbed-v2-7B", "2.0", 8.29, 71.61, 75.92, 70.61, 71.67, 78.5, 92.1, 55.73, 58.82, 63.5, 50.97, 45.54, 77.06,
        89.7, 60.7, 88.7, 44.38, "",
    ]  # fmt: skip


def test_a_row_of_vidore_v3_has_its_own_averages_and_none_of_mmebs(table: Command):
    words = ("--published-only", "--models", "colqwen2", "--data-version", "vidore-3")
    (line,) = json.loads(table(*words, "--format", "json"))
    assert (line["Public"], line["Hr"], line["German"]) == (44.18, 45.11, 39.84)
    assert not {"Overall", "Visdoc"} & set(line)
    assert "| colqwen2-v1.0 | 44.18 " in " ".join(table(*words).split())


def test_the_inconsistency_of_the_card_is_flagged_in_every_format(table: Command):
    for kind in ("md", "json", "csv", "html", "latex"):
        text = table("--published-only", "--models", "VLM2Vec-V2.0", "--format", kind)
        assert "Video: 34.85 as printed, 34.58 from the scores of its tasks" in text


def test_no_number_stands_for_an_average_over_part(table: Command):
    (line,) = json.loads(table("--published-only", "--models", "colpali", "--data-version", "2.1", "--format=json"))
    assert (line["Overall"], line["Visdoc"], line["VisDoc-OOD"], line["Image"]) == (None, None, None, 34.89)
    assert "Visdoc 76.52 (22 of 24)" in line["note"]
    assert "| 45.36 (76 of 78) |" in table("--published-only", "--models", "colpali", "--data-version", "2.1")


def test_csv_and_json_say_the_same(table: Command):
    lines = list(csv.DictReader(io.StringIO(table("--published-only", "--format", "csv"))))
    found = json.loads(table("--published-only", "--format", "json"))
    assert len(lines) == len(found) == 68
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


def test_html_and_latex_hold_the_same_table_as_markdown(table: Command):
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


def test_cells_that_name_rows_and_columns_of_the_page_say_so_and_every_table_has_a_caption(table: Command):
    for words in (("--data-version", "2.0"), ("--columns", "Visdoc")):
        page = table("--published-only", "--models", "rzen", *words, "--format", "html")
        for one in page.split("<table>")[1:]:
            assert re.match(r"\s*<caption( class=\"heard\")?>.+</caption>", one)
            head, body = one.split("<tbody>")
            assert head.count("<th ") == head.count('scope="col"') > 1
            assert body.count("<tr>") == len(re.findall(r'<tr><th scope="row">[^<]+</th><td>', body)) > 0


def test_bold_cells_of_the_page_are_the_best(table: Command):
    page = table("--published-only", "--data-version", "2.0", "--models", "rzen,seed", "--format", "html")
    first = page.split("</table>")[0]
    assert re.findall(r"<td><b>([\d.]+)</b></td>", first) == ["71.61", "55.73", "77.06", "77.78"]


def test_results_and_published_rows_stand_in_one_table(table: Command, tmp_path: Path):
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
    assert "mine: results in results/mine" in both


def test_models_of_one_name_in_two_folders_are_told_apart(table: Command, tmp_path: Path):
    for folder in ("one", "two"):
        write(tmp_path / folder / "mine", "vidoseek_doc", 0.5, task="ViDoSeek-doc")
    found = json.loads(table("one", "two", "--models", "mine", "--format", "json"))
    assert {line["model"] for line in found} == {"mine (one/mine)", "mine (two/mine)"}


def test_precision_sets_the_digits(table: Command):
    words = ("--published-only", "--models", "VLM2Vec-V2.0", "--data-version", "2.0", "--format", "json")
    (line,) = json.loads(table(*words, "--digits", "3"))
    assert line["V-QA"] == 34.324
    (line,) = json.loads(table(*words, "--digits", "0"))
    assert (line["Overall"], line["Video"]) == (58.0, 35.0)


def test_single_tasks_go_into_lists_too(table: Command):
    words = ("--published-only", "--models", "colpali", "--data-version", "2.0", "--per-task")
    (line,) = json.loads(table(*words, "--format", "json"))
    assert (len(line["tasks"]), line["tasks"]["ViDoSeek-doc"]) == (78, 83.66)
    frame = pd.read_csv(io.StringIO(table(*words, "--format", "csv")))
    assert frame["ViDoSeek-doc"].tolist() == [83.66]


def test_a_table_can_be_written_to_a_file(table: Command, tmp_path: Path):
    assert table("--published-only", "--output", "new/table.md") == ""
    assert (tmp_path / "new/table.md").read_text().startswith("# MMEB-V2, ViDoRe V3, MMEB-V3\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "no folder at nowhere"),
        (("empty",), "empty holds no results; expected <model>/<task>.json"),
        (("--format", "pdf"), "argument --format: expected one of md, latex, html, json, csv, found 'pdf'"),
        (("--data-version", "3"), "argument --data-version: expected one of 2.1, 2.0.1, 2.0, vidore-3,"),
        (("--digits", "many"), "argument --digits: expected a whole number, 0 to 6, found 'many'"),
        (("--models", "rzenembd"), "no model 'rzenembd' (did you mean RzenEmbed?)"),
        (("--published-only", "empty"), "--published-only prints published rows alone"),
        (("--nothing",), "unknown option --nothing"),
        (("--models", "RzenEmbed-v2-7B", "--data-version", "2.0.1"), "no row of data version 2.0.1"),
    ],
)
def test_what_cannot_be_printed_is_one_line(table: Command, tmp_path: Path, words: tuple[str, ...], said: str):
    (tmp_path / "empty").mkdir()
    error = table(*words, code=2)
    assert said in error
    assert error.count("\n") == 1


def test_the_committed_tables_are_current(table: Command, tmp_path: Path):
    checkout = Path(__file__).parents[3]
    listed = subprocess.run(
        ["git", "-C", checkout, "ls-files", "results"], capture_output=True, text=True, check=False
    ).stdout.split()
    for name in listed:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(checkout / name, tmp_path / name)
    assert (checkout / "results/README.md").read_text() == table(), "rzen-eval table > results/README.md"


def test_columns_tables_and_tasks_choose_what_is_shown(table: Command):
    words = ("--published-only", "--models", "rzen,gme", "--data-version", "2.0")
    text = " ".join(table(*words, "--columns", "visdoc,ViDoRe-V1").split())
    assert "### Chosen averages | Model | Visdoc | ViDoRe-V1 |" in text
    assert "| RzenEmbed-v2-7B | **77.06** | **89.70** |" in text
    one = table(*words, "--tables", "visdoc")
    assert [line for line in one.splitlines() if line.startswith("###")] == ["### Visdoc"]
    assert "ViDoRe-V2" in one
    assert table(*words, "task=visdoc").replace("task=visdoc", "") == one.replace("--tables visdoc", "")
    (line, *_) = json.loads(table(*words, "--columns", "VisRAG", "--format", "json"))
    assert tuple(line) == ("model", "data_version", "size_b", "VisRAG", "note")
    latex = table(*words, "task=visrag", "--columns", "VisRAG", "--format", "latex")
    assert "\\label{tab:chosen-averages-data-2-0}" in latex
    assert "no column 'VisRag2' (did you mean VisRAG?)" in table("--columns", "VisRag2", code=2)
