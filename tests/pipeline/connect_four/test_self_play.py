"""Both roles by one policy: whose reward a reply gets, and that merging replies changes nothing."""

import copy
import dataclasses

import pytest
import torch

from pipeline import model as models
from pipeline.connect_four import self_play
from pipeline.connect_four.board import GameBoard
from pipeline.connect_four.matches import GameRecord
from pipeline.connect_four.role_baselines import RoleBaselines, before_each
from pipeline.connect_four.self_play import SelfPlayer, advantage, rollouts
from pipeline.model import scoring
from pipeline.rl.policy_gradient import policy_terms

BOARD = GameBoard(4, 3, 3)
START = RoleBaselines()


@pytest.fixture(scope="module")
def played(game_folders):
    model, tokenizer = models.load(game_folders.sft, "cpu", torch.float32)
    player = SelfPlayer(model, tokenizer, BOARD, "columns", name="m")
    records, said = self_play.games(player, BOARD, range(48), 3, 2)
    return model, records, said


def test_what_was_said_is_what_was_played(played):
    _, records, said = played
    by_game = {record.number: record for record in records}
    for record in records:
        own = sorted(m.ply for m in said if m.game == record.number)
        assert own == list(range(record.opening, len(record.moves) + record.illegal))
    for move in said:
        moves = by_game[move.game].moves
        if move.ply < len(moves):
            assert moves[move.ply] == str(move.reply.column + 1)
        else:
            assert by_game[move.game].illegal
            assert by_game[move.game].winner == ("second", "first")[move.ply % 2]


def test_a_role_s_reward_is_held_against_its_own_baseline():
    held = RoleBaselines(0.25, -0.5)
    won = GameRecord(0, 0, "123", "first", False)
    assert (advantage(won, 0, held), advantage(won, 1, held)) == (0.75, -0.5)
    lost = dataclasses.replace(won, winner="second")
    assert (advantage(lost, 2, held), advantage(lost, 3, held)) == (-1.25, 1.5)
    drawn = dataclasses.replace(won, winner="draw")
    assert (advantage(drawn, 0, held), advantage(drawn, 1, held)) == (-0.25, 0.5)


def gradient(model, answers):
    model.train()
    total = torch.zeros(())
    for term in policy_terms(
        model,
        answers,
        temperature=1.0,
        top_k=0,
        ratio_limit=2.0,
        micro_rows=64,
        chunk_tokens=1024,
    ):
        total = total + term()
    model.zero_grad()
    total.backward()
    return torch.cat([p.grad.flatten() for p in model.parameters()]), float(total.detach())


def test_equal_replies_are_learned_from_once_with_the_same_gradient(played):
    model, records, said = played
    baselines = before_each([r.reward for r in records], START, 0.95)
    merged = rollouts(records, said, baselines)
    assert len(merged) < len(said)
    held = {record.number: pair for record, pair in zip(records, zip(records, baselines))}
    single = []
    for move in said:
        (one,) = rollouts([held[move.game][0]], [move], [held[move.game][1]])
        assert one.advantage == advantage(held[move.game][0], move.ply, held[move.game][1])
        single.append(one)
    ours, loss = gradient(model, merged)
    theirs, plain = gradient(model, single)
    assert loss == pytest.approx(plain, rel=1e-4)
    assert float((ours - theirs).norm() / theirs.norm()) < 1e-4
    assert float(theirs.norm()) > 0


def test_a_step_down_the_gradient_makes_winning_replies_likelier(played):
    given, records, said = played
    model = copy.deepcopy(given)
    answers = rollouts(records, said, before_each([r.reward for r in records], START, 0.95))

    def logprobs():
        prompts, replies = [r.prompt for r in answers], [r.tokens for r in answers]
        return [total for total, _ in scoring.score(model, prompts, replies)]

    before = logprobs()
    slope, _ = gradient(model, answers)
    torch.nn.utils.vector_to_parameters(
        torch.nn.utils.parameters_to_vector(model.parameters()) - 0.05 * slope / slope.norm(),
        model.parameters(),
    )
    moved = [after - old for after, old in zip(logprobs(), before)]
    assert sum(r.advantage * change for r, change in zip(answers, moved)) > 1.0
