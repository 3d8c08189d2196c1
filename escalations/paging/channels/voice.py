"""Pages by phone call, read out in clear words and answered by a key."""

from django.conf import settings
from twilio.twiml.voice_response import VoiceResponse

from escalations.paging.channels import twilio_api
from escalations.paging.channels.base import A_MINUTE, PageText

ACKNOWLEDGE, ESCALATE = "4", "6"
"""Keys that a cheek or an answering machine doesn't press by itself, as 1 or # may be."""

READ_OUT_AT_MOST = 3
_RINGS_FOR = 30  # seconds; an answering machine comes later
_WAITS_FOR_KEY = 8
_VOICE, _LANGUAGE = "Polly.Amy", "en-GB"
_KEYS = f"Press {ACKNOWLEDGE} to acknowledge, {ESCALATE} to escalate."


class Voice:
    """A call through Twilio. What is read out goes with it, so that it is heard even if the desk's pages are down."""

    gathers_for = A_MINUTE
    asks_for_code = False

    def deliver(self, message: PageText) -> str:
        if not twilio_api.is_configured():
            return twilio_api.without_twilio(message)
        return twilio_api.create(
            lambda client: client.calls.create(
                to=message.to,
                from_=settings.TWILIO_FROM,
                twiml=_first_words(message),
                timeout=_RINGS_FOR,
                status_callback=twilio_api.status_callback(message),
                status_callback_event=["initiated", "answered", "completed"],
            )
        )


def _first_words(message: PageText) -> str:
    """What isn't in the outbox (such as a code) has nothing to be answered: it is said twice."""
    if message.message:
        return read_out(message.spoken, message=message.message, turn=1)
    return farewell(f"{message.spoken} Again: {message.spoken}")


def read_out(spoken: str, *, message: str, turn: int, first: str = "") -> str:
    """TwiML that says it twice with the keys, and asks our hook what the pressed one (or none) means."""
    response = VoiceResponse()
    ask = response.gather(
        num_digits=1,
        timeout=_WAITS_FOR_KEY,
        action_on_empty_result=True,
        method="POST",
        action=twilio_api.public("twilio_voice", message, f"?turn={turn}"),
    )
    for words in (first, spoken, _KEYS, spoken, _KEYS):
        if words:
            ask.say(words, voice=_VOICE, language=_LANGUAGE)
            ask.pause(length=1)
    return str(response)


def farewell(words: str) -> str:
    """TwiML that says it and hangs up."""
    response = VoiceResponse()
    response.say(words, voice=_VOICE, language=_LANGUAGE)
    response.hangup()
    return str(response)
