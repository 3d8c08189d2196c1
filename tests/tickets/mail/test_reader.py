"""Reading in a process of its own: the same result, within limits, whatever the message does."""

import resource
import time
from pathlib import Path

import pytest

from tests.tickets.mail.messages import fixture, mail, nested
from tickets.mail import reader
from tickets.mail.parse import parse
from tickets.mail.parsed import Parsed


def file_of(raw: bytes, folder: Path) -> Path:
    path = folder / "raw.eml"
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("name", ["file_names", "inline_image", "dsn_postfix", "gmail_web", "zero_bytes"])
def test_the_reader_reads_what_parse_reads(name: str, tmp_path: Path) -> None:
    here = parse(fixture(name), tmp_path)
    with reader.read(file_of(fixture(name), tmp_path)) as parsed:
        there = [(part.name, part.path.read_bytes()) for part in parsed.parts]
        folder = parsed.parts[0].path.parent if parsed.parts else None
        assert there == [(part.name, part.path.read_bytes()) for part in here.parts]
        assert without_parts(parsed) == without_parts(here)
    assert folder is None or not folder.exists()


def without_parts(parsed: Parsed) -> dict[str, object]:
    return {name: value for name, value in vars(parsed).items() if name != "parts"}


def test_s021_two_thousand_levels_cost_little(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with reader.read(file_of(nested(2000), tmp_path)) as parsed:
        assert parsed.remarks == ("too_complex",)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before.ru_utime < 2


def test_s021_a_child_out_of_time_leaves_the_headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "CPU_SECONDS", 1)
    hostile = fixture("winmail").replace(b"Plan", b"Endless")
    many = b"\x01\x08\x80\x00\x00\x00\x00\x00\x00\x00\x00" * 1_500_000
    head, _, _ = hostile.partition(b"Content-Type")
    raw = (
        head
        + b"Content-Type: application/ms-tnef\nContent-Transfer-Encoding: binary\n\n\x78\x9f\x3e\x22\x01\x00"
        + many
    )
    begun = time.monotonic()
    with reader.read(file_of(raw, tmp_path)) as parsed:
        assert (parsed.subject, parsed.remarks) == ("Endless", ("too_complex",))
    assert time.monotonic() - begun < 8


def test_s021_a_child_out_of_memory_leaves_the_headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MEMORY", 16 * 1024 * 1024)
    with reader.read(file_of(mail(b"word " * 6_000_000), tmp_path)) as parsed:
        assert (parsed.subject, parsed.remarks) == ("Hello", ("too_complex",))


def test_what_leaves_not_even_headers_is_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MEMORY", 1 << 80)  # a limit that no child can set
    with pytest.raises(reader.Unreadable), reader.read(file_of(mail(), tmp_path)):
        pass


def test_a_message_of_25_mb_is_read_within_the_memory(tmp_path: Path) -> None:
    line = b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0NTY3\n"
    part = b"--x\nContent-Disposition: attachment; filename=big.bin\nContent-Transfer-Encoding: base64\n\n"
    raw = mail(
        b"--x\n\nSee the file.\n" + part + line * 310_000 + b"--x--\n", Content_Type="multipart/mixed; boundary=x"
    )
    assert len(raw) > 25_000_000
    with reader.read(file_of(raw, tmp_path)) as parsed:
        assert (parsed.text, parsed.remarks) == ("See the file.", ())
        assert parsed.parts[0].path.stat().st_size == parsed.parts[0].size > 18_000_000
