"""`rzen-eval model-check`: load a model, embed a few fixed items, and see whether anything is wrong."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rzen_eval.cli.terminal import listing, show
from rzen_eval.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from pathlib import Path

    from rzen_eval.cli.options import Options


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = (
        "Load a model, print its files, names, tokens and picture settings as found against the declaration, embed a"
        " few fixed items and look at norm, collapse, sensitivity to image, text and instruction, and independence of"
        " the batch."
    )
    parser.add_argument("--traceback", action="store_true", help="errors of a class of your own in full")
    parser.examples = ["rzen-eval model-check model=custom model.checkpoint=FOLDER model.family=qwen2_vl"]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Print what was checked and found.

    Returns:
        The exit code: 1 if a check failed.
    """
    from rzen_eval.cli.checkpoint_findings import Finding
    from rzen_eval.cli.probes import check
    from rzen_eval.config import compose
    from rzen_eval.models import open_model
    from rzen_eval.models.external.foreign_code import TRACEBACK

    if chosen.traceback:
        os.environ[TRACEBACK] = "1"
    if not any(word.startswith("model=") for word in settings):
        raise ConfigError("model-check: which model? give model=NAME; `rzen-eval models` lists them")
    config = compose.load(settings, places, need_tasks=False)
    findings: list[Finding] = []
    try:
        for finding in check(open_model(config.model, config.cache_dir)):
            findings.append(finding)  # noqa: PERF402 - what was found before it fails is told too
    except ModelError as error:
        findings.append(Finding("loads and embeds", str(error), passed=False))
    said = {None: "", True: "ok", False: "FAILED"}
    rows = [{"check": one.check, "": said[one.passed], "found": one.found} for one in findings]
    show(listing("checks", rows, prose=["found"]))
    failed = [one.check for one in findings if one.passed is False]
    print(f"\n{config.model.name}: {'failed: ' + ', '.join(failed) if failed else 'nothing is wrong'}")
    return 1 if failed else 0
