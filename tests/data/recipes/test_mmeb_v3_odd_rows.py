"""Odd rows of MMEB-V3, each read as the official evaluator's parsers read it, or WeMM's copy of them.

What is expected is what those parsers made of the same files (Stars1233/VLM2Vec at 44f991d, pandas 2).
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from rzen_eval import load_data
from rzen_eval.config import compose
from rzen_eval.core import Task, TaskData
from rzen_eval.errors import DataError

TREE = "VLM2Vec/MMEB-V3"
KNOWN = "memory-tasks/Episodic/KnowMeBench"
PEERQA = "memory-tasks/Semantic/PeerQA"
CORPUS = [{"_id": "a", "text": "A"}, {"_id": "b", "text": "B"}]


@cache
def declared() -> dict[str, Task]:
    return compose.load(["task=[mmeb_v3_new,mmeb_v3_new_wemm]", "data=mirror", "data.root=/nowhere"]).tasks


class Odd:
    """A tree that a test fills, and tasks on it."""

    def __init__(self, root: Path, cache_dir: Path) -> None:
        self.root, self.cache_dir = root, cache_dir

    def lines(self, path: str, rows: Sequence[dict[str, Any]]) -> None:
        self.text(path, "".join(json.dumps(row) + "\n" for row in rows))

    def text(self, path: str, content: str) -> None:
        file = self.root / TREE / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")

    def table(self, path: str, columns: dict[str, list[Any]]) -> None:
        file = self.root / TREE / path
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), file)

    def load(self, name: str) -> TaskData:
        task = declared()[name]
        source = task.source.model_copy(update={"root": self.root})
        return load_data(task.model_copy(update={"source": source, "cache_dir": self.cache_dir}))


@pytest.fixture
def odd(tmp_path: Path, cache: Path) -> Odd:
    return Odd(tmp_path, cache)


def labels(data: TaskData) -> dict[str, dict[str, float]]:
    return {name: dict(grades) for name, grades in data.qrels.items()}


def bright(odd: Odd, **columns: list[Any]) -> TaskData:
    places = "text-tasks/BRIGHT/{}/pony-00000-of-00001.parquet"
    odd.table(places.format("examples"), columns)
    odd.table(places.format("documents"), {"id": ["a", "b"], "content": ["A", "B"]})
    return odd.load("bright_pony")


def test_a_query_whose_id_comes_again_keeps_the_documents_that_its_own_row_names(odd: Odd):
    data = bright(odd, id=["q", "q"], query=["one", "two"], gold_ids=[["a"], ["b"]])
    assert labels(data) == {"q": {"a": 1.0}, "q#again-2": {"b": 1.0}}
    assert any("1 queries have the id of an earlier one" in line for line in data.warnings)


@pytest.mark.parametrize("said", ['"a"', '{"a": 1}', "5", "null"])
def test_gold_ids_of_which_the_official_evaluator_makes_letters_or_nothing_are_refused(odd: Odd, said: str):
    with pytest.raises(DataError, match=r"row 1: gold ids are .*; expected a list of ids"):
        bright(odd, id=["p", "q"], query=["one", "two"], gold_ids=['["a"]', said])


def test_a_query_that_says_nothing_once_it_is_trimmed_is_left_out(odd: Odd):
    folder = "text-tasks/FollowIR/core17-instructions"
    asked = [("1", " ", ""), ("2", "", "  "), ("3", "", ""), ("4", "I", ""), ("5", " ", "Q ")]
    odd.lines(f"{folder}/queries.jsonl", [{"_id": q, "instruction_og": told, "text": text} for q, told, text in asked])
    odd.lines(f"{folder}/corpus.jsonl", CORPUS)
    odd.lines(f"{folder}/qrels_og/test.jsonl", [{"query-id": "4", "corpus-id": "a"}])
    data = odd.load("followir_core17")
    assert [(item.instruction, item.text) for item in data.queries] == [(None, "  "), ("I", None), (None, "Q")]
    assert list(data.query_ids) == ["2", "4", "5"]


LINES = "q\ta\t2\nq\tq0\tb\t1\nq b 3\nr\tb\t\nr a\t1\n\tr\tb\t1\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("memory_peerqa", {"q": {"a": 2.0, "b": 3.0}, "r": {"a": 1.0, "b": 1.0}}),
        ("followir_core17_wemm", {"q": {"a": 2.0, "q0": 1.0}, "r": {"b": 1.0}}),
    ],
)
def test_judgements_in_lines_are_split_as_each_parser_splits_them(odd: Odd, name: str, expected: dict[str, Any]):
    memory = name.startswith("memory")
    folder = PEERQA if memory else "text-tasks/FollowIR/core17-instructions"
    odd.lines(f"{folder}/queries.jsonl", [{"_id": "q", "text": "Q"}, {"_id": "r", "text": "R"}])
    odd.lines(f"{folder}/corpus.jsonl", CORPUS)
    odd.text(f"{folder}/{'qrels.tsv' if memory else 'qrels_changed/test.tsv'}", LINES)
    assert labels(odd.load(name)) == expected


def test_documents_may_be_called_so_and_a_subtask_without_any_is_left_out(odd: Odd):
    for part in ("x", "y"):
        odd.lines(f"{KNOWN}/{part}/queries.jsonl", [{"id": "1", "text": "Q"}])
        odd.text(f"{KNOWN}/{part}/qrels.tsv", "1\ta\t1\n")
    odd.lines(f"{KNOWN}/x/documents.jsonl", CORPUS)
    data = odd.load("memory_knowmebench")
    assert (labels(data), list(data.candidate_ids)) == ({"x::1": {"x::a": 1.0}}, ["x::a", "x::b"])
    assert any("y has no corpus, and no folder above it has one, and is left out" in line for line in data.warnings)


def test_an_instruction_that_is_empty_for_a_subtask_is_none_and_a_lacking_one_is_said(odd: Odd):
    odd.lines(f"{KNOWN}/corpus.jsonl", CORPUS)
    for part in ("x", "y"):
        odd.lines(f"{KNOWN}/{part}/queries.jsonl", [{"id": "1", "text": "Q"}])
        odd.text(f"{KNOWN}/{part}/qrels.tsv", "1\ta\t1\n")
    for told, expected in (
        ({"x": "", "KnowMeBench": "all"}, [None, "all"]),
        ({"x": "one"}, ["one", None]),
    ):
        odd.text("memory-tasks/task_instructions.json", json.dumps({"KnowMeBench": told}))
        data = odd.load("memory_knowmebench")
        assert [item.instruction for item in data.queries] == expected
    assert any(line.endswith("y has no instruction in memory-tasks/task_instructions.json") for line in data.warnings)


def test_candidates_of_a_query_are_those_of_its_id_whichever_row_asks_and_whatever_the_field_is_called(odd: Odd):
    odd.lines(f"{PEERQA}/queries.jsonl", [{"id": "1", "text": "Q"}, {"id": "1", "text": "R"}, {"id": "2", "text": "S"}])
    odd.lines(f"{PEERQA}/corpus.jsonl", [*CORPUS, {"_id": "c", "text": "C"}])
    odd.text(f"{PEERQA}/qrels.tsv", "1\ta\t1\n")
    listed = [
        {"scene_id": "1", "candidate_doc_ids": ["b", "a", "gone", "b"]},
        {"scene_id": "1", "candidate_doc_ids": []},
        {"qid": "2", "doc_ids": ["c", "a"]},
    ]
    odd.lines(f"{PEERQA}/query_candidates.jsonl", listed)
    pools = odd.load("memory_peerqa_wemm").pools or {}
    assert {query: list(pool) for query, pool in pools.items()} == {
        "1": ["b", "a"],
        "1#again-2": ["b", "a"],
        "2": ["c", "a"],
    }


def tools(odd: Odd, queries: dict[str, list[Any]], candidates: dict[str, list[Any]], name: str = "") -> TaskData:
    odd.table("tool-tasks/ToolDe-Queries/web/apibank/queries-00000-of-00001.parquet", queries)
    odd.table("tool-tasks/ToolDe-Candidates/web/tools-00000-of-00001.parquet", candidates)
    return odd.load(f"tool_web_apibank{name}")


def test_requests_are_kept_whatever_their_ids_and_left_out_where_they_say_nothing(odd: Odd):
    queries = {
        "id": ["1", "1", "", "4"],
        "query": ["Q", "R", "S", " "],
        "instruction": ["I", "", None, " "],
        "label": [None, '{"id": 0}', "[]", '["a"]'],
        "labels": ['["a", ""]', '["a"]', '["a"]', '["a"]'],
    }
    data = tools(odd, queries, {"id": ["a", "0", ""], "documentation": ["A", "B", "C"]})
    assert labels(data) == {"1": {"a": 1.0, "": 1.0}, "1#again-2": {"0": 1.0}, "": {}}
    assert list(data.candidate_ids) == ["a", "0", ""]
    assert any("1 queries have the id of an earlier one" in line for line in data.warnings)


def test_a_catalogue_without_documentation_has_empty_entries(odd: Odd):
    queries = {"id": ["1"], "query": ["Q"], "labels": ['["a"]']}
    assert [item.text for item in tools(odd, queries, {"id": ["a", "b"]}).candidates] == ["", ""]


def test_wemms_copy_writes_a_description_that_is_no_text_as_python_shows_it(odd: Odd):
    queries = {"id": ["1"], "query": ["Q"], "labels": ['["a"]']}
    documented = ['{"name": 7, "description": ["é", "x"], "api_call": ["é"]}']
    data = tools(odd, queries, {"id": ["a"], "documentation": documented}, "_wemm")
    assert data.candidates[0].text == "Tool: 7\nDescription: ['é', 'x']\napi_call: [\"é\"]"


def products(odd: Odd, wishes: Sequence[dict[str, Any]]) -> TaskData:
    folder = "image-tasks/MCMR"
    odd.lines(f"{folder}/query.jsonl", [{"qid": "sure", "query": "x", "pos_ids": ["B1"]}, *wishes])
    listed = [{"candidate_id": " B1 "}, {"title": "no id"}, {"candidate_id": None}, {"candidate_id": 5}]
    odd.lines(f"{folder}/candidates.jsonl", [row | {"images": ["p.png"]} for row in listed])
    (odd.root / TREE / folder / "images").mkdir(exist_ok=True)
    Image.new("RGB", (8, 8)).save(odd.root / TREE / folder / "images/p.png")
    return odd.load("mcmr")


def test_wishes_and_products_have_the_ids_that_the_official_evaluator_gives_them(odd: Odd):
    wishes = [
        {"query": "no id", "pos_ids": ["B1"]},
        {"qid": None, "query": "x", "pos_ids": 5},
        {"qid": " 2 ", "query": "x", "pos_ids": 0},
        {"qid": "2", "query": "x", "pos_ids": [" B1", None, " "]},
        {"qid": "3", "query": "x"},
    ]
    data = products(odd, wishes)
    assert list(data.candidate_ids) == ["B1", "None", "5"]
    assert labels(data) == {
        "sure": {"B1": 1.0},
        "None": {"5": 1.0},
        "2": {},
        "2#again-2": {" B1": 1.0, "None": 1.0},
        "3": {},
    }


@pytest.mark.parametrize("said", ['"B1"', '{"B1": 1}', "true", "null", [["B1"]]])
def test_ids_of_products_of_which_the_official_evaluator_makes_others_are_refused(odd: Odd, said: Any):
    with pytest.raises(DataError, match="pos_ids"):
        products(odd, [{"qid": "1", "query": "x", "pos_ids": said}])
