"""Models are known by their weights where the lake has them, else by their folder."""

from pathlib import Path

from pipeline.chat.conversation import Conversation, user
from pipeline.evals.contender_names import known_as, shown_names, shown_votes
from pipeline.evals.vote_store import Battle, CastVote, Contender


def test_known_by_kind_and_digest_or_by_the_folder(tmp_path: Path) -> None:
    artifact = tmp_path / "rl" / "0123456789abcdef"
    artifact.mkdir(parents=True)
    assert known_as(artifact) == "rl 01234567"
    (tmp_path / "link").symlink_to(artifact)
    assert known_as(tmp_path / "link") == "rl 01234567"
    assert known_as(tmp_path / "exported") == "exported"
    assert known_as(tmp_path / "small.gguf") == "small.gguf"


def test_votes_are_shown_by_the_shorter_names() -> None:
    def cast(a: str, b: str, winner: str) -> CastVote:
        sides = (Contender(a, "x", 1), Contender(b, "y **z**", 2))
        battle = Battle(Conversation((user("?"),)), "test", *sides, "a", {})
        return CastVote(battle, winner, None, 0.0)

    votes = [cast("rl 11111111", "rl 22222222", "a"), cast("rl 11111111", "sft 33333333", "tie")]
    assert shown_names({"sft 33333333"}) == {"sft 33333333": "sft"}
    assert [(vote.a, vote.b, vote.winner) for vote in shown_votes(votes)] == [
        ("rl 11111111", "rl 22222222", "a"),
        ("rl 11111111", "sft", "tie"),
    ]
    assert shown_votes(votes)[1].style_b.bold == 1


def test_digests_are_shown_where_a_name_has_several() -> None:
    stored = {"rl 11111111", "rl 22222222", "sft 33333333", "folder", "my model"}
    assert shown_names(stored) == {
        "rl 11111111": "rl 11111111",
        "rl 22222222": "rl 22222222",
        "sft 33333333": "sft",
        "folder": "folder",
        "my model": "my model",
    }
