"""Large results and arguments over the API: complete, in ranges, and with a missing object."""

from __future__ import annotations

from tests.http.harness import ApiHarness, W, script

LARGE = {"rows": ["ä" * 1000] * 1700}


async def ended(api: ApiHarness) -> str:
    """Run a workflow of one node with a large input and result."""
    id = await api.flow(script("a"), args=LARGE)
    await api.worker.finish((await api.worker.claim())["a"], LARGE)
    return id


async def test_large_values_whole_and_in_ranges(api: ApiHarness) -> None:
    id = await ended(api)
    for path in (f"jobs_u/completed/get_result/{id}", f"jobs_u/get_args/{id}", f"jobs/result_by_id/{id}/a"):
        whole = await api.client.get(f"{W}/{path}")
        assert whole.json() == LARGE and whole.headers["accept-ranges"] == "bytes"
        size = len(whole.content)
        assert size > 3 << 20 and whole.headers["content-length"] == str(size)
        for first, last in ((0, 99), (1 << 20, (1 << 20) + 5), ((1 << 20) - 3, (2 << 20) + 3)):
            part = await api.client.get(f"{W}/{path}", headers={"Range": f"bytes={first}-{last}"})
            assert (part.status_code, part.content) == (206, whole.content[first : last + 1]), path
            assert part.headers["content-range"] == f"bytes {first}-{last}/{size}"
        past = await api.client.get(f"{W}/{path}", headers={"Range": f"bytes={size}-"})
        assert (past.status_code, past.json()["error"]["details"]) == (416, {"size": size})


async def test_small_values_have_ranges(api: ApiHarness) -> None:
    id = await api.flow(script("a"))
    await api.worker.finish((await api.worker.claim())["a"], [1, 2])
    path = f"{W}/jobs_u/completed/get_result/{id}"
    assert (await api.client.get(path)).json() == [1, 2]
    part = await api.client.get(path, headers={"Range": "bytes=-2"})
    assert (part.status_code, part.content[-1:]) == (206, b"]")
    assert (await api.client.get(f"{W}/jobs_u/get_args/{id}")).json() == {}


async def test_unfinished_and_cancelled_runs(api: ApiHarness) -> None:
    id = await api.flow(script("a"))
    assert (await api.client.get(f"{W}/jobs_u/completed/get_result/{id}")).status_code == 404
    assert (await api.client.get(f"{W}/jobs/result_by_id/{id}/a")).status_code == 404
    await api.client.post(f"{W}/jobs_u/queue/force_cancel/{id}", json={"reason": "enough"})
    result = (await api.client.get(f"{W}/jobs_u/completed/get_result/{id}")).json()
    assert result["error"]["name"] == "Canceled"


async def test_missing_object_is_named(api: ApiHarness) -> None:
    id = await ended(api)
    for path in (api.platform.settings.home / "objects").rglob("result"):
        path.unlink()
    answer = await api.client.get(f"{W}/jobs_u/completed/get_result/{id}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "object_missing")
    assert id in answer.json()["error"]["message"]
    assert (await api.client.get(f"{W}/jobs_u/get_args/{id}")).json() == LARGE
