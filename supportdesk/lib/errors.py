"""Refusals that a person can understand: what every action raises and every door translates."""


class DomainError(Exception):
    """A refusal with a stable `code`, a `sentence` for people, the `field` it concerns, and the HTTP `status`."""

    status = 400
    code = "refused"

    def __init__(self, sentence: str, *, code: str = "", field: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code or self.code
        self.field = field


class Invalid(DomainError):
    """What was given can't be taken as it is."""

    code = "invalid"


class NotAllowed(DomainError):
    """The person sees the thing but may not do this to it."""

    status = 403
    code = "not_allowed"


class Conflict(DomainError):
    """Somebody else was quicker, or the thing's state no longer permits it."""

    status = 409
    code = "conflict"
