"""How one wants one's mails about requests: the customer's page and the staff's."""

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from supportdesk.lib.http import page
from supportdesk.lib.toasts import say
from tickets.forms.mail_choices import MailChoicesForm
from tickets.notifications import topics
from tickets.views.agent.places import places
from tickets.views.gate import signed_in


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def mail_choices(request: HttpRequest) -> HttpResponseBase:
    user = request.user
    offered = topics.topics_of(user)
    if not offered:
        raise Http404
    chosen = {topic: how for (_, topic), how in topics.chosen_by([user]).items()}
    data = request.POST if request.method == "POST" else None
    form = MailChoicesForm(data, topics=offered, chosen=chosen)
    if form.is_valid():
        topics.choose(user, form.cleaned_data)
        say(request, "Saved. It holds for what happens from now on.")
        return redirect("mail_choices")
    template = "tickets/desk/mail_choices.html" if user.is_desk else "tickets/customer/mail_choices.html"
    context = {"form": form, "views": places(user) if user.is_desk else []}
    return page(request, template, context, status=400 if form.is_bound else 200)
