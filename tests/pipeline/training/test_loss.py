import pytest
import torch
import torch.nn.functional as F

from pipeline.training.data import Batch
from pipeline.training.loss import fused_cross_entropy, token_loss


@pytest.mark.parametrize("chunk", [1, 7, 64, 1000])
def test_fused_loss_and_gradients_equal_plain_cross_entropy(chunk):
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(50, 8, generator=generator, requires_grad=True)
    head = torch.randn(30, 8, generator=generator, requires_grad=True)
    targets = torch.randint(30, (50,), generator=generator)
    weights = torch.randn(50, generator=generator)
    weights[::4] = 0
    plain = F.cross_entropy(hidden @ head.T, targets, reduction="none")
    (plain * weights).sum().backward()
    expected = hidden.grad.clone(), head.grad.clone()
    hidden.grad = head.grad = None
    total, nats = fused_cross_entropy(hidden, head, targets, weights, chunk)
    (3 * total).backward()
    torch.testing.assert_close(total, (plain * weights).sum().detach())
    torch.testing.assert_close(nats[weights != 0], plain[weights != 0].detach())
    assert (nats[weights == 0] == 0).all()
    torch.testing.assert_close(hidden.grad, 3 * expected[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(head.grad, 3 * expected[1], rtol=1e-4, atol=1e-5)


def test_bfloat16_products_keep_the_softmax_in_float32():
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(40, 16, generator=generator)
    head = torch.randn(100, 16, generator=generator, requires_grad=True)
    targets = torch.randint(100, (40,), generator=generator)
    total, nats = fused_cross_entropy(hidden.bfloat16(), head, targets, torch.ones(40), 16)
    total.backward()
    assert nats.dtype == total.dtype == head.grad.dtype == torch.float32
    exact = F.cross_entropy(hidden @ head.detach().T, targets, reduction="none")
    torch.testing.assert_close(nats, exact, rtol=0.02, atol=0.05)


def test_token_loss_matches_the_models_own_logits(make_model):
    torch.manual_seed(0)
    model = make_model()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.05)
    tokens = torch.randint(300, (3, 21))
    mask = (torch.rand(3, 20) < 0.6).long()
    batch = Batch(tokens[:, :-1], tokens[:, 1:], mask, None)
    total, nats = token_loss(model, batch, chunk_tokens=8)
    logits = model(batch.tokens)
    plain = F.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), reduction="none")
    torch.testing.assert_close(
        nats.flatten(), plain.detach() * mask.flatten(), rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(total, (plain * mask.flatten()).sum())


def test_documents_kept_apart_do_not_see_each_other(make_model):
    torch.manual_seed(0)
    model = make_model()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.05)
    first, second = torch.randint(300, (9,)), torch.randint(300, (9,))
    row = torch.cat([first, second])[None]
    ids = torch.tensor([[0] * 9 + [1] * 9])
    mask = torch.ones(1, 17, dtype=torch.long)
    mask[0, 8] = 0
    _, packed = token_loss(model, Batch(row[:, :-1], row[:, 1:], mask, ids[:, :-1]))
    alone = second[None]
    ones = torch.ones(1, 8, dtype=torch.long)
    _, single = token_loss(model, Batch(alone[:, :-1], alone[:, 1:], ones, None))
    torch.testing.assert_close(packed[0, 9:], single[0], rtol=1e-4, atol=1e-5)
