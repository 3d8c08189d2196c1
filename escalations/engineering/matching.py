"""Which records, and which known issues, a text may be about: PostgreSQL full text, any of its words, best first.

Bounded on both sides: of the text the first words count, of a long column its beginning.
"""

import re
from functools import reduce
from operator import add
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchRank, SearchVector
from django.db.models import QuerySet
from django.db.models.functions import Left

from escalations.models import Escalation, KnownIssue

_LANGUAGE = "english"
_WORD = re.compile(r"[^\W_]{3,40}")
_MOST_WORDS = 32
_READ = 4000


def similar_records(rows: QuerySet[Escalation], text: str) -> QuerySet[Escalation]:
    """Those of `rows` that share a word with `text`; what is in their titles counts most."""
    weights = {"title": "A", "impact": "C", "reproduction": "C"}
    return _ranked(rows, text, weights)


def similar_titles(rows: QuerySet[Escalation], text: str) -> QuerySet[Escalation]:
    """The same by their titles alone: quickly read, for a page that has more to show."""
    return _ranked(rows, text, {"title": "A"})


def matching_issues(rows: QuerySet[KnownIssue], text: str) -> QuerySet[KnownIssue]:
    """Those of `rows` that share a word with `text`."""
    return _ranked(rows, text, {"title": "A", "text": "B", "workaround": "C"})


def words_of(text: str) -> list[str]:
    """The words that are looked for: each once, in the order in which they come."""
    return list(dict.fromkeys(_WORD.findall(text.casefold())))[:_MOST_WORDS]


def _ranked(rows: QuerySet[Any], text: str, weights: dict[str, str]) -> QuerySet[Any]:
    words = words_of(text)
    if not words:
        return rows.none()
    # Of letters and digits alone: nothing in it is an operator.
    query = SearchQuery(" | ".join(words), search_type="raw", config=_LANGUAGE)
    vectors: list[Any] = [
        SearchVector(Left(name, _READ), weight=weight, config=_LANGUAGE) for name, weight in weights.items()
    ]
    document = reduce(add, vectors)
    ranked: QuerySet[Any] = rows.annotate(document=document, rank=SearchRank(document, query))
    return ranked.filter(document=query).order_by("-rank", "-pk")
