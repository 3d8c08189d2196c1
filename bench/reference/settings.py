"""Sessions, log-in and one template; the database, the people and their sessions are the desk's."""

from django.apps import AppConfig

from supportdesk import settings as desk


class Accounts(AppConfig):
    """The desk's models without what it starts with them."""

    name = "accounts"


class Tickets(AppConfig):
    name = "tickets"


DEBUG = False
SECRET_KEY = desk.SECRET_KEY
ALLOWED_HOSTS = desk.ALLOWED_HOSTS
DATABASES = desk.DATABASES
DEFAULT_AUTO_FIELD = desk.DEFAULT_AUTO_FIELD
AUTH_USER_MODEL = desk.AUTH_USER_MODEL
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
SESSION_ENGINE = desk.SESSION_ENGINE
SITE_URL = desk.SITE_URL
USE_TZ = True
LOGIN_URL = "/login/"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "bench.reference.settings.Accounts",
    "bench.reference.settings.Tickets",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [desk.BASE_DIR / "bench" / "reference"],
        "OPTIONS": {"context_processors": ["django.contrib.auth.context_processors.auth"]},
    }
]
ROOT_URLCONF = "bench.reference.page"
