"""What engineering escalations begin with on a new desk: who is brought in by itself."""

from accounts.models import SupportPlan
from escalations.models import InvitationRule, Involved, Severity


def load() -> None:
    """Create the invitation rules, where there are none yet: nothing that was edited is undone."""
    if InvitationRule.objects.exists():
        return
    for team in (Involved.PRODUCT, Involved.CUSTOMER_SUCCESS):
        InvitationRule.objects.create(team=team, severity=Severity.CRITICAL)
    for plan in SupportPlan.objects.filter(pages=True):  # Premier
        InvitationRule.objects.create(
            team=Involved.EXECUTIVES, severity=Severity.CRITICAL, plan=plan, on_confirmed=True
        )
