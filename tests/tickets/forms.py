"""What people type into the customer's forms."""

import re
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse

from tickets.models import Category, Environment

# A picture of one pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000040001f61738550000"
    "000049454e44ae426082"
)


def request_form(**fields: Any) -> dict[str, Any]:
    """The form *Submit a request* filled in; `fields` replace or add, None leaves one out."""
    filled = {
        "key": "",
        "subject": "Users are logged out",
        "priority": "3",
        "category": Category.objects.get(slug="server-issues").pk,
        "environment": Environment.objects.get(name="Production").pk,
        "description": "Since the upgrade everybody is logged out after a minute.",
        "product_version": "10.5.2",
        "cc": "",
    }
    return {name: value for name, value in {**filled, **fields}.items() if value is not None}


def file(name: str = "server.log", content: bytes = b"a line\n") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def without_tokens(answer: HttpResponse) -> str:
    """The body but for what differs from answer to answer: masked CSRF tokens and the clock."""
    page = re.sub(
        r"(X-CSRFToken&quot;: &quot;|\"X-CSRFToken\": \"|csrfmiddlewaretoken\" value=\")\w+",
        r"\1",
        answer.content.decode(),
    )
    return re.sub(r'name="now" content="[^"]*"', "", page)
