"""Rows of MMEB-V3 that say nothing: what the official evaluator makes of them is said, what cannot be is refused."""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rzen_eval import load_data, load_task
from rzen_eval.core import TaskData
from rzen_eval.errors import ConfigError, DataError
from tests.conftest import FIXTURES

MIRROR = FIXTURES / "mmeb_v3/mirror"
PEERQA, MCMR = Path("memory-tasks/Semantic/PeerQA"), Path("image-tasks/MCMR")
NAN = float("nan")


def load(root: Path, task: str, cache: Path) -> TaskData:
    return load_data(load_task(task, "data=mirror", f"data.root={root}", f"cache_dir={cache}"))


def copied(folder: Path, root: Path) -> Path:
    shutil.copytree(MIRROR / folder, root / folder)
    if folder == PEERQA:
        told = {"PeerQA": {"PeerQA": "Find what answers."}}
        (root / "memory-tasks/task_instructions.json").write_text(json.dumps(told))
    return root / folder


def edit(file: Path, row: int, **cells: Any) -> None:
    """Change cells of a row; `...` takes one away."""
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    rows[row] = {name: cell for name, cell in (rows[row] | cells).items() if cell is not ...}
    file.write_text("".join(json.dumps(one) + "\n" for one in rows))


def said(data: TaskData, what: str) -> list[str]:
    return [warning for warning in data.warnings if what in warning]


@pytest.mark.parametrize(
    ("file", "cells", "expected"),
    [
        ("corpus.jsonl", {"id": None}, "corpus.jsonl: 1 documents have no id or no text"),
        ("corpus.jsonl", {"text": ""}, "corpus.jsonl: 1 documents have no id or no text"),
        ("corpus.jsonl", {"id": "conf/2/p1"}, "1 documents have the id of an earlier one and are left out"),
        ("queries.jsonl", {"id": ...}, "queries.jsonl: 1 queries have no id or no text and are left out"),
        ("queries.jsonl", {"text": None}, "1 queries have no text and ask with their instruction alone"),
        ("candidates.jsonl", {"candidate_doc_ids": ["conf/1/p2", None, "x"]}, "2 candidates of queries are not in"),
        ("candidates.jsonl", {"candidate_doc_ids": ["conf/1/p4"]}, "queries have no relevant document and always miss"),
    ],
)
def test_rows_that_say_nothing_are_counted(
    file: str, cells: dict[str, Any], expected: str, tmp_path: Path, cache: Path
):
    edit(copied(PEERQA, tmp_path) / file, 1, **cells)
    found = said(load(tmp_path, "memory_peerqa_wemm", cache), expected)
    assert len(found) == 1
    assert found[0].startswith("memory_peerqa_wemm: ")


@pytest.mark.parametrize("value", [NAN, float("inf"), ["a"], {"a": 1}])
@pytest.mark.parametrize(("file", "field"), [("corpus.jsonl", "id"), ("queries.jsonl", "id")])
def test_what_is_no_id_is_refused_with_file_and_row(file: str, field: str, value: Any, tmp_path: Path, cache: Path):
    edit(copied(PEERQA, tmp_path) / file, 1, **{field: value})
    with pytest.raises(DataError, match=rf"PeerQA/{file}: row 1: the id is .*; expected a text or a number"):
        load(tmp_path, "memory_peerqa_wemm", cache)


def judged(lines: Sequence[str], root: Path, cache: Path) -> TaskData:
    (copied(PEERQA, root) / "qrels.tsv").write_text("".join(f"{line}\n" for line in lines))
    return load(root, "memory_peerqa_wemm", cache)


def test_a_judgement_without_a_number_counts_one_and_is_counted_and_a_head_is_none(tmp_path: Path, cache: Path):
    lines = [
        "query-id\tcorpus-id\tscore",
        "conf/1/q1\tconf/2/p1\tyes",
        "conf/1/q1\tconf/2/p9",
        "conf/1/q2\tconf/1/p2\t2",
    ]
    data = judged(lines, tmp_path, cache)
    assert data.qrels["conf/1/q1"] == {"conf/2/p1": 1.0}
    assert data.qrels["conf/1/q2"] == {"conf/1/p2": 2.0}
    assert said(data, "qrels.tsv: 1 grades are no number and count as 1 (the first is row 1)")
    assert said(data, "qrels.tsv: 1 rows name no query or no document and are left out (the first is row 2)")


@pytest.mark.parametrize("grade", ["nan", "inf", "-inf"])
def test_a_grade_that_is_not_finite_is_refused(grade: str, tmp_path: Path, cache: Path):
    with pytest.raises(DataError, match=r"PeerQA/qrels\.tsv: row 0: the grade is -?(nan|inf); expected a number"):
        judged([f"conf/1/q1\tconf/2/p1\t{grade}", "conf/1/q2\tconf/1/p2\t1"], tmp_path, cache)


def test_relevant_documents_that_a_query_cannot_find_are_counted(tmp_path: Path, cache: Path):
    lines = ["conf/1/q1\tconf/2/p1\t1", "conf/1/q1\tnowhere\t1", "conf/1/q2\tconf/1/p2\t1"]
    assert said(judged(lines, tmp_path, cache), "queries lack some of their relevant documents")


def test_subtasks_in_folders_that_are_links_are_read(tmp_path: Path, cache: Path):
    realtalk = Path("memory-tasks/Dialogue/REALTALK")
    whole = load(MIRROR, "memory_realtalk", cache)
    copied(realtalk, tmp_path / "disk")
    (tmp_path / "root" / realtalk).mkdir(parents=True)
    for entry in (tmp_path / "disk" / realtalk).iterdir():
        (tmp_path / "root" / realtalk / entry.name).symlink_to(entry)
    assert list(load(tmp_path / "root", "memory_realtalk", cache).query_ids) == list(whole.query_ids)


def test_products_without_an_id_are_counted_and_an_answer_may_be_missing(tmp_path: Path, cache: Path):
    place = copied(MCMR, tmp_path)
    edit(place / "query.jsonl", 0, pos_ids=...)
    data = load(tmp_path, "mcmr", cache)
    assert said(data, "candidates.jsonl: 1 entries have no id and are called None")
    assert said(data, "query.jsonl: 1 queries have no id and are called None")
    assert said(data, "queries have no answer in the catalogue and always miss")


@pytest.mark.parametrize("line", [b"[" * 100_000, b'{"id": ' + b"9" * 5000 + b"}", b"\xff\xfe", b"3"])
def test_a_row_that_is_no_object_is_named(line: bytes, tmp_path: Path, cache: Path):
    file = copied(PEERQA, tmp_path) / "corpus.jsonl"
    file.write_bytes(file.read_bytes() + line + b"\n")
    with pytest.raises(DataError, match=r"PeerQA/corpus\.jsonl: row \d+ is "):
        load(tmp_path, "memory_peerqa_wemm", cache)


@pytest.mark.parametrize("name", ["corpus.jsonl", "qrels.tsv"])
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(name: str, tmp_path: Path, cache: Path):
    file = copied(PEERQA, tmp_path) / name
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(DataError, match="PeerQA"):
        load(tmp_path, "memory_peerqa_wemm", cache)


@pytest.mark.parametrize("path", ["/etc/passwd", "text-tasks/../../x.jsonl"])
def test_a_task_that_names_files_outside_of_the_data_is_refused(path: str, tmp_path: Path, cache: Path):
    word = f"tasks.bright_pony.options.corpus={path}"
    task = load_task("bright_pony", "data=mirror", f"data.root={tmp_path}", f"cache_dir={cache}", word)
    with pytest.raises(
        ConfigError, match=r"tasks\.bright_pony\.options: expected paths inside the data, without '\.\.'"
    ):
        load_data(task)
