"""S3 as plain HTTP: the address of an object over https://.

`s3://BUCKET/KEY` becomes the bucket's REST address, or a path below another store's endpoint.
`storage.aws` has the credentials and signatures.
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
    if "." in bucket:  # the certificate does not cover its name
        return f"https://s3.{region}.amazonaws.com/{bucket}/{path}"
    return f"https://{bucket}.s3.{region}.amazonaws.com/{path}"
