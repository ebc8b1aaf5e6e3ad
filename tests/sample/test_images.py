"""A person who looks at the pictures of the sample data sees the one right answer, and so can the loaders."""

import re
from collections import Counter
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from rzen_eval import sample
from rzen_eval.sample import images
from rzen_eval.sample.matches import headline
from rzen_eval.sample.pictures import Garment
from rzen_eval.sample.scenes import NUMBERS, Crop, Scene, changes, describe, holds, plural
from rzen_eval.sample.shapes import COLORS, PAPERS
from tests.sample.looks import table

IMAGE = {task.name: task for task in images.TASKS}
MARK = "<|image_1|>\n"
CLASSIFICATION = [task.name for task in images.TASKS[:10]]
QUESTIONS = [task.name for task in images.TASKS[10:20]]
GROUNDING = ["MSCOCO", "RefCOCO", "Visual7W-Pointing"]
TEXT, TEXTS = pa.string(), pa.list_(pa.string())


@pytest.fixture
def media(root):
    return root / images.FOLDER


@cache
def drawn(name):
    return IMAGE[name].rows()


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
