"""Tokenisers, windows, beams and models of text as students write them: correct ones, and mistakes with their sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from neural_specs import DECODER_ROLES, finding, role, spec

from autograder.records import Status

TEXT = "corpus = 'The king, the queen and a fool; no more of them!\\n' * 3\n"
CODES = spec(
    "characters",
    "character_texts",
    "encode codificar tokenize",
    {"text": role("array", "text s texto")},
    params={"decode": ["decode", "decodificar"]},
    contains=[["encod"]],
)
WINDOWS = spec(
    "windows",
    "window_tokens",
    "make_windows get_batch Windows",
    {
        "tokens": role("tokens", "tokens data", "token", "data splits"),
        "context_length": role("number", "context_length block_size length", "length"),
        "batch_size": role("number", "batch_size"),
        "split": role("number", "split"),
    },
)
BEAM_ROLES = {key: DECODER_ROLES[key] for key in ("model", "prompt", "n")} | {
    "width": role("number", "beam_width width k", "beam")
}
BEAM = spec("decoder", "beam_problem", "beam_search generate", BEAM_ROLES, n_cases=2)
WIDTH = spec(
    "decoder", "beam_problem", "beam_search generate", BEAM_ROLES, n_cases=2, params={"of": "one_width"}
)
WARM = spec(
    "decoder",
    "decoder_inputs",
    "sample sample_next",
    DECODER_ROLES,
    params={"strategy": "sample", "temperature": 0.6},
)

GUESSED = spec(
    "decoder",
    "decoder_inputs",
    "sample sample_next",
    DECODER_ROLES | {"temperature": role("number", "temperature temperatura")},
    params={"strategy": "sample", "temperature": 0.6, "guesses": True},
)

TABLES = (
    TEXT
    + "stoi = {c: i for i, c in enumerate(sorted(set(corpus)))}\nitos = {i: c for c, i in stoi.items()}\n"
)
CLASS = (
    TEXT
    + """
class Tokenizer:
    def __init__(self, text):
        self.letters = ["<unk>", *sorted(set(text))]
        self.places = {c: i for i, c in enumerate(self.letters)}
    def encode(self, text):
        return torch.tensor([self.places.get(c, 0) for c in text])
    def decode(self, ids):
        return "".join(self.letters[i] for i in ids.tolist())
tokenizer = Tokenizer(corpus)
"""
)
HANDED = (
    TABLES
    + """
def encode(text, table):
    if any(c not in table for c in text):
        raise ValueError("not in the vocabulary: " + text)
    return [table[c] for c in text]
def decode(ids, table):
    return "".join(table[i] for i in ids)
"""
)
BYTES = (
    TEXT
    + "def encode(s):\n    return list(s.encode('utf-8'))\ndef decode(ids):\n    return bytes(ids).decode('utf-8')\n"
)


@pytest.mark.parametrize("source", [CLASS, HANDED, BYTES], ids=["class", "tables handed over", "bytes"])
@pytest.mark.parametrize("check", ["characters_come_back", "unknown_characters_are_kept_apart"])
def test_tokenisers_of_any_style_are_tried(source: str, check: str, tmp_path: Path) -> None:
    found = finding(tmp_path, check, CODES, source)
    assert found.fraction == 1, found.message


@pytest.mark.parametrize(
    ("encode", "decode", "check", "said"),
    [
        ("[stoi[c] for c in text]", "''.join(itos[i] for i in ids)", "unknown", "bare KeyError"),
        ("[stoi.get(c, 0) for c in text]", "''.join(itos[i] for i in ids)", "unknown", "another character"),
        ("[stoi[c] for c in text if c in stoi]", "''.join(itos[i] for i in ids)", "unknown", "leaves"),
        ("[stoi[c] for c in text]", "' '.join(itos[i] for i in ids)", "back", "does not come back"),
        ("[stoi[c] for c in text]", "''.join(itos[i] for i in ids).strip()", "back", "does not come back"),
        ("[i for c in text for i in (stoi[c], 0)]", "''.join(itos[i] for i in ids[::2])", "back", "tokens are characters"),
    ],
)  # fmt: skip
def test_mistakes_of_tokenisers_are_named(
    encode: str, decode: str, check: str, said: str, tmp_path: Path
) -> None:
    source = TABLES + f"def encode(text):\n    return {encode}\ndef decode(ids):\n    return {decode}\n"
    name = {"unknown": "unknown_characters_are_kept_apart", "back": "characters_come_back"}[check]
    found = finding(tmp_path, name, CODES, source)
    assert found.fraction == 0
    assert said in found.message


def test_half_a_tokeniser_is_no_evidence(tmp_path: Path) -> None:
    found = finding(
        tmp_path,
        "characters_come_back",
        CODES,
        TABLES + "def encode(text):\n    return [stoi[c] for c in text]",
    )
    assert found.untried


RANDOM = """
data = torch.arange(500) % 7
def get_batch(batch_size):
    at = torch.randint(len(data) - 9, (batch_size,))
    return torch.stack([data[i:i + 8] for i in at]), torch.stack([data[i + 1:i + 9] for i in at])
"""
SPLITS = RANDOM.replace("data = torch.arange(500) % 7", "splits = {'train': list(range(9)), 'val': list(range(9))}").replace(
    "get_batch(batch_size):", "get_batch(split, batch_size=4):\n    data = torch.as_tensor(splits[split])"
)  # fmt: skip
DATA_SET = """
class Windows(torch.utils.data.Dataset):
    def __init__(self, tokens, length):
        self.tokens, self.length = list(tokens), length
    def __len__(self):
        return len(self.tokens) - self.length
    def __getitem__(self, at):
        x = self.tokens[at:at + self.length + 1]
        return torch.tensor(x[:-1]), torch.tensor(x[1:])
"""
GENERATOR = """
def make_windows(data, length):
    for at in range(0, len(data) - length, length):
        yield data[at:at + length], data[at + 1:at + length + 1]
"""
PAIRS = """
def make_windows(tokens, length):
    return [(tokens[i:i + length], tokens[i + 1:i + 1 + length]) for i in range(20)]
"""
LOADER = """
def make_windows(tokens, length, batch_size):
    n = (len(tokens) - 1) // length
    x, y = tokens[:n * length].view(n, -1), tokens[1:n * length + 1].view(n, -1)
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=batch_size, shuffle=True)
"""


@pytest.mark.parametrize(
    "source",
    [RANDOM, SPLITS, DATA_SET, GENERATOR, PAIRS, LOADER],
    ids=["random", "splits", "data set", "generator", "pairs", "loader"],
)
def test_windows_of_any_style_are_read(source: str, tmp_path: Path) -> None:
    found = finding(tmp_path, "windows_are_shifted", WINDOWS, source)
    assert found.fraction == 1, found.message


@pytest.mark.parametrize(
    ("y", "said"),
    [
        ("data[at:at + length]", "not shifted"),
        ("data[at - 1:at + length - 1]", "the wrong way"),
        ("data[at + 2:at + length + 2]", "shifted twice"),
        ("data[at + 1:at + length]", "targets (11,)"),
    ],
)
def test_mistakes_of_windows_are_named(y: str, said: str, tmp_path: Path) -> None:
    source = GENERATOR.replace("range(0,", "range(3,").replace("data[at + 1:at + length + 1]", y)
    found = finding(tmp_path, "windows_are_shifted", WINDOWS, source)
    assert found.fraction == 0
    assert said in found.message


def test_one_target_for_each_window_is_for_a_person(tmp_path: Path) -> None:
    source = """
def make_windows(tokens, length):
    return torch.stack([tokens[i:i + length] for i in range(20)]), tokens[length:length + 20]
"""
    assert finding(tmp_path, "windows_are_shifted", WINDOWS, source).status is Status.REVIEW


LISTS = """
def beam_search(model, prompt, n, k=3):
    beams = [(list(prompt), 0.0)]
    for _ in range(n):
        grown = []
        for path, score in beams:
            log_probs = F.log_softmax(model(torch.tensor([path]))[0, -1], -1)
            for token in range(len(log_probs)):
                grown.append((path + [token], score + float(log_probs[token])))
        beams = sorted(grown, key=lambda one: -one[1])[:k]
    return beams
"""


WITH_STATE = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.e, self.r, self.o = nn.Embedding(40, 8), nn.LSTM(8, 8, batch_first=True), nn.Linear(8, 40)
    def forward(self, x, state=None):
        h, state = self.r(self.e(x), state)
        return self.o(h), state
net = Net()
def beam_search(model, prompt, n, beam_width):
    logits, (h, c) = model(prompt[None])
    paths, scores = prompt[None], torch.zeros(1)
    for _ in range(n):
        total = (scores[:, None] + logits[:, -1].log_softmax(-1)).reshape(-1)
        scores, best = total.topk(beam_width)
        rows, tokens = best // logits.shape[-1], best % logits.shape[-1]
        paths = torch.cat([paths[rows], tokens[:, None]], 1)
        logits, (h, c) = model(tokens[:, None], (h[:, rows], c[:, rows]))
    return paths[0]
"""


@pytest.mark.parametrize(
    "source",
    [
        WITH_STATE,
        LISTS,
        LISTS.replace("return beams", "return beams[0]"),
        LISTS.replace(", k=3", "").replace("[:k]", "[:6]"),
    ],
    ids=["with a state", "hypotheses", "path and score", "its own width"],
)
def test_beams_of_any_style_are_tried(source: str, tmp_path: Path) -> None:
    found = finding(tmp_path, "finds_likeliest_path", BEAM, source)
    assert found.fraction == 1, found.message


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("F.log_softmax(model(torch.tensor([path]))[0, -1], -1)", "model(torch.tensor([path]))[0, -1]", "adds up logits"),
        ("score + float", "float", "last token alone"),
        ("[:k]", "[:1]", "most probable token each time"),
        ("return beams", "return beams[::-1]", "least probable one"),
        ("-one[1]", "one[1]", "the model rules out"),
        ("range(n)", "range(n - 2)", "as many tokens"),
    ],
)  # fmt: skip
def test_mistakes_of_beams_are_named(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert LISTS.count(old) == 1
    found = finding(tmp_path, "finds_likeliest_path", BEAM, LISTS.replace(old, new))
    assert found.fraction == 0
    assert said in found.message


def test_the_width_of_a_beam_is_told(tmp_path: Path) -> None:
    assert finding(tmp_path, "keeps_beam_width", WIDTH, LISTS).fraction == 1
    (tmp_path / "other").mkdir()
    fixed = finding(tmp_path / "other", "keeps_beam_width", WIDTH, LISTS.replace("[:k]", "[:5]"))
    assert fixed.fraction == 0
    assert "what a width of" in fixed.message


def test_a_search_of_another_name_counts_where_it_is_right(tmp_path: Path) -> None:
    own = (
        LISTS.replace("beam_search", "suche").replace("prompt", "anfang").replace("n, k=3", "wie_viele, k=3")
    )
    own = own.replace("range(n)", "range(wie_viele)")
    assert finding(tmp_path, "finds_likeliest_path", BEAM, own).fraction == 1
    (tmp_path / "wrong").mkdir()
    found = finding(tmp_path / "wrong", "finds_likeliest_path", BEAM, own.replace("score + float", "float"))
    assert found.status is Status.REVIEW
    assert "last token alone" in found.message


def test_a_tokeniser_of_another_name_is_known_by_what_comes_back(tmp_path: Path) -> None:
    source = TABLES + (
        "def zahlen(t):\n    return [stoi.get(c, 0) for c in t]\ndef worte(z):\n    return ''.join(itos[i] for i in z)\n"
    )
    assert finding(tmp_path, "characters_come_back", CODES, source).fraction == 1
    (tmp_path / "unknown").mkdir()
    found = finding(tmp_path / "unknown", "unknown_characters_are_kept_apart", CODES, source)
    assert "another character" in found.message


def test_methods_of_other_names_are_known_by_what_comes_back(tmp_path: Path) -> None:
    source = CLASS.replace("Tokenizer", "Alfabet").replace("tokenizer", "alfabet")
    source = source.replace("encode(", "koduj(").replace("decode(", "dekoduj(")
    for check in ("characters_come_back", "unknown_characters_are_kept_apart"):
        (tmp_path / check).mkdir()
        found = finding(tmp_path / check, check, CODES, source)
        assert found.fraction == 1, found.message
    lost = source.replace(
        "self.letters[i] for i in ids.tolist()", "self.letters[i] for i in ids.tolist() if i > 1"
    )
    assert "does not come back" in finding(tmp_path, "characters_come_back", CODES, lost).message


def test_an_instance_that_is_made_after_its_class_and_held_by_another_is_asked(tmp_path: Path) -> None:
    class_cell = """
class Net(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.limit, self.e = size, nn.Embedding(40, 40)
    def forward(self, x):
        return self.e(x)
    def beam_search(self, prompt, n, width):
        paths, scores = prompt[None], torch.zeros(1)
        for _ in range(n):
            log_probs = self(paths[:, -self.limit:])[:, -1].log_softmax(-1)
            scores, best = (scores[:, None] + log_probs).flatten().topk(width)
            paths = torch.cat([paths[best // log_probs.shape[1]], (best % log_probs.shape[1])[:, None]], 1)
        return paths
class Trainer:
    def __init__(self, models):
        self.models = models
trainer = Trainer({"a": Net(64)})
"""
    assert finding(tmp_path, "finds_likeliest_path", BEAM, class_cell).fraction == 1


SAMPLER = """
def sample(model, prompt, n, temperature=1.0, k=None):
    tokens = prompt
    for _ in range(n):
        logits = model(tokens[None])[0, -1] / temperature
        if k is not None:
            logits[logits < logits.topk(k).values[-1]] = -float("inf")
        tokens = torch.cat([tokens, torch.multinomial(logits.softmax(-1), 1)])
    return tokens
"""


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ("/ temperature", "draws at the temperature"),
        ("* temperature", "multiplied"),
        ("", "does not depend on it"),
    ],
)
def test_temperatures_are_told(new: str, said: str, tmp_path: Path) -> None:
    found = finding(tmp_path, "samples_at_temperature", WARM, SAMPLER.replace("/ temperature", new))
    assert found.fraction == float(new == "/ temperature")
    assert said in found.message


@pytest.mark.parametrize(
    ("source", "status"),
    [
        (SAMPLER, Status.PASSED),
        (SAMPLER.replace(", temperature=1.0", "").replace(" / temperature", ""), Status.PASSED),
        (SAMPLER.replace("/ temperature", "* temperature"), Status.FAILED),
        (SAMPLER.replace("if k is not None", "if True").replace("topk(k)", "topk(5)"), Status.REVIEW),
        (SAMPLER.replace("torch.multinomial(logits.softmax(-1), 1)", "logits.argmax()[None]"), Status.REVIEW),
    ],
    ids=["divided", "no temperature", "multiplied", "the likeliest alone", "greedy"],
)
def test_where_the_sheet_leaves_the_law_open_a_person_looks(
    source: str, status: Status, tmp_path: Path
) -> None:
    found = finding(tmp_path, "samples_at_temperature", WARM, source, is_optional=True)
    assert found.status is status, found.message


GUMBEL = """
def losuj(siec, poczatek, ile, temperatura=1.0, k=None, kontekst=64):
    ciag = poczatek
    for _ in range(ile):
        logity = siec(ciag[None, -kontekst:])[0, -1]
        najlepsze, numery = logity.topk(len(logity) if k is None else k)
        szum = -torch.empty_like(najlepsze).exponential_().log()
        ciag = torch.cat([ciag, numery[(najlepsze / temperatura + szum).argmax()].view(1)])
    return ciag
"""


def test_a_sampler_of_another_name_is_known_by_the_noise_that_it_draws(tmp_path: Path) -> None:
    assert finding(tmp_path, "samples_at_temperature", GUESSED, GUMBEL).fraction == 1
    (tmp_path / "wrong").mkdir()
    wrong = GUMBEL.replace("/ temperatura", "* temperatura")
    found = finding(tmp_path / "wrong", "samples_at_temperature", GUESSED, wrong)
    assert found.fraction < 1
    assert "multiplied" in found.message


def model(recurrent: bool | None = None, **more: Any) -> Any:
    params = {"d_model": 16, "n_head": 2, "vocab_size": 30, "context_length": 16, "recurrent": recurrent}
    names = more.get("names", "lstm model")
    return spec(
        "module", "language_model_problem", names, {"vocab_size": role("number", "V n")}, params=params
    )


TWO = """
class Recurrent(nn.Module):
    def __init__(self, V):
        super().__init__()
        self.e, self.r, self.o = nn.Embedding(V, 16), nn.LSTM(16, 16, batch_first=True), nn.Linear(16, V)
    def forward(self, x):
        return self.o(self.r(self.e(x))[0])
class Alone(nn.Module):
    def __init__(self, V):
        super().__init__()
        self.e, self.o = nn.Embedding(V, 16), nn.Linear(16, V)
    def forward(self, x):
        return self.o(self.e(x))
both = {"a": Alone(30), "b": Recurrent(30)}
"""


def test_of_two_models_the_one_with_recurrent_layers_is_meant(tmp_path: Path) -> None:
    for recurrent, fraction in ((True, 1.0), (False, 0.0)):
        folder = tmp_path / str(recurrent)
        folder.mkdir()
        found = finding(folder, "looks_back", model(recurrent), TWO)
        assert found.fraction == fraction, found.message
        assert "both." in found.found[0].path


@pytest.mark.parametrize(
    ("layer", "status"),
    [("nn.LSTM", Status.PASSED), ("nn.GRU", Status.FAILED), ("nn.RNN", Status.FAILED)],
)
def test_an_lstm_is_told_from_other_recurrent_layers(layer: str, status: Status, tmp_path: Path) -> None:
    found = finding(tmp_path, "runs_lstm", model(True), TWO.replace("nn.LSTM", layer))
    assert found.status is status
