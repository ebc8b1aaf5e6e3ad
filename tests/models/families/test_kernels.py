"""Kernels that a GPU alone has: chosen where they are there, and called as each version of torch has them."""

import inspect
import sys
import types
from itertools import pairwise
from typing import Any

import pytest
import torch

from rzen_eval.errors import ModelError
from rzen_eval.models import device
from rzen_eval.models.declaration.local import ModelSpec
from rzen_eval.models.families import attention
from rzen_eval.models.families.attention import Segments

SIGNATURES = {
    "2.10": "query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, is_causal=False, return_aux=None",
    "2.11": "query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, *, return_aux=None, scale=None, window_size=(-1, -1)",
    "2.12": "query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, *, return_aux=None, scale=None, window_size=(-1, -1),"
    " enable_gqa=False, seqused_k=None, block_table=None, num_splits=None",
}
"""Of `torch.nn.attention.varlen.varlen_attn`, read off each release."""


def kernel(version: str) -> Any:
    """A function of that signature that computes each item by itself, and refuses what the kernel of a GPU refuses."""
    signature = inspect.signature(eval(f"lambda {SIGNATURES[version]}: None"))  # noqa: S307 - of a string above

    def called(*args: Any, **more: Any) -> torch.Tensor:
        given = signature.bind(*args, **more)
        given.apply_defaults()
        told = given.arguments
        states, bounds = [told[name] for name in ("query", "key", "value")], told["cu_seq_q"]
        size, groups = states[0].shape[-1], states[0].shape[1] // states[1].shape[1]
        window = told.get("window_size", (-1, 0) if told.get("is_causal") else (-1, -1))
        assert window in {(-1, 0), (-1, -1)}
        assert told.get("enable_gqa", groups > 1) is (groups > 1)
        assert (bounds.dtype, bounds.is_contiguous(), told["cu_seq_k"] is bounds) == (torch.int32, True, True)
        assert told["max_q"] == told["max_k"] == int(bounds.diff().max())
        assert all(one.stride(-1) == 1 for one in states)
        assert size % 8 == 0
        assert size <= 256
        made = []
        for start, end in pairwise(bounds.tolist()):
            mine, theirs, seen = (one[start:end].transpose(0, 1) for one in states)
            scale = size**-0.5 if told.get("scale") is None else told["scale"]
            scores = mine @ theirs.repeat_interleave(groups, 0).mT * scale
            later = torch.ones(scores.shape[1:]).triu(1).bool() & (window == (-1, 0))
            part = scores.masked_fill(later, float("-inf")).softmax(-1) @ seen.repeat_interleave(groups, 0)
            made.append(part.transpose(0, 1))
        return torch.cat(made)

    vars(called)["__signature__"] = signature
    return called


@pytest.mark.parametrize("version", SIGNATURES)
@pytest.mark.parametrize("scaled", [None, 1.0, 0.5])
def test_torchs_kernel_is_called_as_each_version_has_it(
    version: str, scaled: float | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", kernel(version))
    generator, segments = torch.Generator().manual_seed(0), Segments.of((5, 1, 3, 3))
    for heads, size in [((4, 2, 2), 16), ((2, 2, 2), 72), ((2, 1, 1), 20), ((2, 1, 1), 264)]:
        states: Any = tuple(torch.randn(12, n, size, generator=generator) for n in heads)
        how: Any = {"scale": None if scaled is None else scaled * size**-0.5}
        bounds = segments.marked(torch.tensor(segments.bounds, dtype=torch.int32))
        for how["causal"] in (True, False):
            made = attention.varlen(states, bounds, **how)
            assert (made - attention.eager(states, bounds, **how)).abs().max() < 1e-5


def test_the_installed_kernel_is_one_of_these():
    from torch.nn.attention.varlen import varlen_attn

    assert list(inspect.signature(varlen_attn).parameters) in [
        list(inspect.signature(kernel(version)).parameters) for version in SIGNATURES
    ]


def chosen(asked: str = "auto", dtype: torch.dtype = torch.bfloat16) -> str:
    spec = ModelSpec.model_validate({
        "name": "a", "family": "qwen2_vl", "checkpoint": "a/b", "license": "mit", "attention": asked,
        "prompt": {"template": "{media}{text}", "image": "x"},
    })  # fmt: skip
    return device.attention(spec, torch.device("cuda"), dtype)


def package(monkeypatch: pytest.MonkeyPatch, **holds: Any) -> None:
    made = types.ModuleType("flash_attn")
    vars(made).update(holds)
    monkeypatch.setitem(sys.modules, "flash_attn", made)


def test_auto_takes_the_first_kernel_that_a_gpu_can_have(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: (9, 0))
    monkeypatch.setattr(torch.backends.cuda, "is_flash_attention_available", lambda: True)
    package(monkeypatch, flash_attn_varlen_func=print)
    assert chosen() == "varlen"
    assert chosen(dtype=torch.float32) == "sdpa"
    monkeypatch.setitem(sys.modules, "torch.nn.attention.varlen", None)  # torch before 2.10
    assert chosen() == "flash"
    with pytest.raises(ModelError, match=r"attention=varlen needs torch 2\.10 built with flash attention, a GPU"):
        chosen("varlen")


def test_a_package_of_that_name_without_the_function_is_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: (9, 0))
    monkeypatch.setattr(torch.backends.cuda, "is_flash_attention_available", lambda: False)
    package(monkeypatch)
    assert chosen() == "sdpa"
    with pytest.raises(ModelError, match="attention=flash needs the package flash_attn, a GPU"):
        chosen("flash")


def test_a_gpu_that_is_too_old_for_these_has_sdpa(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: (7, 5))
    assert chosen() == "sdpa"


def test_float32_is_exact_meanwhile_and_afterwards_what_it_was():
    convolution, products = torch.backends.cudnn.conv, torch.backends.cuda.matmul
    before = convolution.fp32_precision, products.fp32_precision
    try:
        for chosen in (("tf32", "tf32"), ("ieee", "tf32"), ("tf32", "ieee")):
            convolution.fp32_precision, products.fp32_precision = chosen
            with device.exact():
                assert (convolution.fp32_precision, products.fp32_precision) == ("ieee", "ieee")
            assert (convolution.fp32_precision, products.fp32_precision) == chosen
    finally:
        convolution.fp32_precision, products.fp32_precision = before


@pytest.mark.parametrize("asked", [{"sliding_window": 4}, {"softcap": 50.0}, {"s_aux": 1.0}])
def test_what_no_kernel_does_is_refused_and_not_left_out(asked: dict[str, float]):
    states = torch.zeros(1, 2, 3, 8)
    bounds = torch.tensor([0, 3], dtype=torch.int32)
    none = dict.fromkeys(asked)
    assert attention.attend("sdpa", None, states, states, states, None, cu_seq_lens_q=bounds, **none)[1] is None
    with pytest.raises(ModelError, match=f"NoneType asks for {next(iter(asked))}=.*has to be padded"):
        attention.attend("sdpa", None, states, states, states, None, cu_seq_lens_q=bounds, **asked)
