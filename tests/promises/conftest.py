"""Stages for scenes, and waits short enough for hundreds of them."""

from __future__ import annotations

import socket

import pytest

from sendpulse_async import _quota
from sendpulse_async._auth import _endpoint
from sendpulse_async._bulk import _run

from .scenes import Scene


@pytest.fixture
def anyio_backend(carrier):
    return carrier.backend


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch):
    """The first pause of a quota, the backoff of token requests and the wait before a probe are short."""
    monkeypatch.setattr(_quota, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(_endpoint, "BASE_DELAY", 0.01)
    monkeypatch.setattr(_run, "PROBE_DELAY", 0.01)


@pytest.fixture
def certificates(authority, stranger):
    return {
        "": authority.server(),
        "untrusted": stranger.server(),
        "expired": authority.expired(),
        "another host": authority.server("elsewhere.example"),
    }


@pytest.fixture
def stage(serve, certificates, monkeypatch):
    """Return a function that puts a case on its stage."""

    def put(case, *, is_tls=False):
        scene = Scene(case, serve, certificates, is_tls=is_tls)
        if case.port == "no name":
            _forget_names(scene, monkeypatch)
        return scene

    return put


def _forget_names(scene, monkeypatch):
    known = socket.getaddrinfo

    def find(host, *rest, **options):
        if scene.is_closed and host in {"localhost", b"localhost"}:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return known(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", find)
