"""Which artifacts the newest run is made of: its heads and all they were made from.

A lake holds the artifacts of many runs, and a part may serve several. Per kind the heads decide:
where a slot names an artifact of a kind, others of that kind are left out even if an older head
was made from them, so that a table over the selection never counts a page twice. What an earlier
run left for comparison (the input `previous`) is no part of a run.
"""

from collections.abc import Iterable

from storage.manifest import Manifest

EARLIER = "previous"


def reachable(manifests: Iterable[Manifest], heads: dict[str, str]) -> list[Manifest]:
    """The heads' artifacts and their ancestors, in the order of `manifests`."""
    by_digest = {manifest.digest: manifest for manifest in manifests}
    chosen = {slot.split(".")[0] for slot in heads}
    found: dict[str, Manifest] = {}
    waiting = [digest for _, digest in sorted(heads.items())]
    heads_digests = frozenset(waiting)
    while waiting:
        manifest = by_digest.get(waiting.pop())
        if manifest is None or manifest.digest in found:
            continue  # an input file, an artifact that is gone, or seen before
        if manifest.kind in chosen and manifest.digest not in heads_digests:
            continue
        found[manifest.digest] = manifest
        for key, digests in manifest.inputs.items():
            if key != EARLIER:
                waiting.extend(digests)
    return [manifest for digest, manifest in by_digest.items() if digest in found]
