"""Make the pictures of the pages: the report, plots and a terminal, under docs/pictures.

    python scripts/pictures.py [RESULTS]

Of results of the bundled model on the whole bundled sample; without RESULTS that is run first. Needs the extra [dev]
and a Chromium on PATH. Sizes, and a hash of what the pictures are made of, are noted in docs/pictures/made.json, which
a test compares.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from playwright.sync_api import Browser, sync_playwright
from rich.console import Console

from rzen_eval.cli import run, terminal
from rzen_eval.cli.main import main
from rzen_eval.config import compose
from rzen_eval.evaluation.session import Outcome
from rzen_eval.results import store

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs/pictures"
QUERY = "objectnet/14"
ROWS = "RzenEmbed-v2-7B,VLM2Vec-V2.0,gme-Qwen2-VL-7B"
SHOTS = {
    "report": ("", {"viewport": {"width": 1280, "height": 860}}),
    "report-query": (QUERY, {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"}),
    "report-phone": (QUERY, {"viewport": {"width": 390, "height": 760}, "device_scale_factor": 1.5, "is_mobile": True}),
}
"""Each picture's place in the report, and how it is opened."""
COLORS = 200


def sources() -> list[Path]:
    """What decides how the pictures look: the report's templates, the plots, and the scores in them."""
    templates = sorted((ROOT / "rzen_eval/results/report/templates").iterdir())
    figures = [ROOT / "rzen_eval/results/figures" / name for name in ("drawing.py", "plots.py")]
    return [*templates, *figures, ROOT / "tests/baselines/mini.json"]


def made_of() -> str:
    """A hash of that."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in sources())).hexdigest()[:16]


def shoot(browser: Browser, report: Path) -> None:
    for name, (place, settings) in SHOTS.items():
        page = browser.new_context(**settings).new_page()
        page.goto(f"file://{report}#/{place}")
        page.wait_for_selector(".detail .said, .detail .item" if place else "#task-table", state="visible")
        page.wait_for_timeout(500)
        save(name, page.screenshot())
        page.context.close()


def save(name: str, png: bytes) -> None:
    """A picture of few colours, which makes it small."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(COLORS, dither=Image.Dither.NONE).save(PICTURES / f"{name}.png", optimize=True)


def draw_terminal(results: Path) -> None:
    """The end of a run, as a terminal of 80 columns shows it."""

    def here(lines: Sequence[str]) -> list[str]:
        return [line.replace(str(results), "results") for line in lines]

    config = compose.load([f"results_dir={results}"])
    found = store.read_model(results / "mini")
    console = Console(record=True, width=80, file=io.StringIO(), force_terminal=True, highlight=False)
    console.print("$ rzen-eval", style="bold")
    made = run.document(config, Outcome(dict(found.results)), every=False)
    parts = [replace(part, paragraphs=here(part.paragraphs), points=here(part.points)) for part in made.parts]
    terminal.draw(replace(made, parts=parts), console)
    drawn = console.export_svg(title="rzen-eval")
    # A page that is read from disk asks no network for fonts.
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL).replace("Fira Code, monospace", "monospace")
    (PICTURES / "terminal.svg").write_text(drawn)


def note() -> None:
    sizes = {}
    for file in sorted(PICTURES.glob("*.png")):
        with Image.open(file) as picture:
            sizes[file.name] = list(picture.size)
    (PICTURES / "made.json").write_text(json.dumps({"of": made_of(), "sizes": sizes}, indent=2) + "\n")


def make(results: Path, scratch: Path) -> None:
    if main(["report", str(results / "mini"), "--output", str(scratch / "report.html"), "--thumbnails", "20"]):
        raise SystemExit("the report was not written")
    main(["plot", "--references", ROWS, "--data-version", "2.0", "--output", str(scratch / "plots")])
    save("groups", (scratch / "plots/groups.png").read_bytes())
    draw_terminal(results)
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        shoot(browser, scratch / "report.html")
        browser.close()
    note()


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["COLUMNS"] = "80"
        given = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "results"
        if len(sys.argv) == 1 and main([f"results_dir={given}"]):
            raise SystemExit("a task of the sample failed")
        make(given.resolve(), Path(folder))
