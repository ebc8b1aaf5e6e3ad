"""Video classification and retrieval: the official strings, the clean fields beside them, frames, pools and labels."""

from pathlib import Path
from typing import Any

import pytest

from rzen_eval import load_task
from rzen_eval.core import Item
from rzen_eval.errors import DataError
from tests.mirrors import FRAMES, candidates, load, media, saved, write_frames, write_rows

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


def test_the_longest_list_of_labels_holds_what_it_is_known_by():
    labels = load_task("video/k700").options["labels"].splitlines()
    assert (labels[0], labels[-1]) == ("waiting_in_line", "clay_pottery_making")
    assert {"massaging_person's_head", "throwing_ball_(not_baseball_or_American_football)"} <= set(labels)
    assert all(label == label.strip() for label in labels)
