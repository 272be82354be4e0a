"""Which Prefect run made an artifact, and where its page is, for the artifact's provenance."""

import os

from flows.runner import server
from storage.manifest import PrefectRun


def prefect_run() -> PrefectRun | None:
    """The task run that asks; None outside of one.

    Our own server has no pages and is gone with the run, so that nothing would lie behind a link.
    """
    from prefect.runtime import flow_run, task_run

    if task_run.id is None:
        return None
    found: PrefectRun = {"id": str(task_run.id), "flow": str(flow_run.name or "")}
    is_lasting = os.environ.get("PREFECT_API_URL") not in server.own_urls
    if is_lasting and task_run.ui_url:
        found["url"] = str(task_run.ui_url)
    return found
