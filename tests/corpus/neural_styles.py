"""Correct Transformers, autoencoders, GANs and classifiers as different students write them, and faulty ones.

Small sizes: vocabulary 31, d_model 24, 3 heads, d_ff 96, 2 blocks, context 16.
"""

from __future__ import annotations

PREAMBLE = """
import math
import torch
import torch.nn as nn
import torch.nn.functional as F
V, C, H, L, FF, T_MAX = 31, 24, 3, 2, 96, 16

def sinusoids(n=T_MAX, d=C):
    pe = torch.zeros(n, d)
    t = torch.arange(n).float().unsqueeze(1)
    div = torch.exp(torch.arange(0, d, 2).float() * (-math.log(10000.0) / d))
    pe[:, 0::2] = torch.sin(t * div)
    pe[:, 1::2] = torch.cos(t * div)
    return pe
"""

PLAIN = (
    PREAMBLE
    + """
class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(C, C) for _ in range(4))
        self.register_buffer("tril", torch.tril(torch.ones(T_MAX, T_MAX)))

    def forward(self, x):
        B, T, _ = x.shape
        q = self.q(x).view(B, T, H, C // H).transpose(1, 2)
        k = self.k(x).view(B, T, H, C // H).transpose(1, 2)
        v = self.v(x).view(B, T, H, C // H).transpose(1, 2)
        scores = q @ k.transpose(-2, -1) / math.sqrt(C // H)
        scores = scores.masked_fill(self.tril[:T, :T] == 0, float("-inf"))
        weights = F.softmax(scores, dim=-1)
        out = (weights @ v).transpose(1, 2).contiguous().view(B, T, C)
        return self.o(out)

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn = SelfAttention()
        self.ff = nn.Sequential(nn.Linear(C, FF), nn.GELU(), nn.Linear(FF, C))
        self.ln1, self.ln2 = nn.LayerNorm(C), nn.LayerNorm(C)

    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        x = x + self.ff(self.ln2(x))
        return x

class TransformerLM(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, C)
        self.blocks = nn.ModuleList([Block() for _ in range(L)])
        self.norm = nn.LayerNorm(C)
        self.head = nn.Linear(C, vocab_size)
        self.register_buffer("pe", sinusoids())

    def forward(self, idx):
        x = self.embedding(idx) + self.pe[:idx.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))
"""
)


def swap(source: str, *pairs: tuple[str, str]) -> str:
    """The source with texts exchanged that must each be there."""
    for old, new in pairs:
        assert old in source, old
        source = source.replace(old, new)
    return source


MODEL = "\nmodel = TransformerLM(V)\n"
ATTENTION_CLASS = PLAIN[PLAIN.index("class SelfAttention") : PLAIN.index("class Block")]


def with_attention(body: str) -> str:
    """The plain model with another attention."""
    return PLAIN.replace(ATTENTION_CLASS, body.lstrip("\n") + "\n")


STYLES: dict[str, str] = {
    "a class alone": PLAIN,
    "a live model": PLAIN + MODEL,
    "multi-head attention of torch": with_attention("""
class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.mha = nn.MultiheadAttention(C, H, batch_first=True)
    def forward(self, x):
        T = x.size(1)
        mask = torch.triu(torch.full((T, T), float("-inf")), diagonal=1)
        return self.mha(x, x, x, attn_mask=mask, need_weights=False)[0]
"""),
    "multi-head attention, time first inside": with_attention("""
class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.mha = nn.MultiheadAttention(C, H)
    def forward(self, x):
        x = x.transpose(0, 1)
        T = x.size(0)
        mask = torch.triu(torch.ones(T, T), diagonal=1).bool()
        return self.mha(x, x, x, attn_mask=mask)[0].transpose(0, 1)
"""),
    "encoder layers of torch": PREAMBLE
    + """
class TransformerLM(nn.Module):
    def __init__(self, V=V):
        super().__init__()
        self.emb = nn.Embedding(V, C)
        layer = nn.TransformerEncoderLayer(C, H, FF, dropout=0.1, activation="gelu", batch_first=True, norm_first=True)
        self.enc = nn.TransformerEncoder(layer, L, enable_nested_tensor=False)
        self.out = nn.Linear(C, V)
        self.pe = sinusoids()
    def forward(self, tokens):
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.size(1))
        return self.out(self.enc(self.emb(tokens) * math.sqrt(C) + self.pe[: tokens.size(1)], mask=mask, is_causal=True))
model = TransformerLM()
""",
    "fused projections": with_attention("""
class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.c_attn, self.c_proj = nn.Linear(C, 3 * C), nn.Linear(C, C)
    def forward(self, x):
        B, T, _ = x.shape
        q, k, v = self.c_attn(x).split(C, dim=2)
        q, k, v = (t.view(B, T, H, -1).transpose(1, 2) for t in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).reshape(B, T, C))
"""),
    "fused and interleaved by head": with_attention("""
class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.proj = nn.Linear(C, 3 * C, bias=False), nn.Linear(C, C)
    def forward(self, x):
        B, T, _ = x.shape
        q, k, v = self.qkv(x).view(B, T, H, 3, C // H).permute(3, 0, 2, 1, 4)
        att = (q @ k.mT) * (C // H) ** -0.5
        att = att + torch.triu(torch.full((T, T), -1e9), 1)
        return self.proj((att.softmax(-1) @ v).permute(0, 2, 1, 3).flatten(2))
"""),
    "a list of heads": with_attention("""
class Head(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.key = nn.Linear(C, size, bias=False)
        self.query = nn.Linear(C, size, bias=False)
        self.value = nn.Linear(C, size, bias=False)
    def forward(self, x):
        T = x.shape[1]
        wei = self.query(x) @ self.key(x).transpose(-2, -1) * self.key.out_features ** -0.5
        wei = wei.masked_fill(torch.tril(torch.ones(T, T)) == 0, float("-inf"))
        return F.softmax(wei, dim=-1) @ self.value(x)
class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.heads = nn.ModuleList([Head(C // H) for _ in range(H)])
        self.proj = nn.Linear(C, C)
    def forward(self, x):
        return self.proj(torch.cat([h(x) for h in self.heads], dim=-1))
"""),
    "convolutions of width 1": with_attention("""
class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.proj = nn.Conv1d(C, 3 * C, 1), nn.Conv1d(C, C, 1)
    def forward(self, x):
        B, T, _ = x.shape
        q, k, v = self.qkv(x.transpose(1, 2)).transpose(1, 2).chunk(3, -1)
        q, k, v = (t.reshape(B, T, H, -1).transpose(1, 2) for t in (q, k, v))
        w = (q @ k.transpose(2, 3) / (C // H) ** 0.5).masked_fill(torch.ones(T, T).triu(1).bool(), -1e10).softmax(-1)
        return self.proj((w @ v).transpose(1, 2).reshape(B, T, C).transpose(1, 2)).transpose(1, 2)
"""),
    "packed parameters and einsum": with_attention("""
class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.randn(3, H, C, C // H) * 0.02)
        self.wo = nn.Parameter(torch.randn(H, C // H, C) * 0.02)
    def forward(self, x):
        q, k, v = torch.einsum("btc,nhcd->nbhtd", x, self.w)
        s = torch.einsum("bhtd,bhsd->bhts", q, k) / math.sqrt(C // H)
        s = s.masked_fill(torch.ones(x.size(1), x.size(1)).triu(1).bool(), float("-inf"))
        return torch.einsum("bhts,bhsd,hdc->btc", s.softmax(-1), v, self.wo)
"""),
    "functions and bare matrices": PREAMBLE
    + """
class TransformerLM(nn.Module):
    def __init__(self):
        super().__init__()
        P = lambda *s: nn.Parameter(torch.randn(*s) * 0.02)
        self.E = P(V, C)
        self.layers = nn.ParameterList()
        for _ in range(L):
            for s in [(C,), (C,), (C, C), (C, C), (C, C), (C, C), (C,), (C,), (C, FF), (FF,), (FF, C), (C,)]:
                self.layers.append(P(*s))
        self.g, self.b, self.W = P(C), P(C), P(C, V)
    def forward(self, x):
        B, T = x.shape
        h = self.E[x] + sinusoids(T)
        for i in range(L):
            g1, b1, q, k, v, o, g2, b2, w1, c1, w2, c2 = self.layers[12 * i : 12 * i + 12]
            y = F.layer_norm(h, (C,), g1, b1)
            split = lambda t: t.reshape(B, T, H, C // H).permute(0, 2, 1, 3)
            a = F.scaled_dot_product_attention(split(y @ q), split(y @ k), split(y @ v), is_causal=True)
            h = h + a.permute(0, 2, 1, 3).reshape(B, T, C) @ o
            y = F.layer_norm(h, (C,), g2, b2)
            h = h + F.gelu(y @ w1 + c1) @ w2 + c2
        return F.layer_norm(h, (C,), self.g, self.b) @ self.W
""",
    "tied, no final norm, tanh GELU": swap(
        PLAIN,
        ("self.norm = nn.LayerNorm(C)", "self.norm = nn.Identity()"),
        ("nn.GELU()", 'nn.GELU(approximate="tanh")'),
        (
            "self.head = nn.Linear(C, vocab_size)",
            "self.head = nn.Linear(C, vocab_size, bias=False); self.head.weight = self.embedding.weight",
        ),
    )
    + MODEL,
    "sines before cosines, loss returned": swap(
        PLAIN,
        ("pe[:, 0::2] = torch.sin(t * div)", "pe[:, : d // 2] = torch.sin(t * div)"),
        ("pe[:, 1::2] = torch.cos(t * div)", "pe[:, d // 2 :] = torch.cos(t * div)"),
        ("def forward(self, idx):", "def forward(self, idx, targets=None):"),
        ("return self.head(self.norm(x))", "logits = self.head(self.norm(x)); return logits, None"),
    ),
    "a configuration object": swap(
        PLAIN,
        ("class TransformerLM", "class GPTConfig:\n    vocab_size = V\n\nclass TransformerLM"),
        ("def __init__(self, vocab_size):", "def __init__(self, config):"),
        (
            "super().__init__()\n        self.embedding",
            "super().__init__()\n        vocab_size = config.vocab_size\n        self.embedding",
        ),
    ),
    "time first throughout": swap(
        PLAIN,
        (
            "x = self.embedding(idx) + self.pe[:idx.shape[1]]",
            "x = self.embedding(idx) + self.pe[:idx.shape[0]].unsqueeze(1)",
        ),
        ("B, T, _ = x.shape\n", "x = x.transpose(0, 1)\n        B, T, _ = x.shape\n"),
        ("return self.o(out)", "return self.o(out).transpose(0, 1)"),
    ),
    "last position only without targets": swap(
        PLAIN,
        ("return self.head(self.norm(x))", "return self.head(self.norm(x)[:, [-1], :]), None"),
    ),
    "log-probabilities": swap(
        PLAIN, ("return self.head(self.norm(x))", "return F.log_softmax(self.head(self.norm(x)), dim=-1)")
    ),
    "a factory function": PLAIN
    + "\ndef build_transformer(vocab_size):\n    return TransformerLM(vocab_size)\n",
    "dropout everywhere, in evaluation off": swap(
        PLAIN,
        ("nn.Linear(FF, C))", "nn.Linear(FF, C), nn.Dropout(0.1))"),
        (
            "weights = F.softmax(scores, dim=-1)",
            "weights = F.dropout(F.softmax(scores, dim=-1), 0.1, self.training)",
        ),
    ),
    "frozen table of positions": swap(
        PLAIN,
        (
            'self.register_buffer("pe", sinusoids())',
            "self.pe = nn.Embedding.from_pretrained(sinusoids(), freeze=True)",
        ),
        ("self.pe[:idx.shape[1]]", "self.pe(torch.arange(idx.shape[1]))"),
    ),
    "norms by hand, unbiased": swap(
        PLAIN,
        (
            "class Block",
            """class Norm(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(d)), nn.Parameter(torch.zeros(d))
    def forward(self, x):
        return self.gamma * (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-6) + self.beta

class Block""",
        ),
        ("nn.LayerNorm(C)", "Norm(C)"),
    ),
    "heads as the fastest index": swap(
        PLAIN,
        (".view(B, T, H, C // H).transpose(1, 2)", ".view(B, T, C // H, H).permute(0, 3, 1, 2)"),
        ("(weights @ v).transpose(1, 2).contiguous()", "(weights @ v).permute(0, 2, 3, 1).contiguous()"),
    ),
    "targets are required": swap(PLAIN, ("def forward(self, idx):", "def forward(self, idx, targets):")),
}
"""Correct language models."""

CONVENTIONS: dict[str, str] = {
    "encoder layers of torch": "embedding times",
    "fused and interleaved by head": "no biases in the query",
    "a list of heads": "no biases in the query",
    "packed parameters and einsum": "no bias in the output projection",
    "functions and bare matrices": "no bias in the head",
    "tied, no final norm, tanh GELU": "no norm after the last block",
    "sines before cosines, loss returned": "all sines before",
    "time first throughout": "(T, B)",
    "log-probabilities": "log-probabilities",
    "norms by hand, unbiased": "unbiased variance",
}
"""Words of the convention that must be named."""

SCALED = "scores = q @ k.transpose(-2, -1) / math.sqrt(C // H)"
MASKED = 'scores = scores.masked_fill(self.tril[:T, :T] == 0, float("-inf"))'
SOFTMAX = "weights = F.softmax(scores, dim=-1)"
MERGE = "(weights @ v).transpose(1, 2).contiguous().view(B, T, C)"
RATES = "div = torch.exp(torch.arange(0, d, 2).float() * (-math.log(10000.0) / d))"

FAULTY: dict[str, tuple[str, str]] = {
    "post-norm": (
        swap(
            PLAIN,
            ("x = x + self.attn(self.ln1(x))", "x = self.ln1(x + self.attn(x))"),
            ("x = x + self.ff(self.ln2(x))", "x = self.ln2(x + self.ff(x))"),
        ),
        "post-norm",
    ),
    "torch's defaults": (
        swap(
            STYLES["encoder layers of torch"],
            (', activation="gelu"', ""),
            (", norm_first=True", ""),
        ),
        "torch's defaults",
    ),
    "no scale": (swap(PLAIN, (SCALED, "scores = q @ k.transpose(-2, -1)")), "not divided"),
    "scaled by d_head": (
        swap(PLAIN, (SCALED, "scores = q @ k.transpose(-2, -1) / (C // H)")),
        "divided by d_head",
    ),
    "scaled by the root of d_model": (
        swap(PLAIN, (SCALED, "scores = q @ k.transpose(-2, -1) / math.sqrt(C)")),
        "√d_model",
    ),
    "scale multiplied": (
        swap(PLAIN, (SCALED, "scores = q @ k.transpose(-2, -1) * math.sqrt(C // H)")),
        "multiplied",
    ),
    "no mask": (swap(PLAIN, (MASKED, "pass")), "no causal mask"),
    "no mask, torch's attention": (
        swap(STYLES["multi-head attention of torch"], ("attn_mask=mask, ", "")),
        "no causal mask",
    ),
    "inverted mask": (swap(PLAIN, (MASKED, MASKED.replace("== 0", "== 1"))), "not a number"),
    "inverted mask, finite": (
        swap(PLAIN, (MASKED, "scores = scores.masked_fill(self.tril[:T, :T] == 1, -1e9)")),
        "mask is inverted",
    ),
    "upper triangle kept": (
        swap(PLAIN, ("torch.tril(torch.ones(T_MAX, T_MAX))", "torch.triu(torch.ones(T_MAX, T_MAX))")),
        "itself and the future",
    ),
    "mask hides the token itself": (
        swap(
            PLAIN,
            ("torch.tril(torch.ones(T_MAX, T_MAX))", "torch.tril(torch.ones(T_MAX, T_MAX), -1)"),
            ('float("-inf")', "-1e9"),
        ),
        "does not see itself",
    ),
    "mask shows the next token": (
        swap(PLAIN, ("torch.tril(torch.ones(T_MAX, T_MAX))", "torch.tril(torch.ones(T_MAX, T_MAX), 1)")),
        "has to predict",
    ),
    "mask after the softmax": (
        swap(PLAIN, (MASKED, "pass"), (SOFTMAX, SOFTMAX + " * self.tril[:T, :T]")),
        "after the softmax",
    ),
    "masked scores are 0": (swap(PLAIN, (MASKED, "scores = scores * self.tril[:T, :T]")), "set to 0"),
    "ReLU": (swap(PLAIN, ("nn.GELU()", "nn.ReLU()")), "ReLU"),
    "no activation": (swap(PLAIN, ("nn.GELU()", "nn.Identity()")), "no activation"),
    "no residual at the attention": (
        swap(PLAIN, ("x = x + self.attn(self.ln1(x))", "x = self.attn(self.ln1(x))")),
        "residual connection around the attention",
    ),
    "no residual at the feed-forward": (
        swap(PLAIN, ("x = x + self.ff(self.ln2(x))", "x = self.ff(self.ln2(x))")),
        "residual connection around the feed-forward",
    ),
    "residual of the normalised": (
        swap(
            PLAIN,
            ("x = x + self.attn(self.ln1(x))", "x = self.ln1(x)\n        x = x + self.attn(x)"),
            ("x = x + self.ff(self.ln2(x))", "x = self.ln2(x)\n        x = x + self.ff(x)"),
        ),
        "normalised copy",
    ),
    "wrong base": (swap(PLAIN, ("10000.0", "1000.0")), "1,000"),
    "positions from 1": (
        swap(PLAIN, ("torch.arange(n).float()", "torch.arange(1, n + 1).float()")),
        "from 1",
    ),
    "no positions": (swap(PLAIN, (" + self.pe[:idx.shape[1]]", "")), "no positions"),
    "learned positions": (
        swap(
            PLAIN,
            ('self.register_buffer("pe", sinusoids())', "self.pe = nn.Parameter(torch.zeros(T_MAX, C))"),
        ),
        "learned",
    ),
    "rates doubled": (
        swap(
            PLAIN,
            (RATES, RATES.replace("torch.arange(0, d, 2).float()", "2 * torch.arange(0, d, 2).float()")),
        ),
        "twice",
    ),
    "one head": (
        swap(PLAIN, ("C, H, L, FF, T_MAX = 31, 24, 3,", "C, H, L, FF, T_MAX = 31, 24, 1,")),
        "one head",
    ),
    "heads merged without transposition": (
        swap(PLAIN, (MERGE, "(weights @ v).contiguous().view(B, T, C)")),
        "merged in the wrong order",
    ),
    "heads split by a reshape": (
        swap(PLAIN, (".view(B, T, H, C // H).transpose(1, 2)", ".view(B, H, T, C // H)")),
        "split in the wrong order",
    ),
    "softmax over the queries": (
        swap(PLAIN, (SOFTMAX, "weights = F.softmax(scores, dim=-2)")),
        "over the queries",
    ),
    "softmax over the heads": (
        swap(PLAIN, (SOFTMAX, "weights = F.softmax(scores, dim=1)"), ('float("-inf")', "-1e9")),
        "over the heads",
    ),
    "a block less": (
        swap(PLAIN, ("for block in self.blocks:", "for block in self.blocks[1:]:")),
        "one block less",
    ),
    "no output projection": (swap(PLAIN, ("return self.o(out)", "return out")), "output projections"),
    "attention along the batch": (
        swap(
            STYLES["encoder layers of torch"],
            (" batch_first=True,", ""),
            (
                "mask=mask, is_causal=True",
                "mask=nn.Transformer.generate_square_subsequent_mask(tokens.size(0))",
            ),
        ),
        "along the batch",
    ),
    "softmax at the end": (
        swap(PLAIN, ("return self.head(self.norm(x))", "return F.softmax(self.head(self.norm(x)), dim=-1)")),
        "ends in a softmax",
    ),
    "blocks in a plain list": (
        swap(PLAIN, ("nn.ModuleList([Block() for _ in range(L)])", "[Block() for _ in range(L)]")),
        "plain list",
    ),
    "no norm in the blocks": (
        swap(PLAIN, ("self.attn(self.ln1(x))", "self.attn(x)"), ("self.ff(self.ln2(x))", "self.ff(x)")),
        "no LayerNorm",
    ),
}
"""Faulty language models, and words of the sentence that names the mistake."""
