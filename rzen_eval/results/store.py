"""Results on disk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.core import Mark, Result
from rzen_eval.errors import ConfigError, ResultError, nearest
from rzen_eval.files import usable, write_whole
from rzen_eval.results import per_query
from rzen_eval.results.json_file import read_as
from rzen_eval.results.protocol import mixture

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from rzen_eval.core import QueryScores, Run


@dataclass(frozen=True, slots=True)
class ModelResults:
    """What a model was scored on."""

    name: str
    folder: Path
    """With `<id>.json`, `queries/` and `runs/`."""
    results: Mapping[str, Result]
    """By task id."""

    @property
    def first(self) -> Result:
        """A result, for what all have in common."""
        return next(iter(self.results.values()))


def write(folder: Path, result: Result, run: Run, queries: QueryScores | None = None) -> Path:
    """Write a result to `<folder>/<id>.json` and its rankings to `<folder>/runs/<id>.jsonl.gz`.

    Scores of single queries go to `<folder>/queries/<id>.json.gz`: lists `query`, `score` and `exact`, of one length.
    Each file appears whole or not at all, and the result last: where it is, the others are too. It notes their
    digests in `provenance.files`.

    Raises:
        ResultError: the folder cannot be written or the disk is full; what was there before is untouched.
    """
    packed = per_query.packed(run, queries)
    try:
        for kind, content in packed.items():
            write_whole(per_query.place(folder, result.id, kind), content)
    except OSError as error:
        raise _unwritten(folder, result, error) from error
    digests = {kind: per_query.digest(content) for kind, content in packed.items()}
    return write_alone(folder, result.model_copy(update={"provenance": result.provenance | {"files": digests}}))


def write_alone(folder: Path, result: Result) -> Path:
    """Write a result of which there are no rankings; errors as for `write`."""
    file = folder / f"{result.id}.json"
    try:
        write_whole(file, (result.model_dump_json(indent=2) + "\n").encode())
    except OSError as error:
        raise _unwritten(folder, result, error) from error
    return file


def _unwritten(folder: Path, result: Result, error: OSError) -> ResultError:
    return ResultError(
        f"{result.id}: scored {result.score:.4f} but {folder / result.id}.json cannot be written ({error});"
        " free space or give results_dir=FOLDER, and run again"
    )


def read(file: Path) -> Result:
    """Read a result back.

    Raises:
        ResultError: the file is missing, damaged or of another format.
    """
    found = read_as(file, Result, "remove it and score the task again")
    return found if "marks" in found.model_fields_set else found.model_copy(update={"marks": _marks_by_text(found)})


def _marks_by_text(result: Result) -> tuple[Mark, ...]:
    """Marks of a result that was written before there were any, which its warnings tell."""
    sentences = {Mark.OTHER_DATA: "not the benchmark's data", Mark.COLLAPSED: ": collapsed: "}
    return tuple(mark for mark, sentence in sentences.items() if any(sentence in text for text in result.warnings))


def read_model(folder: Path, only: Collection[str] | None = None, name: str | None = None) -> ModelResults:
    """The results that lie in a folder itself; none where it is not there.

    Args:
        folder: a model's.
        only: ids of the tasks that are wanted; None: all.
        name: what the model is called; None: as its folder.

    Raises:
        ResultError: a file is not a result, or they are of two models, or of one in two ways.
    """
    files = [file for file in sorted(folder.glob("*.json")) if only is None or file.stem in only]
    results = [read(file) for file in files]
    if differs := mixture(results):
        raise ResultError(
            f"{folder} holds results of two models, or of one with different settings: {differs}; score one under"
            " a name of its own (model.name=NAME) and remove its results here"
        )
    return ModelResults(name or folder.resolve().name, folder, {result.id: result for result in results})


def read_models(folder: Path) -> list[ModelResults]:
    """Results under a folder, by model: its own, or those of the folders in it.

    Args:
        folder: as given; the name of a model in `./results` where there is no folder of that name.

    Raises:
        ConfigError: there is no such folder, or there are no results in it.
        ResultError: a file is not a result.
    """
    if not folder.is_dir() and (named := Path("results") / folder).is_dir():
        folder = named
    if not folder.is_dir():
        raise ConfigError(
            f"no folder at {folder}{'' if folder.is_absolute() else f' in {Path.cwd()}'}; expected one with"
            f" <model>/<task>.json, as a run leaves them{_meant(folder)}"
        )
    own = any(folder.glob("*.json"))
    models = [read_model(place) for place in ([folder] if own else sorted(filter(Path.is_dir, folder.iterdir())))]
    if not any(model.results for model in models):
        raise ConfigError(f"{folder} holds no results; expected <model>/<task>.json, as a run leaves them")
    return [model for model in models if model.results]


def _meant(folder: Path) -> str:
    """Which folder of results a wrong one may have been meant for."""
    places = {folder.parent, Path("results")}
    known = [str(found.parent) for place in sorted(places) for found in place.glob("*/*.json")]
    return nearest(str(folder), dict.fromkeys(known))


def one_model(name: str, results_dir: Path, only: Collection[str] | None = None) -> ModelResults:
    """The results of one model.

    Args:
        name: of the model, under the results folder, or a folder of results.
        results_dir: the results folder.
        only: ids of the tasks that are wanted; None: all.

    Raises:
        ConfigError: there is no such model, the folder holds several, or none of the wanted tasks is there.
        ResultError: a file is not a result.
    """
    try:
        given = usable(name)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    place = results_dir / name if (results_dir / name).is_dir() else given
    if not place.is_dir():
        known = sorted(folder.name for folder in results_dir.glob("*") if any(folder.glob("*.json")))
        held = f"{results_dir} holds {', '.join(known) or 'none'}"
        held = held if results_dir.is_dir() else f"there is no folder {results_dir} in {Path.cwd()}"
        raise ConfigError(f"no results of {name!r}: {held}{nearest(given.name, known)}; expected a model or a folder")
    models = read_models(place)
    if len(models) > 1:
        names = ", ".join(model.name for model in models)
        raise ConfigError(f"{place} holds results of {names}; expected those of one model, such as {models[0].folder}")
    [model] = models
    kept = {task: result for task, result in model.results.items() if only is None or task in only}
    if not kept:
        raise ConfigError(
            f"{place} holds no results of the chosen tasks; leave task= out to see all {len(model.results)}"
        )
    return replace(model, results=kept)


def told_apart(models: Sequence[ModelResults]) -> list[ModelResults]:
    """The models; those that share a name with their folder in it."""
    names = [model.name for model in models]
    return [
        replace(model, name=f"{model.name} ({model.folder})") if names.count(model.name) > 1 else model
        for model in models
    ]
