"""Files of deploy/: they use existing settings, and the tools for these files accept them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from orvanta_platform import settings
from orvanta_platform.measurements import METRICS

DEPLOY = Path(__file__).parents[2] / "deploy"
CHART = DEPLOY / "helm" / "orvanta"
VALUES: list[list[str]] = [
    [],
    ["metrics.enabled=true", "metrics.podMonitor=true", "networkPolicy.enabled=true"],
    ["ingress.enabled=true", "ingress.tlsSecret=tls", "ingress.className=nginx"],
    ["workerGroups=null"],
    ["workerGroups[0].name=gpu", "workerGroups[0].autoscaling.enabled=true", "workerGroups[0].queues={gpu,it's}"],
    ["settings.ORVANTA_LOG_LEVEL=debug", "workerGroups[0].name=gpu", "workerGroups[0].queues={gpu,python3}"],
]


def load(text: str) -> list[Any]:
    """Return the documents of a YAML text that are not empty."""
    return [each for each in YAML(typ="safe", pure=True).load_all(text) if each]


def test_files_name_existing_settings_and_commands() -> None:
    files = [path for path in DEPLOY.rglob("*") if path.is_file()]
    named = {name for path in files for name in re.findall(r"\b(?:ORVANTA_[A-Z_]+|DATABASE_URL)\b", path.read_text())}
    assert named and named <= set(settings.known_names())
    (compose,) = load((DEPLOY / "compose.yaml").read_text())
    assert {*compose["services"]} == {"postgres", "migrate", "server", "worker"}
    for name in ("server", "worker"):
        assert compose["services"][name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}


def test_alert_rules_query_existing_metrics() -> None:
    (rules,) = load((DEPLOY / "prometheus" / "rules.yaml").read_text())
    for rule in rules["groups"][0]["rules"]:
        named = set(re.findall(r"orvanta_\w+", rule["expr"]))
        known = {each.name for each in METRICS}
        assert named and {re.sub("_(bucket|count|sum)$", "", name) for name in named} <= known, rule["alert"]
        assert rule["annotations"]["summary"] and rule["annotations"]["action"]


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    units = []
    for unit in (DEPLOY / "systemd").iterdir():
        copy = tmp_path / unit.name
        copy.write_text(unit.read_text().replace("/opt/orvanta/.venv/bin/orvanta", "/bin/true"))
        units.append(str(copy))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and len(units) == 3, done.stderr


@pytest.mark.extended
def test_helm_renders_the_chart() -> None:
    """It has probes, no service links (which would set ORVANTA_PORT), no root user, and migrations before upgrades."""
    helm = shutil.which("helm")
    if helm is None:
        pytest.skip("helm is not installed")
    subprocess.run([helm, "lint", "--strict", str(CHART)], check=True, capture_output=True)
    for values in VALUES:
        sets = [argument for value in values for argument in ("--set", value)]
        done = subprocess.run([helm, "template", "r", str(CHART), *sets], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found = load(done.stdout)
        pods = [each["spec"]["template"]["spec"] for each in found if each["kind"] in ("Deployment", "Job")]
        assert len(pods) == (2 if values == ["workerGroups=null"] else 3)
        for pod in pods:
            assert pod["enableServiceLinks"] is False and pod["securityContext"]["runAsNonRoot"] is True
        (job,) = [each for each in found if each["kind"] == "Job"]
        assert "pre-upgrade" in job["metadata"]["annotations"]["helm.sh/hook"]
        (server,) = [each for each in found if each["metadata"]["name"] == "r-server" and each["kind"] == "Deployment"]
        (container,) = server["spec"]["template"]["spec"]["containers"]
        assert server["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        assert container["readinessProbe"]["httpGet"]["path"] == "/api/health/ready"
        scaled = [each for each in found if each["kind"] == "ScaledObject"]
        if "workerGroups[0].autoscaling.enabled=true" in values:
            (worker,) = [
                each for each in found if each["kind"] == "Deployment" and "worker" in each["metadata"]["name"]
            ]
            assert scaled[0]["spec"]["scaleTargetRef"]["name"] == worker["metadata"]["name"]
            assert "replicas" not in worker["spec"]
            query = scaled[0]["spec"]["triggers"][0]["metadata"]["query"]
            assert query == "SELECT orvanta_desired_workers(ARRAY['gpu', 'it''s'], 8)"
        else:
            assert not scaled
