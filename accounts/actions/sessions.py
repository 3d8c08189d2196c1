from accounts.models import Session, User


def end_sessions(user: User) -> None:
    """Log the person out everywhere, now."""
    Session.objects.filter(user_id=user.pk).delete()
