"""Which senders are believed, by what our own mail server says of them."""

import pytest

from tickets.mail.identity import believe

SHARED = frozenset({"gmail.com", "big.example"})


@pytest.mark.parametrize(
    ("verdict", "sender"),
    [
        ("relay; dmarc=pass header.from=northwind.example", "rita@northwind.example"),
        ("relay; dmarc=pass header.from=NorthWind.Example", "rita@northwind.example"),
        (
            "relay; dmarc=none header.from=northwind.example; dkim=pass header.d=northwind.example",
            "r@northwind.example",
        ),
        ("relay; dmarc=none; spf=pass smtp.mailfrom=bounces@northwind.example", "r@northwind.example"),
        ("relay; dkim=pass header.d=northwind.example", "rita@eu.northwind.example"),
        ("relay; dkim=fail header.d=northwind.example; dkim=pass header.d=northwind.example", "r@northwind.example"),
        ("relay; dkim=pass header.d=gmail.com", "somebody@gmail.com"),
    ],
)
def test_a_sender_is_verified(verdict: str, sender: str) -> None:
    assert believe(verdict, sender, shared_domains=SHARED).is_verified


@pytest.mark.parametrize(
    ("verdict", "sender"),
    [
        ("", "rita@northwind.example"),
        ("relay; none", "rita@northwind.example"),
        ("relay; dmarc=fail header.from=northwind.example", "rita@northwind.example"),
        (
            "relay; dmarc=temperror header.from=northwind.example; dkim=pass header.d=northwind.example",
            "r@northwind.example",
        ),
        (
            "relay; dmarc=fail header.from=northwind.example; dkim=pass header.d=northwind.example",
            "r@northwind.example",
        ),
        ("relay; dmarc=pass header.from=evil.example", "rita@northwind.example"),
        ("relay; dmarc=pass header.from=evil.northwind.example", "rita@northwind.example"),
        ("relay; dmarc=none; dkim=pass header.d=esp.example", "rita@northwind.example"),
        ("relay; dmarc=none; dkim=pass header.d=example", "rita@northwind.example"),
        ("relay; dkim=pass header.d=co.uk", "rita@northwind.co.uk"),
        ("relay; dkim=pass header.d=big.example", "rita@shop.big.example.org"),
        ("relay; dkim=pass header.i=@northwind.example", "rita@northwind.example"),
        ("relay; spf=pass smtp.helo=northwind.example", "rita@northwind.example"),
        ("relay; spf=softfail smtp.mailfrom=x@northwind.example", "rita@northwind.example"),
        ("relay; (dmarc=pass header.from=northwind.example)", "rita@northwind.example"),
        ("dmarc=pass header.from=northwind.example", "rita@northwind.example"),
        ("\x00;;;= =pass", "rita@northwind.example"),
        ("relay; dmarc=pass header.from=northwind.example", "no-address"),
    ],
)
def test_a_sender_is_not_verified(verdict: str, sender: str) -> None:
    belief = believe(verdict, sender, shared_domains=SHARED)
    assert not belief.is_verified
    assert belief.why


def test_at_a_shared_domain_only_the_very_domain_counts() -> None:
    assert not believe("relay; dkim=pass header.d=big.example", "a@sub.gmail.com", shared_domains=SHARED).is_verified
