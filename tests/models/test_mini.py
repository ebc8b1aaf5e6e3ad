"""The bundled model and how it was trained, and folders that are made once."""

import importlib
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rzen_eval import Item, evaluate, load_model, load_task
from rzen_eval.config.compose import load
from rzen_eval.core import Side
from rzen_eval.files import make_once
from rzen_eval.models import mini

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_the_bundled_model_goes_through_the_class_of_rzenembed_and_is_small():
    model = load_model("mini", "device=cpu")
    assert type(model).__name__ == "Qwen2VL"
    assert model.embed([Item(text="a cat"), Item(text="a dog")], "query").shape == (2, 128)
    assert (mini.FOLDER / "model.safetensors").stat().st_size < 5_000_000


def test_its_prompt_and_positions_are_those_of_rzenembed():
    mini_spec, rzen = (load([f"model={name}"]).model for name in ("mini", "rzenembed_v2_7b"))
    assert mini_spec.positions == rzen.positions == "sequential"
    assert mini_spec.prompt.system == rzen.prompt.system
    assert mini_spec.prompt.image == rzen.prompt.image


@pytest.mark.parametrize(
    ("task", "at_least", "chance"),
    [
        ("image/imagenet_1k", 0.5, 1 / 24),
        ("image/mscoco_t2i", 0.6, 1 / 24),
        ("video/msvd", 0.6, 1 / 16),
        ("visdoc/vidore_arxivqa", 0.8, 0.13),
    ],
)
def test_it_has_learned(task, at_least, chance):
    assert evaluate(load_task(task), load_model("mini", "device=cpu")).score > at_least > 4 * chance


@pytest.fixture(scope="module")
def script():
    """Imports a module of the training."""
    sys.path.insert(0, str(SCRIPTS))
    yield importlib.import_module
    sys.path.remove(str(SCRIPTS))


@pytest.fixture(scope="module")
def training(script):
    """What makes the worlds that are learned from."""
    return script("mini_data")


def test_it_was_trained_with_what_the_harness_computes(script):
    model, rng = load_model("mini", "device=cpu"), np.random.default_rng(0)
    wide, small = (Image.fromarray(rng.integers(0, 255, (*size, 3), dtype=np.uint8)) for size in ((112, 84), (84, 84)))
    items = [
        Item(text="a red circle"),
        Item(text="a blue star", images=[wide], instruction="Find an image: "),
        Item(frames=[small] * 8),
        Item(images=[wide]),
    ]
    forward = script("mini_model").Forward(model._model)
    with torch.no_grad():
        ours = forward.embed([model.plan(item, "query") for item in items], [model.pictures(i).load() for i in items])
    assert np.abs(ours.numpy() - model.embed(items, "query")).max() < 1e-5


def test_it_never_saw_an_item_of_the_sample(training, tmp_path):
    model = load_model("mini", "device=cpu")
    cache = load([]).cache_dir
    sample = training.sample_digests(model, cache)
    assert len(sample) > 2000
    dropped = shown = 0
    for task, data in training.world(tmp_path, 0, cache):
        lesson = training.Lesson(task, data, model, lambda _: [], sample, frozenset())
        for side, items in ((Side.QUERY, data.queries), (Side.CANDIDATE, data.candidates[:64])):
            for index, item in enumerate(items):
                pixels = model.pictures(item).load()
                known = training.digest(item, pixels) in sample and bool(pixels or side is Side.QUERY)
                assert (lesson.ready(side, index, None) is None) == known
                dropped, shown = dropped + known, shown + (not known)
    assert shown > 5 * dropped > 0


def test_the_worlds_it_learned_from_have_other_seeds_than_the_sample(training):
    names = {training.world_name(number) for number in range(1000)}
    assert len(names) == 1000
    assert "" not in names


def test_a_folder_is_made_once_even_by_many_at_a_time(tmp_path: Path):
    made: list[Path] = []

    def make(place: Path) -> None:
        place.mkdir()
        (place / "content").write_text("whole")
        made.append(place)

    with ThreadPoolExecutor(8) as pool:
        places = set(pool.map(lambda _: make_once(tmp_path / "kept", make), range(32)))
    assert places == {tmp_path / "kept"}
    assert (tmp_path / "kept/content").read_text() == "whole"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    before = len(made)
    make_once(tmp_path / "kept", make)
    assert len(made) == before


def test_a_folder_whose_making_fails_leaves_nothing(tmp_path: Path):
    def fail(place: Path) -> None:
        place.mkdir()
        (place / "half").write_text("half")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        make_once(tmp_path / "kept", fail)
    assert list(tmp_path.iterdir()) == []
