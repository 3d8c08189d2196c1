"""The faults that the demo's customers met: what engineering knows of each, and how far it has come."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Fault:
    """One record: what the agent writes, with how many requests, and what is done to it in turn.

    `moves` are names of `steps.Move`; `tell` sends what the move owes, `hold` keeps one customer back first.
    """

    title: str
    severity: int
    impact: str
    reproduction: str
    tickets: int = 1
    versions: str = "10.5.0 and later"
    moves: tuple[str, ...] = ()
    given: dict[str, Any] = field(default_factory=dict)
    teams: tuple[str, ...] = ()
    pull_request: str = ""
    is_merged: bool = False
    comments: tuple[tuple[str, str], ...] = ()
    known_as: str = ""


_FIXED = ("review", "confirm", "tell", "plan", "tell", "test", "tell", "release", "tell")
_GIVEN = {
    "plan": "Take the lock only for the write, and let readers go on. Backport to the extended-support release.",
    "evidence": "Four hours of the reproduction on the load cluster: none in 40,000 attempts, 1 in 90 before.",
    "comes_with": "10.6.1",
    "version": "10.6.1",
}
_SVEN, _TOVA, _RAJ = "sven@desk.example", "tova@desk.example", "raj@desk.example"

FAULTS = (
    Fault(
        "Sessions end when two nodes refresh the same token",
        2,
        "Everybody on clusters of two and more nodes is logged out now and then.",
        "1. Run two nodes behind a balancer.\n2. Let a session come within a minute of its end.\n3. Open two tabs.",
        tickets=3,
        moves=_FIXED,
        given=_GIVEN,
        teams=("product", "customer_success"),
        pull_request="Refresh a token once for all nodes",
        is_merged=True,
        comments=((_SVEN, "The race is in the refresh, not in the balancer."), (_TOVA, "Agreed, reviewing today.")),
        known_as="You are logged out when two tabs are open",
    ),
    Fault(
        "Exports of more than 2 GB stop without a message",
        3,
        "Compliance exports of large teams never finish.",
        "Export a team with more than 2 GB of files.",
        tickets=2,
        moves=(*_FIXED[:-1], "hold", "tell"),
        given=_GIVEN,
        pull_request="Write exports in parts",
        is_merged=True,
    ),
    Fault(
        "Search finds nothing after an index was rebuilt",
        2,
        "All users of the desk's largest customers search in vain until a restart.",
        "Rebuild the index while somebody searches.",
        tickets=2,
        moves=("review", "confirm", "tell", "plan", "tell", "test"),
        given=_GIVEN,
        teams=("product",),
        pull_request="Swap the index only once it is whole",
        is_merged=True,
        comments=((_RAJ, "Tested on the large cluster; the update to the customers is still to be sent."),),
    ),
    Fault(
        "Push notifications come twice on Android",
        3,
        "Half of the mobile users are rung twice.",
        "Log in on two devices, then send a direct message.",
        moves=("review", "confirm", "tell", "plan", "tell", "test", "tell", "fail", "tell"),
        given={**_GIVEN, "reason": "It came back on the second day, with the old proxy between."},
        pull_request="Send one notification per device",
    ),
    Fault(
        "Plugins lose their settings on upgrade",
        2,
        "Integrations stop after each upgrade until somebody sets them up again.",
        "Upgrade with a plugin that has secret settings.",
        moves=("review", "confirm", "tell", "plan"),
        given=_GIVEN,
        teams=("product", "executives"),
        pull_request="Keep secret settings over an upgrade",
        known_as="Plugins ask for their settings after an upgrade",
    ),
    Fault(
        "LDAP sync removes people whose names hold an apostrophe",
        2,
        "A few people lose their accounts each night.",
        "Sync somebody called O'Neill.",
        moves=("review", "ask", "tell", "answered"),
        given={"question": "Which LDAP server is it, and in which version?", "asks_customer": True},
    ),
    Fault(
        "Calls drop after half an hour",
        3,
        "Longer calls break off for everybody in them.",
        "Stay in a call for 31 minutes behind the customer's firewall.",
        moves=("review", "ask"),
        given={"question": "Can support reproduce it without the firewall?"},
    ),
    Fault(
        "High memory use with many custom emoji",
        4,
        "Nodes restart once a week.",
        "Add 10,000 emoji and open the picker a hundred times.",
        moves=("review",),
        comments=((_TOVA, "I have a profile, it looks like the picker's cache."),),
    ),
    Fault(
        "Threads show the wrong unread count",
        4,
        "A nuisance for everybody who follows threads.",
        "Read a thread on the phone, then look at the desktop.",
    ),
    Fault(
        "Database connections are never given back after a failover",
        1,
        "The whole desk stands still until a restart.",
        "Fail over the primary while 500 people are online.",
    ),
    Fault(
        "Uploads fail behind a proxy",
        3,
        "Nobody can send files larger than 1 MB.",
        "Upload 2 MB through the proxy.",
        moves=("review", "return", "tell"),
        given={"answer": "The proxy limits bodies to 1 MB: set `client_max_body_size 100m;` and reload it."},
    ),
    Fault(
        "Emoji are cut off in the mobile app",
        4,
        "They look odd, nothing else.",
        "Look at any message with a flag.",
        moves=("withdraw", "tell"),
        given={"reason": "The phone's own font is at fault."},
    ),
)
