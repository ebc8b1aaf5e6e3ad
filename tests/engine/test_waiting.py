"""A run that waits says for what, and one that is busy with something else does not."""

import threading
import time

import pytest

from rzen_eval.engine import waiting
from rzen_eval.engine.waiting import watched


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(waiting, "FIRST", 0.02)


def test_lines_come_until_there_is_news_and_each_takes_longer():
    said: list[str] = []
    came: list[float] = []
    began = time.monotonic()

    def news():
        while len(said) < 3:
            time.sleep(0.001)
        yield "done"

    def say(line: str) -> None:
        said.append(line)
        came.append(time.monotonic())

    assert list(watched(news(), say, lambda: "a task, query 'q'")) == ["done"]
    assert all("waiting for a task, query 'q'; Ctrl-C ends the run" in line for line in said)
    assert came[2] - began >= 0.08  # the first after 0.02, the second after 0.04


def test_nothing_is_said_while_nothing_is_waited_for():
    said: list[str] = []
    watch = waiting._Watch(said.append, lambda: "x")
    thread = threading.Thread(target=watch.run, daemon=True)
    thread.start()
    time.sleep(0.1)
    watch.ended.set()
    thread.join()
    assert said == []


def test_nothing_of_a_wait_outlives_it():
    before = threading.enumerate()
    for _ in range(30):
        assert list(watched(["news"], print, lambda: "nothing")) == ["news"]
        assert threading.enumerate() == before
