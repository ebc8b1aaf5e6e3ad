"""`rzen-eval plot`: what is drawn, and what is said where nothing can be."""

import io
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from rzen_eval.benchmark import published
from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.places import config_dir
from rzen_eval.benchmark.published import Reference
from rzen_eval.cli.main import main
from rzen_eval.errors import ConfigError, ResultError
from rzen_eval.results import store
from rzen_eval.results.figures import dimensions, plots, sizes
from rzen_eval.results.tables import rows
from tests.results.test_store import RUN, result
from tests.runs import write

GROUPS = plots.groups([], manifest())


def model(name: str, size_b: float | None = None, **scores: float) -> rows.Row:
    return rows.published(
        Reference(model=name, data_version="2.1", source="a paper", size_b=size_b, scores=scores), manifest()
    )


WHOLE = model("whole", 8, Overall=60.0, **dict.fromkeys(GROUPS, 50.0))
DOCUMENTS = {"ViDoRe-V1": 80.0, "ViDoRe-V2": 60.0, "VisRAG": 70.0, "VisDoc-OOD": 40.0}


def test_axes_are_the_groups_that_all_models_have():
    assert plots.shared([WHOLE, model("documents", **DOCUMENTS)], manifest()) == list(DOCUMENTS)
    assert len(plots.shared([WHOLE], manifest())) == 12


def texts(svg: bytes) -> str:
    """What an SVG says; matplotlib leaves each text beside its outlines as a comment."""
    return svg.decode()


def test_the_radar_names_models_and_groups():
    drawn = texts(plots.radar([WHOLE, model("documents", **DOCUMENTS)], manifest(), "svg"))
    for text in ("whole", "documents", *DOCUMENTS):
        assert f"<!-- {text} -->" in drawn
    assert "<!-- I-CLS -->" not in drawn


def test_few_groups_or_many_models_are_no_radar():
    with pytest.raises(ConfigError, match=r"expected three groups or more that are whole in every row, found 1 in one"):
        plots.radar([model("one", VisRAG=70.0)], manifest(), "svg")
    with pytest.raises(ConfigError, match=r"expected at most 8 models, found 9"):
        plots.radar([WHOLE] * 9, manifest(), "svg")


def test_every_model_of_known_size_is_named_and_no_other():
    drawn = texts(
        plots.size([model("mine", 2, Overall=55.0)], [WHOLE, model("sizeless", Overall=70.0)], manifest(), "svg")
    )
    assert "<!-- mine -->" in drawn
    assert "<!-- whole -->" in drawn
    assert "<!-- sizeless -->" not in drawn
    with pytest.raises(ConfigError, match="no row has both a size and an average over all tasks"):
        plots.size([], [model("sizeless", Overall=70.0)], manifest(), "svg")


def test_rows_of_one_name_are_told_apart_by_their_source():
    twice = [model("GME", 8.29, Overall=55.0), replace(model("GME", 8.29, Overall=56.0), source="another, of 2026")]
    drawn = texts(plots.size([], [*twice, WHOLE], manifest(), "svg"))
    assert all(f"<!-- {name} -->" in drawn for name in ("GME (a paper)", "GME (another)", "whole"))
    assert sizes.called([twice[0], twice[0]], ["GME", "GME"]) == ["GME (a paper) 1", "GME (a paper) 2"]


@pytest.mark.parametrize(("least", "most"), [(0.00156, 0.00156), (0.00156, 8.29), (2.2, 8.3), (0.5, 72)])
def test_ticks_stand_where_the_points_are(least: float, most: float):
    ticks = plots.doubling(least, most)
    assert ticks[0] <= least <= most <= ticks[-1]
    assert 1 < len(ticks) <= 11
    drawn = texts(
        plots.size([model("small", least, Overall=55.0), model("large", most, Overall=56.0)], [], manifest(), "svg")
    )
    near = next(tick for tick in ticks if tick >= least)
    assert f"<!-- {near:.0f} -->" in drawn if near >= 1 else f"<!-- {near:.2g} -->" in drawn


def test_the_legend_is_below_and_every_model_has_its_name_however_crowded():
    crowd = [model(f"a model with a long name {place}", 2 + place / 500, Overall=55.0) for place in range(4)]
    drawn = texts(plots.size(crowd, [model("far", 100, Overall=99.0)], manifest(), "svg"))
    assert all(f"<!-- {one.model} -->" in drawn for one in crowd)


def test_the_sample_stands_beside_published_rows_only_where_these_are_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    sample = {"dataset": {"source": "sample"}, "model": {"name": "m", "parameters_b": 2.0}}
    for name in manifest().versions["2.1"].members:
        write(tmp_path / "results/m", name, [1.0, 0.5], provenance=sample)
        write(tmp_path / "results/n", name, [1.0, 0.5], provenance=sample | {"model": {"name": "n"}})
    words = ["plot", str(tmp_path / "results"), "--output", str(tmp_path / "out")]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "published rows are left out beside scores of the made-up sample" in said
    assert "not in size, since the size is not known: n\nthe size of a model of one's own is its declaration's" in said
    drawn = (tmp_path / "out/size.svg").read_text()
    assert "<!-- made-up sample, not the benchmark -->" in drawn
    assert "GME-2B" not in drawn
    assert main([*words, "--references", "GME-2B"]) == 0
    drawn = (tmp_path / "out/size.svg").read_text()
    assert "<!-- made-up sample, not the benchmark, beside published rows: they cannot be compared -->" in drawn
    assert "<!-- m (sample) -->" in drawn
    assert "<!-- GME-2B -->" in drawn


def test_a_suite_beside_mmeb_is_drawn_by_its_own_average_and_groups():
    known = published.load([config_dir()], manifest().names)
    row = rows.published(known["vidore_v3/colqwen2"], manifest())
    drawn = texts(plots.size([], [row], manifest(), "svg"))
    assert all(f"<!-- {text} -->" in drawn for text in ("Public (%)", "colqwen2-v1.0", "ViDoRe V3, data vidore-3"))
    assert "<!-- German -->" in texts(plots.radar([row], manifest(), "svg"))


def test_a_figure_is_the_same_every_time():
    for kind in ("png", "svg"):
        assert plots.size([], [WHOLE], manifest(), kind) == plots.size([], [WHOLE], manifest(), kind)
    assert Image.open(io.BytesIO(plots.radar([WHOLE], manifest(), "png"))).size[0] == 1200


def sweep(folder: Path, name: str, tasks: str = "ab") -> Path:
    lines = [
        {"model": name, "dims": dims, "precision": "float32", "id": task, "score": dims / 100}
        for dims in (16, 64)
        for task in tasks
    ]
    folder.mkdir()
    pd.DataFrame(lines).to_csv(folder / "sweep_tasks.csv", index=False)
    return folder


def test_dimensions_are_compared_on_the_tasks_that_all_models_have(tmp_path: Path):
    one, two = (
        dimensions.read_sweep(sweep(tmp_path / "one", "one")),
        dimensions.read_sweep(sweep(tmp_path / "two", "two", "b")),
    )
    drawn = texts(dimensions.plot([one, two], "svg"))
    assert "<!-- mean score of 1 task (%) -->" in drawn
    assert "<!-- two, float32 -->" in drawn
    other = dimensions.read_sweep(sweep(tmp_path / "other", "other", "c"))
    with pytest.raises(ConfigError, match="no task is in the sweeps of all of one, other"):
        dimensions.plot([one, other], "svg")


def test_a_file_that_is_no_sweep_is_refused(tmp_path: Path):
    (tmp_path / "sweep_tasks.csv").write_text("model,dims\nm,16\n")
    with pytest.raises(ResultError, match="expected columns model, dims, precision, id, score"):
        dimensions.read_sweep(tmp_path)
    sweep(tmp_path / "broken", "m")
    (tmp_path / "broken/sweep_tasks.csv").write_text("model,dims,precision,id,score\nm,many,float32,a,0.5\n")
    with pytest.raises(ResultError, match=r"cannot be read \(invalid literal .*'many'\); sweep again"):
        dimensions.read_sweep(tmp_path / "broken")
    with pytest.raises(ConfigError, match="expected a folder that rzen-eval sweep --output DIR wrote"):
        dimensions.read_sweep(tmp_path / "nowhere")


def test_the_verb_draws_what_it_can_and_says_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    store.write(tmp_path / "results/m", result("ViDoRe_arxivqa", 0.5), RUN)
    swept = sweep(tmp_path / "swept", "m")
    out = tmp_path / "out"
    assert main(["plot", str(tmp_path / "results"), "--sweep", str(swept), "--output", str(out)]) == 0
    assert sorted(file.name for file in out.iterdir()) == ["dimensions.png", "dimensions.svg", "size.png", "size.svg"]
    said = capsys.readouterr().out
    assert "not drawn: groups: expected three groups or more that are whole in every row, found 0 in m, " in said
    assert "not in size, since Overall is over 1 of 78 tasks: m" in said
    assert "not in size, since the size is not known: Seed-1.6-embedding-1215" in said
    assert "parameters_b" not in said


def test_a_group_that_is_left_out_is_named_with_who_lacks_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["plot", "--references", "rzenembed,VLM2Vec-V2.0-Qwen2VL-2B", "--output", str(tmp_path)]) == 0
    assert "VisDoc-OOD is not in groups: not whole in VLM2Vec-V2.0-Qwen2VL-2B" in capsys.readouterr().out


def test_without_matplotlib_there_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["plot"]) == 2
    assert capsys.readouterr().err == "rzen-eval: plot: needs matplotlib; pip install 'rzen-eval[plot]'\n"
