"""The first word of an answer says how pressing it is, where it stands for itself."""

import pytest

from tickets.mail.priority_word import priority_word
from tickets.models import Priority


@pytest.mark.parametrize(
    ("text", "priority"),
    [
        ("Urgent", Priority.URGENT),
        ("urgent.", Priority.URGENT),
        ("URGENT!!! Please call me", Priority.URGENT),
        ("**High**", Priority.HIGH),
        ("“Low”", Priority.LOW),
        ("\n\n  normal  \nIt only happens at night.\n", Priority.NORMAL),
        ("low\r\n-- \r\nRita", Priority.LOW),
        ("Urgent, nobody can log in", Priority.URGENT),
        ("Urgent - nobody can log in", Priority.URGENT),
        ("High – since noon", Priority.HIGH),
        ("Low: it can wait", Priority.LOW),
        ("Urgent please", Priority.URGENT),
        ("High priority, thank you", Priority.HIGH),
        ("Priority: high", Priority.HIGH),
        ("*Priority:* **Low** I think", Priority.LOW),
        ("\ufeffUrgent", Priority.URGENT),
        ("Urgent\u00a0", Priority.URGENT),
    ],
)
def test_the_word_alone_counts(text: str, priority: Priority) -> None:
    assert priority_word(text) == priority


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t\n",
        "Highly recommended by a colleague",
        "Urgently needed",
        "Low on disk space since the upgrade",
        "Low-hanging fruit",
        "High load since noon",
        "High priority messages get lost",
        "Urgent or high, you decide",
        "urgent/high",
        "Priority: high-availability is off",
        "Priority: none",
        "It is urgent",
        "Hello,\nurgent",
        "> Urgent\nno",
        "1",
        "Dringend",
        "*" * 100_000,
        "urgent " * 100_000,
        "urgent" + " please" * 100_000,
    ],
)
def test_nothing_else_does(text: str) -> None:
    assert priority_word(text) is None
