"""The suite's own guard: tests talk to this machine only."""

import socket
import urllib.request

import pytest


def test_no_test_reaches_another_machine() -> None:
    with socket.socket() as plain, pytest.raises(AssertionError, match=r"192\.0\.2\.1"):
        plain.connect(("192.0.2.1", 80))
    with pytest.raises(AssertionError, match="elsewhere"):
        urllib.request.urlopen("http://elsewhere.example/")
