"""All settings, read from the environment once; a wrong value stops the process at boot (see .env.example)."""

from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF
from kombu import Queue
from whitenoise.compress import Compressor

from supportdesk.lib import env
from supportdesk.lib.mail_providers import PROVIDERS

BASE_DIR = Path(__file__).resolve().parent.parent

# --- Which desk this is ------------------------------------------------------------------------------------------
DESK_ENV = env.choice("DESK_ENV", "production", ("production", "demo", "test"))
DEBUG = False
SITE_NAME = "SupportDesk"
SITE_URL = env.web_address("SITE_URL", None if DESK_ENV == "production" else "http://127.0.0.1:8000")
VENDOR_NAME = env.text("VENDOR_NAME", "Mattermost")
PRODUCT_NAME = env.text("PRODUCT_NAME", "Mattermost")
SUPPORT_EMAIL = env.text("SUPPORT_EMAIL", "support@desk.example")
DOCUMENTATION_URL = env.text("DOCUMENTATION_URL", "https://docs.mattermost.com")
FORUM_URL = env.text("FORUM_URL", "https://forum.mattermost.com")
COMMUNITY_URL = env.text("COMMUNITY_URL", "https://community.mattermost.com")
SECRET_KEY = env.text("SECRET_KEY", None if DESK_ENV == "production" else "only-for-demo-and-tests")
# Keys from before: what they signed or encrypted is still read.
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "" if DESK_ENV == "production" else "127.0.0.1,localhost,testserver")
SECURE = SITE_URL.startswith("https://")

# --- Where things are kept ---------------------------------------------------------------------------------------
DEMO_DIR = env.path("DEMO_DIR", BASE_DIR / "var")
ATTACHMENT_DIR = env.path("ATTACHMENT_DIR", DEMO_DIR / "attachments")
MAIL_DIR = env.path("MAIL_DIR", DEMO_DIR / "mail")
DATABASES = {
    "default": {
        **env.postgres("DATABASE_URL"),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        # A form's short lists were fetched by three statements each.
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": {"connect_timeout": 3, "application_name": "supportdesk"},
    }
}
REDIS_URL = env.text("REDIS_URL")
# People can log in without Valkey, so neither sessions nor the rate limits of allauth may live there.
SESSION_ENGINE = "accounts.sessions"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "desk_cache",
        # Django's 300 would soon forget what rate limits and replayed callbacks are told by.
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}
STORAGES = {
    "default": {
        "BACKEND": env.text("ATTACHMENT_STORAGE", "django.core.files.storage.FileSystemStorage"),
        "OPTIONS": {"location": ATTACHMENT_DIR, "base_url": None, "file_permissions_mode": 0o600}
        if not env.text("ATTACHMENT_STORAGE", "")
        else {},
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DESK_ENV == "test"
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Applications ------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "supportdesk.lib",
    "escalations",
    "tickets",
    "accounts",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "supportdesk.lib.apps.StaticFilesConfig",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "django_htmx",
    "django_filters",
    "lucide",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "anymail",
]
MIDDLEWARE = [
    "supportdesk.middleware.DatabaseDownMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "supportdesk.middleware.SecurityHeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "supportdesk.middleware.BodyLimitMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "supportdesk.middleware.TimeZoneMiddleware",
    "supportdesk.middleware.RefusalMiddleware",
]
ROOT_URLCONF = "supportdesk.urls"
WSGI_APPLICATION = "supportdesk.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "supportdesk.middleware.desk_context",
            ],
            "libraries": {
                "desk": "supportdesk.lib.tags",
                "slots": "supportdesk.lib.slot_tags",
                "tickets": "tickets.tags",
                "figures": "escalations.figures",
                "engineering": "escalations.engineering.tags",
            },
        },
    }
]
FORM_RENDERER = "supportdesk.lib.forms.Renderer"

# --- People and sessions -----------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_HASHERS = (
    ["django.contrib.auth.hashers.MD5PasswordHasher"]
    if DESK_ENV == "test"
    else ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
)
PASSWORD_RESET_TIMEOUT = 60 * 60
LOGIN_REDIRECT_URL = "home"
LOGIN_URL = "account_login"
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_FORMS = {
    "signup": "accounts.forms.SignupForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
    "add_email": "accounts.forms.AddressForm",
}
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "accounts.tokens.ResetTokens"  # noqa: S105 - a class
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 3
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if SECURE else "http"
# Sign-ups within an hour from one network (IPv4 /24, IPv6 /48), and from everywhere: each mails an address typed there.
SIGN_UPS_OF_A_NETWORK = env.integer("SIGN_UPS_OF_A_NETWORK", 40, at_least=1)
SIGN_UPS_AN_HOUR = env.integer("SIGN_UPS_AN_HOUR", 300, at_least=1)
ACCOUNT_RATE_LIMITS = {
    "login_failed": "5/5m/key,20/m/ip",
    "signup_network": f"{SIGN_UPS_OF_A_NETWORK}/h/key",
    "signup_all": f"{SIGN_UPS_AN_HOUR}/h/key",
}
ALLAUTH_TRUSTED_PROXY_COUNT = env.integer("TRUSTED_PROXY_COUNT", 0)
SESSION_COOKIE_AGE = int(timedelta(days=7).total_seconds())
SESSION_COOKIE_NAME = "__Host-sessionid" if SECURE else "sessionid"
SESSION_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-csrftoken" if SECURE else "csrftoken"
CSRF_COOKIE_SECURE = SECURE
CSRF_TRUSTED_ORIGINS = [SITE_URL]

# --- Security headers --------------------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = SECURE and env.flag("SSL_REDIRECT", True)
SECURE_REDIRECT_EXEMPT = [r"^healthz"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ALLAUTH_TRUSTED_PROXY_COUNT else None
SECURE_HSTS_SECONDS = 63072000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE
SECURE_HSTS_PRELOAD = SECURE
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}

# --- Language and time -------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- Static files, uploads and their limits ----------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = env.path("STATIC_ROOT", DEMO_DIR / "static")
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_MAX_AGE = 3600 if DESK_ENV == "production" else 60
# Every page names the hashed file; compressing the other copy too, and maps for debuggers, took three times as long.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = [*Compressor.SKIP_COMPRESS_EXTENSIONS, "map", "txt", "md"]
WHITENOISE_USE_FINDERS = DESK_ENV == "test"
ATTACHMENT_MAX_BYTES = env.integer("ATTACHMENT_MAX_BYTES", 50 * 1024 * 1024, at_least=1)
ATTACHMENT_MAX_COUNT = env.integer("ATTACHMENT_MAX_COUNT", 20, at_least=1)
BODY_MAX_BYTES = env.integer("BODY_MAX_BYTES", ATTACHMENT_MAX_BYTES * 2 + 1024 * 1024, at_least=1)
DESCRIPTION_MAX_BYTES = 64 * 1024
CC_MAX_COUNT = 10
CODE_HOOK_MAX_BYTES = env.integer("CODE_HOOK_MAX_BYTES", 1024 * 1024, at_least=1)
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = ATTACHMENT_MAX_COUNT
FILE_UPLOAD_PERMISSIONS = 0o600

# --- The agents' desk --------------------------------------------------------------------------------------------
# So old may the numbers beside the queue's views be, and the lists that an admin edits; tests want them at once.
QUEUE_COUNTS_SECONDS = 0 if DESK_ENV == "test" else 2
LISTS_SECONDS = 0 if DESK_ENV == "test" else 10

# --- Mail out ----------------------------------------------------------------------------------------------------
# After a mail about promises its reader's next warnings and breaches are gathered for so long.
SLA_BUNDLE_SECONDS = env.integer("SLA_BUNDLE_SECONDS", 300)
_SMTP = env.smtp("EMAIL_URL")
EMAIL_BACKEND = {
    "production": "django.core.mail.backends.smtp.EmailBackend",
    "demo": "supportdesk.lib.mail.EmlFileBackend",
    "test": "django.core.mail.backends.locmem.EmailBackend",
}[DESK_ENV]
if DESK_ENV == "test" and env.text("MAIL_DIR", ""):
    EMAIL_BACKEND = "supportdesk.lib.mail.EmlFileBackend"
# A provider sends and receives for us where one is named: django-anymail's names; its credentials are ANYMAIL_*.
MAIL_PROVIDER = env.choice("MAIL_PROVIDER", "", ("", *PROVIDERS))
if DESK_ENV == "production" and MAIL_PROVIDER:
    EMAIL_BACKEND = f"anymail.backends.{MAIL_PROVIDER}.EmailBackend"
ANYMAIL = env.prefixed(prefix="ANYMAIL_")
globals().update(_SMTP)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", f"{VENDOR_NAME} Support <{SUPPORT_EMAIL}>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
MAIL_DOMAIN = SUPPORT_EMAIL.partition("@")[2]

# --- Mail in -----------------------------------------------------------------------------------------------------
# What a sender sends beyond this is held and answered no more: a loop of machines ends here.
MAIL_PER_SENDER_AN_HOUR = env.integer("MAIL_PER_SENDER_AN_HOUR", 60, at_least=1)
MAIL_PER_TICKET_AN_HOUR = env.integer("MAIL_PER_TICKET_AN_HOUR", 20, at_least=1)
MAIL_MAX_BYTES = env.integer("MAIL_MAX_BYTES", 40 * 1024 * 1024, at_least=1)
# What a provider posts to us holds a message in base64 or percent signs.
MAIL_BODY_MAX_BYTES = MAIL_MAX_BYTES * 3 // 2
# Who of those that speak SMTP to us is believed about senders, and the name under which it writes what it found out.
MAIL_TRUSTED_RELAYS = env.networks("MAIL_TRUSTED_RELAYS", "" if DESK_ENV == "production" else "127.0.0.0/8,::1/128")
MAIL_AUTH_SERVER = env.text("MAIL_AUTH_SERVER", "" if DESK_ENV == "production" else "demo-relay")
# The same name in messages that the provider hands over; without one nobody is verified by them.
MAIL_PROVIDER_AUTH_SERVER = env.text("MAIL_PROVIDER_AUTH_SERVER", "")
SMTP_PORT = env.integer("SMTP_PORT", 2525, at_least=1)
MAIL_INTAKE_CONNECTIONS = env.integer("MAIL_INTAKE_CONNECTIONS", 30, at_least=1)
MAIL_INTAKE_CERT = env.text("MAIL_INTAKE_CERT", "")
MAIL_INTAKE_KEY = env.text("MAIL_INTAKE_KEY", "")

# --- Celery: rows are the queue, workers are woken by topic (supportdesk.lib.queue) -------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_QUEUES = [Queue("default"), Queue("paging")]
CELERY_TASK_ROUTES = {"escalations.*": {"queue": "paging"}}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 5, "socket_keepalive": True}
CELERY_TASK_TIME_LIMIT = 300
WAKES = {
    "ticket": ["escalations.paging_pass", "tickets.notify"],
    "mail": ["tickets.deliver_mail"],
    "mail_in": ["tickets.read_mail"],
    "sla": ["tickets.retarget"],
    "page": ["escalations.paging_pass"],
    "account_mail": ["accounts.deliver_mail"],
    "engineering": ["engineering.tell_customers", "engineering.notify", "engineering.post", "escalations.paging_pass"],
}

# --- REST API ----------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["supportdesk.api.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["supportdesk.api.Utf8JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["supportdesk.api.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "EXCEPTION_HANDLER": "supportdesk.api.problem",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "SupportDesk API",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# --- Paging ------------------------------------------------------------------------------------------------------
PAGES_FILE = env.path("PAGES_FILE", DEMO_DIR / "pages.jsonl")
# How long a sender alone may send what it claimed; after that another does.
PAGING_LEASE_SECONDS = env.integer("PAGING_LEASE_SECONDS", 30, at_least=1)
# Messages sent side by side in one pass. Tests send one after the other, within their own transaction.
PAGING_SENDERS = env.integer("PAGING_SENDERS", 1 if DESK_ENV == "test" else 4, at_least=1)
# After a page to a contact what follows for it is gathered for so long at most; 0: each page is a message.
PAGING_QUIET_SECONDS = env.integer("PAGING_QUIET_SECONDS", 60)
PAGING_STANDBY_SECONDS = env.integer("PAGING_STANDBY_SECONDS", 3, at_least=1)
PAGING_CRASH_POINT = env.text("PAGING_CRASH_POINT", "") if DESK_ENV == "test" else ""
# Seconds that a provider of messages has for its answer.
PROVIDER_SECONDS = 5
# Text messages and phone calls. Of two tokens the first is used; callbacks signed with either are believed.
TWILIO_ACCOUNT_SID = env.text("TWILIO_ACCOUNT_SID", "")
TWILIO_AUTH_TOKENS = env.words("TWILIO_AUTH_TOKENS")
TWILIO_FROM = env.text("TWILIO_FROM", "")
TWILIO_API_URL = env.web_address("TWILIO_API_URL", "https://api.twilio.com")
# Contacts. Numbers that exist in films only may be added in the demo and in tests: nobody is called there.
PAGING_FICTIONAL_NUMBERS = [] if DESK_ENV == "production" else ["+447700900"]
# Web push. The key that push services know the desk by (manage.py make_vapid_key); the demo and tests derive theirs.
VAPID_PRIVATE_KEY = env.text("VAPID_PRIVATE_KEY", "")
VAPID_SUBJECT = env.text("VAPID_SUBJECT", f"mailto:{SUPPORT_EMAIL}")
# A browser names the address that its pages are posted to: only those of known push services are believed.
PAGING_PUSH_HOSTS = env.words(
    "PAGING_PUSH_HOSTS",
    "fcm.googleapis.com,updates.push.services.mozilla.com,*.push.services.mozilla.com,*.push.apple.com,"
    "*.notify.windows.com",
)
PAGING_PUSH_LOOPBACK = DESK_ENV != "production"

# --- Paging: the watcher and the canary
# Asked once a minute while all is well, so that its owner outside learns when the desk has gone silent; may be secret.
PAGING_DEADMAN_URL = env.text("PAGING_DEADMAN_URL", "")
# Told of alarms together with leads and admins, at addresses that work when the desk does not.
PAGING_ALARM_EMAILS = env.words("PAGING_ALARM_EMAILS")
# A synthetic page goes through the whole chain so often; 0: none does.
PAGING_CANARY_MINUTES = env.integer("PAGING_CANARY_MINUTES", 5)
PAGING_WATCH_SECONDS = env.integer("PAGING_WATCH_SECONDS", 10, at_least=1)
# Services outside and chat. Hosts (host or host:port) that the desk may call although they are not public; the demo's
# and the tests' own machine is among them.
EGRESS_ALLOWED_HOSTS = env.words("EGRESS_ALLOWED_HOSTS", "" if DESK_ENV == "production" else "localhost,127.0.0.1")
PAGERDUTY_EVENTS_URL = env.text("PAGERDUTY_EVENTS_URL", "https://events.pagerduty.com/v2/enqueue")
# By a read-only key the desk asks PagerDuty who it is that acknowledged there; without one nobody is known by that.
PAGERDUTY_API_URL = env.web_address("PAGERDUTY_API_URL", "https://api.pagerduty.com")
PAGERDUTY_API_KEY = env.text("PAGERDUTY_API_KEY", "")
MATTERMOST_URL = env.text("MATTERMOST_URL", "").rstrip("/")
MATTERMOST_BOT_TOKEN = env.text("MATTERMOST_BOT_TOKEN", "")
# What Apprise may be used for; the schemas of its addresses.
PAGING_CHAT_SERVICES = env.words("PAGING_CHAT_SERVICES", "slack,mmost,mmosts,workflows,gchat")
# On-call devices: answered from without a log-in, registered with a password that was typed just now.
ON_CALL_COOKIE_NAME = "__Host-oncall" if SECURE else "oncall"
ON_CALL_DEVICE_DAYS = env.integer("ON_CALL_DEVICE_DAYS", 90, at_least=1)

# --- Logs: one JSON record a line --------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "supportdesk.lib.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "django": {"handlers": [], "propagate": True},
        # They write down addresses, which for chat are secrets.
        "apprise": {"level": "ERROR"},
        "urllib3": {"level": "WARNING"},
        # aiosmtpd, which writes down each line of a conversation.
        "mail.log": {"level": "WARNING"},
    },
}
