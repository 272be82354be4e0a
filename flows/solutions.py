"""Right answers of a larger model to tasks that code can check; off without solutions.prompts."""

from flows import brought_files, imported
from flows.config import RunConfig, settle
from flows.runner.flow_run import Artifacts, Run
from flows.runner.references import InputFile
from pipeline.rl import solutions
from storage.file_hashes import hash_now

MIXTURE = "solutions.tasks"


def conversations(run: Run, made: Artifacts) -> Artifacts:
    """What the teacher solved, as one more source of fine-tuning, if it is asked."""
    config: RunConfig = run.config
    if not config.solutions.prompts:
        return {}
    files = [InputFile(file, *hash_now(file)) for file in brought_files.task_files(config, MIXTURE)]
    found = run.make(
        solutions.STAGE,
        settle(config.solutions),
        f"{config.solutions.prompts:,} tasks for the teacher",
        teacher=[imported.model(run, "teacher_model", config.input.teacher_model)],
        tokenizer=[made["tokenizer"]],
        **({"tasks": files} if files else {}),
    )
    return {"solutions": found}
