"""Moments of a video: the clips that it was cut into, and MomentSeeker's three ways to ask."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from rzen_eval import load_task
from rzen_eval.errors import DataError
from tests.mirrors import FRAMES, load, media, saved, write_frames, write_rows


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
