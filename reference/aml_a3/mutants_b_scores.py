"""Typical mistakes with the classifier and the scores: task 5 of part b."""

from __future__ import annotations

from functools import partial

from reference.aml_a3.mutants import Mutant, swap
from reference.aml_a3.mutants import mutant as register

MUTANTS: dict[str, Mutant] = {}

mutant = partial(register, registry=MUTANTS)

# ------------------------------------------------------------------ b5: classifier


@mutant(
    "b5",
    "ends the classifier in a softmax and trains it with the cross-entropy of logits",
    revealed_by="structure",
)
def softmax_twice(source: str) -> str:
    return swap(
        source,
        "logits: Tensor = self.head(self.features(x))",
        "logits: Tensor = torch.softmax(self.head(self.features(x)), dim=1)",
    )


@mutant("b5", "leaves out the ReLU of the second convolution", revealed_by="structure")
def convolution_relu_missing(source: str) -> str:
    return swap(
        source,
        "nn.Conv2d(32, 64, kernel_size=3, stride=1, padding=1), nn.ReLU(),",
        "nn.Conv2d(32, 64, kernel_size=3, stride=1, padding=1),",
    )


@mutant("b5", "uses kernels of 5 x 5", revealed_by="structure")
def kernel_size_wrong(source: str) -> str:
    return swap(
        source,
        "nn.Conv2d(1, 32, kernel_size=3, stride=1, padding=1)",
        "nn.Conv2d(1, 32, kernel_size=5, stride=1, padding=2)",
    )


@mutant("b5", "has 16 and 32 channels", revealed_by="structure")
def channels_halved(source: str) -> str:
    source = swap(source, "nn.Conv2d(1, 32, kernel", "nn.Conv2d(1, 16, kernel")
    source = swap(source, "nn.Conv2d(32, 64, kernel", "nn.Conv2d(16, 32, kernel")
    return swap(source, "nn.Linear(7 * 7 * 64, n_features)", "nn.Linear(7 * 7 * 32, n_features)")


@mutant("b5", "pools by the average", revealed_by="structure")
def average_pooling(source: str) -> str:
    return swap(
        source,
        "nn.Conv2d(1, 32, kernel_size=3, stride=1, padding=1), nn.ReLU(), nn.MaxPool2d(2),",
        "nn.Conv2d(1, 32, kernel_size=3, stride=1, padding=1), nn.ReLU(), nn.AvgPool2d(2),",
    )


@mutant("b5", "has 64 features", revealed_by="structure")
def feature_size_wrong(source: str) -> str:
    return swap(source, "n_features: int = 128", "n_features: int = 64")


@mutant("b5", "takes the ten logits for features", revealed_by="structure")
def logits_as_features(source: str) -> str:
    return swap(source, "torch.cat([model.features(batch) for", "torch.cat([model(batch) for")


@mutant("b5", "trains the classifier with learning rate 0.1", revealed_by="training")
def classifier_learning_rate_wrong(source: str) -> str:
    return swap(
        source,
        "optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)",
        "optimizer = torch.optim.Adam(model.parameters(), lr=1e-1)",
    )


@mutant("b5", "trains the classifier by SGD", revealed_by="training")
def classifier_sgd(source: str) -> str:
    return swap(
        source,
        "optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)",
        "optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)",
    )


@mutant("b5", "trains the classifier on the test images", revealed_by="training")
def classifier_trained_on_test(source: str) -> str:
    return swap(
        source,
        "classifier, images[:N_CLASSIFIER], labels[:N_CLASSIFIER], CLASSIFIER",
        "classifier, test_images, test_labels, CLASSIFIER",
    )


@mutant("b5", "makes the test set without train=False", revealed_by="training")
def test_set_is_training_set(source: str) -> str:
    return swap(source, 'MNIST("data", train=False, download=True)', 'MNIST("data", download=True)')


@mutant("b5", "does not train the classifier", revealed_by="training")
def classifier_untrained(source: str) -> str:
    return swap(source, "labels[:N_CLASSIFIER], CLASSIFIER_EPOCHS, BATCH", "labels[:N_CLASSIFIER], 0, BATCH")


@mutant(
    "b5",
    "does not freeze the classifier",
    "a classifier that is not trained again is as good as frozen",
)
def classifier_not_frozen(source: str) -> str:
    return swap(
        source, "    model.requires_grad_(False)\n    model.eval()\n    return history", "    return history"
    )


# ------------------------------------------------------------------ b5: scores


@mutant("b5", "forgets the exponential of the Inception Score", revealed_by="loss")
def is_without_exp(source: str) -> str:
    return swap(source, "[np.exp(mutual_information(split)) for", "[mutual_information(split) for")


@mutant("b5", "reverses the KL divergence of the Inception Score", revealed_by="loss")
def is_kl_reversed(source: str) -> str:
    return swap(source, "np.sum(p * (np.log(p) - np.log(q)))", "np.sum(q * (np.log(q) - np.log(p)))")


@mutant("b5", "sums the KL divergence in place of averaging it", revealed_by="loss")
def is_kl_summed(source: str) -> str:
    return swap(source, "np.log(q))) / len(probs))", "np.log(q))))")


@mutant("b5", "averages the KL divergence over the classes too", revealed_by="loss")
def is_kl_mean_over_classes(source: str) -> str:
    return swap(source, "np.log(q))) / len(probs))", "np.log(q))) / probs.size)")


@mutant("b5", "takes p(y) to be uniform", revealed_by="loss")
def is_marginal_uniform(source: str) -> str:
    return swap(
        source,
        "np.broadcast_to(probs.mean(axis=0), probs.shape)",
        "np.full(probs.shape, 1.0 / probs.shape[1])",
    )


@mutant("b5", "averages p(y | x) over the wrong axis", revealed_by="loss")
def is_marginal_over_classes(source: str) -> str:
    return swap(
        source, "np.broadcast_to(probs.mean(axis=0), ", "np.broadcast_to(probs.mean(axis=1, keepdims=True), "
    )


@mutant("b5", "takes p(y) over all images in place of the split", revealed_by="loss")
def is_marginal_over_all(source: str) -> str:
    source = swap(
        source,
        "def mutual_information(probs: Array) -> float:",
        "def mutual_information(probs: Array, everything: Array) -> float:",
    )
    source = swap(source, "np.broadcast_to(probs.mean(axis=0), ", "np.broadcast_to(everything.mean(axis=0), ")
    return swap(source, "mutual_information(split)) for", "mutual_information(split, probs)) for")


@mutant("b5", "computes the Inception Score of one split", revealed_by="training")
def is_one_split(source: str) -> str:
    return swap(
        source,
        "class_probabilities(classifier, generated), 10)",
        "class_probabilities(classifier, generated), 1)",
    )


@mutant("b5", "reports the variance over the splits", revealed_by="loss")
def is_variance(source: str) -> str:
    return swap(
        source,
        "float(np.mean(scores)), float(np.std(scores))",
        "float(np.mean(scores)), float(np.var(scores))",
    )


@mutant("b5", "computes the Inception Score from logits", revealed_by="training")
def is_of_logits(source: str) -> str:
    source = swap(
        source,
        "probabilities: Array = torch.softmax(logits.double(), dim=-1).numpy()",
        "probabilities: Array = logits.double().numpy()",
    )
    source = swap(
        source,
        "if probs.ndim != 2 or np.any(probs < 0.0) or not np.allclose(probs.sum(axis=1), 1.0, atol=1e-4):",
        "if probs.ndim != 2:",
    )
    return swap(
        source, "scores = [np.exp(mutual", "probs = np.clip(probs, 1e-8, None)\n    scores = [np.exp(mutual"
    )


@mutant("b5", "leaves the square root out of the Fréchet distance", revealed_by="loss")
def fid_without_root(source: str) -> str:
    return swap(
        source,
        "trace_of_root = np.sum(np.linalg.svd(product, compute_uv=False))",
        "trace_of_root = np.trace(cov_a @ cov_b)",
    )


@mutant("b5", "takes the root of the covariances entry by entry", revealed_by="loss")
def fid_root_by_entry(source: str) -> str:
    return swap(
        source,
        "trace_of_root = np.sum(np.linalg.svd(product, compute_uv=False))",
        "trace_of_root = np.trace(np.sqrt(np.abs(cov_a * cov_b)))",
    )


@mutant("b5", "forgets the factor 2 of the Fréchet distance", revealed_by="loss")
def fid_without_two(source: str) -> str:
    return swap(source, "- 2.0 * trace_of_root", "- trace_of_root")


@mutant("b5", "leaves the covariances out of the Fréchet distance", revealed_by="loss")
def fid_means_only(source: str) -> str:
    return swap(source, " + np.trace(cov_a) + np.trace(cov_b) - 2.0 * trace_of_root", "")


@mutant("b5", "takes absolute differences of the means in place of squares", revealed_by="loss")
def fid_absolute_means(source: str) -> str:
    return swap(
        source, "distance = np.sum((mean_a - mean_b) ** 2)", "distance = np.sum(np.abs(mean_a - mean_b))"
    )


@mutant("b5", "does not square the distance of the means", revealed_by="loss")
def fid_means_not_squared(source: str) -> str:
    return swap(
        source,
        "distance = np.sum((mean_a - mean_b) ** 2)",
        "distance = np.sqrt(np.sum((mean_a - mean_b) ** 2))",
    )


@mutant("b5", "reports the root of the Fréchet distance", revealed_by="loss")
def fid_rooted(source: str) -> str:
    return swap(
        source,
        "return frechet_distance(features_a, features_b)",
        "return float(np.sqrt(frechet_distance(features_a, features_b)))",
    )


@mutant("b5", "takes training images for real ones", revealed_by="training")
def fid_against_training(source: str) -> str:
    return swap(
        source,
        "image_features(classifier, test_images[:1_000])",
        "image_features(classifier, images[:1_000])",
    )


@mutant("b5", "compares with 100 real images", revealed_by="training")
def fid_real_too_few(source: str) -> str:
    return swap(source, "test_images[:1_000])", "test_images[:100])")


@mutant("b5", "scores GAN images in [-1, 1]", revealed_by="training")
def gan_images_not_rescaled(source: str) -> str:
    return swap(source, "gan_generated = to_unit(generate_images(G, ", "gan_generated = (generate_images(G, ")


@mutant("b5", "scores 50 images of each model", revealed_by="training")
def too_few_generated(source: str) -> str:
    source = swap(
        source,
        "vae_generated = generate(vae, torch.randn(100,",
        "vae_generated = generate(vae, torch.randn(50,",
    )
    return swap(source, "generate_images(G, torch.randn(100,", "generate_images(G, torch.randn(50,")


@mutant("b5", "scores reconstructions in place of samples of the VAE", revealed_by="training")
def reconstructions_scored(source: str) -> str:
    return swap(
        source,
        "vae_generated = generate(vae, torch.randn(100, vae.n_latent, generator=rng))",
        "vae_generated = reconstruct(vae, validation_images[:100])",
    )


@mutant("b5", "exchanges the rows of the table", revealed_by="training")
def scores_exchanged(source: str) -> str:
    return swap(
        source,
        '(("VAE", vae_generated), ("GAN", gan_generated))',
        '(("GAN", vae_generated), ("VAE", gan_generated))',
    )


@mutant("b5", "types in scores", revealed_by="training")
def scores_typed(source: str) -> str:
    return swap(
        source,
        'scores[name] = {"is_mean": is_mean, "is_std": is_std, "fid": distance}\n',
        'scores[name] = {"is_mean": is_mean, "is_std": is_std, "fid": distance}\n'
        'scores = {\n    "VAE": {"is_mean": 5.21, "is_std": 0.61, "fid": 251.3},\n'
        '    "GAN": {"is_mean": 5.87, "is_std": 0.52, "fid": 192.7},\n}\n',
    )


@mutant("b5", "shows no table", revealed_by="form")
def table_missing(source: str) -> str:
    source = swap(source, "table = pd.DataFrame(scores).T\n", "")
    source = swap(
        source,
        'table.columns = pd.Index(["IS, mean (higher is better)", "IS, std", "FID (lower is better)"])\n',
        "",
    )
    return swap(source, "print(table.round(3).to_string())\ntable\n", "")
