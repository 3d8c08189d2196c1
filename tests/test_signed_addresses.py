"""Reply addresses and return paths: what they prove, and to whom (S002)."""

import pytest
from django.test import override_settings

from supportdesk.lib.signed_addresses import is_ours, parse_reply, parse_return_path, reply_address, return_path


def test_a_reply_address_belongs_to_its_reader_alone() -> None:
    address = reply_address(4821, reader="rita@northwind.example")
    claim = parse_reply(address.upper())
    assert claim is not None
    assert claim.number == 4821
    assert claim.belongs_to("rita@northwind.example")
    assert not claim.belongs_to("bob@northwind.example")


def test_the_signature_is_bound_to_the_ticket() -> None:
    address = reply_address(4821, reader="rita@northwind.example")
    other = parse_reply(address.replace("+4821-", "+4822-"))
    assert other is not None
    assert not other.belongs_to("rita@northwind.example")


@pytest.mark.parametrize(
    "address",
    [
        "support@desk.example",
        "support+4821@desk.example",
        "support+4821-@desk.example",
        "support+4821-aaaaaaaaaaaaaaaaaaaaaaaaaa@elsewhere.example",
        "other+4821-aaaaaaaaaaaaaaaaaaaaaaaaaa@desk.example",
        "support+0-aaaaaaaaaaaaaaaaaaaaaaaaaa@desk.example",
        "support+99999999999999999999-aaaaaaaaaaaaaaaaaaaaaaaaaa@desk.example",
        "support+4821-aaaaaaaaaaaaaaaaaaaaaaaaaa\n@desk.example",
        "",
    ],
)
def test_what_has_another_form_claims_nothing(address: str) -> None:
    assert parse_reply(address) is None
    assert parse_return_path(address) is None


def test_keys_from_before_are_still_believed() -> None:
    with override_settings(SECRET_KEY="the-old-key"):
        reply, back = reply_address(7, reader="a@b.example"), return_path("ticket", 9)
    with override_settings(SECRET_KEY="the-new-key", SECRET_KEY_FALLBACKS=["the-old-key"]):
        claim = parse_reply(reply)
        assert claim is not None
        assert claim.belongs_to("a@b.example")
        assert parse_return_path(back) == ("ticket", 9)
    with override_settings(SECRET_KEY="the-new-key", SECRET_KEY_FALLBACKS=[]):
        claim = parse_reply(reply)
        assert claim is not None
        assert not claim.belongs_to("a@b.example")
        assert parse_return_path(back) is None


def test_a_return_path_stands_for_one_mail_of_one_kind() -> None:
    address = return_path("ticket", 12)
    assert parse_return_path(address) == ("ticket", 12)
    assert parse_return_path(address.replace("-12-", "-13-")) is None
    assert parse_return_path(address.replace("ticket", "account")) is None


def test_what_is_addressed_to_the_desk() -> None:
    assert is_ours("Support@Desk.Example")
    assert is_ours(" support+anything@desk.example")
    assert not is_ours("support@desk.example.evil.example")
    assert not is_ours("rita@northwind.example")
