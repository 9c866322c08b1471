"""Typical mistakes with the text, the Transformer and its training: task 1 of part c."""

from __future__ import annotations

from functools import partial

from reference.aml_a3.mutants import Mutant, drop_cell, swap
from reference.aml_a3.mutants import mutant as register

MUTANTS: dict[str, Mutant] = {}

mutant = partial(register, registry=MUTANTS)

FUSED = "return F.scaled_dot_product_attention(q, k, v, is_causal=True)"
EXPLICIT = "attend = fused_attention if self.is_fused else causal_attention"


def swap_explicit(source: str, old: str, new: str) -> str:
    """Return the source with a change of the attention that is written out, which the model then uses."""
    return swap(swap(source, EXPLICIT, "attend = causal_attention"), old, new)


# ------------------------------------------------------------------ c1: text


@mutant("c1", "replaces newlines by blanks", revealed_by="training")
def newlines_dropped(source: str) -> str:
    return swap(
        source, '(encoding="utf-8")[:N_CHARACTERS]', '(encoding="utf-8")[:N_CHARACTERS].replace("\\n", " ")'
    )


@mutant("c1", "lowers the case of the text", revealed_by="training")
def text_lowered(source: str) -> str:
    return swap(source, '(encoding="utf-8")[:N_CHARACTERS]', '(encoding="utf-8")[:N_CHARACTERS].lower()')


@mutant("c1", "splits the text 80 : 10 : 10", revealed_by="training")
def split_wrong(source: str) -> str:
    return swap(
        source,
        "first, second = len(text) * 90 // 100, len(text) * 95 // 100",
        "first, second = len(text) * 80 // 100, len(text) * 90 // 100",
    )


@mutant("c1", "splits the text by words in place of characters", revealed_by="training")
def word_tokens(source: str) -> str:
    source = swap(source, "characters = sorted(set(text))", "characters = sorted(set(text.split()))")
    source = swap(
        source,
        "stoi, itos = build_vocab(text)",
        "text, train_text, validation_text = text, train_text.split(), validation_text.split()\n"
        "stoi, itos = build_vocab(text)",
    )
    source = swap(
        source, "for character in train_text])", "for character in train_text if character in stoi])"
    )
    return swap(
        source,
        "for character in validation_text])",
        "for character in validation_text if character in stoi])",
    )


@mutant("c1", "takes the inputs themselves for targets", revealed_by="loss")
def targets_not_shifted(source: str) -> str:
    return swap(
        source, "tokens[1 : used + 1].view(n, context_length)", "tokens[:used].view(n, context_length)"
    )


@mutant("c1", "takes the tokens before the inputs for targets", revealed_by="loss")
def targets_shifted_back(source: str) -> str:
    return swap(
        source,
        "return tokens[:used].view(n, context_length), tokens[1 : used + 1].view(n, context_length)",
        "return tokens[1 : used + 1].view(n, context_length), tokens[:used].view(n, context_length)",
    )


@mutant("c1", "uses windows of 64 tokens", revealed_by="training")
def context_too_short(source: str) -> str:
    return swap(
        source,
        "inputs, targets = make_xy(train_tokens, CONTEXT_LENGTH)",
        "inputs, targets = make_xy(train_tokens, 64)",
    )


# ------------------------------------------------------------------ c1: attention


@mutant("c1", "has no causal mask", revealed_by="structure")
def mask_missing(source: str) -> str:
    return swap(source, FUSED, "return F.scaled_dot_product_attention(q, k, v)")


@mutant("c1", "lets every token see the next one: a mask off by one", revealed_by="structure")
def mask_off_by_one(source: str) -> str:
    return swap_explicit(source, "triu(diagonal=1)", "triu(diagonal=2)")


@mutant("c1", "masks the past in place of the future", revealed_by="structure")
def mask_inverted(source: str) -> str:
    return swap_explicit(source, "triu(diagonal=1)", "tril(diagonal=-1)")


@mutant("c1", "sets masked scores to 0 in place of minus infinity", revealed_by="structure")
def mask_of_zeros(source: str) -> str:
    return swap_explicit(
        source, "scores.masked_fill(is_future, -math.inf)", "scores.masked_fill(is_future, 0.0)"
    )


@mutant("c1", "masks after the softmax, so that the rows do not sum to 1", revealed_by="structure")
def mask_after_softmax(source: str) -> str:
    return swap_explicit(
        source,
        "torch.softmax(scores.masked_fill(is_future, -math.inf), dim=-1)",
        "torch.softmax(scores, dim=-1).masked_fill(is_future, 0.0)",
    )


@mutant("c1", "does not scale the scores", revealed_by="structure")
def scale_missing(source: str) -> str:
    return swap(source, FUSED, "return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=1.0)")


@mutant("c1", "divides the scores by the head size in place of its root", revealed_by="structure")
def scale_without_root(source: str) -> str:
    return swap(
        source,
        FUSED,
        "return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=1.0 / q.shape[-1])",
    )


@mutant("c1", "divides the scores by the root of the model's width", revealed_by="structure")
def scale_of_model(source: str) -> str:
    return swap(
        source,
        FUSED,
        "return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=192**-0.5)",
    )


@mutant("c1", "takes the softmax over the queries", revealed_by="structure")
def softmax_over_queries(source: str) -> str:
    return swap_explicit(source, "is_future, -math.inf), dim=-1)", "is_future, -math.inf), dim=-2)")


@mutant("c1", "takes the queries for the keys as well", revealed_by="structure")
def keys_are_queries(source: str) -> str:
    return swap(source, "in (self.query, self.key, self.value))", "in (self.query, self.query, self.value))")


@mutant("c1", "merges the heads without bringing them back beside each other", revealed_by="structure")
def heads_merged_wrongly(source: str) -> str:
    return swap(source, "attended.transpose(1, 2).reshape(x.shape)", "attended.reshape(x.shape)")


@mutant("c1", "leaves out the output projection", revealed_by="structure")
def output_projection_missing(source: str) -> str:
    return swap(source, "out: Tensor = self.output(merged)", "out: Tensor = merged")


@mutant("c1", "has two heads", revealed_by="structure")
def two_heads(source: str) -> str:
    return swap(source, "n_head: int = 3", "n_head: int = 2")


@mutant("c1", "has one head", revealed_by="structure")
def one_head(source: str) -> str:
    return swap(source, "n_head: int = 3", "n_head: int = 1")


# ------------------------------------------------------------------ c1: blocks and model


@mutant("c1", "normalises after the residual sum: post-norm", revealed_by="structure")
def post_norm(source: str) -> str:
    source = swap(
        source,
        "x = x + self.attention(self.attention_norm(x))",
        "x = self.attention_norm(x + self.attention(x))",
    )
    source = swap(
        source,
        "update: Tensor = self.feed_forward(self.feed_forward_norm(x))",
        "out: Tensor = self.feed_forward_norm(x + self.feed_forward(x))",
    )
    return swap(source, "        return x + update\n", "        return out\n")


@mutant("c1", "leaves out the residual connection around the attention", revealed_by="structure")
def residual_missing(source: str) -> str:
    return swap(
        source,
        "x = x + self.attention(self.attention_norm(x))",
        "x = self.attention(self.attention_norm(x))",
    )


@mutant("c1", "leaves out the residual connection around the feed-forward network", revealed_by="structure")
def feed_forward_residual_missing(source: str) -> str:
    return swap(source, "        return x + update\n", "        return update\n")


@mutant("c1", "leaves out the norm before the attention", revealed_by="structure")
def attention_norm_missing(source: str) -> str:
    return swap(source, "self.attention(self.attention_norm(x))", "self.attention(x)")


@mutant("c1", "adds the residual to the normalised copy", revealed_by="structure")
def residual_of_norm(source: str) -> str:
    return swap(
        source,
        "x = x + self.attention(self.attention_norm(x))",
        "x = self.attention_norm(x)\n        x = x + self.attention(x)",
    )


@mutant("c1", "uses ReLU in place of GELU", revealed_by="structure")
def relu_for_gelu(source: str) -> str:
    return swap(source, "nn.GELU()", "nn.ReLU()")


@mutant("c1", "has a feed-forward network of 384 units", revealed_by="structure")
def feed_forward_size_wrong(source: str) -> str:
    return swap(source, "d_ff: int = 768", "d_ff: int = 384")


@mutant("c1", "has one block", revealed_by="structure")
def one_block(source: str) -> str:
    return swap(source, "n_layer: int = 2", "n_layer: int = 1")


@mutant("c1", "has three blocks", revealed_by="structure")
def three_blocks(source: str) -> str:
    return swap(source, "n_layer: int = 2", "n_layer: int = 3")


@mutant("c1", "uses one block twice", revealed_by="structure")
def one_block_twice(source: str) -> str:
    return swap(
        source,
        "nn.ModuleList([Block(config) for _ in range(config.n_layer)])",
        "nn.ModuleList([Block(config)] * config.n_layer)",
    )


@mutant("c1", "learns the positions", revealed_by="structure")
def positions_learned(source: str) -> str:
    return swap(
        source,
        'self.register_buffer("positions", positions, persistent=False)',
        "self.positions = nn.Parameter(0.02 * torch.randn(positions.shape))",
    )


@mutant("c1", "leaves out the positions", revealed_by="structure")
def positions_missing(source: str) -> str:
    return swap(
        source, "x = self.embedding(tokens) + self.positions[:n_tokens]", "x = self.embedding(tokens)"
    )


@mutant("c1", "uses the base 1,000 for the positions", revealed_by="structure")
def position_base_wrong(source: str) -> str:
    return swap(source, "(-math.log(10_000.0) / d_model)", "(-math.log(1_000.0) / d_model)")


@mutant("c1", "halves the exponents of the positions", revealed_by="structure")
def position_exponent_wrong(source: str) -> str:
    return swap(source, "(-math.log(10_000.0) / d_model)", "(-0.5 * math.log(10_000.0) / d_model)")


@mutant("c1", "uses sines only", revealed_by="structure")
def positions_without_cosines(source: str) -> str:
    return swap(
        source,
        "torch.stack([angles.sin(), angles.cos()], dim=-1)",
        "torch.stack([angles.sin(), angles.sin()], dim=-1)",
    )


@mutant("c1", "counts the positions from 1", revealed_by="structure")
def positions_from_one(source: str) -> str:
    return swap(
        source,
        "positions = torch.arange(n_positions, dtype=torch.float64)[:, None]",
        "positions = 1 + torch.arange(n_positions, dtype=torch.float64)[:, None]",
    )


@mutant("c1", "multiplies by the positions in place of adding them", revealed_by="structure")
def positions_multiplied(source: str) -> str:
    return swap(
        source, "self.embedding(tokens) + self.positions[", "self.embedding(tokens) * self.positions["
    )


@mutant(
    "c1",
    "ends the model in a softmax and trains it with the cross-entropy of logits",
    revealed_by="structure",
)
def model_softmax(source: str) -> str:
    return swap(
        source,
        "logits: Tensor = self.head(self.final_norm(x))",
        "logits: Tensor = torch.softmax(self.head(self.final_norm(x)), dim=-1)",
    )


@mutant("c1", "leaves the linear layers as PyTorch initialises them", revealed_by="structure")
def xavier_missing(source: str) -> str:
    return swap(source, "        self.apply(init_linear)\n", "")


@mutant("c1", "initialises with Xavier's normal law", revealed_by="structure")
def xavier_normal(source: str) -> str:
    return swap(source, "nn.init.xavier_uniform_(module.weight)", "nn.init.xavier_normal_(module.weight)")


# ------------------------------------------------------------------ c1: step and training


@mutant("c1", "does not clip the gradients", revealed_by="step")
def clipping_missing(source: str) -> str:
    return swap(source, "    nn.utils.clip_grad_norm_(model.parameters(), max_norm)\n", "")


@mutant("c1", "clips to norm 0.1", revealed_by="step")
def clip_norm_wrong(source: str) -> str:
    return swap(source, "max_norm: float = 1.0", "max_norm: float = 0.1")


@mutant("c1", "clips after the step", revealed_by="step")
def clipping_too_late(source: str) -> str:
    return swap(
        source,
        "    nn.utils.clip_grad_norm_(model.parameters(), max_norm)\n    optimizer.step()\n",
        "    optimizer.step()\n    nn.utils.clip_grad_norm_(model.parameters(), max_norm)\n",
    )


@mutant("c1", "clips each entry of the gradients in place of their norm", revealed_by="step")
def clipping_by_value(source: str) -> str:
    return swap(source, "nn.utils.clip_grad_norm_(", "nn.utils.clip_grad_value_(")


@mutant("c1", "never clears the gradients", revealed_by="step")
def lm_gradients_kept(source: str) -> str:
    return swap(source, "    optimizer.zero_grad()\n    loss = next_token_nll", "    loss = next_token_nll")


@mutant("c1", "scores the last position of each window only", revealed_by="step")
def loss_of_last_position(source: str) -> str:
    return swap(
        source,
        "return F.cross_entropy(logits.flatten(0, 1), targets.flatten())",
        "return F.cross_entropy(logits[:, -1], targets[:, -1])",
    )


@mutant("c1", "sums the loss over the tokens", revealed_by="step")
def loss_summed(source: str) -> str:
    return swap(
        source,
        "return F.cross_entropy(logits.flatten(0, 1), targets.flatten())",
        'return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")',
    )


@mutant("c1", "uses Adam in place of AdamW", revealed_by="training")
def adam_for_adamw(source: str) -> str:
    source = swap(source, ") -> torch.optim.AdamW:", ") -> torch.optim.Adam:")
    return swap(source, "return torch.optim.AdamW(", "return torch.optim.Adam(")


@mutant("c1", "leaves the weight decay out", revealed_by="training")
def weight_decay_missing(source: str) -> str:
    return swap(
        source,
        "model.parameters(), lr=3e-4, weight_decay=0.01",
        "model.parameters(), lr=3e-4, weight_decay=0.0",
    )


@mutant("c1", "uses a weight decay of 0.1", revealed_by="training")
def weight_decay_wrong(source: str) -> str:
    return swap(
        source,
        "model.parameters(), lr=3e-4, weight_decay=0.01",
        "model.parameters(), lr=3e-4, weight_decay=0.1",
    )


@mutant("c1", "trains with learning rate 1e-3", revealed_by="training")
def lm_learning_rate_wrong(source: str) -> str:
    return swap(source, "model.parameters(), lr=3e-4", "model.parameters(), lr=1e-3")


@mutant("c1", "leaves AdamW's betas at their defaults", revealed_by="training")
def lm_betas_default(source: str) -> str:
    return swap(source, "weight_decay=0.01, betas=(0.9, 0.95))\n\n\ndef", "weight_decay=0.01)\n\n\ndef")


@mutant("c1", "uses batches of 32", revealed_by="training")
def lm_batch_size_wrong(source: str) -> str:
    return swap(
        source, "shuffled_batches(len(inputs), BATCH_SIZE, rng)", "shuffled_batches(len(inputs), 32, rng)"
    )


@mutant("c1", "never shuffles the batches", revealed_by="training")
def lm_batches_in_order(source: str) -> str:
    return swap(
        source,
        "islice(shuffled_batches(len(inputs), BATCH_SIZE, rng), MAX_BATCHES)",
        "islice(torch.arange(len(inputs)).split(BATCH_SIZE), MAX_BATCHES)",
    )


@mutant("c1", "trains on the validation split as well", revealed_by="training")
def lm_trained_on_validation(source: str) -> str:
    return swap(
        source,
        "inputs, targets = make_xy(train_tokens, CONTEXT_LENGTH)",
        "inputs, targets = make_xy(torch.cat([train_tokens, validation_tokens]), CONTEXT_LENGTH)",
    )


@mutant("c1", "trains on the test split", revealed_by="training")
def lm_trained_on_test(source: str) -> str:
    return swap(
        source,
        "inputs, targets = make_xy(train_tokens, CONTEXT_LENGTH)",
        "inputs, targets = make_xy(torch.tensor([stoi[c] for c in test_text]), CONTEXT_LENGTH)",
    )


@mutant("c1", "computes the validation loss on the training split", revealed_by="training")
def validation_on_training(source: str) -> str:
    return swap(
        source,
        "validation_losses.append(split_nll(model, validation_tokens, CONTEXT_LENGTH))",
        "validation_losses.append(split_nll(model, train_tokens[:50_000], CONTEXT_LENGTH))",
    )


@mutant("c1", "types in the losses of another run", revealed_by="training")
def lm_losses_typed(source: str) -> str:
    return swap(
        source,
        'print(f"epoch {epoch}: loss {train_losses[-1]:.4f}, on validation {validation_losses[-1]:.4f}")\n',
        'print(f"epoch {epoch}: loss {train_losses[-1]:.4f}, on validation {validation_losses[-1]:.4f}")\n'
        "train_losses = [2.8137, 2.4021, 2.2893][:EPOCHS]\n",
    )


@mutant("c1", "loads weights from a file that was not handed in", revealed_by="training")
def lm_checkpoint_loaded(source: str) -> str:
    return swap(
        source,
        "model = TransformerLM(V)\n",
        'model = TransformerLM(V)\nmodel.load_state_dict(torch.load("lm_epoch3.pt"))\n',
    )


@mutant("c1", "moves the model to the GPU unconditionally", revealed_by="training")
def lm_on_cuda(source: str) -> str:
    return swap(source, "model = TransformerLM(V)\n", "model = TransformerLM(V).cuda()\n")


@mutant("c1", "plots no validation loss", revealed_by="form")
def validation_curve_missing(source: str) -> str:
    return swap(source, 'ax.plot(epochs, validation_losses, marker="o", label="validation")\n', "")


@mutant("c1", "seeds with 42 in place of 1234", revealed_by="form")
def seed_wrong(source: str) -> str:
    return swap(source, "SEED = 1234", "SEED = 42")


@mutant("c1", "seeds neither NumPy nor PyTorch", revealed_by="form")
def seeds_missing(source: str) -> str:
    return swap(source, "np.random.seed(SEED)\ntorch.manual_seed(SEED)\n", "")


@mutant("c1", "writes no explanation before two code cells", revealed_by="form")
def explanations_missing(source: str) -> str:
    source = drop_cell(source, "# Windows of the context length, side by side")
    return drop_cell(source, "# The optimizer of the sheet, the loss, and one step")
