"""The command line."""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.errors import ConfigError, RzenEvalError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rzen_eval.config import RunConfig
    from rzen_eval.session import Outcome

HELP = """\
Score multimodal embedding models on MMEB-V2.

  rzen-eval                                    the bundled model on the bundled sample
  rzen-eval task=visdoc model=rzenembed_v2_7b data=hub
  rzen-eval task=[vidore_v2,visrag] data=mirror data.root=/data limit=10
  rzen-eval experiment=rzenembed_v2_7b         the settings of a published row
  rzen-eval tasks                              tasks and suites
  rzen-eval models                             models
  rzen-eval prompt task=visdoc/vidore_arxivqa model=mini row=0 side=query

task=        a task, a suite or a list of them      model=    a declaration in conf/model
data=        sample, hub or mirror (data.root=DIR)  runtime=  where embedding happens
experiment=  settings of a published row            limit=N   the first N queries of each task
results_dir= where results are written              cache_dir= where derived files are kept
Any key of a configuration file can be set: model.checkpoint=FOLDER, model.dtype=float32, tasks.ID.metric=hit@1.
Exit codes: 0 all right; 1 something failed; 2 wrong arguments or configuration.
"""
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: arguments without the program's name; the process's own by default.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="rzen-eval",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=argparse.SUPPRESS,
    )
    parser.add_argument("--version", action="version", version=f"rzen-eval {version('rzen-eval')}")
    parser.add_argument(
        "--config-dir",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="a folder with further YAML; may repeat",
    )
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    arguments = parser.parse_intermixed_args(words)
    try:
        return _dispatch(arguments.words, arguments.config_dir)
    except RzenEvalError as error:
        print(f"rzen-eval: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(
            "\nrzen-eval: interrupted; finished tasks are kept and the same command goes on from there", file=sys.stderr
        )
        return INTERRUPTED


def _dispatch(words: Sequence[str], extra_dirs: Sequence[Path]) -> int:
    verbs: dict[str, Callable[[Sequence[str], Sequence[Path]], int]] = {
        "tasks": _tasks,
        "models": _models,
        "prompt": _prompt,
    }
    if not words or "=" in words[0] or words[0][0] in "~+":
        return _run(words, extra_dirs)
    if words[0] not in verbs:
        from rzen_eval.config import nearest

        raise ConfigError(
            f"unknown command {words[0]!r}{nearest(words[0], list(verbs))};"
            f" expected one of {', '.join(verbs)}, or settings such as task=visdoc"
        )
    return verbs[words[0]](words[1:], extra_dirs)


def _run(overrides: Sequence[str], extra_dirs: Sequence[Path]) -> int:
    from rzen_eval import config
    from rzen_eval.session import run

    chosen = config.load(overrides, extra_dirs)
    given = {override.split("=")[0] for override in overrides}
    bundled = [
        f"{kind} {name}" for kind, name in (("model", "mini"), ("data", "sample")) if not given & {kind, "experiment"}
    ]
    source = chosen.data.kind + (f" {chosen.data.root}" if chosen.data.kind == "mirror" else "")
    _say(
        f"model {chosen.model.name}, data {source}, {len(chosen.tasks)} tasks; results in"
        f" {chosen.results_dir / chosen.model.name}"
        + (f" (chosen by default: {', '.join(bundled)})" if bundled else "")
    )
    outcome = run(chosen, _say)
    _report(chosen, outcome)
    return 1 if outcome.failed else 0


def _say(line: str) -> None:
    from tqdm import tqdm

    tqdm.write(line, file=sys.stderr)


def _report(chosen: RunConfig, outcome: Outcome) -> None:
    from rzen_eval import config
    from rzen_eval.results import table

    results = list(outcome.results.values())
    print(f"\n{table.markdown(table.task_table(results, outcome.failed))}")
    modalities = {task.modality for task in chosen.tasks.values()}
    if chosen.limit is None:
        for modality, groups in config.benchmark().items():
            if modality in modalities:
                frame = table.modality_table({chosen.model.name: results}, modality, groups, chosen.reference)
                print(f"\n{table.markdown(frame)}")
        if any(table.foreign(result) for result in results):
            print(f"\n{table.OTHER} not the benchmark's data: counts differ from the declared ones")
    else:
        print(f"\nlimit={chosen.limit}: scores of the first {chosen.limit} queries only, left out of the tables")
    if outcome.failed:
        print("\nFailed:")
        print("\n".join(f"- {error}" for error in outcome.failed.values()))
    if chosen.data.kind == "sample":
        print(
            "\nThis is the bundled sample: made-up data that show the harness, not the benchmark."
            " The real one: rzen-eval task=visdoc model=rzenembed_v2_7b data=hub"
        )


def _tasks(overrides: Sequence[str], extra_dirs: Sequence[Path]) -> int:
    import pandas as pd

    from rzen_eval import config
    from rzen_eval.results import table

    chosen = config.load(overrides or ["task=[visdoc,visdoc_v2_0,variants]"], extra_dirs)
    rows = [
        {
            "id": f"{task.modality}/{task.id}",
            "task": task.name,
            "group": task.group,
            "metric": task.metric,
            "queries": str(task.n_queries),
            "candidates": str(task.n_candidates or "?"),
            "data": ", ".join(task.versions) or "variant",
            "repository": task.dataset.repo,
        }
        for task in chosen.tasks.values()
    ]
    print(table.markdown(pd.DataFrame(rows).set_index("id")))
    folders = [config.config_dir(), *config.plugin_dirs(), *extra_dirs]
    suites = [name for name in config.choices("task", folders) if "/" not in name]
    print(f"\nsuites: {', '.join(suites)}")
    return 0


def _models(overrides: Sequence[str], extra_dirs: Sequence[Path]) -> int:
    import pandas as pd

    from rzen_eval import config
    from rzen_eval.results import table

    if overrides:
        raise ConfigError(f"`rzen-eval models` takes no settings, found {overrides[0]!r}")
    names = config.choices("model", [config.config_dir(), *config.plugin_dirs(), *extra_dirs])
    specs = {name: config.load([f"model={name}", "task=visdoc/vidore_arxivqa"], extra_dirs).model for name in names}
    rows = [
        {
            "model": name,
            "family": spec.family,
            "checkpoint": spec.checkpoint,
            "size (B)": str(spec.parameters_b or "?"),
            "dims": str(spec.dim or "?"),
            "licence": spec.license or "?",
        }
        for name, spec in specs.items()
    ]
    print(table.markdown(pd.DataFrame(rows).set_index("model")))
    return 0


def _prompt(words: Sequence[str], extra_dirs: Sequence[Path]) -> int:
    from rzen_eval import config, media
    from rzen_eval.core import Side
    from rzen_eval.data.load import load_data
    from rzen_eval.models import open_model

    own = {"row": "0", "side": "query"} | dict(
        word.split("=", 1) for word in words if word.startswith(("row=", "side="))
    )
    if own["side"] not in set(Side) or not own["row"].isdecimal():
        raise ConfigError(f"prompt: expected row=NUMBER and side=query or side=candidate, found {own}")
    chosen = config.load([word for word in words if not word.startswith(("row=", "side="))], extra_dirs)
    side, row = Side(own["side"]), int(own["row"])
    model = open_model(chosen.model, chosen.cache_dir)
    for task in chosen.tasks.values():
        data = load_data(task)
        ids, items = (data.query_ids, data.queries) if side is Side.QUERY else (data.candidate_ids, data.candidates)
        if row >= len(items):
            raise ConfigError(f"prompt: {task.id} has {len(items)} {side} rows, found row={row}")
        planned = model.plan(items[row], side)
        print(f"{task.id}, {side} {ids[row]!r}, {planned.length} tokens, {len(planned.visual)} of them visual")
        print(f"prompt: {planned.prompt!r}")
        for picture in planned.pictures:
            sizes = " -> ".join(f"{width}x{height}" for width, height in picture.sizes)
            print(f"picture: {media.describe(picture.media)}, resized to {sizes}, {picture.n_tokens} tokens")
        print(f"token ids: {' '.join(map(str, planned.input_ids.tolist()))}")
    return 0
