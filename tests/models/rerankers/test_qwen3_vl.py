"""Qwen3-VL-Reranker against what its authors' own code made of a small random checkpoint, in float32 on a CPU.

Carried over from runs of QwenLM/Qwen3-VL-Embedding at 8ce3aab (`src/models/qwen3_vl_reranker.py`) with transformers
4.57.3, qwen-vl-utils 0.0.14 and torchvision 0.28.0.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from rzen_eval import DataError, Item, ModelError, Side, load_reranker
from rzen_eval.models.pictures import bicubic
from rzen_eval.models.rerankers.prefix import shared_length
from rzen_eval.models.rerankers.yes_no import Qwen3VLReranker
from tests.conftest import FIXTURES, SAME_PIXELS

GOLDEN = FIXTURES / "reranker"
LINES = [json.loads(line) for line in (GOLDEN / "pairs.jsonl").read_text().splitlines()]
EQUAL = 1e-5 if SAME_PIXELS else 1e-3
SHARED = Path(__file__).parents[4] / "shared" / "golden"


def opened(folder: Path = GOLDEN / "tiny", *settings: str) -> Qwen3VLReranker:
    model = load_reranker(
        "qwen3_vl_reranker_2b", f"checkpoint={folder}", "device=cpu", *(settings or ("dtype=float32",))
    )
    assert isinstance(model, Qwen3VLReranker)
    return model


@pytest.fixture(scope="module")
def model() -> Qwen3VLReranker:
    return opened()


def picture(name: str) -> str:
    return str(
        FIXTURES / "golden" / "images" / name[1:] if name.startswith("+") else FIXTURES / "rzen" / "images" / name
    )


def item(said: dict[str, Any], instruction: str | None = None) -> Item:
    images, frames = (list(map(picture, said[kind])) for kind in ("images", "frames"))
    return Item(text=said["text"], images=images, frames=frames, instruction=instruction)


def sides(line: dict[str, Any]) -> tuple[Item, list[Item]]:
    return item(line["query"], line["instruction"]), list(map(item, line["documents"]))


def tokens(model: Qwen3VLReranker, query: Item, candidates: Sequence[Item]) -> list[list[int]]:
    asked = model.rendered(query, Side.QUERY)
    offered = [model.rendered(one, Side.CANDIDATE) for one in candidates]
    return [
        model.planned_pair(asked, one, asked.pictures.measure(), one.pictures.measure()).input_ids.tolist()
        for one in offered
    ]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line["id"])
def test_token_ids_and_scores_are_those_of_the_reference(model: Qwen3VLReranker, line: dict[str, Any]):
    query, candidates = sides(line)
    assert tokens(model, query, candidates) == line["input_ids"]
    assert model.score(query, candidates) == pytest.approx(line["scores"], abs=EQUAL)


def test_special_tokens_and_the_last_five_stay_where_a_prompt_is_cut():
    cut = opened(GOLDEN / "tiny", "dtype=float32", "max_length=96")
    found = [line for line in LINES if "max_length_96" in line]
    assert len(found) == 4
    for line in found:
        query, candidates = sides(line)
        assert tokens(cut, query, candidates) == [line["max_length_96"]["input_ids"]]
        assert cut.score(query, candidates) == pytest.approx([line["max_length_96"]["score"]], abs=EQUAL)


def test_the_head_is_that_of_the_embeddings_where_the_checkpoint_says_so(tmp_path: Path):
    tied = shutil.copytree(GOLDEN / "tiny", tmp_path / "tied")
    weights = load_file(tied / "model.safetensors")
    del weights["lm_head.weight"]
    save_file(weights, tied / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"has no lm_head.weight, and its config.json says"):
        opened(tied)
    config = json.loads((tied / "config.json").read_text())
    (tied / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": True}))
    model = opened(tied)
    for line in LINES:
        if "tied" in line:
            assert model.score(*sides(line)) == pytest.approx(line["tied"], abs=EQUAL)


def test_weights_in_a_pickle_give_the_same_scores_once_they_are_allowed(model: Qwen3VLReranker, tmp_path: Path):
    folder = shutil.copytree(GOLDEN / "tiny", tmp_path / "pickled")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"taken with reranker\.pickled_weights=true"):
        opened(folder)
    query, candidates = sides(LINES[0])
    made = opened(folder, "dtype=float32", "pickled_weights=true").score(query, candidates)
    assert (made == model.score(query, candidates)).all()


def test_in_bfloat16_scores_are_within_its_steps_of_the_reference_in_bfloat16():
    model = opened(GOLDEN / "tiny", "dtype=bfloat16")
    for line in LINES:
        if "bfloat16" in line and len(line["documents"]) == 1:
            # A step of a logit near 8 is 1/16; the sigmoid flattens it.
            assert model.score(*sides(line)) == pytest.approx(line["bfloat16"], abs=0.02), line["id"]


def test_pairs_of_a_query_that_share_their_beginning_score_as_each_does_alone(model: Qwen3VLReranker):
    """A query with a clip and a picture, and candidates of all kinds, in one batch."""
    query = Item(
        text="both", images=[picture("i01_448.png")], frames=[picture(f"v01_0{n}.jpg") for n in range(3)],
        instruction="Find.",
    )  # fmt: skip
    candidates = [
        Item(text="a caption"),
        Item(images=[picture("i15_640x480.jpg")], text="and words"),
        Item(frames=[picture(f"v01_0{n}.jpg") for n in range(4)]),
        Item(),
        Item(text="a caption that goes on and on"),
    ]
    together = model.score(query, candidates, tokens_per_batch=100_000)
    alone = np.concatenate([model.score(query, [one]) for one in candidates])
    assert together == pytest.approx(alone, abs=1e-5)
    assert np.ptp(alone) > 0.05


def test_what_pairs_share_ends_before_the_pictures_of_their_candidates(model: Qwen3VLReranker):
    asked = model.rendered(Item(text="x"), Side.QUERY)
    pairs = []
    for name in ("i01_448.png", "i15_640x480.jpg"):
        offered = model.rendered(Item(images=[picture(name)]), Side.CANDIDATE)
        pairs.append(model.planned_pair(asked, offered, [], offered.pictures.measure()))
    first = int(pairs[0].visual[0])
    assert shared_length(pairs) == first
    assert shared_length(pairs[:1]) == 0


def test_a_media_token_among_the_words_of_a_query_takes_no_place_of_the_candidates_picture(model: Qwen3VLReranker):
    asked = model.rendered(Item(text="a literal <|image_pad|> here"), Side.QUERY)
    offered = model.rendered(Item(images=[picture("i01_448.png")]), Side.CANDIDATE)
    plan = model.planned_pair(asked, offered, [], offered.pictures.measure())
    start = json.loads((GOLDEN / "tiny" / "config.json").read_text())["vision_start_token_id"]
    assert plan.input_ids[plan.visual[0] - 1] == start
    assert len(plan.visual) == 196
    assert (plan.input_ids == plan.input_ids[plan.visual[0]]).sum() == 197


def test_a_picture_that_is_not_there_fails(model: Qwen3VLReranker):
    with pytest.raises(DataError, match=r"no file at .*no_such_file.png"):
        model.score(Item(text="x"), [Item(images=["no_such_file.png"])])


def test_it_embeds_nothing(model: Qwen3VLReranker):
    with pytest.raises(TypeError, match="scores pairs, and was given items"):
        model.embed([Item(text="x")])


def test_a_clip_is_resized_as_by_torch():
    import torch

    with Image.open(picture("v01_00.jpg")) as image:
        pixels = np.asarray(image.convert("RGB"))
    for size in ((416, 352), (96, 64)):
        planes = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float()
        made = torch.nn.functional.interpolate(planes, size=size[::-1], mode="bicubic", antialias=True)
        expected = made.clamp(0, 255).round().to(torch.uint8)[0].permute(1, 2, 0).numpy()
        found = bicubic.resized(pixels, size)
        assert found.shape == expected.shape
        off = np.abs(found.astype(int) - expected)
        assert off.max() <= 1
        assert (off > 0).mean() < 1e-3


@pytest.mark.skipif(not (SHARED / "reranker").is_dir(), reason="the goldens as a whole are not there")
def test_the_longest_goldens_are_equal_too(model: Qwen3VLReranker):
    expected = {
        one["id"]: one for one in map(json.loads, (SHARED / "reranker/expected.jsonl").read_text().splitlines())
    }
    carried = {line["id"] for line in LINES}
    for line in map(json.loads, (SHARED / "reranker/inputs.jsonl").read_text().splitlines()):
        if line["id"] in carried or "defect" in expected[line["id"]]:
            continue
        made = []
        for said in (line["query"], line["document"]):
            pictures = {
                kind: [str(SHARED / "rzen/images" / name) for name in said[kind]] for kind in ("images", "frames")
            }
            made.append(Item(text=said["text"], instruction=line["instruction"], **pictures))
        assert tokens(model, made[0], made[1:]) == [expected[line["id"]]["input_ids"]]
        if len(expected[line["id"]]["input_ids"]) < 9000:
            assert model.score(made[0], made[1:]) == pytest.approx([expected[line["id"]]["score"]], abs=EQUAL)
