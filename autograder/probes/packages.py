"""The packages that students import: what the kernel offers, and under which name pip knows the others."""

from __future__ import annotations

_OFFERED = """
IPython ipywidgets matplotlib mpl_toolkits numpy pandas PIL requests scipy seaborn sympy torch torchvision tqdm
"""
OFFERED = frozenset(_OFFERED.split())
"""Top-level modules that the kernel environment has (the extra `kernel`, and what it brings)."""

_SAME = """
accelerate albumentations altair arviz av blackjax bokeh catboost chainer click colorama corner cupy d2l
dask datasets diffusers distrax dython einops emcee evaluate fastai flax ftfy gdown gensim gradio gym
gymnasium h5py hdbscan huggingface_hub imageio jax jaxlib joblib jupyterthemes kaggle keras kornia
librosa lightgbm lightning livelossplot lpips mido mlflow moviepy music21 mxnet networkx nflows nltk
normflows numba numpyro omegaconf onnx open_clip openai opt_einsum optax optuna orbax peft plotly polars
pooch pretty_midi prettytable psutil pyarrow pydot pymc pymc3 pytorch_fid pytorch_lightning
pytorch_msssim ray regex rich sacrebleu safetensors sentence_transformers sentencepiece shap
soundfile spacy statsmodels streamlit tabulate tensorboard tensorboardX tensorflow tensorflow_datasets
tensorflow_hub tensorflow_probability termcolor tf_keras theano tiktoken timm tokenizers torch_ema
torch_fidelity torch_geometric torchaudio torchdata torchdiffeq torchinfo torchmetrics torchsde
torchsummary torchtext torchviz transformers trax trl visdom vit_pytorch wandb wordcloud xformers xgboost
zuko
"""

PIP_NAMES: dict[str, str] = {name: name.replace("_", "-") for name in _SAME.split()} | {
    "bs4": "beautifulsoup4",
    "clip": "openai-clip",
    "cleanfid": "clean-fid",
    "cv2": "opencv-python-headless",
    "denoising_diffusion_pytorch": "denoising-diffusion-pytorch",
    "dotenv": "python-dotenv",
    "haiku": "dm-haiku",
    "hydra": "hydra-core",
    "ignite": "pytorch-ignite",
    "Levenshtein": "levenshtein",
    "ot": "POT",
    "pyro": "pyro-ppl",
    "rouge": "rouge",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "stan": "pystan",
    "umap": "umap-learn",
    "yaml": "PyYAML",
}
"""Top-level module to the name that pip installs it under; a list of what is met, not of all there is."""
