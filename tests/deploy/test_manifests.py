"""The container file and the manifests say what the code knows: commands, variables, port, path."""

import re
from importlib import import_module
from typing import Any

import click
import pytest
import yaml
from starlette.routing import Route

from pavane.bootstrap.opening import BUS_FOLDER
from pavane.doors.cli.main import read_environment
from pavane.doors.cli.stopping import stop_event
from pavane.doors.rest.app import PAGES
from pavane.doors.rest.serve import GRACE_S
from tests.docs.drawn.settings import settings
from tests.tidy.sources import ROOT

MANIFESTS = list(yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text("utf-8")))
CONTAINERFILE = (ROOT / "deploy" / "Containerfile").read_text("utf-8")
SECRETS = {"store": "postgresql://db/shop", "bus": "amqp://rabbit", "api-key": "pvk_x"}
WORKLOADS = {each["metadata"]["name"]: each for each in MANIFESTS if "template" in each["spec"]}


def pod(name: str) -> dict[str, Any]:
    return WORKLOADS[name]["spec"]["template"]["spec"]


def container(name: str) -> dict[str, Any]:
    (only,) = pod(name)["containers"]
    return only


def environment(name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in container(name)["env"]:
        secret = each.get("valueFrom", {}).get("secretKeyRef")
        found[each["name"]] = SECRETS[secret["key"]] if secret else each["value"]
    return found


def understood(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the command that a container runs makes of its words and variables."""
    for variable, value in environment(name).items():
        monkeypatch.setenv(variable, value)
    command_name, *words = container(name)["args"]
    command: click.Command = import_module(f"pavane.doors.cli.{command_name}").command
    read_environment(command)
    return command.make_context(command_name, list(words)).params


def test_every_variable_is_one_of_its_command():
    known = {(each.command, each.variable) for each in settings()}
    for name in WORKLOADS:
        command = container(name)["args"][0]
        assert {(command, variable) for variable in environment(name)} <= known


def test_the_conductor_is_open_where_probes_and_clients_look(monkeypatch: pytest.MonkeyPatch):
    said = understood("pavane", monkeypatch)
    (port,) = container("pavane")["ports"]
    assert (said["host"], said["port"]) == ("0.0.0.0", port["containerPort"])
    assert said["store_url"] == SECRETS["store"]
    paths = {route.path for route in PAGES if isinstance(route, Route)}
    for probe in ("readinessProbe", "startupProbe"):
        asked = container("pavane")[probe]["httpGet"]
        assert asked["port"] == port["name"]
        assert asked["path"] in paths
    (service,) = [each for each in MANIFESTS if each["kind"] == "Service"]
    (offered,) = service["spec"]["ports"]
    assert offered["targetPort"] == port["name"]
    assert (
        service["spec"]["selector"] == WORKLOADS["pavane"]["spec"]["template"]["metadata"]["labels"]
    )
    worker = understood("shipping", monkeypatch)
    assert worker["server"] == f"http://{service['metadata']['name']}:{offered['port']}"
    assert worker["names"] == ("shipping",)


def test_a_dancer_has_its_ledger_on_its_disk(monkeypatch: pytest.MonkeyPatch):
    said = understood("payment", monkeypatch)
    assert (said["style"], said["bus"], said["ledger"]) == ("choreographed", SECRETS["bus"], None)
    (mount,) = container("payment")["volumeMounts"]
    (workdir,) = re.findall(r"WORKDIR (/app)\n", CONTAINERFILE)
    assert mount["mountPath"] == f"{workdir}/{BUS_FOLDER}"
    (claim,) = WORKLOADS["payment"]["spec"]["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == mount["name"]
    assert f"--uid {pod('payment')['securityContext']['fsGroup']}" in CONTAINERFILE


def test_there_is_time_to_end_gracefully():
    assert stop_event.__doc__
    assert "SIGTERM" in stop_event.__doc__
    for name in WORKLOADS:
        hook = container(name).get("lifecycle", {}).get("preStop", {}).get("exec", {})
        waits = int(hook.get("command", ["sleep", "0"])[1])
        assert pod(name)["terminationGracePeriodSeconds"] > waits + GRACE_S + 1


def test_the_image_has_what_the_package_is_built_from():
    copied = re.findall(r"^COPY (.+) \S+$", CONTAINERFILE, re.MULTILINE)
    sources = {name.removeprefix("./") for line in copied for name in line.split()}
    assert all((ROOT / name).exists() for name in sources)
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    forced = re.findall(r'^"(.+)" = "pavane/', project, re.MULTILINE)
    assert len(forced) == 2
    assert {*forced, "src", "README.md", "LICENSE", "pyproject.toml"} <= sources
    (extras,) = re.findall(r"'\.\[(.+)\]'", CONTAINERFILE)
    assert all(f"\n{extra} = [\n" in project for extra in extras.split(","))
    entry = re.search(r'^ENTRYPOINT \["(\w+)"\]$', CONTAINERFILE, re.MULTILINE)
    assert entry is not None
    assert f'\n{entry[1]} = "pavane.__main__:main"\n' in project
