"""The bundled model, and folders that are made once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from rzen_eval import Item, load_model
from rzen_eval.cache import make_once
from rzen_eval.errors import ModelError


def test_the_bundled_model_goes_through_the_class_of_rzenembed_and_embeds():
    model = load_model("mini", "device=cpu")
    assert type(model).__name__ == "Qwen2VL"
    vectors = model.embed([Item(text="a cat"), Item(text="a dog")], "query")
    assert vectors.shape == (2, 64)
    assert np.abs(vectors[0] - vectors[1]).max() > 0.01


def test_the_bundled_model_is_the_same_wherever_it_is_made(tmp_path: Path):
    made = [load_model("mini", f"cache_dir={tmp_path / name}", "device=cpu") for name in ("a", "b")]
    assert made[0].checkpoint.identity == made[1].checkpoint.identity


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelError, match="cache_dir=FOLDER"):
        load_model("mini", f"cache_dir={tmp_path / 'file'}")


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
