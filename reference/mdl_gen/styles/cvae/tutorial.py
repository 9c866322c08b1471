# %% [markdown]
# # Conditional VAE on MNIST
# Katherine Johnson

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms
from torchvision.utils import make_grid

# %% tags=["parameters"]
epochs = 20
n_train = 20000

# %% [markdown]
# ## Data
# ToTensor scales the pixels to [0, 1]. The labels become one-hot vectors later.

# %%
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
train_set = datasets.MNIST("../data", train=True, download=True, transform=transforms.ToTensor())
test_set = datasets.MNIST("../data", train=False, transform=transforms.ToTensor())
train_set = Subset(train_set, range(min(n_train, len(train_set))))
train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
test_loader = DataLoader(test_set, batch_size=64, shuffle=False)

# %% [markdown]
# ## The model
# The one-hot label is concatenated to the image and to the latent code.

# %%
def one_hot(labels, class_size):
    targets = torch.zeros(labels.size(0), class_size)
    for i, label in enumerate(labels):
        targets[i, label] = 1
    return targets.to(device)


class CVAE(nn.Module):
    def __init__(self, feature_size, latent_size, class_size):
        super(CVAE, self).__init__()
        self.feature_size = feature_size
        self.class_size = class_size
        # encode
        self.fc1 = nn.Linear(feature_size + class_size, 400)
        self.fc21 = nn.Linear(400, latent_size)
        self.fc22 = nn.Linear(400, latent_size)
        # decode
        self.fc3 = nn.Linear(latent_size + class_size, 400)
        self.fc4 = nn.Linear(400, feature_size)
        self.elu = nn.ELU()
        self.sigmoid = nn.Sigmoid()

    def encode(self, x, c):
        inputs = torch.cat([x, c], 1)
        h1 = self.elu(self.fc1(inputs))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std)
        return mu + eps * std

    def decode(self, z, c):
        inputs = torch.cat([z, c], 1)
        h3 = self.elu(self.fc3(inputs))
        return self.sigmoid(self.fc4(h3))

    def forward(self, x, c):
        mu, logvar = self.encode(x.view(-1, 28 * 28), c)
        z = self.reparameterize(mu, logvar)
        return self.decode(z, c), mu, logvar


model = CVAE(28 * 28, 20, 10).to(device)
optimizer = optim.Adam(model.parameters(), lr=1e-3)

# %% [markdown]
# ## Loss and training
# Reconstruction and KL divergence, summed over all elements and the batch.

# %%
def loss_function(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x.view(-1, 784), reduction="sum")
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE + KLD


def train(epoch):
    model.train()
    train_loss = 0
    for batch_idx, (data, labels) in enumerate(train_loader):
        data, labels = data.to(device), labels.to(device)
        labels = one_hot(labels, 10)
        optimizer.zero_grad()
        recon_batch, mu, logvar = model(data, labels)
        loss = loss_function(recon_batch, data, mu, logvar)
        loss.backward()
        train_loss += loss.detach().cpu().numpy()
        optimizer.step()
    return train_loss / len(train_loader.dataset)


def test(epoch):
    model.eval()
    test_loss = 0
    with torch.no_grad():
        for i, (data, labels) in enumerate(test_loader):
            labels = one_hot(labels, 10)
            recon_batch, mu, logvar = model(data, labels)
            test_loss += loss_function(recon_batch, data, mu, logvar).item()
    return test_loss / len(test_loader.dataset)


train_history, test_history = [], []
for epoch in range(1, epochs + 1):
    train_history.append(train(epoch))
    print("====> Epoch: {} Average loss: {:.4f}".format(epoch, train_history[-1]))
test_history.append(test(epochs))
print("test loss", test_history)

# %% [markdown]
# ## Results
# The loss over the epochs, and one generated sample per class.

# %%
plt.plot(train_history)
plt.xlabel("epoch")
plt.ylabel("loss")
plt.show()

with torch.no_grad():
    c = torch.eye(10, 10).to(device)
    sample = torch.randn(10, 20).to(device)
    sample = model.decode(sample, c).cpu()
    grid = make_grid(sample.view(10, 1, 28, 28), nrow=5)
plt.imshow(grid.permute(1, 2, 0))
plt.axis("off")
plt.show()

# %% [markdown]
# ## Conclusion
# The samples have the class that we asked for and are blurry. The label is known to both networks, so the latent code keeps
# the style.
