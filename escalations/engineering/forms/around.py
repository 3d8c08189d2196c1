"""The small forms of what surrounds a record: a pull request, an issue elsewhere, the record it is a duplicate of."""

from django import forms

from tickets.forms.fields import DeskForm


class PullRequestForm(DeskForm):
    url = forms.CharField(
        label="Address of a pull request",
        widget=forms.URLInput,
        strip=True,
        error_messages={"required": "Paste the address of a pull request."},
    )


class OutsideIssueForm(DeskForm):
    url = forms.CharField(
        label="Address of an issue elsewhere",
        help_text="In Jira, GitHub, GitLab or another tracker. It is linked, never read.",
        widget=forms.URLInput,
        error_messages={"required": "Paste the address of the issue."},
    )
    label = forms.CharField(label="Name", required=False, help_text="Left empty, it is read from the address.")


class MergeForm(DeskForm):
    into = forms.CharField(
        label="Duplicate of",
        help_text="Its reference, such as SET-12. The tickets go there; this can be undone.",
        error_messages={"required": "Name the escalation that stays, such as SET-12."},
    )
