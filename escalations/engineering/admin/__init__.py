"""Engineering escalations in Django admin: deadlines, who is brought in by rule, chat channels, code hosts."""

from escalations.engineering.admin import code_hosts, stakeholders, targets

__all__ = ["code_hosts", "stakeholders", "targets"]
