"""Typical mistakes in notebook 5.1: each mutant is the solution with one mistake in one item.

What the sheet leaves open is no mistake and has no mutant: sizes, text, optimizer, biases, pre- or post-norm, GELU or
ReLU. The written answers of r2, t2 and s2 are read by a person; their formulas have mutants.
"""

from __future__ import annotations

import functools

from reference.aml_a3.mutants import Mutant, swap
from reference.aml_a3.mutants import mutant as register

MUTANTS: dict[str, Mutant] = {}
mutant = functools.partial(register, registry=MUTANTS)

STEP = "return torch.tanh(self.input(x) + self.recurrent(h))"

# ------------------------------------------------------------------ r1: RNN


@mutant("r1", "leaves the state out of the cell", revealed_by="structure")
def recurrence_missing(source: str) -> str:
    return swap(source, STEP, "return torch.tanh(self.input(x) + 0 * self.recurrent(h))")


@mutant("r1", "uses ReLU in the cell", revealed_by="structure")
def cell_with_relu(source: str) -> str:
    return swap(source, STEP, "return torch.relu(self.input(x) + self.recurrent(h))")


@mutant("r1", "leaves out the activation of the cell", revealed_by="structure")
def cell_linear(source: str) -> str:
    return swap(source, STEP, "return self.input(x) + self.recurrent(h)")


@mutant("r1", "adds the new state to the old one", revealed_by="structure")
def state_added(source: str) -> str:
    return swap(source, STEP, "return h + torch.tanh(self.input(x) + self.recurrent(h))")


@mutant("r1", "unrolls the sequence from its end", revealed_by="structure")
def unrolled_backwards(source: str) -> str:
    source = swap(source, "for t in range(x.shape[1]):", "for t in reversed(range(x.shape[1])):")
    return swap(
        source,
        "return torch.stack(outputs, dim=1), states",
        "return torch.stack(outputs[::-1], dim=1), states",
    )


@mutant("r1", "detaches the state from every step to the next", revealed_by="structure")
def state_detached(source: str) -> str:
    return swap(source, STEP, STEP.replace("(h)", "(h.detach())"))


@mutant("r1", "ends the model in a softmax before the cross-entropy", revealed_by="structure")
def softmax_in_rnn(source: str) -> str:
    return swap(
        source,
        "        logits: Tensor = self.head(states)\n        return logits\n",
        "        logits: Tensor = self.head(states)\n        return torch.softmax(logits, dim=-1)\n",
    )


@mutant("r1", "never clears the gradients", revealed_by="training")
def gradients_not_cleared(source: str) -> str:
    return swap(
        source, "    optimizer.zero_grad()\n    loss = next_token_loss(", "    loss = next_token_loss("
    )


@mutant("r1", "predicts the token itself in place of the next one", revealed_by="training")
def targets_not_shifted(source: str) -> str:
    return swap(source, "windows[:, 1:].flatten()", "windows[:, :-1].flatten()")


@mutant("r1", "generates with the same prompt again and again", revealed_by="decoder")
def generation_stuck(source: str) -> str:
    return swap(
        source,
        "        tokens = torch.cat([tokens, drawn])\n    return tokens",
        "    return torch.cat([tokens, drawn])",
    )


@mutant("r1", "multiplies the logits by the temperature", revealed_by="decoder")
def temperature_multiplied(source: str) -> str:
    return swap(source, "torch.softmax(logits / temperature", "torch.softmax(logits * temperature")


# ------------------------------------------------------------------ r2: formulas


@mutant("r2", "forgets the product with the state", revealed_by="form")
def step_without_state(source: str) -> str:
    return swap(source, "- Operations of one step: $2DH + 2H^2$", "- Operations of one step: $2DH$")


@mutant("r2", "gives the operations of one step for a sequence", revealed_by="form")
def sequence_as_step(source: str) -> str:
    return swap(
        source, "- Operations of a sequence: $T (2DH + 2H^2)$", "- Operations of a sequence: $2DH + 2H^2$"
    )


@mutant("r2", "takes the steps of an RNN for parallel", revealed_by="form")
def rnn_parallel(source: str) -> str:
    return swap(source, "- Steps that follow each other: $O(T)$", "- Steps that follow each other: $O(1)$")


# ------------------------------------------------------------------ t1: Transformer


@mutant("t1", "leaves out the causal mask", revealed_by="structure")
def mask_missing(source: str) -> str:
    source = swap(
        source,
        "F.scaled_dot_product_attention(q, k, v, is_causal=True)",
        "F.scaled_dot_product_attention(q, k, v)",
    )
    return swap(source, "scores.masked_fill(is_future, -math.inf)", "scores")


@mutant("t1", "masks the past in place of the future", revealed_by="structure")
def mask_inverted(source: str) -> str:
    return swap(
        source,
        "    return F.scaled_dot_product_attention(q, k, v, is_causal=True)",
        "    n = q.shape[-2]\n"
        "    return F.scaled_dot_product_attention(q, k, v, attn_mask=torch.ones(n, n, dtype=torch.bool).triu())",
    )


FUSED = "    return F.scaled_dot_product_attention(q, k, v, is_causal=True)"


@mutant("t1", "lets the attention run along the batch", revealed_by="structure")
def attention_along_batch(source: str) -> str:
    return swap(
        source,
        FUSED,
        "    turned = (part.transpose(0, 2) for part in (q, k, v))\n"
        "    return F.scaled_dot_product_attention(*turned, is_causal=True).transpose(0, 2)",
    )


@mutant("t1", "takes the softmax over the queries", revealed_by="structure")
def softmax_over_queries(source: str) -> str:
    return swap(
        source,
        FUSED,
        "    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])\n"
        "    is_future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)\n"
        "    return torch.softmax(scores.masked_fill(is_future, -math.inf), dim=-2) @ v",
    )


@mutant("t1", "masks after the softmax", revealed_by="structure")
def mask_after_softmax(source: str) -> str:
    return swap(
        source,
        FUSED,
        "    weights = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]), dim=-1)\n"
        "    return weights.tril() @ v",
    )


@mutant(
    "t1",
    "leaves out the scale of the scores",
    revealed_by="structure",
    unrevealable="The sheet leaves sizes and blocks open, so no formula of the whole is compared; a short run learns too.",
)
def scale_missing(source: str) -> str:
    return swap(source, FUSED, FUSED.replace("is_causal=True", "is_causal=True, scale=1.0"))


@mutant("t1", "trains the RNN once more in place of a Transformer", revealed_by="structure")
def transformer_is_rnn(source: str) -> str:
    source = swap(source, "class TransformerLM(nn.Module):", "class Unused(nn.Module):")
    return swap(
        source,
        "transformer = TransformerLM(TransformerConfig(len(characters), **sizes))",
        "def TransformerLM(config):\n    return RnnLM(config.vocab_size, n_hidden=192)\n\n\n"
        "transformer = TransformerLM(TransformerConfig(len(characters), **sizes))",
    )


@mutant("t1", "leaves out the positions", revealed_by="structure")
def positions_missing(source: str) -> str:
    return swap(source, "self.embedding(tokens) + self.positions[:n_tokens]", "self.embedding(tokens)")


@mutant("t1", "never uses the last norm", revealed_by="structure")
def norm_unused(source: str) -> str:
    return swap(source, "self.final_norm(x)", "x")


# ------------------------------------------------------------------ t2: formulas


@mutant("t2", "exchanges T and D in the attention", revealed_by="form")
def attention_exchanged(source: str) -> str:
    return swap(
        source, "- Operations of scores and values: $4 T^2 D$", "- Operations of scores and values: $4 T D^2$"
    )


@mutant("t2", "forgets the projection after the attention", revealed_by="form")
def three_projections(source: str) -> str:
    return swap(
        source, "- Operations of the projections: $8 T D^2$", "- Operations of the projections: $6 T D^2$"
    )


@mutant("t2", "takes the tokens of a Transformer for sequential", revealed_by="form")
def transformer_sequential(source: str) -> str:
    return swap(source, "- Steps that follow each other: $O(L)$", "- Steps that follow each other: $O(T)$")


# ------------------------------------------------------------------ s1: subwords


@mutant("s1", "trains SentencePiece on characters", revealed_by="structure")
def pieces_are_characters(source: str) -> str:
    source = swap(source, 'model_type="bpe"', 'model_type="char"')
    return swap(source, "hard_vocab_limit=True", "hard_vocab_limit=False")


@mutant("s1", "trains SentencePiece on whole words", revealed_by="structure")
def pieces_are_words(source: str) -> str:
    source = swap(source, 'model_type="bpe"', 'model_type="word"')
    return swap(source, "hard_vocab_limit=True", "hard_vocab_limit=False")


@mutant("s1", "never trains the model of subwords", revealed_by="training")
def subword_rnn_untrained(source: str) -> str:
    return swap(
        source,
        "subword_losses = train(subword_rnn, subword_data, N_STEPS)",
        "subword_losses = [float(np.log(subwords.vocab_size()))] * N_STEPS",
    )


@mutant("s1", "trains the model of subwords on the characters' tokens", revealed_by="training")
def subword_rnn_on_characters(source: str) -> str:
    return swap(
        source,
        "subword_losses = train(subword_rnn, subword_data, N_STEPS)",
        "subword_losses = train(subword_rnn, data, N_STEPS)",
    )


@mutant("s1", "uses the Transformer where the RNN is asked for", revealed_by="structure")
def subword_rnn_is_transformer(source: str) -> str:
    return swap(
        source,
        "subword_rnn = RnnLM(subwords.vocab_size())",
        "subword_rnn = TransformerLM(TransformerConfig(subwords.vocab_size(), **sizes))",
    )


@mutant("s1", "decodes other numbers than it has encoded", revealed_by="structure")
def pieces_shifted(source: str) -> str:
    return swap(
        source,
        "subwords = train_subwords(text, VOCAB_SIZE)\n",
        "class Shifted(spm.SentencePieceProcessor):\n"
        "    def encode(self, given, **more):\n"
        "        found = super().encode(given, **more)\n"
        "        return found if more else [min(token + 1, VOCAB_SIZE - 1) for token in found]\n\n\n"
        "subwords = Shifted(model_proto=train_subwords(text, VOCAB_SIZE).serialized_model_proto())\n",
    )


# ------------------------------------------------------------------ s2, r3, s3


@mutant("s2", "takes the length to grow with the size of the pieces", revealed_by="form")
def length_factor_inverted(source: str) -> str:
    return swap(source, "- Factor of the length: $1/c$", "- Factor of the length: $c$")


@mutant("r3", "trains one layer once more", revealed_by="structure")
def one_layer_again(source: str) -> str:
    return swap(source, "deep_rnn = RnnLM(len(characters), n_layer=2)", "deep_rnn = RnnLM(len(characters))")


@mutant("s3", "never trains the Transformer of subwords", revealed_by="training")
def subword_transformer_untrained(source: str) -> str:
    return swap(
        source,
        "subword_transformer_losses = train(subword_transformer, subword_data, N_STEPS)",
        "subword_transformer_losses = [float(np.log(subwords.vocab_size()))] * N_STEPS",
    )
