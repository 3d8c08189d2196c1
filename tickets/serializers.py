"""What the API says of tickets, and how strictly it reads what it is told."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from rest_framework import serializers

from accounts.models import Organization, User
from tickets import actions
from tickets.actions.survey import COMMENT_LENGTH
from tickets.models import Attachment, Category, Environment, Message, MobileDevice, Priority, Survey, Ticket
from tickets.sla.explain import STATES
from tickets.sla.promises import Promise
from tickets.states import Status

PRIORITIES = {priority.name.lower(): priority for priority in Priority}
_NAMES = {priority.value: name for name, priority in PRIORITIES.items()}


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses what it doesn't know, by name: nothing is taken that isn't a field of ours (S051)."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = set(data) - set(self.fields) if isinstance(data, dict) else set()
        if unknown:
            raise serializers.ValidationError({str(name)[:100]: ["There is no such field."] for name in unknown})
        return super().to_internal_value(data)


class PersonSerializer(serializers.Serializer[User]):
    """A name and a side, never an address (S052)."""

    name = serializers.CharField(source="display_name")
    is_staff = serializers.BooleanField(source="is_desk", help_text="Works for the vendor.")


class AttachmentSerializer(serializers.ModelSerializer[Attachment]):
    url = serializers.HyperlinkedIdentityField(view_name="attachment_download", lookup_field="pk")

    class Meta:
        model = Attachment
        fields = ("id", "name", "size", "content_type", "url")


class MessageSerializer(serializers.Serializer[Message]):
    id = serializers.IntegerField()
    author = PersonSerializer(allow_null=True)
    from_staff = serializers.BooleanField()
    body = serializers.CharField(help_text="Markdown, as it was written.")
    created_at = serializers.DateTimeField()
    attachments = AttachmentSerializer(many=True)


class StaffMessageSerializer(MessageSerializer):
    is_note = serializers.BooleanField(help_text="Internal: customers never see it.")


class TicketSerializer(serializers.Serializer[Ticket]):
    """A request as its customer may know it."""

    number = serializers.IntegerField()
    subject = serializers.CharField()
    status = serializers.ChoiceField(
        choices=[one.value for one in Status if one is not Status.ON_HOLD], source="state_for_customer"
    )
    priority = serializers.SerializerMethodField()
    category = serializers.CharField(source="category.slug", allow_null=True)
    environment = serializers.CharField(source="environment.name", allow_null=True)
    product_version = serializers.CharField()
    mobile_version = serializers.CharField()
    mobile_device = serializers.CharField(source="mobile_device.name", allow_null=True)
    organization = serializers.CharField(source="organization.slug", allow_null=True)
    requester = PersonSerializer()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField(source="public_updated_at")
    next_due_at = serializers.DateTimeField(
        allow_null=True, help_text="The earliest deadline of the promises that run; null while none does."
    )
    url = serializers.SerializerMethodField()
    promises_url = serializers.SerializerMethodField(help_text="How each deadline came about, from this API.")

    def get_priority(self, ticket: Ticket) -> str | None:
        return _NAMES.get(ticket.priority) if ticket.priority else None

    def get_url(self, ticket: Ticket) -> str:
        return ticket.public_address

    def get_promises_url(self, ticket: Ticket) -> str:
        return settings.SITE_URL + reverse("api_promises", args=[ticket.number])


class StaffTicketSerializer(TicketSerializer):
    """For the staff also what is internal."""

    status = serializers.ChoiceField(choices=[one.value for one in Status])
    updated_at = serializers.DateTimeField()
    assignee = PersonSerializer(allow_null=True)
    do_not_close = serializers.BooleanField()

    def get_url(self, ticket: Ticket) -> str:
        return f"{settings.SITE_URL}{ticket.desk_url}"


_SECONDS = {"help_text": "Working time, in seconds."}


class VersionSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    number = serializers.IntegerField()
    since = serializers.DateTimeField(help_text="From then on it held.")


class SpecialDaySerializer(serializers.Serializer[Any]):
    day = serializers.DateField()
    what = serializers.CharField()


class LengthField(serializers.FloatField):
    """A length of time in seconds."""

    def to_representation(self, value: Any) -> float:
        return float(value.total_seconds())


class StretchSerializer(serializers.Serializer[Any]):
    """A time in which a clock ran, or stood still."""

    began_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    ran = serializers.BooleanField()
    reason = serializers.CharField()
    priority = serializers.CharField()
    target = serializers.CharField()
    policy = serializers.CharField()
    used = LengthField(**_SECONDS)
    total = LengthField(**_SECONDS)


class PromiseSerializer(serializers.Serializer[Any]):
    """One promise with all that its deadline follows from, as the pages explain it."""

    id = serializers.IntegerField(source="clock")
    promise = serializers.ChoiceField(choices=[one.value for one in Promise])
    state = serializers.ChoiceField(choices=STATES)
    priority = serializers.CharField()
    target = serializers.CharField(help_text="Empty where nothing is promised.")
    hours = serializers.CharField()
    weekly = serializers.ListField(child=serializers.CharField())
    zone = serializers.CharField(help_text="Of those hours.")
    place = serializers.CharField(help_text="Where the customer is.")
    holidays = serializers.CharField()
    special_days = SpecialDaySerializer(many=True)
    policy = VersionSerializer()
    calendar = VersionSerializer(allow_null=True)
    started_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(allow_null=True)
    met_at = serializers.DateTimeField(allow_null=True)
    warned_at = serializers.DateTimeField(allow_null=True, help_text="When our staff was warned.")
    broke_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    stretches = StretchSerializer(many=True)
    used = LengthField(**_SECONDS)
    left = LengthField(allow_null=True, help_text="Working time, in seconds; less than nothing when late.")


class SubmitSerializer(StrictSerializer):
    """The request form."""

    organization = serializers.SlugRelatedField(
        slug_field="slug", queryset=Organization.objects.none(), required=False, help_text="Asked of who has several."
    )
    subject = serializers.CharField(max_length=200)
    description = serializers.CharField(trim_whitespace=False, help_text="Markdown, at most 64 kB.")
    priority = serializers.ChoiceField(choices=list(PRIORITIES), default="normal")
    category = serializers.SlugRelatedField(slug_field="slug", queryset=Category.objects.filter(is_active=True))
    environment = serializers.SlugRelatedField(slug_field="name", queryset=Environment.objects.filter(is_active=True))
    product_version = serializers.CharField(required=False, allow_blank=True, max_length=40, default="")
    mobile_version = serializers.CharField(required=False, allow_blank=True, max_length=40, default="")
    mobile_device = serializers.SlugRelatedField(
        slug_field="name", queryset=MobileDevice.objects.filter(is_active=True), required=False, allow_null=True
    )
    cc = serializers.ListField(
        child=serializers.CharField(max_length=254), required=False, max_length=settings.CC_MAX_COUNT
    )
    uploads = serializers.ListField(
        child=serializers.UUIDField(),
        required=False,
        max_length=settings.ATTACHMENT_MAX_COUNT,
        help_text="Ids of files sent to /attachments/ before.",
    )

    def __init__(self, *args: Any, organizations: Any = None, **options: Any) -> None:
        super().__init__(*args, **options)
        if organizations is not None:
            self.fields["organization"].queryset = organizations

    def request(self) -> actions.Request:
        said = self.validated_data
        return actions.Request(
            subject=said["subject"],
            body=said["description"],
            priority=PRIORITIES[said["priority"]],
            category=said["category"],
            environment=said["environment"],
            product_version=said["product_version"],
            mobile_version=said["mobile_version"],
            mobile_device=said.get("mobile_device"),
            cc=said.get("cc", ()),
            uploads=said.get("uploads", ()),
        )


class PrioritySerializer(StrictSerializer):
    priority = serializers.ChoiceField(choices=list(PRIORITIES))
    reason = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        help_text="Why it is raised; only where a priority is set already.",
    )


class SurveySerializer(serializers.Serializer[Survey]):
    """How the requester found a Closed request; `rating` is empty until they say."""

    rating = serializers.ChoiceField(choices=["", *Survey.Rating.values])
    comment = serializers.CharField()
    rated_at = serializers.DateTimeField(allow_null=True)
    changed_at = serializers.DateTimeField(allow_null=True)
    closes_at = serializers.DateTimeField(allow_null=True, help_text="Until then it may be answered or changed.")


class RatingSerializer(StrictSerializer):
    rating = serializers.ChoiceField(choices=Survey.Rating.values)
    comment = serializers.CharField(
        required=False, allow_blank=True, default="", help_text=f"At most {COMMENT_LENGTH} characters."
    )


class ReplySerializer(StrictSerializer):
    body = serializers.CharField(trim_whitespace=False, help_text="Markdown, at most 64 kB.")
    uploads = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=settings.ATTACHMENT_MAX_COUNT
    )


class AnswerSerializer(ReplySerializer):
    """The staff also says what the ticket becomes."""

    submit_as = serializers.ChoiceField(
        choices=[Status.OPEN.value, Status.PENDING.value, Status.SOLVED.value], default=Status.OPEN.value
    )
