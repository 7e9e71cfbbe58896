import hashlib
import hmac
import json
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from typing import Any, Literal

s3 = dict[str, Any]  # a resource of this type


def main(
    bucket: s3,
    key: str,
    action: Literal["read", "write", "delete"] = "read",
    content: str = "",
    parse_json: bool = False,
) -> dict:
    """Read, write or delete an object of a bucket."""
    method = {"read": "GET", "write": "PUT", "delete": "DELETE"}[action]
    body = content.encode() if action == "write" else b""
    try:
        with urllib.request.urlopen(signed(bucket, method, key, body), timeout=60) as response:
            data = response.read()
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"The bucket refused to {action} {key}: status {error.code}") from None
    if action != "read":
        return {"key": key, "size": len(body)}
    text = data.decode()
    return {"key": key, "size": len(data), "content": json.loads(text) if parse_json else text}


def signed(bucket: s3, method: str, key: str, body: bytes) -> urllib.request.Request:
    """Return a request signed with AWS Signature Version 4."""
    region = bucket.get("region") or "us-east-1"
    host = bucket.get("endPoint") or f"s3.{region}.amazonaws.com"
    path = "/" + urllib.parse.quote(key.lstrip("/"), safe="/-_.~")
    if bucket.get("pathStyle", True):
        path = f"/{bucket['bucket']}{path}"
    else:
        host = f"{bucket['bucket']}.{host}"
    if bucket.get("port"):
        host = f"{host}:{bucket['port']}"
    now = datetime.now(UTC)
    digest = hashlib.sha256(body).hexdigest()
    headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": now.strftime("%Y%m%dT%H%M%SZ")}
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = "\n".join([method, path, "", lines, names, digest])
    scope = f"{now:%Y%m%d}/{region}/s3/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashed])
    secret = f"AWS4{bucket['secretKey']}".encode()
    for part in scope.split("/"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    signature = hmac.digest(secret, text.encode(), "sha256").hex()
    headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={bucket['accessKey']}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    scheme = "https" if bucket.get("useSSL", True) else "http"
    return urllib.request.Request(f"{scheme}://{host}{path}", body or None, headers, method=method)
