"""The official evaluator as its authors publish it, on a CPU in float32, with its forward passes timed.

`bench_official.py` starts this with the interpreter of an environment that has what the evaluator needs; this package
is not imported. Nothing of the evaluator is written here or changed on disk. Around it is set what a CPU asks for:

* its rows come from folders instead of the hub;
* weights are float32 instead of bfloat16, in which a CPU is slow, and attention is torch's own, of which the vision
  tower's gets, as flash attention on a GPU does, each picture by itself: its way without flash attention lets every
  patch of a batch meet every other, behind a mask;
* packages that a CPU cannot have and these tasks do not need are named and empty.

usage: python bench_official_run.py JSON
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import os
import pickle
import sys
import time
import types
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

NAMES = {
    "flash_attn.flash_attn_interface": ("flash_attn_varlen_qkvpacked_func",),
    "flash_attn.bert_padding": ("unpad_input", "pad_input", "index_first_axis"),
    "flash_attn.modules.mlp": ("FusedMLP",),
    "flash_attn.ops.rms_norm": ("DropoutAddRMSNorm",),
}
"""What the evaluator imports of a package for GPUs, in modules that these tasks do not use."""


def main() -> None:
    orders = json.loads(sys.argv[1])
    sys.path.insert(0, orders["evaluator"])
    import datasets
    import torch

    torch.set_num_threads(1)
    stand_in(NAMES)
    python_of_torchvision()
    mirror, load_dataset = Path(orders["mirror"]), datasets.load_dataset
    datasets.load_dataset = lambda name, *more, **options: load_dataset(str(mirror / name), *more, **options)
    import eval as evaluator
    from src.model.model import MMEBModel
    from src.model.vlm_backbone.qwen2_vl import modeling_qwen2_vl as network

    known = {"start_cpu": time.process_time(), "forward_cpu": 0.0, "batches": 0}
    qwen = network.Qwen2VLForConditionalGeneration
    from_pretrained, to, forward = qwen.from_pretrained, MMEBModel.to, MMEBModel.forward

    def loaded(name: str, *, config: Any, **_options: Any) -> Any:
        for part in (config, config.vision_config):
            part._attn_implementation = "sdpa"  # noqa: SLF001 - as the evaluator itself sets it
        made = from_pretrained(name, config=config, torch_dtype=torch.float32)
        for block in made.visual.blocks:
            block.attn.__class__ = network.VisionFlashAttention2
        return made

    def timed(model: Any, **given: Any) -> Any:
        began = time.thread_time()
        made = forward(model, **given)
        known["forward_cpu"] += time.thread_time() - began
        known["batches"] += 1
        return made

    network.flash_attn_varlen_func = picture_by_picture
    qwen.from_pretrained = loaded
    MMEBModel.to = lambda model, device, **_dtype: to(model, device)
    MMEBModel.forward = timed
    out = Path(orders["out"])
    sys.argv = [
        "eval.py", "--pooling", "eos", "--normalize", "true", "--per_device_eval_batch_size", str(orders["batch"]),
        "--model_backbone", "qwen2_vl", "--model_name", orders["checkpoint"], "--use_cpu", "true",
        "--dataset_config", orders["tasks"], "--encode_output_path", str(out), "--data_basedir", orders["media"],
        "--resize_min_pixels", str(orders["pixels"][0]), "--resize_max_pixels", str(orders["pixels"][1]),
        "--output_dir", str(out), "--report_to", "none",
    ]  # fmt: skip
    evaluator.main()
    known["work_cpu"] = time.process_time() - known["start_cpu"]
    known["versions"] = {name: version(name) for name in ("torch", "transformers", "pillow", "numpy")}
    Path(orders["told"]).write_text(json.dumps(known))
    if orders["vectors"]:
        readable(out)


def stand_in(modules: dict[str, tuple[str, ...]]) -> None:
    """Empty modules where the package is not installed, which fail as soon as something of them is used."""
    if importlib.util.find_spec(next(iter(modules)).partition(".")[0]):
        return
    for path, names in modules.items():
        parts = path.split(".")
        for depth in range(1, len(parts) + 1):
            place = ".".join(parts[:depth])
            module = sys.modules.setdefault(place, types.ModuleType(place))
            module.__spec__ = importlib.machinery.ModuleSpec(place, None, is_package=True)
            module.__path__ = []
        for name in names:
            setattr(sys.modules[path], name, None)


def python_of_torchvision() -> None:
    """Let torchvision be imported whose compiled part is of another build of torch; its Python alone is needed."""
    import torch

    try:
        import torchvision.io
    except RuntimeError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        for name in ("nms", "qnms"):  # it says of these what they make without looking whether they are there
            torch.library.define(f"torchvision::{name}", "(Tensor boxes, Tensor scores, float threshold) -> Tensor")
        import torchvision.io
    if not hasattr(torchvision.io, "write_video"):  # since 0.24 or so
        torchvision.io.write_video = None


def picture_by_picture(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, starts: torch.Tensor, *_others: Any
) -> torch.Tensor:
    """Attention within each of several sequences end to end, each of shape (tokens, heads, size), by torch's own.

    Args:
        query: all of them.
        key: likewise.
        value: likewise.
        starts: where each begins, and the end.
    """
    import torch

    made = torch.empty_like(query)
    bounds = starts.tolist()
    for start, end in pairwise(bounds):
        part = (states[start:end].transpose(0, 1)[None] for states in (query, key, value))
        made[start:end] = torch.nn.functional.scaled_dot_product_attention(*part)[0].transpose(0, 1)
    return made


def readable(out: Path) -> None:
    """Its pickled vectors as arrays, and the names of candidates in their order beside them."""
    import numpy as np

    for file in out.glob("*_tgt"):
        by_name = pickle.loads(file.read_bytes())  # noqa: S301 - written by the evaluator just now
        np.save(file.with_suffix(".npy"), np.stack(list(by_name.values())))
        file.with_suffix(".json").write_text(json.dumps([str(name) for name in by_name]))
    for file in out.glob("*_qry"):
        np.save(file.with_suffix(".npy"), pickle.loads(file.read_bytes()))  # noqa: S301


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
