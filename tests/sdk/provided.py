# mypy: ignore-errors
"""Job that calls every function of the provided client, under both names; returns name → error, or "" for none."""

import asyncio
import base64
import datetime
import io
import json
import os
import urllib.request

import orvanta
import wmill
from wmill.client import Windmill

SECRET = "s3cret-value"


def main(given: dict) -> dict:
    """Execute all checks. `given` has the paths and hashes of deployed items."""
    return {name: outcome(check, given) for name, check in CHECKS.items()}


def outcome(check, given):
    try:
        check(given)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return ""


def same(found, expected):
    assert found == expected, f"{found!r} is not {expected!r}"


def refused(work, *words):
    message = ""
    try:
        work()
    except Exception as error:
        message = str(error)
    assert message and all(word in message for word in words), message or "it was not refused"


def place(given, name):
    return f"{given['folder']}/provided_{name}"


def get_variable(given):
    wmill.set_variable(place(given, "v"), "é")
    same(wmill.get_variable(place(given, "v")), "é")
    same(orvanta.get_variable("var://" + place(given, "v")), "é")
    refused(lambda: wmill.get_variable(place(given, "none")), "404", "none")


def set_variable(given):
    path = place(given, "w")
    for value in ("one", "two"):
        wmill.set_variable(path, value, is_secret=True)
        same(wmill.get_variable(path), value)
    wmill.set_variable(path, SECRET)
    print("opened", wmill.get_variable(path))


def resources(given):
    wmill.set_variable(place(given, "word"), "opened")
    value = {"host": "db", "word": "$var:" + place(given, "word")}
    wmill.set_resource(place(given, "r"), value, "postgresql")
    same(wmill.get_resource("$res:" + place(given, "r")), {"host": "db", "word": "opened"})
    same(wmill.get_resource(place(given, "r"), interpolated=False), value)
    same(wmill.get_resource(place(given, "none"), none_if_undefined=True), None)
    refused(lambda: wmill.get_resource(place(given, "none")), "404")
    assert any(each["path"] == place(given, "r") for each in wmill.list_resources("postgresql", per_page=100))
    orvanta.set_connection(place(given, "r"), {"host": "x"}, "postgresql")
    same(orvanta.get_connection(place(given, "r")), {"host": "x"})
    assert orvanta.list_connections("postgresql", 1, 100)


def states(given):
    same(wmill.get_state_path(), os.environ["WM_STATE_PATH"])
    earlier = "/".join(wmill.get_state_path().split("/")[:3])  # the state of all triggers, of earlier releases
    wmill.set_resource(earlier, {"n": 0}, "state")
    same(wmill.get_state(), {"n": 0})
    wmill.set_state({"n": 1})
    same(wmill.get_state(), {"n": 1})
    client = Windmill()
    client.state = [2]
    same((client.state, client.state_path), ([2], wmill.get_state_path()))
    wmill.set_state("other", path=place(given, "state"))
    same(wmill.get_state(place(given, "state")), "other")


def run_script(given):
    same(wmill.run_script(given["script"], args={"n": 1}, verbose=True), {"double": 2})
    same(wmill.run_script_by_path(given["script"], {"n": 2}), {"double": 4})
    same(wmill.run_script_by_hash(given["hash"], {"n": 3}, timeout=60), {"double": 6})
    same(wmill.run_script_sync(given["hash"], {"n": 4}), {"double": 8})
    same(wmill.run_script_by_path_sync(given["script"], {"n": 5}), {"double": 10})
    refused(lambda: wmill.run_script_by_path(given["failing"]), "was not successful", "as it must")
    refused(lambda: wmill.run_script_by_path("f/nowhere/nothing"), "404")


def run_async(given):
    ids = [
        wmill.run_script_async(given["script"], {"n": 1}),
        wmill.run_script_async(given["hash"], {"n": 1}),
        wmill.run_script_by_path_async(given["script"], {"n": 1}),
        wmill.run_script_by_hash_async(given["hash"], {"n": 1}),
    ]
    for id in ids:
        same(Windmill().wait_job(id), {"double": 2})
        same((wmill.get_result(id), wmill.get_job_status(id)), ({"double": 2}, "COMPLETED"))
        same(wmill.get_job(id)["args"], {"n": 1})
    later = wmill.run_script_by_path_async(given["script"], {"n": 1}, scheduled_in_secs=3600)
    same((wmill.get_job_status(later), wmill.cancel_job(later)), ("WAITING", later))


def run_flow(given):
    id = wmill.run_flow_async(given["flow"], {"n": 5})
    same(Windmill().wait_job(id), {"double": 20})
    same(wmill.get_root_job_id(id), id)


def cancel_running(given):
    client = Windmill()
    client.path = given["slow"]
    id = client.run_script_by_path_async(given["slow"])
    while client.get_job_status(id) == "WAITING":
        client.get(f"/w/{client.workspace}/jobs_u/getupdate/{id}", params={"running": False})
    same(list(client.cancel_running()), [id])
    refused(lambda: client.wait_job(id), "was not successful")
    same(wmill.cancel_running(), {})


def timeout(given):
    id = wmill.run_script_by_path_async(given["slow"])
    try:
        Windmill().wait_job(id, timeout=0.1)
    except TimeoutError:
        refused(lambda: Windmill().wait_job(id), "reached timeout")
    else:
        raise AssertionError("it did not end")


def set_progress(given):
    same(wmill.get_progress(), None)
    for set_, expected in ((40, 40), (20, 40), (120, 99)):
        wmill.set_progress(set_)
        same(wmill.get_progress(os.environ["WM_JOB_ID"]), expected)
    refused(lambda: wmill.set_progress(1, "00000000-0000-7000-8000-000000000000"), "404")


def files(given):
    large = os.urandom(1 << 20)
    for name, content in (("a.bin", large), ("b.bin", io.BufferedReader(io.BytesIO(large)))):
        written = wmill.write_s3_file(wmill.S3Object(s3=place(given, name)), content, content_type="text/plain")
        same((written.s3, dict(written)), (place(given, name), {"s3": place(given, name)}))
        same(wmill.load_s3_file(written), large)
        same(wmill.load_s3_file("s3:///" + place(given, name)), large)
    made = wmill.write_s3_file(None, b"x")
    assert made["s3"].startswith("uploads/")
    wmill.delete_s3_object(made)
    refused(lambda: wmill.load_s3_file(made), "404")
    refused(lambda: wmill.write_s3_file("no-uri", b"x"), "s3:///name")


def load_s3_file_reader(given):
    written = wmill.write_s3_file({"s3": place(given, "lines.txt")}, b"one\ntwo\n" * 50_000)
    with wmill.load_s3_file_reader(written) as reader:
        same((reader.read(2), reader.readline(), reader.peek()[:3]), (b"on", b"e\n", b"two"))
        same(len(reader.read()), 400_000 - 4)


def presigned(given):
    written = wmill.write_s3_file({"s3": place(given, "signed.txt")}, b"read without a token")
    signed = wmill.sign_s3_object(written, expiry_secs=60)
    urls = [
        signed["presigned"],
        wmill.get_presigned_s3_public_url(signed),
        wmill.get_presigned_s3_public_url(written, expiry_secs=60),
        *wmill.get_presigned_s3_public_urls([written, "s3:///" + written["s3"]]),
        wmill.sign_s3_objects([written])[0]["presigned"],
    ]
    for url in urls:
        same(urllib.request.urlopen(url).read(), b"read without a token")


def buckets(given):
    value = {"bucket": "b", "endPoint": "s3.example", "port": 9, "region": "r", "useSSL": True, "accessKey": "id"}
    path = place(given, "bucket")
    wmill.set_resource(path, {**value, "secretKey": SECRET}, "s3")
    same(wmill.boto3_connection_settings("$res:" + path).endpoint_url, "https://s3.example:9")
    same(wmill.polars_connection_settings(path).storage_options["aws_access_key_id"], "id")
    assert "s3.example" in wmill.duckdb_connection_settings(path)["connection_settings_str"]
    refused(wmill.boto3_connection_settings, "409")


def identity(given):
    same(wmill.whoami()["email"], given["email"])
    same(Windmill().user["email"], given["email"])
    same(wmill.get_workspace(), given["workspace"])
    same(wmill.username_to_email(given["username"]), given["email"])
    assert wmill.get_version() == Windmill().version and wmill.get_version()
    claims = wmill.get_id_token("vault.example").split(".")[1]
    same(json.loads(base64.urlsafe_b64decode(claims + "=="))["email"], given["email"])
    assert Windmill().get_id_token("vault", 60).count(".") == 2
    assert Windmill().worker_has_internal_server()
    refused(Windmill().create_token, "403")


def run_inline_script_preview(given):
    same(wmill.run_inline_script_preview("def main(word): return word * 2", "python3", {"word": "ab"}), "abab")


def calls(given):
    client = Windmill()
    same(client.get(f"w/{client.workspace}/scripts/exists/p/{given['script']}").json(), True)
    same(client.get("/no/such/call", raise_for_status=False).status_code, 404)
    refused(lambda: client.post("/no/such/call"), "404")
    same(client.get_client().get("/version").text, client.version)


def texts(given):
    same(wmill.parse_resource_syntax("$res:u/a/b"), "u/a/b")
    same(wmill.parse_resource_syntax("u/a/b"), None)
    same(wmill.parse_variable_syntax("var://u/a/b"), "u/a/b")
    same(wmill.parse_s3_object("s3://store/a/b"), {"s3": "a/b", "storage": "store"})
    try:
        orvanta.throw_business_error("E1", "low")
    except orvanta.BusinessError as error:
        same((error.orvanta_error_code, str(error)), ("E1", "low"))


def stream_result(given):
    wmill.append_to_result_stream("one\n")
    wmill.stream_result(iter(["two ", "three"]))


def shared_state(given):
    """Only workflows on a single worker have a shared folder."""
    refused(lambda: wmill.set_shared_state({"n": 1}), "same_worker")
    refused(wmill.get_shared_state_pickle, "same_worker")


def flow_user_state(given):
    """A run of a single script has a context, too."""
    wmill.set_flow_user_state("k", {"n": 1})
    same(wmill.get_flow_user_state("k"), {"n": 1})


def not_served(given):
    names = {**wmill.unavailable.FUNCTIONS, **wmill.unavailable.CLASSES}
    assert len(names) > 10
    for name in names:
        refused(getattr(wmill, name), f"{name}() is not available on this platform: ")
    for name in wmill.unavailable.METHODS:
        refused(getattr(Windmill(), name), f"{name}() is not available")


def as_code(given):
    """Tasks are calls in this job, also of a function without `async`, and their results pass through JSON."""
    calls = []

    @wmill.task(tag="heavy", timeout=5)
    def double(n: int):
        calls.append(n)
        return (n * 2, datetime.date(2026, 1, 2))

    @wmill.task
    async def outer(n: int):
        return double(n)  # inside a task, a task is a plain call

    @wmill.workflow
    async def main(n: int):
        await wmill.sleep(0)
        results = await wmill.parallel([n, 3], double, concurrency=1)
        inner = await wmill.task_script(given["script"])(n=4)
        return [results, await outer(5), await wmill.step("now", lambda: {"at": (1, 2)}), inner]

    same(double(1), [2, "2026-01-02"])
    found = asyncio.run(main(2))
    same(found[0], [[4, "2026-01-02"], [6, "2026-01-02"]])
    same(found[1:], [[10, "2026-01-02"], {"at": [1, 2]}, {"double": 8}])
    same(calls, [1, 2, 3, 5])


def token(given):
    """The client has the token of this job and stores it nowhere."""
    same(Windmill().token, os.environ["WM_TOKEN"])
    for folder, _, names in os.walk("."):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                assert os.environ["WM_TOKEN"].encode() not in file.read(), name
    same(json.loads(json.dumps(wmill.S3Object(s3="a"))), {"s3": "a"})


CHECKS = {
    each.__name__: each
    for each in (
        *(get_variable, set_variable, resources, states, run_script, run_async, run_flow, cancel_running, timeout),
        *(set_progress, files, load_s3_file_reader, presigned, buckets, identity, run_inline_script_preview, calls),
        *(texts, stream_result, shared_state, flow_user_state, as_code, not_served, token),
    )
}
