"""`python -m rzen_eval`."""

from __future__ import annotations

if __name__ == "__main__":
    import sys

    from rzen_eval.cli.guard import entry

    sys.exit(entry())
