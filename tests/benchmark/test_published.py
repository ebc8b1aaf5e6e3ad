"""Published rows: what they say, and that our averages of the scores of single tasks are the printed ones."""

from decimal import Decimal
from pathlib import Path

import pytest

from rzen_eval.benchmark import published
from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.places import choices, config_dir
from rzen_eval.benchmark.published import Reference
from rzen_eval.config import compose
from rzen_eval.config.models import declared_model
from rzen_eval.errors import ConfigError
from rzen_eval.results.tables import rows
from rzen_eval.results.tables.rows import Row

TASKS = manifest().entries
NAMES = manifest().names
MADE_OF = manifest().columns()
COLUMNS = (
    "Overall", "Image", "I-CLS", "I-QA", "I-RET", "I-VG", "Video", "V-CLS", "V-QA", "V-RET", "V-MRET",
    "Visdoc", "ViDoRe-V1", "ViDoRe-V2", "VisRAG", "VisDoc-OOD",
)  # fmt: skip
ALL = published.load([config_dir()], NAMES)
CARD = {
    "rzenembed_v2_7b":
        "71.61 75.92 70.61 71.67 78.50 92.10 55.73 58.82 63.50 50.97 45.54 77.06 89.70 60.70 88.70 44.38",
    "seed_1_6_embedding":
        "71.27 77.78 76.06 73.97 77.90 91.25 55.34 54.99 60.85 51.33 53.45 73.44 85.53 56.57 84.74 43.14",
    "ops_mm_embedding_v1_7b":
        "67.61 72.72 69.65 69.58 73.09 87.15 53.76 59.68 62.22 45.72 43.21 70.34 80.05 59.59 79.32 43.34",
    "ops_mm_embedding_v1_2b": "63.44 69.03 - - - - 47.56 - - - - 66.96 76.39 53.18 77.64 41.17",
    "interestfm_uir_cafe_7b": "60.63 67.56 - - - - 42.40 35.81 58.66 34.44 39.53 63.92 - - - -",
    "vlm2vec_v2_0_qwen2vl_2b": "58.02 64.85 - - - - 34.58 39.30 34.32 28.77 36.82 65.36 75.52 44.86 79.38 39.43",
    "gme_qwen2_vl_7b_instruct": "57.83 55.95 - - - - 38.43 37.44 50.35 28.37 36.96 75.18 89.44 55.61 84.99 44.40",
    "gme_qwen2_vl_2b_instruct": "54.08 51.89 - - - - 33.64 - - - - 72.71 86.15 53.96 82.52 43.12",
    "qqmm_embed_v2": "- 75.28 72.97 71.85 76.01 87.42 - - - - - - - - - -",
    "reco_7b": "- 73.87 70.95 71.52 73.66 87.70 - - - - - - - - - -",
    "oembedding_v1_7b": "- 72.79 70.05 68.10 73.84 88.25 - - - - - - - - - -",
    "qqmm_embed": "- 72.175 70.07 69.52 71.175 87.075 - - - - - - - - - -",
    "b3_qwen2_7b": "- 72.00 70.00 66.50 74.10 84.60 - - - - - - - - - -",
    "interestfm_uir_cafe_0_5b": "- - - - - - 35.87 33.90 41.72 29.69 39.69 - - - - -",
    "lamra_ret": "- - - - - - 34.96 39.27 42.60 24.26 32.84 - - - - -",
    "colpali_v1_3": "- - - - - - - - - - - 70.97 83.60 51.98 81.13 43.12",
}  # fmt: skip
"""The four tables of the model card, in the order of `COLUMNS`; Video of VLM2Vec-V2.0 as its second table prints it."""


OPEN = {"custom", "openai", "python", "sentence_transformers"}
"""Declarations of what a user brings."""


def row(name: str) -> Row:
    return rows.published(ALL[name], manifest())


def test_columns_and_their_tasks_are_those_of_the_published_tables():
    assert tuple(MADE_OF) == COLUMNS
    assert [len(names) for names in MADE_OF.values()] == [78, 36, 10, 10, 12, 4, 18, 5, 5, 5, 3, 24, 10, 4, 6, 4]


@pytest.mark.parametrize("name", CARD)
def test_every_figure_of_the_card_comes_out_to_the_last_digit(name: str):
    printed = dict(zip(COLUMNS, CARD[name].split(), strict=True))
    cells = row(name).cells
    assert {column: cells[column].text() for column, text in printed.items() if text != "-"} == {
        column: text for column, text in printed.items() if text != "-"
    }
    assert (row(name).model, row(name).data_version) == (ALL[name].model, "2.0")


@pytest.mark.parametrize(
    "name", [name for name in CARD if name in ALL and ALL[name].tasks and name != "vlm2vec_v2_0_qwen2vl_2b"]
)
def test_averages_of_single_tasks_are_the_printed_figures(name: str):
    assert len(ALL[name].tasks) == 78
    for column, printed in ALL[name].scores.items():
        names = MADE_OF[column]
        assert float(round(rows.mean([ALL[name].tasks[task] for task in names]), 2)) == printed


def test_the_one_figure_of_the_card_that_its_tasks_do_not_give_is_said():
    vlm2vec = ALL["vlm2vec_v2_0_qwen2vl_2b"]
    assert vlm2vec.scores["Video"] == 34.85
    assert row("vlm2vec_v2_0_qwen2vl_2b").cells["Video"].text() == "34.58"
    assert row("vlm2vec_v2_0_qwen2vl_2b").notes == [
        "one table of the card prints 34.85 for Video, another 34.58",
        "Video: 34.85 as printed, 34.58 from the scores of its tasks",
    ]


def test_halves_round_to_even_as_in_the_published_tables():
    # colpali-v1.3's VisDoc-OOD is 43.125 and LamRA-Ret's Video 34.955; the order of the tasks does not matter.
    assert row("colpali_v1_3").cells["VisDoc-OOD"].text() == "43.12"
    assert row("lamra_ret").cells["Video"].text() == "34.96"
    assert rows.mean([22.16, 83.66, 14.17, 52.51]) == rows.mean([52.51, 14.17, 83.66, 22.16])


def test_every_published_row_is_there():
    kinds = [(r.data_version, bool(r.tasks)) for r in ALL.values()]
    assert len(ALL) == 68
    assert {kind: kinds.count(kind) for kind in kinds} == {
        ("2.0", False): 11, ("2.0", True): 8, ("2.0.1", True): 8, ("2.1", True): 11, ("2.1", False): 14,
        ("vidore-3", True): 4, ("vidore-3.1", True): 2, ("mmeb-v3", True): 7, ("mmeb-v3-wemm", False): 3,
    }  # fmt: skip
    assert all(r.source for r in ALL.values())


def test_files_without_the_two_doc_tasks_give_no_average_over_all():
    cells = row("official_2_1/vlm2vec_v2_0_qwen2vl_2b").cells
    assert [cells[column].text() + cells[column].part for column in ("Overall", "Visdoc", "VisDoc-OOD", "Image")] == [
        "59.01 (76 of 78)", "69.24 (22 of 24)", "62.50 (2 of 4)", "64.92",
    ]  # fmt: skip
    assert not cells["Overall"].ranked


VIDORE_V3 = {
    "vidore_v3/qwen3_vl_embedding_2b":
        "52.893 56.58 40.30 72.66 61.69 51.91 36.29 46.84 56.88 56.01 52.82 50.93 52.44 52.34 52.82",
    "vidore_v3_1/qwen3_vl_embedding_2b":
        "51.975 54.92 42.08 72.08 59.12 51.54 32.40 46.26 57.41 54.95 52.00 50.20 51.43 51.47 51.81",
    "vidore_v3/qwen3_vl_embedding_8b":
        "58.294 61.02 47.40 75.58 66.00 59.03 44.59 48.74 63.99 60.10 57.99 57.05 57.97 58.33 58.32",
    "vidore_v3_1/qwen3_vl_embedding_8b":
        "57.028 60.85 46.17 75.04 63.65 58.19 41.57 48.95 61.80 58.68 56.84 55.76 56.97 56.82 57.10",
    "vidore_v3/colpali_v1_3":
        "42.954 34.44 35.57 65.28 53.11 44.80 21.77 41.74 46.92 47.55 42.20 39.80 42.07 42.85 43.26",
    "vidore_v3/colqwen2":
        "44.181 39.03 38.34 68.61 52.21 45.11 19.97 41.62 48.56 48.34 44.98 39.84 43.30 44.14 44.48",
}  # fmt: skip
"""Means worked out of the published figures by others: all public sets, each of them, each language; in our order."""


@pytest.mark.parametrize("name", VIDORE_V3)
def test_averages_of_vidore_v3_are_over_the_public_sets_alone(name: str):
    found = row(name)
    printed = VIDORE_V3[name].split()
    assert len(ALL[name].tasks) == 60
    assert [
        cell.text(len(text.partition(".")[2])) for cell, text in zip(found.cells.values(), printed, strict=True)
    ] == [*printed]
    assert all(cell.ranked for cell in found.cells.values())


def test_a_score_of_mtebs_keeps_its_five_digits_in_an_average():
    # 54.69 + 42.691 + 39.504 + 42.18 + 46.062 + 45.528; rounded to two digits each they would add up to 270.65.
    assert row("vidore_v3/colqwen2").cells["Hr"].value == Decimal("270.655") / 6


def test_a_figure_is_never_printed_with_more_digits_than_were_published():
    cells = row("qwen3_vl/rzenembed").cells
    assert [cells["Overall"].text(precision) for precision in (None, 0, 1, 4)] == ["72.9", "73", "72.9", "72.9"]


def test_a_row_that_was_not_scored_again_on_the_new_pages_is_not_compared():
    assert not row("qwen3_vl/ifm_tte").cells["Overall"].ranked
    assert row("qwen3_vl/ifm_tte").notes == ["not scored again on the corrected pages"]


def test_metaencoder_has_a_score_for_each_task_on_the_corrected_pages():
    metaencoder = row("metaencoder")
    assert set(ALL["metaencoder"].tasks) == set(MADE_OF["Overall"])
    assert metaencoder.data_version == "2.1"
    # 36, 18 and 24 tasks, as its authors print them: 79.31, 60.46, 81.38 and 75.60 over all.
    assert [metaencoder.cells[column].text() for column in ("Overall", "Image", "Video", "Visdoc")] == [
        "75.60", "79.31", "60.46", "81.38",
    ]  # fmt: skip
    assert metaencoder.cells["Overall"].ranked
    # Nothing printed differs from what the tasks give.
    assert metaencoder.notes == [ALL["metaencoder"].note]


def test_a_run_can_name_any_published_row():
    chosen = compose.load(["task=visdoc/vidore_arxivqa", "reference=official_2_1/colpali_v1_3"]).reference
    assert chosen == ALL["official_2_1/colpali_v1_3"]


HEAD = "model: A\nsource: s\ndata_version: "


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model: [", "own.yaml: while parsing"),
        ("model: A", "own.yaml: data_version: missing; expected a value"),
        (f"{HEAD}'3.0'", f"data_version: expected one of {', '.join(manifest().versions)}, found '3.0'"),
        (f"{HEAD}'2.1'\nscores: {{I-CSL: 1}}", "unknown column 'I-CSL' (did you mean I-CLS?)"),
        (f"{HEAD}'2.1'\nscores: {{Image: 101}}", "Image: expected percent, 0 to 100, found 101"),
        (f"{HEAD}'2.1'\ntasks: {{VOC2008: 1}}", "unknown task 'VOC2008' (did you mean VOC2007?)"),
        (f"{HEAD}'2.1'\nscore: {{}}", "score: unknown key"),
    ],
)
def test_a_published_row_that_cannot_be_right_is_one_line(tmp_path: Path, text: str, said: str):
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference/own.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        published.load([tmp_path], NAMES)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_row_of_group_figures_needs_no_tasks():
    own = rows.published(Reference(model="A", data_version="2.1", source="s", scores={"Image": 72}), manifest())
    assert {column: cell.text() for column, cell in own.cells.items()} == {"Image": "72.00"}


MMEB_V3 = {
    "qwen3_vl_embedding_2b": "39.45 16.54 42.43 53.13 61.08 57.99 42.61 29.02 21.6",
    "qwen3_vl_embedding_8b": "43.10 20.40 47.04 58.05 61.30 61.38 41.53 22.62 20.3",
    "omni_embed_nemotron_3b": "39.24 15.25 42.97 50.03 69.58 56.89 37.95 32.33 26.0",
    "gme_qwen2_vl_7b_instruct": "37.13 14.11 52.37 17.77 59.00 62.55 38.97 17.08 27.3",
    "vlm2vec_v2_0_qwen2vl_2b": "24.52 9.07 29.17 11.50 50.26 41.20 27.60 23.27 4.1",
}
"""Means of the scores of single tasks, worked out apart: text and its five groups, tools, memory, products."""


@pytest.mark.parametrize("name", MMEB_V3)
def test_averages_of_mmeb_v3_are_plain_means_of_their_tasks(name: str):
    columns = ("Text", "RR", "IF", "LC", "MC", "GR", "Tool", "Memory", "Product")
    cells = row(f"mmeb_v3/{name}").cells
    for column, printed in zip(columns, MMEB_V3[name].split(), strict=True):
        assert abs(Decimal(cells[column].value) - Decimal(printed)) <= Decimal("0.0051"), column
    members = manifest().columns("mmeb-v3")
    assert {column: len(members[column]) for column in columns} == dict(
        zip(columns, (53, 20, 9, 6, 5, 13, 35, 4, 1), strict=True)
    )
    assert len(members["All 93"]) == 93


def test_sizes_are_those_of_the_declarations():
    size = {name: declared_model(name, [config_dir()]).parameters_b for name in choices("model") if name not in OPEN}
    pairs = {
        row: (ALL[row].size_b, size[name]) for name in size for row in declared_model(name, [config_dir()]).reproduces
    }
    assert len(pairs) > 20
    assert {row: pair for row, pair in pairs.items() if pair[0] != pair[1]} == {}
    assert ALL["qwen3_vl/gme_7b"].size_b == size["gme_7b"] == 8.29


def test_rows_of_one_model_have_one_size():
    sizes: dict[str, set[float | None]] = {}
    for reference in ALL.values():
        sizes.setdefault(reference.model, set()).add(reference.size_b)
    assert {model: found for model, found in sizes.items() if len(found) > 1} == {}
