"""Secrets at rest: encrypted, different each time, and readable after SECRET_KEY was exchanged."""

from typing import Any

import pytest

from supportdesk.lib.sealed import seal, unseal


@pytest.mark.parametrize("text", ["", "routing-key", "whsec_" + "x" * 94, "two\nlines", "ünïcode ☎"])
def test_what_is_sealed_comes_back(text: str) -> None:
    sealed = seal(text)
    assert unseal(sealed) == text
    assert not text or (text not in sealed and sealed != seal(text))


def test_the_longest_secret_fits_its_column() -> None:
    assert len(seal("x" * 100)) <= 200


def test_it_outlives_an_exchange_of_the_key(settings: Any) -> None:
    sealed = seal("secret")
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another"
    assert unseal(sealed) == "", "fails closed"
    settings.SECRET_KEY_FALLBACKS = [former]
    assert unseal(sealed) == "secret"


@pytest.mark.parametrize("broken", ["sealed1.", "sealed1.x", "sealed1.AAAA", "sealed1.é"])
def test_what_is_broken_is_nothing(broken: str) -> None:
    assert unseal(broken) == ""


def test_what_was_changed_is_nothing() -> None:
    sealed = seal("secret")
    assert unseal(sealed[:-2] + ("A" if sealed[-2] != "A" else "B") + sealed[-1]) == ""
    assert unseal("never sealed") == "never sealed"
