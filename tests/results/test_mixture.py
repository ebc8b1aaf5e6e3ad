"""Results of two models under one name are never joined."""

import json
from pathlib import Path
from typing import Any

import pytest

from rzen_eval.cli.main import main
from rzen_eval.errors import ResultError
from rzen_eval.results import protocol, store
from tests.runs import MODEL, hits, write

TASK, OTHER = "vidore_arxivqa", "vidore_docvqa"
ANOTHER = [
    (
        {"weights": "sha256:aa"},
        {"weights": "sha256:bb"},
        "weights: sha256:aa in vidore_arxivqa, sha256:bb in vidore_docvqa",
    ),
    ({}, {"dtype": "bfloat16"}, "dtype: float32 in vidore_arxivqa, bfloat16 in vidore_docvqa"),
    ({}, {"prompt": MODEL["prompt"] | {"system": "Be."}}, r'prompt\.system: "You are\." in vidore_arxivqa, Be\. in'),
]
COMMANDS = {
    "table": ["table", "R"],
    "check": ["check", "R/m", "--baseline", "b.json", "--update"],
    "compare": ["compare", "R/m", "R/m"],
    "export": ["export", "R/m", "--output", "out.json"],
    "report": ["report", "R/m", "--output", "out.html"],
    "reproduce": ["reproduce", "task=vidore_v1", "model=rzenembed_v2_7b", "model.name=m", "results_dir=R"],
    "plot": ["plot", "R", "--output", "figures"],
    "import": ["import", "official", ".", "--model", "m", "results_dir=R"],
}  # fmt: skip


def scored(folder: Path, first: dict[str, Any], second: dict[str, Any], **fields: Any) -> Path:
    """Results of two tasks by what may be two models."""
    write(folder, TASK, hits(1, 2), provenance={"model": MODEL | first})
    write(folder, OTHER, hits(2, 2), provenance={"model": MODEL | second}, **fields)
    return folder


@pytest.mark.parametrize(("first", "second", "said"), ANOTHER, ids=["weights", "precision", "prompt"])
def test_results_of_two_models_in_one_folder_are_refused_with_what_differs(
    tmp_path: Path, first: dict[str, Any], second: dict[str, Any], said: str
):
    folder = scored(tmp_path / "m", first, second)
    with pytest.raises(ResultError, match=rf"m holds results of two models.*{said}.*model\.name=NAME"):
        store.read_model(folder)


STAGE = {"top_k": 100, "reranker": {"name": "r", "weights": "a", "dtype": "float32"}, "first_stage": {"name": "f"}}


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (STAGE | {"top_k": 10}, r"second_stage\.top_k: 100 in vidore_arxivqa, 10 in vidore_docvqa"),
        (STAGE | {"reranker": {"weights": "b"}}, r"second_stage\.weights: a in vidore_arxivqa, b in"),
        (STAGE | {"reranker": {"dtype": "bfloat16"}}, r"second_stage\.dtype: float32 in vidore_arxivqa, bfloat16 in"),
        (None, r"second_stage: .* in vidore_arxivqa, null in vidore_docvqa"),
    ],
    ids=["top_k", "weights", "precision", "a single stage"],
)
def test_second_stages_of_two_kinds_in_one_folder_are_refused(tmp_path: Path, other: Any, said: str):
    write(tmp_path / "m", TASK, hits(1, 2), provenance={"second_stage": STAGE})
    write(tmp_path / "m", OTHER, hits(2, 2), provenance={"second_stage": other})
    with pytest.raises(ResultError, match=rf"m holds results of two models.*{said}"):
        store.read_model(tmp_path / "m")


WRONG = [
    *(("second_stage", value) for value in (3, [], {"first_stage": 3}, {"first_stage": {"name": []}}, {"top_k": -1})),
    ("second_stage", {"reranker": "r"}), ("machine", "x"), ("dataset", {"root": 3}),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_what_commands_read_of_provenance_is_checked(tmp_path: Path, key: str, value: Any):
    write(tmp_path / "m", TASK, hits(1, 2))
    file = tmp_path / "m" / f"{TASK}.json"
    content = json.loads(file.read_text())
    content["provenance"][key] = value
    file.write_text(json.dumps(content))
    with pytest.raises(ResultError, match=rf"vidore_arxivqa\.json: provenance\.?.*{key}"):
        store.read_model(tmp_path / "m")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"device": "cpu"}, {"device": "NVIDIA H100"}),
        ({"weights": "sha256:aa"}, {}),
        ({"parameters_b": 1}, {"parameters_b": 2}),
    ],
    ids=["device", "one does not say", "what is only told"],
)
def test_what_makes_no_other_model_is_read(tmp_path: Path, first: dict[str, Any], second: dict[str, Any]):
    assert len(store.read_model(scored(tmp_path / "m", first, second)).results) == 2


def test_the_third_of_three_is_held_against_all_before(tmp_path: Path):
    folder = scored(tmp_path / "m", {}, {"weights": "a"})
    write(folder, "vidore_infovqa", hits(1, 2), provenance={"model": MODEL | {"weights": "b"}})
    with pytest.raises(ResultError, match="weights: a in vidore_docvqa, b in vidore_infovqa"):
        store.read_model(folder)


def test_a_trial_of_a_few_queries_stands_beside_full_results(tmp_path: Path):
    folder = scored(tmp_path / "m", {"dtype": "bfloat16"}, {}, limit=2)
    assert len(store.read_model(folder).results) == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_reads_results_asks(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    scored(tmp_path / "R" / "m", {"weights": "a"}, {"weights": "b"})
    assert main(COMMANDS[command]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("rzen-eval: ")
    assert (
        "m holds results of two models, or of one with different settings: weights: a in vidore_arxivqa, b in"
        in said.err
    )
    assert not said.out


def test_a_model_is_told_from_another_by_what_both_say():
    one, other = {"weights": "a", "dtype": "float32", "device": "cpu"}, {"weights": "a", "positions": "mrope"}
    assert protocol.changes(protocol.identity(one), protocol.identity(other)) == []
