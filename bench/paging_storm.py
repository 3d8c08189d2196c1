"""A thousand tickets in a minute, engines killed all the while, a provider that refuses and loses: nothing is lost.

`python -m bench.paging_storm` prints the table of docs/paging.md; `--tickets 100 --seconds 10` is what the suite runs.
Exits with 1 when a promise is broken.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.storm.engines import Engines
from supportdesk import embedded

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="supportdesk-storm-"))
    servers = []
    try:
        postgres = embedded.start_postgres(folder / "postgres", durable=not options.quick)
        valkey = embedded.start_valkey(folder / "valkey")
        servers = [postgres, valkey]
        return _storm(options, folder, postgres.url, valkey)
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.paging_storm", description=__doc__)
    parser.add_argument("--tickets", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0, help="within which they are submitted (60)")
    parser.add_argument("--kill-every", type=float, default=1.0, help="seconds; 0 kills nobody")
    parser.add_argument("--refuse", type=float, default=0.02, help="share of messages that the provider refuses")
    parser.add_argument("--lose", type=float, default=0.02, help="share whose answer gets lost")
    parser.add_argument("--lease", type=int, default=30, help="seconds that a sender has (30)")
    parser.add_argument("--quiet", type=int, default=60, help="seconds that texts are gathered (60)")
    parser.add_argument("--standby-only", action="store_true", help="neither Valkey nor Celery: the standby alone")
    parser.add_argument("--count-only", action="store_true", help="tell times without judging them: a busy machine")
    parser.add_argument("--quick", action="store_true", help="a database that needn't outlive a power cut")
    return parser.parse_args()


def _storm(options: argparse.Namespace, folder: Path, postgres: str, valkey: embedded.Server) -> int:
    port = embedded.free_port()
    provider, log = f"http://127.0.0.1:{port}", folder / "provider.jsonl"
    os.environ |= _environment(folder, postgres, valkey.url, provider, options)
    keys = _prepare(provider)
    running = [_start_provider(port, log, options)]
    engines = Engines(folder, with_worker=not options.standby_only)
    try:
        if options.standby_only:
            valkey.stop()
        engines.start()
        out = folder / "load.jsonl"
        load = [sys.executable, "-m", "bench.storm.load", "--acknowledge", "0.1", "--out", str(out)]
        load += ["--tickets", str(options.tickets), "--seconds", str(options.seconds)]
        running.append(subprocess.Popen(load, cwd=ROOT))
        _meanwhile(options, engines, valkey, running[-1])
        _settle(options.lease)
        return _report(options, out, log, keys, engines.kills)
    finally:
        engines.stop()
        for process in running:
            process.kill()
            process.wait()


def _environment(
    folder: Path, postgres: str, valkey: str, provider: str, options: argparse.Namespace
) -> dict[str, str]:
    return {
        "DESK_ENV": "test",
        "DJANGO_SETTINGS_MODULE": "supportdesk.settings",
        "DATABASE_URL": postgres,
        "REDIS_URL": valkey,
        "SITE_URL": "http://127.0.0.1:9",
        "DEMO_DIR": str(folder),
        "MAIL_DIR": str(folder / "mail"),
        "LOG_LEVEL": "ERROR",
        "TWILIO_ACCOUNT_SID": "ACstorm",
        "TWILIO_AUTH_TOKENS": "storm",
        "TWILIO_FROM": "+447700900999",
        "TWILIO_API_URL": provider,
        "PAGING_LEASE_SECONDS": str(options.lease),
        "PAGING_SENDERS": "4",
        "PAGING_QUIET_SECONDS": str(options.quiet),
        "PAGING_STANDBY_SECONDS": "3" if options.standby_only else "1",
        "PAGING_CANARY_MINUTES": "0",
    }


def _prepare(provider: str) -> dict[str, str]:
    import django
    from django.core.management import call_command

    django.setup()
    from bench.storm import cast
    from supportdesk.lib import clock

    call_command("migrate", verbosity=0)
    return cast.make(clock.now(), provider)


def _start_provider(port: int, log: Path, options: argparse.Namespace) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "tests/provider.py", "--port", str(port), "--log", str(log), "--seed", "5"]
    return subprocess.Popen([*command, "--refuse", str(options.refuse), "--lose", str(options.lose)], cwd=ROOT)


def _meanwhile(
    options: argparse.Namespace, engines: Engines, valkey: embedded.Server, load: "subprocess.Popen[bytes]"
) -> None:
    """Kill and restart while the customers submit."""
    begun, restarts = time.monotonic(), [] if options.standby_only else [options.seconds / 3, options.seconds * 2 / 3]
    while load.poll() is None:
        time.sleep(options.kill_every or 0.5)
        if options.kill_every:
            engines.kill_one()
        if restarts and time.monotonic() - begun > restarts[0]:
            restarts.pop(0)
            valkey.stop()
            valkey.restart()


def _settle(lease: int) -> None:
    """Until nothing is under way any more: repeats wait for a lease, what is gathered for a while."""
    from escalations.models import Page, PageDelivery
    from tickets.models import Ticket

    until = time.monotonic() + 2 * lease + 120
    while time.monotonic() < until:
        waiting = PageDelivery.objects.filter(purpose="page", state__in=("pending", "sending"))
        unsure = PageDelivery.objects.filter(state="unknown", retry_at__isnull=False)
        if Page.objects.count() >= Ticket.objects.count() and not waiting.exists() and not unsure.exists():
            return
        time.sleep(0.5)


def _report(options: argparse.Namespace, out: Path, log: Path, keys: dict[str, str], kills: int) -> int:
    from bench.storm import count

    lines = [json.loads(line) for line in out.read_text().splitlines()]
    committed = {line["ticket"]: line["committed"] for line in lines if "ticket" in line}
    acknowledged = {line["page"]: line["acknowledged"] for line in lines if "page" in line}
    sent, did = count.messages(log, keys)
    outcome = count.count(committed, acknowledged, sent)
    print(f"{len(committed)} tickets in {options.seconds:.0f} s, {kills} engines killed, provider: {dict(did)}")
    print(f"{len(acknowledged)} pages acknowledged on the way\n")
    print("| promise | counted | |\n| --- | --- | --- |")
    holds = True
    for what, counted, kept in count.in_words(outcome):
        holds = holds and (kept is not False or (options.count_only and what.endswith(count.TIMED)))
        print(f"| {what} | {counted} | {'' if kept is None else 'holds' if kept else '**broken**'} |")
    return 0 if holds and len(committed) == options.tickets else 1


if __name__ == "__main__":
    sys.exit(main())
