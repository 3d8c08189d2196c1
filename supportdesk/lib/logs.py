"""Log records as one JSON object a line, so that nothing a person typed can forge a record (S108)."""

import json
import logging
from datetime import UTC, datetime

_MOST_CHARACTERS = 8_000


class JsonFormatter(logging.Formatter):
    """One record of at most about 8 kB; control characters and line ends are escaped by JSON itself."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:_MOST_CHARACTERS],
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)[-_MOST_CHARACTERS // 2 :]
        return json.dumps(entry)
