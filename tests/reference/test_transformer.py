"""The Transformer against torch's own attention and encoder, with copied weights, and by its properties."""

import math
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reference import data
from reference.aml_a3 import settings
from reference.stand_ins import grammar_text
from reference.tokenizers import build_vocab
from reference.transformer import (
    CausalSelfAttention,
    TransformerConfig,
    TransformerLM,
    causal_attention,
    chunked_windows,
    fused_attention,
    make_optimizer,
    next_token_nll,
    perplexity,
    sinusoidal_positions,
    split_nll,
    train_lm,
    train_step,
)

SMALL = TransformerConfig(vocab_size=11, context_length=8, n_layer=2, n_head=3, d_model=12, d_ff=20)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small_lm(config: TransformerConfig = SMALL) -> TransformerLM:
    torch.manual_seed(0)
    return TransformerLM(config)


def some_tokens(*shape: int, seed: int = 0) -> Tensor:
    return torch.randint(0, SMALL.vocab_size, shape, generator=seeded(seed))


# ------------------------------------------------------------------ sizes


def test_the_size_of_the_vocabulary_alone_stands_for_the_sheet() -> None:
    with torch.device("meta"):
        assert TransformerLM(65).config == TransformerConfig(vocab_size=65)


def test_defaults_are_the_sizes_of_the_sheet() -> None:
    config = TransformerConfig(vocab_size=65)
    assert (config.d_model, config.n_layer, config.n_head) == (
        settings.D_MODEL,
        settings.N_LAYER,
        settings.N_HEAD,
    )
    assert (config.d_ff, config.context_length) == (settings.D_FF, settings.CONTEXT_LENGTH)
    assert config.d_model // config.n_head == settings.D_HEAD


@pytest.mark.parametrize(
    ("has_attention_bias", "has_head_bias", "has_final_norm", "is_tied"),
    list(product((True, False), repeat=4)),
)
def test_parameters_are_counted_exactly_in_every_convention(
    has_attention_bias: bool, has_head_bias: bool, has_final_norm: bool, is_tied: bool
) -> None:
    vocab_size, d = 65, settings.D_MODEL
    config = TransformerConfig(
        vocab_size,
        has_attention_bias=has_attention_bias,
        has_head_bias=has_head_bias,
        has_final_norm=has_final_norm,
        is_tied=is_tied,
    )
    n = sum(p.numel() for p in TransformerLM(config).parameters())
    feed_forward = d * settings.D_FF + settings.D_FF + settings.D_FF * d + d
    block = 4 * (d * d + d * has_attention_bias) + feed_forward + 2 * 2 * d
    head = vocab_size * d * (not is_tied) + vocab_size * has_head_bias
    assert n == vocab_size * d + settings.N_LAYER * block + 2 * d * has_final_norm + head
    if (has_attention_bias, has_head_bias, has_final_norm, is_tied) == (True, True, True, False):
        assert n == 915_137


def test_linear_layers_are_xavier_uniform() -> None:
    for layer in small_lm(TransformerConfig(65)).modules():
        if isinstance(layer, nn.Linear):
            bound = math.sqrt(6 / (layer.in_features + layer.out_features))
            largest = float(layer.weight.detach().abs().max())
            assert 0.99 * bound < largest <= bound
            assert float(layer.weight.detach().std()) == pytest.approx(bound / math.sqrt(3), rel=0.02)
            assert not layer.bias.detach().any()


@pytest.mark.parametrize(("d_model", "n_head"), [(10, 3), (9, 3)])
def test_sizes_that_do_not_divide_are_refused(d_model: int, n_head: int) -> None:
    with pytest.raises(ValueError, match=f"expected an even d_model that 3 heads divide, got {d_model}"):
        TransformerConfig(vocab_size=5, d_model=d_model, n_head=n_head)


# ------------------------------------------------------------------ positions


def test_positions_are_those_of_the_paper() -> None:
    table = sinusoidal_positions(50, 192)
    for t, i in ((0, 0), (1, 0), (7, 5), (49, 95)):
        angle = t / 10_000 ** (2 * i / 192)
        assert float(table[t, 2 * i]) == pytest.approx(math.sin(angle), abs=1e-6)
        assert float(table[t, 2 * i + 1]) == pytest.approx(math.cos(angle), abs=1e-6)
    torch.testing.assert_close(table.square().sum(dim=1), torch.full((50,), 96.0))


def test_positions_are_no_parameters_and_not_saved() -> None:
    model = small_lm()
    assert not any("position" in name for name, _ in model.named_parameters())
    assert not any("position" in name for name in model.state_dict())


# ------------------------------------------------------------------ attention


@pytest.mark.parametrize("attend", [causal_attention, fused_attention])
def test_attention_agrees_with_a_loop_over_tokens(attend: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    q, k, v = torch.randn(3, 2, 3, 5, 4, generator=seeded(), dtype=torch.float64)
    expected = torch.empty_like(v)
    for t in range(5):
        scores = (k[:, :, : t + 1] * q[:, :, t : t + 1]).sum(dim=-1) / 2.0  # sqrt(4)
        weights = scores.exp() / scores.exp().sum(dim=-1, keepdim=True)
        expected[:, :, t] = (weights[..., None] * v[:, :, : t + 1]).sum(dim=2)
    torch.testing.assert_close(attend(q, k, v), expected)


def test_first_token_attends_to_itself_and_large_scores_stay_finite() -> None:
    q, k, v = torch.randn(3, 1, 1, 4, 2, generator=seeded())
    torch.testing.assert_close(causal_attention(q, k, v)[:, :, 0], v[:, :, 0])
    assert torch.isfinite(causal_attention(1e4 * q, 1e4 * k, v)).all()


@pytest.mark.parametrize("is_fused", [True, False])
def test_multi_head_attention_agrees_with_torch(is_fused: bool) -> None:
    torch.manual_seed(1)
    config = TransformerConfig(vocab_size=5, d_model=12, n_head=3, is_fused=is_fused)
    ours, theirs = CausalSelfAttention(config), nn.MultiheadAttention(12, 3, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([p.weight for p in (ours.query, ours.key, ours.value)]))
        theirs.in_proj_bias.copy_(torch.cat([p.bias for p in (ours.query, ours.key, ours.value)]))
        theirs.out_proj.load_state_dict(ours.output.state_dict())
    x = torch.randn(4, 7, 12, generator=seeded())
    is_future = torch.ones(7, 7, dtype=torch.bool).triu(1)
    expected, _ = theirs(x, x, x, attn_mask=is_future, need_weights=False)
    torch.testing.assert_close(ours(x), expected)


def test_model_agrees_with_the_encoder_of_torch() -> None:
    """TransformerEncoderLayer(norm_first=True) with GELU and copied weights, embedding and head around it."""
    model = small_lm()
    layers = []
    for block in model.blocks:
        layer = nn.TransformerEncoderLayer(12, 3, 20, 0.0, "gelu", batch_first=True, norm_first=True)
        attention, (up, _, down) = block.attention, block.feed_forward
        with torch.no_grad():
            projections = (attention.query, attention.key, attention.value)
            layer.self_attn.in_proj_weight.copy_(torch.cat([p.weight for p in projections]))
            layer.self_attn.in_proj_bias.copy_(torch.cat([p.bias for p in projections]))
        for theirs, ours in (
            (layer.self_attn.out_proj, attention.output),
            (layer.linear1, up),
            (layer.linear2, down),
            (layer.norm1, block.attention_norm),
            (layer.norm2, block.feed_forward_norm),
        ):
            theirs.load_state_dict(ours.state_dict())
        layers.append(layer)
    tokens = some_tokens(3, 8)
    x = model.embedding(tokens) + sinusoidal_positions(8, 12)
    is_future = torch.ones(8, 8, dtype=torch.bool).triu(1)
    for layer in layers:
        x = layer(x, src_mask=is_future)
    torch.testing.assert_close(model(tokens), model.head(model.final_norm(x)))


def test_fast_path_and_formula_agree_in_values_and_gradients() -> None:
    tokens, targets = some_tokens(3, 8), some_tokens(3, 8, seed=1)
    gradients = []
    for is_fused in (True, False):
        sizes = (
            SMALL.vocab_size,
            SMALL.context_length,
            SMALL.n_layer,
            SMALL.n_head,
            SMALL.d_model,
            SMALL.d_ff,
        )
        model = small_lm(TransformerConfig(*sizes, is_fused=is_fused))
        loss = next_token_nll(model(tokens), targets)
        gradients.append([loss, *torch.autograd.grad(loss, list(model.parameters()))])
    for fast, slow in zip(*gradients, strict=True):
        torch.testing.assert_close(fast, slow, rtol=1e-4, atol=1e-6)


# ------------------------------------------------------------------ properties


def test_nothing_sees_the_future_and_everything_the_past() -> None:
    model, tokens = small_lm(), some_tokens(1, 8)
    logits = model(tokens)
    for t in range(8):
        changed = tokens.clone()
        changed[0, t] = (tokens[0, t] + 1) % SMALL.vocab_size
        moved = (model(changed) - logits).detach().abs().amax(dim=-1)[0]  # (T,)
        assert float(moved[:t].sum()) == pytest.approx(0.0, abs=1e-5)
        assert bool((moved[t:] > 1e-5).all())


def test_a_prefix_gives_the_logits_of_the_prefix() -> None:
    model, tokens = small_lm(), some_tokens(2, 8)
    torch.testing.assert_close(model(tokens[:, :3]), model(tokens)[:, :3])


def test_sequences_of_a_batch_do_not_mix() -> None:
    model, tokens = small_lm(), some_tokens(5, 8)
    order = torch.randperm(5, generator=seeded())
    torch.testing.assert_close(model(tokens[order]), model(tokens)[order])
    torch.testing.assert_close(model(tokens[:1]), model(tokens)[:1])


def test_order_of_the_past_matters() -> None:
    model, tokens = small_lm(), torch.tensor([[1, 2, 3, 4]])
    swapped = torch.tensor([[2, 1, 3, 4]])
    assert not torch.allclose(model(tokens)[0, -1], model(swapped)[0, -1], atol=1e-4)


def test_more_tokens_than_the_context_are_refused() -> None:
    with pytest.raises(ValueError, match="expected at most 8 tokens, got 9"):
        small_lm()(some_tokens(1, 9))


def test_tied_head_shares_the_matrix() -> None:
    model = small_lm(TransformerConfig(11, d_model=12, is_tied=True))
    assert model.embedding.weight is model.head.weight


# ------------------------------------------------------------------ training


def test_windows_lie_side_by_side_and_targets_are_one_ahead() -> None:
    inputs, targets = chunked_windows(torch.arange(12), 4)
    assert inputs.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert targets.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert chunked_windows(torch.arange(13), 4)[1][-1].tolist() == [9, 10, 11, 12]
    with pytest.raises(ValueError, match="expected more than 4 tokens for a window, got 4"):
        chunked_windows(torch.arange(4), 4)


def test_loss_is_that_of_torch_distributions() -> None:
    logits, targets = torch.randn(2, 3, 11, generator=seeded()), some_tokens(2, 3)
    expected = -torch.distributions.Categorical(logits=logits).log_prob(targets).mean()
    torch.testing.assert_close(next_token_nll(logits, targets), expected)
    assert float(next_token_nll(torch.zeros(2, 3, 11), targets)) == pytest.approx(math.log(11))


def test_optimizer_is_that_of_the_sheet() -> None:
    model = small_lm()
    optimizer = make_optimizer(model)
    assert isinstance(optimizer, torch.optim.AdamW)
    (group,) = optimizer.param_groups
    assert (group["lr"], group["betas"]) == (settings.TEXT_LEARNING_RATE, settings.TEXT_BETAS)
    assert group["weight_decay"] == settings.TEXT_WEIGHT_DECAY
    assert len(group["params"]) == len(list(model.parameters()))


@pytest.mark.parametrize("max_norm", [1e-3, 1e3])
def test_step_goes_down_the_clipped_gradient(max_norm: float) -> None:
    model, inputs, targets = small_lm(), some_tokens(3, 8), some_tokens(3, 8, seed=1)
    before = [p.detach().clone() for p in model.parameters()]
    loss = next_token_nll(model(inputs), targets)
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    norm = torch.sqrt(sum((g.square().sum() for g in gradients), torch.zeros(())))
    scale = min(1.0, max_norm / float(norm))
    sgd = torch.optim.SGD(model.parameters(), lr=1.0)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)  # left over: must not count
    torch.testing.assert_close(train_step(model, sgd, inputs, targets, max_norm), loss.detach())
    for old, gradient, new in zip(before, gradients, model.parameters(), strict=True):
        torch.testing.assert_close(new.detach(), old - scale * gradient, rtol=1e-4, atol=1e-5)


def test_every_matrix_receives_a_gradient() -> None:
    """Key biases have none: a constant added to all scores of a query changes nothing."""
    model = small_lm()
    next_token_nll(model(some_tokens(3, 8)), some_tokens(3, 8, seed=1)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        if "key.bias" in name:
            assert float(parameter.grad.abs().max()) < 1e-6
        else:
            assert float(parameter.grad.abs().max()) > 1e-6, name


@pytest.mark.parametrize("n", [2, 8, 9, 17, 30])
def test_split_nll_is_per_token_in_windows_of_any_batching(n: int) -> None:
    model, tokens = small_lm(), some_tokens(n)
    log_probs = []
    for start in range(0, n - 1, 8):
        inputs, targets = tokens[start : min(start + 8, n - 1)], tokens[start + 1 : start + 9]
        laws = F.log_softmax(model(inputs[None])[0].detach(), dim=-1)
        log_probs += [float(law[target]) for law, target in zip(laws, targets, strict=True)]
    assert len(log_probs) == n - 1
    for batch_size in (1, 2, 64):
        assert split_nll(model, tokens, 8, batch_size) == pytest.approx(-np.mean(log_probs), rel=1e-5)
    assert perplexity(-float(np.mean(log_probs))) == pytest.approx(
        np.prod(np.exp(log_probs)) ** (-1 / (n - 1))
    )


def test_a_split_without_a_next_token_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least 2 tokens, got 1"):
        split_nll(small_lm(), some_tokens(1), 8)


def test_perplexity_of_uniform_guessing_is_the_vocabulary() -> None:
    model = small_lm()
    nn.init.zeros_(model.head.weight)
    assert perplexity(split_nll(model, some_tokens(20), 8)) == pytest.approx(11.0)
    assert perplexity(0.0) == 1.0


def test_training_learns_the_stand_in_and_repeats_under_its_seeds() -> None:
    text = grammar_text(3_000, np.random.default_rng(0))
    train, validation, _ = data.split_text(text)
    tokenizer = build_vocab(text)
    config = TransformerConfig(tokenizer.vocab_size, 16, n_layer=1, n_head=2, d_model=16, d_ff=32)
    histories = []
    for _ in range(2):
        model = small_lm(config)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)  # tiny networks want larger steps
        splits = tokenizer.encode(train), tokenizer.encode(validation)
        histories.append(train_lm(model, optimizer, *splits, 4, 16, seeded(1)))
    first, second = histories
    assert first == second
    assert len(first) == 4
    assert first[-1].validation_perplexity < 0.4 * tokenizer.vocab_size
    assert first[-1].validation_nll < first[0].validation_nll
    assert first[-1].validation_perplexity == pytest.approx(math.exp(first[-1].validation_nll))


def test_a_few_steps_on_tiny_shakespeare(data_sets: Path) -> None:
    """From near log 65 towards the entropy of single characters, 3.3 nats."""
    text = data.load_text(data_sets)
    tokenizer = build_vocab(text)
    torch.manual_seed(settings.SEED)
    model = TransformerLM(TransformerConfig(tokenizer.vocab_size))
    optimizer = make_optimizer(model)
    inputs, targets = chunked_windows(tokenizer.encode(text[:60_000]), settings.CONTEXT_LENGTH)
    losses = [
        float(train_step(model, optimizer, x, y, settings.CLIP_NORM))
        for x, y in zip(inputs[:128].split(16), targets[:128].split(16), strict=True)
    ]
    assert losses[0] == pytest.approx(math.log(65), abs=1.2)
    assert losses[-1] < 3.8
