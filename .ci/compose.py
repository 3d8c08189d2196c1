"""What can be said of docker-compose.yml and the Dockerfile without an engine; any fault fails."""

import re
import subprocess
import sys
from pathlib import Path
from shutil import which

import yaml

ROOT = Path(__file__).resolve().parent.parent
KEYS = {
    "build", "command", "depends_on", "environment", "env_file", "healthcheck", "image", "ports", "restart", "tmpfs",
    "stop_grace_period", "volumes",
}  # fmt: skip
DURATION = re.compile(r"^(\d+(ms|s|m|h))+$")
OF_THE_IMAGES = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_INITDB_ARGS"}
SERVICES = {
    "postgres", "valkey", "mail", "migrate", "web", "worker", "paging-worker", "beat", "pager", "watcher",
    "mail-intake", "fetch-mail",
}  # fmt: skip


def main() -> int:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    faults = [*_service_faults(compose), *_dockerfile_faults(), *_environment_faults(compose)]
    faults += [*_check_faults(compose), *_queue_faults(compose), *_client_faults()]
    print("\n".join(faults) or "compose file and Dockerfile hold together")
    return 1 if faults else 0


def _service_faults(compose: dict) -> list[str]:
    services, faults = compose["services"], []
    if set(services) != SERVICES:
        faults.append(f"services differ: {sorted(set(services) ^ SERVICES)}")
    for name, service in services.items():
        if ":" not in service.get("image", "") or service["image"].endswith(":latest"):
            faults.append(f"{name}: pin the image")
        if "healthcheck" not in service and name != "web":
            faults.append(f"{name}: has no health check")
        if "restart" not in service:
            faults.append(f"{name}: has no restart policy")
        for other, how in (service.get("depends_on") or {}).items():
            if other not in services:
                faults.append(f"{name}: waits for {other}, which isn't there")
            if how["condition"] == "service_healthy" and "healthcheck" not in services[other]:
                faults.append(f"{name}: waits for the health of {other}, which has no check")
        for port in service.get("ports", []):
            if not str(port).startswith("127.0.0.1:"):
                faults.append(f"{name}: port {port} is open to the world")
        for volume in service.get("volumes", []):
            source = str(volume).split(":")[0]
            if not source.startswith((".", "/")) and source not in compose["volumes"]:
                faults.append(f"{name}: volume {source} isn't declared")
    return faults


def _dockerfile_faults() -> list[str]:
    text = (ROOT / "Dockerfile").read_text()
    faults = []
    if not re.search(r"^USER (?!root)\S+", text, re.MULTILINE):
        faults.append("Dockerfile: runs as root")
    if "HEALTHCHECK" not in text:
        faults.append("Dockerfile: has no health check")
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        faults += [
            f"Dockerfile: copies {name}, which isn't there" for name in source.split() if not (ROOT / name).exists()
        ]
    return faults


def _environment_faults(compose: dict) -> list[str]:
    """Every variable that the settings read or the compose file names is explained in .env.example."""
    settings = (ROOT / "supportdesk" / "settings.py").read_text()
    example = (ROOT / ".env.example").read_text()
    named = set(re.findall(r"env\.\w+\(\s*\"([A-Z_]+)\"", settings))
    named |= set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    for service in compose["services"].values():
        named |= set(service.get("environment", {})) - OF_THE_IMAGES
    return [
        f".env.example: says nothing of {name}"
        for name in sorted(named)
        if not re.search(rf"^#?{name}=", example, re.MULTILINE)
    ]


def _check_faults(compose: dict) -> list[str]:
    """Keys an engine would refuse, and health checks that it would not understand."""
    faults = []
    for name, service in compose["services"].items():
        faults += [f"{name}: unknown key {key}" for key in sorted(set(service) - KEYS)]
        check = service.get("healthcheck", {"disable": True})
        if check.get("disable"):
            continue
        if check.get("test", [""])[0] not in {"CMD", "CMD-SHELL"}:
            faults.append(f"{name}: the health check must begin with CMD or CMD-SHELL")
        faults += [
            f"{name}: {key} is no duration: {check.get(key)}"
            for key in ("interval", "timeout")
            if not DURATION.match(str(check.get(key)))
        ]
    return faults


def _queue_faults(compose: dict) -> list[str]:
    """Both of the settings' queues have a worker, and no worker waits at another one."""
    commands = [
        service["command"] for service in compose["services"].values() if "worker" in service.get("command", [])
    ]
    served = {queue for command in commands for queue in command[command.index("-Q") + 1].split(",")}
    declared = set(re.findall(r"Queue\(\"(\w+)\"\)", (ROOT / "supportdesk" / "settings.py").read_text()))
    return [f"queue {queue}: a worker or a declaration is missing" for queue in sorted(served ^ declared)]


def _client_faults() -> list[str]:
    """What the docker client itself says of the file, where one is installed; it needs no engine for that."""
    if which("docker") is None:
        return []
    version = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if version.returncode != 0:
        return []
    command = ["docker", "compose", "--env-file", "/dev/null", "config", "--quiet", "--no-env-resolution"]
    result = subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "POSTGRES_PASSWORD": "x"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = result.stderr.strip()
    return [f"docker compose config: {said}"] if result.returncode != 0 and "env file" not in said else []


if __name__ == "__main__":
    sys.exit(main())
