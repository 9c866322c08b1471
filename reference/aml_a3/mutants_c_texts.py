"""Typical mistakes with perplexity and decoding: tasks 2 and 3 of part c."""

from __future__ import annotations

from functools import partial

from reference.aml_a3.mutants import Mutant, drop_cell, swap
from reference.aml_a3.mutants import mutant as register

MUTANTS: dict[str, Mutant] = {}

mutant = partial(register, registry=MUTANTS)

N_GRAMS = (
    "the sheet sets no task, smoothing or marks for n-grams (an erratum of c2); they are reported, unmarked"
)

# ------------------------------------------------------------------ c2: perplexity


@mutant("c2", "raises 2 to a loss in nats", revealed_by="loss")
def perplexity_base_two(source: str) -> str:
    source = swap(source, "return math.exp(split_nll(", "return 2 ** (split_nll(")
    return swap(
        source, "[math.exp(nll) for nll in validation_losses]", "[2**nll for nll in validation_losses]"
    )


@mutant("c2", "reports the loss as perplexity", revealed_by="loss")
def perplexity_without_exp(source: str) -> str:
    source = swap(
        source,
        "return math.exp(split_nll(model, tokens, CONTEXT_LENGTH))",
        "return split_nll(model, tokens, CONTEXT_LENGTH)",
    )
    return swap(source, "[math.exp(nll) for nll in validation_losses]", "list(validation_losses)")


@mutant("c2", "exponentiates the negative loss", revealed_by="loss")
def perplexity_sign_wrong(source: str) -> str:
    source = swap(source, "return math.exp(split_nll(", "return math.exp(-split_nll(")
    return swap(
        source,
        "[math.exp(nll) for nll in validation_losses]",
        "[math.exp(-nll) for nll in validation_losses]",
    )


@mutant("c2", "averages the perplexities of chunks of one window", revealed_by="loss")
def perplexity_mean_of_chunks(source: str) -> str:
    return swap(
        source,
        "return math.exp(split_nll(model, tokens, CONTEXT_LENGTH))",
        "chunks = tokens.split(CONTEXT_LENGTH)\n"
        "    return float(np.mean([math.exp(split_nll(model, c, CONTEXT_LENGTH)) for c in chunks if len(c) > 1]))",
    )


@mutant("c2", "scores the first hundred tokens only", revealed_by="loss")
def perplexity_of_beginning(source: str) -> str:
    return swap(
        source,
        "return math.exp(split_nll(model, tokens, C",
        "return math.exp(split_nll(model, tokens[:100], C",
    )


@mutant("c2", "reports the perplexity of the training split", revealed_by="training")
def perplexity_of_training(source: str) -> str:
    return swap(source, "perplexity(model, validation_tokens)", "perplexity(model, train_tokens)")


@mutant("c2", "reports the training perplexity of each epoch", revealed_by="training")
def perplexities_of_training(source: str) -> str:
    return swap(
        source, "[math.exp(nll) for nll in validation_losses]", "[math.exp(nll) for nll in train_losses]"
    )


@mutant("c2", "reports the perplexity of an untrained model", revealed_by="training")
def perplexity_untrained(source: str) -> str:
    return swap(
        source, "perplexity(model, validation_tokens)", "perplexity(TransformerLM(V), validation_tokens)"
    )


@mutant("c2", "types in the final perplexity of another run", revealed_by="training")
def perplexity_typed(source: str) -> str:
    return swap(source, "final_perplexity = perplexity(model, validation_tokens)", "final_perplexity = 8.94")


@mutant(
    "c2",
    "scores the validation split with n-grams counted on it",
    unrevealable=N_GRAMS,
)
def ngrams_of_validation(source: str) -> str:
    return swap(
        source,
        "fit_ngram(train_tokens.numpy(), n, V, 1.0)",
        "fit_ngram(validation_tokens.numpy(), n, V, 1.0)",
    )


@mutant(
    "c2",
    "reports the n-grams' bits in place of their perplexity",
    unrevealable=N_GRAMS,
)
def ngram_bits(source: str) -> str:
    return swap(
        source, "return float(np.exp(-np.mean(np.log(probs))))", "return float(-np.mean(np.log2(probs)))"
    )


@mutant(
    "c2",
    "forgets the size of the vocabulary in the smoothing",
    unrevealable=N_GRAMS,
)
def ngram_smoothing_wrong(source: str) -> str:
    return swap(source, "/ (context + model.alpha * model.vocab_size)", "/ (context + model.alpha)")


# ------------------------------------------------------------------ c3: decoding


@mutant("c3", "samples where it should be greedy", revealed_by="decoder")
def greedy_samples(source: str) -> str:
    return swap(source, "            law = greedy(law)\n", "            pass\n")


@mutant("c3", "takes the least probable token for the greedy one", revealed_by="decoder")
def greedy_of_worst(source: str) -> str:
    return swap(source, "law = greedy(law)", "law = greedy(-law)")


@mutant("c3", "keeps the k least probable tokens", revealed_by="decoder")
def top_k_of_worst(source: str) -> str:
    return swap(source, "law = top_k(law, k)", "law = top_k(-law, k)")


@mutant("c3", "rules nothing out by top-k", revealed_by="decoder")
def top_k_not_cut(source: str) -> str:
    return swap(source, "law = top_k(law, k)", "law = top_k(law, len(law))")


@mutant("c3", "draws uniformly from the k most probable tokens", revealed_by="decoder")
def top_k_uniform(source: str) -> str:
    return swap(
        source,
        "law = top_k(law, k)",
        "law = torch.log_softmax(torch.where(top_k(law, k) > -math.inf, 0.0, -math.inf), dim=-1)",
    )


@mutant("c3", "keeps one token more than k", revealed_by="decoder")
def top_k_off_by_one(source: str) -> str:
    return swap(source, "law = top_k(law, k)", "law = top_k(law, k + 1)")


@mutant("c3", "uses k = 5", revealed_by="training")
def k_wrong(source: str) -> str:
    return swap(
        source, "temperature=1.0, k=20, p=0.9, generator=rng", "temperature=1.0, k=5, p=0.9, generator=rng"
    )


@mutant("c3", "never cuts the nucleus", revealed_by="decoder")
def nucleus_not_cut(source: str) -> str:
    return swap(source, "is_in = mass_before < p", "is_in = mass_before < 2.0")


@mutant("c3", "fills the nucleus from the least probable token on", revealed_by="decoder")
def nucleus_of_tail(source: str) -> str:
    return swap(
        source,
        "ordered = torch.sort(log_probs, dim=-1, descending=True",
        "ordered = torch.sort(log_probs, dim=-1, descending=False",
    )


@mutant("c3", "keeps every token whose own probability exceeds 1 - p", revealed_by="decoder")
def nucleus_by_threshold(source: str) -> str:
    return swap(source, "is_in = mass_before < p", "is_in = probs > 1.0 - p")


@mutant("c3", "keeps the sorted order of the nucleus for the order of the vocabulary", revealed_by="decoder")
def nucleus_not_unsorted(source: str) -> str:
    return swap(
        source,
        "return _keep(log_probs, ordered.indices, is_in)",
        "return torch.log_softmax(log_probs.masked_fill(~is_in, -math.inf), dim=-1)",
    )


@mutant("c3", "uses p = 0.5", revealed_by="training")
def p_wrong(source: str) -> str:
    return swap(
        source, "temperature=1.0, k=20, p=0.9, generator=rng", "temperature=1.0, k=20, p=0.5, generator=rng"
    )


@mutant("c3", "ignores the temperature", revealed_by="decoder")
def temperature_ignored(source: str) -> str:
    return swap(source, "torch.log_softmax(log_probs / t, dim=-1)", "torch.log_softmax(log_probs, dim=-1)")


@mutant("c3", "multiplies the logits by the temperature", revealed_by="decoder")
def temperature_multiplied(source: str) -> str:
    return swap(
        source, "torch.log_softmax(log_probs / t, dim=-1)", "torch.log_softmax(log_probs * t, dim=-1)"
    )


@mutant("c3", "generates at temperature 0.7", revealed_by="training")
def temperature_wrong(source: str) -> str:
    return swap(source, "200, strategy, temperature=1.0, k", "200, strategy, temperature=0.7, k")


@mutant("c3", "never crops to the context", revealed_by="decoder")
def crop_missing(source: str) -> str:
    return swap(source, "context = tokens[-128:]", "context = tokens")


@mutant("c3", "keeps showing the first 128 tokens", revealed_by="decoder")
def crop_of_beginning(source: str) -> str:
    return swap(source, "context = tokens[-128:]", "context = tokens[:128]")


@mutant("c3", "shows the model the last token only", revealed_by="decoder")
def context_of_one(source: str) -> str:
    return swap(source, "context = tokens[-128:]", "context = tokens[-1:]")


@mutant("c3", "draws from the logits of the first position", revealed_by="decoder")
def first_position_drawn(source: str) -> str:
    return swap(source, "logits = model(context[None])[0, -1]", "logits = model(context[None])[0, 0]")


@mutant("c3", "leaves the loop after one token", revealed_by="decoder")
def one_token_only(source: str) -> str:
    return swap(
        source,
        "        token = torch.multinomial(law.exp(), 1, generator=generator)  # (1,)\n"
        "        tokens = torch.cat([tokens, token])\n",
        "    token = torch.multinomial(law.exp(), 1, generator=generator)  # (1,)\n"
        "    tokens = torch.cat([tokens, token])\n",
    )


@mutant("c3", "counts the prompt among the 200 tokens", revealed_by="decoder")
def prompt_counted(source: str) -> str:
    return swap(
        source,
        "for _ in range(n_tokens):\n        context",
        "for _ in range(n_tokens - len(prompt)):\n        context",
    )


@mutant("c3", "generates 100 tokens", revealed_by="training")
def too_few_tokens(source: str) -> str:
    return swap(source, "prompt_tokens, 200, strategy", "prompt_tokens, 100, strategy")


@mutant("c3", "takes the prompt from the training split", revealed_by="training")
def prompt_of_training(source: str) -> str:
    return swap(source, "prompt = validation_text[:64]", "prompt = train_text[:64]")


@mutant("c3", "takes the prompt from the test split", revealed_by="training")
def prompt_of_test(source: str) -> str:
    return swap(source, "prompt = validation_text[:64]", "prompt = test_text[:64]")


@mutant("c3", "uses a prompt of 32 characters", revealed_by="training")
def prompt_too_short(source: str) -> str:
    return swap(source, "prompt = validation_text[:64]", "prompt = validation_text[:32]")


@mutant("c3", "makes up a prompt", revealed_by="training")
def prompt_invented(source: str) -> str:
    return swap(source, "prompt = validation_text[:64]", 'prompt = "The "')


@mutant("c3", "continues each text with the next strategy", revealed_by="training")
def prompts_differ(source: str) -> str:
    return swap(
        source,
        '    print(f"--- {strategy}',
        '    prompt_tokens = tokens[-64:]\n    print(f"--- {strategy}',
    )


@mutant("c3", "calls greedy decoding for all three", revealed_by="training")
def greedy_three_times(source: str) -> str:
    return swap(
        source,
        "generate(model, prompt_tokens, 200, strategy,",
        'generate(model, prompt_tokens, 200, "greedy",',
    )


@mutant("c3", "generates with an untrained model", revealed_by="training")
def generated_untrained(source: str) -> str:
    return swap(
        source, "generate(model, prompt_tokens, 200,", "generate(TransformerLM(V), prompt_tokens, 200,"
    )


@mutant("c3", "prints none of the texts", revealed_by="form")
def texts_not_shown(source: str) -> str:
    return swap(source, '    print(f"--- {strategy}\\n{generations[strategy]}\\n")\n', "")


@mutant(
    "c3",
    "writes no comment",
    unrevealable="the comment is marked by a person, who is told that none was found",
)
def decoding_comment_missing(source: str) -> str:
    return drop_cell(source, "# Greedy decoding is the most fluent from one character")


@mutant("c3", "claims that greedy decoding is the most diverse", "the comment is marked by a person")
def decoding_comment_wrong(source: str) -> str:
    return swap(source, "and the least diverse: it falls", "and the most diverse: it falls")
