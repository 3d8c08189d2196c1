"""Somebody with a plain browser: cookies, forms with their CSRF token, no JavaScript."""

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass

from tests.factories import PASSWORD


@dataclass(frozen=True)
class Answer:
    status: int
    url: str
    text: str


class Person:
    """Opens pages of one desk and fills in their forms."""

    def __init__(self, desk_url: str) -> None:
        self.desk_url = desk_url
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()), urllib.request.ProxyHandler({})
        )

    def open(self, path: str, fields: dict[str, str] | None = None) -> Answer:
        """GET a page, or POST `fields`; redirects are followed, error statuses returned."""
        data = urllib.parse.urlencode(fields).encode() if fields is not None else None
        request = urllib.request.Request(urllib.parse.urljoin(self.desk_url, path), data)
        request.add_header("Referer", self.desk_url + "/")
        try:
            with self._opener.open(request, timeout=30) as answer:
                return Answer(answer.status, answer.url, answer.read().decode())
        except urllib.error.HTTPError as refusal:
            return Answer(refusal.code, refusal.url or "", refusal.read().decode(errors="replace"))

    def fill(self, page: str, fields: dict[str, str], *, action: str = "") -> Answer:
        """Open `page` and send its form (to `action` where that is another address) with its hidden fields."""
        text = self.open(page).text
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', _form(text, action)))
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)
        if token:
            hidden["csrfmiddlewaretoken"] = token[1]
        return self.open(action or page, {**hidden, **fields})

    def log_in(self, email: str) -> Answer:
        return self.fill("/accounts/login/", {"login": email, "password": PASSWORD})


def _form(text: str, action: str) -> str:
    forms = re.findall(r"<form.*?</form>", text, re.DOTALL)
    return next((form for form in forms if action and f'action="{action}"' in form), forms[-1] if forms else "")
