"""Qwen2.5-Omni's thinker: positions, what it keeps, and what of a checkpoint or a library is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rzen_eval import Item, load_model
from rzen_eval.core import Side
from rzen_eval.errors import ConfigError, ModelError
from rzen_eval.models.families.qwen2_5_omni import Qwen25Omni
from tests import tiny

PICTURE = Image.new("RGB", (90, 60), "teal")
FRAMES = [Image.new("RGB", (90, 60), (40 * number, 0, 90)) for number in range(5)]
MIXED = [
    Item(text="a red circle"),
    Item(text="what?", images=[PICTURE, PICTURE]),
    Item(text="after the clip", frames=FRAMES),
    Item(images=[PICTURE], frames=FRAMES[:2]),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.omni(tmp_path_factory.mktemp("checkpoints") / "thinker", "qwen2_5_omni_thinker")


def opened(name: str, folder: Path, *settings: str) -> Any:
    return load_model(name, f"checkpoint={folder}", "dim=null", "dtype=float32", "device=cpu", *settings)


def test_positions_equal_those_of_the_stock_model(folder: Path):
    model = opened("e5_omni_3b", folder)
    for item in MIXED:
        plan = model.plan(item, Side.QUERY)
        grids = [(one.n_pieces, one.height // 14, one.width // 14) for one in plan.visuals]
        stills, clips = (
            torch.tensor([grid for grid, one in zip(grids, plan.visuals, strict=True) if one.clip is clip] or [[0] * 3])
            for clip in (False, True)
        )
        ids = torch.from_numpy(plan.input_ids)[None]
        seconds = torch.ones(len(clips))
        expected, _ = model._model.get_rope_index(ids, stills, clips, torch.ones_like(ids), second_per_grids=seconds)
        assert model._positions(plan).tolist() == expected[:, 0].tolist()


def test_the_text_behind_a_clip_is_behind_its_last_frames_in_time(folder: Path):
    positions = opened("e5_omni_3b", folder)._positions(opened("e5_omni_3b", folder).plan(MIXED[2], Side.QUERY))
    clip = np.flatnonzero(positions[0] != positions[1])
    assert positions[0, clip].max() - positions[0, clip].min() == 2 * 25
    assert positions[:, clip[-1] + 1].tolist() == [positions[0, clip].max() + 1] * 3


@pytest.mark.parametrize("name", ["e5_omni_3b", "omni_embed_nemotron_3b"])
def test_padded_rows_give_the_vectors_of_a_packed_one(name: str, tmp_path: Path):
    model = opened(name, tiny.omni(tmp_path / name, tiny.OMNI[name.startswith("omni")]))
    planned = [model.plan(item, Side.QUERY) for item in MIXED]
    loaded = [model.pictures(item).load() for item in MIXED]
    packed = model.forward(planned, loaded)
    model.pad()
    assert np.abs(model.forward(planned, loaded) - packed).max() < 1e-5
    assert np.linalg.norm(packed, axis=1) == pytest.approx(1, abs=1e-5)


def test_omni_embed_sees_what_comes_later_and_its_vector_is_the_mean(tmp_path: Path):
    model = opened("omni_embed_nemotron_3b", tiny.omni(tmp_path / "nv", "nvomniembed"))
    plan = model.plan(Item(text="a cat"), Side.QUERY)
    ids = torch.from_numpy(plan.input_ids)[None]
    mask = torch.ones(1, 1, plan.length, plan.length, dtype=torch.bool)
    model.pad()
    with torch.inference_mode():
        states = model._model.language_model(
            inputs_embeds=model._model.language_model.embed_tokens(ids), attention_mask=mask, use_cache=False
        ).last_hidden_state[0]
    expected = torch.nn.functional.normalize(states.mean(0), dim=-1).numpy()
    assert model.embed([Item(text="a cat")], "query")[0] == pytest.approx(expected, abs=1e-5)


def test_the_audio_tower_is_audited_and_not_kept(folder: Path):
    model = opened("e5_omni_3b", folder)
    model.load()
    assert model._model.audio_tower is None
    assert not any("audio" in name for name, _ in model._model.named_parameters())


def test_a_checkpoint_of_the_other_kind_is_refused(folder: Path):
    with pytest.raises(ModelError, match="says model_type 'qwen2_5_omni_thinker'; expected nvomniembed"):
        opened("omni_embed_nemotron_3b", folder)


def test_a_transformers_without_the_architecture_is_refused_in_one_line(folder: Path):
    class Later(Qwen25Omni):
        architecture = "Qwen9OmniThinkerModel"

    spec = opened("e5_omni_3b", folder).spec
    with pytest.raises(ModelError, match=r"needs a transformers with Qwen9OmniThinkerModel, which 5\.\d+\.\S+ has not"):
        Later(spec, folder)


def test_a_short_side_gets_a_black_margin(folder: Path):
    model = opened("e5_omni_3b", folder, "image={min_tokens: 1, max_tokens: 9}")
    (pixels,) = model.pictures(Item(images=[Image.new("RGB", (56, 10), "white")])).load()
    assert pixels.shape == (28, 56, 3)
    assert (pixels[:9] == 0).all()
    assert (pixels[9:19] == 255).all()
    assert (pixels[19:] == 0).all()
    assert model.pictures(Item(images=[Image.new("RGB", (56, 10))])).measure()[0].height == 28
    with pytest.raises(ConfigError, match="colpali does not use margin"):
        load_model("colpali_v1_3", "margin=28")


def test_audio_is_no_part_of_an_item():
    with pytest.raises(TypeError, match="audio"):
        Item(audio=json.dumps([0.0]))  # type: ignore[call-arg]
