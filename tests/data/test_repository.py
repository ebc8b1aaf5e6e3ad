"""Rows from mirrors and the hub, and what is said when they are not as they should be."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rzen_eval.data.load import load_data
from rzen_eval.errors import ConfigError, DataError
from tests import toys

QUERIES = {"q0": "shade 0", "q1": "shade 60"}
CORPUS = {"p0": toys.page(0), "p1": toys.page(60)}
QRELS = [("q0", "p0", 1), ("q1", "p1", 1)]


def refused(root: Path, cache: Path, **fields: Any) -> str:
    with pytest.raises(DataError) as caught:
        load_data(toys.toy_task(root, cache, **fields))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("toy: ")
    return str(caught.value)


def test_a_repository_that_is_not_in_the_mirror_is_named_with_the_command_that_gets_it(tmp_path: Path, cache: Path):
    assert "hf download toys/pages --repo-type dataset" in refused(tmp_path, cache)


@pytest.mark.parametrize("config", ["queries", "corpus", "qrels"])
def test_a_repository_without_one_of_its_configs_is_refused(tmp_path: Path, cache: Path, config: str):
    toys.write_beir(
        tmp_path, QUERIES, CORPUS, QRELS, configs=[c for c in ("queries", "corpus", "qrels") if c != config]
    )
    assert f"toys/pages, {config}, split test" in refused(tmp_path, cache)


def test_a_damaged_file_is_refused(tmp_path: Path, cache: Path):
    folder = toys.write_beir(tmp_path, QUERIES, CORPUS, QRELS)
    file = folder / "corpus" / "test-00000-of-00001.parquet"
    file.write_bytes(file.read_bytes()[:200])
    assert "toys/pages, corpus, split test" in refused(tmp_path, cache)


def test_a_missing_split_is_refused(tmp_path: Path, cache: Path):
    toys.write_beir(tmp_path, QUERIES, CORPUS, QRELS)
    assert "split train" in refused(tmp_path, cache, dataset={"repo": toys.REPO, "split": "train"})


def test_a_missing_column_is_refused_with_those_that_are_there(tmp_path: Path, cache: Path):
    toys.write_beir(tmp_path, QUERIES, CORPUS, QRELS)
    message = refused(tmp_path, cache, dataset={"repo": toys.REPO, "split": "test", "language": "english"})
    assert "no column 'language'; found query-id, query" in message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda q, c, r: (q, c, [*r, ("q0", "p9", 1)]),
            "query 'q0' is judged on page 'p9', which the corpus does not hold",
        ),
        (lambda q, c, r: (q, c, r[:1]), "query 'q1' has no page with a positive score"),
        (lambda q, c, r: (q, c, [r[0], ("q1", "p1", 0)]), "query 'q1' has no page with a positive score"),
        (lambda q, c, r: (q, [*c.items(), ("p1", toys.page(9))], r), "corpus-id 'p1' occurs more than once"),
    ],
    ids=["dangling judgement", "unjudged query", "query judged zero", "repeated page"],
)
def test_inconsistent_rows_are_refused(tmp_path: Path, cache: Path, change: Callable[..., Any], said: str):
    toys.write_beir(tmp_path, *change(QUERIES, CORPUS, QRELS))
    assert said in refused(tmp_path, cache)


def test_a_repeated_judgement_keeps_its_highest_grade(tmp_path: Path, cache: Path):
    toys.write_beir(tmp_path, QUERIES, CORPUS, [("q0", "p0", 1), ("q0", "p0", 3), ("q0", "p0", 2), ("q1", "p1", 1)])
    assert load_data(toys.toy_task(tmp_path, cache)).qrels["q0"] == {"p0": 3}


def test_judgements_of_zero_are_none(tmp_path: Path, cache: Path):
    toys.write_beir(tmp_path, QUERIES, CORPUS, [*QRELS, ("q0", "p1", 0)])
    assert load_data(toys.toy_task(tmp_path, cache)).qrels == {"q0": {"p0": 1}, "q1": {"p1": 1}}


def test_an_unknown_recipe_is_refused(tmp_path: Path, cache: Path):
    toys.write_beir(tmp_path, QUERIES, CORPUS, QRELS)
    with pytest.raises(ConfigError, match="recipe 'visdocs'"):
        load_data(toys.toy_task(tmp_path, cache, recipe="visdocs"))


def test_two_mirrors_with_repositories_of_one_name_are_not_confused(tmp_path: Path, cache: Path):
    for name, shade in (("one", 10), ("two", 20)):
        toys.write_beir(tmp_path / name, {"q0": "x"}, {"p0": toys.page(shade)}, [("q0", "p0", 1)])
    pages = [load_data(toys.toy_task(tmp_path / name, cache)).candidates[0].images[0].read() for name in ("one", "two")]
    assert pages == [toys.page(10), toys.page(20)]


def test_a_mirror_that_changes_is_read_again_and_has_another_revision(tmp_path: Path, cache: Path):
    import shutil

    task = toys.toy_task(tmp_path, cache)
    folder = toys.write_beir(tmp_path, {"q0": "before"}, {"p0": toys.page(1)}, [("q0", "p0", 1)])
    before = load_data(task)
    shutil.rmtree(folder)
    toys.write_beir(tmp_path, {"q0": "after!"}, {"p0": toys.page(1)}, [("q0", "p0", 1)])
    after = load_data(task)
    assert (before.queries[0].text, after.queries[0].text) == ("before", "after!")
    assert before.revision != after.revision


def test_pages_stay_encoded_until_they_are_read(tmp_path: Path, cache: Path):
    toys.write_beir(tmp_path, QUERIES, {"p0": b"not a picture", "p1": toys.page(60)}, QRELS)
    data = load_data(toys.toy_task(tmp_path, cache))
    assert data.candidates[0].images[0].read() == b"not a picture"
    assert len(data.candidates) == 2


def test_a_page_named_as_a_jpeg_is_compressed_once_more_as_the_official_evaluator_does(tmp_path: Path, cache: Path):
    import io

    import numpy as np
    from PIL import Image

    from rzen_eval.media import open_rgb

    noise = Image.effect_noise((64, 64), 80).convert("RGB")
    stream = io.BytesIO()
    noise.save(stream, format="PNG")
    names = ["a.jpg", "b.JPEG", "c.png", "d"]
    toys.write_beir(tmp_path, {"q0": "x"}, dict.fromkeys(names, stream.getvalue()), [("q0", "c.png", 1)])
    data = load_data(toys.toy_task(tmp_path, cache, n_queries=1))
    saved = tmp_path / "official.jpg"
    noise.save(saved)
    expected = {True: np.asarray(Image.open(saved)), False: np.asarray(noise)}
    for name, item in zip(data.candidate_ids, data.candidates, strict=True):
        assert np.array_equal(np.asarray(open_rgb(item.images[0])), expected[name in {"a.jpg", "b.JPEG"}]), name
