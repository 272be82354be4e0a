"""lm-evaluation-harness against a server: run by the harness's own Python, knows nothing of ours.

In: a folder with `<task>.jsonl` and `<task>.yaml`, and a server's address. Out, as JSON on stdout:
for each task its metrics and every row's replies.
"""

import argparse
import json
import sys


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--client", required=True, help="local-completions, local-chat-completions")
    parser.add_argument("--url", required=True, help="with /v1/completions or /v1/chat/completions")
    parser.add_argument("--model", required=True)
    parser.add_argument("--tasks", required=True, help="names, by comma")
    given = parser.parse_args()

    import lm_eval
    from lm_eval.tasks import TaskManager

    chats = given.client == "local-chat-completions"
    options = {"base_url": given.url, "model": given.model, "max_retries": 1}
    # Its own tokenizer it asks the server for (/tokenizer_info, /tokenize).
    options |= {} if chats else {"tokenizer_backend": "remote", "batch_size": 4}
    manager = TaskManager(include_path=given.folder, include_defaults=False)
    found = lm_eval.simple_evaluate(
        model=given.client,
        model_args=options,
        tasks=given.tasks.split(","),
        task_manager=manager,
        apply_chat_template=chats,
        log_samples=True,
        bootstrap_iters=0,
    )
    told = {}
    for name, samples in found["samples"].items():
        rows = sorted(samples, key=lambda sample: sample["doc_id"])
        metrics = {k: v for k, v in found["results"][name].items() if isinstance(v, float)}
        told[name] = {"metrics": metrics, "replies": [row["filtered_resps"] for row in rows]}
    json.dump({"version": lm_eval.__version__, "tasks": told}, sys.stdout)


if __name__ == "__main__":
    main()
