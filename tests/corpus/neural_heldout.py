# ruff: noqa: E501  (programs in strings, as their authors wrote them)
"""Language models that were written after the checks were frozen for the first time: correct ones and faulty ones.

The checks passed all of the correct ones as they were; of the faulty ones two got through every check (another size of
the feed-forward network, one norm used twice), which is mended since.
"""

from __future__ import annotations

from tests.corpus.neural_styles import PLAIN, PREAMBLE, STYLES, swap, with_attention

CORRECT: dict[str, str] = {
    "encoder list, seq first, final norm": PREAMBLE
    + """
class TransformerLM(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.tok = nn.Embedding(vocab_size, C); self.drop = nn.Dropout(0.1)
        self.layers = nn.ModuleList([nn.TransformerEncoderLayer(d_model=C, nhead=H, dim_feedforward=FF, activation=F.gelu, norm_first=True) for _ in range(L)])
        self.ln = nn.LayerNorm(C); self.lm = nn.Linear(C, vocab_size, bias=False)
        self.register_buffer('pos', sinusoids().unsqueeze(1))
    def forward(self, x):
        x = x.t(); T = x.size(0)
        m = torch.triu(torch.ones(T, T, dtype=torch.bool), 1)
        h = self.drop(self.tok(x) + self.pos[:T])
        for l in self.layers: h = l(h, src_mask=m)
        return self.lm(self.ln(h)).transpose(0, 1)
""",
    "mha without bias": with_attention("""
class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.mha = nn.MultiheadAttention(C, H, dropout=0.1, bias=False, batch_first=True)
    def forward(self, x):
        m = torch.ones(x.size(1), x.size(1)).triu(1).bool()
        y, _ = self.mha(x, x, x, attn_mask=m)
        return y
"""),
    "kv fused": with_attention("""
class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.to_q, self.to_kv, self.to_out = nn.Linear(C, C, bias=False), nn.Linear(C, 2*C, bias=False), nn.Linear(C, C)
    def forward(self, x):
        B, T, _ = x.shape
        q = self.to_q(x) * (C // H) ** -0.5
        k, v = self.to_kv(x).chunk(2, dim=-1)
        q, k, v = map(lambda t: t.unflatten(-1, (H, -1)).transpose(1, 2), (q, k, v))
        sim = torch.einsum('b h i d, b h j d -> b h i j', q, k)
        sim.masked_fill_(torch.ones(T, T).triu(1).bool(), -torch.finfo(sim.dtype).max)
        return self.to_out((sim.softmax(-1) @ v).transpose(1, 2).flatten(2))
"""),
    "parameter dict, tied by matmul": PREAMBLE
    + """
class Model(nn.Module):
    def __init__(self, n_vocab=V):
        super().__init__()
        self.E = nn.Embedding(n_vocab, C)
        def layer():
            return nn.ParameterDict({k: nn.Parameter(torch.randn(*s)*.02) for k, s in dict(wqkv=(C,3*C), wo=(C,C), w1=(C,FF), b1=(FF,), w2=(FF,C), b2=(C,), g1=(C,), c1=(C,), g2=(C,), c2=(C,)).items()})
        self.ls = nn.ModuleList([layer() for _ in range(L)])
        self.lnf = nn.LayerNorm(C)
    def forward(self, ids):
        import numpy as np
        B, T = ids.shape
        pos = np.arange(T)[:, None] / np.power(10000, 2 * (np.arange(C)[None] // 2) / C)
        pos[:, 0::2] = np.sin(pos[:, 0::2]); pos[:, 1::2] = np.cos(pos[:, 1::2])
        h = self.E(ids) * C ** 0.5 + torch.tensor(pos, dtype=torch.float32)
        for p in self.ls:
            a = F.layer_norm(h, [C], p['g1'], p['c1'])
            q, k, v = (a @ p['wqkv']).view(B, T, 3, H, C//H).unbind(2)
            s = torch.einsum('bthd,bshd->bhts', q, k) / (C//H)**.5 + torch.full((T,T), float('-inf')).triu(1)
            h = h + torch.einsum('bhts,bshd->bthd', s.softmax(-1), v).reshape(B, T, C) @ p['wo']
            h = h + F.gelu(F.layer_norm(h, [C], p['g2'], p['c2']) @ p['w1'] + p['b1'], approximate='tanh') @ p['w2'] + p['b2']
        from types import SimpleNamespace
        return SimpleNamespace(logits=self.lnf(h) @ self.E.weight.T, hidden=h)
model = Model()
""",
    "annotated, conv feed-forward": swap(
        PLAIN,
        ("nn.Sequential(nn.Linear(C, FF), nn.GELU(), nn.Linear(FF, C))", "FFN()"),
        (
            "class Block",
            """class FFN(nn.Module):
    def __init__(self):
        super().__init__(); self.a, self.b = nn.Conv1d(C, FF, 1), nn.Conv1d(FF, C, 1)
    def forward(self, x):
        return self.b(0.5 * (h := self.a(x.transpose(1, 2))) * (1 + torch.erf(h / math.sqrt(2)))).transpose(1, 2)
class Block""",
        ),
    ),
    "learned scale init 1 by config dict": swap(
        PLAIN,
        ("def __init__(self, vocab_size):", "def __init__(self, vocab_size, d_model=C, n_heads=H, **kw):"),
    ),
    "positions as pe/T module": swap(
        PLAIN,
        ('self.register_buffer("pe", sinusoids())', "self.pos=PE()"),
        ("self.embedding(idx) + self.pe[:idx.shape[1]]", "self.pos(self.embedding(idx))"),
        (
            "class Block",
            """class PE(nn.Module):
    def __init__(self):
        super().__init__(); self.dropout=nn.Dropout(.1); self.register_buffer('pe', sinusoids(5000).unsqueeze(0), persistent=False)
    def forward(self,x): return self.dropout(x + self.pe[:, :x.size(1)].requires_grad_(False))
class Block""",
        ),
    ),
}

FAULTY: dict[str, str] = {
    "fill 1e-9": swap(PLAIN, ('float("-inf")', "1e-9")),
    "scaled twice": swap(
        STYLES["fused projections"],
        ("F.scaled_dot_product_attention(q,", "F.scaled_dot_product_attention(q / math.sqrt(C // H),"),
    ),
    "norm before the blocks": swap(
        PLAIN,
        ("for block in self.blocks:", "x = self.norm(x)\n        for block in self.blocks:"),
        ("self.head(self.norm(x))", "self.head(x)"),
    ),
    "shared block": swap(PLAIN, ("[Block() for _ in range(L)]", "[Block()] * L")),
    "value unprojected": swap(PLAIN, ("v = self.v(x).view", "v = x.view")),
    "positions over the batch": swap(
        PLAIN, ("self.pe[:idx.shape[1]]", "self.pe[:idx.shape[0]].unsqueeze(1)")
    ),
    "positions at the end": swap(
        PLAIN,
        ("self.embedding(idx) + self.pe[:idx.shape[1]]", "self.embedding(idx)"),
        ("self.head(self.norm(x))", "self.head(self.norm(x + self.pe[:idx.shape[1]]))"),
    ),
    "ff 2x": swap(PLAIN, ("31, 24, 3, 2, 96", "31, 24, 3, 2, 48")),
    "dropout on logits always": swap(
        PLAIN, ("return self.head(self.norm(x))", "return F.dropout(self.head(self.norm(x)), 0.1)")
    ),
    "sigmoid attention": swap(PLAIN, ("F.softmax(scores, dim=-1)", "torch.sigmoid(scores)")),
    "residual doubled": swap(PLAIN, ("x = x + self.attn(self.ln1(x))", "x = x + x + self.attn(self.ln1(x))")),
    "one norm for both": swap(PLAIN, ("self.ff(self.ln2(x))", "self.ff(self.ln1(x))")),
    "4 heads": swap(PLAIN, ("31, 24, 3,", "31, 24, 4,")),
    "log_softmax then softmax": swap(
        PLAIN,
        ("return self.head(self.norm(x))", "return F.softmax(F.softmax(self.head(self.norm(x)),-1),-1)"),
    ),
    "last mask row": swap(
        PLAIN, ("torch.tril(torch.ones(T_MAX, T_MAX))", "torch.tril(torch.ones(T_MAX, T_MAX)).t()")
    ),
}
