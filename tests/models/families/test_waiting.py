"""A batch of every family is sent without the device being waited for: one copy there, one back."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from rzen_eval import Item, Side, load_reranker
from rzen_eval.benchmark import declared, places
from rzen_eval.models.families import attention
from rzen_eval.models.rerankers.prefix import shared_length
from tests.conftest import FIXTURES
from tests.goldens import NAMES, golden
from tests.models.families.watch import NOWHERE, Watch
from tests.models.test_goldens import opened, place

IMAGES = FIXTURES / "rzen" / "images"


def families() -> dict[str, str]:
    """Of every family a golden."""
    found: dict[str, str] = {}
    for name in NAMES:
        found.setdefault(declared.declaration("model", golden(name).declarations[0], places.folders())["family"], name)
    return found


def prepared(model: Any, pairs: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    rendered = [model.rendered(one, side) for one, side in pairs]
    loaded = [one.pictures.load() for one in rendered]
    return [model.planned(one, one.pictures.visuals(got)) for one, got in zip(rendered, loaded, strict=True)], loaded


def batches() -> Iterator[list[Any]]:
    """Of all kinds together, of texts alone, and of one item of each kind."""
    text, both = (
        Item(text="a red circle", instruction="Find it."),
        Item(text="and words", images=[IMAGES / "i01_448.png"]),
    )
    picture, clip = Item(images=[IMAGES / "i15_640x480.jpg"]), Item(frames=[IMAGES / f"v01_0{n}.jpg" for n in range(3)])
    for items in ([picture, text, clip, both, Item(text="a")], [text] * 3, [text], [picture], [clip]):
        yield [(one, Side.CANDIDATE) for one in items]


@pytest.mark.parametrize(("family", "name"), families().items())
def test_nothing_is_read_back_from_the_device_but_the_vectors(family: str, name: str, tmp_path: Path):
    """A tensor without contents has no item, list, array or mask to give, so that asking for one is an error."""
    model: Any = opened(golden(name), place(golden(name), tmp_path), "bfloat16")
    assert model.spec.family == family
    model._model.to(NOWHERE)
    model.device = NOWHERE
    for pairs in batches():
        planned, loaded = prepared(model, pairs)
        for kernel in ("varlen", "sdpa"):
            attention.use(model._model, kernel, packed=model.packed)
            with Watch() as watch:
                made = model.launch(model.staged(planned, loaded)).vectors()
            assert (watch.there, watch.back) == (1, 1)
            assert [one.shape[-1] for one in made] == [model.dim] * len(pairs)
            assert (watch.kernels > 0) is (kernel == "varlen" and (model.packed or any(map(len, loaded))))


@pytest.mark.parametrize("name", ["qwen3_vl_reranker_2b", "mini_judge"])
def test_scores_of_pairs_are_not_waited_for_either(name: str):
    own = [f"checkpoint={FIXTURES / 'reranker' / 'tiny'}"] if name != "mini_judge" else []
    model: Any = load_reranker(name, *own, "device=cpu", "dtype=bfloat16")
    model.load()
    direction = model._direction.to(NOWHERE)
    model._model.to(NOWHERE)
    vars(model).update(device=NOWHERE, _direction=direction)
    picture, frames = IMAGES / "i01_448.png", [IMAGES / f"v01_0{n}.jpg" for n in range(3)]
    query = Item(text="both", images=[picture], frames=frames)
    offered = [Item(text="a caption"), Item(images=[picture], text="and words"), Item(frames=frames)]
    for asked, candidates in [(query, offered), (query, offered[:1]), (Item(text="a"), offered[:1] * 2)]:
        sides = [(asked, Side.QUERY), *((one, Side.CANDIDATE) for one in candidates)]
        rendered = [model.rendered(one, side) for one, side in sides]
        loaded = [one.pictures.load() for one in rendered]
        sizes = [one.pictures.visuals(got) for one, got in zip(rendered, loaded, strict=True)]
        rest = zip(rendered[1:], sizes[1:], strict=True)
        planned = [model.planned_pair(rendered[0], one, sizes[0], own) for one, own in rest]
        assert (shared_length(planned) > 0) is (len(candidates) > 1)
        with Watch() as watch:
            pending = model.send(planned, [[*loaded[0], *own] for own in loaded[1:]])
        assert (watch.there, watch.back, pending.rows.shape) == (1, 1, (len(candidates), 1))


def test_what_waits_for_the_device_is_noticed():
    numbers = torch.ones(3, device=NOWHERE)
    waits = [numbers.sum().item, numbers.nonzero, numbers.numpy, lambda: numbers[numbers > 0]]
    waits += [lambda: torch.tensor([1, 2], device=NOWHERE)]
    waits += [lambda: numbers.repeat_interleave(torch.ones(3, dtype=torch.long, device=NOWHERE))]
    for wait in waits:
        with pytest.raises((RuntimeError, NotImplementedError, TypeError)), Watch():
            wait()
    with pytest.raises(AssertionError, match="one of which has to be copied"), Watch():
        numbers[torch.arange(2)]
    with Watch() as watch:
        numbers.tolist()
    assert watch.back == 1
