"""A tree of artifacts in an object store, `s3://bucket/prefix/<kind>/<digest16>/…`, by pyarrow.fs.

Object stores have no rename, but each object appears whole: the files are uploaded first and
manifest.json last, and a folder without its manifest is no artifact. Credentials and region come
from the usual AWS variables and files; another endpoint from AWS_ENDPOINT_URL or
`?endpoint_override=`.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from pyarrow import fs

from storage.errors import UserError
from storage.local import Entries
from storage.manifest import MANIFEST, file_names

DEFAULT_REGION = "us-east-1"
COPY_BUFFER_BYTES = 8 << 20
CONNECT_TIMEOUT_SECONDS = 10.0


class ObjectTree:
    """Reads and publishes artifact folders below an s3:// URL."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        for key in sorted(options.keys() - {"endpoint_override", "region", "scheme"}):
            raise UserError(
                f"lake {url}: unknown option {key!r} (known: endpoint_override, region, scheme)"
            )
        if not parts.netloc:
            raise UserError(f"lake {url}: no bucket: write s3://BUCKET/PREFIX")
        self.url = f"s3://{parts.netloc}{unquote(parts.path).rstrip('/')}"
        self.base = self.url.removeprefix("s3://")
        self.endpoint = (
            options.get("endpoint_override")
            or os.environ.get("AWS_ENDPOINT_URL_S3")
            or os.environ.get("AWS_ENDPOINT_URL")
            or ""
        )
        self.filesystem = _filesystem(self.endpoint, options)
        self._check_bucket(parts.netloc)

    def read(self, name: str) -> bytes | None:
        """A small object's bytes, None where there is none."""
        try:
            with self.filesystem.open_input_stream(self._path(name)) as stream:
                return bytes(stream.read())
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Replace a small object; the store shows the old or the new one."""
        with self.filesystem.open_output_stream(self._path(name)) as stream:
            stream.write(data)

    def update(self, name: str, change: Callable[[bytes | None], bytes]) -> None:
        """Read, change and replace. No lock: of two at the same moment the later one wins."""
        self.write(name, change(self.read(name)))

    def sizes(self, folder: str) -> dict[str, int]:
        """Size of each object below a folder, by name; empty where there is none."""
        prefix = self._path(folder) + "/"
        return {path.removeprefix(prefix): size for path, size in self._objects(prefix)}

    def entries(self, kind: str | None = None, start: str = "") -> dict[str, Entries]:
        """Size and time of change of every artifact folder's objects, from one listing.

        By `<kind>/<digest16>`: of one kind if given, of digests that start so.
        """
        prefix = self.base + "/"
        whole = f"/{start[:16]}" if kind is not None and len(start) >= 16 else ""
        place = self.base if kind is None else f"{self.base}/{kind}{whole}"
        selector = fs.FileSelector(place, recursive=True, allow_not_found=True)
        found: dict[str, Entries] = {}
        for info in self.filesystem.get_file_info(selector):
            parts = info.path.removeprefix(prefix).split("/", 2)
            if info.type != fs.FileType.File or len(parts) < 3 or parts[0].startswith("."):
                continue
            if parts[1].startswith(start[:16]):
                files = found.setdefault("/".join(parts[:2]), {})
                files[parts[2]] = info.size, info.mtime_ns or 0
        return dict(sorted(found.items()))

    def remove(self, name: str) -> None:
        """Remove a small object; one that is gone already is fine."""
        with contextlib.suppress(FileNotFoundError):
            self.filesystem.delete_file(self._path(name))

    def publish(self, staging: Path, folder: str, is_whole: Callable[[], bool]) -> bool:
        """Upload a finished staging folder; False if a whole artifact is there.

        Two that commit the same digest at once upload the same bytes: neither harms the other.
        """
        if is_whole():
            return False
        manifest = self._path(f"{folder}/{MANIFEST}")
        if self.filesystem.get_file_info(manifest).type != fs.FileType.NotFound:
            self.filesystem.delete_file(
                manifest
            )  # damaged: no reader may take the mixture for whole
        for name in [n for n in file_names(staging) if n != MANIFEST] + [MANIFEST]:
            self._upload(staging / name, self._path(f"{folder}/{name}"))
        return True

    def download(self, name: str, target: Path) -> None:
        """Copy an object to a local file."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            self.filesystem.open_input_stream(self._path(name)) as source,
            target.open("wb") as sink,
        ):
            while block := source.read(COPY_BUFFER_BYTES):
                sink.write(block)

    def sha256(self, name: str) -> str:
        """Hash of an object's bytes, read once."""
        sha = hashlib.sha256()
        with self.filesystem.open_input_stream(self._path(name)) as stream:
            while block := stream.read(COPY_BUFFER_BYTES):
                sha.update(block)
        return sha.hexdigest()

    def _upload(self, source: Path, path: str) -> None:
        stream = self.filesystem.open_output_stream(path)
        try:
            with source.open("rb") as file:
                while block := file.read(COPY_BUFFER_BYTES):
                    stream.write(block)
        except BaseException:
            stream.abort() if hasattr(stream, "abort") else None
            raise
        stream.close()

    def _objects(self, prefix: str) -> list[tuple[str, int]]:
        selector = fs.FileSelector(prefix.rstrip("/"), recursive=True, allow_not_found=True)
        infos = self.filesystem.get_file_info(selector)
        return sorted((i.path, i.size) for i in infos if i.type == fs.FileType.File)

    def _path(self, name: str) -> str:
        return f"{self.base}/{name}"

    def _check_bucket(self, bucket: str) -> None:
        """A wrong bucket, endpoint or key is found here, in one line, not deep inside a run."""
        try:
            info = self.filesystem.get_file_info(bucket)
        except OSError as error:
            reason = " ".join(str(error).split())
            raise UserError(f"lake {self.url}: can't be reached: {reason}") from error
        if info.type == fs.FileType.NotFound:
            raise UserError(f"lake {self.url}: no bucket {bucket!r}: create it first")


def _filesystem(endpoint: str, options: dict[str, str]) -> fs.S3FileSystem:
    scheme, _, host = endpoint.rpartition("://")
    region = (
        options.get("region")
        or os.environ.get("AWS_REGION")
        or os.environ.get("AWS_DEFAULT_REGION")
        or (DEFAULT_REGION if endpoint else None)
    )
    return fs.S3FileSystem(
        endpoint_override=host or None,
        scheme=options.get("scheme") or scheme or "https",
        region=region,
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        # One stream a file keeps memory flat and the order of uploads the order of our calls.
        background_writes=False,
    )
