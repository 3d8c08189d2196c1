from django import forms


class SignupForm(forms.Form):
    """What sign-up asks beyond address and password."""

    name = forms.CharField(label="Your name", max_length=64)

    def signup(self, request, user) -> None:  # allauth's interface
        user.name = self.cleaned_data["name"]
        user.save(update_fields=["name"])
