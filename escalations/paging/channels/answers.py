"""What an HTTP answer means to a channel."""

from collections.abc import Callable, Mapping

from escalations.paging.channels.base import DeliveryError
from supportdesk.lib import egress

SECONDS = egress.SECONDS
Refusal = Callable[[egress.Answer], bool]


def post(
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    for_good: Refusal | None = None,
    known: bool = False,
    seconds: float = SECONDS,
) -> egress.Answer:
    """The answer, if it is a success; raises DeliveryError.

    `for_good` says of a refusal whether no try will ever help; without it any may pass.
    """
    headers = {"Content-Type": "application/json", **headers}
    try:
        answer = egress.send("POST", url, body=body, headers=headers, known=known, seconds=seconds)
    except egress.Unanswered as failure:
        raise DeliveryError(str(failure), unknown=True) from failure
    except egress.EgressError as failure:
        raise DeliveryError(str(failure)) from failure
    if not answer.is_success:
        why = " ".join(answer.body[:200].decode(errors="replace").split())
        words = f"answered {answer.status}: {why}" if why else f"answered {answer.status}"
        raise DeliveryError(words, permanent=for_good is not None and for_good(answer))
    return answer
