"""`orvanta push`: all items of a tree of files, in the order of references."""

from __future__ import annotations

from typing import Any

from tests.cli.client import Cli

CALL = "value: {modules: [{id: a, value: {type: %s, path: %s, input_transforms: {}}}]}\n"
TREE = {
    "f/tree/folder.meta.yaml": "summary: The tree\nowners: []\nextra_perms: {}\n",
    "shop.resource-type.yaml": "description: A shop\nschema: {type: object, properties: {url: {type: string}}}\n",
    "f/tree/region.variable.yaml": "value: north\nis_secret: false\ndescription: Where\n",
    "f/tree/key.variable.yaml": "value: hidden\nis_secret: true\ndescription: ''\n",
    "f/tree/shop.resource.json": '{"resource_type": "shop", "value": {"url": "$var:f/tree/region"}, "labels": null}',
    "f/tree/a_user.py": "from f.tree.z_base import base\ndef main():\n    return base()\n",
    "f/tree/z_base.py": "def base():\n    return 7\ndef main():\n    pass\n",
    "f/tree/a_outer.flow/flow.yaml": CALL % ("flow", "f/tree/z_inner"),
    "f/tree/z_inner__flow/flow.yaml": CALL % ("script", "f/tree/a_user"),
    "f/tree/daily.schedule.yaml": (
        "schedule: 0 0 6 * * *\ntimezone: UTC\nenabled: false\nscript_path: f/tree/a_outer\nis_flow: true\nargs: {}\n"
        "retry: null\n"
    ),
    "f/tree/hook.http_trigger.yaml": (
        "script_path: f/tree/a_outer\nis_flow: true\nroute_path: tree/hook\nhttp_method: post\nenabled: true\n"
        "request_type: sync\nauthentication_method: none\nis_static_website: false\nworkspaced_route: true\n"
        "wrap_body: false\nraw_string: false\nretry: null\nerror_handler_path: null\nunknown_key: 1\n"
    ),
    "f/tree/queue.kafka_trigger.yaml": "script_path: f/tree/a_outer\n",
    "elsewhere/loose.flow/flow.yaml": "value: {modules: []}\n",
}
PATHS = [
    *("tree", "shop", "f/tree/key", "f/tree/region", "f/tree/shop", "f/tree/z_base", "f/tree/a_user"),
    *("f/tree/z_inner", "f/tree/a_outer", "f/tree/daily", "f/tree/hook"),
]


def states(done: Any) -> dict[str, str]:
    return {each["path"]: each["state"] for each in done.json["pushed"]}


def test_every_kind_of_file_is_pushed_in_the_order_of_references(cli: Cli) -> None:
    for name, text in TREE.items():
        cli.write(f"repo/{name}", text)
    done = cli("push", "repo", "--json")
    assert list(states(done)) == PATHS and set(states(done).values()) == {"created"}
    assert "1 triggers of other kinds than HTTP are left out." in done.err
    assert "f/tree/key: warning secret_from_file" in done.err
    client = cli.installation.client
    assert client.post("/api/r/main/tree/hook", json={}).json() == 7
    assert client.get("/api/w/main/resources/get_value_interpolated/f/tree/shop").json() == {"url": "north"}
    assert set(states(cli("push", "repo", "--json")).values()) == {"unchanged"}
    cli.write("repo/f/tree/region.variable.yaml", "value: south\nis_secret: false\n")
    cli.write("repo/f/tree/folder.meta.yaml", "summary: Changed\n")
    cli.write("repo/f/tree/key.variable.yaml", "value: other\nis_secret: true\ndescription: ''\n")
    cli.write(
        "repo/f/tree/daily.schedule.yaml", TREE["f/tree/daily.schedule.yaml"].replace("enabled: false", "enabled: true")
    )
    cli.write("repo/f/tree/hook.http_trigger.yaml", TREE["f/tree/hook.http_trigger.yaml"].replace("post", "put"))
    cli.write("repo/f/tree/broken.resource.yaml", "value: {}\nresource_type: ghost type\n---\nvalue: {}\n")
    changed = {"tree", "f/tree/region", "f/tree/daily", "f/tree/hook"}
    for dry_run in (["--dry-run"], []):
        done = cli("push", "repo", "--json", *dry_run, code=1)
        assert {path for path, state in states(done).items() if state == "updated"} == changed
        assert set(states(done)) == set(PATHS)
        (failed,) = done.json["failed"]
        assert failed["file"] == "repo/f/tree/broken.resource.yaml"
        assert "at line 3, column 1: a second document begins here" in failed["error"]["message"]
    (cli.folder / "repo/f/tree/broken.resource.yaml").unlink()
    assert set(states(cli("push", "repo", "--json")).values()) == {"unchanged"}
    assert client.get("/api/w/main/schedules/get/f/tree/daily").json()["enabled"] is True
