"""Which files of a folder are loaded as weights: those that are named, all of them and no others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import Field

from rzen_eval.errors import ModelError, some
from rzen_eval.models.checkpoint.json_file import Part, checked, read_object

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rzen_eval.models.declaration.local import Checkpointed

SINGLE = {"safetensors": "model.safetensors", "pickle": "pytorch_model.bin"}
"""The file that holds all weights, by its form; with `.index.json` behind it the list of those that share them."""
PATTERNS = {"safetensors": "*.safetensors", "pickle": "pytorch_model*.bin"}
ADAPTER = {"safetensors": "adapter_model.safetensors", "pickle": "adapter_model.bin"}
"""The file that holds an adapter, by its form."""
PLAIN = {"safetensors": re.compile(r"[\w.-]+\.safetensors"), "pickle": re.compile(r"pytorch_model[\w.-]*\.bin")}
"""Names that an index may give: files of its own folder, in the form that it is the index of."""


class Index(Part):
    """The list of the files that share a model's weights."""

    weight_map: dict[str, str] = Field(min_length=1)
    """File by name of the weight."""


def weight_files(spec: Checkpointed, folder: Path) -> list[Path]:
    """The files that the weights of a folder are read from: safetensors, or where those are allowed pickles.

    Args:
        spec: the declaration.
        folder: of a whole model.

    Raises:
        ModelError: there are none, one that is named is missing or lies elsewhere, or there are others beside.
    """
    safe = sorted(file for file in folder.glob(PATTERNS["safetensors"]) if file.name != ADAPTER["safetensors"])
    pickles = sorted(folder.glob(PATTERNS["pickle"]))
    if safe:
        return _named(spec.name, folder, safe, "safetensors")
    if pickles and spec.pickled_weights:
        return _named(spec.name, folder, pickles, "pickle")
    hint = f", found {pickles[0].name}; a pickle is taken with {spec.setting}.pickled_weights=true" if pickles else ""
    raise ModelError(f"{spec.name}: {folder} has no weights; expected *.safetensors{hint}")


def adapter_file(spec: Checkpointed, folder: Path) -> Path:
    """The file that an adapter's weights are read from: safetensors, or where that is allowed a pickle.

    Args:
        spec: the declaration.
        folder: of an adapter.

    Raises:
        ModelError: there is none, or weights of a whole model lie beside it.
    """
    whole = sorted(file.name for pattern in PATTERNS.values() for file in folder.glob(pattern))
    if beside := [file for file in whole if file not in ADAPTER.values()]:
        raise ModelError(f"{spec.name}: {folder} holds an adapter and other weights ({beside[0]}), and one is expected")
    safe, pickle = (folder / ADAPTER[form] for form in ("safetensors", "pickle"))
    if safe.is_file():
        return safe
    if pickle.is_file() and spec.pickled_weights:
        return pickle
    found = f"; {pickle.name} is there, a pickle" if pickle.is_file() else f"; where it is {pickle.name}, a pickle"
    raise ModelError(
        f"{spec.name}: {folder} has no {safe.name}{found}, which is taken with {spec.setting}.pickled_weights=true"
    )


def _named(name: str, folder: Path, files: Sequence[Path], form: str) -> list[Path]:
    """All of the files, once it is sure that they are what is read."""
    single, present = SINGLE[form], {file.name for file in files}
    index = folder / f"{single}.index.json"
    if not index.is_file():
        if single not in present:
            raise ModelError(
                f"{name}: {folder} has {some(sorted(present), 2)} and no {index.name} that names them; expected"
                f" {single}, or shards with their index"
            )
        wanted = {single}
    else:
        wanted = set(checked(index, Index, read_object(index)).weight_map.values())
        if strange := sorted(file for file in wanted if not PLAIN[form].fullmatch(file)):
            raise ModelError(
                f"{name}: {index} names {strange[0]!r} as a file of weights; expected {PATTERNS[form]} beside it"
            )
        if missing := sorted(wanted - present):
            raise ModelError(f"{name}: {folder} lacks {some(missing, 2)}, which {index.name} names; get it again")
        if single in present - wanted:
            raise ModelError(
                f"{name}: {folder} holds {single} and the shards of {index.name}, and only one of them is read;"
                " remove the older"
            )
    if beside := sorted(present - wanted):
        raise ModelError(
            f"{name}: {folder} holds {some(beside, 2)} beside {single}{'.index.json' * index.is_file()}, which does not"
            " name it; remove what is not of this model"
        )
    return list(files)
