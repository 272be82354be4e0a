"""S3 as plain HTTP: the address of an object over https://.

`s3://BUCKET/KEY` becomes the bucket's REST address, or a path below another store's endpoint. Keys
and signatures are `storage.aws`'s matter.
"""

from urllib.parse import quote, unquote, urlsplit

from storage import aws


def address(url: str) -> str:
    """The object's address over HTTP."""
    parts = urlsplit(url)
    bucket, key = parts.netloc, parts.path.lstrip("/")
    endpoint = aws.endpoint()
    path = quote(unquote(key), safe="/~")
    if endpoint:
        return f"{endpoint.rstrip('/')}/{bucket}/{path}"
    region = aws.region()
    if "." in bucket:  # its name would not fit the certificate
        return f"https://s3.{region}.amazonaws.com/{bucket}/{path}"
    return f"https://{bucket}.s3.{region}.amazonaws.com/{path}"
