"""Autoencoders, GANs and classifiers as different students write them, and faulty ones; small sizes."""

from __future__ import annotations

from typing import Any

from tests.corpus.neural_styles import swap

START = """
import torch
from torch import nn
import torch.nn.functional as F
"""

# Autoencoder: 36 → 20 → 12 → 4, and back.
ENCODER = ["linear 36 20", "relu", "linear 20 12", "relu"]
HEAD = "linear 12 4"
DECODER = ["linear 4 12", "relu", "linear 12 20", "relu", "linear 20 36", "sigmoid"]
AUTOENCODER = {"encoder": ENCODER, "head": HEAD, "decoder": DECODER}

VAE = (
    START
    + """
class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(36, 20), nn.ReLU(), nn.Linear(20, 12), nn.ReLU())
        self.mu, self.logvar = nn.Linear(12, 4), nn.Linear(12, 4)
        self.decoder = nn.Sequential(nn.Linear(4, 12), nn.ReLU(), nn.Linear(12, 20), nn.ReLU(),
                                     nn.Linear(20, 36), nn.Sigmoid())

    def encode(self, x):
        h = self.encoder(x)
        return self.mu(h), self.logvar(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std)
        return mu + eps * std

    def forward(self, x):
        mu, logvar = self.encode(x.view(x.size(0), -1))
        z = self.reparameterize(mu, logvar)
        return self.decoder(z), mu, logvar
"""
)
DRAW = "return mu + eps * std"
VAES: dict[str, str] = {
    "plain": VAE + "\nvae = VAE()\n",
    "images in and out, mean in evaluation": swap(
        VAE,
        ("return self.decoder(z), mu", "return self.decoder(z).view(-1, 1, 6, 6), mu"),
        (
            "def reparameterize(self, mu, logvar):",
            "def reparameterize(self, mu, logvar):\n        if not self.training:\n            return mu",
        ),
    ),
    "functional, dict, distribution": START
    + """
class VAE(nn.Module):
    def __init__(self, latent_dim):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(36, 20), nn.Linear(20, 12)
        self.fc31, self.fc32 = nn.Linear(12, latent_dim), nn.Linear(12, latent_dim)
        self.fc4, self.fc5, self.fc6 = nn.Linear(latent_dim, 12), nn.Linear(12, 20), nn.Linear(20, 36)
    def forward(self, x):
        h = F.relu(self.fc2(F.relu(self.fc1(x.flatten(1)))))
        mu, log_var = self.fc31(h), self.fc32(h)
        z = torch.distributions.Normal(mu, (log_var / 2).exp()).rsample()
        out = torch.sigmoid(self.fc6(torch.relu(self.fc5(self.fc4(z).relu()))))
        return {"out": out, "mu": mu, "log_var": log_var}
""",
    "fused heads, attributes": START
    + """
class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Flatten(), nn.Linear(36, 20), nn.ReLU(True), nn.Linear(20, 12), nn.ReLU(True))
        self.head_m = nn.Linear(12, 4)
        self.head_s = nn.Linear(12, 4)
        self.dec = nn.Sequential(nn.Linear(4, 12), nn.ReLU(), nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 36))
    def forward(self, x):
        h = self.enc(x)
        self.z_mean, self.z_logvar = self.head_m(h), self.head_s(h)
        eps = torch.randn(self.z_mean.shape)
        return torch.sigmoid(self.dec(self.z_mean + torch.exp(self.z_logvar / 2) * eps))
vae = VAE()
vae(torch.rand(2, 36))
""",
    "logits": swap(VAE, (", nn.Sigmoid())", ")")),
}
FAULTY_VAES: dict[str, tuple[str, str]] = {
    "half missing": (swap(VAE, ("torch.exp(0.5 * logvar)", "torch.exp(logvar)")), "½ is missing"),
    "log variance as sigma": (swap(VAE, ("std = torch.exp(0.5 * logvar)", "std = logvar")), "as σ itself"),
    "no noise": (swap(VAE, (DRAW, "return mu")), "no noise"),
    "noise without sigma": (swap(VAE, (DRAW, "return mu + eps")), "without the factor"),
    "noise alone": (swap(VAE, (DRAW, "return eps")), "noise alone"),
    "decoder ends in ReLU": (swap(VAE, ("nn.Sigmoid()", "nn.ReLU()")), "ReLU in place of Sigmoid"),
    "encoder without activations": (
        swap(
            VAE,
            (
                "nn.Linear(36, 20), nn.ReLU(), nn.Linear(20, 12), nn.ReLU()",
                "nn.Linear(36, 20), nn.Linear(20, 12)",
            ),
        ),
        "In the encoder",
    ),
    "heads through ReLU": (
        swap(VAE, ("return self.mu(h), self.logvar(h)", "return F.relu(self.mu(h)), F.relu(self.logvar(h))")),
        "should be linear",
    ),
}

# GAN: 8 → 12 → 20 → 36 and 36 → 20 → 12 → 1.
GENERATOR = ["linear 8 12", "leaky_relu 0.2", "linear 12 20", "leaky_relu 0.2", "linear 20 36", "tanh"]
DISCRIMINATOR = ["linear 36 20", "leaky_relu 0.2", "linear 20 12", "leaky_relu 0.2", "linear 12 1"]
G = (
    START + "G = nn.Sequential(nn.Linear(8, 12), nn.LeakyReLU(0.2), nn.Linear(12, 20), nn.LeakyReLU(0.2), "
    "nn.Linear(20, 36), nn.Tanh())\n"
)
D = (
    START
    + """
class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(36, 20), nn.LeakyReLU(0.2), nn.Dropout(0.3),
                                 nn.Linear(20, 12), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(12, 1))
    def forward(self, x):
        return self.net(x).squeeze(1)
D = Discriminator()
"""
)
GENERATORS: dict[str, str] = {
    "sequential": G,
    "functional": START
    + """
class Generator(nn.Module):
    def __init__(self, z_dim=8):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(z_dim, 12), nn.Linear(12, 20), nn.Linear(20, 36)
    def forward(self, z):
        z = F.leaky_relu(self.b(F.leaky_relu(self.a(z), 0.2)), negative_slope=0.2)
        return torch.tanh(self.c(z)).view(-1, 1, 6, 6)
""",
    "bare matrices": START
    + """
class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        P = lambda *s: nn.Parameter(torch.randn(*s))
        self.w1, self.b1, self.w2, self.b2, self.w3, self.b3 = P(8, 12), P(12), P(12, 20), P(20), P(20, 36), P(36)
    def forward(self, z):
        z = F.leaky_relu(z @ self.w1 + self.b1, 0.2)
        z = F.leaky_relu(z @ self.w2 + self.b2, 0.2)
        return torch.tanh(torch.addmm(self.b3, z, self.w3))
""",
}
DISCRIMINATORS: dict[str, str] = {
    "class": D,
    "functional dropout": START
    + """
class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1, self.l2, self.l3 = nn.Linear(36, 20), nn.Linear(20, 12), nn.Linear(12, 1)
    def forward(self, x):
        x = x.reshape(len(x), -1)
        x = F.dropout(F.leaky_relu(self.l1(x), 0.2), 0.3, training=self.training)
        x = F.dropout(F.leaky_relu(self.l2(x), 0.2), p=0.3, training=self.training)
        return self.l3(x)
""",
}
FAULTY_GENERATORS: dict[str, tuple[str, str]] = {
    "slope 0.01": (swap(G, ("nn.LeakyReLU(0.2)", "nn.LeakyReLU()")), "LeakyReLU(0.01) in place of"),
    "ReLU": (swap(G, ("nn.LeakyReLU(0.2)", "nn.ReLU()")), "ReLU in place of LeakyReLU(0.2)"),
    "no tanh": (swap(G, (", nn.Tanh())", ")")), "Tanh at the end is missing"),
    "sigmoid": (swap(G, ("nn.Tanh()", "nn.Sigmoid()")), "Sigmoid in place of Tanh"),
    "first activation missing": (
        swap(G, ("nn.Linear(8, 12), nn.LeakyReLU(0.2)", "nn.Linear(8, 12)")),
        "after Linear(8→12) is missing",
    ),
    "no activations": (swap(G, (" nn.LeakyReLU(0.2),", "")), "missing after every hidden layer"),
}
FAULTY_DISCRIMINATORS: dict[str, tuple[str, str]] = {
    "sigmoid": (swap(D, ("nn.Linear(12, 1))", "nn.Linear(12, 1), nn.Sigmoid())")), "should not be there"),
    "ReLU": (swap(D, ("nn.LeakyReLU(0.2)", "nn.ReLU()")), "ReLU in place of"),
}

# Classifier: images of 8 × 8.
CLASSIFIER = [
    "conv 1 4 3 1", "relu", "max_pool 2", "conv 4 6 3 1", "relu", "max_pool 2",
    "flatten", "linear 24 16", "relu", "linear 16 10", "softmax",
]  # fmt: skip
CNN = (
    START
    + """
class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 6, 3, padding=1)
        self.fc1, self.fc2 = nn.Linear(24, 16), nn.Linear(16, 10)
    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        return self.fc2(F.relu(self.fc1(x.flatten(1))))
"""
)
CLASSIFIERS: dict[str, str] = {
    "logits": CNN,
    "softmax": swap(CNN, ("return self.fc2(F.relu(self.fc1(x.flatten(1))))",
                          "return F.softmax(self.fc2(F.relu(self.fc1(x.flatten(1)))), dim=1)")),
    "sequential": START
    + """
clf = nn.Sequential(nn.Conv2d(1, 4, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3, 1, "same"), nn.ReLU(),
                    nn.MaxPool2d(2), nn.Flatten(), nn.Linear(24, 16), nn.ReLU(), nn.Linear(16, 10))
""",
}  # fmt: skip
FAULTY_CLASSIFIERS: dict[str, tuple[str, str]] = {
    "no activation in the convolutions": (
        swap(CNN, ("F.relu(self.conv1(x))", "self.conv1(x)")), "after Conv2d(1→4, k=3, p=1) is missing"),
    "no activation before the last": (
        swap(CNN, ("F.relu(self.fc1(x.flatten(1)))", "self.fc1(x.flatten(1))")), "after Linear(24→16) is missing"),
}  # fmt: skip

VAE_CHALLENGE: dict[str, Any] = {
    "mode": "module", "draw": "image_module_problem", "names": ["VAE", "vae"],
    "params": {"shapes": [[36], [1, 6, 6]], "sizes": {"latent_dim": 4}},
    "roles": {"latent_dim": {"kind": "number", "names": ["latent_dim", "z_dim"]}},
}  # fmt: skip
