"""Runs tap-salesforce as it is, with its own arguments; whatever host it asks, the embedded org answers."""

from __future__ import annotations

import os
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from tap_salesforce import main

send = HTTPAdapter.send


def offline(self: HTTPAdapter, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
    request.url = os.environ["SF_INSTANCE_URL"] + request.path_url
    return send(self, request, *args, **more)


HTTPAdapter.send = offline  # type: ignore[method-assign]
main()
