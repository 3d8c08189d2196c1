"""Requests and promises in Django admin: what an admin sets, and, to look at, what happened."""

from tickets.admin import calendars, catalog, clocks, mailboxes, policies, records, surveys, wording

__all__ = ["calendars", "catalog", "clocks", "mailboxes", "policies", "records", "surveys", "wording"]
