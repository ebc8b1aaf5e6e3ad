"""Calling code that is not ours, so that what it does to the process is neither the end of a run nor its success."""

from __future__ import annotations

import contextlib
import os
import sys
import sysconfig
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from rzen_eval.errors import ModelError, failure, reason

if TYPE_CHECKING:
    from collections.abc import Iterator


OURS = Path(__file__).parents[2]
TRACEBACK = "RZEN_EVAL_TRACEBACK"
"""Environment variable with which every error of code of others is printed in full, also in other processes."""


@contextlib.contextmanager
def called(what: str) -> Iterator[None]:
    """Call code of others: any way to fail is a `ModelError`, and what is the whole process's own stays as it was.

    A model that leaves with `sys.exit(0)` must not pass for a run that has ended well, nor one that closes standard
    output take the tables with it. No gradients are kept, the working directory is what it was, and a process that the
    code has forked and that comes back here ends.

    Args:
        what: was called, for the message: "my_module:MyModel.embed failed".

    Raises:
        ModelError: it has failed, in whatever way.
    """
    import torch

    process = os.getpid()
    output, errors = _KeptOpen(sys.stdout), _KeptOpen(sys.stderr)
    try:
        with (
            contextlib.chdir("."),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
            torch.no_grad(),
        ):
            yield
    except (KeyboardInterrupt, ModelError):
        raise
    except BaseException as error:
        if os.environ.get(TRACEBACK):
            traceback.print_exception(error)
        raise ModelError(f"{what} ({failure(error)}){_place(error)}") from error
    finally:
        if os.getpid() != process:
            os._exit(1)


def _place(error: BaseException) -> str:
    """Where in code of the user's own an error happened: the innermost line that is neither ours nor installed."""
    installed = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_file()
        and not Path(frame.filename).is_relative_to(OURS)
        and not any(Path(frame.filename).is_relative_to(place) for place in installed)
    ]
    if not frames:
        return ""
    line = reason(ValueError(frames[-1].line or ""), 100)
    return f" in {frames[-1].name}, {Path(frames[-1].filename).name}:{frames[-1].lineno}: `{line}`; all: --traceback"


class _KeptOpen:
    """A stream that others may write to and cannot close."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def close(self) -> None:
        """Only write out what is there."""
        self._stream.flush()
