"""Which tests judge a module: tests/<its folder>/test_<its name>.py and test_<its name>_*.py, and
those named here, where a module's tests bear another name."""

import hashlib
from pathlib import Path

# By module; a name without a folder lies where the module's own tests would.
MORE = {
    "pipeline/training/config.py": ("test_pretrain",),
    "pipeline/training/distribution.py": (
        "test_loop",
        "test_step",
        "tests/pipeline/rl/test_update",
    ),
    "pipeline/training/head_gradients.py": ("test_loss", "tests/pipeline/rl/test_reverse_kl"),
    "pipeline/sft/drafted.py": ("test_conversations",),
    "pipeline/sft/sources_with_outputs.py": (
        "test_passage_questions",
        "test_search_conversations",
        "test_tool_conversations",
    ),
    "pipeline/training/interruption.py": ("test_loop", "test_resume"),
    "pipeline/training/loop.py": ("test_rollback", "test_resume", "test_separation"),
    "pipeline/training/next_token.py": ("test_loop", "test_separation"),
    "pipeline/training/optimizers.py": ("test_optimizer_steps",),
    "pipeline/training/shape.py": ("test_depth", "test_scaling"),
    "pipeline/training/replicas.py": ("test_sharding",),
    "pipeline/training/run_records.py": ("test_runlog", "test_resume"),
    "pipeline/training/sharded.py": ("test_sharding",),
    "pipeline/training/sharded_checkpoint.py": ("test_sharding",),
    "pipeline/training/state.py": (
        "test_checkpoint_manager",
        "test_checkpoint",
        "test_resume",
        "tests/pipeline/sft/test_train",
    ),
    **{
        f"pipeline/curriculum/{name}.py": ("test_task_kinds",)
        for name in (
            *("calendar_tasks", "comparisons", "differences", "final_answers", "letters"),
            *("multiplication", "sorting", "syllogisms", "task_type", "unit_conversions"),
            "word_problems",
        )
    },
    "pipeline/connect_four/config.py": ("test_game_rl", "tests/pipeline/test_ranges"),
    "pipeline/connect_four/game_settings.py": ("test_game_conversations",),
    "pipeline/connect_four/game_vocabulary.py": ("test_notation",),
    "pipeline/curriculum/crime_in_books.py": ("test_harmless_acts", "test_requests_to_refuse"),
    "pipeline/evals/paraphrases.py": ("test_unseen", "test_self_suite"),
    "pipeline/sft/config.py": ("test_conversations", "test_train"),
    "pipeline/sft/definitions.py": ("test_facts",),
    "pipeline/sft/identity.py": ("test_conversations",),
    "pipeline/sft/persona_answers.py": ("test_personas", "tests/pipeline/evals/test_self_suite"),
    "pipeline/sft/grammar.py": ("test_facts", "test_relation_types", "test_conversations"),
    "pipeline/sft/function_words.py": ("test_relation_types",),
    "pipeline/sft/noun_classes.py": ("test_relation_types",),
    "pipeline/sft/people_relations.py": ("test_facts", "test_relation_types", "test_indirect"),
    "pipeline/sft/place_relations.py": ("test_facts", "test_relation_types", "test_indirect"),
    "pipeline/sft/interrogation/config.py": ("test_labelers", "test_probes"),
    "pipeline/sft/interrogation/tuning.py": ("tests/flows/test_interrogate",),
    "pipeline/sft/reading.py": ("test_reading", "test_conversations"),
    "pipeline/sft/relations.py": ("test_facts", "test_relation_types", "test_conversations"),
    "pipeline/sft/small_talk.py": ("test_conversations",),
    "pipeline/sft/spelling.py": ("test_conversations", "tests/pipeline/evals/test_suites"),
    "pipeline/sft/teacher/config.py": ("test_budget", "test_stage"),
    "pipeline/sft/teacher/prompts.py": ("test_stage",),
    "pipeline/tools/program_run.py": ("test_python_tool",),
    "pipeline/tools/fts5.py": ("test_search_index",),
    "pipeline/tools/retrieval.py": ("test_search_tool", "tests/flows/cli/test_search"),
    "pipeline/tools/search_index.py": ("test_retrieval",),
    "pipeline/tools/tool.py": ("test_toolbox",),
    "pipeline/tools/sandbox/guest.py": (
        "tests/pipeline/tools/test_fork_server",
        "tests/pipeline/tools/test_python_tool",
        "tests/pipeline/tools/test_escapes",
    ),
    "pipeline/tools/sandbox/landlock.py": ("test_landlock", "tests/pipeline/tools/test_escapes"),
    "pipeline/tools/sandbox/layers.py": ("tests/pipeline/tools/test_fork_server",),
    "pipeline/tools/sandbox/namespaces.py": ("tests/pipeline/tools/test_escapes",),
    "pipeline/tools/sandbox/system_calls.py": ("tests/pipeline/tools/test_escapes",),
    "pipeline/tools/sandbox/zygote.py": ("tests/pipeline/tools/test_fork_server",),
    **{
        f"pipeline/preferences/{name}.py": ("test_rlhf", "test_rlhf_stage")
        for name in ("optimise", "policy_sample", "rlhf_coefficient", "rlhf_notes", "rlhf_update")
    },
    "pipeline/preferences/config.py": ("test_rlhf", "tests/pipeline/test_ranges"),
    "pipeline/preferences/comparisons_config.py": ("test_gathered_comparisons",),
    "pipeline/preferences/judge_config.py": ("test_answer_judge",),
    "pipeline/preferences/preference_pairs.py": ("test_reward_training",),
    "pipeline/preferences/reward_config.py": ("test_reward_training", "test_preference_pairs"),
    "pipeline/preferences/reward_model.py": (
        "test_proxy_reward",
        "tests/pipeline/export/test_reward_export",
    ),
    "pipeline/preferences/reward_run.py": ("test_reward_training",),
    "pipeline/export/export.py": ("test_reward_export",),
    "pipeline/rl/config.py": (
        "test_train",
        "tests/pipeline/test_ranges",
        "test_rollouts",
        "test_honesty_prompts",
        "test_rehearsal",
        "test_objectives",
    ),
    "pipeline/rl/rollouts.py": ("test_honesty_prompts", "test_objectives"),
    "pipeline/rl/rollout_figures.py": (
        "test_rollouts",
        "test_honesty_prompts",
        "test_sampled_batch",
    ),
    "pipeline/rl/token_losses.py": ("test_objectives",),
    "pipeline/rl/policy_gradient.py": ("test_objectives",),
    "pipeline/rl/train.py": (
        "test_update",
        "test_distillation",
        "test_rollback",
        "test_honesty_prompts",
        "test_rehearsal",
    ),
    "pipeline/rl/policy_update.py": (
        "test_update",
        "test_distillation",
        "test_mismatch",
        "test_kept_answers",
        "test_sampled_batch",
        "test_rehearsal",
    ),
    "pipeline/model/attention.py": ("test_functions", "test_transformer", "test_fused"),
    "pipeline/model/kv_cache.py": ("test_transformer", "test_cuda_graph", "test_speedrun"),
    "pipeline/model/config.py": ("test_hf_config", "test_transformer", "test_families"),
    "pipeline/model/decode_native.py": (
        *("test_native", "test_decode_run", "test_batch", "test_row_bias"),
    ),
    "pipeline/model/decode_torch.py": ("test_native", "test_engine", "test_batch", "test_row_bias"),
    "pipeline/model/device.py": ("test_precision", "tests/pipeline/test_gpu_ways"),
    "pipeline/model/constraint.py": ("test_row_bias",),
    "pipeline/model/text_states.py": ("test_prompt_logprobs", "test_embedding"),
    "pipeline/serve/way_out.py": ("test_grammars",),
    "pipeline/model/engine.py": ("test_stop_strings", "test_batch", "test_prompt_logprobs"),
    "pipeline/model/hf_keys.py": ("test_hf_config", "test_rope", "test_families"),
    "pipeline/model/hf_tensors.py": ("test_hf_weights", "test_hf_quantized", "test_families"),
    "pipeline/model/page_pool.py": ("test_scheduler", "test_batch"),
    "pipeline/model/rows.py": ("test_native", "test_batch", "test_scheduler"),
    "pipeline/model/scheduler.py": ("test_batch",),
    "pipeline/model/weights.py": ("test_transformer", "test_native", "test_lora"),
    "pipeline/filters/bank_numbers.py": ("test_pii", "test_pii_contexts"),
    "pipeline/filters/contamination_report.py": ("test_decontamination",),
    "pipeline/filters/digit_windows.py": ("test_places",),
    "pipeline/filters/english_exceptions.py": ("test_words",),
    "pipeline/filters/fasttext_file.py": ("test_language_model", "test_language"),
    "pipeline/filters/ip_addresses.py": ("test_pii", "test_pii_contexts"),
    "pipeline/filters/keys.py": ("test_pii", "test_pii_contexts"),
    "pipeline/filters/language_table.py": ("test_languages",),
    "pipeline/filters/national_id_forms.py": ("test_national_ids",),
    "pipeline/filters/phones.py": ("test_pii", "test_pii_contexts", "test_phone_names"),
    "pipeline/filters/punctuation.py": ("test_c4", "test_fineweb", "test_datatrove_parity"),
    "pipeline/filters/quality_scores.py": ("test_quality_model",),
    "pipeline/filters/separation.py": ("test_quality_model",),
    "pipeline/filters/toxicity_words.py": ("test_toxicity",),
    "pipeline/dedup/spill.py": ("test_bands",),
    "storage/cache.py": ("test_lake",),
    "storage/explanation.py": ("test_explain",),
    "storage/local_copies.py": ("test_s3",),
    "storage/manifest.py": ("test_lake", "test_catalog"),
    "storage/query_answer.py": ("test_bounded_query",),
    "storage/schemas.py": ("test_tables", "test_catalog"),
    "storage/sqlite_store.py": (
        "tests/pipeline/labels/test_task_store",
        "tests/pipeline/evals/test_vote_store",
    ),
    "storage/views.py": ("test_catalog", "test_explain"),
}


def tests_of(root: Path, module: str) -> tuple[str, ...]:
    """Relative paths of a module's tests, its own first; a name that isn't there is a mistake."""
    folder = Path("tests") / Path(module).parent
    name = Path(module).stem
    mirror = [folder / f"test_{name}.py", *sorted((root / folder).glob(f"test_{name}_*.py"))]
    found = [path.relative_to(root) if path.is_absolute() else path for path in mirror]
    found = [path for path in found if (root / path).is_file()]
    for more in MORE.get(module, ()):
        path = Path(f"{more}.py") if more.startswith("tests/") else folder / f"{more}.py"
        if not (root / path).is_file():
            raise FileNotFoundError(f"tests/mutants/judges.py: {module} names {path}: not there")
        found.append(path)
    return tuple(dict.fromkeys(path.as_posix() for path in found))


def digest(root: Path, tests: tuple[str, ...]) -> str:
    """Of the tests and the fixtures above them: a survivor is judged again when it changes."""
    folders = {folder for test in tests for folder in Path(test).parents}
    conftests = (root / folder / "conftest.py" for folder in sorted(folders))
    whole = hashlib.sha256()
    for path in (*(root / test for test in tests), *conftests):
        if path.is_file():
            whole.update(path.read_bytes())
    return whole.hexdigest()[:16]
