"""Raw messages for the tests: the fixtures, and what is too large or too odd to lie in a file."""

from pathlib import Path

FIXTURES = Path(__file__).parent / "fixtures"
NAMES = sorted(path.stem for path in FIXTURES.glob("*.eml"))


def fixture(name: str) -> bytes:
    return (FIXTURES / f"{name}.eml").read_bytes()


def mail(body: bytes = b"Hello\n", **headers: str) -> bytes:
    """A message from Rita with further headers, their underscores as dashes."""
    given = {"From": "rita@northwind.example", "Subject": "Hello", **headers}
    lines = [f"{name.replace('_', '-')}: {value}\n".encode("utf-8", "surrogateescape") for name, value in given.items()]
    return b"".join(lines) + b"\n" + body


def nested(depth: int) -> bytes:
    """multipart/mixed in multipart/mixed, so many times."""
    levels = [f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(depth)]
    return mail()[: -len(b"\nHello\n")] + "".join(levels).encode() + b"Content-Type: text/plain\n\nthe core\n"


def attached(depth: int) -> bytes:
    """A message attached to a message attached to a message, and so on."""
    return mail()[: -len(b"\nHello\n")] + b"Content-Type: message/rfc822\n\n" * depth + b"Subject: core\n\nthe core\n"
