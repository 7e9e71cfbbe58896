# mypy: ignore-errors
"""Program that uses the published Python client: runs in an environment of its own, and as a job.

It does not import the product and is not type-checked, like scripts of users. `main` returns the names of all functions
of the client that were called, as recorded by `sys.setprofile`.
"""

import base64
import json
import os
import sys
import tempfile
import time
import warnings

import orvanta

CLIENT_FILE = orvanta.client.__file__
PATIENCE_S = 60

called = set()


def note(frame, event, _argument):
    if event == "call" and frame.f_code.co_filename == CLIENT_FILE:
        called.add(frame.f_code.co_qualname)


def main(given: dict) -> list:
    """Call the client. `given` has the paths and hashes of deployed items; `job` is True inside a job."""
    sys.setprofile(note)
    try:
        client = orvanta.Orvanta()
        who_and_where(client, given)
        runs_of_scripts(client, given)
        runs_of_flows(client, given)
        stopping(client, given)
        variables(client, given)
        resources(client, given)
        files(client, given)
        buckets(client, given)
        state(client)
        streams()
        if given["job"]:
            of_a_job(client, given)
        without_a_server()
    finally:
        sys.setprofile(None)
    return sorted(called)


def refused(work, *words):
    """Check that the work raises an error whose message contains these words; return the error."""
    caught = None
    try:
        work()
    except Exception as error:
        caught = error
    assert caught is not None, "it was not refused"
    assert all(word in str(caught) for word in words), caught
    return caught


def who_and_where(client, given):
    assert client.version.startswith("Orvanta"), client.version
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert orvanta.get_version() == client.version
    assert orvanta.get_workspace() == client.workspace == given["workspace"]
    for me in (client.whoami(), client.user, orvanta.whoami()):
        assert me["email"] == given["email"], me
    for ask in (client.username_to_email, orvanta.username_to_email):
        assert ask(given["username"]) == given["email"]
    refused(lambda: client.get("/no/such/call"), "404")
    refused(lambda: client.get(f"/w/{client.workspace}/jobs_u/get/not-an-id"), "404")
    if given["job"]:
        refused(client.create_token, "403")
    else:
        other = orvanta.Orvanta(token=client.create_token())
        assert other.whoami()["email"] == given["email"]


def runs_of_scripts(client, given):
    path, hash_ = given["script"], given["hash"]
    for run in (client.run_script_by_path, orvanta.run_script_by_path):
        assert run(path, {"n": 21}, timeout=PATIENCE_S) == {"double": 42}
    for run in (client.run_script_by_hash, orvanta.run_script_by_hash):
        assert run(hash_, {"n": 4}, timeout=PATIENCE_S) == {"double": 8}
    for run in (client.run_script, orvanta.run_script):
        assert run(path=path, args={"n": 1}, timeout=PATIENCE_S, verbose=True) == {"double": 2}
        assert run(hash_=hash_, args={"n": 2}, timeout=PATIENCE_S) == {"double": 4}
    assert orvanta.run_script_by_path_sync(path, {"n": 3}) == {"double": 6}
    assert orvanta.run_script_sync(hash_, {"n": 5}) == {"double": 10}
    ids = [
        client.run_script_by_path_async(path, {"n": 6}),
        orvanta.run_script_by_path_async(path, {"n": 6}),
        client.run_script_by_hash_async(hash_, {"n": 6}),
        orvanta.run_script_by_hash_async(hash_, {"n": 6}),
        client.run_script_async(path=path, args={"n": 6}),
        client.run_script_async(hash_=hash_, args={"n": 6}),
        orvanta.run_script_async(path, {"n": 6}),
        orvanta.run_script_async(hash_, {"n": 6}),
    ]
    for id in ids:
        assert client.wait_job(id, timeout=PATIENCE_S, assert_result_is_not_none=True) == {"double": 12}
        assert client.get_result(id) == orvanta.get_result(id) == {"double": 12}
        assert client.get_job_status(id) == orvanta.get_job_status(id) == "COMPLETED"
    job = client.get_job(ids[0])
    assert (job["type"], job["success"], job["script_path"], job["args"]) == ("CompletedJob", True, path, {"n": 6})
    assert orvanta.get_job(ids[0]) == job
    content = "def main(word): return word * 2"
    for run in (client.run_inline_script_preview, orvanta.run_inline_script_preview):
        assert run(content, "python3", {"word": "ab"}) == "abab"
    error = refused(lambda: client.run_script_by_path(given["failing"], timeout=PATIENCE_S), "was not successful")
    assert "ValueError" in str(error) and "as it must" in str(error)
    refused(lambda: client.run_script_by_path("f/nowhere/nothing"), "404", "not_found")


def runs_of_flows(client, given):
    for run in (client.run_flow_async, orvanta.run_flow_async):
        id = run(given["flow"], {"n": 5})
        assert client.wait_job(id, timeout=PATIENCE_S) == {"double": 20}
        assert client.get_job(id)["job_kind"] == "flow"
        assert client.get_root_job_id(id) == orvanta.get_root_job_id(id) == id


def stopping(client, given):
    slow = given["slow"]
    id = client.run_script_by_path_async(slow)
    refused(lambda: client.wait_job(id, timeout=0.1), "timeout")
    ended(client, id)
    for cancel in (client.cancel_job, orvanta.cancel_job):
        id = client.run_script_by_path_async(slow)
        assert cancel(id, reason="not wanted") == id
        job = ended(client, id)
        assert (job["canceled"], job["canceled_reason"]) == (True, "not wanted")
    later = client.run_script_by_path_async(given["script"], {"n": 1}, scheduled_in_secs=3600)
    assert client.get_job_status(later) == "WAITING"
    client.cancel_job(later)
    for one, cancel in ((client, client.cancel_running), (orvanta.client._client, orvanta.cancel_running)):
        path, one.path = one.path, slow
        id = client.run_script_by_path_async(slow)
        while client.get_job_status(id) == "WAITING":
            time.sleep(0.05)
        assert list(cancel()) == [id]
        assert ended(client, id)["canceled"] is True
        one.path = path


def ended(client, id):
    while client.get_job_status(id) != "COMPLETED":
        time.sleep(0.05)
    return client.get_job(id)


def variables(client, given):
    base = f"{given['folder']}/from_{'job' if given['job'] else 'program'}"
    for n, at in enumerate((client, orvanta)):
        path = f"{base}_{n}"
        at.set_variable(path, "first")
        assert at.get_variable(path) == at.get_variable(f"var://{path}") == "first"
        at.set_variable(path, 'second "quoted" \u00e9')
        assert at.get_variable(path) == 'second "quoted" \u00e9'
        at.set_variable(f"{path}_secret", "s3cret-value", is_secret=True)
        if given["job"]:
            assert at.get_variable(f"{path}_secret") == "s3cret-value"
            print("opened", at.get_variable(f"{path}_secret"))
        else:
            refused(lambda at=at, path=path: at.get_variable(f"{path}_secret"), "403", "secret_is_write_only")
    refused(lambda: client.get_variable(f"{given['folder']}/nothing"), "404")


def resources(client, given):
    base = f"{given['folder']}/res_{'job' if given['job'] else 'program'}"
    variable = f"{base}_word"
    client.set_variable(variable, "opened")
    value = {"host": "db", "word": f"$var:{variable}", "list": [1, None, 2.5]}
    client.set_resource(value, f"{base}_a", "postgresql")
    orvanta.set_resource(f"{base}_b", value, "postgresql")
    client.set_connection(value, f"{base}_c", "postgresql")
    orvanta.set_connection(f"{base}_d", value, "postgresql")
    for name in "abcd":
        for get in (client.get_resource, orvanta.get_resource, client.get_connection, orvanta.get_connection):
            assert get(f"{base}_{name}") == value | {"word": "opened"}
            assert get(f"$res:{base}_{name}", interpolated=False) == value
    client.set_resource({"host": "other"}, f"{base}_a", "postgresql")
    assert client.get_resource(f"{base}_a") == {"host": "other"}
    for listed in (client.list_resources, orvanta.list_resources, client.list_connections, orvanta.list_connections):
        found = {each["path"]: each["resource_type"] for each in listed("postgresql", page=1, per_page=100)}
        assert {f"{base}_{name}" for name in "abcd"} <= found.keys()
        assert set(found.values()) == {"postgresql"}
    assert client.get_resource(f"{base}_none", none_if_undefined=True) is None
    refused(lambda: client.get_resource(f"{base}_none"), "404")


def files(client, given):
    base = f"{given['folder']}/files/{'job' if given['job'] else 'program'}"
    large = b"0123456789abcdef" * (1 << 16)
    for n, at in enumerate((client, orvanta)):
        name = f"{base}_{n}.bin"
        stored = at.write_s3_file({"s3": name}, large, None)
        assert stored["s3"] == name
        assert at.load_s3_file(stored, None) == at.load_s3_file(f"s3:///{name}", None) == large
        with tempfile.NamedTemporaryFile() as file:
            file.write(large)
            file.flush()
            with open(file.name, "rb") as opened:
                streamed = at.write_s3_file({"s3": f"{base}_{n}.txt"}, opened, None, content_type="text/plain")
        with at.load_s3_file_reader(streamed, None) as reader:
            assert reader.read(1) != b""
            assert large.endswith(reader.read())
        made_up = at.write_s3_file(None, b"x", None)
        assert made_up["s3"].startswith("uploads/")
        for each in (stored, streamed, made_up):
            at.delete_s3_object(each)
        refused(lambda at=at, stored=stored: at.load_s3_file(stored, None), "404")
        refused(lambda at=at: at.load_s3_file({"s3": "../../secret"}, None), "400")


def buckets(client, given):
    path = f"{given['folder']}/bucket_{'job' if given['job'] else 'program'}"
    value = {"bucket": "b", "endPoint": "s3.example", "region": "r", "useSSL": True, "accessKey": "id"}
    client.set_resource({**value, "secretKey": "s3cret-value"}, path, "s3")
    calls = {
        "duckdb": (client.get_duckdb_connection_settings, orvanta.duckdb_connection_settings),
        "polars": (client.get_polars_connection_settings, orvanta.polars_connection_settings),
        "boto3": (client.get_boto3_connection_settings, orvanta.boto3_connection_settings),
    }
    for name, both in calls.items():
        for call in both:
            if given["job"]:
                assert "s3cret-value" in str(call(path)), name
            else:
                refused(lambda call=call: call(path), "403")
            refused(call, "409")


def state(client):
    assert client.state_path == orvanta.get_state_path()
    for n, (keep, give) in enumerate(((client.set_state, orvanta.get_state), (orvanta.set_state, client.get_state))):
        keep({"n": n, "seen": [1, 2]})
        assert give() == {"n": n, "seen": [1, 2]} == client.state
    client.state = "a word"
    assert client.get_state() == "a word"


def of_a_job(client, given):
    for at in (client, orvanta):
        claims = at.get_id_token("vault.example").split(".")[1]
        assert json.loads(base64.urlsafe_b64decode(claims + "=="))["email"] == given["email"]
    client.set_progress(40)
    assert client.get_progress() == orvanta.get_progress() == 40
    orvanta.set_progress(60, os.environ["OV_JOB_ID"])
    assert client.get_progress(os.environ["OV_JOB_ID"]) == 60


def streams():
    """Print a stream, which outside of a job is ordinary output."""
    orvanta.stream_result(text for text in ("one\n", "two"))
    orvanta.append_to_result_stream(" three")


def without_a_server():
    """Call the functions that need no server: parsers, and those that read a mock file."""
    assert orvanta.parse_resource_syntax("$res:u/a/b") == orvanta.parse_resource_syntax("res://u/a/b") == "u/a/b"
    assert orvanta.parse_variable_syntax("var://u/a/b") == "u/a/b"
    assert orvanta.parse_s3_object("s3://store/key") == {"s3": "key", "storage": "store"}
    error = refused(lambda: orvanta.throw_business_error("E_STOCK", "none left"), "none left")
    assert (type(error).__name__, error.orvanta_error_code) == ("BusinessError", "E_STOCK")
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write('{"variables": {"u/a/b": "stands in"}}')
        file.flush()
        os.environ["OV_MOCKED_API_FILE"] = file.name
        try:
            assert orvanta.Orvanta().get_variable("u/a/b") == "stands in"
        finally:
            del os.environ["OV_MOCKED_API_FILE"]


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
