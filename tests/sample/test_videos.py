"""A person who looks at the clips of the sample data sees the one right answer, and so can the loaders."""

import json
import re
from collections import Counter
from itertools import pairwise

import pyarrow as pa
import pytest
from PIL import Image

from rzen_eval import sample
from rzen_eval.sample import videos
from rzen_eval.sample.clips import OPPOSITES
from rzen_eval.sample.kitchen import BREAKFASTS
from rzen_eval.sample.labels import CLASSES
from rzen_eval.sample.mvbench import SUBSETS
from tests.sample.looks import shown, table

VIDEO = {f"{task.repo}": task for task in videos.TASKS}
TEXT, TEXTS, NUMBER = pa.string(), pa.list_(pa.string()), pa.int64()
CLIPS = pa.list_(pa.struct({"output_path": pa.string()}))
COLUMNS = {
    "VLM2Vec/Kinetics-700": {"video_id": TEXT, "pos_text": TEXT},
    "VLM2Vec/HMDB51": {"video_id": TEXT, "pos_text": TEXT},
    "VLM2Vec/UCF101": {"video_id": TEXT, "pos_text": TEXT},
    "VLM2Vec/Breakfast": {"video_id": TEXT, "pos_text": TEXT},
    "VLM2Vec/SmthSmthV2": {"video_id": NUMBER, "pos_text": TEXT, "neg_text": TEXTS},
    "VLM2Vec/Video-MME": {"question": TEXT, "videoID": TEXT, "options": TEXTS, "answer": TEXT, "question_id": TEXT,
                          "domain": TEXT, "sub_category": TEXT},
    "VLM2Vec/NExTQA": {"video": NUMBER, "question": TEXT, "answer": NUMBER, "qid": NUMBER, "type": TEXT, "a0": TEXT,
                       "a1": TEXT, "a2": TEXT, "a3": TEXT, "a4": TEXT},
    "VLM2Vec/EgoSchema": {"video_idx": TEXT, "question": TEXT, "answer": TEXT, "question_idx": TEXT, "option": TEXTS},
    "VLM2Vec/MVBench": {"question": TEXT, "video": TEXT, "candidates": TEXTS, "answer": TEXT},
    "VLM2Vec/ActivityNetQA": {"video_name": TEXT, "question": TEXT, "answer": TEXT, "question_id": TEXT},
    "VLM2Vec/MSR-VTT": {"video_id": TEXT, "video": TEXT, "caption": TEXT},
    "VLM2Vec/MSVD": {"video_id": TEXT, "video": TEXT, "caption": TEXTS},
    "VLM2Vec/DiDeMo": {"video": TEXT, "caption": TEXT},
    "lmms-lab/YouCook2": {"id": TEXT, "video_path": TEXT, "sentence": TEXT},
    "VLM2Vec/VATEX": {"videoID": TEXT, "enCap": TEXTS},
    "VLM2Vec/QVHighlight": {"query": TEXT, "video_path": TEXT},
    "VLM2Vec/Charades-STA": {"query": TEXT, "video_path": TEXT},
    "VLM2Vec/MomentSeeker": {"query": TEXT, "positive_frames": CLIPS, "negative_frames": CLIPS, "input_frames": TEXT},
    "VLM2Vec/MomentSeeker_1k8": {"query": TEXT, "positive_frames": CLIPS, "negative_frames": CLIPS,
                                 "input_frames": TEXT},
}  # fmt: skip


def rows(root, repo):
    task = VIDEO[repo]
    if repo == "VLM2Vec/MVBench":
        return [{**row, "subset": subset} for subset in SUBSETS for row in table(root, repo, subset).to_pylist()]
    return table(root, repo, task.config or "data").to_pylist()


def folder(root, repo):
    return root / videos.FOLDER / VIDEO[repo].group / VIDEO[repo].folder


def clip_folder(path):
    return f"video_frames/{path.removesuffix('.mp4').replace('/', '_')}"


def options(row):
    """The pool of a question's row, as the official evaluator names it, with the right answer."""
    if "options" in row:
        return row["options"], row["options"]["ABCD".index(row["answer"])]
    if "option" in row:
        return row["option"], row["option"][int(row["answer"])]
    if "a0" in row:
        listed = [row[f"a{place}"] for place in range(5)]
        return listed, listed[row["answer"]]
    if "candidates" in row:
        listed = [f"({letter}) {text}" for letter, text in zip("ABCDE", row["candidates"], strict=False)]
        return listed, listed[row["candidates"].index(row["answer"])]
    return ["yes", "no"], row["answer"]


def happening(seen):
    """What a shape does, from where its middle is and how large it is in each frame."""
    if any(size == 0 for _, _, size in seen):
        return "blinking"
    (x, y, size), (right, below, large) = seen[0], seen[-1]
    changes = {
        "moving left": x - right,
        "moving right": right - x,
        "moving up": y - below,
        "moving down": below - y,
        "growing": (large - size) / max(size, large),
        "shrinking": (size - large) / max(size, large),
        "changing color": 0.15,
    }
    return max(changes, key=changes.get)


@pytest.mark.parametrize("repo", VIDEO)
def test_a_video_task_has_the_columns_of_the_benchmark_and_as_many_rows_as_declared(root, repo):
    task = VIDEO[repo]
    found = rows(root, repo)
    assert len(found) == sample.COUNTS[repo, task.config].n_queries
    configs = list(SUBSETS) if repo == "VLM2Vec/MVBench" else [task.config or "data"]
    assert len({table(root, repo, config).schema.remove_metadata() for config in configs}) == 1
    types = {field.name: field.type for field in table(root, repo, configs[0]).schema}
    assert types.items() >= COLUMNS[repo].items()
    front = (root / repo / "README.md").read_text().split("---")[1]
    assert f"- split: {task.split}" in front
    assert len(re.findall("config_name", front)) == len(configs)


@pytest.mark.parametrize("repo", [repo for repo, task in VIDEO.items() if task.group == "video_qa"])
def test_a_question_on_a_clip_has_one_right_answer_among_different_ones(root, repo):
    pools = [options(row) for row in rows(root, repo)]
    assert all(pool.count(right) == 1 and len(set(pool)) == len(pool) for pool, right in pools)
    assert len({name for pool, _ in pools for name in pool}) == VIDEO[repo].count.n_candidates
    assert len({pool.index(right) for pool, right in pools}) > 1


def test_labels_are_told_apart_and_those_that_can_be_drawn_are_the_benchmark_s(root):
    for repo in ("VLM2Vec/Kinetics-700", "VLM2Vec/HMDB51", "VLM2Vec/UCF101", "VLM2Vec/Breakfast"):
        assert {row["pos_text"] for row in rows(root, repo)} == set(CLASSES[VIDEO[repo].folder])
    assert set(CLASSES["Breakfast"]) == set(BREAKFASTS)
    for row in rows(root, "VLM2Vec/SmthSmthV2"):
        assert row["neg_text"].count(row["pos_text"]) == 1
        assert set(row["neg_text"]) == set(CLASSES["SSv2"])


def test_a_label_is_what_happens_from_the_first_frame_to_the_last(root):
    for row in rows(root, "VLM2Vec/Kinetics-700"):
        frames = sorted((folder(root, "VLM2Vec/Kinetics-700") / row["video_id"]).iterdir())
        assert happening([shown(frame) for frame in frames]) == row["pos_text"]


@pytest.mark.parametrize("repo", [repo for repo, task in VIDEO.items() if task.group == "video_ret"])
def test_every_clip_to_be_found_has_eight_frames_or_more_and_a_caption_of_its_own(root, repo):
    found = [path for path in folder(root, repo).iterdir() if path.is_dir()]
    assert len(found) == VIDEO[repo].count.n_candidates == VIDEO[repo].count.n_queries
    assert all(len(list(path.iterdir())) >= 8 for path in found)
    [column] = COLUMNS[repo].keys() & {"caption", "sentence", "enCap"}
    captions = [row[column] if isinstance(row[column], str) else row[column][0] for row in rows(root, repo)]
    assert len(set(captions)) == len(captions)
    assert len({tuple(frame.read_bytes() for frame in sorted(path.iterdir())) for path in found}) == len(found)


def test_frames_are_named_as_their_tasks_have_them_and_are_of_one_size(root):
    for task in videos.TASKS:
        for path in (root / videos.FOLDER / task.group / task.folder).rglob("*.jp*g"):
            if path.name.startswith("query_"):
                continue
            assert re.fullmatch(r"\d{4}\.jpeg" if task.group == "video_qa" else r"frame_\d{4}\.jpg", path.name)
    with Image.open(path) as image:
        assert image.size == sample.SIZES["frame"]


def test_every_question_has_its_frames_where_the_evaluator_looks(root):
    places = {
        "VLM2Vec/Video-MME": "{videoID}",
        "VLM2Vec/NExTQA": "{video}",
        "VLM2Vec/EgoSchema": "{video_idx}",
        "VLM2Vec/MVBench": "{subset}/{video}",
        "VLM2Vec/ActivityNetQA": "v_{video_name}",
    }
    for repo, place in places.items():
        for row in rows(root, repo):
            frames = sorted((folder(root, repo) / place.format_map(row)).iterdir())
            assert [frame.name for frame in frames] == [f"{index:04}.jpeg" for index in range(len(frames))]
            assert 8 <= len(frames) <= 12


@pytest.mark.parametrize("repo", ["VLM2Vec/QVHighlight", "VLM2Vec/Charades-STA"])
def test_a_moment_is_one_of_the_clips_that_its_video_was_cut_into(root, repo):
    found = set()
    for row in rows(root, repo):
        place = folder(root, repo) / row["video_path"].rpartition("/")[2].removesuffix(".mp4")
        found.add(place)
        clips = sorted(path.name for path in place.iterdir())
        assert clips == ["negative_0", "negative_1", "negative_2", "negative_3", "positive", "query"]
        assert all(len(list((place / clip).iterdir())) == 8 for clip in clips if clip != "query")
    assert len(found) == len(list(folder(root, repo).iterdir())) == VIDEO[repo].count.n_queries
    assert VIDEO[repo].count.n_candidates == 5 * len(found)


@pytest.mark.parametrize("repo", ["VLM2Vec/MomentSeeker", "VLM2Vec/MomentSeeker_1k8"])
def test_moments_are_asked_for_with_texts_pictures_and_clips_that_are_there(root, repo):
    kinds, clips = Counter(), set()
    for row in rows(root, repo):
        given = row["input_frames"]
        kinds[given.rpartition(".")[2]] += 1
        listed = [clip["output_path"] for clip in row["positive_frames"] + row["negative_frames"]]
        assert len(set(listed)) == len(listed)
        assert len(listed) >= 7
        clips.update(listed)
        for path in [*listed, given] if given.endswith(".mp4") else listed:
            frames = list((folder(root, repo) / clip_folder(path)).iterdir())
            assert len(frames) == 8
        assert not given.endswith(".jpg") or (folder(root, repo) / f"query_{given}").is_file()
        assert given not in listed
    assert len(kinds) == 3
    assert {len(row["positive_frames"]) for row in rows(root, repo)} == {1, 2}
    assert len(clips) == VIDEO[repo].count.n_candidates


def test_the_larger_momentseeker_holds_the_other_and_some_rows_twice(root):
    small, large = (
        [json.dumps(row) for row in rows(root, repo)] for repo in ("VLM2Vec/MomentSeeker", "VLM2Vec/MomentSeeker_1k8")
    )
    assert len(set(small)) == len(small)
    assert set(small) < set(large)
    assert sum(count - 1 for count in Counter(large).values()) == 3


def test_opposites_are_told_apart_by_the_order_of_frames_alone(root):
    repo = "VLM2Vec/UCF101"
    assert all(OPPOSITES[OPPOSITES[motion]] == motion for motion in OPPOSITES)
    for row in rows(root, repo):
        frames = sorted((folder(root, repo) / row["video_id"]).iterdir())
        if "moving" in row["pos_text"]:
            path = [shown(frame)[0] for frame in frames]
            assert all((one < two) == row["pos_text"].endswith("right") for one, two in pairwise(path))
