"""`rzen-eval import`: results of the official evaluator and of mteb join our own."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.cli.options import Options, directory
from rzen_eval.errors import ConfigError, ResultError
from rzen_eval.results import store
from rzen_eval.results.exchange import imports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Result

READERS = {"official": (imports.official, imports.from_official), "mteb": (imports.mteb, imports.from_mteb)}


def run(words: Sequence[str], extra_dirs: Sequence[Path]) -> int:
    """Write a result for each file that can be mapped, and say in one line what cannot.

    Args:
        words: where from, the folder, `model=NAME`, and options.
        extra_dirs: folders with further YAML; unused.

    Returns:
        The exit code: 1 if something was not imported.
    """
    del extra_dirs
    parser = Options("import", "Make ordinary results of score files of the official evaluator, or of mteb's results.")
    parser.add_argument("source", choices=READERS)
    parser.add_argument("folder", type=directory, metavar="FOLDER")
    parser.add_argument("--model", required=True, metavar="NAME", help="what the model is called here")
    parser.add_argument("--data-version", choices=manifest().named_versions, help="where the files do not tell")
    parser.add_argument("--results-dir", type=directory, default=Path("results"), metavar="DIR")
    chosen = parser.read(words)
    if not re.fullmatch(r"\w[\w.+-]*", chosen.model):
        raise ConfigError(f"import: model={chosen.model!r} cannot name a folder; expected letters, digits and . + - _")
    if not chosen.folder.exists():
        raise ConfigError(f"import: nothing at {chosen.folder}; expected a folder of results")
    read, convert = READERS[chosen.source]
    tasks = list(manifest().entries.values())
    place, results, refused = chosen.results_dir / chosen.model, dict[str, "Result"](), list[str]()
    for found in read(chosen.folder):
        try:
            result = convert(found, chosen.model, tasks, chosen.data_version)
            _check(place, result, results)
            results[result.id] = result
        except ResultError as error:
            refused.append(str(error))
    more = f"; and {len(refused) - 5} more" if len(refused) > 5 else ""
    said = f"import: not imported: {'; '.join(refused[:5])}{more}"
    if not results:
        raise ConfigError(said)
    for result in results.values():
        store.write_alone(place, result)
    print(f"imported {len(results)} results into {place}")
    if refused:
        print(f"rzen-eval: {said}", file=sys.stderr)
    return 1 if refused else 0


def _check(place: Path, result: Result, before: dict[str, Result]) -> None:
    """Refuse a second score of a task, and to replace one that was made here."""
    if result.id in before:
        raise ResultError(f"{result.task}: two files are of this task; import one model's folder at a time")
    file = place / f"{result.id}.json"
    if file.is_file() and store.read(file).imported_from is None:
        raise ResultError(f"{result.task}: {file} was scored here; give another model= or results_dir=")
