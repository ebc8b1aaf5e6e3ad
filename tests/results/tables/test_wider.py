"""Averages over both MMEB-V2 and MMEB-V3: ours, which says what it is over, and the board's, which counts zeros."""

from collections.abc import Mapping

import pytest

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.core import Result
from rzen_eval.results.tables import leaderboard, rows
from rzen_eval.results.tables.rows import Row
from tests.results.test_store import result

BY_PART = {"Image": 0.5, "Video": 0.5, "Visdoc": 0.5, "Text": 0.4, "Tool": 0.2, "Memory": 0.1, "Product": 0.3}
V2, V3 = manifest().columns("2.1"), manifest().columns("mmeb-v3")
WIDER = ("All 171", "V3-All", "Overall-V3", "Agent")


def of(version: str, columns: Mapping[str, list[str]], **fields: object) -> list[Result]:
    names = {name: score for part, score in BY_PART.items() if part in columns for name in columns[part]}
    about = {"provenance": {"dataset": {"source": "hub"}, "versions": [version]}}
    return [result(name.replace("/", "_"), score, task=name, **about, **fields) for name, score in names.items()]


def v3(*results: Result, version: str = "mmeb-v3") -> Row:
    return next(row for row in rows.scored("m", results, "results", manifest()) if row.data_version == version)


BOTH = [*of("2.1", {part: V2[part] for part in ("Image", "Video", "Visdoc")}), *of("mmeb-v3", V3)]


def test_the_averages_over_both_are_the_ones_worked_out_by_hand():
    # 78 x 50 + 53 x 40 + 35 x 20 + 4 x 10 + 30 = 3900 + 2120 + 700 + 40 + 30 = 6790.
    cells = v3(*BOTH).cells
    assert {title: cells[title].text() for title in WIDER} == {
        "All 171": "39.71",  # 6790 / 171
        "V3-All": "35.74",  # 6790 / 190
        "Overall-V3": "25.77",  # (2120 + 700 + 40) / 111
        "Agent": "15.74",  # (700 + 40) / 47
    }
    assert all(cells[title].ranked for title in WIDER)
    # Zeros count nowhere else: (2120 + 700 + 40 + 30) / 93 and 700 / 35.
    assert (cells["All 93"].text(), cells["Tool"].text()) == ("31.08", "20.00")


@pytest.mark.parametrize(
    ("v2", "text", "agent", "product", "printed"), [(77.9, 45.3, 45.1, 42.5, 56.0), (79.2, 47.9, 49.0, 41.9, 58.2)]
)
def test_the_boards_own_is_over_as_many_tasks_as_give_wemms_printed_figure(
    v2: float, text: float, agent: float, product: float, printed: float
):
    # Table 2 of arXiv 2608.24053, WeMM-Embedding-2B and 4B; sound, which they do not hear, counts 0.
    board = manifest().versions["mmeb-v3"].wider
    counts = {title: sum(map(len, said.names(manifest()).values())) + said.zeros for title, said in board.items()}
    assert counts == {"All 171": 171, "V3-All": 190, "Overall-V3": 111, "Agent": 47}
    total = 78 * v2 + len(V3["Text"]) * text + counts["Agent"] * agent + product
    assert round(total / counts["V3-All"], 1) == printed


def test_a_task_that_is_yet_to_be_scored_is_no_zero():
    cells = v3(*(found for found in BOTH if found.task != "memory/PeerQA")).cells
    assert cells["All 171"].shown() == "39.88 (170 of 171)"  # 6780 / 170
    assert not cells["All 171"].ranked
    assert not {"V3-All", "Overall-V3", "Agent"} & set(cells)


def test_without_mmeb_v2_there_is_nothing_over_both():
    cells = v3(*of("mmeb-v3", V3)).cells
    assert [title for title in WIDER if title in cells] == ["Overall-V3", "Agent"]


def test_no_average_mixes_the_two_ways_to_ask():
    wemm = of("mmeb-v3-wemm", manifest().columns("mmeb-v3-wemm"))
    both = [found for found in BOTH if found.versions != ("mmeb-v3",)]
    assert not set(WIDER) & set(v3(*both, *wemm, version="mmeb-v3-wemm").cells)


def test_a_figure_of_another_protocol_marks_what_it_is_part_of():
    sample = [
        found.model_copy(update={"provenance": {**found.provenance, "dataset": {"source": "sample"}}})
        for found in BOTH[:1]
    ]
    cells = v3(*sample, *BOTH[1:]).cells
    assert (cells["All 171"].shown(), cells["V3-All"].shown(), cells["Agent"].shown()) == (
        "39.71 †",
        "35.74 †",
        "15.74",
    )


def test_of_estimates_a_zero_is_certain():
    of_a_sample = {"limit": 100, "n_queries": 100, "sampled": {"n_queries": 1000, "error": 0.03, "judgements": "j"}}
    cells = v3(*of("mmeb-v3", V3, **of_a_sample)).cells
    # 1.96 x 3 x sqrt(39) / 47 = 0.781; over its 39 tasks alone it would be 0.942.
    assert cells["Agent"].half == pytest.approx(0.7813, abs=1e-4)
    assert cells["Agent"].shown() == "≈ 15.7 ± 0.8"


def test_the_table_says_what_each_is_a_mean_of():
    made = rows.scored("m", BOTH, "results", manifest())
    (part,) = [part for part in leaderboard.sections(made, manifest()) if part.title.startswith("Data mmeb-v3:")]
    (table,) = [table for table in part.tables if table.title == "MMEB-V3 as a whole"]
    assert (table.columns, table.rows) == (["Model", *WIDER], [["m", "39.71", "35.74", "25.77", "15.74"]])
    assert part.points[0] == "All 171: mean of 171 tasks, the 78 of MMEB-V2 (data 2.1) and the 93 here."
    assert [point.partition(":")[0] for point in part.points[:4]] == list(WIDER)
    assert all("count 0" in point for point in part.points[1:4])
    (line,) = [one for one in leaderboard.flat(made, manifest()) if one["data_version"] == "mmeb-v3"]
    assert [line[title] for title in WIDER] == [39.71, 35.74, 25.77, 15.74]
