"""`rzen-eval reproduce`: what counts as the published figure, and what is refused."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rzen_eval.benchmark import published as reference
from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.places import choices, folders
from rzen_eval.cli.main import main
from rzen_eval.config import compose
from rzen_eval.results.statistics import reproduction
from rzen_eval.results.tables import rows
from tests.runs import hits, write

NAME = "rzenembed_v2_7b"
ROW = {"Image": 75.92, "Video": 55.73, "Visdoc": 77.06}
GROUPS = {
    "I-CLS": 70.61, "I-QA": 71.67, "I-RET": 78.5, "I-VG": 92.1, "V-CLS": 58.82, "V-QA": 63.5, "V-RET": 50.97,
    "V-MRET": 45.54, "ViDoRe-V1": 89.7, "ViDoRe-V2": 60.7, "VisRAG": 88.7, "VisDoc-OOD": 44.38,
}  # fmt: skip
REPRODUCE = Callable[..., str]


@pytest.fixture
def reproduce(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> REPRODUCE:
    """Run the verb beside `results`; gives what it prints."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str, code: int) -> str:
        assert main(["reproduce", *words]) == code
        captured = capsys.readouterr()
        return captured.err or captured.out

    return run


@pytest.fixture(scope="module")
def recipe() -> dict[str, Any]:
    """What results of the experiment say of their model."""
    spec = compose.load([f"experiment={NAME}"]).model.model_dump(mode="json")
    return spec | {"attention": "sdpa", "weights": "hub:x"}


@pytest.fixture
def scored(tmp_path: Path, recipe: dict[str, Any]) -> Callable[..., None]:
    """Write a result of every task of 2025's data; each scores what its group was published with, plus `points`."""

    def make(points: float = 0, only: str | None = None, **fields: Any) -> None:
        provenance = {"model": recipe} | fields.pop("provenance", {})
        for task in manifest().entries.values():
            if "2.0" in task.versions and only in {None, task.group, task.id}:
                values = [(GROUPS[task.group] + points) / 100] * 10
                write(tmp_path / "results" / NAME, task.id, values, provenance=provenance, **fields)

    return make


def cells(text: str) -> dict[str, dict[str, Any]]:
    return {cell["name"]: cell for cell in json.loads(text)["cells"]}


def test_what_was_published_is_reproduced(reproduce: REPRODUCE, scored: Callable[..., None]):
    scored()
    text = reproduce(f"model={NAME}", code=0)
    assert text.startswith("# rzenembed_v2_7b against RzenEmbed-v2-7B as published")
    assert "Reproduced: 16 match of 16 published figures of RzenEmbed-v2-7B, data 2.0" in text
    assert "| I-RET      | 78.50       | 78.50   | +0.00        | 1.04        | match" in text


def test_higher_fails_as_lower_does(reproduce: REPRODUCE, scored: Callable[..., None]):
    for points, verdict, code in ((1.1, "higher", 1), (-1.1, "lower", 1), (1.0, "match", 0)):
        scored(points, only="VisRAG")
        found = cells(reproduce(f"experiment={NAME}", "task=visrag", "format=json", code=code))
        assert {name: cell["verdict"] for name, cell in found.items()} == {"VisRAG": verdict}


def test_the_noise_of_an_average_over_more_tasks_is_smaller(reproduce: REPRODUCE, scored: Callable[..., None]):
    # Half a point everywhere is within the noise of groups, above that of modalities (0.47) and of the whole (0.01),
    # whose published averages are those of the groups to 0.02.
    scored(0.51)
    found = cells(reproduce(f"model={NAME}", "format=json", code=1))
    assert {name: cell["verdict"] for name, cell in found.items()} == (
        dict.fromkeys(GROUPS, "match") | dict.fromkeys(["Overall", *ROW], "higher")
    )


def test_a_task_of_few_queries_may_differ_by_half_of_its_interval(reproduce: REPRODUCE, tmp_path: Path):
    # About half of 100 queries are right, so the 95 % interval is ± 9.8 points wide; half of that is 4.9.
    spec = compose.load(["model=vlm2vec_v2_2b"]).model.model_dump(mode="json")
    published = reference_row("vlm2vec_v2_0_qwen2vl_2b").tasks["MSCOCO"]
    for away, code in ((-4, 0), (6, 1)):
        right = round(published) + away
        values = hits(right, 100)
        write(tmp_path / "results/vlm2vec_v2_2b", "mscoco", values, provenance={"model": spec})
        words = ["model=vlm2vec_v2_2b", "reference=vlm2vec_v2_0_qwen2vl_2b", "task=image/mscoco"]
        reproduce(*words, code=code)


def reference_row(name: str) -> reference.Reference:
    return reference.load(folders(), manifest().names)[name]


def test_scores_of_the_official_evaluator_reproduce_their_own_row(reproduce: REPRODUCE, tmp_path: Path):
    row = reference_row("vlm2vec_v2_0_qwen2vl_2b")
    for task in manifest().entries.values():
        if "2.0" in task.versions:
            provenance = {"model": {"name": "v"}, "frames": None, "instruction": None, "prompts": None}
            write(
                tmp_path / "results/vlm2vec_v2_2b", task.id, [row.tasks[task.name] / 100], kept=False,
                provenance=provenance | {"imported": {"from": "the official evaluator"}},
            )  # fmt: skip
    text = reproduce("model=vlm2vec_v2_2b", "reference=vlm2vec_v2_0_qwen2vl_2b", code=0)
    assert "Reproduced: 94 match of 94 published figures" in text


VIDORE_V3 = {
    "qwen3_vl_embedding_2b": ("vidore_v3", "vidore_v3_1"),
    "qwen3_vl_embedding_8b": ("vidore_v3", "vidore_v3_1"),
    "colpali_v1_3": ("vidore_v3",),
    "colqwen2": ("vidore_v3",),
}
"""Models with published figures of it, and the suites that these are of."""


@pytest.mark.parametrize(
    ("model", "suite"), [(model, suite) for model, suites in VIDORE_V3.items() for suite in suites]
)
def test_every_figure_of_vidore_v3_has_its_place(reproduce: REPRODUCE, tmp_path: Path, model: str, suite: str):
    row = reference_row(f"{suite}/{model}")
    spec = compose.load([f"model={model}"]).model.model_dump(mode="json")
    for task in compose.load([f"task={suite}"]).tasks.values():
        score = row.tasks[task.name] / 100
        write(tmp_path / "results" / model, task.id, [score - 0.1, score + 0.1], provenance={"model": spec})
    found = cells(reproduce(f"model={model}", f"task={suite}", "--format", "json", code=0))
    # Forty-eight tasks, the mean of all, of eight sets and of six languages; two sets in six languages are private.
    assert Counter(cell["verdict"] for cell in found.values()) == {"match": 63, "private": 12}
    assert {name: cell["published"] for name, cell in found.items() if cell["kind"] == "task"} == row.tasks
    assert {name for name, cell in found.items() if cell["verdict"] == "private"} == {
        name for name in row.tasks if "Nuclear" in name or "Telecom" in name
    }
    assert found["Public"]["found"] == pytest.approx(found["Public"]["published"], abs=5e-4)


def test_one_set_of_vidore_v3_is_held_against_its_own_figures(reproduce: REPRODUCE, tmp_path: Path):
    row = reference_row("vidore_v3/qwen3_vl_embedding_2b")
    spec = compose.load(["model=qwen3_vl_embedding_2b"]).model.model_dump(mode="json")
    for task in compose.load(["task=vidore_v3_hr"]).tasks.values():
        away = 0.02 if task.dataset.language == "german" else 0
        values = [row.tasks[task.name] / 100 + away] * 318
        write(tmp_path / "results/qwen3_vl_embedding_2b", task.id, values, provenance={"model": spec})
    text = reproduce("model=qwen3_vl_embedding_2b", "task=vidore_v3_hr", code=1)
    assert "Not reproduced: 6 match, 1 higher of 7 published figures" in text
    german = row.tasks["Vidore3HrRetrieval/german"]
    assert f"| Vidore3HrRetrieval/german     | {german:.3f}      | {german + 2:.3f}  | +2.00 " in text


def test_a_missing_task_fails_its_averages(reproduce: REPRODUCE, scored: Callable[..., None], tmp_path: Path):
    scored()
    (tmp_path / "results" / NAME / "cirr.json").unlink()
    text = reproduce(f"model={NAME}", code=1)
    assert "Not reproduced: 13 match, 3 missing of 16 published figures" in text
    assert [line.split("|")[3].strip() for line in text.splitlines() if "missing  " in line] == [
        "– (77 of 78)", "– (35 of 36)", "– (11 of 12)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"limit": "first:10"}, "scored on the first 10 queries, so it cannot be compared"),
        ({"marks": ["other_data"]}, "other data than the benchmark's"),
        ({"provenance": {"dataset": {"source": "sample"}}}, "scored on the made-up sample"),
        ({"provenance": {"imported": {"from": "mteb"}}}, "imported from mteb, which has its own prompts"),
        ({"provenance": {"frames": 16}}, "frames: 8 in the recipe, 16 in the results"),
        ({"provenance": {"options": {"letters": "added"}}}, " in the recipe, letters=added in the results"),
    ],
)
def test_what_is_not_the_published_protocol_is_refused(
    reproduce: REPRODUCE, scored: Callable[..., None], fields: dict[str, Any], said: str
):
    scored(only="msvd", **fields)
    assert said in reproduce(f"model={NAME}", "task=video/msvd", code=1)


@pytest.mark.parametrize(
    ("points", "verdict", "said"),
    # 1.96 standard errors of 5 points over the root of 6 tasks are 4.0, and noise is 1.04.
    [(4.9, "possible", "Not contradicted: 1 possible of 1"), (-5.6, "lower", "Not reproduced: 1 lower of 1")],
)
def test_a_sample_can_speak_against_a_figure_and_never_show_it(
    reproduce: REPRODUCE, scored: Callable[..., None], points: float, verdict: str, said: str
):
    few = {"limit": "sample:10", "sampled": {"n_queries": 100, "error": 0.05, "judgements": "j"}}
    scored(points, only="VisRAG", **few)
    words = (f"model={NAME}", "task=visrag")
    (found,) = cells(reproduce(*words, "format=json", code=1)).values()
    n_tasks = sum(entry.group == "VisRAG" and "2.0" in entry.versions for entry in manifest().entries.values())
    assert (found["verdict"], found["tolerance"]) == (
        verdict, pytest.approx(1.04 + 196 * 0.05 / n_tasks**0.5 + 0.005, abs=1e-3),
    )  # fmt: skip
    text = reproduce(*words, code=1)
    assert said in text
    assert "it cannot show that a figure comes out" in text.lower()


def test_another_prompt_is_refused_and_said(reproduce: REPRODUCE, scored: Callable[..., None], recipe: dict[str, Any]):
    prompt = recipe["prompt"] | {"instruction": {"query": "none", "candidate": "user"}}
    scored(only="VisRAG", provenance={"model": recipe | {"prompt": prompt}})
    error = reproduce(f"model={NAME}", "task=visrag", code=1)
    assert "prompt.instruction.query: user in the recipe, none in the results; score again with these settings" in error
    scored(only="VisRAG", provenance={"instruction": {"query": "Find:", "candidate": None}})
    assert "instruction of a query: " in reproduce(f"model={NAME}", "task=visrag", code=1)


def test_another_dtype_is_said_and_no_reason_to_refuse(
    reproduce: REPRODUCE, scored: Callable[..., None], recipe: dict[str, Any]
):
    scored(only="VisRAG", provenance={"model": recipe | {"dtype": "float32"}})
    text = reproduce(f"model={NAME}", "task=visrag", code=0)
    assert "* dtype: bfloat16 in the recipe, float32 in the results" in text


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("model=mini",), 2, "no published row is known of model=mini; give reference=NAME"),
        (("task=visdoc",), 2, "give model=NAME or experiment=NAME"),
        ((f"model={NAME}", "task=visrag"), 1, f"no results in .*{NAME}; score them first: rzen-eval experiment={NAME}"),
        (
            (f"experiment={NAME}", "task=visdoc/vidoseek_page"),
            2,
            "is of data version 2.1, RzenEmbed-v2-7B was published on 2.0",
        ),
        (
            (f"experiment={NAME}", "task=video/msvd", "frames=16"),
            1,
            "published with 8 frames of a video, and these settings take 16",
        ),
    ],
)
def test_settings_that_are_not_the_row_s_are_one_line(
    reproduce: REPRODUCE, scored: Callable[..., None], words: tuple[str, ...], code: int, said: str
):
    if "frames=16" in words:
        scored(only="msvd")
    error = reproduce(*words, code=code)
    assert error.count("\n") == 1
    assert re.search(said, error)


@pytest.mark.parametrize(("video", "refused"), [("middle", False), ("first", False), ("images", True)])
def test_a_model_that_sees_the_first_or_middle_frame_takes_one(
    reproduce: REPRODUCE, tmp_path: Path, video: str, refused: bool
):
    declared = compose.load(["model=lamra_ret_mmeb", f"model.video={video}", "task=video/msvd"]).model
    model = declared.model_dump(mode="json")
    write(tmp_path / "results" / "lamra_ret_mmeb", "msvd", hits(5, 10), provenance={"model": model})
    said = reproduce("model=lamra_ret_mmeb", f"model.video={video}", "task=video/msvd", code=int(refused))
    assert ("published with 1 frames of a video, and these settings take 8" in said) == refused


def pairs() -> Iterator[tuple[str, str, list[str]]]:
    """Independent runs of one model: names of two rows, and the tasks that are the same in both."""
    declared = {task.name: task for task in manifest().entries.values() if "2.1" in task.versions}
    yield "qwen3_vl/qwen3_vl_embedding_8b", "qwen3_vl/qwen3_vl_embedding_8b_rerun", list(declared)
    same = [
        name for name, task in declared.items()
        if (task.modality != "visdoc" and name != "MomentSeeker") or task.group == "VisRAG"
    ]  # fmt: skip
    for file in choices("reference"):
        if file.startswith("official_2_0_1/"):
            yield file, file.removeprefix("official_2_0_1/"), same


def test_the_known_noise_is_that_of_the_published_runs():
    (first, second, _), *_ = pairs()
    made_of = manifest().columns()
    one, other = (rows.published(reference_row(name), manifest()) for name in (first, second))
    found: dict[str, list[float]] = {"task": [float(abs(one.tasks[n].value - other.tasks[n].value)) for n in one.tasks]}
    for column in made_of:
        # The rerun prints scores of tasks alone, so both averages are formed from these.
        means = [np.mean([float(row.tasks[name].value) for name in made_of[column]]) for row in (one, other)]
        found.setdefault(manifest().kind(column), []).append(abs(means[0] - means[1]))
    assert {kind: round(float(np.percentile(several, 95, method="higher")), 2) for kind, several in found.items()} == (
        reproduction.NOISE
    )


def test_most_published_runs_differ_by_less_than_the_share_of_their_interval():
    queries = {task.name: task.n_queries for task in manifest().entries.values() if "2.1" in task.versions}
    within = []
    for first, second, names in pairs():
        one, other = (reference_row(name).tasks for name in (first, second))
        for name in names:
            share = min(max(one[name] / 100, 0.005), 0.995)
            half = 100 * 1.96 * (share * (1 - share) / queries[name]) ** 0.5
            within.append(abs(one[name] - other[name]) < reproduction.SHARE * half)
    assert len(within) == 550
    assert np.mean(within) >= 0.95


@pytest.mark.parametrize("model", ["qwen3_vl_embedding_2b", "qwen3_vl_embedding_8b"])
def test_every_figure_of_mmeb_v3_has_its_place(reproduce: REPRODUCE, tmp_path: Path, model: str):
    row = reference_row(f"mmeb_v3/{model}")
    spec = compose.load([f"model={model}"]).model.model_dump(mode="json")
    for task in compose.load(["task=mmeb_v3_new"]).tasks.values():
        score = row.tasks[task.name] / 100
        write(tmp_path / "results" / model, task.id, [score - 0.001, score + 0.001], provenance={"model": spec})
    text = reproduce(f"model={model}", "task=mmeb_v3_new", code=0)
    # 93 tasks; the means of all, of text with five groups, tools with three, memory with four, and of products.
    assert "Reproduced: 111 match of 111 published figures" in text
