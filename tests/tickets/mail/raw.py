"""Messages as they come over the wire."""

from collections.abc import Mapping

AUTHOR: Mapping[str, str] = {
    "From": "Rita <rita@northwind.example>",
    "To": "support@desk.example",
    "Subject": "Nobody can log in",
    "Date": "Mon, 23 Nov 2026 09:00:00 +0000",
    "Message-ID": "<one@northwind.example>",
    "Content-Type": "text/plain; charset=utf-8",
}


def raw(body: str | bytes = "Since this morning.\r\n", *, above: str = "", **changes: str | None) -> bytes:
    """A message; `above` are fields that servers put on top, `changes` by name with _ for -, None leaves one out."""
    fields = {**AUTHOR, **{name.replace("_", "-"): value for name, value in changes.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
    return (above + head + "\r\n").encode() + (body.encode() if isinstance(body, str) else body)


def verdict(server: str = "demo-relay", results: str = "dmarc=pass header.from=northwind.example") -> str:
    return f"Authentication-Results: {server}; {results}\r\n"
