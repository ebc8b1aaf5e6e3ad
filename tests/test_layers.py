"""The direction of imports, and what is imported when."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import rzen_eval

PACKAGE = Path(rzen_eval.__file__).parent
LAYERS = [
    {"_version", "errors", "core", "files", "offline", "processes", "sample"},
    {"media", "ranking", "benchmark"},
    {"data", "models"},
    {"engine", "results"},
    {"config", "estimate"},
    {"evaluation"},
    {"cli", "api"},
    {"rzenembed", "multirun"},
]
FLOORS = {
    "models": [
        {"declaration", "mini"},
        {"pictures", "checkpoint", "device", "device_errors", "token_budget", "undisturbed"},
        {"interface", "prompt", "batch"},
        {"external", "families"},
        {"rerankers"},
    ],
    "results": [
        {"store", "per_query", "protocol", "sampling", "json_file"},
        {"tables"},
        {"statistics", "figures", "exchange"},
        {"report"},
    ],
}
"""Of places with floors of their own; the table of families in a place's `__init__` leads everywhere."""
OPENED = {"rzen_eval", *(f"rzen_eval.{place}" for place in FLOORS)}
DEPTH = {module: depth for depth, layer in enumerate(LAYERS) for module in layer}
HEAVY = {"torch", "transformers", "datasets", "pandas", "hydra", "pydantic", "numpy"}
SOURCES = sorted(PACKAGE.rglob("*.py"))


def imports(source: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = absolute(node, source)
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names if module in OPENED}
    return found


def absolute(node: ast.ImportFrom, source: Path) -> str:
    """The module that names are imported from; a dot is the package of the source, each further one the next above."""
    package = source.relative_to(PACKAGE.parent).parts[: -node.level] if node.level else ()
    return ".".join([*package, *filter(None, [node.module])])


def test_relative_imports_are_read_too():
    source = PACKAGE / "models" / "families" / "colpali.py"
    lines = {
        "from .loading import x": "rzen_eval.models.families.loading",
        "from . import x": "rzen_eval.models.families",
        "from ..prompt import x": "rzen_eval.models.prompt",
        "from ...core import x": "rzen_eval.core",
        "from rzen_eval.core import x": "rzen_eval.core",
    }
    for line, module in lines.items():
        (node,) = ast.parse(line).body
        assert isinstance(node, ast.ImportFrom)
        assert absolute(node, source) == module


def test_the_maker_of_the_sample_imports_nothing_else_of_ours():
    names = {name for source in SOURCES if part(source) == "sample" for name in imports(source)}
    assert "rzen_eval.sample.canvas" in names
    assert not [name for name in names if name.startswith("rzen_eval") and "sample" not in name.split(".")]


def part(source: Path) -> str:
    return source.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: str(source.relative_to(PACKAGE)))
def test_a_module_imports_its_own_layer_or_lower_ones(source: Path):
    if part(source) in {"__init__", "__main__"}:
        pytest.skip("the doors of the package lead everywhere")
    for name in imports(source):
        module = name.removeprefix("rzen_eval.").split(".")[0]
        if name.startswith("rzen_eval.") and module in DEPTH:
            assert DEPTH[module] <= DEPTH[part(source)], f"{part(source)} imports {name}"


def room(module: str, place: str) -> str:
    """The part of a place that a module is in."""
    return module.removeprefix(f"rzen_eval.{place}").removeprefix(".").split(".")[0]


@pytest.mark.parametrize("place", FLOORS)
def test_a_room_imports_its_own_floor_of_a_place_or_lower_ones(place: str):
    depth = {name: number for number, floor in enumerate(FLOORS[place]) for name in floor}
    modules = {
        source: source.relative_to(PACKAGE / place).parts[0].removesuffix(".py")
        for source in SOURCES
        if part(source) == place
    }
    assert depth.keys() | {"__init__"} == {*modules.values()}
    for source, here in modules.items():
        for name in imports(source) if here != "__init__" else ():
            there = room(name, place) if name.startswith(f"rzen_eval.{place}.") else ""
            assert depth.get(there, 0) <= depth[here], f"{place}/{here} imports {name}"


def test_data_code_and_model_code_never_meet():
    for source in SOURCES:
        names = imports(source)
        if part(source) in {"data", "recipes"}:
            assert not [name for name in names if name.startswith("rzen_eval.models")], source
        if part(source) == "models":
            assert not [name for name in names if name.startswith(("rzen_eval.data", "rzen_eval.data.recipes"))], source


def test_only_config_and_the_door_for_launchers_import_hydra():
    found = {source for source in SOURCES if any(name.startswith("hydra") for name in imports(source))}
    assert {part(source) for source in found} == {"config", "cli"}
    assert {source.name for source in found if part(source) == "cli"} == {"multirun.py"}


def test_no_help_imports_anything_heavy():
    code = (
        "import sys\nfrom rzen_eval.cli.main import COMMANDS, main\n"
        "for words in ([], *([name] for name in COMMANDS)):\n"
        "    try:\n        main([*words, '--help'])\n    except SystemExit as done:\n        assert done.code == 0\n"
        f"    assert not (found := {HEAVY!r} & set(sys.modules)), (words, found)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.stderr == ""
    assert all(text in found.stdout for text in ("task=visdoc", "--proof"))
