"""Rows that cannot mean anything are errors that name repository, row and column."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest
from pyarrow import parquet

from rzen_eval import load_data
from rzen_eval.core import Task
from rzen_eval.errors import DataError
from tests import toys
from tests.mirrors import load, write_frames, write_rows

IMAGES = "ziyjiang/MMEB_Test_Instruct"
FOUND = {
    "qry_inst": "<|image_1|>\nName it:", "qry_text": "hint", "qry_img_path": "q.jpg", "tgt_inst": "See:",
    "tgt_text": ["a cat", "a dog"], "tgt_img_path": ["a.jpg", "b.jpg"],
}  # fmt: skip


def beir(root: Path, part: str, column: str, values: Sequence[Any], kind: str | None = None) -> None:
    """The toy repository of four pages with integer ids, with another column."""
    toys.write_beir(
        root,
        {number: f"shade {60 * number}" for number in range(4)},
        {number: toys.page(60 * number) for number in range(4)},
        [(number, number, 1) for number in range(4)],
    )
    change(root, part, column, values, kind)


def change(root: Path, part: str, column: str, values: Sequence[Any], kind: str | None = None) -> None:
    file = root / toys.REPO / part / "test-00000-of-00001.parquet"
    table = parquet.read_table(file)
    array = pa.array(values, None if kind is None else pa.type_for_alias(kind))
    parquet.write_table(
        table.set_column(table.schema.get_field_index(column), column, array).replace_schema_metadata(None), file
    )


def refused(task: Task) -> str:
    with pytest.raises(DataError) as caught:
        load_data(task)
    assert "\n" not in str(caught.value)
    return str(caught.value)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("grades", "said"),
    [
        ([1, 1, None, 1], "is missing; expected a grade"),
        ([1.0, 1.0, NAN, 1.0], "is nan; expected a grade from 0 to 1,000"),
        ([1.0, 1.0, INF, 1.0], "is inf; expected a grade from 0 to 1,000"),
        ([1, 1, -1, 1], "is -1; expected a grade from 0 to 1,000"),
        ([1, 1, 2000, 1], "is 2000; expected a grade from 0 to 1,000"),
        (["1", "1", "1", "1"], "is '1'; expected a number"),
    ],
)
def test_a_grade_that_is_none_is_refused_with_query_page_and_value(
    tmp_path: Path, cache: Path, grades: list[Any], said: str
):
    beir(tmp_path, "qrels", "score", grades)
    row = 0 if isinstance(grades[0], str) else 2
    where = f"toy: row {row} of toys/pages, qrels: score of query '{row}' and page '{row}'"
    assert refused(toys.toy_task(tmp_path, cache)) == f"{where} {said}"


@pytest.mark.parametrize(
    ("place", "values", "said"),
    [
        (
            ("queries", "query"),
            ["a", None, "c", "d"],
            "row 1 of toys/pages, queries: query is missing; expected a text",
        ),
        (("queries", "query"), ["a", " ", "c", "d"], "row 1 of toys/pages, queries: query is empty; expected a text"),
        (("queries", "query"), [1.5] * 4, "row 0 of toys/pages, queries: query is 1.5, a number; expected a text"),
        (("queries", "query-id"), [0, None, 2, 3], "row 1 of toys/pages, queries: query-id is missing"),
        (
            ("corpus", "corpus-id"),
            [0.0, 1.5, 2.0, 3.0],
            "row 1 of toys/pages, corpus: corpus-id is 1.5; expected an id",
        ),
        (("corpus", "corpus-id"), ["0", "", "2", "3"], "row 1 of toys/pages, corpus: corpus-id is ''; expected an id"),
        (
            ("corpus", "image"),
            ["x"] * 4,
            "row 0 of toys/pages, corpus: image is of a column of string; expected a picture",
        ),
        (("qrels", "corpus-id"), [0, 1, 2, None], "row 3 of toys/pages, qrels: corpus-id is missing"),
        (
            ("corpus", "corpus-id"),
            [0.0, 1.0, 2.0, 2.0**60],
            "row 3 of toys/pages, corpus: corpus-id is 1.152921504606847e+18, a float of which the last digits",
        ),
    ],
)
def test_a_document_row_that_means_nothing_is_named(
    tmp_path: Path, cache: Path, place: tuple[str, str], values: list[Any], said: str
):
    beir(tmp_path, *place, values)
    assert refused(toys.toy_task(tmp_path, cache)).startswith(f"toy: {said}")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (None, "is missing; expected a picture"),
        ("/etc/passwd", "is the file '/etc/passwd'; expected a picture, or a file of the repository"),
        ("/dev/zero", "is the file '/dev/zero'; expected a picture, or a file of the repository"),
        ("../../etc/hostname", "is the file '../../etc/hostname'; expected a picture, or a file of the repository"),
        ("http://127.0.0.1:9/a.png", "is the file 'http://127.0.0.1:9/a.png'; expected a picture, or a file of"),
    ],
)
def test_a_page_is_in_its_row_or_in_the_repository(tmp_path: Path, cache: Path, path: str | None, said: str):
    pages = [{"bytes": toys.page(number), "path": None} for number in range(3)]
    beir(tmp_path, "corpus", "image", [*pages, {"bytes": None, "path": path}])
    assert refused(toys.toy_task(tmp_path, cache)).startswith(f"toy: row 3 of toys/pages, corpus: image {said}")


def test_a_page_may_be_a_file_of_the_repository(tmp_path: Path, cache: Path):
    file = tmp_path / toys.REPO / "pages" / "3.png"
    pages = [{"bytes": toys.page(number), "path": None} for number in range(3)]
    beir(tmp_path, "corpus", "image", [*pages, {"bytes": None, "path": str(file)}])
    file.parent.mkdir()
    file.write_bytes(toys.page(7))
    assert load_data(toys.toy_task(tmp_path, cache)).candidates[3].images[0].read() == toys.page(7)


@pytest.mark.parametrize("kind", ["int64", "uint32", "uint64", "float64", "string"])
def test_how_integer_ids_are_stored_changes_no_reading(tmp_path: Path, cache: Path, kind: str):
    beir(tmp_path, "qrels", "score", [3, 1, 2, 1])
    values: list[Any] = [str(number) for number in range(4)] if kind == "string" else list(range(4))
    change(tmp_path, "corpus", "corpus-id", values, kind)
    data = load_data(toys.toy_task(tmp_path, cache))
    assert (data.candidate_ids, data.integer_ids) == (["0", "1", "2", "3"], True)
    assert data.qrels["0"] == {"0": 3.0}


def test_judgements_of_queries_that_there_are_not_are_counted(tmp_path: Path, cache: Path):
    judged = [("q", "0", 2), ("q ", "1", 1), ("r", "1", 1)]
    toys.write_beir(tmp_path, {"q": "x"}, {"0": toys.page(0), "1": toys.page(9)}, judged)
    data = load_data(toys.toy_task(tmp_path, cache))
    assert data.qrels == {"q": {"0": 2.0}}
    assert "toy: 2 judgements are of no query and are left out, the first of ['q ']" in data.warnings


@pytest.mark.parametrize("name", ["007", "p1", "1.0", "+1", "9" * 5000])
def test_ids_that_are_no_integers_have_one_reading(tmp_path: Path, cache: Path, name: str):
    toys.write_beir(tmp_path, {"q": "x"}, {name: toys.page(0), "1": toys.page(9)}, [("q", name, 3), ("q", "1", 1)])
    assert not load_data(toys.toy_task(tmp_path, cache)).integer_ids


@pytest.mark.parametrize(
    ("task", "config", "change", "said"),
    [
        ("ok_vqa", "OK-VQA", {"tgt_text": ["", "a"]}, "tgt_text begins with an empty text; expected the right answer"),
        ("ok_vqa", "OK-VQA", {"tgt_text": [None, "a"]}, "tgt_text has no text at place 0 of 2"),
        ("ok_vqa", "OK-VQA", {"tgt_text": ["a", None]}, "tgt_text has no text at place 1 of 2"),
        ("ok_vqa", "OK-VQA", {"tgt_text": ["a"]}, "tgt_text lists 'a' and no other candidate"),
        ("ok_vqa", "OK-VQA", {"tgt_text": ["a", "a"]}, "tgt_text lists 'a' and no other candidate"),
        ("ok_vqa", "OK-VQA", {"tgt_text": None}, "tgt_text lists no candidate"),
        ("ok_vqa", "OK-VQA", {"qry_img_path": None}, "qry_img_path is missing; expected a text"),
        ("ok_vqa", "OK-VQA", {"qry_img_path": ""}, "qry_img_path is empty; expected a text"),
        ("ok_vqa", "OK-VQA", {"qry_img_path": "/etc/passwd"}, "qry_img_path is '/etc/passwd'; expected a path inside"),
        ("ok_vqa", "OK-VQA", {"qry_img_path": "a/../../b"}, "qry_img_path is 'a/../../b'; expected a path inside"),
        ("ok_vqa", "OK-VQA", {"qry_img_path": "http://a/b"}, "qry_img_path is 'http://a/b'; expected a path inside"),
        ("ok_vqa", "OK-VQA", {"qry_img_path": "a\0b"}, "qry_img_path is 'a\\x00b'; expected a path inside"),
        ("mscoco_t2i", "MSCOCO_t2i", {"qry_text": None}, "qry_text is missing; expected a text"),
        ("cirr", "CIRR", {"tgt_img_path": ["a.jpg", None]}, "tgt_img_path is missing; expected a text"),
        ("cirr", "CIRR", {"tgt_img_path": ["a.jpg", "../b"]}, "tgt_img_path is '../b'; expected a path inside"),
        (
            "nights",
            "NIGHTS",
            {"tgt_text": [""] * 2, "tgt_img_path": ["a.jpg"] * 2},
            "tgt_img_path lists 'a.jpg:' and no other candidate",
        ),
    ],
)
def test_an_image_row_that_means_nothing_is_named(
    tmp_path: Path, task: str, config: str, change: dict[str, Any], said: str
):
    write_rows(tmp_path, IMAGES, [FOUND, FOUND | change], config)
    with pytest.raises(DataError) as caught:
        load(tmp_path, f"image/{task}")
    assert str(caught.value).startswith(f"{task}: row 1 of {IMAGES}, {config}: {said}")


def test_a_text_in_place_of_a_list_is_refused(tmp_path: Path):
    write_rows(tmp_path, IMAGES, [FOUND | {"tgt_text": "a cat"}], "OK-VQA")
    with pytest.raises(DataError, match=r"row 0 of .*, OK-VQA: tgt_text is 'a cat'; expected a list"):
        load(tmp_path, "image/ok_vqa")


def test_an_empty_wrong_answer_stays_a_candidate(tmp_path: Path):
    write_rows(tmp_path, IMAGES, [FOUND | {"tgt_text": ["a cat", ""]}], "OK-VQA")
    assert load(tmp_path, "image/ok_vqa").pools == {"0": ["a cat", ""]}


SORT = {"video_id": "7", "pos_text": "Closing", "neg_text": ["Closing", "Opening"]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"neg_text": ["Closing", None]}, "neg_text has no text at place 1 of 2"),
        ({"pos_text": None}, "pos_text is missing; expected a text"),
        ({"pos_text": ""}, "pos_text is empty; expected a text"),
        ({"video_id": None}, "video_id is missing; expected an id"),
        ({"video_id": "../../etc"}, "video_id is '../../etc'; expected a path inside"),
        ({"video_id": "/etc"}, "video_id is '/etc'; expected a path inside"),
        ({"neg_text": ["Closing"]}, "neg_text lists 'Closing' and no other candidate"),
    ],
)
def test_a_video_row_that_means_nothing_is_named(tmp_path: Path, change: dict[str, Any], said: str):
    write_rows(tmp_path, "VLM2Vec/SmthSmthV2", [SORT, SORT | change])
    with pytest.raises(DataError) as caught:
        load(tmp_path, "video/smthsmthv2")
    assert str(caught.value).startswith(f"smthsmthv2: row 1 of VLM2Vec/SmthSmthV2: {said}")


def labelled(root: Path, labels: list[int], *, named: bool) -> None:
    """Clips whose labels are numbers, with names or without."""
    folder = root / "VLM2Vec/Breakfast" / "data"
    folder.mkdir(parents=True)
    table = datasets.Dataset.from_dict({"video_id": [f"clip{n}" for n in range(len(labels))], "pos_text": labels})
    if named:
        table = table.cast_column("pos_text", datasets.ClassLabel(names=["cereal", "coffee"]))
    table.to_parquet(folder / "test.parquet")


def test_labels_that_are_numbers_of_a_class_label_get_their_names(tmp_path: Path):
    labelled(tmp_path, [0, 1], named=True)
    write_frames(tmp_path, "video-tasks/frames/video_cls/Breakfast/clip0", 8)
    assert [list(grades) for grades in load(tmp_path, "video/breakfast").qrels.values()] == [["cereal"], ["coffee"]]


@pytest.mark.parametrize(
    ("label", "named", "said"),
    [(-1, True, "pos_text is label -1, of which there are 2 from 0"), (1, False, "pos_text is 1, a number")],
)
def test_a_label_without_a_name_is_refused(tmp_path: Path, label: int, named: bool, said: str):
    labelled(tmp_path, [label], named=named)
    with pytest.raises(DataError, match=f"row 0 of VLM2Vec/Breakfast: {said}"):
        load(tmp_path, "video/breakfast")


QUESTION = {"video": "v", "question": "Who?", "answer": 1} | {f"a{number}": f"choice {number}" for number in range(5)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"question": None}, "question is missing; expected a text"),
        ({"answer": None}, "answer is missing; expected a text"),
        ({"answer": 5}, "answer '5' is none of its 5 choices"),
        ({"a3": None}, "a3 is missing; expected a text"),
        ({"video": None}, "video is missing; expected an id"),
    ],
)
def test_a_question_that_means_nothing_is_named(tmp_path: Path, change: dict[str, Any], said: str):
    write_rows(tmp_path, "VLM2Vec/NExTQA", [QUESTION, QUESTION | change], "MC")
    with pytest.raises(DataError) as caught:
        load(tmp_path, "video/nextqa")
    assert str(caught.value).startswith(f"nextqa: row 1 of VLM2Vec/NExTQA, MC: {said}")


LETTERED = {"question": "?", "videoID": "v", "options": ["A. x", "B. y"], "answer": "A"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"options": []}, "options lists no candidate"),
        ({"options": None}, "options lists no candidate"),
        ({"options": ["", "B. y"]}, "answer 'A' is an empty choice"),
        ({"answer": "C"}, "answer 'C' is none of its 2 choices"),
    ],
)
def test_a_question_without_a_choice_to_find_is_named(tmp_path: Path, change: dict[str, Any], said: str):
    write_rows(tmp_path, "VLM2Vec/Video-MME", [LETTERED, LETTERED | change])
    with pytest.raises(DataError) as caught:
        load(tmp_path, "video/video_mme")
    assert str(caught.value).startswith(f"video_mme: row 1 of VLM2Vec/Video-MME: {said}")


MOMENT = {
    "query": "Where?", "input_frames": "", "positive_frames": [{"output_path": "a.mp4"}],
    "negative_frames": [{"output_path": "b.mp4"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"query": None}, "query is missing; expected a text"),
        ({"positive_frames": [{"output_path": None}]}, "positive_frames is missing; expected a text"),
        ({"positive_frames": None}, "positive_frames lists no clip"),
        ({"negative_frames": [{"output_path": "../b.mp4"}]}, "negative_frames is '../b.mp4'; expected a path inside"),
        ({"input_frames": "/etc/a.jpg"}, "input_frames is '/etc/a.jpg'; expected a path inside"),
    ],
)
def test_a_moment_that_means_nothing_is_named(tmp_path: Path, change: dict[str, Any], said: str):
    write_rows(tmp_path, "VLM2Vec/MomentSeeker", [MOMENT, MOMENT | change])
    with pytest.raises(DataError) as caught:
        load(tmp_path, "video/momentseeker")
    assert f": row 1 of VLM2Vec/MomentSeeker: {said}" in str(caught.value)


def test_queries_whose_candidates_are_all_right_are_counted(tmp_path: Path):
    write_rows(tmp_path, "VLM2Vec/MomentSeeker", [MOMENT, MOMENT | {"negative_frames": []}])
    said = "1 of 2 queries have right answers alone among their candidates and always hit"
    assert f"momentseeker: {said}" in load(tmp_path, "video/momentseeker").warnings
