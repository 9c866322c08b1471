# %% [markdown]
# # HW3 - PT2 - Latent space of a VAE
# Students: Barbara Liskov (131313131), Frances Allen (242424242)

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn as nn
import torchvision.transforms as transforms
from torch.optim import Adam
from torch.utils.data import DataLoader, Subset
from torchvision.datasets import MNIST

# %% tags=["parameters"]
epochs = 50
n_train = 10000

# %% [markdown]
# ## Data
# We only use part of MNIST so that it runs on our laptop.

# %%
transform = transforms.Compose([transforms.ToTensor()])
train_dataset = MNIST(root="./datasets", train=True, transform=transform, download=True)
train_dataset = Subset(train_dataset, range(min(n_train, len(train_dataset))))
train_loader = DataLoader(dataset=train_dataset, batch_size=100, shuffle=True)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

# %% [markdown]
# ## The VAE with its encoder and decoder
# Encoder and decoder are Sequentials inside of the model; the latent space has two dimensions.

# %%
class VAE(nn.Module):
    def __init__(self, input_dim=784, hidden_dim=400, latent_dim=200, device=device):
        super(VAE, self).__init__()
        # encoder
        self.encoder = nn.Sequential(
            nn.Linear(input_dim, hidden_dim),
            nn.LeakyReLU(0.2),
            nn.Linear(hidden_dim, latent_dim),
            nn.LeakyReLU(0.2),
        )
        # latent mean and log variance
        self.mean_layer = nn.Linear(latent_dim, 2)
        self.logvar_layer = nn.Linear(latent_dim, 2)
        # decoder
        self.decoder = nn.Sequential(
            nn.Linear(2, latent_dim),
            nn.LeakyReLU(0.2),
            nn.Linear(latent_dim, hidden_dim),
            nn.LeakyReLU(0.2),
            nn.Linear(hidden_dim, input_dim),
            nn.Sigmoid(),
        )

    def encode(self, x):
        x = self.encoder(x)
        return self.mean_layer(x), self.logvar_layer(x)

    def reparameterization(self, mean, std):
        epsilon = torch.randn_like(std).to(device)
        return mean + std * epsilon

    def decode(self, x):
        return self.decoder(x)

    def forward(self, x):
        mean, logvar = self.encode(x)
        z = self.reparameterization(mean, torch.exp(0.5 * logvar))
        x_hat = self.decode(z)
        return x_hat, mean, logvar


model = VAE().to(device)
optimizer = Adam(model.parameters(), lr=1e-3)
print(model)
total_params = sum(p.numel() for p in model.parameters())
print("Total number of parameters:", total_params)

# %% [markdown]
# ## Loss function
# BCE and KLD, both summed. The plus in the sheet has to be a minus.

# %%
def loss_function(x, x_hat, mean, log_var):
    reproduction_loss = nn.functional.binary_cross_entropy(x_hat, x, reduction="sum")
    KLD = -0.5 * torch.sum(1 + log_var - mean.pow(2) - log_var.exp())
    return reproduction_loss + KLD

# %% [markdown]
# ## Generate a digit
# The two coordinates of a point of the latent space give an image.

# %%
def generate_digit(mean, var):
    z_sample = torch.tensor([[mean, var]], dtype=torch.float).to(device)
    x_decoded = model.decode(z_sample)
    digit = x_decoded.detach().cpu().reshape(28, 28)  # reshape vector to 2d array
    plt.figure(figsize=(2, 2))
    plt.title(f"[{mean},{var}]")
    plt.imshow(digit, cmap="gray")
    plt.axis("off")
    plt.show()

# %% [markdown]
# ## Training
# Points for the 8 and the 6 were read off an earlier plot.

# %%
def train(model, optimizer, epochs, device, x_dim=784):
    model.train()
    for epoch in range(epochs):
        overall_loss = 0
        for batch_idx, (x, _) in enumerate(train_loader):
            x = x.view(-1, x_dim).to(device)
            optimizer.zero_grad()
            x_hat, mean, log_var = model(x)
            loss = loss_function(x, x_hat, mean, log_var)
            overall_loss += loss.item()
            loss.backward()
            optimizer.step()
        print("\tEpoch", epoch + 1, "\tAverage Loss: ", overall_loss / len(train_dataset))
        if (epoch + 1) % 10 == 0:
            generate_digit(0.0, 1.0)
            generate_digit(1.0, -0.5)
    return overall_loss


train(model, optimizer, epochs=epochs, device=device)

# %% [markdown]
# ## Visualize the latent space
# With a small and a large scale.

# %%
def plot_latent_space(model, scale=1.0, n=25, digit_size=28, figsize=15):
    # display a n*n 2D manifold of digits
    figure = np.zeros((digit_size * n, digit_size * n))
    grid_x = np.linspace(-scale, scale, n)
    grid_y = np.linspace(-scale, scale, n)[::-1]
    for i, yi in enumerate(grid_y):
        for j, xi in enumerate(grid_x):
            z_sample = torch.tensor([[xi, yi]], dtype=torch.float).to(device)
            x_decoded = model.decode(z_sample)
            digit = x_decoded[0].detach().cpu().reshape(digit_size, digit_size)
            figure[i * digit_size : (i + 1) * digit_size, j * digit_size : (j + 1) * digit_size] = digit
    plt.figure(figsize=(figsize, figsize))
    plt.title("VAE Latent Space Visualization")
    plt.xlabel("mean, z [0]")
    plt.ylabel("var, z [1]")
    plt.imshow(figure, cmap="Greys_r")
    plt.show()


plot_latent_space(model, scale=1.0)
plot_latent_space(model, scale=5.0)

# %% [markdown]
# ## Linear interpolation between 2 random digits
# From one image of the training set to another.

# %%
def linear_interpolation(model, n=8):
    a, b = np.random.choice(len(train_dataset), 2, replace=False)
    x1, x2 = train_dataset[a][0].view(1, 784), train_dataset[b][0].view(1, 784)
    with torch.no_grad():
        z1, _ = model.encode(x1)
        z2, _ = model.encode(x2)
    fig, axes = plt.subplots(1, n, figsize=(n, 1.2))
    for ax, t in zip(axes, np.linspace(0, 1, n)):
        z = (1 - t) * z1 + t * z2
        ax.imshow(model.decode(z.float()).detach().reshape(28, 28), cmap="gray")
        ax.axis("off")
    plt.show()


linear_interpolation(model)
