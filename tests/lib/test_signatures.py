"""Signatures of webhooks: by the specification's own example, and by nothing else."""

import pytest

from supportdesk.lib import signatures

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_specifications_example() -> None:
    made = signatures.standard(SECRET, message="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp=1614265330, body=BODY)
    assert made == SIGNATURE


@pytest.mark.parametrize(
    ("given", "secrets", "is_believed"),
    [
        (SIGNATURE, [SECRET], True),
        (f"v2,other {SIGNATURE}", ["whsec_b3RoZXI=", SECRET], True),
        (SIGNATURE, [], False),
        (SIGNATURE.removeprefix("v1,"), [SECRET], False),
        (f"{SIGNATURE}x", [SECRET], False),
        ("", [SECRET], False),
        ("", [""], False),
        ("é", [SECRET], False),
    ],
)
def test_what_is_believed(given: str, secrets: list[str], is_believed: bool) -> None:
    found = signatures.is_standard(
        given, secrets, message="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp=1614265330, body=BODY
    )
    assert found is is_believed


def test_a_made_secret_is_strong_and_new_each_time() -> None:
    assert signatures.is_strong(signatures.new_secret())
    assert signatures.new_secret() != signatures.new_secret()
    assert not any(map(signatures.is_strong, ("", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")))
