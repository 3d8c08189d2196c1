"""Who lives in the demo: companies, their people, the vendor's staff (the table of the contract, and some more)."""

from dataclasses import dataclass
from datetime import time

PASSWORD = "supportdesk-demo"  # noqa: S105 - the demo's, printed on every start

AMERICAS = "Americas"
EUROPE = "Europe, Middle East and Africa"
ASIA = "Asia-Pacific"


@dataclass(frozen=True)
class Company:
    name: str
    slug: str
    plan: str
    time_zone: str
    country: str
    subdivision: str
    share: int
    """How many of a hundred requests are theirs."""
    version: str
    users: str
    database: str

    @property
    def domain(self) -> str:
        return f"{self.slug}.example"


@dataclass(frozen=True)
class Customer:
    email: str
    name: str
    company: str
    """The company's slug; empty for none."""
    is_manager: bool = False
    writes: int = 3
    """How often they write, compared to their colleagues."""


@dataclass(frozen=True)
class Colleague:
    """A member of the vendor's staff."""

    email: str
    name: str
    role: str
    region: str
    time_zone: str
    country: str


COMPANIES = (
    Company("Northwind", "northwind", "premier", "Europe/Berlin", "DE", "BE", 26, "10.5.2", "4,200", "PostgreSQL 16.4"),
    Company(
        "Contoso", "contoso", "enterprise", "America/New_York", "US", "NY", 22, "10.4.3", "2,600", "PostgreSQL 15.8"
    ),
    Company(
        "Fabrikam", "fabrikam", "professional", "Australia/Sydney", "AU", "NSW", 13, "10.5.1", "340", "PostgreSQL 15.6"
    ),
    Company("Tailspin", "tailspin", "premier", "Asia/Tokyo", "JP", "13", 17, "9.11.9", "8,900", "Aurora PostgreSQL 15"),
    Company(
        "Wingtip", "wingtip", "enterprise", "Europe/London", "GB", "ENG", 13, "10.5.2", "1,150", "PostgreSQL 14.13"
    ),
    Company(
        "Litware", "litware", "professional", "America/Sao_Paulo", "BR", "SP", 9, "10.3.4", "520", "PostgreSQL 16.2"
    ),
)

CUSTOMERS = (
    Customer("rita@northwind.example", "Rita Vogel", "northwind", writes=6),
    Customer("tom@northwind.example", "Tom Becker", "northwind"),
    Customer("mona@northwind.example", "Mona Keller", "northwind", is_manager=True, writes=1),
    Customer("jonas@northwind.example", "Jonas Wolff", "northwind"),
    Customer("sam@contoso.example", "Sam Whitfield", "contoso", writes=6),
    Customer("dana@contoso.example", "Dana Ruiz", "contoso", is_manager=True, writes=1),
    Customer("luis@contoso.example", "Luis Herrera", "contoso"),
    Customer("pia@fabrikam.example", "Pia Novak", "fabrikam", writes=5),
    Customer("oscar@fabrikam.example", "Oscar Lindgren", "fabrikam", is_manager=True, writes=2),
    Customer("yuki@tailspin.example", "Yuki Tanaka", "tailspin", is_manager=True, writes=2),
    Customer("kenji@tailspin.example", "Kenji Mori", "tailspin", writes=4),
    Customer("aya@tailspin.example", "Aya Ishikawa", "tailspin"),
    Customer("hugh@wingtip.example", "Hugh Pemberton", "wingtip", is_manager=True, writes=1),
    Customer("nia@wingtip.example", "Nia Clarke", "wingtip", writes=4),
    Customer("owen@wingtip.example", "Owen Price", "wingtip"),
    Customer("bruna@litware.example", "Bruna Costa", "litware", is_manager=True, writes=2),
    Customer("caio@litware.example", "Caio Mendes", "litware", writes=4),
    Customer("fred@hobby.example", "Fred Hobbs", ""),
)
CONSULTANT = Customer("kim@consulting.example", "Kim Osei", "")
"""Belongs to two companies, and writes for neither."""
CONSULTANT_OF = ("contoso", "wingtip")
OUTSIDERS = ("partner@integrator.example", "noc@hosting.example")
"""In copy now and then, without an account."""

STAFF = (
    Colleague("ann@desk.example", "Ann Carter", "agent", AMERICAS, "America/New_York", "US"),
    Colleague("eli@desk.example", "Eli Brooks", "agent", AMERICAS, "America/Denver", "US"),
    Colleague("joy@desk.example", "Joy Ferreira", "agent", AMERICAS, "America/Sao_Paulo", "BR"),
    Colleague("bo@desk.example", "Bo Lindqvist", "agent", EUROPE, "Europe/Stockholm", "SE"),
    Colleague("gus@desk.example", "Gus Petrov", "agent", EUROPE, "Europe/Sofia", "BG"),
    Colleague("lea@desk.example", "Lea Moreau", "lead", EUROPE, "Europe/Paris", "FR"),
    Colleague("chi@desk.example", "Chi Nguyen", "agent", ASIA, "Asia/Ho_Chi_Minh", "VN"),
    Colleague("hana@desk.example", "Hana Sato", "agent", ASIA, "Asia/Tokyo", "JP"),
    Colleague("sven@desk.example", "Sven Aaltonen", "set", EUROPE, "Europe/Helsinki", "FI"),
    Colleague("tova@desk.example", "Tova Berg", "set", EUROPE, "Europe/Oslo", "NO"),
    Colleague("raj@desk.example", "Raj Iyer", "set", ASIA, "Asia/Kolkata", "IN"),
    Colleague("pat@desk.example", "Pat Okafor", "product", AMERICAS, "America/Toronto", "CA"),
    Colleague("cleo@desk.example", "Cleo Duarte", "customer_success", EUROPE, "Europe/Lisbon", "PT"),
    Colleague("max@desk.example", "Max Brandt", "executive", AMERICAS, "America/Los_Angeles", "US"),
    Colleague("ada@desk.example", "Ada Byrne", "admin", EUROPE, "Europe/Dublin", "IE"),
)
SUPPORT = tuple(colleague for colleague in STAFF if colleague.role in {"agent", "lead"})
ON_CALL = tuple(colleague.email for colleague in STAFF if colleague.role == "agent")
"""Who take turns by the week, each region in its hours, the first of each in the week that the demo begins in."""

WEEKENDS = ("eli@desk.example", "gus@desk.example", "hana@desk.example")
ENGINEERS = tuple(colleague.email for colleague in STAFF if colleague.role == "set")
AT_NIGHT = (
    "bo@desk.example",
    "ann@desk.example",
    "chi@desk.example",
    "lea@desk.example",
    "sven@desk.example",
    "ada@desk.example",
)
"""Who are called as well where they don't answer a text."""

SHIFTS = {ASIA: (time(0), time(8)), EUROPE: (time(8), time(16)), AMERICAS: (time(16), time(0))}
"""The regions' hours in UTC, as the desk's defaults have them."""
