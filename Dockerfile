# Two stages: wheels are built in the first, the second has neither compilers nor caches and runs as nobody special.
FROM python:3.13-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements/base.txt .
RUN python -m venv /venv && /venv/bin/pip install --require-hashes -r base.txt

FROM python:3.13-slim-trixie
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=supportdesk.settings STATIC_ROOT=/srv/static ATTACHMENT_DIR=/srv/attachments
RUN useradd --system --uid 10001 --create-home --home-dir /srv desk && mkdir -p /srv/static /srv/attachments \
    && chown -R desk:desk /srv
WORKDIR /app
COPY --from=build /venv /venv
COPY manage.py pyproject.toml ./
COPY supportdesk supportdesk
COPY accounts accounts
COPY tickets tickets
COPY escalations escalations
COPY templates templates
COPY static static
USER desk
# Static files need settings but no servers; these values are for this one command.
RUN DESK_ENV=production SECRET_KEY=build SITE_URL=https://build.invalid DATABASE_URL=postgres://b@b/b \
    REDIS_URL=redis://b python manage.py collectstatic --noinput -v0
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen(urllib.request.Request('http://127.0.0.1:8000/healthz', headers={'Host': __import__('os').environ['ALLOWED_HOSTS'].split(',')[0]}), timeout=4)"]
CMD ["gunicorn", "supportdesk.wsgi", "--bind", "0.0.0.0:8000", "--workers", "2", "--threads", "4", \
     "--worker-class", "gthread", "--no-control-socket", "--access-logfile", "-"]
