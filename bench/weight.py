"""What the queue weighs: bytes over the wire and requests of a browser that was never there before."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.cast import Cast
from bench.desk import Desk
from bench.report import Figure

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def weight_figures(desk: Desk, cast: Cast) -> list[Figure]:
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        return [Figure("queue, cold", "≤ 100 kB in ≤ 8 requests", "not measured: no Chromium here")]
    figures = []
    for name, session, address in (
        ("queue", cast.agent, "/desk/"),
        ("ticket page", cast.agent, f"/desk/tickets/{cast.tickets[0]}/"),
    ):
        sizes = _sizes(path, f"http://127.0.0.1:{desk.port}", session, address)
        total = sum(sizes.values())
        shown = f"{total / 1000:.1f} kB in {len(sizes)} requests"
        target = "≤ 100 kB in ≤ 8 requests" if name == "queue" else ""
        figures.append(Figure(f"{name}, cold", target, shown, total <= 100_000 and len(sizes) <= 8 if target else None))
    return figures


def _sizes(chromium: str, origin: str, session: str, address: str) -> dict[str, float]:
    """Encoded bytes, headers included, by request."""
    with _tab(chromium) as tab:
        tab.context.add_cookies([{"name": "sessionid", "value": session, "url": origin}])
        protocol = tab.context.new_cdp_session(tab)
        addresses: dict[str, str] = {}
        sizes: dict[str, float] = {}

        def begun(event: dict[str, Any]) -> None:
            if not event["request"]["url"].startswith("data:"):
                addresses[event["requestId"]] = event["request"]["url"]
                sizes[event["requestId"]] = 0

        def ended(event: dict[str, Any]) -> None:
            if event["requestId"] in sizes:
                sizes[event["requestId"]] = event["encodedDataLength"]

        protocol.on("Network.requestWillBeSent", begun)
        protocol.on("Network.loadingFinished", ended)
        protocol.send("Network.enable")
        tab.goto(f"{origin}{address}", wait_until="networkidle")
        for key, size in sizes.items():
            print(f"  {size / 1000:6.1f} kB  {addresses[key].removeprefix(origin)}")
        return sizes


@contextmanager
def _tab(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            yield browser.new_context().new_page()
        finally:
            browser.close()
