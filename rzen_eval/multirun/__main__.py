"""`python -m rzen_eval.multirun`: as `rzen-eval multirun`."""

from __future__ import annotations

if __name__ == "__main__":
    import sys

    from rzen_eval.cli.multirun import main

    main(sys.argv[1:])
