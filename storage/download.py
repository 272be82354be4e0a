"""Copies of S3 artifacts on this disk, each downloaded once and verified against its manifest.

A copy is staged and published like any artifact, so that a killed download leaves nothing a
reader could take for whole. Provenance files are copied too but not verified: two committers may
have raced on them.
"""

from pathlib import Path

from storage import durable, garbage
from storage.digest import file_sha256
from storage.errors import UserError
from storage.local import STAGING, LocalTree
from storage.manifest import MANIFEST, Damaged, Manifest, parse
from storage.s3 import ObjectTree

FILES = ".files"  # single files, beside the whole artifacts


def whole_artifact(remote: ObjectTree, disk: LocalTree, folder: str, manifest: Manifest) -> Path:
    """The artifact's folder on this disk."""
    target = disk.root / folder
    if _is_copy(disk, folder, manifest):
        return target
    staging = disk.root / STAGING / garbage.staging_name(manifest.kind, manifest.digest)
    try:
        with durable.full_disk_is_clear(disk.root):
            for name in [*manifest.files, *manifest.provenance.get("files", {})]:
                _fetch(remote, folder, manifest, name, staging / name)
            (staging / MANIFEST).write_bytes(manifest.to_json())
            disk.publish(staging, folder, lambda: _is_copy(disk, folder, manifest))
    finally:
        durable.remove_tree(staging)
    return target


def one_file(
    remote: ObjectTree, disk: LocalTree, folder: str, manifest: Manifest, name: str
) -> Path:
    """One file of an artifact on this disk."""
    if _is_copy(disk, folder, manifest):
        return disk.root / folder / name
    # The hash stands in the path, so that a file that is there is the right one.
    expected = manifest.files.get(name) or manifest.provenance["files"][name]
    target = disk.root / FILES / folder / expected["sha256"][:16] / Path(name).name
    if not target.exists():
        staging = disk.root / STAGING / garbage.staging_name(manifest.kind, manifest.digest)
        try:
            with durable.full_disk_is_clear(disk.root):
                _fetch(remote, folder, manifest, name, staging / target.name)
                durable.sync_tree(staging)
                target.parent.mkdir(parents=True, exist_ok=True)
                (staging / target.name).replace(target)
        finally:
            durable.remove_tree(staging)
    return target


def _fetch(remote: ObjectTree, folder: str, manifest: Manifest, name: str, target: Path) -> None:
    where = f"{remote.url}/{folder}/{name}"
    try:
        remote.download(f"{folder}/{name}", target)
    except FileNotFoundError as error:
        raise UserError(f"{where}: missing: run again to rebuild this artifact") from error
    expected = manifest.files.get(name)
    if expected is not None and file_sha256(target) != expected["sha256"]:
        raise UserError(f"{where}: damaged (wrong hash): delete it and run again")


def _is_copy(disk: LocalTree, folder: str, manifest: Manifest) -> bool:
    """A whole copy of just this artifact, not of an earlier one under the same digest."""
    data = disk.read(f"{folder}/{MANIFEST}")
    try:
        if data is None or parse(data, folder).content() != manifest.content():
            return False
    except Damaged:
        return False
    sizes = disk.sizes(folder)
    return all(sizes.get(name) == file["bytes"] for name, file in manifest.files.items())
