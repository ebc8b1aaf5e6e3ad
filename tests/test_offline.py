"""Without a network nothing is tried five times."""

import datasets
import huggingface_hub.constants as hub
import pytest

from rzen_eval import offline


@pytest.mark.parametrize(
    ("resolved", "proxy", "offline_then"), [(False, "", True), (True, "", False), (False, "p", False)]
)
def test_the_hubs_libraries_are_told_where_there_is_no_network(
    resolved: bool, proxy: str, offline_then: bool, monkeypatch: pytest.MonkeyPatch
):
    def asked(host: str, port: int) -> list[object]:
        assert (host, port) == ("huggingface.co", 443)
        if not resolved:
            raise OSError("Name or service not known")
        return []

    for module in (hub, datasets.config):
        monkeypatch.setattr(module, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "ENDPOINT", "https://huggingface.co")
    monkeypatch.setattr(offline.socket, "getaddrinfo", asked)
    for name in offline.PROXIES:
        monkeypatch.setenv(name, proxy)
    offline.spare_retries.cache_clear()
    offline.spare_retries()
    assert (offline_then, offline_then) == (hub.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE)
    offline.spare_retries.cache_clear()
