"""The one way out: what people type leads neither inside, nor elsewhere, nor on for ever (G4, S083)."""

import datetime
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from supportdesk.lib import egress
from tests.listener import Listener, listening

Names = Callable[..., None]


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


@pytest.fixture(autouse=True)
def _nothing_is_allowed(settings: Any) -> None:
    settings.EGRESS_ALLOWED_HOSTS = []


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """What the resolver answers: a name's addresses, once after the other where there are several answers."""
    answers: dict[str, list[list[str]]] = {}

    def look_up(host: str, port: int, *arguments: Any, **more: Any) -> list[Any]:
        if host not in answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        found = answers[host][0] if len(answers[host]) == 1 else answers[host].pop(0)
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in found
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return lambda name, *found: answers.__setitem__(name, [list(each) for each in found])


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://0/",
        "https://10.1.2.3/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.64.0.1/",
        "https://192.0.0.8/",
        "https://198.18.0.1/",
        "https://224.0.0.1/",
        "https://240.0.0.1/",
        "https://255.255.255.255/",
        "https://127.0.0.1./",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fd00::1]:8443/",
        "https://[::1%25eth0]/",
        "https://[::1/",
        "https://8.8.8.8@127.0.0.1/",
        "https://127.0.0.1\\@8.8.8.8/",
        "http://8.8.8.8/",
        "ftp://8.8.8.8/",
        "file:///etc/passwd",
        "gopher://8.8.8.8/",
        "//8.8.8.8/",
        "https:///x",
        "https://",
        "https://8.8.8.8:99999/",
        "https://8.8.8.8:22/",
        "https://8.8.8.8:8443/",
        "https://8.8.8.8/\r\nHost: x",
        "https://ex ample.com/",
        "https://ｅxample.com/",
        "",
    ],
)
def test_what_is_not_the_open_internet_is_refused(url: str) -> None:
    with pytest.raises(egress.Refused):
        egress.check(url)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "169.254.1.1", "100.100.1.1", "0.0.0.0", "224.0.0.251", "::1", "::", "fe80::1"),
        *("fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "fec0::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
        *("::ffff:7f00:1", "::127.0.0.1", "2002:7f00:1::", "64:ff9b::127.0.0.1", "64:ff9b::a00:1", "2001:db8::1"),
        *("2001:0:7f00:1::", "100::1", "nonsense"),
    ],
)
def test_an_address_of_our_own_is_not_public(address: str, names: Names) -> None:
    assert not egress.is_public(address)
    names("inside.example", [address])
    with pytest.raises(egress.Refused):
        egress.check("https://inside.example/")


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_an_address_of_the_internet_is(address: str, names: Names) -> None:
    assert egress.is_public(address)
    names("outside.example", [address])
    egress.check("https://outside.example/hook?x=1")


def test_one_private_address_among_several_is_enough_to_refuse(names: Names) -> None:
    names("mixed.example", ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(egress.Refused):
        egress.check("https://mixed.example/")


def test_an_unknown_name_was_not_written(names: Names) -> None:
    with pytest.raises(egress.NotWritten):
        egress.send("POST", "https://unknown.example/")


def test_a_name_that_answers_otherwise_the_next_time_gains_nothing(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: it is looked up once, and what was looked at is what is connected to."""
    called: list[Any] = []

    def connect(self: socket.socket, address: Any) -> None:
        called.append(address)
        raise OSError("not in a test")

    monkeypatch.setattr(socket.socket, "connect", connect)
    names("rebinds.example", ["8.8.8.8"], ["127.0.0.1"])
    with pytest.raises(egress.NotWritten):
        egress.send("POST", "https://rebinds.example/")
    assert called == [("8.8.8.8", 443)]


def test_a_host_that_the_operator_names_may_be_called(listener: Listener, settings: Any) -> None:
    url = f"{listener.url}/hook?a=b"
    with pytest.raises(egress.Refused):
        egress.send("POST", url, body=b"{}")
    settings.EGRESS_ALLOWED_HOSTS = [f"127.0.0.1:{listener.port + 1}"]
    with pytest.raises(egress.Refused):
        egress.send("POST", url, body=b"{}")
    settings.EGRESS_ALLOWED_HOSTS = [f"127.0.0.1:{listener.port}"]
    listener.replies["/hook"] = (202, {"ok": True})
    answer = egress.send("POST", url, body=b"{}", headers={"Content-Type": "application/json"})
    assert (answer.status, answer.json(), answer.is_success) == (202, {"ok": True}, True)
    (request,) = listener.requests
    assert (request.method, request.path, request.body) == ("POST", "/hook?a=b", b"{}")
    assert request.headers["host"] == f"127.0.0.1:{listener.port}"


def test_a_redirect_is_not_followed(listener: Listener, settings: Any) -> None:
    settings.EGRESS_ALLOWED_HOSTS = ["127.0.0.1"]
    listener.replies["/away"] = (302, f"{listener.url}/inside")
    answer = egress.send("POST", f"{listener.url}/away", body=b"{}")
    assert (answer.status, answer.is_success) == (302, False)
    assert [request.path for request in listener.requests] == ["/away"]


def test_a_port_where_nobody_listens_was_not_written(settings: Any) -> None:
    settings.EGRESS_ALLOWED_HOSTS = ["127.0.0.1"]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(egress.NotWritten):
            egress.send("POST", f"http://127.0.0.1:{taken.getsockname()[1]}/")


@pytest.mark.parametrize("how", ["hang", "hang up", "drip"])
def test_without_an_answer_in_time_nobody_can_tell(listener: Listener, settings: Any, how: str) -> None:
    settings.EGRESS_ALLOWED_HOSTS = ["127.0.0.1"]
    listener.replies["/"] = how
    began = time.monotonic()
    with pytest.raises(egress.Unanswered):
        egress.send("POST", listener.url, body=b"{}", seconds=0.4)
    assert time.monotonic() - began < 2
    assert len(listener.requests) == 1


def test_a_body_without_end_is_read_for_64_kb(listener: Listener, settings: Any) -> None:
    settings.EGRESS_ALLOWED_HOSTS = ["127.0.0.1"]
    listener.replies["/"] = "flood"
    assert len(egress.send("GET", listener.url).body) == 64 * 1024


def test_an_operators_own_address_needs_no_exception(listener: Listener) -> None:
    assert egress.send("GET", listener.url, known=True).status == 200


def test_tls_names_the_host_and_believes_no_other(
    names: Names, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EGRESS_ALLOWED_HOSTS = ["hooks.example", "other.example"]
    certificate = _certificate(tmp_path, "hooks.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    told: list[Any] = []
    context.sni_callback = lambda connection, name, _: told.append(name)
    with listening(context) as listener:
        names("hooks.example", ["127.0.0.1"])
        names("other.example", ["127.0.0.1"])
        assert egress.send("POST", f"https://hooks.example:{listener.port}/", body=b"{}").status == 200
        assert listener.requests[0].headers["host"] == f"hooks.example:{listener.port}"
        with pytest.raises(egress.NotWritten, match="certificate"):
            egress.send("POST", f"https://other.example:{listener.port}/", body=b"{}")
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(egress.NotWritten, match="certificate"):
            egress.send("POST", f"https://hooks.example:{listener.port}/", body=b"{}")
    assert told == ["hooks.example", "other.example", "hooks.example"]
    assert len(listener.requests) == 1


def _certificate(folder: Path, name: str) -> Path:
    """A certificate that vouches for itself, with its key, in one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "both.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path
