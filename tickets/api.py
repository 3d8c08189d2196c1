"""The first API: list, read, submit and reply, calling the same verbs as the pages.

People sign in by session (with its CSRF check). Everything refused is problem JSON (RFC 9457).
"""

import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404, HttpResponseBase
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import Organization, User
from supportdesk.lib import clock, keyset
from supportdesk.lib.errors import DomainError, Invalid, NotAllowed
from tickets import access, actions
from tickets.actions.moves import require
from tickets.filters import TicketFilter
from tickets.models import Channel, Message, Participant, SlaClock, Survey, Ticket
from tickets.serializers import (
    PRIORITIES,
    AnswerSerializer,
    MessageSerializer,
    PrioritySerializer,
    PromiseSerializer,
    RatingSerializer,
    ReplySerializer,
    StaffMessageSerializer,
    StaffTicketSerializer,
    SubmitSerializer,
    SurveySerializer,
    TicketSerializer,
)
from tickets.sla.explain import explained
from tickets.states import Status
from tickets.views.gate import find_ticket

PAGE_SIZE, MOST_PAGE_SIZE = 25, 100
ORDERS = ("-updated", "updated", "-number", "number")
_CURSOR = OpenApiParameter("cursor", description="As `next` and `previous` give it.")
_SIZE = OpenApiParameter("page_size", OpenApiTypes.INT, description=f"At most {MOST_PAGE_SIZE}.")
_PAGE_LINK = serializers.URLField(allow_null=True)
_KEY = re.compile(r"[\x21-\x7e]{1,43}", re.ASCII)
_IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="At most 43 printable characters: sending the same again gives the same answer, and nothing twice.",
)


class SessionScheme(OpenApiAuthenticationExtension):
    """What the schema says of our session authentication."""

    target_class = "supportdesk.api.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


class ApiView(APIView):
    """One address of the API."""

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        final = super().finalize_response(request, response, *args, **kwargs)
        final["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
        return final

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, DomainError) and exc.field == "attachments":
            exc.field = "uploads"  # what the API calls them
        return super().handle_exception(exc)

    @property
    def person(self) -> User:
        return self.request.user

    def idempotency_key(self) -> str:
        key = self.request.headers.get("Idempotency-Key", "")
        if key and not _KEY.fullmatch(key):
            raise Invalid("Idempotency-Key: at most 43 printable characters.", code="bad_key", field="Idempotency-Key")
        return key


class TicketList(ApiView):
    @extend_schema(
        operation_id="tickets_list",
        parameters=[
            OpenApiParameter("status", many=True, enum=[one.value for one in Status]),
            OpenApiParameter("priority", many=True, enum=["urgent", "high", "normal", "low"]),
            OpenApiParameter("order", enum=ORDERS),
            _CURSOR,
            _SIZE,
        ],
        responses=inline_serializer(
            "TicketPage",
            {"results": TicketSerializer(many=True), "next": _PAGE_LINK, "previous": _PAGE_LINK},
        ),
    )
    def get(self, request: Request) -> Response:
        """The requests that you may see, by keyset."""
        query = request.query_params
        parts = [TicketFilter(query, part, request=request) for part in Ticket.objects.visible_parts(self.person)]
        if not parts[0].is_valid():
            raise ValidationError(parts[0].errors)
        by, ascending = _order(query.get("order", ORDERS[0]), self.person)
        return _page_answer(
            request,
            [part.qs.with_row_data().select_related("environment", "mobile_device") for part in parts],
            _ticket_serializer(self.person),
            {"status", "priority", "order", "cursor", "page_size"},
            by=by,
            ascending=ascending,
        )

    @extend_schema(
        operation_id="tickets_submit",
        parameters=[_IDEMPOTENCY],
        request=SubmitSerializer,
        responses={201: TicketSerializer},
    )
    def post(self, request: Request) -> Response:
        """Submit a request."""
        mine = access.organizations_to_submit_for(self.person)
        if not access.may_submit(self.person, mine):
            raise NotAllowed("Your plan comes without the portal, and the staff opens requests in the desk.")
        told = SubmitSerializer(data=request.data, organizations=mine)
        told.is_valid(raise_exception=True)
        ticket = actions.submit(
            self.person,
            by=self.person,
            organization=told.validated_data.get("organization") or _only_organization(mine),
            request=told.request(),
            channel=Channel.API,
            at=clock.now(),
            key=self.idempotency_key(),
        )
        return Response(_with_messages(request, find_ticket(self.person, ticket.number)), status=201)


class TicketDetail(ApiView):
    @extend_schema(operation_id="tickets_read", responses=TicketSerializer)
    def get(self, request: Request, number: int) -> Response:
        """One request with its messages; the staff also gets its notes."""
        return Response(_with_messages(request, find_ticket(self.person, number)))


class TicketPriority(ApiView):
    @extend_schema(operation_id="tickets_priority", request=PrioritySerializer, responses=TicketSerializer)
    def post(self, request: Request, number: int) -> Response:
        """Say how pressing your request is that has no priority yet; or raise it, with the reason."""
        ticket = find_ticket(self.person, number)
        require(access.may_raise_priority(self.person, ticket), "set the priority of this request")
        told = PrioritySerializer(data=request.data)
        told.is_valid(raise_exception=True)
        to, reason = PRIORITIES[told.validated_data["priority"]], told.validated_data["reason"]
        if ticket.priority is None and not reason:
            actions.set_priority(ticket, by=self.person, to=to, at=clock.now())
        else:
            actions.raise_priority(ticket, by=self.person, to=to, reason=reason, at=clock.now())
        return Response(_ticket_serializer(self.person)(find_ticket(self.person, number)).data)


class TicketSurvey(ApiView):
    @extend_schema(operation_id="tickets_survey", responses=SurveySerializer)
    def get(self, request: Request, number: int) -> Response:
        """How its requester found a Closed request: for them and for the staff."""
        return Response(SurveySerializer(self._survey(number)).data)

    @extend_schema(operation_id="tickets_rate", request=RatingSerializer, responses=SurveySerializer)
    def put(self, request: Request, number: int) -> Response:
        """Say how you found your Closed request; for seven days you may change your mind."""
        survey = self._survey(number)
        require(access.may_rate(self.person, survey.ticket), "rate this request")
        told = RatingSerializer(data=request.data)
        told.is_valid(raise_exception=True)
        said = told.validated_data
        survey = actions.rate(
            survey.ticket, by=self.person, rating=said["rating"], comment=said["comment"], at=clock.now()
        )
        return Response(SurveySerializer(survey).data)

    def _survey(self, number: int) -> Survey:
        survey = Survey.objects.visible_to(self.person).filter(ticket=number).select_related("ticket").first()
        if survey is None:
            raise Http404
        return survey


class PromiseList(ApiView):
    @extend_schema(
        operation_id="tickets_promises",
        parameters=[_CURSOR, _SIZE],
        responses=inline_serializer(
            "PromisePage",
            {"results": PromiseSerializer(many=True), "next": _PAGE_LINK, "previous": _PAGE_LINK},
        ),
    )
    def get(self, request: Request, number: int) -> Response:
        """What we promised on a request, newest first, and how each deadline came about, in your time zone."""
        ticket, now = find_ticket(self.person, number), clock.now()
        return _page_answer(
            request,
            [SlaClock.objects.of([ticket]).with_terms()],
            lambda rows, **options: PromiseSerializer(explained(rows, now=now), **options),
            {"cursor", "page_size"},
            by="started_at",
            ascending=False,
        )


class ReplyList(ApiView):
    @extend_schema(
        operation_id="tickets_messages",
        parameters=[_CURSOR, _SIZE],
        responses=inline_serializer(
            "MessagePage",
            {"results": MessageSerializer(many=True), "next": _PAGE_LINK, "previous": _PAGE_LINK},
        ),
    )
    def get(self, request: Request, number: int) -> Response:
        """What was written, oldest first, by keyset; the staff also gets the notes."""
        ticket = find_ticket(self.person, number)
        messages = Message.objects.visible_to(self.person).filter(ticket=ticket).select_related("author")
        return _page_answer(
            request,
            [messages.prefetch_related("attachments")],
            _message_serializer(self.person),
            {"cursor", "page_size"},
            by="created_at",
            ascending=True,
        )

    @extend_schema(
        operation_id="tickets_reply",
        parameters=[_IDEMPOTENCY],
        request=AnswerSerializer,
        responses={201: MessageSerializer},
    )
    def post(self, request: Request, number: int) -> Response:
        """Reply publicly; the staff says by `submit_as` what the ticket becomes."""
        ticket = find_ticket(self.person, number)
        told = (AnswerSerializer if self.person.is_desk else ReplySerializer)(data=request.data)
        told.is_valid(raise_exception=True)
        said = told.validated_data
        words = {"body": said["body"], "uploads": said.get("uploads", ()), "key": self.idempotency_key()}
        if self.person.is_desk:
            submit_as = Status(said["submit_as"])
            answer = actions.answer(
                ticket, by=self.person, submit_as=submit_as, channel=Channel.API, at=clock.now(), **words
            )
            message = answer.message
        else:
            message = actions.reply(ticket, by=self.person, channel=Channel.API, at=clock.now(), **words)
        body = _message_serializer(self.person)(message, context={"request": request}).data
        return Response({"ticket": message.ticket_id, **body}, status=201)


class ConfirmCopy(ApiView):
    @extend_schema(operation_id="tickets_cc_confirm", request=None, responses={200: TicketSerializer})
    def post(self, request: Request, number: int, participant: int) -> Response:
        """Let somebody whom a mail copied in have what comes from now on (`cc_pending` of the request)."""
        ticket = find_ticket(self.person, number)
        copy = Participant.objects.filter(ticket=ticket, pk=participant).first()
        if copy is None:
            raise Http404
        actions.confirm_cc(copy, by=self.person, at=clock.now())
        return Response(_with_messages(request, find_ticket(self.person, number)))


class Unknown(ApiView):
    """Whatever else stands below the API's root: the same 404 as a ticket that isn't there."""

    @extend_schema(exclude=True)
    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return super().dispatch(request, *args, **kwargs)

    def http_method_not_allowed(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        raise Http404


class ApiDocs(SpectacularSwaggerSplitView):
    """The schema to read and to try, in our own frame."""

    template_name = "tickets/api_docs.html"

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        final = super().finalize_response(request, response, *args, **kwargs)
        # Swagger UI writes style attributes; scripts stay our own files.
        final["Content-Security-Policy"] = (
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
            "font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
        return final


def _ticket_serializer(person: User) -> type[TicketSerializer]:
    return StaffTicketSerializer if person.is_desk else TicketSerializer


def _message_serializer(person: User) -> type[MessageSerializer]:
    return StaffMessageSerializer if person.is_desk else MessageSerializer


def _with_messages(request: Request, ticket: Ticket) -> dict[str, Any]:
    person = request.user
    messages = Message.objects.visible_to(person).filter(ticket=ticket).select_related("author")
    messages = messages.prefetch_related("attachments").order_by("created_at", "id")
    copies = list(Participant.objects.filter(ticket=ticket).standing())
    waiting = [copy for copy in copies if copy.is_pending]
    shown = waiting if waiting and access.may_add_cc(person, ticket) else []
    return {
        **_ticket_serializer(person)(ticket).data,
        "cc": [copy.email for copy in copies if not copy.is_pending],
        "cc_pending": [{"id": copy.pk, "email": copy.email} for copy in shown],
        "messages": _message_serializer(person)(messages, many=True, context={"request": request}).data,
    }


def _only_organization(mine: Any) -> Organization | None:
    found = list(mine[:2])
    if len(found) > 1:
        raise ValidationError({"organization": ["Say for which of your organisations."]})
    return found[0] if found else None


def _order(name: str, person: User) -> tuple[str, bool]:
    if name not in ORDERS:
        raise ValidationError({"order": [f"One of {', '.join(ORDERS)}."]})
    column = {"number": "id", "updated": "updated_at" if person.is_desk else "public_updated_at"}[name.lstrip("-")]
    return column, not name.startswith("-")


def _page_answer(
    request: Request,
    parts: Sequence[QuerySet[Any]],
    serializer: Callable[..., serializers.BaseSerializer[Any]],
    known: set[str],
    *,
    by: str,
    ascending: bool,
) -> Response:
    """One page of what is in `parts`; a parameter that isn't `known` is refused by name."""
    query = request.query_params
    if unknown := set(query) - known:
        raise ValidationError({name[:100]: ["There is no such parameter."] for name in unknown})
    size = _page_size(query.get("page_size", ""))
    cursor = query.get("cursor", "")
    shown = keyset.page_of_parts(parts, by=by, size=size, cursor=cursor, ascending=ascending)
    answer = {
        "results": serializer(shown.rows, many=True, context={"request": request}).data,
        "next": _page_address(request, shown.older),
        "previous": _page_address(request, shown.newer),
    }
    return Response(answer)


def _page_size(given: str) -> int:
    if not given:
        return PAGE_SIZE
    if not (given.isascii() and given.isdigit()):
        raise ValidationError({"page_size": ["A number."]})
    return max(1, min(int(given[:9]), MOST_PAGE_SIZE))


def _page_address(request: Request, cursor: str) -> str | None:
    if not cursor:
        return None
    kept = keyset.without(request.query_params.lists(), "cursor")
    return request.build_absolute_uri(f"?{urlencode([*kept, ('cursor', cursor)])}")
