"""The demo's phones: one JSON line in a file for each message that reaches one."""

import json
import os
from datetime import UTC

from django.conf import settings

from escalations.paging.channels.base import A_MINUTE, DeliveryError, PageText


class DemoPhone:
    """Appends to settings.PAGES_FILE. One write of one line, so that engines at once never mix theirs."""

    gathers_for = A_MINUTE
    asks_for_code = True

    def deliver(self, message: PageText) -> str:
        line = json.dumps(
            {
                "at": f"{message.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
                "person": message.person,
                "method": message.method,
                "tickets": list(message.tickets),
                "priority": message.priority,
                "kind": message.kind,
                "text": message.text,
            },
            ensure_ascii=False,
        )
        try:
            self._append(f"{line}\n".encode())
        except OSError as failure:
            raise DeliveryError(f"the demo phone's file can't be written: {failure.strerror}") from failure
        return message.key

    def _append(self, line: bytes) -> None:
        path = settings.PAGES_FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(target, line)
        finally:
            os.close(target)
