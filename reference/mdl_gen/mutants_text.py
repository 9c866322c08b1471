"""Typical mistakes in the lab of lecture 5: each mutant is the solution with one mistake in one item.

What the lab leaves open is no mistake and has no mutant: layers, sizes, optimizers, learning rates, how windows lie.
"""

from __future__ import annotations

from functools import partial

from reference.aml_a3.mutants import Mutant, swap
from reference.aml_a3.mutants import mutant as register

MUTANTS: dict[str, Mutant] = {}

mutant = partial(register, registry=MUTANTS)

REFUSAL = """    unknown = sorted(set(text) - set(stoi))
    if unknown:
        raise ValueError(f"these characters are not in the vocabulary: {unknown}")
"""
HEAD = "logits: Tensor = self.head(self.norm(self.blocks(x)))"
LOOKED_UP = "[stoi[character] for character in text]"

# ------------------------------------------------------------------ x1: characters


@mutant(
    "x1", "strips blanks and line ends from the text before it builds the vocabulary", revealed_by="structure"
)
def blanks_lost(source: str) -> str:
    source = swap(
        source,
        "characters = sorted(set(text))\n    stoi",
        'characters = sorted(set("".join(text.split())))\n    stoi',
    )
    source = swap(source, REFUSAL, "")
    return swap(source, LOOKED_UP, "[stoi[character] for character in text if character in stoi]")


@mutant("x1", "writes everything in small letters", revealed_by="structure")
def small_letters(source: str) -> str:
    source = swap(source, "characters = sorted(set(text))", "characters = sorted(set(text.lower()))")
    source = swap(
        source, "unknown = sorted(set(text) - set(stoi))", "unknown = sorted(set(text.lower()) - set(stoi))"
    )
    return swap(source, LOOKED_UP, "[stoi[character] for character in text.lower()]")


@mutant("x1", "decodes with a table that is shifted by one", revealed_by="structure")
def decoded_off_by_one(source: str) -> str:
    return swap(source, '"".join(itos[int(token)] for', '"".join(itos[(int(token) + 1) % V] for')


@mutant("x1", "puts a blank between the characters that it decodes", revealed_by="structure")
def decoded_with_blanks(source: str) -> str:
    return swap(source, '"".join(itos[int(token)]', '" ".join(itos[int(token)]')


@mutant("x1", "looks unknown characters up and stops with a KeyError", revealed_by="structure")
def bare_key_error(source: str) -> str:
    return swap(source, REFUSAL, "")


@mutant("x1", "leaves unknown characters out", revealed_by="structure")
def unknown_left_out(source: str) -> str:
    return swap(
        swap(source, REFUSAL, ""), LOOKED_UP, "[stoi[character] for character in text if character in stoi]"
    )


@mutant("x1", "gives unknown characters the first token, which is the newline's", revealed_by="structure")
def unknown_as_newline(source: str) -> str:
    return swap(swap(source, REFUSAL, ""), LOOKED_UP, "[stoi.get(character, 0) for character in text]")


# ------------------------------------------------------------------ x2: windows


@mutant("x2", "takes the inputs as targets", revealed_by="training")
def targets_not_shifted(source: str) -> str:
    return swap(
        source,
        "targets = tokens[1 : n * context_length + 1].view",
        "targets = tokens[: n * context_length].view",
    )


@mutant("x2", "shifts the targets the wrong way", revealed_by="training")
def targets_shifted_back(source: str) -> str:
    source = swap(
        source,
        "inputs = tokens[: n * context_length].view",
        "inputs = tokens[1 : n * context_length + 1].view",
    )
    return swap(
        source,
        "targets = tokens[1 : n * context_length + 1].view",
        "targets = tokens[: n * context_length].view",
    )


@mutant("x2", "shifts the targets by two", revealed_by="training")
def targets_shifted_twice(source: str) -> str:
    source = swap(
        source, "n = (len(tokens) - 1) // context_length", "n = (len(tokens) - 2) // context_length"
    )
    return swap(
        source,
        "targets = tokens[1 : n * context_length + 1].view",
        "targets = tokens[2 : n * context_length + 2].view",
    )


@mutant("x2", "rolls the targets inside of each window", revealed_by="training")
def targets_rolled(source: str) -> str:
    return swap(
        source,
        "targets = tokens[1 : n * context_length + 1].view(n, context_length)",
        "targets = inputs.roll(-1, dims=1)",
    )


# ------------------------------------------------------------------ x3: LSTM


@mutant("x3", "reads the text from both ends", revealed_by="structure")
def bidirectional(source: str) -> str:
    source = swap(source, "n_layer, batch_first=True)", "n_layer, batch_first=True, bidirectional=True)")
    return swap(
        source,
        "self.head = nn.Linear(n_hidden, vocab_size)",
        "self.head = nn.Linear(2 * n_hidden, vocab_size)",
    )


@mutant("x3", "forgets batch_first, so that the state runs through the batch", revealed_by="structure")
def batch_not_first(source: str) -> str:
    return swap(source, "n_layer, batch_first=True)", "n_layer)")


@mutant("x3", "takes a GRU", revealed_by="structure")
def gru_taken(source: str) -> str:
    return swap(source, "nn.LSTM(d_embed,", "nn.GRU(d_embed,")


@mutant("x3", "begins with a new state at every token", revealed_by="structure")
def state_forgotten(source: str) -> str:
    return swap(
        source,
        "states, _ = self.lstm(x)",
        "states = self.lstm(x.flatten(0, 1)[:, None])[0].view(*tokens.shape, -1)",
    )


@mutant("x3", "ends the LSTM in a softmax", revealed_by="structure")
def lstm_softmax(source: str) -> str:
    return swap(
        source, "logits: Tensor = self.head(states)", "logits: Tensor = self.head(states).softmax(dim=-1)"
    )


# ------------------------------------------------------------------ x4: Transformer


@mutant("x4", "forgets the causal mask", revealed_by="structure")
def mask_missing(source: str) -> str:
    return swap(source, "(q, k, v, is_causal=True)", "(q, k, v)")


@mutant("x4", "turns the mask round", revealed_by="structure")
def mask_inverted(source: str) -> str:
    return swap(source, "(q, k, v, is_causal=True)", "(q, k, v, attn_mask=torch.ones(t, t).triu().bool())")


@mutant("x4", "masks all but the token itself", revealed_by="structure")
def mask_diagonal(source: str) -> str:
    return swap(source, "(q, k, v, is_causal=True)", "(q, k, v, attn_mask=torch.eye(t).bool())")


@mutant("x4", "leaves the positions out", revealed_by="structure")
def positions_missing(source: str) -> str:
    return swap(source, "self.embedding(tokens) + self.positions(places)", "self.embedding(tokens)")


@mutant("x4", "attends along the batch", revealed_by="structure")
def attends_along_batch(source: str) -> str:
    turned = "self.blocks(x.transpose(0, 1)).transpose(0, 1)"
    return swap(source, HEAD, HEAD.replace("self.blocks(x)", turned))


@mutant("x4", "ends the Transformer in a softmax", revealed_by="structure")
def transformer_softmax(source: str) -> str:
    return swap(source, HEAD, HEAD + ".softmax(dim=-1)")


# ------------------------------------------------------------------ x5: training


@mutant("x5", "never clears the gradients", revealed_by="training")
def gradients_kept(source: str) -> str:
    return swap(source, "        optimizer.zero_grad()\n", "")


@mutant("x5", "never updates the weights", revealed_by="training")
def never_updated(source: str) -> str:
    return swap(source, "        optimizer.step()\n", "")


@mutant("x5", "takes 2 to the power of the loss for the perplexity", revealed_by="loss")
def perplexity_base_two(source: str) -> str:
    return swap(source, "return math.exp(total / n)", "return 2 ** (total / n)")


@mutant("x5", "takes the sum of the losses for their mean", revealed_by="loss")
def perplexity_of_windows(source: str) -> str:
    return swap(source, "n += len(window) - 1", "n += 1")


@mutant("x5", "reports the perplexity on the training text", revealed_by="training")
def perplexity_of_training(source: str) -> str:
    return swap(
        source,
        "lstm_perplexity = perplexity(lstm, validation_tokens)",
        "lstm_perplexity = perplexity(lstm, train_tokens)",
    )


@mutant("x5", "trains the models to copy their inputs", revealed_by="training")
def trained_on_inputs(source: str) -> str:
    return swap(source, "targets[batch].flatten())", "inputs[batch].flatten())")


@mutant("x5", "types the losses in", revealed_by="training")
def losses_typed(source: str) -> str:
    return swap(
        source,
        "transformer_losses = train(transformer, 2e-3)\n",
        "train(transformer, 2e-3)\ntransformer_losses = [4.2, 3.6, 3.1, 2.9, 2.7]\n",
    )


@mutant("x5", "types a perplexity in", revealed_by="training")
def perplexity_typed(source: str) -> str:
    return swap(
        source,
        "transformer_perplexity = perplexity(transformer, validation_tokens)",
        "transformer_perplexity = 7.31",
    )


@mutant("x5", "draws no losses", revealed_by="form")
def losses_not_drawn(source: str) -> str:
    source = swap(source, 'ax.plot(lstm_losses, label="LSTM")\n', "")
    return swap(source, 'ax.plot(transformer_losses, label="Transformer")\nax.set', "ax.set")


# ------------------------------------------------------------------ x6: decoders


@mutant("x6", "takes the least probable token in greedy decoding", revealed_by="decoder")
def greedy_argmin(source: str) -> str:
    return swap(source, "logits.argmax()[None]", "logits.argmin()[None]")


@mutant("x6", "takes the logits of the first position in greedy decoding", revealed_by="decoder")
def greedy_first_position(source: str) -> str:
    return swap(
        source,
        "logits = model(tokens[None, -CONTEXT_LENGTH:])[0, -1]  # (V,)\n        tokens",
        "logits = model(tokens[None, -CONTEXT_LENGTH:])[0, 0]\n        tokens",
    )


@mutant("x6", "adds up logits in place of log-probabilities in the beam", revealed_by="decoder")
def beam_of_logits(source: str) -> str:
    return swap(
        source,
        "torch.log_softmax(model(paths[:, -context_length:])[:, -1], dim=-1)",
        "model(paths[:, -context_length:])[:, -1]",
    )


@mutant("x6", "forgets the scores of the path in the beam", revealed_by="decoder")
def beam_of_last_scores(source: str) -> str:
    return swap(source, "(scores[:, None] + log_probs).flatten()", "log_probs.flatten()")


@mutant("x6", "keeps one path in the beam", revealed_by="decoder")
def beam_of_one(source: str) -> str:
    return swap(source, "total.topk(min(beam_width, len(total)))", "total.topk(1)")


@mutant("x6", "ignores the width of the beam", revealed_by="decoder")
def beam_width_ignored(source: str) -> str:
    return swap(source, "total.topk(min(beam_width, len(total)))", "total.topk(min(5, len(total)))")


@mutant("x6", "returns the last path of the beam", revealed_by="decoder")
def beam_worst(source: str) -> str:
    return swap(source, "return paths[0]", "return paths[-1]")


@mutant("x6", "extends each path of the beam by its best token alone", revealed_by="decoder")
def beam_of_greedy_paths(source: str) -> str:
    return swap(
        source,
        "        scores, places = total.topk(min(beam_width, len(total)))  # (W,), in falling order\n",
        """        if len(paths) == 1:
            scores, places = total.topk(beam_width)
        else:
            scores, best = (scores[:, None] + log_probs).max(dim=1)
            places = torch.arange(len(paths)) * log_probs.shape[-1] + best
""",
    ).replace("return paths[0]", "return paths[scores.argmax()]")


@mutant("x6", "multiplies the logits by the temperature", revealed_by="decoder")
def temperature_multiplied(source: str) -> str:
    return swap(source, "[0, -1] / temperature", "[0, -1] * temperature")


@mutant("x6", "ignores the temperature", revealed_by="decoder")
def temperature_ignored(source: str) -> str:
    return swap(source, "[0, -1] / temperature", "[0, -1]")


@mutant("x6", "keeps the least probable tokens in top-k", revealed_by="decoder")
def top_k_inverted(source: str) -> str:
    return swap(
        swap(
            source, "smallest = logits.topk(top_k).values[-1]", "largest = (-logits).topk(top_k).values[-1]"
        ),
        "logits.masked_fill(logits < smallest, -math.inf)",
        "logits.masked_fill(-logits < largest, -math.inf)",
    )


@mutant("x6", "cuts nothing in top-k", revealed_by="decoder")
def top_k_ignored(source: str) -> str:
    return swap(source, "logits = logits.masked_fill(logits < smallest, -math.inf)", "pass")


@mutant("x6", "counts the prompt among the new tokens", revealed_by="decoder")
def prompt_counted(source: str) -> str:
    begins = "for _ in range(n_tokens):\n        logits = model(tokens[None, -CONTEXT_LENGTH:])[0, -1] / temperature"
    return swap(source, begins, begins.replace("range(n_tokens)", "range(n_tokens - len(prompt))"))
