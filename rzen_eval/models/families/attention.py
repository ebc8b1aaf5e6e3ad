"""Attention among the tokens of each item of a packed row: what the layers of transformers call in place of their own.

A batch is one row of tokens, items end to end, and no token sees another item's. Layers hand the places where items
begin to an attention function whose name says flash, so each of these says so, wherever it runs.
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, Protocol

from rzen_eval.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

PREFIX = "rzen_flash_"
"""Of the names that the functions are known to transformers by."""
SLIDING = "sliding_attention"
"""What transformers calls layers whose tokens see the last few alone."""
ALIGNED = 8
"""What the size of a head is a multiple of in kernels for items of any length."""
LARGEST = 256
"""Size of a head that they have."""
BEYOND = ("sliding_window", "softcap", "s_aux")
"""What layers may ask for that no kernel here does: a window, a limit of scores, sinks."""
SAME = 1e-6
"""Share that two scales of scores may differ by and be the same."""


@dataclass(frozen=True, slots=True)
class Segments:
    """Where the items of a row begin and end, as Python integers, so that nothing is read back from a device."""

    bounds: tuple[int, ...]
    """The first token of each item, and the end of the last: (items + 1,)."""
    longest: int
    runs: tuple[tuple[int, int, int], ...]
    """First token, items and tokens an item, of neighbours that are equally long."""

    @classmethod
    def of(cls, lengths: Sequence[int]) -> Segments:
        """Of items of these lengths."""
        bounds, runs = [0], []
        for length, alike in groupby(lengths):
            count = sum(1 for _ in alike)
            runs.append((bounds[-1], count, length))
            bounds.extend(range(bounds[-1] + length, bounds[-1] + count * length + 1, length))
        return cls(tuple(bounds), max(lengths), tuple(runs))

    def marked(self, bounds: torch.Tensor) -> torch.Tensor:
        """The same bounds on a device, which these go along with through the layers: int32, shape (items + 1,)."""
        bounds.rzen_segments = self  # type: ignore[attr-defined]
        return bounds

    @classmethod
    def within(cls, bounds: torch.Tensor) -> Segments:
        """Those that bounds were marked with; others are read from the device, which waits for it."""
        found: Segments | None = getattr(bounds, "rzen_segments", None)
        return found or cls.of([end - start for start, end in pairwise(bounds.tolist())])


class Kernel(Protocol):
    """Attention within segments, of query, key and value of shape (tokens, heads, size), keys with fewer heads."""

    def __call__(
        self,
        states: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
        bounds: torch.Tensor,
        *,
        causal: bool,
        scale: float | None,
    ) -> torch.Tensor:
        """Shape (tokens, heads, size)."""


def varlen(
    states: tuple[torch.Tensor, torch.Tensor, torch.Tensor], bounds: torch.Tensor, *, causal: bool, scale: float | None
) -> torch.Tensor:
    """By torch's own kernel for items of any length: CUDA, 16 bits; what it does not take goes by `sdpa`.

    It takes heads of a multiple of eight, up to 256, and grouped ones in any version. In torch 2.10 it is told whether
    it is causal, and has no scale but the usual one; later it is told a window, and since 2.12 that heads are grouped.
    """
    from torch.nn.attention.varlen import varlen_attn

    size, takes = states[0].shape[-1], _parameters(varlen_attn)
    scaled = scale is not None and "scale" not in takes and abs(scale * size**0.5 - 1) > SAME
    if size % ALIGNED or size > LARGEST or scaled:
        return sdpa(states, bounds, causal=causal, scale=scale)
    longest = Segments.within(bounds).longest
    more: dict[str, Any] = {
        "scale": scale, "enable_gqa": states[0].shape[1] != states[1].shape[1], "is_causal": causal,
        "window_size": (-1, 0) if causal else (-1, -1),
    }  # fmt: skip
    told = {name: value for name, value in more.items() if name in takes}
    made: Any = varlen_attn(*states, bounds, bounds, longest, longest, **told)
    seen: torch.Tensor = made
    return seen


@cache
def _parameters(function: Any) -> frozenset[str]:
    return frozenset(inspect.signature(function).parameters)


def flash(
    states: tuple[torch.Tensor, torch.Tensor, torch.Tensor], bounds: torch.Tensor, *, causal: bool, scale: float | None
) -> torch.Tensor:
    """By the package flash_attn: CUDA, 16 bits."""
    from flash_attn import flash_attn_varlen_func

    longest = Segments.within(bounds).longest
    seen: torch.Tensor = flash_attn_varlen_func(
        *states, bounds, bounds, longest, longest, softmax_scale=scale, causal=causal
    )
    return seen


def sdpa(
    states: tuple[torch.Tensor, torch.Tensor, torch.Tensor], bounds: torch.Tensor, *, causal: bool, scale: float | None
) -> torch.Tensor:
    """By torch's function for items of one length, once for neighbours that are equally long: any device and dtype."""
    return _by_runs(partial(_dense, causal=causal, scale=scale), states, bounds)


def eager(
    states: tuple[torch.Tensor, torch.Tensor, torch.Tensor], bounds: torch.Tensor, *, causal: bool, scale: float | None
) -> torch.Tensor:
    """Written out, for comparison: every score is in memory at once."""
    return _by_runs(partial(_written_out, causal=causal, scale=scale), states, bounds)


KERNELS: dict[str, Kernel] = {"varlen": varlen, "flash": flash, "sdpa": sdpa, "eager": eager}
"""By the name that `model.attention` has for them."""


def _by_runs(of_rows: Any, states: Sequence[torch.Tensor], bounds: torch.Tensor) -> torch.Tensor:
    made = states[0].new_empty(states[0].shape[:2] + states[2].shape[2:])
    for start, count, length in Segments.within(bounds).runs:
        part = slice(start, start + count * length)
        rows = (one[part].view(count, length, *one.shape[1:]).transpose(1, 2) for one in states)
        made[part] = of_rows(*rows).transpose(1, 2).flatten(0, 1)
    return made


def _dense(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *, causal: bool, scale: float | None
) -> torch.Tensor:
    """Of rows of one length, shape (rows, heads, length, size)."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    grouped = query.shape[1] != key.shape[1]
    if grouped and query.is_cuda and query.dtype is torch.float32:
        # Of torch's kernels there that alone takes grouped heads in 32 bits which holds every score in memory.
        key, value, grouped = *_for_each_head(query, key, value), False
    return scaled_dot_product_attention(query, key, value, is_causal=causal, scale=scale, enable_gqa=grouped)


def _written_out(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *, causal: bool, scale: float | None
) -> torch.Tensor:
    import torch

    key, value = _for_each_head(query, key, value)
    scores = query @ key.transpose(2, 3) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if causal:
        later = torch.ones(scores.shape[2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(later, float("-inf"))
    return scores.softmax(-1, dtype=torch.float32).to(query.dtype) @ value


def _for_each_head(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Keys and values of grouped heads, repeated for all heads of the query."""
    groups = query.shape[1] // key.shape[1]
    return key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)


def attend(  # noqa: PLR0917 - as transformers calls it
    name: str,
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,  # noqa: ARG001 - there is none in a packed row
    *,
    scaling: float | None = None,
    is_causal: bool | None = None,
    cu_seq_lens_q: torch.Tensor | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Attention as transformers asks for it.

    Args:
        name: of a kernel.
        module: the layer, which knows whether a token sees those before it alone.
        query: shape (1, heads, tokens, size), or of a tower whose pictures all have one size (pictures, heads, tokens,
            size).
        key: likewise, with as many heads or a divisor of that.
        value: likewise.
        attention_mask: none.
        scaling: of scores.
        is_causal: as the layer says it where it says so for the call.
        cu_seq_lens_q: where items begin, int32; None: each row is one item.
        **others: what else layers say, of which some would change states.

    Returns:
        Shape (1 or pictures, tokens, heads, size), and no scores.

    Raises:
        ModelError: the layer asks for what none of the kernels does here, and the states would be others.
    """
    if asked := [what for what in BEYOND if others.get(what) is not None]:
        raise ModelError(
            f"{type(module).__name__} asks for {asked[0]}={others[asked[0]]}, which items end to end in a row cannot"
            " have; this family has to be padded (packs = False)"
        )
    causal = bool(getattr(module, "is_causal", False)) if is_causal is None else is_causal
    if cu_seq_lens_q is None:
        of_rows = _written_out if name == "eager" else _dense
        return of_rows(query, key, value, causal=causal, scale=scaling).transpose(1, 2).contiguous(), None
    states = (query[0].transpose(0, 1), key[0].transpose(0, 1), value[0].transpose(0, 1))
    return KERNELS[name](states, cu_seq_lens_q, causal=causal, scale=scaling)[None], None


def use(network: Any, name: str, *, packed: bool) -> None:
    """Let all layers of a loaded model attend by a kernel.

    Loading under the name itself would ask for a package of flash attention, so that is done under another.

    Args:
        network: of transformers.
        name: of a kernel.
        packed: whether items come end to end; else rows with padding, for which the stock functions are, but in vision
            towers, where pictures always do.

    Raises:
        ModelError: the installed transformers has no such place for a function.
    """
    from transformers import AttentionInterface

    AttentionInterface.register(PREFIX + name, partial(attend, name))
    stock = "eager" if name == "eager" else "sdpa"
    towers = {id(one) for part in _towers(network) for one in _configurations(part)}
    for config in _configurations(network):
        known = PREFIX + name if packed or id(config) in towers else stock
        config._attn_implementation_internal = known  # noqa: SLF001 - the setter looks for the package
        if config._attn_implementation != known:  # noqa: SLF001 - then items of a row would see each other
            raise ModelError("this version of transformers does not take attention functions of others by name")


def _towers(network: Any) -> list[Any]:
    return [part for place, part in network.named_modules() if place.rpartition(".")[2] in {"visual", "vision_tower"}]


@contextmanager
def lent(network: Any, name: str, *, packed: bool) -> Iterator[None]:
    """As `use`, for a while; arguments as there."""
    before = [(config, config._attn_implementation_internal) for config in _configurations(network)]  # noqa: SLF001
    use(network, name, packed=packed)
    try:
        yield
    finally:
        for config, known in before:
            config._attn_implementation_internal = known  # noqa: SLF001


def _configurations(network: Any) -> list[Any]:
    """Of all parts, each once."""
    found = [getattr(module, "config", None) for module in network.modules()]
    return list({id(one): one for one in found if hasattr(one, "_attn_implementation_internal")}.values())
