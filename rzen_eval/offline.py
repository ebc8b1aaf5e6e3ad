"""Whether the hub can be reached at all, asked once."""

from __future__ import annotations

import os
import socket
from functools import cache
from urllib.parse import urlsplit

PROXIES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


@cache
def spare_retries() -> None:
    """Without a network, let the hub's libraries look into their caches at once, in place of five tries of 26 s.

    That there is none shows in the hub's name, which cannot be resolved; behind a proxy it need not be, so nothing is
    asked there.
    """
    import huggingface_hub.constants as hub

    if hub.HF_HUB_OFFLINE or any(map(os.environ.get, PROXIES)):
        return
    try:
        socket.getaddrinfo(urlsplit(hub.ENDPOINT).hostname, 443)
    except OSError:
        import datasets

        hub.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
