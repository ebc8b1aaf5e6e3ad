"""A person who looks at the pictures and clips of the sample data sees the one right answer, and so can the loaders."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from rzen_eval import sample
from rzen_eval.sample import images, videos
from rzen_eval.sample.clips import OPPOSITES
from rzen_eval.sample.kitchen import BREAKFASTS
from rzen_eval.sample.labels import CLASSES
from rzen_eval.sample.matches import headline
from rzen_eval.sample.mvbench import SUBSETS
from rzen_eval.sample.pictures import Garment
from rzen_eval.sample.scenes import NUMBERS, Crop, Scene, changes, describe, holds, plural
from rzen_eval.sample.shapes import COLORS, PAPERS
from tests.sample.test_sample import tree

IMAGE = {task.name: task for task in images.TASKS}
VIDEO = {f"{task.repo}": task for task in videos.TASKS}
MARK = "<|image_1|>\n"
CLASSIFICATION = [task.name for task in images.TASKS[:10]]
QUESTIONS = [task.name for task in images.TASKS[10:20]]
GROUNDING = ["MSCOCO", "RefCOCO", "Visual7W-Pointing"]
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


@pytest.fixture
def root(sample_root):
    return sample_root


@pytest.fixture
def media(root):
    return root / images.FOLDER


@cache
def table(root, repo, config="data"):
    [path] = (root / repo / config).glob("*.parquet")
    return pq.read_table(path)


def rows(root, repo):
    task = VIDEO[repo]
    if repo == "VLM2Vec/MVBench":
        return [{**row, "subset": subset} for subset in SUBSETS for row in table(root, repo, subset).to_pylist()]
    return table(root, repo, task.config or "data").to_pylist()


@cache
def drawn(name):
    return IMAGE[name].rows()


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


def shown(path):
    """Where in a frame, as shares of its sides, the middle of what is not background lies; and how large it is."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    ink = np.abs(pixels - pixels[0, 0]).sum(axis=2) > 150
    if not ink.any():
        return None, None, 0
    y, x = np.nonzero(ink)
    return x.mean() / ink.shape[1], y.mean() / ink.shape[0], int(ink.sum())


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


def readings(things):
    """Questions about a scene, each with the right answers by what is asked about."""
    by_shape = {thing.shape: [other for other in things if other.shape == thing.shape] for thing in things}
    by_color = {thing.color: [other for other in things if other.color == thing.color] for thing in things}
    return [
        (
            r"What color is the (?!background)(\w+)\?",
            {word: {t.color for t in same} for word, same in by_shape.items()},
        ),
        (r"Which shape is (?!the)(\w+)\?", {word: {t.shape for t in same} for word, same in by_color.items()}),
        (r"Where is the (\w+)\?", {word: {t.place for t in same} for word, same in by_shape.items()}),
        (r"How many (\w+) are there\?", {plural(word): {NUMBERS[len(same) - 1]} for word, same in by_shape.items()}),
        (r"Is there a (\w+ \w+) in the picture\?", {thing.name: {"yes"} for thing in things}),
    ]


def test_there_are_36_image_and_18_video_tasks_and_a_variant():
    assert len(images.COUNTS) == 36
    assert len(videos.COUNTS) == 19
    assert all(12 <= count.n_queries <= 24 for count in (*images.COUNTS.values(), *videos.COUNTS.values()))


@pytest.mark.parametrize("name", IMAGE)
def test_an_image_task_has_the_columns_of_the_benchmark_and_as_many_rows_and_candidates_as_declared(root, name):
    found = table(root, images.REPO, name)
    names = ("qry_inst", "qry_text", "qry_img_path", "tgt_inst", "tgt_text", "tgt_img_path")
    assert [(field.name, field.type) for field in found.schema] == [
        (column, TEXTS if column in {"tgt_text", "tgt_img_path"} else TEXT) for column in names
    ]
    candidates = set()
    for row in found.to_pylist():
        assert len(row["tgt_text"]) == len(row["tgt_img_path"])
        named = [path if not row["qry_img_path"] else f"{path}:{text}" if path else text
                 for path, text in zip(row["tgt_img_path"], row["tgt_text"], strict=True)]  # fmt: skip
        assert len(set(named)) == len(named)
        candidates.update(named)
    count = sample.COUNTS[images.REPO, name]
    assert (found.num_rows, len(candidates)) == (count.n_queries, count.n_candidates)


def test_every_picture_that_rows_name_is_there_and_no_other(root, media):
    named = set()
    for name in IMAGE:
        for row in table(root, images.REPO, name).to_pylist():
            named |= {row["qry_img_path"], *row["tgt_img_path"]} - {""}
            assert {path.partition("/")[0] for path in (row["qry_img_path"], *row["tgt_img_path"]) if path} == {name}
    assert {path.relative_to(media).as_posix() for path in media.rglob("*") if path.is_file()} == named


@pytest.mark.parametrize("name", IMAGE)
def test_a_query_with_a_picture_has_the_mark_of_one_and_so_have_the_stray_ones_of_the_benchmark(root, name):
    for row in table(root, images.REPO, name).to_pylist():
        assert row["qry_inst"].startswith(MARK) == (bool(row["qry_img_path"]) or name in {"WebQA", "EDIS"})
        assert row["tgt_inst"].startswith(MARK) == all(row["tgt_img_path"])
        assert bool(row["tgt_inst"]) == any(row["tgt_img_path"])


@pytest.mark.parametrize("name", [name for name, task in IMAGE.items() if task.candidate])
def test_no_two_pictures_of_a_pool_are_the_same_and_their_names_do_not_tell_the_right_one(root, media, name):
    places = []
    for row in table(root, images.REPO, name).to_pylist():
        if name != "RefCOCO-Matching":
            assert len({(media / path).read_bytes() for path in row["tgt_img_path"]}) == len(row["tgt_img_path"])
        places.append(sorted(row["tgt_img_path"]).index(row["tgt_img_path"][0]) / len(row["tgt_img_path"]))
    assert 0.2 < np.mean(places) < 0.8


def test_pictures_have_the_declared_sizes_and_the_format_of_their_names(media):
    formats = {".jpg": "JPEG", ".jpeg": "JPEG", ".JPEG": "JPEG", ".png": "PNG"}
    for path in media.rglob("*.*"):
        with Image.open(path) as image:
            assert image.format == formats[path.suffix]
            assert image.size in sample.SIZES.values()
            assert all(side % 28 == 0 for side in image.size)
            if path.parts[-2] in {"ImageNet-1K", "MSCOCO_t2i", "CIRR"}:
                assert image.size == sample.SIZES["scene"]
    crops = [candidate for row in drawn("RefCOCO") for candidate in row.candidates]
    assert {candidate.picture.draw().size for candidate in crops} == {sample.SIZES["crop"]}


@pytest.mark.parametrize("name", CLASSIFICATION)
def test_the_pool_of_a_classification_row_is_all_classes(name):
    pools = [[entry.text for entry in row.candidates] for row in drawn(name)]
    assert all(sorted(pool) == sorted(pools[0]) for pool in pools)
    assert len({pool[0] for pool in pools}) == len(pools[0])


@pytest.mark.parametrize("name", ["ImageNet-1K", "ImageNet-A"])
def test_the_colour_of_a_class_is_the_colour_of_its_picture(root, media, name):
    for row in table(root, images.REPO, name).to_pylist():
        pixels = np.asarray(Image.open(media / row["qry_img_path"]).convert("RGB")).astype(int).reshape(-1, 3)
        inks = {color: tuple(bytes.fromhex(code[1:])) for color, code in {**COLORS, **PAPERS}.items()}
        near = Counter({color: int((np.abs(pixels - ink).max(axis=1) < 25).sum()) for color, ink in inks.items()})
        most = [color for color, _ in near.most_common() if color in COLORS]
        assert most[0] == row["tgt_text"][0].split()[0]


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_has_one_right_answer_first_among_others_that_differ(name):
    for row in drawn(name):
        pool = [entry.text for entry in row.candidates]
        assert len(set(pool)) == len(pool)
        assert len(pool) >= 10
        if not isinstance(row.query.picture, Scene):
            continue
        for pattern, answers in readings(row.query.picture.things):
            if asked := re.fullmatch(pattern, row.query.text):
                assert answers.get(asked[1], {"no"}) == {pool[0]}


@pytest.mark.parametrize("name", ["MSCOCO_t2i", "MSCOCO_i2t", "VisDial", "NIGHTS"])
def test_what_is_said_about_a_scene_is_true_of_no_other_scene_of_the_pool(name):
    for row in drawn(name):
        if name == "MSCOCO_i2t":
            assert describe(row.query.picture) == row.candidates[0].text
            continue
        right, *others = (entry.picture for entry in row.candidates)
        assert not any(holds(right, other) for other in others)
        assert name != "MSCOCO_t2i" or describe(right) == row.query.text
        assert name != "NIGHTS" or row.query.picture.things == right.things


@pytest.mark.parametrize("name", ["VisualNews_t2i", "VisualNews_i2t"])
def test_a_headline_counts_what_one_picture_shows(name):
    for row in drawn(name):
        said = [entry.text or headline(entry.picture) for entry in row.candidates]
        assert said.count(row.query.text or headline(row.query.picture)) == 1
        assert said[0] == (row.query.text or headline(row.query.picture))


def test_a_change_leads_to_one_candidate_and_the_unchanged_scene_is_another():
    for row in drawn("CIRR"):
        [wanted] = {change.scene for change in changes(row.query.picture) if change.text == row.query.text}
        shown = [entry.picture for entry in row.candidates]
        assert shown[0] == wanted
        assert shown.count(wanted) == 1
        assert row.query.picture in shown


def test_a_note_on_a_garment_says_how_the_right_one_differs():
    for row in drawn("FashionIQ"):
        garment, right = row.query.picture, row.candidates[0].picture
        differing = {name for name in Garment.__slots__ if getattr(garment, name) != getattr(right, name)}
        assert "cut" not in differing
        assert ("color" in differing) == (right.color in row.query.text)
        assert ("long" in differing) == ("sleeves" in row.query.text)
        assert ("texture" in differing) == (right.texture in row.query.text)
        fitting = [entry for entry in row.candidates if entry.picture == right]
        assert len(fitting) == 1


@pytest.mark.parametrize(("name", "words"), [("WebQA", r"the (\w+) of (\w+)\?"), ("EDIS", r"(\w+) was shown in (\w+)")])
def test_picture_and_caption_must_both_fit(name, words):
    for row in drawn(name):
        shape, town = re.search(words, row.query.text).groups()
        fits = [(entry.picture.shape == shape, town in entry.text) for entry in row.candidates]
        assert fits[0] == (True, True)
        assert fits.count((True, True)) == 1
        assert (True, False) in fits
        assert (False, True) in fits


@pytest.mark.parametrize("name", GROUNDING)
def test_an_expression_means_one_thing_of_its_scene_and_the_others_are_candidates(name):
    for row in drawn(name):
        scene, crops = row.query.picture, [entry.picture for entry in row.candidates]
        right = crops[0]
        assert right.scene == scene
        assert {Crop(scene, thing) for thing in scene.things} <= set(crops)
        assert re.fullmatch(r'".+"', row.query.text)
        if name == "RefCOCO":
            assert [crop for crop in crops if f"the {crop.thing.name}" in row.query.text] == [right]
        elif name == "MSCOCO":
            assert [crop for crop in crops if crop.thing.shape in row.query.text] == [right]


def test_two_expressions_of_one_thing_match():
    for row in drawn("RefCOCO-Matching"):
        scene = row.query.picture
        [thing] = [thing for thing in scene.things if thing.name in row.query.text]
        assert row.candidates[0].picture == scene
        assert row.candidates[0].text == f'"the {thing.shape} at the {thing.place}"'
        assert sum(entry.picture == scene for entry in row.candidates) == len(scene.things)


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


def test_another_process_writes_the_same_rows_pictures_and_frames(root, tmp_path):
    code = (
        "import sys; from pathlib import Path; from rzen_eval.sample import images, videos;"
        "images.TASKS = [task for task in images.TASKS if task.name in sys.argv[2:]];"
        "videos.TASKS = [task for task in videos.TASKS if task.maker in sys.argv[2:]];"
        "images.write(Path(sys.argv[1])); videos.write(Path(sys.argv[1]))"
    )
    chosen = ["CIRR", "FashionIQ", "DocVQA", "MVBench", "YouCook2"]
    other = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, str(tmp_path), *chosen], check=True, env=other)
    again = {path: digest for path, digest in tree(tmp_path).items() if path != f"{images.REPO}/README.md"}
    first = tree(root)
    assert len(again) > 300
    assert again == {path: first[path] for path in again}


def test_datasets_reads_nested_and_split_tables_with_the_types_of_the_benchmark(root, tmp_path):
    from datasets import List, Value, load_dataset

    for repo, config, split, column, feature in (
        ("VLM2Vec/MomentSeeker", None, "test", "positive_frames", List({"output_path": Value("string")})),
        ("lmms-lab/YouCook2", None, "val", "segment", List(Value("float64"))),
        ("VLM2Vec/MVBench", "moving_count", "train", "candidates", List(Value("string"))),
        (images.REPO, "MSCOCO_t2i", "test", "tgt_img_path", List(Value("string"))),
    ):
        found = load_dataset(str(root / repo), config, split=split, cache_dir=str(tmp_path))
        assert found.features[column] == feature
