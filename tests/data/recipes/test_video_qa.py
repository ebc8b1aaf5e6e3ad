"""Questions on a clip: the official strings, the choices, and which of them is right."""

from pathlib import Path
from typing import Any

import pytest

from rzen_eval import load_task
from rzen_eval.core import Item
from rzen_eval.errors import DataError
from tests.mirrors import EIGHT_OF_64, FRAMES, candidates, load, media, write_frames, write_rows

TOLD = (
    "Given a video and a question, select the most accurate answer from the provided candidates."
    " Return only the exact text of your chosen answer. Question:"
)


QUESTIONS = {
    "video/video_mme": (
        ("VLM2Vec/Video-MME", "default", "test"),
        {
            "question": "What is shown first?",
            "videoID": "fFjv93ACGo8",
            "options": ["A. A cat.", "B. A dog.", "C. 3.5 apples.", "D. None of the above."],
            "answer": "C",
            "question_id": "001-1",
            "domain": "Knowledge",
            "sub_category": "Biology",
        },
        "Video-MME/fFjv93ACGo8",
        "What is shown first?\nA. A cat.\nB. A dog.\nC. 3.5 apples.\nD. None of the above.",
        {
            "A. A cat.": "A cat",
            "B. A dog.": "A dog",
            "C. 3.5 apples.": "3.5 apples",
            "D. None of the above.": "None of the above",
        },
        "C. 3.5 apples.",
    ),
    "video/egoschema": (
        ("VLM2Vec/EgoSchema", "Subset", "test"),
        {
            "video_idx": "0074f737",
            "question": "What is C doing?",
            "answer": "3",
            "question_idx": "0",
            "option": [
                "A. C is cooking.",
                "B. C is cleaning.",
                "C. C is reading.",
                "D. C is sewing.",
                "E. C is drawing.",
            ],
        },
        "EgoSchema/0074f737",
        "What is C doing?A. C is cooking. B. C is cleaning. C. C is reading. D. C is sewing. E. C is drawing.",
        {
            "A. C is cooking.": "C is cooking",
            "B. C is cleaning.": "C is cleaning",
            "C. C is reading.": "C is reading",
            "D. C is sewing.": "C is sewing",
            "E. C is drawing.": "C is drawing",
        },
        "D. C is sewing.",
    ),
    "video/nextqa": (
        ("VLM2Vec/NExTQA", "MC", "test"),
        {
            "video": "4010069381",
            "question": "how do the two men play the instrument",
            "answer": 0,
            "qid": 6,
            "type": "CH",
            "a0": "roll the handle",
            "a1": "tap their feet",
            "a2": "strum the string",
            "a3": "hit with sticks",
            "a4": "pat with hand",
        },
        "NExTQA/4010069381",
        (
            "how do the two men play the instrument\nOptions:\n(A) roll the handle\n(B) tap their feet\n"
            "(C) strum the string\n(D) hit with sticks\n(E) pat with hand"
        ),
        {
            "roll the handle": "roll the handle",
            "tap their feet": "tap their feet",
            "strum the string": "strum the string",
            "hit with sticks": "hit with sticks",
            "pat with hand": "pat with hand",
        },
        "roll the handle",
    ),
    "video/activitynetqa": (
        ("VLM2Vec/ActivityNetQA", "default", "test"),
        {
            "video_name": "mZYWfmsYQPA",
            "question": "is the athlete wearing trousers",
            "answer": "yes",
            "question_id": "v_mZYWfmsYQPA_1",
        },
        "ActivityNetQA/v_mZYWfmsYQPA",
        "is the athlete wearing trousers? (A) yes; (B) no.",
        {"yes": "yes", "no": "no"},
        "yes",
    ),
}


@pytest.mark.parametrize(("task", "case"), QUESTIONS.items(), ids=QUESTIONS)
def test_a_question_has_its_choices_in_the_query_and_as_candidates(
    tmp_path: Path,
    task: str,
    case: tuple[tuple[str, str, str], dict[str, Any], str, str, dict[str, str], str],
):
    (repo, config, split), row, folder, text, choices, right = case
    write_rows(tmp_path, repo, [row], config, split)
    write_frames(tmp_path, f"{FRAMES}/video_qa/{folder}", name="{:04d}.jpeg", first=0)
    data = load(tmp_path, task)
    query = data.queries[0]
    # The official instruction ends with a space, and the evaluator puts one more.
    assert query.verbatim == f"<|video_pad|> {TOLD}  {text}"
    assert (query.instruction, query.text) == (TOLD, text)
    assert media(query) == ([], [f"{FRAMES}/video_qa/{folder}/{number:04d}.jpeg" for number in EIGHT_OF_64])
    assert candidates(data) == {name: Item(text=shown, verbatim=shown) for name, shown in choices.items()}
    assert (data.pools, data.qrels) == ({"0": list(choices)}, {"0": {right: 1.0}})


def mvbench(root: Path, **rows: list[dict[str, Any]]) -> None:
    place = {"question": "?", "video": "v.mp4", "candidates": ["yes", "no"], "answer": "no"}
    for subset in load_task("video/mvbench").options["subsets"]:
        write_rows(root, "VLM2Vec/MVBench", rows.get(subset, [place]), subset, "train")


def test_choices_of_mvbench_have_letters_in_the_query_and_as_candidates(tmp_path: Path):
    row = {
        "question": "What happened after the person took the food?",
        "video": "ZS9XR.mp4",
        "candidates": [
            "Ate the medicine.",
            "Tidied up the blanket.",
            "Put down the cup/glass/bottle.",
            "Took the box.",
        ],
        "answer": "Ate the medicine.",
    }
    mvbench(tmp_path, action_sequence=[row])
    write_frames(tmp_path, f"{FRAMES}/video_qa/MVBench/action_sequence/ZS9XR.mp4", name="{:04d}.jpeg", first=0)
    data = load(tmp_path, "video/mvbench")
    query = data.queries[1]
    assert query.verbatim == (
        f"<|video_pad|> {TOLD}  What happened after the person took the food?\nOptions:\n(A) Ate the medicine.\n"
        "(B) Tidied up the blanket.\n(C) Put down the cup/glass/bottle.\n(D) Took the box."
    )
    assert len(query.frames) == 8
    assert data.pools is not None
    assert data.pools["1"] == [
        "(A) Ate the medicine.",
        "(B) Tidied up the blanket.",
        "(C) Put down the cup/glass/bottle.",
        "(D) Took the box.",
    ]
    assert data.qrels["1"] == {"(A) Ate the medicine.": 1.0}
    assert candidates(data)["(D) Took the box."].text == "(D) Took the box."


def test_mvbench_is_twenty_subsets_one_after_the_other(tmp_path: Path):
    row = {"question": "the fifth", "video": "v.mp4", "candidates": ["a", "b"], "answer": "a"}
    mvbench(tmp_path, fine_grained_action=[row])
    data = load(tmp_path, "video/mvbench")
    assert len(data.query_ids) == 20
    write_frames(tmp_path, f"{FRAMES}/video_qa/MVBench/fine_grained_action/v.mp4")
    assert "the fifth" in (data.queries[4].text or "")


@pytest.mark.parametrize(
    ("candidates_", "answer", "right"),
    [(["up", "down", "up"], "up", "(C) up"), (["up", "down"], "left", "left")],
    ids=["the last of like choices", "none of the choices"],
)
def test_the_right_choice_of_mvbench_is(tmp_path: Path, candidates_: list[str], answer: str, right: str):
    row = {"question": "?", "video": "v.mp4", "candidates": candidates_, "answer": answer}
    mvbench(tmp_path, episodic_reasoning=[row])
    data = load(tmp_path, "video/mvbench")
    assert data.qrels["0"] == {right: 1.0}
    assert any("always miss" in warning for warning in data.warnings) == (answer == "left")


def test_a_choice_without_a_letter_keeps_its_last_character_only(tmp_path: Path):
    row = {"question": "?", "videoID": "v", "options": ["A. x", "None of them", "C.y.", "D. . z. "], "answer": "A"}
    write_rows(tmp_path, "VLM2Vec/Video-MME", [row])
    assert [choice.text for choice in load(tmp_path, "video/video_mme").candidates] == ["x", "m", "", "z"]


def test_the_last_choice_loses_the_white_space_after_it(tmp_path: Path):
    row = {"video": 1, "question": "why", "answer": 4, **{f"a{n}": f"{n} " for n in range(5)}}
    write_rows(tmp_path, "VLM2Vec/NExTQA", [row], "MC")
    write_frames(tmp_path, f"{FRAMES}/video_qa/NExTQA/1")
    query = load(tmp_path, "video/nextqa").queries[0]
    assert query.text == "why\nOptions:\n(A) 0 \n(B) 1 \n(C) 2 \n(D) 3 \n(E) 4"


@pytest.mark.parametrize("answer", ["E", "AB", "a"])
def test_a_letter_that_stands_for_no_choice_is_named(tmp_path: Path, answer: str):
    row = {"question": "?", "videoID": "v", "options": ["A. x", "B. y"], "answer": answer}
    write_rows(tmp_path, "VLM2Vec/Video-MME", [row])
    with pytest.raises(DataError) as error:
        load(tmp_path, "video/video_mme")
    assert str(error.value) == f"video_mme: row 0 of VLM2Vec/Video-MME: answer {answer!r} is none of its 2 choices"
