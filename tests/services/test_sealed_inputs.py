"""Decrypted passwords in the inputs of a sub-workflow."""

from __future__ import annotations

import pytest

from orvanta_platform.control.masking import OpenedSecrets
from orvanta_platform.errors import TooComplex
from orvanta_platform.orchestrator.sealed_inputs import holding

SECRET = "a-password-of-nobody"


def test_strings_with_a_password_are_found() -> None:
    rows = b"[%s{}]" % (b'{"a":[1]},' * 50_000)
    raw = b'{"rows":%s,"a/b":["Bearer %s",{"c":"%s"}],"d":"***"}' % (rows, SECRET.encode(), SECRET.encode())
    assert holding(raw, OpenedSecrets([SECRET])) == {
        "/a~1b/0": f'"Bearer {SECRET}"'.encode(),
        "/a~1b/1/c": f'"{SECRET}"'.encode(),
    }
    assert holding(raw, OpenedSecrets()) == {}


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"[" * 3_000 + b'"%s"' % SECRET.encode() + b"]" * 3_000, id="deep"),
        pytest.param(b"[%s1]" % (b'"%s",' % SECRET.encode() * 30_000), id="many"),
    ],
)
def test_work_is_limited(raw: bytes) -> None:
    with pytest.raises(TooComplex):
        holding(raw, OpenedSecrets([SECRET]))
