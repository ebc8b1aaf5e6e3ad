"""What stands in the tables: averages, marks, notes, the best."""

from pathlib import Path

import pytest

from rzen_eval.benchmark.published import Reference
from rzen_eval.core import Result
from rzen_eval.results.tables import averages, leaderboard, rows
from rzen_eval.results.tables.document import Table, markdown
from rzen_eval.results.tables.rows import Row
from tests.results.test_store import result
from tests.runs import manifest_of, together, write

MADE_OF = manifest_of({"image": {"I-CLS": ["a"]}, "video": {"V-QA": ["b"]}, "visdoc": {"VisRAG": ["c", "d"]}})


def model(name: str, *, version: str = "2.1", **tasks: float) -> Row:
    return rows.published(Reference(model=name, data_version=version, source="a paper", tasks=tasks), MADE_OF)


def scored(*results: Result, version: str | None = None) -> list[Row]:
    return rows.scored("m", results, "results", MADE_OF, version)


def column(table: Table, name: str) -> list[str]:
    return [row[table.columns.index(name)] for row in table.rows]


def best(table: Table, name: str) -> list[str]:
    """Texts of a column that are the best."""
    place = table.columns.index(name)
    return [row[place] for number, row in enumerate(table.rows) if (number, place) in table.best]


def test_a_small_document_is_the_one_worked_out_by_hand():
    # A: (60 + 40 + 50 + 31) / 4 = 45.25. B has no video: (70 + 50 + 30) / 3 = 50 over part, so it is not first.
    found = [model("B", a=70, c=50, d=30), model("A", a=60, b=40, c=50, d=31)]
    text = markdown(leaderboard.document(found, MADE_OF, "rzen-eval table"))
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
    assert [part.title.split(":")[0] for part in parts] == ["Data 2.1", "Data 2.0"]
    assert [column(part.tables[1], "Model") for part in parts] == [["A", "B"], ["C"]]
    assert best(parts[0].tables[1], "Image") == ["9.00"]


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
    assert column(visdoc, "VisRAG") == ["2.00", "1.00", "90.00 †"]
    assert best(visdoc, "VisRAG") == ["2.00"]
    assert part.points == ["m: results", "B, A: a paper", f"m: {note}"]


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({}, None),
        ({"metric": "hit@1", "metrics": {"hit@1": 1.0}}, "metric hit@1"),
        ({"provenance": {"dataset": {"repo": "mine/rows", "source": "hub"}}}, "rows of mine/rows"),
        ({"provenance": {"options": {"frames": "elsewhere/{id}"}}}, None),
        ({"provenance": {"options": {"wording": "wemm", "corpus": "mine.jsonl"}}}, "other corpus, wording"),
    ],
)
def test_a_shipped_task_that_was_declared_otherwise_is_marked(
    fields: dict[str, object], note: str | None, tmp_path: Path
):
    found = write(tmp_path, "vidore_arxivqa", [1.0], **fields)
    assert rows.notes(found) == ([] if note is None else [note])
    assert rows.other(found) is (note is not None)


def test_an_instruction_of_ones_own_is_noted(tmp_path: Path):
    found = write(tmp_path, "vidore_arxivqa", [1.0], provenance={"instruction": {"query": "Look: ", "candidate": None}})
    assert rows.notes(found) == ["other instruction"]
    assert not rows.other(found)


def test_a_note_on_some_tasks_says_on_how_many():
    (row,) = scored(result("c", 0.1, marks=["collapsed"]), result("d", 0.1))
    assert row.notes == ["collapsed (1 of 2 tasks)"]


def test_results_of_the_first_queries_are_left_out():
    assert scored(result("c", 0.9, limit="first:3")) == []


def test_estimates_are_a_row_of_their_own_with_an_interval_and_never_the_best():
    of_a_sample = {"limit": 100, "n_queries": 100, "sampled": {"n_queries": 1000, "error": 0.03, "judgements": "j"}}
    own = scored(result("c", 0.9, **of_a_sample), result("d", 0.8))
    assert [row.model for row in own] == ["m", "m (100 queries a task)"]
    whole, estimate = own
    assert not [note for note in estimate.notes if "queries" in note]
    # The mean of two tasks of which one is known: half of 1.96 standard errors of 3 points.
    assert (whole.cells["VisRAG"].shown(), estimate.cells["VisRAG"].shown()) == ("80.00 (1 of 2)", "≈ 85.0 ± 2.9")
    part = leaderboard.sections([*own, model("A", c=1, d=1), model("B", c=2, d=2)], MADE_OF)[0]
    assert column(part.tables[1], "Model") == ["B", "A", "m (100 queries a task)", "m"]
    assert best(part.tables[1], "VisRAG") == ["2.00"]
    line = leaderboard.flat(own, MADE_OF)[1 if leaderboard.flat(own, MADE_OF)[1]["model"] != "m" else 0]
    assert line["VisRAG"] is None
    assert "VisRAG ≈ 85.0 ± 2.9" in line["note"]
    assert line["estimates"]["VisRAG"] == {"value": 85.0, "half": 2.94}


def test_equal_values_are_all_best():
    part = leaderboard.sections([model("A", a=50.001), model("B", a=50.002)], MADE_OF)[0]
    assert best(part.tables[1], "Image") == ["50.00", "50.00"]


def test_single_tasks_are_a_table_of_their_own_with_the_best_of_each():
    part = leaderboard.sections([model("A", c=1, d=4), model("B", c=2)], MADE_OF, per_task=True)[0]
    tasks = part.tables[-1]
    assert tasks.rows == [["c", "1.00", "2.00"], ["d", "4.00", "–"]]
    assert tasks.best == {(0, 2)}


def test_means_round_every_score_first_as_the_published_tables_do():
    # VLM2Vec-V2.0's V-QA of 2025: 34.3257 from unrounded scores, 34.32 as published.
    assert averages.average([0.430649, 0.281649, 0.2, 0.3, 0.5]) == round((43.06 + 28.16 + 20 + 30 + 50) / 5, 2)
    # colpali-v1.3's VisDoc-OOD of 2025: exactly 43.125, published as 43.12.
    assert averages.average([0.2216, 0.8366, 0.1417, 0.5251]) == 43.12


def test_an_average_over_part_of_a_group_says_so_and_what_has_no_score_is_a_dash():
    (part,) = leaderboard.sections(scored(result("a", 0.5), result("c", 0.25)), MADE_OF)
    assert [table.title for table in part.tables] == ["MMEB-V2", "Image", "Visdoc"]
    assert part.tables[0].rows == [["m", "37.50 (2 of 4)", "50.00", "–", "25.00 (1 of 2)"]]


def test_the_overall_average_is_over_tasks_and_not_over_modalities():
    (row,) = scored(result("a", 0.9), result("b", 0.3), result("c", 0.3), result("d", 0.3))
    assert (row.cells["Overall"].shown(), row.cells["Image"].shown()) == ("45.00", "90.00")


def test_only_averages_with_other_data_in_them_are_marked():
    (row,) = scored(result("a", 0.5, marks=["other_data"]), result("c", 0.25), result("d", 0.25))
    assert {name: cell.shown() for name, cell in row.cells.items()} == {
        "Overall": "33.33 (3 of 4) †", "Image": "50.00 †", "I-CLS": "50.00 †", "Visdoc": "25.00", "VisRAG": "25.00",
    }  # fmt: skip


def test_the_table_of_tasks_shows_failures_limits_collapse_and_frames():
    few = {"versions": ["2.1"], "frames": 4}
    results = [
        result("a", 0.5, limit="first:2", n_queries=2),
        result("b", 0.1, marks=["collapsed"]),
        result("v", 0.1, modality="video", provenance=few),
    ]
    table = leaderboard.task_table(results, {"c": "broken"})
    notes = dict(zip(column(table, "id"), column(table, "notes"), strict=True))
    assert notes == {"a": "first 2 queries", "b": "collapsed", "v": "4 frames", "c": "failed"}
    assert column(table, "score") == ["50.00", "10.00", "10.00", "–"]
    assert leaderboard.task_table([], {}).rows == []


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
    assert sections[1].tables[0].columns == ["Model", "Overall", "Pages", "Slides"]
    first, second = leaderboard.flat(found, beside)
    assert [name for name in second if name not in first] == ["Pages", "Slides"]
    assert "I-CLS" in first
    assert (second["Pages"], second["Slides"], "I-CLS" in second) == (50.0, None, False)
