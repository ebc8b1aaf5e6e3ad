"""Video tasks: the official strings, the clean fields beside them, frames, pools and labels, from one row each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rzen_eval import load_task
from rzen_eval.core import Item
from rzen_eval.errors import DataError
from tests.mirrors import candidates, load, media, write_frames, write_rows

FRAMES = "video-tasks/frames"
EIGHT_OF_64 = (0, 9, 18, 27, 36, 45, 54, 63)
TOLD = (
    "Given a video and a question, select the most accurate answer from the provided candidates."
    " Return only the exact text of your chosen answer. Question:"
)


def saved(folder: str) -> list[str]:
    """The eight of 64 frames that the benchmark takes, named as ffmpeg's."""
    return [f"{FRAMES}/{folder}/frame_{number + 1:04d}.jpg" for number in EIGHT_OF_64]


CLASSES = {
    "video/smthsmthv2": (
        "VLM2Vec/SmthSmthV2",
        {"video_id": 74225, "pos_text": "Closing something", "neg_text": ["Closing something", "Opening something"]},
        "video_cls/SSv2/74225",
        "<|video_pad|> What actions or object interactions are being performed by the person in the video?",
        "What actions or object interactions are being performed by the person in the video?",
    ),
    "video/k700": (
        "VLM2Vec/Kinetics-700",
        {"video_id": "abc_000010_000020", "pos_text": "base_jumping"},
        "video_cls/K700/abc_000010_000020",
        "<|video_pad|> Recognize the category of the video content.",
        "Recognize the category of the video content.",
    ),
    "video/breakfast": (
        "VLM2Vec/Breakfast",
        {"video_id": "P03_cam01_P03_cereals", "pos_text": "cereal"},
        "video_cls/Breakfast/P03_cam01_P03_cereals",
        "<|video_pad|> Recognize the breakfast type that the person is cooking in the video. ",
        "Recognize the breakfast type that the person is cooking in the video.",
    ),
    "video/hmdb51": (
        "VLM2Vec/HMDB51",
        {"video_id": "clip 0_wave", "pos_text": "wave"},
        "video_cls/HMDB51/clip 0_wave",
        "<|video_pad|> What actions or objects interactions are the person in the video doing?",
        "What actions or objects interactions are the person in the video doing?",
    ),
    "video/ucf101": (
        "VLM2Vec/UCF101",
        {"video_id": "v_YoYo_g01_c01", "pos_text": "YoYo"},
        "video_cls/UCF101/v_YoYo_g01_c01",
        "<|video_pad|> What activities or sports are being performed by the person in the video?",
        "What activities or sports are being performed by the person in the video?",
    ),
}


@pytest.mark.parametrize(("task", "case"), CLASSES.items(), ids=CLASSES)
def test_a_clip_asks_for_its_class(tmp_path: Path, task: str, case: tuple[str, dict[str, Any], str, str, str]):
    repo, row, folder, verbatim, instruction = case
    write_rows(tmp_path, repo, [row])
    write_frames(tmp_path, f"{FRAMES}/{folder}")
    data = load(tmp_path, task)
    query = data.queries[0]
    assert (query.verbatim, query.instruction, query.text) == (verbatim, instruction, None)
    assert media(query) == ([], saved(folder))
    label = row["pos_text"]
    assert data.qrels == {"0": {label: 1.0}}
    assert candidates(data)[label] == Item(text=label, verbatim=label)


@pytest.mark.parametrize(("task", "n_labels"), [("k700", 700), ("hmdb51", 51), ("ucf101", 101), ("breakfast", 10)])
def test_classes_are_those_of_the_rows_and_then_those_that_the_evaluator_lists(
    tmp_path: Path, task: str, n_labels: int
):
    declared = load_task(f"video/{task}")
    labels = declared.options["labels"].splitlines()
    assert len(set(labels)) == len(labels) == n_labels == declared.n_candidates
    write_rows(
        tmp_path,
        declared.dataset.repo,
        [{"video_id": "a", "pos_text": labels[3]}, {"video_id": "b", "pos_text": "new"}],
    )
    data = load(tmp_path, f"video/{task}")
    assert data.pools is None
    assert data.candidate_ids == [labels[3], "new", *labels[:3], *labels[4:]]


def test_classes_of_a_row_are_its_own_where_the_row_lists_them(tmp_path: Path):
    rows = [
        {"video_id": "1", "pos_text": "Closing", "neg_text": ["Opening", "Closing"]},
        {"video_id": "2", "pos_text": "Lifting", "neg_text": ["Opening", "Closing"]},
    ]
    write_rows(tmp_path, "VLM2Vec/SmthSmthV2", rows)
    data = load(tmp_path, "video/smthsmthv2")
    assert data.pools == {"0": ["Opening", "Closing"], "1": ["Opening", "Closing"]}
    assert data.candidate_ids == ["Opening", "Closing"]
    assert data.qrels == {"0": {"Closing": 1.0}, "1": {"Lifting": 1.0}}
    lost = "smthsmthv2: 1 of 2 queries have no right answer among their candidates and always miss"
    assert lost in data.warnings


def test_only_the_first_thousand_rows_of_something_something_count(tmp_path: Path):
    rows = [{"video_id": str(n), "pos_text": "a", "neg_text": ["a", "b"]} for n in range(1003)]
    write_rows(tmp_path, "VLM2Vec/SmthSmthV2", rows)
    data = load(tmp_path, "video/smthsmthv2")
    assert len(data.query_ids) == 1000
    assert data.warnings == []


RETRIEVAL = {
    "video/msr_vtt": (
        ("VLM2Vec/MSR-VTT", "test_1k", "test"),
        {"video_id": "video9770", "video": "video9770.mp4", "caption": "a person is connecting something to system"},
        "MSR-VTT/video9770",
        "Find a video that contains the following visual content:",
        "a person is connecting something to system",
    ),
    "video/msvd": (
        ("VLM2Vec/MSVD", "default", "test"),
        {
            "video_id": "-4wsuPCjDBc_5_15",
            "video": "-4wsuPCjDBc_5_15.avi",
            "caption": ["a squirrel is eating a peanut", "a chipmunk is eating"],
        },
        "MSVD/-4wsuPCjDBc_5_15",
        "Find the video snippet that corresponds to the given summary:",
        "a squirrel is eating a peanut",
    ),
    "video/didemo": (
        ("VLM2Vec/DiDeMo", "default", "test"),
        {"video": "test/12090392@N02_13482799053_87ef417396.mp4", "caption": "a man sits. the man stands up."},
        "DiDeMo/12090392@N02_13482799053_87ef417396",
        "Find a video that includes the following described scenes:",
        "a man sits. the man stands up.",
    ),
    "video/youcook2": (
        ("lmms-lab/YouCook2", "default", "val"),
        {
            "id": "xHr8X2Wpmno_0",
            "video_path": "YouCookIIVideos/val/113/xHr8X2Wpmno_0.mp4",
            "sentence": "pick the ends off the verdalago",
        },
        "YouCook2/xHr8X2Wpmno_0",
        "Find a video that demonstrates the following action while making a recipe:",
        "pick the ends off the verdalago",
    ),
    "video/vatex": (
        ("VLM2Vec/VATEX", "default", "test"),
        {"videoID": "2Ek8Y1KHHyA_000000_000010", "enCap": ["A boy is skateboarding.", "A kid rides."]},
        "VATEX/2Ek8Y1KHHyA_000000_000010",
        "Select a video that fits the description provided:",
        "A boy is skateboarding.",
    ),
}


@pytest.mark.parametrize(("task", "case"), RETRIEVAL.items(), ids=RETRIEVAL)
def test_a_text_asks_for_its_clip(
    tmp_path: Path, task: str, case: tuple[tuple[str, str, str], dict[str, Any], str, str, str]
):
    (repo, config, split), row, folder, instruction, text = case
    write_rows(tmp_path, repo, [row], config, split)
    write_frames(tmp_path, f"{FRAMES}/video_ret/{folder}")
    data = load(tmp_path, task)
    query, clip, name = data.queries[0], data.candidates[0], folder.split("/")[1]
    assert query == Item(text=text, instruction=instruction, verbatim=f"{instruction} {text}")
    assert clip.verbatim == "<|video_pad|> Understand the content of the provided video."
    assert (clip.instruction, clip.text) == ("Understand the content of the provided video.", None)
    assert media(clip) == ([], saved(f"video_ret/{folder}"))
    assert (data.candidate_ids, data.pools, data.qrels) == ([name], None, {"0": {name: 1.0}})


def test_a_limit_keeps_the_first_texts_and_every_clip(tmp_path: Path):
    rows = [{"video_id": f"v{n}", "video": f"v{n}.mp4", "caption": f"caption {n}"} for n in range(4)]
    write_rows(tmp_path, "VLM2Vec/MSR-VTT", rows, "test_1k")
    data = load(tmp_path, "video/msr_vtt", "limit=first:2")
    assert [query.text for query in data.queries] == ["caption 0", "caption 1"]
    assert data.candidate_ids == ["v0", "v1", "v2", "v3"]


def test_a_clip_without_frames_is_missed_when_it_is_asked_for_and_not_before(tmp_path: Path):
    write_rows(tmp_path, "VLM2Vec/VATEX", [{"videoID": "gone", "enCap": ["A boy."]}])
    data = load(tmp_path, "video/vatex")
    with pytest.raises(DataError, match=r"no frames in .*video_ret/VATEX/gone and no video at .*VATEX/gone\.mp4"):
        data.candidates[0]


def test_the_number_of_frames_is_a_setting(tmp_path: Path):
    write_rows(tmp_path, "VLM2Vec/VATEX", [{"videoID": "a", "enCap": ["A boy."]}])
    write_frames(tmp_path, f"{FRAMES}/video_ret/VATEX/a")
    assert [len(load(tmp_path, "video/vatex", *given).candidates[0].frames) for given in ((), ("frames=3",))] == [8, 3]


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


def write_clips(root: Path, folder: str, names: Sequence[str]) -> None:
    for name in names:
        write_frames(root, f"{FRAMES}/video_mret/{folder}/{name}", 64 if name == "query" else 8)


@pytest.mark.parametrize(
    ("task", "folder"), [("qvhighlight", "QVHighlight"), ("charades_sta", "Charades-STA")], ids=["qvh", "charades"]
)
def test_a_video_and_a_sentence_ask_for_a_clip_of_that_video(tmp_path: Path, task: str, folder: str):
    repo = load_task(f"video/{task}").dataset.repo
    row = {"query": "Chef makes pizza and cuts it up.", "video_path": "videos/abc_60.0_210.0.mp4"}
    write_rows(tmp_path, repo, [row])
    video = f"{folder}/abc_60.0_210.0"
    write_clips(tmp_path, video, ["query", "negative_10", "negative_9", "positive_1"])
    data = load(tmp_path, f"video/{task}")
    query, place = data.queries[0], f"{FRAMES}/video_mret/{video}"
    told = "Find the clip that corresponds to the described scene in the given video:"
    assert query.verbatim == f"<|video_pad|> {told} Chef makes pizza and cuts it up."
    assert (query.instruction, query.text) == (told, "Chef makes pizza and cuts it up.")
    assert media(query) == ([], saved(f"video_mret/{video}/query"))
    assert data.pools == {"0": [f"{place}/negative_9", f"{place}/negative_10", f"{place}/positive_1"]}
    assert data.qrels == {"0": {f"{place}/positive_1": 1.0}}
    clip = data.candidates[0]
    assert clip.verbatim == "<|video_pad|> Understand the content of the provided video."
    assert clip.instruction == "Understand the content of the provided video."
    assert media(clip)[1] == [f"{place}/negative_9/frame_000{n}.jpg" for n in range(1, 9)]


def test_a_video_without_a_right_clip_is_named(tmp_path: Path):
    write_rows(tmp_path, "VLM2Vec/QVHighlight", [{"query": "x", "video_path": "a.mp4"}])
    write_clips(tmp_path, "QVHighlight/a", ["query", "negative_1"])
    with pytest.raises(
        DataError, match=r"qvhighlight: row 0 of .*: video_path has no folder positive\* among 1 clips in .*/a$"
    ):
        load(tmp_path, "video/qvhighlight")


def test_of_several_right_clips_the_last_in_natural_order_counts_and_there_is_a_warning(tmp_path: Path):
    write_rows(tmp_path, "VLM2Vec/QVHighlight", [{"query": "x", "video_path": "a.mp4"}])
    write_clips(tmp_path, "QVHighlight/a", ["query", "positive_10", "positive_9"])
    data = load(tmp_path, "video/qvhighlight")
    assert data.qrels == {"0": {f"{FRAMES}/video_mret/QVHighlight/a/positive_10": 1.0}}
    assert "qvhighlight: 1 videos have several positive* clips; the last counts" in data.warnings
    every = load(tmp_path, "video/qvhighlight", "tasks.qvhighlight.options.every_positive=true")
    assert every.qrels == {"0": {f"{FRAMES}/video_mret/QVHighlight/a/positive_{number}": 1.0 for number in (9, 10)}}
    assert not any("several" in warning for warning in every.warnings)


SEEKER = {
    "text": ("", "Find the clip that corresponds to the given text:", "", ([], [])),
    "image": (
        "q12.jpg",
        "Select the video clip that aligns with the given text and image:",
        "<|image_pad|> ",
        ([f"{FRAMES}/video_mret/MomentSeeker/query_q12.jpg"], []),
    ),
    "video": (
        "movie101/77_q.mp4",
        "Find the clip that corresponds to the given sentence and video segment:",
        "<|video_pad|> ",
        (
            [],
            [f"{FRAMES}/video_mret/MomentSeeker/video_frames/movie101_77_q/frame_{n:04d}.jpg" for n in range(1, 11)],
        ),
    ),
}


@pytest.mark.parametrize(("given", "told", "token", "shown"), SEEKER.values(), ids=SEEKER)
def test_momentseeker_asks_in_three_ways(
    tmp_path: Path, given: str, told: str, token: str, shown: tuple[list[str], list[str]]
):
    row = {
        "query": "the man opens the door",
        "input_frames": given,
        "positive_frames": [{"output_path": "movie101/77_clip_1.mp4"}, {"output_path": "movie101/77_clip_3.mp4"}],
        "negative_frames": [{"output_path": "movie101/77_clip_2.mp4"}],
    }
    write_rows(tmp_path, "VLM2Vec/MomentSeeker", [row])
    folder = f"{FRAMES}/video_mret/MomentSeeker/video_frames"
    # More frames than the setting asks for: this task takes what is saved.
    write_frames(tmp_path, f"{folder}/movie101_77_q", 10)
    write_frames(tmp_path, f"{folder}/movie101_77_clip_1", 9)
    data = load(tmp_path, "video/momentseeker")
    query = data.queries[0]
    assert query.verbatim == f"{token}{told} the man opens the door"
    assert (query.instruction, query.text) == (told, "the man opens the door")
    assert media(query) == shown
    right = [f"{folder}/movie101_77_clip_{n}" for n in (1, 3)]
    assert data.pools == {"0": [*right, f"{folder}/movie101_77_clip_2"]}
    assert data.qrels == {"0": dict.fromkeys(right, 1.0)}
    clip = data.candidates[0]
    assert clip.verbatim == "<|video_pad|> Understand the content of the provided video clip."
    assert clip.instruction == "Understand the content of the provided video clip."
    assert len(clip.frames) == 9


def test_the_longest_list_of_labels_holds_what_it_is_known_by():
    labels = load_task("video/k700").options["labels"].splitlines()
    assert (labels[0], labels[-1]) == ("waiting_in_line", "clay_pottery_making")
    assert {"massaging_person's_head", "throwing_ball_(not_baseball_or_American_football)"} <= set(labels)
    assert all(label == label.strip() for label in labels)
