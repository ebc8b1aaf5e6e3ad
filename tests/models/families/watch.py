"""A device without contents, on which asking for a value is an error: what a GPU would be waited for shows on a CPU."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch.nn.attention import varlen
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

NOWHERE = torch.device("meta")
WAITING = {
    torch.ops.aten.nonzero, torch.ops.aten._local_scalar_dense, torch.ops.aten.masked_select, torch.ops.aten._unique2,
    torch.ops.aten.unique_consecutive,
}  # fmt: skip
INDEXING = {torch.ops.aten.index, torch.ops.aten.index_put, torch.ops.aten.index_put_, torch.ops.aten._index_put_impl_}
COPYING = {torch.ops.aten.to, torch.ops.aten._to_copy, torch.ops.aten.copy_}
assert varlen  # which makes the operator below known


class Made(TorchFunctionMode):
    """Refuses a tensor on the device of numbers that are here: a copy, which is waited for."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        if function in {torch.tensor, torch.as_tensor} and made.numel() and made.device == NOWHERE:
            raise RuntimeError(f"{function.__name__} of {args[0]} waits for the device")
        return made


class Watch(TorchDispatchMode):
    """Refuses whatever waits for the device, and what its kernels refuse; counts copies."""

    def __init__(self) -> None:
        super().__init__()
        self.there = self.back = self.kernels = 0
        self._made = Made()

    def __enter__(self) -> Self:
        self._made.__enter__()
        return super().__enter__()  # type: ignore[no-any-return]

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self._made.__exit__(*error)  # type: ignore[no-untyped-call]

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, kind = kwargs or {}, function.overloadpacket
        given = [one for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)]
        masked = kind in INDEXING and any(one.dtype is torch.bool for one in given[1:])
        counted = kind is torch.ops.aten.repeat_interleave and function._overloadname != "self_int"
        if masked or counted or kind in WAITING:
            raise RuntimeError(f"{function} waits for the device")
        places = {one.device.type for one in given if one.ndim}
        if kind in COPYING:
            source = given[-1].device
            wanted = [one for one in (*args, kwargs.get("device")) if isinstance(one, torch.device)]
            target = wanted[0] if wanted else given[0].device
            if (source.type, target.type) == ("cpu", "meta"):
                self.there += 1
            if (source.type, target.type) == ("meta", "cpu"):
                self.back += 1
                return torch.zeros(given[-1].shape, dtype=given[-1].dtype)
        elif len(places) > 1:
            raise AssertionError(f"{function} takes tensors of {sorted(places)}, one of which has to be copied")
        if kind is torch.ops.torch_attn._varlen_attn:
            self.kernels += 1
            refused(*args[:7])
        return function(*args, **kwargs)


def refused(query: Any, key: Any, value: Any, *bounds: Any) -> None:
    """What the kernel behind torch's function does not take on a GPU. Source: `mha_varlen_fwd` of torch."""
    states = query, key, value
    assert {one.dtype for one in states} in ({torch.bfloat16}, {torch.float16})
    assert all(one.ndim == 3 and one.stride(-1) == 1 for one in states)
    assert {one.shape[-1] for one in states} == {query.shape[-1]}
    assert query.shape[-1] % 8 == 0
    assert query.shape[-1] <= 256
    assert query.shape[1] % key.shape[1] == 0
    assert key.shape == value.shape
    for one in bounds[:2]:
        assert one.dtype is torch.int32
        assert one.is_contiguous()
        assert one.numel() > 1
    assert all(type(longest) is int and longest > 0 for longest in bounds[2:])
