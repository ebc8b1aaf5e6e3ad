"""A batch is one row of tokens: the same vectors as with padding, and nothing read back from the device but these."""

import json
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rzen_eval import Item, load_model
from rzen_eval.core import Side
from rzen_eval.errors import ModelError
from rzen_eval.models.batch import Batch
from rzen_eval.models.families import attention, tower_plan
from rzen_eval.models.families.attention import Segments
from rzen_eval.models.families.positions import by_grid
from rzen_eval.models.pictures import patches
from tests import tiny
from tests.conftest import FIXTURES
from tests.goldens import golden, item

MODELS = {
    "qwen2_vl": ("vlm2vec_v2_2b", "vlm2vec_v2"),
    "qwen2_5_vl": ("lamra_ret_qwen2_5_vl_7b", "lamra_qwen25"),
    "qwen3_vl": ("qwen3_vl_embedding_2b", "qwen3_vl_embedding"),
    "llava_onevision": ("cafe_0_5b", "cafe"),
    "colpali": ("colpali_v1_3", "colpali_v1_3"),
    "colqwen2": ("colqwen2", "colqwen2"),
    "colqwen2_5": ("colqwen2_5", "colqwen2_5"),
    "colqwen3": ("tomoro_colqwen3_4b", "tomoro_colqwen3"),
    "qwen2_5_omni": ("e5_omni_3b", "e5_omni"),
    "jina_embeddings_v4": ("jina_embeddings_v4", "jina_embeddings_v4"),
    "nemotron_colembed": ("nemotron_colembed_vl_4b_v2", "nemotron_colembed"),
    "nv_omni_embed": ("omni_embed_nemotron_3b", "omni_embed_nemotron"),
}
"""A declaration of each family, and the golden with items for it."""


@pytest.fixture(scope="module", params=MODELS)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(family: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = golden(MODELS[family][1])
    if family == "colqwen2":
        return tiny.colqwen2(tmp_path_factory.mktemp("checkpoints") / family)
    if (name := str(kept.meta["checkpoint"])) in tiny.LATE:
        return tiny.colqwen(tmp_path_factory.mktemp("checkpoints") / family, name)
    if name in tiny.ALONE:
        return tiny.ALONE[name](tmp_path_factory.mktemp("checkpoints") / family)
    if name in tiny.OMNI:
        return tiny.omni(tmp_path_factory.mktemp("checkpoints") / family, name)
    return FIXTURES / name


def opened(family: str, folder: Path, *settings: str) -> Any:
    name, _ = MODELS[family]
    given = [f"checkpoint={folder}", "device=cpu", "dim=null", *settings]
    return load_model(golden(MODELS[family][1]).declarations[0] or name, *given)


@cache
def inputs(family: str) -> list[Any]:
    """Texts, pictures and clips."""
    return [item(line) for line in golden(MODELS[family][1]).lines][:12]


def batch(model: Any, family: str) -> tuple[list[Any], list[Any]]:
    rendered = [model.rendered(one, side) for one, side in inputs(family)]
    loaded = [one.pictures.load() for one in rendered]
    planned = [model.planned(one, one.pictures.visuals(got)) for one, got in zip(rendered, loaded, strict=True)]
    return planned, loaded


def rows(made: Any) -> np.ndarray[Any, Any]:
    return np.concatenate([np.atleast_2d(one) for one in made])


@pytest.fixture(scope="module")
def model(family: str, folder: Path) -> Any:
    return opened(family, folder, "dtype=float32")


def test_one_row_gives_the_vectors_of_padded_rows(family: str, folder: Path, model: Any):
    padded = opened(family, folder, "dtype=float32")
    padded.pad()
    planned, loaded = batch(model, family)
    assert len({plan.length for plan in planned}) > 2
    together, apart = model.forward(planned, loaded), padded.forward(planned, loaded)
    assert [np.shape(one) for one in together] == [np.shape(one) for one in apart]
    assert np.abs(rows(together) - rows(apart)).max() < 1e-5
    assert model.provenance()["attention"] == "sdpa, packed"
    assert padded.provenance()["attention"] == "sdpa, padded"


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("lengths", [(3, 1, 5), (4, 4, 4, 2, 2), (1,)])
def test_kernels_see_each_item_alone_with_grouped_heads(lengths: tuple[int, ...], causal: bool):
    generator = torch.Generator().manual_seed(0)
    states = tuple(torch.randn(sum(lengths), heads, 8, generator=generator) for heads in (4, 2, 2))
    segments = Segments.of(lengths)
    bounds = torch.tensor(segments.bounds, dtype=torch.int32)
    expected = []
    for start, end in zip(segments.bounds, segments.bounds[1:], strict=False):
        query, key, value = (one[start:end].transpose(0, 1) for one in states)
        scores = query @ key.repeat_interleave(2, 0).transpose(1, 2) / 8**0.5
        later = torch.ones(end - start, end - start).triu(1) * causal
        seen = (scores - 1e9 * later).softmax(-1) @ value.repeat_interleave(2, 0)
        expected.append(seen.transpose(0, 1))
    for kernel in (attention.sdpa, attention.eager):
        for given in (bounds, segments.marked(bounds.clone())):
            made = kernel(states, given, causal=causal, scale=None)
            assert (made - torch.cat(expected)).abs().max() < 1e-6


def test_neighbours_of_one_length_go_through_a_kernel_together():
    segments = Segments.of((4, 4, 4, 2, 2, 4))
    assert segments.bounds == (0, 4, 8, 12, 14, 16, 20)
    assert segments.runs == ((0, 3, 4), (12, 2, 2), (16, 1, 4))
    assert segments.longest == 4


GRIDS = [(1, 4, 6), (1, 10, 8), (3, 6, 14), (1, 2, 2), (2, 16, 10)]


@pytest.mark.skipif(not tower_plan.taken_ready_made(), reason="this transformers works it out in its towers")
def test_what_towers_take_ready_made_equals_what_they_work_out():
    from transformers import vision_utils

    vision = type("Vision", (), {
        "spatial_merge_size": 2, "window_size": 112, "patch_size": 14, "num_position_embeddings": 2304,
    })()  # fmt: skip
    made, grid = tower_plan.arrays(GRIDS, vision), torch.tensor(GRIDS)
    index, bounds = vision_utils.get_vision_window_index(grid, 2, 112, 14)
    places, weights = vision_utils.get_vision_interpolation_indices_and_weights(
        grid, 48, align_corners=True, spatial_merge_size=2
    )
    for name, expected in {
        "position_ids": vision_utils.get_vision_position_ids(grid, 2),
        "cu_seqlens": vision_utils.get_vision_cu_seqlens(grid),
        "window_index": index,
        "cu_window_seqlens": bounds,
        "interp_indices": places,
        "interp_weights": weights,
    }.items():
        assert made[name].dtype == expected.numpy().dtype, name
        assert np.array_equal(made[name], expected.numpy()), name


@pytest.mark.parametrize("name", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"])
def test_positions_by_grid_equal_those_of_the_stock_model(name: str):
    model = opened(name, FIXTURES / str(golden(MODELS[name][1]).meta["checkpoint"]), "dtype=float32", "positions=mrope")
    vision = model._config.vision_config
    planned, _ = batch(model, name)
    assert any(plan.visuals for plan in planned)
    for plan in planned:
        ids, kinds = torch.from_numpy(plan.input_ids)[None], np.zeros((1, plan.length), dtype=int)
        counts = [visual.n_tokens for visual in plan.visuals]
        kinds[0, plan.visual] = np.repeat([1 + visual.clip for visual in plan.visuals], counts) if counts else 0
        size = vision.patch_size
        grids = [(one.n_pieces, one.height // size, one.width // size) for one in plan.visuals]
        stills, clips = (
            [grid for grid, one in zip(grids, plan.visuals, strict=True) if one.clip is clip] for clip in (False, True)
        )
        expected, _ = model._inner.get_rope_index(
            ids,
            mm_token_type_ids=torch.from_numpy(kinds),
            image_grid_thw=torch.tensor(stills) if stills else None,
            video_grid_thw=torch.tensor(clips) if clips else None,
            attention_mask=torch.ones_like(ids),
        )
        ours = by_grid(plan, model.spec.prompt, getattr(vision, "tokens_per_second", 1))
        assert ours.tolist() == expected[:, 0].tolist()


def patches_one_by_one(visuals: Sequence[Any], settings: Any, vision: Any) -> np.ndarray[Any, Any]:
    """Each picture by itself, its frames normalised and then cut."""
    size, merge, time = vision.patch_size, vision.spatial_merge_size, vision.temporal_patch_size
    mean, std = (torch.tensor(one).view(3, 1, 1) for one in (settings.mean, settings.std))
    made = []
    for visual in visuals:
        frames = torch.tensor(visual).view(-1, *visual.shape[-3:]).permute(0, 3, 1, 2)
        frames = (frames.float() / settings.scale - mean) / std
        frames = torch.cat([frames, frames[-1:].expand(-len(frames) % time, -1, -1, -1)])
        rows, columns = frames.shape[2] // size, frames.shape[3] // size
        split = frames.view(-1, time, 3, rows // merge, merge, size, columns // merge, merge, size)
        made.append(split.permute(0, 3, 6, 4, 7, 2, 1, 5, 8).reshape(-1, 3 * time * size**2))
    return torch.cat(made).numpy()


@pytest.mark.parametrize("name", ["qwen2_vl", "qwen3_vl"])
def test_patches_of_a_batch_by_one_gather_are_those_of_each_picture_to_the_last_bit(name: str):
    model = opened(name, FIXTURES / str(golden(MODELS[name][1]).meta["checkpoint"]), "dtype=float32")
    vision, random = model._config.vision_config, np.random.default_rng(0)
    side = vision.patch_size * 2
    shapes = [(2 * side, 3 * side), (3, side, 2 * side), (side, side), (4, 3 * side, side), (1, 2 * side, side)]
    visuals = [random.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in shapes]
    expected = patches_one_by_one(visuals, model.image_settings, vision)
    assert np.array_equal(tiny.patches(model, visuals), expected)
    assert sum(int(np.prod(patches.grid(visual, vision))) for visual in visuals) == len(expected)


def test_items_lie_end_to_end_or_each_in_a_row_with_zeros_behind(model: Any, family: str):
    planned = batch(model, family)[0][:2]
    first, second = (plan.input_ids.tolist() for plan in planned)
    packed, padded = Batch.of(planned, packed=True), Batch.of(planned, packed=False)
    assert packed.ids.tolist() == [first + second]
    assert packed.last.tolist() == [len(first) - 1, len(first) + len(second) - 1]
    longest = max(len(first), len(second))
    assert padded.ids.tolist() == [ids + [0] * (longest - len(ids)) for ids in (first, second)]
    assert padded.last.tolist() == [len(first) - 1, longest + len(second) - 1]


def test_a_kernel_that_cannot_run_here_is_refused_and_auto_takes_one_that_can():
    folder = FIXTURES / str(golden("vlm2vec_v2").meta["checkpoint"])
    assert opened("qwen2_vl", folder).attention == "sdpa"
    assert opened("qwen2_vl", folder, "attention=eager").attention == "eager"
    for name in ("varlen", "flash", "flash_attention_2"):
        with pytest.raises(ModelError, match=f"attention={name} needs .* found cpu and torch.float32; use"):
            opened("qwen2_vl", folder, f"attention={name}")


def test_a_family_whose_layers_keep_a_state_is_padded_and_model_check_says_so(tmp_path: Path):
    from rzen_eval.cli.probes import _rows, check

    model: Any = load_model("wemm_2b", f"checkpoint={tiny.wemm(tmp_path / 'wemm')}", "device=cpu", "dim=null")
    assert model.provenance()["attention"] == "sdpa, padded"
    (said,) = [finding.found for finding in check(model) if finding.check == "attention"]
    assert said == "sdpa, an item a row, padded, since qwen3_5 cannot keep items apart in one"
    model.device = torch.device("cuda")
    assert _rows(model).endswith("; pip install flash-linear-attention causal-conv1d: its other layers have no kernels")


def test_layers_of_sliding_attention_see_the_last_tokens_alone_in_padded_rows(tmp_path: Path):
    from transformers import Qwen2VLModel

    folder = tmp_path / "sliding"
    shutil.copytree(FIXTURES / "tiny_qwen2vl", folder)
    content = json.loads((folder / "config.json").read_text())
    sliding = {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1, "layer_types": None}
    content.get("text_config", content).update(sliding)
    (folder / "config.json").write_text(json.dumps(content))
    model: Any = opened("qwen2_vl", folder, "dtype=float32")
    plan = model.plan(Item(text="one two three four five six seven eight nine"), Side.QUERY)
    stock = Qwen2VLModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    assert stock.config.text_config.layer_types[1] == attention.SLIDING
    with torch.inference_mode():
        states = stock(input_ids=torch.from_numpy(plan.input_ids)[None], use_cache=False).last_hidden_state
    expected = torch.nn.functional.normalize(states[0, -1], dim=0).numpy()
    assert plan.length > 8
    assert np.abs(model.forward([plan], [[]])[0] - expected).max() < 1e-5
    assert model.provenance()["attention"] == "sdpa, padded"


def test_heads_that_no_kernel_for_any_length_has_are_attended_to_by_length():
    generator = torch.Generator().manual_seed(0)
    states = tuple(torch.randn(5, heads, 6, generator=generator) for heads in (4, 2, 2))
    bounds = torch.tensor([0, 2, 5], dtype=torch.int32)
    given = {"causal": True, "scale": None}
    assert torch.equal(attention.varlen(states, bounds, **given), attention.sdpa(states, bounds, **given))
