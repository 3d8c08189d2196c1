"""What people write in the generated tickets: a pool of bodies as long as real ones, and the words of subjects."""

import random
from dataclasses import dataclass

from supportdesk.lib import html

SUBJECT_OPENINGS = (
    *("Users are logged out", "Push notifications arrive late", "Search returns nothing", "LDAP sync stops"),
    *("Plugin fails to start", "Channel export hangs", "Mobile app shows a blank screen", "Uploads are refused"),
    *("Migration to PostgreSQL stalls", "SAML login loops", "Cluster node leaves", "E-mail invitations bounce"),
    *("Memory grows without end", "Licence is reported as expired", "Webhooks are answered with 500"),
)
SUBJECT_ENDINGS = (
    *("since the upgrade", "on one of three nodes", "for guests only", "after a restart", "behind the new proxy"),
    *("every morning", "in the staging environment", "for users in two time zones", "with large teams"),
    *("when the database fails over", "on iOS 18", "in Firefox", "after about an hour", "for a third of our people"),
)
_SENTENCES = (
    "Thanks for looking into this so quickly.",
    "We have restarted both application nodes, and it came back within about twenty minutes.",
    "The load balancer's log shows **nothing unusual** in the same period.",
    "Could you send the output of `mmctl system status` and the config with secrets removed?",
    "It affects roughly a third of our people, mostly those in the Berlin office.",
    "I have attached the support packet; the interesting part begins at 09:42 UTC.",
    "According to the release notes this setting moved in the last version.",
    "Please see [the guide](https://docs.example.com/install/proxy.html) for the header that the proxy must pass on.",
    "We can reproduce it with a fresh account, so it doesn't depend on old data.",
    "The workaround helps for now, but we'd like to know the cause before the weekend.",
    "Nothing else was changed on that day as far as our records go.",
    "I've raised this internally and will come back to you by tomorrow noon.",
)
_LOG = """```
{"timestamp":"2026-02-11 09:42:17.113 Z","level":"error","msg":"Failed to refresh session","caller":"session.go:148"}
{"timestamp":"2026-02-11 09:42:17.118 Z","level":"warn","msg":"slow query","elapsed":"2.41s","rows":18231}
{"timestamp":"2026-02-11 09:42:19.702 Z","level":"error","msg":"pq: canceling statement due to statement timeout"}
```"""
_STEPS = "1. Log in as a guest\n2. Open **Threads**\n3. Wait for ten minutes\n4. Type anything and press Enter"
_TABLE = "| node | version | connections |\n| --- | --- | --- |\n| app-1 | 10.5.2 | 812 |\n| app-2 | 10.5.2 | 797 |"


@dataclass(frozen=True)
class Body:
    source: str
    html: str


def bodies(count: int = 48) -> list[Body]:
    """The pool, the same each time: from one line to some thousand characters, rendered as the desk renders them."""
    dice = random.Random(7)
    sources = [_body(dice) for _ in range(count)]
    return [Body(source, str(html.render_markdown(source))) for source in sources]


def _body(dice: random.Random) -> str:
    paragraphs = [" ".join(dice.sample(_SENTENCES, dice.randint(1, 5))) for _ in range(1 + int(dice.expovariate(0.5)))]
    if dice.random() < 0.45:
        paragraphs.insert(dice.randint(0, len(paragraphs)), dice.choice((_LOG, _LOG, _STEPS, _TABLE)))
    return "\n\n".join(paragraphs)
