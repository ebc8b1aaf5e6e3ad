"""Files of MMEB-V3 that are whole and yet wrong: each is refused in a line that says what is there."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rzen_eval import evaluate
from rzen_eval.core import Item, Limit, Task
from rzen_eval.data.commands import word
from rzen_eval.data.load import load
from rzen_eval.data.verify import report, verify
from rzen_eval.errors import DataError
from tests.data.recipes.test_mmeb_v3_odd_rows import TREE, declared

NEEDLE = Path(TREE, "text-tasks/LongEmbed/needle")
CORE17 = Path(TREE, "text-tasks/FollowIR/core17-instructions")
DOCUMENTS = [{"_id": "a", "text": "A"}, {"_id": "b", "text": "B"}]
QUERIES = [{"_id": "q", "text": "Q"}]
JUDGED = [{"query-id": "q", "corpus-id": "a", "score": 1}]

Made = Callable[..., Task]


def lines(file: Path, rows: Sequence[Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def on(root: Path, name: str, cache_dir: Path) -> Task:
    task = declared()[name]
    return task.model_copy(update={"source": task.source.model_copy(update={"root": root}), "cache_dir": cache_dir})


@pytest.fixture
def needle(tmp_path: Path, cache: Path) -> Made:
    def made(
        corpus: Sequence[Any] = DOCUMENTS, queries: Sequence[Any] = QUERIES, qrels: Sequence[Any] = JUDGED
    ) -> Task:
        for name, rows in (("corpus", corpus), ("queries", queries), ("qrels", qrels)):
            lines(tmp_path / NEEDLE / f"{name}.jsonl", rows)
        return on(tmp_path, "longembed_needle", cache)

    return made


NOBODY = "no query of 1 has a relevant candidate among those it is ranked against, so every model would score 0"


def test_judgements_of_which_no_document_is_there_are_no_score_of_zero(needle: Made):
    task = needle([{"_id": 1, "text": "A"}, {"_id": 2, "text": "B"}], qrels=[{"query-id": "q", "corpus-id": 1.0}])
    with pytest.raises(DataError, match=rf"{NOBODY}; the first judgement is of '1.0', the first candidate is '1'"):
        load(task)
    (verified,) = verify([task])
    assert NOBODY in report(verified)[0]


def test_chosen_queries_without_a_relevant_document_are_no_fault_of_the_files(needle: Made):
    task = needle(queries=[{"_id": "alone", "text": "Q"}, *QUERIES])
    few = load(task.model_copy(update={"limit": Limit(how="first", n=1)})).data
    assert (few.query_ids, few.qrels["alone"]) == (["alone"], {})


def test_a_damaged_file_is_mended_by_its_archive(needle: Made, tmp_path: Path):
    task = needle()
    (tmp_path / NEEDLE / "corpus.jsonl").write_text('{"_id": "a", "text": "A"}\n{"_id": "b')
    words = f"task=mmeb_v3/longembed_needle data.root={tmp_path}"
    (verified,) = verify([task])
    assert "corpus.jsonl: row 1 is no JSON" in report(verified)[0]
    assert report(verified)[1].endswith(f"mend with: rzen-eval data fetch {words} && rzen-eval data unpack {words}")


def test_a_task_of_ones_own_is_called_by_its_id_wherever_its_file_lies(needle: Made):
    assert word(needle().model_copy(update={"id": "mine"})) == "mine"


def test_of_a_corpus_of_one_document_is_said_that_it_is_no_choice(needle: Made):
    (said,) = (one for one in load(needle(DOCUMENTS[:1])).data.warnings if "candidate" in one)
    assert said.endswith("'a' is the only candidate, so that every model has the same score")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"corpus": [{"ID": "a", "body": "A"}]},
            "no row of .*corpus.jsonl has an id and a text: expected one of _id,.* and one of text.*; .* has ID, body",
        ),
        (
            {"queries": [{"ID": "q", "question": "Q"}]},
            "no row of .*queries.jsonl has an id and a text: expected .*; the first row has ID, question",
        ),
        (
            {"qrels": [{"query": "q", "document": "a"}]},
            "1 rows name no query or no document .*; .*qrels.jsonl: expected .*; the first row has query, document",
        ),
    ],
)
def test_rows_of_other_fields_are_refused_with_those_that_they_have(needle: Made, given: Any, expected: str):
    with pytest.raises(DataError, match=expected):
        load(needle(**given))


def test_a_pointer_of_git_lfs_is_no_file(needle: Made, tmp_path: Path):
    task = needle()
    (tmp_path / NEEDLE / "qrels.jsonl").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(DataError, match=r"LongEmbed/needle/qrels.jsonl: .* is a Git LFS pointer and not the file"):
        load(task)


def test_a_text_is_as_long_as_is_allowed_and_no_longer(needle: Made, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RZEN_EVAL_MAX_DOCUMENT", "9")
    longest = [{"_id": "a", "title": "four", "text": "four"}, {"_id": "b", "text": "B"}]
    assert load(needle(longest)).data.candidates[0].text == "four\nfour"
    monkeypatch.setenv("RZEN_EVAL_MAX_DOCUMENT", "8")
    with pytest.raises(DataError, match=r"corpus.jsonl: row 0: a text is too long: .* 8 characters, found 9"):
        load(needle(longest))
    with pytest.raises(DataError, match=r"queries.jsonl: row 0: a text is too long: .* found 10"):
        load(needle(queries=[{"_id": "q", "text": "0123456789"}]))


class Constant:
    """A model that embeds everything alike."""

    def embed(self, items: Sequence[Item], side: str) -> Any:
        del side
        return np.ones((len(items), 2), np.float32)


def test_half_of_a_character_is_refused_by_name(needle: Made):
    with pytest.raises(DataError, match=r"candidate 'c': the text holds half of a character, '\\ud800'"):
        evaluate(needle([*DOCUMENTS, {"_id": "c", "text": "x\ud800"}]), Constant())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"corpus": [*DOCUMENTS, {"_id": "c\ud800", "text": "C"}]}, r"candidates have the id 'c\\ud800'"),
        ({"queries": [*QUERIES, {"_id": "\udcff", "text": "R"}]}, r"queries have the id '\\udcff'"),
    ],
)
def test_an_id_that_no_result_file_can_hold_is_refused(needle: Made, given: Any, said: str):
    with pytest.raises(DataError, match=f"{said}, with half of a character"):
        load(needle(**given))


def test_queries_without_the_instruction_that_their_task_is_about_are_counted(tmp_path: Path, cache: Path):
    lines(tmp_path / CORE17 / "corpus.jsonl", DOCUMENTS)
    lines(tmp_path / CORE17 / "queries.jsonl", [*QUERIES, {"_id": "r", "text": "R", "instruction_og": "I"}])
    lines(tmp_path / CORE17 / "qrels_og/test.jsonl", JUDGED)
    warnings = load(on(tmp_path, "followir_core17", cache)).data.warnings
    assert any("1 queries have no instruction_og and ask without an instruction" in line for line in warnings)


def test_an_instruction_of_memories_that_is_no_text_is_refused(tmp_path: Path, cache: Path):
    folder = tmp_path / TREE / "memory-tasks"
    lines(folder / "task_instructions.json", [{"PeerQA": {"PeerQA": {"query": "Find."}}}])
    lines(folder / "PeerQA/corpus.jsonl", DOCUMENTS)
    lines(folder / "PeerQA/queries.jsonl", QUERIES)
    (folder / "PeerQA/qrels.tsv").write_text("q\ta\t1\n")
    with pytest.raises(DataError, match=r"the instruction of PeerQA is {'query': 'Find.'}; expected a text"):
        load(on(tmp_path, "memory_peerqa", cache))


def test_tools_without_a_column_of_ids_are_refused(tmp_path: Path, cache: Path):
    asked = tmp_path / TREE / "tool-tasks/ToolDe-Queries/web/apibank/queries-00000-of-00001.parquet"
    tools = tmp_path / TREE / "tool-tasks/ToolDe-Candidates/web/tools-00000-of-00001.parquet"
    for file, columns in (
        (asked, {"id": ["1"], "query": ["Q"], "label": ["a"]}),
        (tools, {"tool": ["a", "b"], "documentation": ["A", "B"]}),
    ):
        file.parent.mkdir(parents=True)
        pq.write_table(pa.table(columns), file)
    with pytest.raises(DataError, match="expected id; the first row has tool, documentation"):
        load(on(tmp_path, "tool_web_apibank", cache))
