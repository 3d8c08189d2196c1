"""What an HTTP answer means to a channel."""

from collections.abc import Collection, Mapping

from escalations.paging.channels.base import DeliveryError
from supportdesk.lib import egress

SECONDS = egress.SECONDS
_NEVER: tuple[int, ...] = ()


def post(
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    refused_for_good: Collection[int] = _NEVER,
    known: bool = False,
    seconds: float = SECONDS,
    method: str = "POST",
) -> egress.Answer:
    """The answer, if it is a success; raises DeliveryError.

    `refused_for_good` are the statuses after which no try will ever help; any other refusal may pass.
    """
    headers = {"Content-Type": "application/json", **headers}
    try:
        answer = egress.send(method, url, body=body, headers=headers, known=known, seconds=seconds)
    except egress.Unanswered as failure:
        raise DeliveryError(str(failure), unknown=True) from failure
    except egress.EgressError as failure:
        raise DeliveryError(str(failure)) from failure
    if not answer.is_success:
        why = " ".join(answer.body[:200].decode(errors="replace").split())
        words = f"answered {answer.status}: {why}" if why else f"answered {answer.status}"
        raise DeliveryError(words, permanent=answer.status in refused_for_good)
    return answer
