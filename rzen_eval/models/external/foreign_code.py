"""Calling code that is not ours, so that what it does to the process is neither the end of a run nor its success."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

from rzen_eval.errors import ModelError, failure

if TYPE_CHECKING:
    from collections.abc import Iterator


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
        raise ModelError(f"{what} ({failure(error)})") from error
    finally:
        if os.getpid() != process:
            os._exit(1)


class _KeptOpen:
    """A stream that others may write to and cannot close."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def close(self) -> None:
        """Only write out what is there."""
        self._stream.flush()
